/* pageblob_error.h - what a refusal of the service means: its kind, whether trying again can help, and a
 * sentence for a person.
 *
 * Knows:         status and error codes (protocol A.7, B.5, C.1 to C.3) as one table; the XML error body.
 * Must not know: who retries, how often.
 * Threads:       pure.
 */
#ifndef IO_PAGEBLOB_ERROR_H
#define IO_PAGEBLOB_ERROR_H

#include <stddef.h>

#include "blockmap/err.h"
#include "io/http.h"

struct pageblob_error_row {
    int status;       /* 0 = every status */
    const char *code; /* NULL = every code */
    enum err_kind kind;
    enum err_retry retry;
    const char *sentence; /* what it means and what to do next */
};

/* The most special row that matches; there always is one. code may be "". */
const struct pageblob_error_row *pageblob_error_find(int status, const char *code);
/* The table, for tests. */
const struct pageblob_error_row *pageblob_error_rows(size_t *out_count);

/* Sets *e for an answer that is not what was hoped for. what: "reading 0-4095 of https://..."; the
 * answer's body may be anything: XML, HTML, cut off, empty. */
void pageblob_error_set(const struct http_answer *answer, const char *what, struct err *e);

#endif
