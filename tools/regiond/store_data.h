/* store_data.h - more of store.h's contract: pages, ranges, bytes.
 *
 * Include store.h, which includes this.
 */
#ifndef REGIOND_STORE_DATA_H
#define REGIOND_STORE_DATA_H

/* ---- Pages: offset and length in bytes, multiples of 512, inside the blob ---- */
enum store_result store_pages_write(struct store *store, const struct store_key *key,
                                    const struct store_conditions *when, uint64_t offset,
                                    const void *bytes, uint64_t length_bytes,
                                    struct store_stamp *out);
enum store_result store_pages_clear(struct store *store, const struct store_key *key,
                                    const struct store_conditions *when, uint64_t offset,
                                    uint64_t length_bytes, struct store_stamp *out);

/* ---- Ranges ---- */
struct store_range {
    uint64_t start, end; /* bytes, end exclusive */
    bool clear;          /* a ClearRange; only in a diff */
};
struct store_range_query {
    const char *previous; /* snapshot time: the diff since it; NULL: what is allocated */
    uint64_t from, to;    /* bytes; clipped to the blob. The next page has from = next */
};
struct store_range_page {
    size_t count;
    bool more;
    uint64_t next;                      /* where the next page begins, if more */
    struct store_properties properties; /* of the blob listed; fini it. Valid on STORE_OK */
};
/* Sorted, disjoint, neighbours of one kind merged. Fills at most items_max (> 0) entries. */
enum store_result store_ranges(struct store *store, const struct store_key *key,
                               const struct store_conditions *when,
                               const struct store_range_query *query, struct store_range *items,
                               size_t items_max, struct store_range_page *out);

/* ---- Reading: open, look, move bytes, close ---- */
/* properties may be NULL; else as store_blob_get, taken at the same instant. */
enum store_result store_reader_open(struct store *store, const struct store_key *key,
                                    const struct store_conditions *when,
                                    struct store_properties *properties, struct store_reader **out);
void store_reader_close(struct store_reader *reader); /* NULL is fine */

/* Any bytes inside the blob, into memory; one reader is one thread's at a time.
 * SNAPSHOT_NOT_FOUND / BLOB_NOT_FOUND if it was deleted meanwhile, INVALID_RANGE if shrunk. */
enum store_result store_reader_bytes(struct store_reader *reader, uint64_t offset, void *bytes,
                                     size_t length_bytes);

enum store_span_kind {
    STORE_SPAN_MIXED, /* several files or a segment's edge: use store_reader_bytes */
    STORE_SPAN_ZERO,  /* nothing written there */
    STORE_SPAN_FILE,  /* fd at file_offset holds exactly these bytes, holes included */
};
struct store_span {
    enum store_span_kind kind;
    int fd; /* borrowed: dup() it for one who closes it, and keep the reader open until sent */
    uint64_t file_offset;
};
/* At most one span may be asked for at a time: the next call gives back the fd of the last. */
enum store_result store_reader_span(struct store_reader *reader, uint64_t offset,
                                    uint64_t length_bytes, struct store_span *out);

#endif
