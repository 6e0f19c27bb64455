/* percent.h - percent-encoding of URL parts, there and back.
 *
 * Knows: RFC 3986's unreserved characters. Must not know: which part of a URL it is. Threads: pure.
 */
#ifndef IO_PERCENT_H
#define IO_PERCENT_H

#include <stddef.h>

/* Everything but letters, digits, '-', '.', '_' and '~' becomes %XX. malloc'd; NULL when memory ran
 * out. */
char *percent_encode(const char *text);

/* %XX becomes its byte; '+' stays '+', a '%' without two hex digits stays as it is. malloc'd and
 * NUL-terminated; NULL when memory ran out or when a %00 would cut the text. */
char *percent_decode(const char *text, size_t count);

#endif
