/* region_list.h - what a container holds, as the service lists it (List Blobs, protocol A.12).
 *
 * Knows:         the XML of one page, how pages follow each other.
 * Must not know: requests, what a blob is for.
 * Threads:       pure; a value with one owner.
 */
#ifndef CONTROLD_REGION_LIST_H
#define CONTROLD_REGION_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "io/pageblob_metadata.h"

#define REGION_LIST_ITEMS_MAX        200000u     /* of all pages */
#define REGION_LIST_PAGE_COUNT       1000u       /* asked for */
#define REGION_LIST_BODY_MAX_BYTES   (24u << 20) /* of one page */
#define REGION_LIST_MARKER_MAX_BYTES 4096u
#define REGION_LIST_DEPTH_MAX        16u

struct region_list_pair {
    char *name, *value; /* owned */
};

struct region_list_item {
    char *blob;     /* owned */
    char *snapshot; /* owned; NULL: the blob itself */
    uint64_t size_bytes;
    struct region_list_pair *metadata; /* owned */
    size_t metadata_count;
};

struct region_list { /* zeroed = empty */
    struct region_list_item *items;
    size_t count, capacity;
};

void region_list_fini(struct region_list *list);
void region_list_cut(struct region_list *list, size_t count); /* keeps the first so many */
/* Adds one page's items; out_marker "" when it was the last. After an error the list holds a part. */
bool region_list_parse(struct region_list *list, const char *xml, size_t bytes,
                       char out_marker[REGION_LIST_MARKER_MAX_BYTES], struct err *e);
/* Of a name, ignoring case; NULL when it has none. */
const char *region_list_metadata(const struct region_list_item *item, const char *name);

#endif
