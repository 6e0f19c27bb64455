/* regions.h - the configured regions: where each one's account is, by location.
 *
 * Knows:         one HTTP client for all accounts, one account and one keeper of access policies a region.
 * Must not know: what is kept in them.
 * Threads:       the reactor's.
 */
#ifndef CONTROLD_REGIONS_H
#define CONTROLD_REGIONS_H

#include <stdbool.h>

#include "blockmap/err.h"
#include "io/reactor.h"
#include "tools/controld/config.h"
#include "tools/controld/region_access.h"
#include "tools/controld/region_account.h"

struct regions;

struct region {
    const struct config_region *config;
    struct region_account *account;
    struct region_access *access;
};

/* ---- Life ---- */
/* cacert: PEM file of authorities for https, NULL: the system's. */
struct regions *regions_new(struct reactor *reactor, const struct config *config,
                            const char *cacert, struct err *e);
/* What waits for another try ends with ERR_CANCELED; then, when the reactor has turned dry, free. */
void regions_stop(struct regions *regions);
void regions_free(struct regions *regions); /* NULL is fine; no op under way */

/* ---- Look ---- */
/* By name, ignoring case; NULL: there is none. */
const struct region *regions_find(const struct regions *regions, const char *location);

#endif
