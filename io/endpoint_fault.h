/* endpoint_fault.h - wraps any endpoint and lets go wrong what can: seeded, so every run can be replayed.
 *
 * Knows:         how each kind of failure looks from above.
 * Must not know: which endpoint is inside, who retries.
 * Threads:       the reactor's. Delays are timers of the reactor, so a simulated clock skips them.
 *
 * Each request draws once from the generator, in the order of submission. The first rule that
 * matches and hits decides; a request no rule hits passes through.
 */
#ifndef IO_ENDPOINT_FAULT_H
#define IO_ENDPOINT_FAULT_H

#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "blockmap/extent.h"
#include "io/endpoint.h"

#define FAULT_RULES_MAX 32u

enum fault_op {
    FAULT_STAT,
    FAULT_SETUP,
    FAULT_LIST,
    FAULT_READ,
    FAULT_WRITE,
    FAULT_ZERO,
    FAULT_FLUSH,
    FAULT_OPS
};
#define FAULT_BIT(op)   (1u << (op))
#define FAULT_BLOCK_OPS (FAULT_BIT(FAULT_READ) | FAULT_BIT(FAULT_WRITE) | FAULT_BIT(FAULT_ZERO))
#define FAULT_ALL_OPS   ((1u << FAULT_OPS) - 1u)

/* What a copy makes of each is stated here and tested in tests/engine/copy_fault_test.c: it SURVIVES a
 * few of them (the target is identical) or REPORTS at once (a named error; the target does not look
 * whole). What is survived is reported when it does not end. */
enum fault_kind {
    /* survived */
    FAULT_THROTTLED,  /* 503 ServerBusy with retry_after_ms; not applied */
    FAULT_NET_BEFORE, /* the connection broke; not applied */
    FAULT_NET_AFTER,  /* the answer was lost; applied */
    FAULT_NET_TORN,   /* writes and zeros: only the first half (in pages) applied; else as BEFORE */
    FAULT_NET_LATE,   /* writes and zeros: fails at once and is applied late_ns later, unless a
                         SETUP_FENCE succeeded in between; else as BEFORE */
    FAULT_CORRUPT,    /* bytes did not match their checksum, and that was noticed; not applied */
    /* reported */
    FAULT_FLIPPED,   /* reads, writes (but no pull, which passes): succeeds with one bit wrong, and
                        nobody notices but verify */
    FAULT_AUTH,      /* 403; stays so for every request until endpoint_fault_renew */
    FAULT_GONE,      /* 404: the plan is stale */
    FAULT_CHANGED,   /* 412: the ETag is another; the plan is stale */
    FAULT_DISK_FULL, /* ENOSPC, no retry; not applied */
    FAULT_DISK_BAD,  /* EIO, no retry; not applied */
    FAULT_KINDS
};

struct fault_rule {
    unsigned ops; /* bits of enum fault_op */
    enum fault_kind kind;
    uint32_t permille;       /* how often it hits what it matches; 1000 = always */
    uint32_t skip_count;     /* that many matching requests pass first */
    uint32_t hits_max;       /* then the rule is spent; 0 = never */
    struct extent within;    /* only requests that touch this; length 0 = any */
    uint32_t retry_after_ms; /* THROTTLED: what the host asks for; 0 = it does not say */
    uint64_t late_ns;        /* NET_LATE */
};

struct fault_options {
    uint64_t seed;
    const struct fault_rule *rules; /* copied */
    size_t rules_count;             /* at most FAULT_RULES_MAX */
    uint64_t delay_min_ns;          /* every answer comes this much later; where max > min the */
    uint64_t delay_max_ns;          /* delay is drawn, and answers overtake each other */
};

/* Takes inner: it is closed with the wrapper. NULL and an error (inner untouched) when memory runs
 * out. While wrapped, inner must be used only through the wrapper. */
struct endpoint *endpoint_fault_new(struct endpoint *take_inner,
                                    const struct fault_options *options, struct err *e);
struct endpoint *endpoint_fault_inner(struct endpoint *ep);

/* Ends the state that FAULT_AUTH began. */
void endpoint_fault_renew(struct endpoint *ep);

/* How often a fault was really injected, so that a test can show it happened. */
uint64_t endpoint_fault_count(const struct endpoint *ep, enum fault_op op, enum fault_kind kind);
uint64_t endpoint_fault_count_kind(const struct endpoint *ep, enum fault_kind kind);
uint64_t endpoint_fault_overtaken_count(const struct endpoint *ep); /* answers out of order */

#endif
