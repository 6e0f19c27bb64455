/* disk_place.h - where the bytes of a disk lie: a file of the data folder or elsewhere, a block device, or a
 * page blob.
 *
 * Knows:         which places may be named, and that no two disks share one. Must not know: requests,
 *                restoring. Threads: the reactor's.
 */
#ifndef CONTROLD_DISK_PLACE_H
#define CONTROLD_DISK_PLACE_H

#include "tools/controld/arm_resource_body.h"
#include "tools/controld/region_account.h"
#include "tools/controld/service.h"

#define DISK_PLACE_FOLDER "disks" /* of the data folder */

struct region;

struct disk_place { /* of a row's backing */
    char *file;     /* NULL: a blob */
    bool outside;   /* of the data folder */
    char *token;    /* of a device, as restore_place.h has it; NULL or "": none */
    const struct region *region;
    char container[REGION_CONTAINER_MAX_BYTES], blob[REGION_BLOB_MAX_BYTES];
};

/* Is what the body names a place that a disk may have? */
bool disk_place_named(const struct arm_disk_body *body, struct arm_error *why);
/* The backing of a new disk of that size, {"file"}, {"file","outside"} or {"region","container","blob"}: what
 * was named, or a container of its own. NULL: *why; nothing is there that could be restored to. */
json_t *disk_place_new(const struct service *service, const struct arm_disk_body *body,
                       const struct region *region, uint64_t size_bytes, struct arm_error *why);
/* Nobody has it: no other disk, one of the configuration's neither, and no file is there. */
bool disk_place_is_free(struct service *service, const json_t *backing, struct arm_error *why,
                        struct err *e);

/* region: NULL when the configuration has it no more. */
bool disk_place_read(const struct service *service, const char *backing, struct disk_place *out,
                     struct err *e);
bool disk_place_is_own(const struct disk_place *place); /* a container of its own */
void disk_place_fini(struct disk_place *place);

#endif
