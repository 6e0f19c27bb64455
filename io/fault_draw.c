/* fault_draw.c - see fault_draw.h. */
#include "io/fault_draw.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

void fault_draw_init(struct fault_draw *draw, const struct fault_options *options)
{
    assert(options->rules_count <= FAULT_RULES_MAX);
    memset(draw, 0, sizeof *draw);
    draw->random = options->seed;
    draw->rules_count = options->rules_count;
    if (options->rules_count)
        memcpy(draw->rules, options->rules, options->rules_count * sizeof options->rules[0]);
}

uint64_t fault_draw_random(struct fault_draw *draw)
{
    uint64_t z = (draw->random += 0x9E3779B97F4A7C15ull);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

/* Where the kind can happen. */
static unsigned fault_ops_of(enum fault_kind kind)
{
    return kind == FAULT_FLIPPED ? FAULT_BIT(FAULT_READ) | FAULT_BIT(FAULT_WRITE) : FAULT_ALL_OPS;
}

uint32_t fault_draw(struct fault_draw *draw, enum fault_op op, struct extent extent)
{
    uint64_t drawn = fault_draw_random(draw) % 1000;

    for (uint32_t i = 0; i < draw->rules_count; i++) {
        const struct fault_rule *rule = &draw->rules[i];

        if (!(rule->ops & fault_ops_of(rule->kind) & FAULT_BIT(op)))
            continue;
        if (rule->within.length && !extent_common(rule->within, extent).length)
            continue;
        if (draw->matched[i]++ < rule->skip_count)
            continue;
        if (rule->hits_max && draw->hits[i] >= rule->hits_max)
            continue;
        if (drawn >= rule->permille)
            continue;
        draw->hits[i]++;
        draw->counts[op][rule->kind]++;
        return i;
    }
    return FAULT_NO_RULE;
}

static void fault_set_throttled(struct err *e, uint32_t retry_after_ms)
{
    err_set(e, ERR_THROTTLED, RETRY_LATER, "injected: 503 ServerBusy");
    e->http_status = 503;
    e->retry_after_ms = retry_after_ms;
    snprintf(e->request_id, sizeof e->request_id, "injected");
}

void fault_draw_error(const struct fault_draw *draw, uint32_t rule, struct err *e)
{
    err_clear(e);
    switch (draw->rules[rule].kind) {
    case FAULT_THROTTLED:
        fault_set_throttled(e, draw->rules[rule].retry_after_ms);
        break;
    case FAULT_NET_BEFORE:
    case FAULT_NET_AFTER:
    case FAULT_NET_TORN:
    case FAULT_NET_LATE:
        err_set(e, ERR_NET, RETRY_LATER, "injected: the connection was lost");
        break;
    case FAULT_CORRUPT:
        err_set(e, ERR_CORRUPT, RETRY_LATER, "injected: bytes do not match their checksum");
        break;
    case FAULT_AUTH:
        err_set(e, ERR_AUTH, RETRY_AFTER_RENEWAL, "injected: 403 AuthenticationFailed");
        e->http_status = 403;
        break;
    case FAULT_GONE:
        err_set(e, ERR_GONE, RETRY_REPLAN, "injected: 404 BlobNotFound");
        e->http_status = 404;
        break;
    case FAULT_CHANGED:
        err_set(e, ERR_GONE, RETRY_REPLAN, "injected: 412 ConditionNotMet");
        e->http_status = 412;
        break;
    case FAULT_DISK_FULL:
        err_set_errno(e, ENOSPC, RETRY_NEVER, "injected");
        break;
    case FAULT_DISK_BAD:
        err_set_errno(e, EIO, RETRY_NEVER, "injected");
        break;
    case FAULT_FLIPPED:
    case FAULT_KINDS:
        break;
    }
}
