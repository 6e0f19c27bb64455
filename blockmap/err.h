/* err.h - the one error value: what failed, and whether trying again can help.
 *
 * Knows:         kinds of failure, retry verdicts, a sentence for a person.
 * Must not know: who retries, how often; any secret.
 * Threads:       none; a value owned by its caller.
 */
#ifndef BLOCKMAP_ERR_H
#define BLOCKMAP_ERR_H

#include <stdbool.h>
#include <stdint.h>

#define ERR_TEXT_MAX_BYTES       400u
#define ERR_REQUEST_ID_MAX_BYTES 40u

enum err_kind {
    ERR_NONE,
    ERR_IO,        /* the kernel refused: sys_errno says why */
    ERR_NET,       /* no whole answer arrived; the outcome of a write is unknown */
    ERR_AUTH,      /* refused for its signature, its time or its permission */
    ERR_THROTTLED, /* the host asked us to slow down */
    ERR_GONE,      /* what the plan was made for is no longer there, or no longer the same */
    ERR_CORRUPT,   /* bytes do not match their checksum, or a format does not parse */
    ERR_LIMIT,     /* a named limit was reached */
    ERR_USAGE,     /* the person who asked must ask differently */
    ERR_CONFLICT,  /* the host says no for a reason of state: lease, exists, condition */
    ERR_CANCELED   /* stopped by us; nothing is wrong */
};

enum err_retry {
    RETRY_NEVER,
    RETRY_LATER,         /* the same request may succeed after a pause */
    RETRY_AFTER_RENEWAL, /* a fresh SAS may help, once */
    RETRY_REPLAN         /* the plan is stale, not the network bad */
};

struct err {
    enum err_kind kind;
    enum err_retry retry;
    int sys_errno;           /* 0 when the kernel was not the judge */
    int http_status;         /* 0 when there was no HTTP response */
    uint32_t retry_after_ms; /* the server's own wish; 0 = none */
    char code[64];           /* the service's error code, empty when there was none */
    char request_id[ERR_REQUEST_ID_MAX_BYTES]; /* what support will ask for */
    char text[ERR_TEXT_MAX_BYTES];             /* no SAS, no token, ever */
};

/* Sets an empty error, once; returns false, so that `return err_set(e, ...)` reads well.
 * Text that does not fit is cut. */
bool err_set(struct err *e, enum err_kind kind, enum err_retry retry, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The same for a failed system call; adds ": " and the kernel's own words for sys_errno. */
bool err_set_errno(struct err *e, int sys_errno, enum err_retry retry, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts words before the text of an error that is set: which disk, which range. */
void err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Status, code and request id of the answer behind another error; the text stays. */
void err_copy_answer(struct err *e, const struct err *from);

void err_clear(struct err *e);

static inline bool err_is_set(const struct err *e)
{
    return e->kind != ERR_NONE;
}

const char *err_kind_name(enum err_kind kind); /* static text, for traces and JSON */

#endif
