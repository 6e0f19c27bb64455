/* copy_listing.h - the lists that a copy is planned of, as far as they are known.
 *
 * Knows:         ranges, and below which offset they are all there are.
 * Must not know: what is made of them.
 * Threads:       the reactor's.
 *
 * What a page of a list brought is kept at once, here and in the journal: neither another try nor another
 * process asks for it again; but none of a list whose pages contradict each other.
 */
#ifndef ENGINE_COPY_LISTING_H
#define ENGINE_COPY_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "blockmap/extent.h"

struct copy;
struct endpoint;

#define COPY_LIST_WHOLE UINT64_MAX
struct copy_list {
    struct extent_set data, clears;
    uint64_t up_to; /* known below this offset; COPY_LIST_WHOLE: all of it */
};

struct copy_lists {
    struct copy_list source; /* full: what holds data; delta: what changed */
    struct copy_list all;    /* delta: what holds data */
    struct copy_list target; /* full: what the target held before it was written to */
    struct copy_list diff;   /* of the target against its own snapshot */
    /* of the page under way */
    struct copy_list *under_way;
    const char *name;
    uint64_t size_bytes;
    struct extent_set page_data, page_clears;
    struct err err;
};

/* Goes on where list is known up to; it must not be whole. */
void copy_submit_list(struct copy *copy, struct endpoint *ep, const char *since,
                      struct copy_list *list, uint64_t size_bytes);
bool copy_list_is_whole(const struct copy_list *list);
void copy_list_forget(struct copy_list *list);

#endif
