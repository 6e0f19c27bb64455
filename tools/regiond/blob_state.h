/* blob_state.h - one blob in memory: its epochs, and what a write and a clear do to them.
 *
 * Knows:         extents of pages, epochs, snapshots, which file's pages nobody claims any more.
 * Must not know: names, conditions, when a record is logged or a hole punched.
 * Threads:       a mutator holds blob->write from judging its conditions until its change is
 *                applied, and blob->state only while it applies it. So whoever holds `write` may
 *                read everything of the blob, and readers, holding `state`, wait for no disk.
 */
#ifndef REGIOND_BLOB_STATE_H
#define REGIOND_BLOB_STATE_H

#include "tools/regiond/blob_log.h"
#include "tools/regiond/extent_walk.h"
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

/* ---- Life ---- */
struct blob *blob_new(struct store *store, uint64_t id, uint64_t container_id, const char *name);
void blob_release(struct store *store, struct blob *blob); /* NULL is fine */
struct epoch *epoch_new(uint32_t generation, uint32_t file);
void epoch_free(struct epoch *epoch);
bool epoch_add_file(struct epoch *epoch, uint32_t file);
bool blob_push_epoch(struct blob *blob, struct epoch *epoch); /* takes it, on success */

/* ---- Changes; write and state held, or the blob not yet seen by others ---- */
bool blob_reserve(struct blob *blob); /* for one write or clear; no apply fails after it */
void blob_apply_write(struct blob *blob, uint64_t start, uint64_t end);
void blob_apply_clear(struct blob *blob, uint64_t start, uint64_t end);
void blob_note_dead(struct blob *blob, uint32_t file, uint64_t start, uint64_t end);

/* ---- Look; write or state held ---- */
struct epoch *blob_open_epoch(const struct blob *blob);
const struct extent_index *blob_view(const struct blob *blob); /* of the base */
bool blob_epoch_is_first(const struct blob *blob, size_t at);  /* oldest of its generation */
/* Where the snapshot is among the epochs, or where it would be. */
size_t blob_snapshot_at(const struct blob *blob, uint64_t ticks, bool *out_found);
size_t blob_first_of_generation(const struct blob *blob, size_t at);
/* Adds epochs newest, newest - 1, ... oldest, all of one generation. */
void blob_walk_epochs(const struct blob *blob, size_t newest, size_t oldest,
                      struct extent_walk *walk);
/* Base (snapshot NULL) or snapshot, newest epoch on top. */
void blob_walk_whole(const struct blob *blob, const struct epoch *snapshot, uint64_t from,
                     struct extent_walk *out);

/* ---- Attributes and leases as values (blob_attributes.c, store_lease.c) ---- */
bool attributes_copy(struct attributes *target, const struct attributes *source);
void attributes_fini(struct attributes *attributes);
void attributes_encode(struct log_record *record, const struct attributes *attributes);
bool attributes_decode(struct log_view *view, struct attributes *out);
enum store_lease_state lease_state_at(const struct lease *lease, uint64_t now_ticks);
void lease_encode(struct log_record *record, const struct lease *lease);
bool lease_decode(struct log_view *view, struct lease *out);

#endif
