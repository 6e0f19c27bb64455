/* store_parts.h - what the store's own files share; nobody else includes it.
 *
 * Knows:         containers, names, conditions.
 * Must not know: HTTP.
 * Threads:       lock order: blob.write < store.names < blob.state.
 */
#ifndef REGIOND_STORE_PARTS_H
#define REGIOND_STORE_PARTS_H

#include "tools/regiond/blob_change.h"
#include "tools/regiond/blob_state.h"
#include "tools/regiond/inflight.h"
#include "tools/regiond/layer_files.h"
#include "tools/regiond/region_clock.h"
#include "tools/regiond/store.h"

struct container {
    uint64_t id;
    char *account, *name;
    uint64_t changed_ticks;
    struct store_pairs metadata, policies;
    struct blob **blobs; /* by name */
    size_t blob_count, blob_room;
};

struct store {
    int folder_fd, lock_fd; /* set once */
    bool sync;
    bool opening; /* slots still tell what the process before left: they are not to be emptied */
    uint64_t (*now_ticks)(void *);
    void *now_context;
    struct layer_files *files;
    struct inflight *inflight;
    atomic_uint_fast64_t last_ticks, next_blob_id;
    pthread_rwlock_t names;        /* guards what follows */
    struct container **containers; /* by account, then name */
    size_t container_count, container_room;
    uint64_t next_container_id;
};

/* ---- store_common.c ---- */
enum store_result store_result_of_errno(int error);
void store_lock_init(pthread_rwlock_t *lock); /* a stream of readers holds up no writer */
uint64_t store_tick(struct store *store);     /* now, but never the same twice */
void store_stamp_fill(uint64_t changed_ticks, uint64_t sequence_number, struct store_stamp *out);
bool store_pairs_valid(const struct store_pairs *pairs); /* within STORE_PAIRS_BYTES_MAX */
enum store_result store_judge_etag(const struct store_conditions *when, uint64_t changed_ticks,
                                   bool reading);
enum store_result store_judge_write(struct store *store, const struct blob *blob,
                                    const struct store_conditions *when, bool needs_lease);
enum store_result store_judge_lease_read(struct store *store, const struct blob *blob,
                                         const struct store_conditions *when);

/* ---- store_names.c ---- */
enum store_result blob_find(struct store *store, const struct store_key *key, struct blob **out);
enum store_result container_id_of(struct store *store, const struct store_key *key,
                                  uint64_t *out_id);
struct container *container_at(struct store *store, const char *account, const char *name,
                               size_t *out_at); /* names held */
size_t container_blob_at(const struct container *container, const char *name, bool *out_found);
bool container_insert_blob(struct container *container, struct blob *blob); /* names held */
enum store_result blob_publish(struct store *store, const struct store_key *key,
                               struct blob *blob); /* takes a reference of its own */
/* The name goes and the folder becomes ID.gone, together. */
enum store_result blob_unpublish(struct store *store, struct blob *blob);

enum store_result blob_lock(struct store *store, const struct store_key *key,
                            struct blob **out); /* found, base, write held */
void blob_unlock(struct store *store, struct blob *blob);

/* ---- store_container.c ---- */
void container_free(struct container *container); /* not its blobs; NULL is fine */
bool container_insert(struct store *store, struct container *container); /* names held */

/* ---- store_persist.c: containers.json, names held; 0 or an errno ---- */
int store_containers_save(struct store *store);
int store_containers_load(struct store *store); /* makes the file if there is none */
int store_segment_bytes_of(int folder_fd, uint64_t *out_bytes); /* ENOENT: a new folder */

/* ---- store_blob.c ---- */
enum store_result blob_properties(struct store *store, const struct blob *blob,
                                  const struct epoch *snapshot, struct store_properties *out);
enum store_result blob_look(struct store *store, const struct store_key *key,
                            const struct store_conditions *when, struct blob **out,
                            const struct epoch **out_snapshot); /* state held for reading */

/* ---- store_snapshot.c ---- */
enum store_result blob_destroy(struct store *store, struct blob *blob); /* write held */

#endif
