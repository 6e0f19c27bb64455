/* arm_metadata.h - what is known of a machine's description: tables of its members (arm_shape.h).
 *
 * Knows:         the machine's properties of the compute API, and which of them a restore point keeps.
 * Must not know: rows, requests.
 * Threads:       pure; constant tables.
 */
#ifndef CONTROLD_ARM_METADATA_H
#define CONTROLD_ARM_METADATA_H

#include "tools/controld/arm_shape.h"

/* The `properties` of a machine as it is put and shown. */
extern const struct arm_shape arm_machine_properties[];
/* Its members osDisk and dataDisks[], in one table: the latter alone has a lun. */
extern const struct arm_shape arm_machine_disk_members[];
/* sourceMetadata of a restore point, but for diskRestorePoint. */
extern const struct arm_shape arm_metadata_members[];

#endif
