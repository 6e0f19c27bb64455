/* journal.h - what is durable, kept in a file, so that the same command again goes on.
 *
 * Knows:         one file of records (blockmap/journal_format.h): opened, locked, read once from its
 *                beginning, then appended to; when records reach the file.
 * Must not know: endpoints, what the records mean to a copy.
 * Threads:       the reactor's. Opening and appending are blocking calls of microseconds (write(2) of a few
 *                KiB); syncs go through the reactor, but for those that journal_begin and the end wait for.
 *
 * Order of use: open; if journal_found, read records with journal_next until it answers JOURNAL_NO_MORE;
 * only then, or after journal_begin, append. A torn tail is cut off before the first append.
 *
 * Two steps, because durable comes before recorded: journal_note puts a record into memory;
 * journal_seal draws a line; journal_write_sealed writes what was noted before the line. A target that
 * answers durably is noted, sealed and written in one turn of the reactor; one that buffers is sealed when
 * its flush begins and written when the flush succeeded. What is noted and never written is dropped.
 */
#ifndef ENGINE_JOURNAL_H
#define ENGINE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "blockmap/journal_format.h"
#include "io/reactor.h"

#define JOURNAL_SYNC_NS         (1ull * 1000000000ull) /* written records are synced this often */
#define JOURNAL_NOTED_MAX_BYTES (4u << 20) /* noted and not written: then journal_is_full */

struct journal;

/* ---- Where ---- */
/* STATE/journals/SHA256(target's identity).journal: the same for every command and job that copies to that
 * target, so that any goes on with what another left. malloc'd; NULL when memory ran out. */
char *journal_default_path(const char *state_folder, const char *target_identity);

/* ---- Life ---- */
/* Opens or makes path (0600, its folder 0700) and locks it: ERR_CONFLICT when another process has it. A
 * file that is no journal is refused, never overwritten. */
struct journal *journal_open(struct reactor *r, const char *path, struct err *e);
/* Syncs what was written and unlocks; what was only noted is dropped. journal_busy must be false. */
void journal_close(struct journal *j); /* NULL is fine */
/* Syncs what was written; until the next append no sync can be under way. journal_busy must be false. */
void journal_rest(struct journal *j);
/* As close, and removes the file: nothing is left to go on with. */
void journal_drop(struct journal *j);

/* ---- Read ---- */
bool journal_found(const struct journal *j); /* a whole header stands in the file */
const struct journal_header *journal_header(const struct journal *j); /* of found or begun */
enum journal_read { JOURNAL_RECORD, JOURNAL_NO_MORE, JOURNAL_FAILED };
/* The next record after the header; a view, valid until the next call. FAILED: *e is set (unreadable,
 * or a whole record that no writer makes: refuse it, never half use it). */
enum journal_read journal_next(struct journal *j, const struct journal_record **out_record,
                               struct err *e);
/* The last record is given again by the next journal_next. */
void journal_unread(struct journal *j);
/* The first record after the header comes next. */
void journal_rewind(struct journal *j);

/* ---- Append ---- */
/* Once one of these failed, all do, with the same error: the copy must end (RETRY_LATER: it may go on later).
 * A note that finds no memory, or a sync that fails, is told by the next of them that can. */

/* Empties the file and writes the header, synced. */
bool journal_begin(struct journal *j, const struct journal_header *header, struct err *e);
/* The same without the syncs: nothing may rest on it before a journal_sync with SYNC_NAME is done. */
bool journal_begin_unsynced(struct journal *j, const struct journal_header *header, struct err *e);
void journal_note_done(struct journal *j, const struct journal_done *done);
bool journal_is_full(const struct journal *j);
void journal_seal(struct journal *j);
bool journal_write_sealed(struct journal *j, struct err *e);
/* Writes one record at once; it overtakes what is noted. */
bool journal_append(struct journal *j, const struct journal_record *record, struct err *e);
/* All that was written before the call survives a power loss when done runs, once, from the reactor, without
 * an error; for the few records that must. SYNC_NAME: so does the file's being there. One at a time. */
enum journal_sync { JOURNAL_SYNC_RECORDS, JOURNAL_SYNC_NAME };
void journal_sync(struct journal *j, enum journal_sync what,
                  void (*done)(void *arg, const struct err *error), void *arg);

/* ---- Look ---- */
const char *journal_path(const struct journal *j);
uint64_t journal_touched_s(const struct journal *j); /* last written to before it was opened */
/* After NO_MORE: bytes behind the last good record, which the first append cuts off. */
uint64_t journal_torn_bytes(const struct journal *j);
uint64_t journal_records_written(const struct journal *j); /* by this process, header included */
/* written runs right after records reached the file, with that count. For tests that end a process there. */
void journal_watch(struct journal *j, void (*written)(void *arg, uint64_t records), void *arg);
bool journal_busy(const struct journal *j); /* a sync is under way, waited for or not */

#endif
