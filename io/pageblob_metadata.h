/* pageblob_metadata.h - the metadata of one blob: names and values, in their order.
 *
 * Knows:         that names compare ignoring case, that all of it has a maximum.
 * Must not know: what a name means, how it travels.
 * Threads:       none; a value with one owner. A zeroed struct is empty.
 */
#ifndef IO_PAGEBLOB_METADATA_H
#define IO_PAGEBLOB_METADATA_H

#include <stdbool.h>
#include <stddef.h>

#include "blockmap/err.h"

#define PAGEBLOB_METADATA_COUNT_MAX 100u
#define PAGEBLOB_METADATA_MAX_BYTES 16384u /* names and values; the service takes 8 KiB */

struct pageblob_metadata_item {
    char *name;  /* owned; without "x-ms-meta-" */
    char *value; /* owned */
};

struct pageblob_metadata {
    struct pageblob_metadata_item items[PAGEBLOB_METADATA_COUNT_MAX];
    size_t count;
    size_t bytes;
};

void pageblob_metadata_fini(struct pageblob_metadata *m);
/* Replaces the value of a name that is there. ERR_LIMIT when it does not fit. */
bool pageblob_metadata_set(struct pageblob_metadata *m, const char *name, const char *value,
                           struct err *e);
void pageblob_metadata_drop(struct pageblob_metadata *m, const char *name);
const char *pageblob_metadata_get(const struct pageblob_metadata *m,
                                  const char *name); /* or NULL */

#endif
