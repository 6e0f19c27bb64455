/* restore_place.h - a file or block device outside the data folder that a disk is to be restored to.
 *
 * Knows:         what must be so before anything may be written there: allowed by the configuration, a
 *                folder that nobody else may write to, no link but of a device, a file that is not there
 *                yet, a device that nobody uses and that is large enough.
 * Must not know: the catalog, which disks there are (device_kin.h).
 * Threads:       the reactor's; calls block briefly, as opening a device does.
 *
 * Between this look and the copy's own the folder's owner alone could change what a name means: root, or who
 * snapferryd runs as. The copy itself takes no file that is there by then, and no device that is in use.
 */
#ifndef CONTROLD_RESTORE_PLACE_H
#define CONTROLD_RESTORE_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "tools/controld/arm_error.h"
#include "tools/controld/config.h"

#define RESTORE_TOKEN_BYTES 96u

struct restore_place {
    char *path; /* malloc'd: of a file without links, of a device as it was named */
    char token[RESTORE_TOKEN_BYTES]; /* of a device as it is now, until a restart; "" = a file */
};

/* Of a path that restore_path_is_sound. disk_bytes: with or without a VHD footer, which a device does
 * not get. data_folder: ours, nobody names a place in it so. False with *why, 409, and nothing was
 * touched. */
bool restore_place_look(const struct config *config, const char *data_folder, const char *path,
                        uint64_t disk_bytes, struct restore_place *out, struct arm_error *why);
void restore_place_fini(struct restore_place *place);

/* May what was begun there go on: is it still allowed, and the same device (token)? */
bool restore_place_stays(const struct config *config, const char *path, const char *token,
                         struct err *e);

#endif
