/* blob_log.c - records to bytes and back, through one window over the file. */
#include "tools/regiond/blob_log.h"

#include "io/crc64.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WINDOW_BYTES (1u << 20)
_Static_assert(WINDOW_BYTES > 2 * (LOG_PAYLOAD_BYTES + LOG_HEADER_BYTES), "a record fits");

static void put_u32(unsigned char *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

static void put_u64(unsigned char *at, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

static uint32_t get_u32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t get_u64(const unsigned char *at)
{
    return (uint64_t)get_u32(at) | (uint64_t)get_u32(at + 4) << 32;
}

static uint64_t crc_of(const unsigned char *record, size_t payload_bytes)
{
    uint64_t crc = crc64_update(0, record, 8);

    return crc64_update(crc, record + LOG_HEADER_BYTES, payload_bytes);
}

/* ---- Writing ---- */

static unsigned char *room_for(struct log_record *record, size_t bytes)
{
    size_t room = record->room ? record->room : 256;
    unsigned char *at;

    if (record->failed)
        return NULL;
    if (bytes > LOG_PAYLOAD_BYTES + LOG_HEADER_BYTES - record->used) {
        record->failed = true;
        return NULL;
    }
    while (room < record->used + bytes)
        room *= 2;
    if (room != record->room) {
        at = realloc(record->bytes, room);
        if (!at) {
            record->failed = true;
            return NULL;
        }
        record->bytes = at;
        record->room = room;
    }
    at = record->bytes + record->used;
    record->used += bytes;
    return at;
}

void log_record_begin(struct log_record *record, enum log_type type)
{
    unsigned char *at;

    record->used = 0;
    record->failed = false;
    at = room_for(record, LOG_HEADER_BYTES);
    if (at) {
        memset(at, 0, LOG_HEADER_BYTES);
        put_u32(at + 4, (uint32_t)type);
    }
}

void log_record_u32(struct log_record *record, uint32_t value)
{
    unsigned char *at = room_for(record, 4);

    if (at)
        put_u32(at, value);
}

void log_record_u64(struct log_record *record, uint64_t value)
{
    unsigned char *at = room_for(record, 8);

    if (at)
        put_u64(at, value);
}

void log_record_text(struct log_record *record, const char *text)
{
    size_t bytes = strlen(text);
    unsigned char *at;

    if (bytes > LOG_PAYLOAD_BYTES) {
        record->failed = true;
        return;
    }
    log_record_u32(record, (uint32_t)bytes);
    at = room_for(record, bytes);
    if (at)
        memcpy(at, text, bytes);
}

void log_record_pairs(struct log_record *record, const struct store_pairs *pairs)
{
    log_record_u32(record, (uint32_t)pairs->count);
    for (size_t i = 0; i < pairs->count; i++) {
        log_record_text(record, pairs->items[i].name);
        log_record_text(record, pairs->items[i].value);
    }
}

bool log_record_end(struct log_record *record)
{
    size_t payload_bytes;

    if (record->failed)
        return false;
    payload_bytes = record->used - LOG_HEADER_BYTES;
    put_u32(record->bytes, (uint32_t)payload_bytes);
    put_u64(record->bytes + 8, crc_of(record->bytes, payload_bytes));
    return true;
}

void log_record_fini(struct log_record *record)
{
    free(record->bytes);
    memset(record, 0, sizeof *record);
}

/* ---- Reading ---- */

static const unsigned char *take(struct log_view *view, size_t bytes)
{
    const unsigned char *at = view->at;

    if (view->failed || bytes > (size_t)(view->end - view->at)) {
        view->failed = true;
        return NULL;
    }
    view->at += bytes;
    return at;
}

uint32_t log_view_u32(struct log_view *view)
{
    const unsigned char *at = take(view, 4);

    return at ? get_u32(at) : 0;
}

uint64_t log_view_u64(struct log_view *view)
{
    const unsigned char *at = take(view, 8);

    return at ? get_u64(at) : 0;
}

char *log_view_text(struct log_view *view)
{
    uint32_t bytes = log_view_u32(view);
    const unsigned char *at = take(view, bytes);
    char *text = at ? malloc((size_t)bytes + 1) : NULL;

    if (!text) {
        view->failed = true;
        return NULL;
    }
    memcpy(text, at, bytes);
    text[bytes] = '\0';
    return text;
}

bool log_view_pairs(struct log_view *view, struct store_pairs *out)
{
    uint32_t count = log_view_u32(view);
    struct store_pairs pairs = {0};

    for (uint32_t i = 0; i < count && !view->failed; i++) {
        char *name = log_view_text(view);
        char *value = log_view_text(view);

        if (!name || !value || !store_pairs_add(&pairs, name, value))
            view->failed = true;
        free(name);
        free(value);
    }
    if (view->failed) {
        store_pairs_fini(&pairs);
        return false;
    }
    *out = pairs;
    return true;
}

bool log_view_done(const struct log_view *view)
{
    return !view->failed && view->at == view->end;
}

struct window {
    int fd;
    unsigned char *bytes;
    size_t used;       /* of bytes */
    size_t at;         /* the next record */
    uint64_t file_off; /* of bytes[0] */
    bool ended;
};

/* Makes at least `wanted` bytes present from `at` on, unless the file ends before. */
static int fill(struct window *w, size_t wanted)
{
    if (w->used - w->at >= wanted || w->ended)
        return 0;
    memmove(w->bytes, w->bytes + w->at, w->used - w->at);
    w->file_off += w->at;
    w->used -= w->at;
    w->at = 0;
    while (w->used < WINDOW_BYTES) {
        ssize_t n = pread(w->fd, w->bytes + w->used, WINDOW_BYTES - w->used,
                          (off_t)(w->file_off + w->used));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if (n == 0) {
            w->ended = true;
            break;
        }
        w->used += (size_t)n;
    }
    return 0;
}

/* One record at w->at: 1 whole, 0 none or torn, or -errno. */
static int next_record(struct window *w, uint32_t *out_type, struct log_view *out)
{
    const unsigned char *record;
    size_t payload_bytes, left;
    int error = fill(w, LOG_HEADER_BYTES + LOG_PAYLOAD_BYTES);

    if (error)
        return -error;
    left = w->used - w->at;
    record = w->bytes + w->at;
    if (left < LOG_HEADER_BYTES)
        return 0;
    payload_bytes = get_u32(record);
    if (payload_bytes > LOG_PAYLOAD_BYTES)
        return -EBADMSG;
    if (left < LOG_HEADER_BYTES + payload_bytes)
        return 0;
    if (get_u64(record + 8) != crc_of(record, payload_bytes))
        return left == LOG_HEADER_BYTES + payload_bytes ? 0 : -EBADMSG;
    *out_type = get_u32(record + 4);
    out->at = record + LOG_HEADER_BYTES;
    out->end = out->at + payload_bytes;
    out->failed = false;
    w->at += LOG_HEADER_BYTES + payload_bytes;
    return 1;
}

int blob_log_replay(int fd, log_seen_fn *seen, void *context, uint64_t *out_good_bytes)
{
    struct window w = {.fd = fd, .bytes = malloc(WINDOW_BYTES)};
    struct log_view view;
    uint32_t type = 0;
    int rc;

    if (!w.bytes)
        return ENOMEM;
    while ((rc = next_record(&w, &type, &view)) == 1) {
        rc = -seen(context, type, &view);
        if (rc != 0)
            break;
    }
    if (rc == 0)
        *out_good_bytes = w.file_off + w.at;
    free(w.bytes);
    return -rc;
}
