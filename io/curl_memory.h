/* curl_memory.h - the memory libcurl uses: wiped before it is given back, because URLs, headers and whole
 * requests are copied into it, and each of them carries a SAS.
 *
 * Knows:         sizes. What is larger than CURL_MEMORY_WIPED_MAX_BYTES holds bodies, not requests: it is
 *                given back as it is, so that no transfer pays for wiping what it moved.
 * Must not know: what libcurl keeps where.
 * Threads:       any; no state.
 */
#ifndef IO_CURL_MEMORY_H
#define IO_CURL_MEMORY_H

#include <stddef.h>

#define CURL_MEMORY_WIPED_MAX_BYTES (128u << 10)

/* As malloc and its family; for curl_global_init_mem. Never mixed with them. */
void *curl_memory_new(size_t bytes);
void *curl_memory_new_zeroed(size_t count, size_t bytes);
void *curl_memory_resize(void *memory, size_t bytes);
char *curl_memory_copy(const char *text);
void curl_memory_free(void *memory); /* NULL is fine */

#endif
