/* spare_bases.h - snapshots that were kept for a next delta and that nobody needs any more: they go.
 *
 * Knows:         that the catalog says which (catalog_bases.h); one after the other, again later where a
 *                region refuses; that a row stays until its snapshot is gone, so that a restart finds it.
 * Must not know: why one was kept.
 * Threads:       the reactor's.
 */
#ifndef CONTROLD_SPARE_BASES_H
#define CONTROLD_SPARE_BASES_H

#include "tools/controld/service.h"

#define SPARE_BASES_LIMIT_NS (60 * NS_PER_S)  /* of one deletion */
#define SPARE_BASES_AGAIN_NS (600 * NS_PER_S) /* after one that was refused */

struct spare_bases;

/* ---- Life ---- */
struct spare_bases *spare_bases_new(struct service *service, struct err *e);
void spare_bases_stop(struct spare_bases *bases); /* no other is begun */
bool spare_bases_idle(const struct spare_bases *bases);
void spare_bases_free(
    struct spare_bases *bases); /* NULL is fine; idle, or the reactor has failed */

/* ---- Use ---- */
/* Some chain may have gone on, or ended; also once at the start. */
void spare_bases_soon(struct spare_bases *bases);

#endif
