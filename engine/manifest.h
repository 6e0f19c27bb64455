/* manifest.h - a manifest as a file: made while a copy runs, walked while a disk is compared with it.
 *
 * Knows:         blockmap/manifest_format.h over io/whole_file.h.
 * Must not know: copies; which endpoint a hash came from.
 * Threads:       none; one owner. Blocking file I/O, a quarter of a MiB at a time.
 * Errors:        name the file; ERR_CORRUPT for one that is no sound manifest.
 */
#ifndef ENGINE_MANIFEST_H
#define ENGINE_MANIFEST_H

#include <stdbool.h>

#include "blockmap/manifest_format.h"

/* ---- Write: PATH is replaced when all is durable, and untouched until then ----
 * Only a manifest or an empty file is replaced; anything else that is there is refused. */
struct manifest_writer;
struct manifest_writer *manifest_writer_open(const char *path, const struct manifest_head *head,
                                             struct err *e);
/* Could one be written there? Nothing is left behind. */
bool manifest_writer_check(const char *path, struct err *e);
void manifest_writer_close(
    struct manifest_writer *writer); /* NULL is fine; drops what is not whole */
/* As root_sink.blocks has it: in order, with the writer as arg. */
bool manifest_writer_blocks(void *arg, uint64_t first, uint64_t count,
                            const struct block_hash *hashes, struct err *e);
/* After all blocks. Fills what of *end follows from them. */
bool manifest_writer_commit(struct manifest_writer *writer, struct manifest_end *end,
                            struct err *e);

/* ---- Read ---- */
struct manifest_reader;
/* Reads the whole file once (16 bytes for each 64 KiB of the disk's data, at a GB/s or so), so that
 * what is asked for afterwards is of a sound manifest, and stands before its first block. */
struct manifest_reader *manifest_reader_open(const char *path, struct err *e);
void manifest_reader_close(struct manifest_reader *reader); /* NULL is fine */
const struct manifest_head *manifest_reader_head(const struct manifest_reader *reader);
const struct manifest_end *manifest_reader_end(const struct manifest_reader *reader);

/* The next blocks, at most count_max, that are alike in being holes or not; in order, to the disk's end.
 * *out_run is valid until the next call. Not to be called behind the last block. */
bool manifest_reader_next(struct manifest_reader *reader, uint64_t count_max,
                          struct manifest_run *out_run, struct err *e);
/* After the last block: is it still the manifest that was opened? */
bool manifest_reader_finish(struct manifest_reader *reader, struct err *e);
/* Back before the first block. */
bool manifest_reader_rewind(struct manifest_reader *reader, struct err *e);

#endif
