/* store_read.c - bytes of a blob or a snapshot, from whichever files hold them. */
#include "tools/regiond/store_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECES_AT_ONCE 32u

struct store_reader {
    struct store *store;
    struct blob *blob;       /* a reference */
    uint64_t snapshot_ticks; /* 0: the base */
    struct segment *span;    /* borrowed for the last span; NULL: none */
    struct extent_walk walk; /* scratch: too big for some stacks */
};

/* Where some bytes are. A borrowed segment keeps them readable whatever happens to the blob. */
struct located {
    struct segment *segment; /* NULL: zero */
    uint64_t within;
    uint64_t length;
};

enum store_result store_reader_open(struct store *store, const struct store_key *key,
                                    const struct store_conditions *when,
                                    struct store_properties *properties, struct store_reader **out)
{
    struct store_reader *reader = calloc(1, sizeof *reader);
    const struct epoch *snapshot;
    enum store_result result;

    if (!reader)
        return STORE_IO;
    reader->store = store;
    result = blob_look(store, key, when, &reader->blob, &snapshot);
    if (result != STORE_OK) {
        free(reader);
        return result;
    }
    reader->snapshot_ticks = snapshot ? snapshot->snapshot_ticks : 0;
    if (properties)
        result = blob_properties(store, reader->blob, snapshot, properties);
    pthread_rwlock_unlock(&reader->blob->state);
    if (result != STORE_OK) {
        blob_release(store, reader->blob);
        free(reader);
        return result;
    }
    *out = reader;
    return STORE_OK;
}

static void give_back_span(struct store_reader *reader)
{
    if (!reader->span)
        return;
    segment_release(reader->store->files, reader->span);
    reader->span = NULL;
    blob_settle_if_idle(reader->store, reader->blob);
}

void store_reader_close(struct store_reader *reader)
{
    if (!reader)
        return;
    give_back_span(reader);
    blob_release(reader->store, reader->blob);
    free(reader);
}

/* State held for reading. */
static enum store_result begin_walk(struct store_reader *reader, uint64_t offset, uint64_t length)
{
    const struct blob *blob = reader->blob;
    const struct epoch *snapshot = NULL;
    uint64_t size_bytes = blob->attributes.size_bytes;

    if (atomic_load(&blob->deleted))
        return STORE_BLOB_NOT_FOUND;
    if (reader->snapshot_ticks) {
        bool found;
        size_t at = blob_snapshot_at(blob, reader->snapshot_ticks, &found);

        if (!found)
            return STORE_SNAPSHOT_NOT_FOUND;
        snapshot = blob->epochs[at];
        size_bytes = snapshot->attributes.size_bytes;
    }
    if (offset > size_bytes || length > size_bytes - offset)
        return STORE_INVALID_RANGE;
    blob_walk_whole(blob, snapshot, offset / STORE_PAGE_BYTES, &reader->walk);
    return STORE_OK;
}

static uint64_t pages_up_to(uint64_t end_bytes)
{
    return (end_bytes + STORE_PAGE_BYTES - 1) / STORE_PAGE_BYTES;
}

/* ---- Into memory ---- */

/* The next pieces of [*offset, end), their segments borrowed while no change can intervene. */
static enum store_result locate(struct store_reader *reader, uint64_t *offset, uint64_t end,
                                struct located *pieces, size_t *out_count)
{
    struct layer_files *files = reader->store->files;
    uint64_t segment_bytes = layer_files_segment_bytes(files), at = *offset;
    enum store_result result;
    struct extent_piece piece;
    size_t count = 0;

    pthread_rwlock_rdlock(&reader->blob->state);
    result = begin_walk(reader, at, end - at);
    while (result == STORE_OK && count < PIECES_AT_ONCE && at < end) {
        uint64_t piece_end;
        bool more = extent_walk_next(&reader->walk, pages_up_to(end), &piece);

        assert(more);
        piece_end = piece.end * STORE_PAGE_BYTES < end ? piece.end * STORE_PAGE_BYTES : end;
        while (at < piece_end && count < PIECES_AT_ONCE) {
            struct located *l = &pieces[count];

            memset(l, 0, sizeof *l);
            l->length = piece_end - at;
            if (piece.value != EXTENT_CLEARED) {
                l->within = at % segment_bytes;
                if (l->length > segment_bytes - l->within)
                    l->length = segment_bytes - l->within;
                if (segment_borrow(files, reader->blob->id, piece.value, at / segment_bytes, false,
                                   &l->segment) != 0) {
                    result = STORE_IO;
                    break;
                }
            }
            at += l->length;
            count++;
        }
    }
    pthread_rwlock_unlock(&reader->blob->state);
    *offset = at;
    *out_count = count;
    return result;
}

static bool read_whole(int fd, unsigned char *bytes, uint64_t length, uint64_t offset)
{
    while (length > 0) {
        ssize_t n = pread(fd, bytes, length, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        offset += (uint64_t)n;
        length -= (uint64_t)n;
    }
    return true;
}

enum store_result store_reader_bytes(struct store_reader *reader, uint64_t offset, void *bytes,
                                     size_t length_bytes)
{
    struct located pieces[PIECES_AT_ONCE];
    uint64_t end = offset + length_bytes;
    unsigned char *at = bytes;
    enum store_result result = STORE_OK;

    if (end < offset)
        return STORE_INVALID_RANGE;
    while (result == STORE_OK && offset < end) {
        size_t count = 0;

        result = locate(reader, &offset, end, pieces, &count);
        for (size_t i = 0; i < count; i++) {
            struct located *l = &pieces[i];

            if (result == STORE_OK && !l->segment)
                memset(at, 0, l->length);
            else if (result == STORE_OK &&
                     !read_whole(segment_fd(l->segment), at, l->length, l->within))
                result = STORE_IO;
            at += l->length;
            segment_release(reader->store->files, l->segment);
        }
    }
    blob_settle_if_idle(reader->store, reader->blob);
    return result;
}

/* ---- From one file ---- */

/* What all pages of the range have in common. A page never written is a hole in every file of the
 * view: a file's pages are claimed in one epoch, and the view folds that epoch. A page cleared
 * later is not: the file below still has it for an older snapshot. */
static enum store_span_kind look_for_one(struct store_reader *reader, uint64_t end,
                                         uint32_t *out_file)
{
    struct extent_piece piece;
    uint32_t file = EXTENT_CLEARED;
    bool cleared = false;

    while (extent_walk_next(&reader->walk, pages_up_to(end), &piece)) {
        if (!piece.there)
            continue;
        if (piece.value == EXTENT_CLEARED)
            cleared = true;
        else if (file != EXTENT_CLEARED && file != piece.value)
            return STORE_SPAN_MIXED;
        else
            file = piece.value;
        if (cleared && file != EXTENT_CLEARED)
            return STORE_SPAN_MIXED;
    }
    *out_file = file;
    return file == EXTENT_CLEARED ? STORE_SPAN_ZERO : STORE_SPAN_FILE;
}

enum store_result store_reader_span(struct store_reader *reader, uint64_t offset,
                                    uint64_t length_bytes, struct store_span *out)
{
    struct layer_files *files = reader->store->files;
    uint64_t segment_bytes = layer_files_segment_bytes(files);
    struct store_span span = {.kind = STORE_SPAN_MIXED, .fd = -1};
    enum store_result result;
    uint32_t file = EXTENT_CLEARED;

    give_back_span(reader);
    pthread_rwlock_rdlock(&reader->blob->state);
    result = begin_walk(reader, offset, length_bytes);
    if (result == STORE_OK && length_bytes > 0)
        span.kind = look_for_one(reader, offset + length_bytes, &file);
    if (span.kind == STORE_SPAN_FILE &&
        (atomic_load(&reader->blob->has_pending) ||
         offset / segment_bytes != (offset + length_bytes - 1) / segment_bytes))
        span.kind = STORE_SPAN_MIXED;
    if (span.kind == STORE_SPAN_FILE) {
        if (segment_borrow(files, reader->blob->id, file, offset / segment_bytes, false,
                           &reader->span) == 0) {
            span.fd = segment_fd(reader->span);
            span.file_offset = offset % segment_bytes;
        } else {
            result = STORE_IO;
        }
    }
    pthread_rwlock_unlock(&reader->blob->state);
    if (result == STORE_OK)
        *out = span;
    return result;
}
