/* pageblob_list.h - a page blob's ranges, or what changed since a snapshot, whole: all pages of the list.
 *
 * Knows:         paging, its loop guards; the smaller windows of a host that runs out of time.
 * Must not know: what the ranges are for.
 * Threads:       the reactor's. A request belongs to its caller until `done` ran, once, from the reactor.
 *
 * A list of a thousand pages must not begin anew for one lost answer: a page that fails in passing is
 * asked for again here, a few times with growing pauses; what is above this file judges the rest.
 */
#ifndef IO_PAGEBLOB_LIST_H
#define IO_PAGEBLOB_LIST_H

#include "blockmap/extent.h"
#include "io/pageblob.h"

#define PAGEBLOB_LIST_PAGE_RANGES 10000u /* asked for in one answer; the service's own maximum */
#define PAGEBLOB_LIST_EMPTY_PAGES_MAX                                                              \
    100u /* in a row, each with a marker: a host that goes in circles */
#define PAGEBLOB_LIST_TRIES_MAX    4u
#define PAGEBLOB_LIST_PAUSE_MS     250u    /* doubled by each try in a row */
#define PAGEBLOB_LIST_PAUSE_MAX_MS 30000u  /* also of what the host wishes */
#define PAGEBLOB_LIST_TOTAL_MS     600000u /* of one page */
#define PAGEBLOB_LIST_WINDOW_MIN   (1u << 20)

struct pageblob_list {
    /* in; the texts are borrowed until done, at most one of them is given */
    struct extent within;
    const char *since_snapshot;    /* time of a snapshot of the same blob */
    const char *since_url;         /* managed disks: full URL with its SAS; secret */
    uint64_t size_bytes;           /* in: what is known of the blob. out: what the host said */
    struct extent_set *out_data;   /* empty */
    struct extent_set *out_clears; /* empty; NULL for a full list */
    /* out */
    uint64_t up_to; /* everything below this offset is listed */
    uint64_t pages_count;
    uint64_t clears_count;                /* clear ranges named */
    struct err err;                       /* the sets are empty then */
    void (*page)(struct pageblob_list *); /* NULL, or: up_to moved; may empty both sets */
    void (*done)(struct pageblob_list *);
    struct pageblob_lister *lister; /* private */
    struct reactor_task task;       /* private */
};

void pageblob_list(struct pageblob *blob, struct pageblob_list *list);

#endif
