/* http_head.h - the head of an answer, line by line: its status, the headers everybody needs, and a look at
 * each for who asked. Trailers are lines too.
 *
 * Knows:         what a header line looks like; limits; what may be shown to people.
 * Must not know: connections, bodies, what the asker does with a header.
 * Threads:       none; a value with one owner.
 */
#ifndef IO_HTTP_HEAD_H
#define IO_HTTP_HEAD_H

#include <stddef.h>
#include <stdint.h>

#include "io/http.h"

#define HTTP_HEAD_NAME_MAX_BYTES  1023u
#define HTTP_HEAD_VALUE_MAX_BYTES 8191u

struct http_head {        /* zeroed, and then: */
    struct http_req *req; /* its answer is written, its header() is told; of a final answer only */
    size_t bytes;         /* so far, all answers to this request together */
};

enum http_head_line {
    HTTP_HEAD_MORE,
    HTTP_HEAD_END, /* the blank line */
    HTTP_HEAD_BAD  /* *e says why; nothing may follow */
};

/* One line, its end included or not. wall_ms: now, for a Retry-After that is a date. A status line begins
 * the answer anew: what came before was not the last one (100, a proxy's 200). */
enum http_head_line http_head_push(struct http_head *head, const char *line, size_t count,
                                   uint64_t wall_ms, struct err *e);

#endif
