/* access_case.h - somebody who renews URLs as a test tells them to, on a simulated clock.
 *
 * Knows:         engine/access.h, how to end the state that FAULT_AUTH began.
 * Must not know: what is tested.
 * Threads:       the reactor's.
 */
#ifndef SUPPORT_ACCESS_CASE_H
#define SUPPORT_ACCESS_CASE_H

#include "engine/access.h"
#include "io/endpoint.h"

#define ACCESS_CASE_NEWS_MAX_BYTES 8192u

/* What comes of a question. */
enum access_case_answer {
    ACCESS_CASE_GOOD,
    ACCESS_CASE_FAILS,   /* nobody gave a URL */
    ACCESS_CASE_USELESS, /* a URL that is refused */
    ACCESS_CASE_SILENT
};

struct access_case {
    /* set by the test, at any time */
    enum access_case_answer answer;
    uint64_t after_ns;          /* the answer comes so much later */
    uint64_t life_s;            /* of URLs that are given; 0 = unknown */
    struct endpoint *faulty[2]; /* endpoint_fault to be renewed by a swap; NULL = none */
    /* what happened */
    uint32_t asked_count, swapped_count;
    uint32_t news_count[ACCESS_GIVEN_UP + 1];
    char said[ACCESS_CASE_NEWS_MAX_BYTES]; /* every sentence, one a line */
    uint64_t asked_wall_ns;                /* last */
    char query[64];                        /* of the URL in use */
    /* private */
    struct access *access;
    struct reactor *reactor;
    struct timer timer;
};

/* expires_s 0: unknown. The access is in a->access. */
void access_case_open(struct access_case *a, struct reactor *r, enum access_side side,
                      uint64_t expires_s);
void access_case_close(struct access_case *a);
/* "https://host/a/b?sig=new<number>" */
void access_case_url(uint32_t number, struct secret_url *out_url);

#endif
