/* restore_path.h - which paths outside the data folder disks may be restored to: `restoreTo` (config.md).
 *
 * Knows:         the form of a path and of an entry. An entry with / at its end is a folder: what lies
 *                directly in it is allowed, and nothing below; any other is that one path.
 * Must not know: what is there (restore_place.h).
 * Threads:       pure.
 */
#ifndef CONTROLD_RESTORE_PATH_H
#define CONTROLD_RESTORE_PATH_H

#include <stdbool.h>

#define RESTORE_PATH_MAX_BYTES 4000u        /* room for the names of what is kept beside a file */
#define RESTORE_PATH_SIDECAR   ".snapferry" /* beside a restored file: the state of its copy */

bool restore_path_is_entry(const char *text);
/* Absolute, of names that are neither empty nor "." nor "..", no control character, not a sidecar's name. */
bool restore_path_is_sound(const char *path);
/* entries: NULL ends them. Of a sound path. */
bool restore_path_is_allowed(char *const *entries, const char *path);

/* Is it the name of what is kept beside another file? */
bool restore_path_is_sidecar(const char *name);

#endif
