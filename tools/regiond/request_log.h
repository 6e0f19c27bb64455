/* request_log.h - one JSON line a request, for tests that check traffic.
 *
 * Knows:         what is told of a request: names, ranges, sizes, outcome, times.
 * Must not know: secrets: no query string, no Authorization, no URL given in a header.
 * Threads:       any; a line is one write(2) to a file opened for appending.
 */
#ifndef REGIOND_REQUEST_LOG_H
#define REGIOND_REQUEST_LOG_H

#include "tools/regiond/exchange.h"

struct request_log;

struct request_log_end {
    unsigned status;    /* 0: no answer was sent */
    const char *code;   /* of an error; "" for a success */
    const char *fault;  /* name of a seeded fault; NULL: none */
    uint64_t bytes_in;  /* of bodies */
    uint64_t bytes_out; /* ANSWER_BYTES_UNKNOWN: a list, left out of the line */
    uint64_t now_ns;    /* monotonic */
};

/* NULL on failure (errno says why). */
struct request_log *request_log_open(const char *path);
void request_log_close(struct request_log *log); /* NULL is fine */

/* log NULL: does nothing. A line that cannot be written is lost, the service goes on. */
void request_log_line(struct request_log *log, const struct exchange *x,
                      const struct request_log_end *end);

#endif
