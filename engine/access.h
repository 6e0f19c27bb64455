/* access.h - the URL of one side of one copy, and how it stays valid.
 *
 * Knows:         when the URL ends (told, or its se=), who can be asked for another, which requests were
 *                sent with which URL (generations), who waits.
 * Must not know: argv, commands, files, HTTP; what is done with the URL.
 * Threads:       the reactor's. One access may serve several copies, one after the other or nested.
 *
 * One question at a time: it is asked ahead of time while work goes on, or when a request was refused.
 * A swap begins a new generation: what is in flight ends with the URL it was sent with, and what was
 * refused with an older one is just tried again. A fresh URL that is refused before anything
 * succeeded with it is final. The first URL is not fresh.
 */
#ifndef ENGINE_ACCESS_H
#define ENGINE_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "engine/access_facts.h"
#include "io/reactor.h"
#include "io/secret.h"

#define ACCESS_LEAD_PARTS        5u                  /* asked when 1/5 of the life is left, ... */
#define ACCESS_LEAD_MIN_NS       (300ull * NS_PER_S) /* ... but so long before the end, */
#define ACCESS_LEAD_MIN_PARTS    2u                  /* or at half of a shorter life */
#define ACCESS_LOOK_NS           (600ull * NS_PER_S) /* the wall clock is looked at so often */
#define ACCESS_AGAIN_FIRST_NS    (1ull * NS_PER_S)   /* after a failed renewal; doubles */
#define ACCESS_AGAIN_MAX_NS      (30ull * NS_PER_S)  /* while somebody waits, ... */
#define ACCESS_AGAIN_IDLE_MAX_NS (300ull * NS_PER_S) /* ... and while nobody does */
#define ACCESS_FAILURES_MAX      10u                 /* in a row, while somebody waits */

enum access_side { ACCESS_SOURCE, ACCESS_BASE, ACCESS_TARGET, ACCESS_SIDES };
enum access_verdict {
    ACCESS_AGAIN, /* a newer URL is in use: just try again */
    ACCESS_WAIT,  /* a renewal is under way: access_wait tells when */
    ACCESS_FINAL  /* nobody can renew, or renewing did not help */
};
enum access_news {
    ACCESS_EXPIRING,    /* asked ahead of time */
    ACCESS_WAITING,     /* somebody cannot go on without a new URL */
    ACCESS_RENEWED,     /* a new URL is in use */
    ACCESS_NOT_RENEWED, /* a renewal failed; it is tried again unless access_error is set */
    ACCESS_GIVEN_UP
};

struct access;

struct access_setup {
    struct reactor *reactor;
    enum access_side side;
    uint64_t expires_s;   /* wall time; 0 = unknown */
    uint64_t wait_max_ns; /* how long somebody may wait for a renewal; 0 = for ever */
    bool keep_text;       /* access_text is wanted */
    const char *asked;    /* static; who is asked for a URL, for people; NULL: nobody to name */
    /* Get a new URL; answered by access_answer or access_failed, later, not from inside. NULL: nobody can
     * renew. */
    void (*ask)(void *arg, struct access *access);
    /* Is the disk behind *candidate (a view until then) the right one, and may we in? Answered by
     * access_checked. NULL: it is taken as it is. */
    void (*check)(void *arg, struct access *access, const struct secret_url *candidate);
    /* Requests from now on use this one. */
    void (*swap)(void *arg, struct access *access, struct secret_url *take);
    /* sentence: for people, no secret; "" for EXPIRING. NULL: nobody listens. */
    void (*news)(void *arg, struct access *access, enum access_news news, const char *sentence);
    void *arg;
};

/* Embedded in whoever waits. */
struct access_waiter {
    /* Once, from the reactor; why NULL: there is a new URL. Must not free the access. */
    void (*woken)(struct access_waiter *waiter, const struct err *why);
    struct access *access;      /* private: NULL = waits for nothing */
    struct access_waiter *next; /* private */
    bool due;                   /* private */
};

/* ---- Life ---- */
struct access *access_new(const struct access_setup *setup, struct err *e);
void access_free(struct access *access); /* NULL is fine; nobody waits. Wipes. */

/* ---- Answers ---- */
/* expires_s 0: its se=, else as long as the first URL was known to live. Also unasked. take is left
 * empty; thrown away while another answer is being checked. */
void access_answer(struct access *access, struct secret_url *take, uint64_t expires_s);
void access_failed(struct access *access, const struct err *why);
void access_checked(struct access *access, const struct err *why); /* why NULL: it is good */

/* ---- Use; access NULL: a side whose URL is what it is ---- */
uint64_t access_generation(const struct access *access);
void access_accepted(struct access *access, uint64_t generation);
/* A request of this generation was refused with RETRY_AFTER_RENEWAL: why, copied, told where no renewal
 * comes. */
enum access_verdict access_refused(struct access *access, uint64_t generation,
                                   const struct err *why);
void access_wait(struct access *access, struct access_waiter *waiter,
                 void (*woken)(struct access_waiter *waiter, const struct err *why));
void access_leave(
    struct access_waiter *waiter); /* woken is not called; fine when it does not wait */
struct access_facts *access_facts(struct access *access); /* NULL for NULL */

/* ---- Look ---- */
bool access_is_awaited(const struct access *access); /* somebody cannot go on */
enum access_side access_side(const struct access *access);
uint64_t access_expires_s(const struct access *access);
const struct err *access_error(const struct access *access); /* why it was given up */
/* The whole URL, secret; NULL until the first renewal, and without keep_text. A view until the next. */
const char *access_text(const struct access *access);
const char *access_side_name(enum access_side side); /* "source", "base", "target" */

#endif
