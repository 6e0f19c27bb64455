/* embedded_site.h - everything that snapferryd needs of the world, made in one folder: certificates, two
 * regions, a sample machine of two disks, and the configuration that tells of them.
 *
 * Knows:         what is made, in which order; the names of the sample.
 * Must not know: the API, the catalog.
 * Threads:       the reactor's. The folder is locked by its owner (the catalog does so).
 *
 * Killed at any moment of the first start, the next one completes it; later ones find all there.
 */
#ifndef CONTROLD_EMBEDDED_SITE_H
#define CONTROLD_EMBEDDED_SITE_H

#include <stdbool.h>

#include "blockmap/err.h"
#include "io/reactor.h"
#include "tools/controld/config.h"
#include "tools/controld/embedded_ca.h"

#define EMBEDDED_GROUP   "/subscriptions/embedded/resourceGroups/sample/providers/Microsoft.Compute"
#define EMBEDDED_MACHINE EMBEDDED_GROUP "/virtualMachines/sample-vm"

struct embedded_site;

struct embedded_site_setup { /* texts are borrowed until the site is freed */
    struct reactor *reactor;
    const char *folder;              /* absolute */
    const char *snapferry, *regiond; /* the programs */
    void (*log)(void *arg, const char *sentence);
    void *arg;
};

enum embedded_state { EMBEDDED_BEGINS, EMBEDDED_READY, EMBEDDED_FAILED };

/* ---- Life ---- */
/* Begins; the reactor's turns go on with it. */
struct embedded_site *embedded_site_new(const struct embedded_site_setup *setup, struct err *e);
/* NULL is fine. The regions end: in order, or killed when that takes long. */
void embedded_site_free(struct embedded_site *site);

/* ---- Look ---- */
/* *e is set when it failed. */
enum embedded_state embedded_site_state(const struct embedded_site *site, struct err *e);
const struct embedded_ca *embedded_site_ca(const struct embedded_site *site);
/* When it is ready: its regions and its machine. The caller's to config_fini. */
bool embedded_site_config(const struct embedded_site *site, struct config *out_config,
                          struct err *e);

#endif
