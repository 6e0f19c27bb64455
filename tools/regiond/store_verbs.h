/* store_verbs.h - the second half of store.h's contract: what can be done to one blob.
 *
 * Include store.h, which includes this. The key names the blob; verbs that change something
 * take a base (key->snapshot NULL) unless they say otherwise. `when` may be NULL.
 */
#ifndef REGIOND_STORE_VERBS_H
#define REGIOND_STORE_VERBS_H

/* ---- Blobs ---- */
struct store_new_blob {
    enum store_kind kind;
    uint64_t size_bytes; /* page blob: a multiple of 512. Block blob: the length of `body` */
    uint64_t sequence_number;
    const void *body;                             /* block blob only, kept whole */
    const struct store_pairs *metadata, *headers; /* NULL: none; copied */
};
/* Creates, or replaces: all pages zero, snapshots stay, a diff across this point is OVERWRITTEN. */
enum store_result store_blob_put(struct store *store, const struct store_key *key,
                                 const struct store_conditions *when,
                                 const struct store_new_blob *blob, struct store_stamp *out);

enum store_delete { STORE_DELETE_BASE, STORE_DELETE_INCLUDE, STORE_DELETE_ONLY_SNAPSHOTS };
/* A key with a snapshot deletes that one (what: BASE). BASE while snapshots exist: PRESENT. */
enum store_result store_blob_delete(struct store *store, const struct store_key *key,
                                    const struct store_conditions *when, enum store_delete what);

/* Base or snapshot. A read: NOT_MODIFIED is possible. Fini the properties. */
enum store_result store_blob_get(struct store *store, const struct store_key *key,
                                 const struct store_conditions *when, struct store_properties *out);
enum store_result store_blob_set_metadata(struct store *store, const struct store_key *key,
                                          const struct store_conditions *when,
                                          const struct store_pairs *metadata,
                                          struct store_stamp *out);

enum store_sequence_action {
    STORE_SEQUENCE_KEEP,
    STORE_SEQUENCE_MAX,
    STORE_SEQUENCE_UPDATE,
    STORE_SEQUENCE_INCREMENT,
};
struct store_change { /* Set Blob Properties: what is set changes, in one step */
    bool resize;
    uint64_t size_bytes;
    enum store_sequence_action sequence_action;
    uint64_t sequence_number;          /* for MAX and UPDATE */
    const struct store_pairs *headers; /* NULL: keep; else replaces all of them */
};
enum store_result store_blob_change(struct store *store, const struct store_key *key,
                                    const struct store_conditions *when,
                                    const struct store_change *change, struct store_stamp *out);

/* metadata NULL: the base's is copied. The base's ETag stays. out_stamp is the base's. */
enum store_result store_blob_snapshot(struct store *store, const struct store_key *key,
                                      const struct store_conditions *when,
                                      const struct store_pairs *metadata,
                                      char out_snapshot[STORE_SNAPSHOT_BYTES],
                                      struct store_stamp *out_stamp);

enum store_lease_action {
    STORE_LEASE_ACQUIRE,
    STORE_LEASE_RENEW,
    STORE_LEASE_CHANGE,
    STORE_LEASE_RELEASE,
    STORE_LEASE_BREAK,
};
struct store_lease_request {
    enum store_lease_action action;
    const char *lease_id;    /* renew, change, release */
    const char *proposed_id; /* acquire (NULL: the store makes one), change */
    int32_t duration_s;      /* acquire: 15..60, or -1 for ever */
    int32_t break_period_s;  /* break: 0..60, or -1 when not given */
};
struct store_lease_answer {
    char lease_id[STORE_LEASE_ID_BYTES]; /* after acquire, renew, change */
    uint32_t remaining_s;                /* after break */
    struct store_stamp stamp;            /* unchanged by a lease */
};
enum store_result store_blob_lease(struct store *store, const struct store_key *key,
                                   const struct store_conditions *when,
                                   const struct store_lease_request *request,
                                   struct store_lease_answer *out);

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
