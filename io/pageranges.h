/* pageranges.h - the service's lists of page ranges, parsed as they arrive.
 *
 * Knows:         the XML of Get Page Ranges and its diff (protocol A.7), and what must hold in one (G.9).
 * Must not know: HTTP, paging policy, what the ranges are for.
 * Threads:       none; one owner. Memory: the sets it fills and a small constant, whatever the body.
 * Errors:        ERR_CORRUPT with a sentence that names the bad range: not well-formed, cut off, not a page
 *                list, not aligned, not sorted, overlapping, outside the blob (RETRY_LATER: it may have been
 *                damaged on its way); ERR_LIMIT for too long.
 */
#ifndef IO_PAGERANGES_H
#define IO_PAGERANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "blockmap/extent.h"

#define PAGERANGES_BODY_MAX_BYTES   (4ull << 30) /* one answer; 50 million ranges without paging */
#define PAGERANGES_TOKEN_MAX_BYTES  (256u << 10) /* one tag or text that does not end */
#define PAGERANGES_DEPTH_MAX        16u
#define PAGERANGES_MARKER_MAX_BYTES 4096u

struct pageranges;

/* ---- Life ---- */
struct pageranges *pageranges_new(struct err *e);
void pageranges_free(struct pageranges *list); /* NULL is fine */

/* ---- Use ---- */
/* Begins one answer. Its ranges go to the end of data and clears, which are borrowed until
 * pageranges_end; clears may be NULL for a full list (a clear range is a hole there). No range may
 * start before `after`, where the page before this one ended, or end after blob_bytes; ranges are cut
 * to within. After an error the sets hold a part of the answer. */
void pageranges_begin(struct pageranges *list, struct extent_set *data, struct extent_set *clears,
                      struct extent within, uint64_t after, uint64_t blob_bytes);
bool pageranges_push(struct pageranges *list, const void *bytes, size_t count, struct err *e);
bool pageranges_end(struct pageranges *list, struct err *e); /* all was pushed: is it whole? */

/* ---- Look, after pageranges_end ---- */
const char *
pageranges_marker(const struct pageranges *list);         /* NextMarker; "" = last page. A view */
uint64_t pageranges_count(const struct pageranges *list); /* ranges named, before coalescing */
uint64_t pageranges_last_end(const struct pageranges *list); /* of the last range; or `after` */
uint64_t pageranges_clear_count(const struct pageranges *list);

#endif
