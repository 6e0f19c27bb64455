/* family_place.h - the container that a family has for itself, and the end of a family.
 *
 * Knows:         how such a container is named: after its family, so that it can be told from a machine's.
 * Must not know: copies, deletions.
 * Threads:       the reactor's.
 *
 * A disk that is a page blob has its chain where it lies, in a container that is not ours: nobody writes
 * or deletes there but for one snapshot each. A family whose container is its own is all ours.
 */
#ifndef CONTROLD_FAMILY_PLACE_H
#define CONTROLD_FAMILY_PLACE_H

#include "tools/controld/catalog_families.h"

#define FAMILY_CONTAINER_BYTES 40u /* "f-", 32 digits, NUL */

/* What the family's own container is called. */
void family_place_name(const char *guid, char out_container[FAMILY_CONTAINER_BYTES]);
/* Does it lie in the container that is its own? An empty row does not. */
bool family_place_is_own(const struct catalog_family *family);

/* From here on nobody finds the family by its disk, whose next restore point begins another. Inside a
 * transaction. */
bool family_place_close(struct catalog *catalog, const struct catalog_family *family,
                        struct err *e);
bool family_place_is_closed(const struct catalog_family *family);

#endif
