/* spool_format.h - the bytes of a file in which events wait for whoever they are reported to.
 *
 * Knows:         event_spool.md. Bytes in, bytes out.
 * Must not know: files, what an event says.
 * Threads:       any; pure.
 */
#ifndef ENGINE_SPOOL_FORMAT_H
#define ENGINE_SPOOL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"

#define SPOOL_STREAM_BYTES      16u
#define SPOOL_KEY_BYTES         16u
#define SPOOL_HEADER_BYTES      128u /* both cursors included; records begin here */
#define SPOOL_CURSOR_BYTES      32u
#define SPOOL_RECORD_HEAD_BYTES 24u
#define SPOOL_LINE_MAX_BYTES    (16u << 20)

struct spool_id {
    unsigned char stream[SPOOL_STREAM_BYTES]; /* of the lines: who wrote them */
    unsigned char key[SPOOL_KEY_BYTES];       /* whom they are for; says nothing about it */
    uint64_t created_ns;                      /* wall time */
};

struct spool_cursor { /* what was delivered */
    uint64_t turn;    /* grows; the greater of two counts */
    uint64_t offset;  /* of the first record that was not */
    uint64_t line;    /* the number it has at least */
};

struct spool_record {
    uint64_t number; /* of the line in its stream, from 1 on */
    bool progress;
    const char *line; /* view; no newline */
    size_t line_bytes;
};

enum spool_decoded {
    SPOOL_WHOLE,
    SPOOL_SHORT, /* more bytes are needed: out_bytes says how many in all */
    SPOOL_WRONG  /* no record begins here, or it is damaged */
};

/* Header with a cursor at the first record and line 1. */
void spool_header_encode(const struct spool_id *id, unsigned char out_bytes[SPOOL_HEADER_BYTES]);
bool spool_header_decode(const unsigned char bytes[SPOOL_HEADER_BYTES], struct spool_id *out_id,
                         struct spool_cursor *out_cursor, struct err *e);
/* Where in the file these bytes go: the two places take turns. */
uint64_t spool_cursor_encode(const struct spool_id *id, const struct spool_cursor *cursor,
                             unsigned char out_bytes[SPOOL_CURSOR_BYTES]);

/* SPOOL_RECORD_HEAD_BYTES + record->line_bytes. */
size_t spool_record_encode(const struct spool_id *id, const struct spool_record *record,
                           unsigned char *out_bytes);
/* out_bytes: of the whole record, head included. */
enum spool_decoded spool_record_decode(const struct spool_id *id, const unsigned char *bytes,
                                       size_t count, struct spool_record *out_record,
                                       size_t *out_bytes);
/* Makes the checksum of the record at bytes good, for tests; it is whole. */
void spool_record_stamp(const struct spool_id *id, unsigned char *bytes, size_t count);

#endif
