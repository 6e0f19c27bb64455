/* answer.h - what goes back: status, headers, and where the body's bytes are.
 *
 * Knows:         HTTP's words for answers, the form of the service's error body.
 * Must not know: libmicrohttpd, the store, what any verb does.
 * Threads:       one answer belongs to one server thread at a time.
 */
#ifndef REGIOND_ANSWER_H
#define REGIOND_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/regiond/request.h"
#include "tools/regiond/text_out.h"

#define ANSWER_BYTES_UNKNOWN UINT64_MAX /* sent chunked */
#define ANSWER_TIME_BYTES    30u        /* "Fri, 01 Mar 2024 00:00:00 GMT" and NUL */

enum answer_body {
    ANSWER_EMPTY,
    ANSWER_TEXT,   /* `text`, owned */
    ANSWER_BUFFER, /* `buffer`, of the buffer pool, owned */
    ANSWER_FILE,   /* `fd` at `fd_offset`, owned */
    ANSWER_STREAM  /* `read` is asked for the bytes */
};

/* Gives the next bytes, at offset `at` of the body: how many (> 0), 0 at the end (only of a body
 * of unknown length), -1 when they cannot be had (the connection is then broken off). */
typedef ssize_t answer_read_fn(void *context, uint64_t at, char *out, size_t max_bytes);

struct answer {
    unsigned status;
    struct text_out headers; /* name NUL value NUL, again and again */
    enum answer_body body;
    uint64_t body_bytes; /* of a HEAD: what a GET would have sent */
    char *text;
    unsigned char *buffer;
    int fd;
    uint64_t fd_offset;
    answer_read_fn *read;
    void *context;                /* of `read`, or what the body's bytes depend on */
    void (*context_free)(void *); /* once the body has been sent; may be NULL */
};

/* ---- Use ---- */
void answer_header(struct answer *a, const char *name, const char *value);
void answer_header_change(struct answer *a, const char *name,
                          const char *value);                             /* if it is there */
const char *answer_header_find(const struct answer *a, const char *name); /* NULL: not there */
void answer_header_u64(struct answer *a, const char *name, uint64_t value);
void answer_header_time(struct answer *a, const char *name, uint64_t unix_seconds);

/* Each ends what the answer says about its body; at most one of them is called. */
void answer_take_text(struct answer *a, const char *content_type, struct text_out *take);
void answer_take_buffer(struct answer *a, unsigned char *take, uint64_t bytes);
void answer_take_file(struct answer *a, int take_fd, uint64_t fd_offset, uint64_t bytes);
void answer_stream(struct answer *a, uint64_t bytes, answer_read_fn *read);

/* Something the body's bytes depend on, freed after they have been sent. */
void answer_keep(struct answer *a, void *context, void (*context_free)(void *));

/* Turns a body of unknown length into text, whose length is known. False: it cannot be had. */
bool answer_collect(struct answer *a);

/* The body's bytes at `at`, whatever kind it is; ANSWER_FILE by reading. As answer_read_fn. */
ssize_t answer_body_read(const struct answer *a, uint64_t at, char *out, size_t max_bytes);

/* Drops whatever was prepared and says the error instead. */
void answer_error(struct answer *a, const struct request *r, const struct service_error *e);

/* ---- Look ---- */
void answer_time_format(uint64_t unix_seconds, char out_text[ANSWER_TIME_BYTES]);
bool answer_time_parse(const char *text, uint64_t *out_unix_seconds); /* the same form only */

#endif
