/* call_fault_request.c - see call_fault_request.h. */
#include "tools/regiond/call_fault_request.h"

#include <stdio.h>

#include "tools/regiond/call_fault.h"
#include "tools/regiond/call_fault_list.h"
#include "tools/regiond/call_late.h"
#include "tools/regiond/dispatch.h"
#include "tools/regiond/region_clock.h"
#include "tools/regiond/verb_common.h"

#define NS_PER_MS 1000000u

void call_fault_ask(struct call *call)
{
    const struct exchange *x = &call->x;
    const struct request *r = &x->request;
    const char *comp = request_param(r, "comp");
    struct fault_facts facts = {
        .method = r->method,
        .verb = x->verb ? x->verb->name : "",
        .comp = comp ? comp : "",
        .account = r->account,
        .container = r->container,
        .blob = r->blob,
        .snapshot = r->snapshot,
    };
    struct verb_range range;
    const char *text = request_header(r, "x-ms-range");

    if (!call->config->faults)
        return;
    if (!text)
        text = request_header(r, "Range");
    if (text && verb_range_parse(text, &range)) {
        facts.has_range = true;
        facts.range_offset = range.first;
        facts.range_bytes = range.open_ended ? 0 : range.last - range.first + 1;
    }
    call->has_fault = fault_plan_next(call->config->faults, &facts, &call->fault);
}

bool call_fault_taking(struct call *call)
{
    if (!call->has_fault || call->fault.kind != FAULT_RESET_REQUEST ||
        call->x.body.arrived_bytes < call->fault.after_bytes)
        return true;
    call_fault_reset(call);
    return false;
}

static void fail_by_script(struct call *call)
{
    const struct fault *fault = &call->fault;
    struct service_error *e = &call->x.error;

    if (e->status != 0) /* it is refused already, for a reason of its own */
        return;
    service_fail_named(e, fault->status, fault->code);
    snprintf(e->retry_after, sizeof e->retry_after, "%s", fault->retry_after);
}

/* The verb runs later; whoever asked is told that it timed out. */
static bool run_late(struct call *call)
{
    uint64_t due_ns = region_clock_monotonic_ns() + (uint64_t)call->fault.delay_ms * NS_PER_MS;

    if (call->x.error.status != 0 || !call_late_run(&call->x, call->timer, due_ns))
        return false;
    service_fail(&call->x.error, CODE_OPERATION_TIMED_OUT);
    return true;
}

/* As somebody else's Set Blob Properties that changes nothing but the ETag. */
static bool change_blob(struct call *call)
{
    struct store_key key = verb_key(&call->x);
    struct store_change change = {.sequence_action = STORE_SEQUENCE_KEEP};
    struct store_stamp stamp;

    key.snapshot = NULL;
    return call->x.request.blob[0] && call->x.error.status == 0 &&
           store_blob_change(call->x.parts->store, &key, NULL, &change, &stamp) == STORE_OK;
}

bool call_fault_request(struct call *call)
{
    call_fault_list_arrived(call);
    switch (call->fault.kind) {
    case FAULT_RESET:
    case FAULT_RESET_REQUEST: /* its body was shorter */
        call_fault_reset(call);
        return false;
    case FAULT_STATUS:
        fail_by_script(call);
        break;
    case FAULT_LATE:
        call->has_fault = run_late(call);
        break;
    case FAULT_CORRUPT_STORED:
        call->x.body.unchecked = true;
        call->has_fault = body_spoil(&call->x.body, call->fault.draw);
        break;
    case FAULT_CORRUPT_REQUEST:
        call->has_fault = body_spoil(&call->x.body, call->fault.draw);
        break;
    case FAULT_CHANGE_BLOB:
        call->has_fault = change_blob(call);
        break;
    default:
        break;
    }
    return true;
}
