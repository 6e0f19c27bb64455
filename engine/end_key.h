/* end_key.h - when two ends, or two files, are one thing: keys to compare, none of them secret.
 *
 * Knows:         spellings of a blob's URL, links and folders of a file system.
 * Must not know: what is done with the thing; which may be named twice.
 * Threads:       any. Looks at files, never into them.
 *
 * A key is malloc'd; NULL: memory ran out.
 */
#ifndef ENGINE_END_KEY_H
#define ENGINE_END_KEY_H

#include <stdbool.h>

#include "io/secret.h"

/* http:// and https:// of one host and port are one blob; so are two spellings of its path. snapshot: the
 * point in time that is meant; NULL: the blob as it is now. */
char *end_key_blob(const struct secret_url *url, const char *snapshot);
/* Of path with ending put to it. A file that is there: whatever its path; one that is not: by its folder and
 * its name. */
char *end_key_file(const char *path, const char *ending);

/* Frees both. False also where one is NULL. */
bool end_key_same(char *take_a, char *take_b);
/* Two paths, one file? */
bool end_key_same_file(const char *a, const char *b);

#endif
