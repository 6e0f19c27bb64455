/* journal_read.c - reads a journal once from its beginning, through a window that slides over the file. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/journal_internal.h"

static bool journal_open_window(struct journal *j, struct err *e)
{
    if (!j->window)
        j->window = malloc(sizeof *j->window);
    return j->window || err_set(e, ERR_LIMIT, RETRY_LATER, "no memory to read a journal");
}

/* Sees to it that the window holds the record at j->end, whatever its length. */
static bool journal_slide(struct journal *j, struct err *e)
{
    size_t used = (size_t)(j->end - j->window_at);
    size_t left = j->window_bytes - used;

    if (left >= JOURNAL_RECORD_MAX_BYTES || j->window_at + j->window_bytes == j->file_bytes)
        return true;
    memmove(j->window->bytes, j->window->bytes + used, left);
    j->window_at = j->end;
    j->window_bytes = left;
    while (j->window_bytes < JOURNAL_WINDOW_BYTES) {
        ssize_t got =
            pread(j->fd, j->window->bytes + j->window_bytes, JOURNAL_WINDOW_BYTES - j->window_bytes,
                  (off_t)(j->window_at + j->window_bytes));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return journal_fail_errno(j, errno, "read", e);
        if (got == 0) {
            j->file_bytes = j->window_at + j->window_bytes;
            break;
        }
        j->window_bytes += (size_t)got;
    }
    return true;
}

static enum journal_decoded journal_decode_next(struct journal *j, struct err *e)
{
    const unsigned char *at = j->window->bytes + (j->end - j->window_at);
    size_t left = j->window_bytes - (size_t)(j->end - j->window_at);
    size_t used = 0;
    enum journal_decoded decoded =
        journal_decode(at, left, &j->salt, j->end, &j->window->record, &used, e);

    if (decoded == JOURNAL_WRONG)
        err_prefix(e, "the journal %.*s cannot be used; remove it to begin again: ",
                   JOURNAL_PATH_SHOWN_BYTES, j->path);
    if (decoded == JOURNAL_WHOLE)
        j->end += used;
    return decoded;
}

void journal_read_end(struct journal *j)
{
    free(j->window);
    j->window = NULL;
    j->appending = true;
}

enum journal_read journal_next(struct journal *j, const struct journal_record **out_record,
                               struct err *e)
{
    if (j->unread) {
        j->unread = false;
        *out_record = &j->window->record;
        return JOURNAL_RECORD;
    }
    if (j->appending)
        return JOURNAL_NO_MORE;
    if (!journal_open_window(j, e) || !journal_slide(j, e))
        return JOURNAL_FAILED;
    switch (journal_decode_next(j, e)) {
    case JOURNAL_WHOLE:
        *out_record = &j->window->record;
        return JOURNAL_RECORD;
    case JOURNAL_WRONG:
        return JOURNAL_FAILED;
    case JOURNAL_TORN:
        break;
    }
    journal_read_end(j);
    return JOURNAL_NO_MORE;
}

void journal_unread(struct journal *j)
{
    assert(!j->unread && !j->appending);
    j->unread = true;
}

void journal_rewind(struct journal *j)
{
    assert(j->noted_bytes == 0);
    if (!j->found)
        return;
    j->unread = false;
    j->appending = false;
    j->end = j->header_end;
    j->window_at = j->end;
    j->window_bytes = 0;
}

static bool all_zero(const unsigned char *bytes, size_t count)
{
    return count == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0);
}

bool journal_look(struct journal *j, struct err *e)
{
    size_t claimed_bytes;

    if (j->file_bytes == 0)
        return true;
    if (!journal_open_window(j, e) || !journal_slide(j, e))
        return false;
    if (!journal_is_ours(j->window->bytes, j->window_bytes)) {
        if (j->file_bytes > JOURNAL_RECORD_MAX_BYTES ||
            !all_zero(j->window->bytes, j->window_bytes))
            return journal_corrupt(j, e, "is not a journal");
        return true;
    }
    switch (journal_decode_next(j, e)) {
    case JOURNAL_WRONG:
        return false;
    case JOURNAL_WHOLE:
        j->found = true;
        j->header = j->window->record.header;
        j->header_end = j->end;
        return true;
    case JOURNAL_TORN:
        break;
    }
    claimed_bytes = journal_claimed_bytes(j->window->bytes, j->window_bytes, 0);
    if (j->file_bytes > JOURNAL_RECORD_MAX_BYTES ||
        (claimed_bytes && claimed_bytes < j->file_bytes))
        return journal_corrupt(j, e, "is a journal whose first record is damaged");
    return true;
}
