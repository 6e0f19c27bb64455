/* raw_http.h - requests as bytes on a socket, answers as bytes: no HTTP library in between.
 *
 * Knows:         Shared Key of the development account, chunked bodies.
 * Must not know: the client under test.
 * Threads:       one connection belongs to one thread.
 */
#ifndef SUPPORT_RAW_HTTP_H
#define SUPPORT_RAW_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAW_ACCOUNT "devstoreaccount1"
#define RAW_KEY                                                                                    \
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
#define RAW_VERSION "2021-12-02"

struct raw_answer {
    unsigned status; /* 0: the connection broke before an answer */
    char *head;      /* status line and headers, as they came */
    char *body;      /* unchunked, NUL-terminated */
    size_t body_bytes;
    unsigned body_pieces; /* reads that the body took */
};

struct raw_request {
    const char *method;
    const char *target;  /* "/ACCOUNT/CONTAINER/BLOB?comp=page", percent-encoded as sent */
    const char *headers; /* "Name: value\r\n", again and again; NULL: none */
    const void *body;    /* NULL: Content-Length: 0 for a PUT, none otherwise */
    size_t body_bytes;
    const char *version; /* NULL: RAW_VERSION; "": no x-ms-version */
    const char *account; /* whose Shared Key signs it; NULL: RAW_ACCOUNT (all have RAW_KEY) */
    bool unsigned_;      /* send no Authorization (a SAS in the target, or nobody) */
};

/* ---- A connection to 127.0.0.1 ---- */
int raw_connect(uint16_t port); /* aborts the test when it cannot */

/* One exchange. False: the connection broke; out is still fit for raw_answer_fini. */
bool raw_exchange(int fd, const struct raw_request *request, struct raw_answer *out);
void raw_answer_fini(struct raw_answer *answer);

/* One exchange on a connection of its own, signed. */
struct raw_answer raw_once(uint16_t port, const char *method, const char *target,
                           const char *headers, const void *body, size_t body_bytes);

/* The header's value, in a static buffer of the calling thread; NULL: not there. */
const char *raw_header(const struct raw_answer *answer, const char *name);

#endif
