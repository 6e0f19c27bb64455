/* store_parts.h - what the store's own files share; nobody else includes it.
 *
 * Lock order: blob.write < store.names < blob.state. A mutator holds blob.write from judging its
 * conditions until its change is applied, and blob.state only while it applies it; so whoever
 * holds blob.write may read everything of the blob, and readers wait for no disk.
 */
#ifndef REGIOND_STORE_PARTS_H
#define REGIOND_STORE_PARTS_H

#include "tools/regiond/blob_log.h"
#include "tools/regiond/extent_walk.h"
#include "tools/regiond/inflight.h"
#include "tools/regiond/layer_files.h"
#include "tools/regiond/region_clock.h"
#include "tools/regiond/store.h"

#include <pthread.h>
#include <stdatomic.h>

/* What a base has and a snapshot keeps. */
struct attributes {
    enum store_kind kind;
    uint64_t size_bytes, sequence_number;
    uint64_t changed_ticks, created_ticks; /* changed_ticks is the ETag too */
    struct store_pairs metadata, headers;
};

struct lease {
    enum store_lease_state state; /* as of the last call; lease_state_at() knows the time */
    char id[STORE_LEASE_ID_BYTES];
    int32_t duration_s; /* -1: for ever */
    uint64_t until_ticks;
};

/* What was written and cleared between two snapshots (or since the last): the true difference.
 * A file's pages are claimed by one epoch only; deleting a snapshot folds its epoch, claims and
 * files, into the next newer one. */
struct epoch {
    uint32_t generation;      /* put anew, a blob begins the next one; epochs of two never mix */
    struct extent_index runs; /* in the oldest epoch of a generation nothing is marked cleared */
    uint32_t *files;          /* those its runs may name */
    size_t file_count;
    uint64_t snapshot_ticks;      /* 0: the open epoch, always the last */
    struct attributes attributes; /* the snapshot's */
};

struct pending_punch { /* pages of a file that nobody claims any more, not yet made holes */
    uint32_t file;
    uint64_t start, end;
};

struct blob {
    uint64_t id, container_id; /* set once */
    char *name;
    uint32_t slot; /* in the inflight table */
    atomic_uint ref_count;
    atomic_bool deleted;
    atomic_bool has_pending; /* while set, a hole of a file may hold old bytes */
    pthread_mutex_t write;
    pthread_rwlock_t state; /* guards what follows against readers */
    struct attributes attributes;
    struct lease lease;
    struct epoch **epochs; /* oldest first; the last is open */
    size_t epoch_count, epoch_room;
    struct extent_index view; /* the base, all epochs folded; unused while the open epoch is the
                                 oldest of its generation: then its runs are the view */
    uint32_t generation, current_file, next_file;
    struct log_record record; /* from here on: guarded by write alone */
    uint64_t log_bytes;
    bool broken; /* the log could not be brought back to a known state: no more changes */
    bool replaying;
    struct pending_punch *pending;
    size_t pending_count, pending_room;
    bool pending_lost; /* something to punch could not be noted: the next open finds it */
};

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
bool attributes_copy(struct attributes *target, const struct attributes *source);
void attributes_fini(struct attributes *attributes);
void attributes_encode(struct log_record *record, const struct attributes *attributes);
bool attributes_decode(struct log_view *view, struct attributes *out);

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

/* ---- store_container.c ---- */
void container_free(struct container *container); /* not its blobs; NULL is fine */
bool container_insert(struct store *store, struct container *container); /* names held */

/* ---- store_persist.c: containers.json, names held; 0 or an errno ---- */
int store_containers_save(struct store *store);
int store_containers_load(struct store *store); /* makes the file if there is none */
int store_segment_bytes_of(int folder_fd, uint64_t *out_bytes); /* ENOENT: a new folder */

/* ---- blob_state.c: a blob in memory, and what each record does to it ---- */
struct blob *blob_new(struct store *store, uint64_t id, uint64_t container_id, const char *name);
void blob_release(struct store *store, struct blob *blob); /* NULL is fine */
struct epoch *blob_open_epoch(const struct blob *blob);
const struct extent_index *blob_view(const struct blob *blob);
bool blob_epoch_is_first(const struct blob *blob, size_t at); /* oldest of its generation */
struct epoch *epoch_new(uint32_t generation, uint32_t file);
void epoch_free(struct epoch *epoch);
bool epoch_add_file(struct epoch *epoch, uint32_t file);
bool blob_push_epoch(struct blob *blob, struct epoch *epoch); /* takes it, on success */
bool blob_reserve(struct blob *blob); /* for one write or clear; no apply fails after it */
void blob_apply_write(struct blob *blob, uint64_t start, uint64_t end);
void blob_apply_clear(struct blob *blob, uint64_t start, uint64_t end);
size_t blob_snapshot_at(const struct blob *blob, uint64_t ticks, bool *out_found);
void blob_note_dead(struct blob *blob, uint32_t file, uint64_t start, uint64_t end);

/* ---- blob_fold.c: epochs come and go ---- */
struct blob_seal { /* made before the record is logged, used up by apply */
    struct epoch *next;
    struct extent_index view;
    struct attributes attributes;
};
bool blob_seal_prepare(struct blob *blob, const struct attributes *attributes,
                       struct blob_seal *out);
void blob_seal_fini(struct blob_seal *seal);
void blob_apply_seal(struct blob *blob, struct blob_seal *take, uint64_t ticks);
struct blob_fold {
    struct extent_index runs;
    uint32_t *files, *dead_files;
    size_t file_count, dead_count;
};
bool blob_fold_prepare(struct blob *blob, size_t at, struct blob_fold *out);
void blob_fold_fini(struct blob_fold *fold);
/* fold->dead_files are the caller's to remove. */
void blob_apply_fold(struct blob *blob, size_t at, struct blob_fold *fold);
struct blob_renewal {
    struct epoch *next;
    struct attributes attributes;
};
bool blob_renewal_prepare(const struct blob *blob, const struct attributes *attributes,
                          uint64_t pages, struct blob_renewal *out);
void blob_renewal_fini(struct blob_renewal *renewal);
/* Returns the epoch that is no more, its files the caller's to remove. */
struct epoch *blob_apply_renewal(struct blob *blob, struct blob_renewal *take);

/* ---- blob_change.c: log, then apply, then punch ---- */
int blob_log_append(struct store *store, struct blob *blob); /* blob->record, ended or not */
bool blob_mark_inflight(struct store *store, struct blob *blob, uint64_t start, uint64_t end);
void blob_note_lost(struct store *store, struct blob *blob); /* the next open must repair it */
void blob_settle(struct store *store, struct blob *blob);    /* punches what can be, empties slot */
void blob_settle_if_idle(struct store *store, struct blob *blob); /* from a reader */
int blob_repair(struct store *store, struct blob *blob, uint64_t start, uint64_t end);
void blob_forget_stale_lease(struct store *store, struct blob *blob); /* after a change */
enum store_result blob_lock(struct store *store, const struct store_key *key,
                            struct blob **out); /* found, base, write held */
void blob_unlock(struct store *store, struct blob *blob);

/* ---- blob_replay.c ---- */
int blob_load(struct store *store, uint64_t id, struct blob **out);
int blob_log_create(struct store *store, struct blob *blob); /* into ID.new */

/* ---- store_lease.c ---- */
enum store_lease_state lease_state_at(const struct lease *lease, uint64_t now_ticks);
void lease_encode(struct log_record *record, const struct lease *lease);
bool lease_decode(struct log_view *view, struct lease *out);

/* ---- store_blob.c ---- */
enum store_result blob_properties(struct store *store, const struct blob *blob,
                                  const struct epoch *snapshot, struct store_properties *out);
enum store_result blob_look(struct store *store, const struct store_key *key,
                            const struct store_conditions *when, struct blob **out,
                            const struct epoch **out_snapshot); /* state held for reading */

/* ---- store_ranges.c: state held; newest epoch on top ---- */
void blob_walk_whole(const struct blob *blob, const struct epoch *snapshot, uint64_t from,
                     struct extent_walk *out);

/* ---- store_snapshot.c ---- */
enum store_result blob_destroy(struct store *store, struct blob *blob); /* write held */

#endif
