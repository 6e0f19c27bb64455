/* cut_place.h - where a cut lies until it is carried into its family's blob, as the catalog keeps it: an
 * absolute path (a raw disk's), or "blob:REGION/CONTAINER/BLOB@TIME" (a snapshot of a machine's blob, cut
 * for a restore point of another region; or one that deltas start from).
 *
 * Knows:         both spellings. Must not know: who cuts, who reads.
 * Threads:       any; pure.
 */
#ifndef CONTROLD_CUT_PLACE_H
#define CONTROLD_CUT_PLACE_H

#include <stdbool.h>

struct cut_place {
    char *file;                                 /* or, when NULL: */
    char *region, *container, *blob, *snapshot; /* owned */
};

/* malloc'd; NULL: no memory. One snapshot has one spelling: the region's name is written in small. */
char *cut_place_of_blob(const char *region, const char *container, const char *blob,
                        const char *snapshot);
/* False: no such spelling, or no memory; *out is then empty. */
bool cut_place_read(const char *text, struct cut_place *out);
void cut_place_fini(struct cut_place *place); /* zeroed is fine */

#endif
