/* text_file.h - a small file read whole: a shape, a fault script.
 *
 * Knows:         files.
 * Must not know: what the text says.
 * Threads:       any.
 */
#ifndef REGIOND_TEXT_FILE_H
#define REGIOND_TEXT_FILE_H

#include <stddef.h>

/* The file's bytes and a NUL, which the caller frees. NULL, with "PATH: why" in out_text, if it
 * cannot be read or is longer than max_bytes. */
char *text_file_read(const char *path, size_t max_bytes, size_t *out_bytes, char *out_text,
                     size_t text_bytes);

#endif
