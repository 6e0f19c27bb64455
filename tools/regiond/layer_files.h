/* layer_files.h - the files below a store's folder: sparse segments of layers, opened when needed.
 *
 * A layer file is identity-mapped (offset in the blob = offset in the layer) and cut into segments
 * of one size, so that 32 TiB of it fit a file system whose files end at 16. A segment that was
 * never written does not exist. At most `idle_max` descriptors nobody uses stay open.
 *
 * Knows:         blobs/BLOB/LAYER.SEGMENT, descriptors, holes.
 * Must not know: extents, snapshots, which page is claimed by whom.
 * Threads:       any. A borrowed segment stays open and readable, even when unlinked, until given
 *                back. Results are 0 or an errno.
 */
#ifndef REGIOND_LAYER_FILES_H
#define REGIOND_LAYER_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAYER_LOG 0u /* a blob's log is borrowed like a layer: file 0, segment 0 */

struct layer_files;
struct segment;

/* ---- Life: folder_fd is borrowed for the lifetime ---- */
struct layer_files *layer_files_open(int folder_fd, uint64_t segment_bytes, uint32_t idle_max,
                                     bool sync);
void layer_files_close(struct layer_files *files); /* NULL is fine */
uint64_t layer_files_segment_bytes(const struct layer_files *files);

/* ---- Borrowing ---- */
int segment_borrow(struct layer_files *files, uint64_t blob, uint32_t file, uint64_t number,
                   bool create, struct segment **out); /* ENOENT: never written */
void segment_release(struct layer_files *files, struct segment *segment); /* NULL is fine */
int segment_fd(const struct segment *segment);

/* ---- Whole operations on bytes of a layer; they cross segments ---- */
int layer_write(struct layer_files *files, uint64_t blob, uint32_t file, uint64_t offset,
                const void *bytes, uint64_t length_bytes);
/* Makes zero: where nothing exists nothing is done. */
int layer_punch(struct layer_files *files, uint64_t blob, uint32_t file, uint64_t offset,
                uint64_t length_bytes);
/* Does anybody else hold a segment of these bytes? Whoever asks must keep new readers away. */
bool layer_busy(struct layer_files *files, uint64_t blob, uint32_t file, uint64_t offset,
                uint64_t length_bytes);
void layer_remove(struct layer_files *files, uint64_t blob, uint32_t file); /* may be absent */

/* Forgets every descriptor of a blob whose folder was retired. */
void layer_files_forget(struct layer_files *files, uint64_t blob);

#endif
