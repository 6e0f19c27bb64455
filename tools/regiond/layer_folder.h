/* layer_folder.h - one folder a blob: blobs/ID, blobs/ID.new while made, blobs/ID.gone while emptied.
 *
 * Knows:         names of folders and of the segment files in them.
 * Must not know: what the files hold, who has them open.
 * Threads:       any; one folder is one thread's at a time. Results are 0 or an errno.
 */
#ifndef REGIOND_LAYER_FOLDER_H
#define REGIOND_LAYER_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAYER_FOLDER_PATH_BYTES 40u

/* Called for each segment file that exists; false stops. It may unlink what it is shown. */
typedef bool layer_seen_fn(void *context, uint32_t file, uint64_t number);

int layer_folder_open(int root_fd, uint64_t blob, const char *suffix); /* a descriptor, or -1 */
int layer_folder_sync(int root_fd, uint64_t blob); /* its names; 0: those of all blobs */
int layer_folder_list(int root_fd, uint64_t blob, layer_seen_fn *seen, void *context);
int layer_folder_create(int root_fd, uint64_t blob);                      /* ID.new */
int layer_folder_publish(int root_fd, uint64_t blob);                     /* ID.new becomes ID */
int layer_folder_retire(int root_fd, uint64_t blob);                      /* ID becomes ID.gone */
void layer_folder_remove(int root_fd, uint64_t blob, const char *suffix); /* absent is fine */

struct layer_folder_name {
    uint64_t blob;
    bool whole;         /* no suffix: a blob */
    const char *suffix; /* else static text: ".new" or ".gone" */
};
int layer_folder_scan(int root_fd, struct layer_folder_name **out_names, size_t *out_count);

#endif
