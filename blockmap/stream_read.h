/* stream_read.h - reads a delta stream, or a relay's batch: bytes go in, sound records come out. Pure.
 *
 * Knows:         stream.h's records, their order, numbers, checksums and bounds.
 * Must not know: where the bytes come from, what is done with a record.
 * Threads:       none; one owner. stream_data_decode: any thread.
 * Errors:        ERR_CORRUPT, naming the record by its number and place in the stream; ERR_LIMIT.
 *
 * Memory: one record, at most STREAM_FRAME_BYTES + STREAM_PAYLOAD_MAX_BYTES.
 */
#ifndef BLOCKMAP_STREAM_READ_H
#define BLOCKMAP_STREAM_READ_H

#include "blockmap/stream.h"

struct stream_record {
    enum stream_kind kind; /* one of those above: others were passed over or refused */
    uint64_t number;
    uint64_t at_bytes;            /* of its frame, from the stream's beginning */
    const unsigned char *payload; /* whole, its checksum right; a view, valid until the next call */
    uint32_t payload_bytes;
};

enum stream_step { STREAM_WANTS, STREAM_RECORD, STREAM_ENDED, STREAM_FAILED };

struct stream_reader;
/* batch: records alone, and no END. disk_bytes: what no record may pass; 0 = as the HEAD says. */
struct stream_reader *stream_reader_new(bool batch, uint64_t disk_bytes, struct err *e);
void stream_reader_free(struct stream_reader *reader); /* NULL is fine */
/* Takes some of the bytes, never more than the record under way needs; 0: next must be called first. */
size_t stream_reader_push(struct stream_reader *reader, const void *bytes, size_t count);
/* Order, numbers, checksums, limits and bounds are checked here: a record that comes out is sound but for
 * what only decompressing tells. */
enum stream_step stream_reader_next(struct stream_reader *reader, struct stream_record *out_record,
                                    struct err *e);
/* No more bytes will come. False: the stream is cut off; names the record that is not whole. */
bool stream_reader_finish(struct stream_reader *reader, struct err *e);

/* Of sound records. Counts are at most the limits above. */
bool stream_head_decode(const struct stream_record *record, struct stream_head *out, struct err *e);
/* clears: this record lists what became zero, not data. Appends. */
bool stream_plan_decode(const struct stream_record *record, bool *out_clears,
                        struct extent_set *set, struct err *e);
uint32_t stream_zero_decode(const struct stream_record *record, struct stream_piece *out_pieces);
uint32_t stream_copy_decode(const struct stream_record *record,
                            struct stream_copy_piece *out_pieces);
/* What a DATA record covers, before it is decompressed. */
uint32_t stream_data_pieces(const struct stream_record *record, struct stream_piece *out_pieces,
                            uint32_t *out_raw_bytes);
/* Any thread. memory has room for raw_bytes; never writes more, whatever the frame claims. Checks the
 * digest of what came out. */
bool stream_data_decode(const struct stream_record *record, void *memory, uint32_t raw_bytes,
                        struct err *e);
bool stream_end_decode(const struct stream_record *record, struct stream_end *out, struct err *e);

/* The last bytes of a file, STREAM_TAIL_BYTES if it has as many: what its END says, as long as nothing before
 * it was looked at. False: there is none. */
#define STREAM_TAIL_BYTES (STREAM_FRAME_BYTES + 8192u)
bool stream_tail_decode(const void *tail, size_t count, struct stream_end *out);

#endif
