/* event_spool.h - one file in which events wait for whoever they are reported to (event_spool.md).
 *
 * Knows:         the file, its lock, what of it was delivered.
 * Must not know: HTTP, what an event says.
 * Threads:       the reactor's. Making, finding and removing are blocking (small files, before and after);
 *                all the rest runs on the ring. Every done runs once, from the reactor.
 * Errors:        name the file.
 */
#ifndef ENGINE_EVENT_SPOOL_H
#define ENGINE_EVENT_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "engine/spool_format.h"
#include "io/reactor.h"

#define EVENT_SPOOL_MIN_BYTES     (4u << 20) /* a file may always have so much */
#define EVENT_SPOOL_RECLAIM_BYTES (1u << 20) /* so much that was delivered is given back at once */
#define EVENT_SPOOL_FILES_MAX     4096u      /* of one folder that are looked at */

struct event_spool;
typedef void event_spool_done_fn(void *arg, size_t moved, const struct err *error);

/* ---- Life ---- */
/* A file of our own, made and locked. max_bytes: of all files of this key together. */
struct event_spool *event_spool_make(struct reactor *r, const char *folder,
                                     const struct spool_id *id, uint64_t max_bytes, struct err *e);
/* The oldest file of this key that nobody holds; NULL: there is none. What is not a whole file of ours is
 * passed by. */
struct event_spool *event_spool_find(struct reactor *r, const char *folder,
                                     const unsigned char key[SPOOL_KEY_BYTES]);
/* NULL is fine. What is under way ends in later turns of the reactor, its done is not called. remove: when
 * that is over. */
void event_spool_free(struct event_spool *spool, bool remove);
/* The file has no name any more, if that can be; it may still be used. */
bool event_spool_remove(struct event_spool *spool, struct err *e);

/* ---- Use ---- */
/* Whole records at the end; one append at a time, and none during a reset. After an error the end is where it
 * was. bytes stay until done, also if the spool is freed meanwhile: then until the reactor is idle. */
void event_spool_append(struct event_spool *spool, const void *bytes, size_t count,
                        event_spool_done_fn *done, void *arg);
/* What begins at the cursor, at most count bytes and to the end; one read at a time. */
void event_spool_read(struct event_spool *spool, void *memory, size_t count,
                      event_spool_done_fn *done, void *arg);
/* So many bytes more are delivered; the next line has this number at least. Written in the background; what
 * the file then passes is given back to the file system. */
void event_spool_advance(struct event_spool *spool, uint64_t bytes, uint64_t line);
/* Told whenever the file has caught up with it. */
void event_spool_on_marked(struct event_spool *spool, event_spool_done_fn *marked, void *arg);
/* All was delivered and nothing is under way: cuts the file to its head. done: appends may go on. */
void event_spool_reset(struct event_spool *spool, event_spool_done_fn *done, void *arg);
/* What was appended survives a power loss. */
void event_spool_sync(struct event_spool *spool, event_spool_done_fn *done, void *arg);

/* ---- Look ---- */
const char *event_spool_path(const struct event_spool *spool);
const struct spool_id *event_spool_id(const struct event_spool *spool);
uint64_t event_spool_used(const struct event_spool *spool); /* bytes the file takes on the disk */
uint64_t event_spool_waiting(const struct event_spool *spool); /* bytes behind the cursor */
uint64_t event_spool_line(const struct event_spool *spool);    /* of the cursor */
bool event_spool_idle(const struct event_spool *spool);        /* nothing is under way */
uint64_t event_spool_max(const struct event_spool *spool); /* the file may grow to so many bytes */

#endif
