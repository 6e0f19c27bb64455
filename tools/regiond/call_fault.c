/* call_fault.c - script and shape, made true on a connection. */
#include "tools/regiond/call_fault.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "tools/regiond/call_fault_list.h"
#include "tools/regiond/call_fault_request.h"
#include "tools/regiond/dispatch.h"
#include "tools/regiond/region_clock.h"
#include "tools/regiond/verb_common.h"

#define NS_PER_MS           1000000u
#define PACE_STEP_BYTES     8192u       /* a paced body leaves in no smaller pieces, but its last */
#define PACE_HOLD_MAX_BYTES (64u << 10) /* a body up to this leaves whole, at its end's time */

static bool has_fault(const struct call *call, enum fault_kind kind)
{
    return call->has_fault && call->fault.kind == kind;
}

void call_fault_reset(struct call *call)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

    /* Not SO_LINGER: libmicrohttpd ends the stream in order before it closes. */
    if (info)
        connect(info->connect_fd, &nowhere, sizeof nowhere);
}

static enum call_verdict broken(struct call *call)
{
    call_fault_reset(call);
    return CALL_BREAK;
}

static struct shape_facts shape_facts_of(const struct call *call)
{
    const struct request *r = &call->x.request;

    return (struct shape_facts){r->connection_id, r->account, r->container, r->blob};
}

/* 0: no need to wait. */
static uint64_t ask_shape(struct call *call)
{
    struct service_error *e = &call->x.error;
    struct shape_facts facts = shape_facts_of(call);
    struct shape_verdict verdict =
        shape_arrived(call->config->shape, &facts, call->x.body.arrived_bytes,
                      region_clock_monotonic_ns());

    if (verdict.busy && e->status == 0) {
        service_fail_custom(e, 503, service_code_name(CODE_SERVER_BUSY), verdict.busy_text);
        if (verdict.retry_after_s)
            snprintf(e->retry_after, sizeof e->retry_after, "%" PRIu32, verdict.retry_after_s);
    }
    return verdict.busy ? 0 : verdict.delay_ns;
}

enum call_verdict call_fault_arrived(struct call *call)
{
    uint64_t wait_ns = 0;

    if (call->has_fault && !call_fault_request(call))
        return CALL_BREAK;
    if (call->config->shape)
        wait_ns = ask_shape(call);
    if (wait_ns == 0)
        return CALL_GO_ON;
    call_hold(call, region_clock_monotonic_ns() + wait_ns);
    return CALL_HOLD;
}

/* ---- The answer ---- */

/* "bytes A-B/T" becomes "bytes A+512-B+512/T". */
static void shift_content_range(struct call *call)
{
    static const char name[] = "Content-Range";
    const char *old = answer_header_find(&call->x.answer, name);
    unsigned long long first;
    unsigned long long last;
    unsigned long long total;
    char text[80];

    if (!old || sscanf(old, "bytes %llu-%llu/%llu", &first, &last, &total) != 3)
        return;
    snprintf(text, sizeof text, "bytes %llu-%llu/%llu", first + STORE_PAGE_BYTES,
             last + STORE_PAGE_BYTES, total);
    answer_header_change(&call->x.answer, name, text);
}

static bool has_body(const struct call *call)
{
    return call->x.answer.body != ANSWER_EMPTY && strcmp(call->x.request.method, "HEAD") != 0;
}

static bool pace_of(struct call *call)
{
    struct shape_facts facts = shape_facts_of(call);
    uint64_t bytes = has_body(call) ? call->x.answer.body_bytes : 0;
    uint64_t drip_ns = 0;

    call->leaving_ns = region_clock_monotonic_ns();
    if (call->config->shape)
        call->pace = shape_leaving(call->config->shape, &facts, bytes, call->leaving_ns);
    if (has_fault(call, FAULT_DRIP) && call->fault.bytes_per_second > 0)
        drip_ns = (uint64_t)((double)bytes * 1e9 / (double)call->fault.bytes_per_second);
    if (drip_ns > call->pace.end_ns - call->pace.begin_ns)
        call->pace.end_ns = call->pace.begin_ns + drip_ns;
    return call->pace.end_ns > 0;
}

/* A fault that needs a body, a list or a Content-Range did not happen where there is none: the log must
 * not say that it did. */
static bool can_happen(const struct call *call)
{
    const struct answer *a = &call->x.answer;

    switch (call->fault.kind) {
    case FAULT_RESET_BODY:
    case FAULT_CLOSE_BODY:
    case FAULT_SHORT_BODY:
    case FAULT_DRIP:
    case FAULT_STALL:
    case FAULT_CORRUPT_BODY:
        return has_body(call) && a->body_bytes > 0;
    case FAULT_CONTENT_RANGE:
        return answer_header_find(a, "Content-Range") != NULL;
    case FAULT_LIST_DUPLICATE:
    case FAULT_LIST_REORDER:
    case FAULT_LIST_DROP:
    case FAULT_LIST_BEYOND_END:
    case FAULT_LIST_TRUNCATE:
    case FAULT_LIST_MARKER:
    case FAULT_LIST_SHORT:
    case FAULT_LIST_SWAP:
        return has_body(call) && a->status == 200 && a->body_bytes == ANSWER_BYTES_UNKNOWN;
    default:
        return true;
    }
}

static bool spoil_answer(struct call *call)
{
    struct answer *a = &call->x.answer;

    call->has_fault = call->has_fault && can_happen(call);
    if (has_fault(call, FAULT_CONTENT_RANGE))
        shift_content_range(call);
    if (has_body(call) && a->body_bytes == ANSWER_BYTES_UNKNOWN && !answer_collect(a))
        return false;
    if (call->has_fault && a->status == 200 && a->body == ANSWER_TEXT)
        call_fault_list(call);
    if (has_fault(call, FAULT_SHORT_BODY) && has_body(call))
        a->body_bytes -=
            call->fault.after_bytes < a->body_bytes ? call->fault.after_bytes : a->body_bytes;
    return true;
}

enum call_verdict call_fault_leaving(struct call *call)
{
    uint64_t hold_ns = 0;

    if (!call->config->shape && !call->has_fault)
        return CALL_GO_ON;
    if (has_fault(call, FAULT_LOST_ANSWER))
        return broken(call);
    if (!spoil_answer(call))
        return CALL_BREAK;
    if (has_fault(call, FAULT_DELAY))
        hold_ns = (uint64_t)call->fault.delay_ms * NS_PER_MS;
    if (pace_of(call) && !has_fault(call, FAULT_DRIP) &&
        (!has_body(call) || call->x.answer.body_bytes <= PACE_HOLD_MAX_BYTES)) {
        hold_ns += call->pace.end_ns;
        call->pace = (struct shape_pace){0};
    }
    if (hold_ns == 0)
        return CALL_GO_ON;
    call_hold(call, region_clock_monotonic_ns() + hold_ns);
    return CALL_HOLD;
}

/* ---- The body ---- */

bool call_fault_wants_body(const struct call *call)
{
    if (!has_body(call) || call->x.answer.body_bytes == ANSWER_BYTES_UNKNOWN)
        return false;
    return call->pace.end_ns > 0 || has_fault(call, FAULT_RESET_BODY) ||
           has_fault(call, FAULT_CLOSE_BODY) || has_fault(call, FAULT_SHORT_BODY) ||
           has_fault(call, FAULT_STALL) || has_fault(call, FAULT_CORRUPT_BODY);
}

/* How many of max_bytes may leave now; 0: the call is held and will be asked again. */
static size_t paced(struct call *call, uint64_t at, size_t max_bytes)
{
    uint64_t total = call->x.answer.body_bytes;
    uint64_t step = at + PACE_STEP_BYTES < total ? at + PACE_STEP_BYTES : total;
    uint64_t allowed;

    if (call->pace.end_ns == 0)
        return max_bytes;
    allowed = shape_pace_bytes(&call->pace, total, region_clock_monotonic_ns() - call->leaving_ns);
    if (allowed >= step)
        return allowed - at < max_bytes ? (size_t)(allowed - at) : max_bytes;
    call_hold(call, call->leaving_ns + shape_pace_due_ns(&call->pace, total, step));
    return 0;
}

static void corrupt(const struct call *call, uint64_t at, char *bytes, size_t n)
{
    uint64_t wrong = call->fault.draw % call->x.answer.body_bytes;

    if (has_fault(call, FAULT_CORRUPT_BODY) && wrong >= at && wrong - at < n)
        bytes[wrong - at] = (char)(bytes[wrong - at] ^ 0x10);
}

/* A fault after after_bytes: clips what goes before it. True: it is now. */
static bool clipped_to_fault(const struct call *call, uint64_t at, size_t *io_max_bytes)
{
    uint64_t after = call->fault.after_bytes;

    if (!has_fault(call, FAULT_RESET_BODY) && !has_fault(call, FAULT_CLOSE_BODY) &&
        !(has_fault(call, FAULT_STALL) && !call->stalled))
        return false;
    if (at >= after)
        return true;
    if (*io_max_bytes > after - at)
        *io_max_bytes = (size_t)(after - at);
    return false;
}

ssize_t call_fault_body(void *context, uint64_t at, char *out, size_t max_bytes)
{
    struct call *call = context;
    ssize_t n;

    if (clipped_to_fault(call, at, &max_bytes)) {
        if (has_fault(call, FAULT_STALL)) {
            call->stalled = true;
            call_hold(call,
                      region_clock_monotonic_ns() + (uint64_t)call->fault.delay_ms * NS_PER_MS);
            return 0;
        }
        if (has_fault(call, FAULT_RESET_BODY))
            call_fault_reset(call);
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    max_bytes = paced(call, at, max_bytes);
    if (max_bytes == 0)
        return 0;
    n = answer_body_read(&call->x.answer, at, out, max_bytes);
    if (n <= 0)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    corrupt(call, at, out, (size_t)n);
    return n;
}
