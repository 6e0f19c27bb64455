/* device_kin.h - do two paths lead to the same bytes: one file or device, a disk and its partition, a file
 * and the loop device that shows it?
 *
 * Knows:         what the kernel tells of block devices in /sys. Must not know: what is kept in them. Of
 *                device-mapper it needs to know nothing: what one is made of is held, and cannot be opened
 *                with O_EXCL.
 * Threads:       any; calls block briefly.
 */
#ifndef CONTROLD_DEVICE_KIN_H
#define CONTROLD_DEVICE_KIN_H

#include <stdbool.h>

/* What is not there shares nothing. */
bool device_kin_share(const char *path, const char *other);

#endif
