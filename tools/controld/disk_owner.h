/* disk_owner.h - which virtual machine a disk is attached to.
 *
 * Knows:         that machines name their disks in their documents. Must not know: requests.
 * Threads:       the reactor's.
 */
#ifndef CONTROLD_DISK_OWNER_H
#define CONTROLD_DISK_OWNER_H

#include "tools/controld/arm_id.h"
#include "tools/controld/service.h"

/* A machine that has the disk, but for the one of the id besides (NULL: for none); "": nobody has it. */
bool disk_owner_find(struct service *service, const char *disk_id, const char *besides,
                     char out_machine_id[ARM_ID_MAX_BYTES], struct err *e);

#endif
