/* machines.h - the API's virtual machines: those of the configuration, and those that callers put
 * together of restored disks (protocol E.2, E.8).
 *
 * Knows:         machines and which disks they have. Must not know: how disks are cut. Threads: the
 *                reactor's.
 */
#ifndef CONTROLD_MACHINES_H
#define CONTROLD_MACHINES_H

#include "tools/controld/service.h"

/* The configured machines and their disks become rows, new or as they are configured now; their guids
 * stay. */
bool machines_register(struct service *service, struct err *e);
void machines_serve(struct service *service, struct front_table *table);

#endif
