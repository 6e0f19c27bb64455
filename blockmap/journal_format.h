/* journal_format.h - the records of a journal as bytes: pure encoding and decoding.
 *
 * Knows:         journal_format.md (framing, checksums, every record), nothing else.
 * Must not know: files, when a record is durable, what a copy does with it. Threads: none; values.
 * Errors:        ERR_CORRUPT for a record that is whole but wrong; a torn tail is no error.
 */
#ifndef BLOCKMAP_JOURNAL_FORMAT_H
#define BLOCKMAP_JOURNAL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "blockmap/journal_record.h"

#define JOURNAL_RECORD_MAX_BYTES (96u << 10)
#define JOURNAL_DONE_MAX_BYTES   1152u

/* ---- Bytes ----
 * A record is encoded without its checksum, because its place in the file is known only when it is
 * written; journal_stamp then sets it. salt: random, of the file (before its first record); offset: of
 * the record in the file. Both go into the checksum, so that no record of another journal or place is
 * ever taken for one of this. */
size_t journal_encode(const struct journal_record *record,
                      unsigned char out_bytes[JOURNAL_RECORD_MAX_BYTES]);
/* The same for a JOURNAL_DONE, without the large struct. */
size_t journal_encode_done(const struct journal_done *done,
                           unsigned char out_bytes[JOURNAL_DONE_MAX_BYTES]);
/* Checksums of the whole records that bytes are, the first of which will stand at offset. */
void journal_stamp(unsigned char *bytes, size_t count, uint64_t salt, uint64_t offset);

enum journal_decoded { JOURNAL_WHOLE, JOURNAL_TORN, JOURNAL_WRONG };

/* WHOLE: *out_record and *out_used are set. TORN: the bytes end within the record, or its checksum does
 * not match (what a crash leaves at the end). WRONG: whole by its checksum, but of another version or
 * with values no writer makes; *e says which. For the first record (offset 0) *salt is set from it. */
enum journal_decoded journal_decode(const unsigned char *bytes, size_t count, uint64_t *salt,
                                    uint64_t offset, struct journal_record *out_record,
                                    size_t *out_used, struct err *e);

/* The file begins as a journal does, or is cut before one can tell. */
bool journal_is_ours(const unsigned char *bytes, size_t count);
/* Bytes the record that begins here claims to have; 0 when count is too few to tell. */
size_t journal_claimed_bytes(const unsigned char *bytes, size_t count, uint64_t offset);

#endif
