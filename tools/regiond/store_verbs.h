/* store_verbs.h - more of store.h's contract: what can be done to one blob as a whole.
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

#endif
