/* blob_change.h - the order in which a change of a blob happens: slot, bytes, record, memory, holes;
 * and a blob out of what its log says.
 *
 * Knows:         the blob's log and files, the slot that outlives a kill.
 * Must not know: which verb it is for, conditions.
 * Threads:       blob->write held, unless said.
 */
#ifndef REGIOND_BLOB_CHANGE_H
#define REGIOND_BLOB_CHANGE_H

#include "tools/regiond/blob_state.h"

/* ---- One change (blob_change.c) ---- */
/* Fills the slot: should we be killed from here on, these pages are looked at. */
bool blob_mark_inflight(struct store *store, struct blob *blob, uint64_t start, uint64_t end);
/* Appends blob->record as it was made; 0 or an errno. */
int blob_log_append(struct store *store, struct blob *blob);
/* Punches what nobody claims nor reads any more; empties the slot if nothing is left to do. */
void blob_settle(struct store *store, struct blob *blob);
void blob_settle_if_idle(struct store *store, struct blob *blob); /* for a reader: holds nothing */
void blob_note_lost(struct store *store, struct blob *blob);      /* the next open must repair it */
void blob_forget_stale_lease(struct store *store, struct blob *blob);
/* Makes holes of all pages in the range that files hold and no run claims; 0 or an errno. */
int blob_repair(struct store *store, struct blob *blob, uint64_t start, uint64_t end);

/* ---- From disk and to it (blob_replay.c, blob_compact.c); 0 or an errno ---- */
int blob_load(struct store *store, uint64_t id, struct blob **out);
int blob_log_create(struct store *store, struct blob *blob); /* in ID.new */
int blob_compact_if_long(struct store *store, struct blob *blob, int folder_fd);

#endif
