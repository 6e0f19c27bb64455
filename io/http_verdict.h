/* http_verdict.h - what a failed transfer means: its kind, whether trying again can help, in words.
 *
 * Knows: libcurl's results, as one table. Must not know: HTTP statuses, what was asked. Threads: pure.
 */
#ifndef IO_HTTP_VERDICT_H
#define IO_HTTP_VERDICT_H

#include <curl/curl.h>

#include "blockmap/err.h"

struct http_verdict {
    CURLcode code;
    enum err_kind kind;
    enum err_retry retry;
    const char *words;
};

/* For any result but CURLE_OK; there always is one. */
const struct http_verdict *http_verdict_of(CURLcode code);

#endif
