/* verb_lease.c - Lease Blob: acquire, renew, change, release, break. */
#include <string.h>
#include <strings.h>

#include "tools/regiond/verb_common.h"
#include "tools/regiond/verbs.h"

#define LEASE_MIN_SECONDS       15
#define LEASE_MAX_SECONDS       60
#define LEASE_BREAK_MAX_SECONDS 60

struct lease_action_row {
    const char *name;
    enum store_lease_action action;
    bool needs_id;
    unsigned status;
};

static const struct lease_action_row lease_actions[] = {
    {"acquire", STORE_LEASE_ACQUIRE, false, 201}, {"renew", STORE_LEASE_RENEW, true, 200},
    {"change", STORE_LEASE_CHANGE, true, 200},    {"release", STORE_LEASE_RELEASE, true, 200},
    {"break", STORE_LEASE_BREAK, false, 202},
};

static const struct lease_action_row *lease_action_of(struct exchange *x)
{
    static const char name[] = "x-ms-lease-action";
    const char *text = verb_required_header(x, name);

    if (!text)
        return NULL;
    for (size_t i = 0; i < sizeof lease_actions / sizeof lease_actions[0]; i++)
        if (strcasecmp(text, lease_actions[i].name) == 0)
            return &lease_actions[i];
    service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, name, text);
    return NULL;
}

/* 8-4-4-4-12 hexadecimal digits */
static bool is_guid(const char *text)
{
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool hex = (text[i] >= '0' && text[i] <= '9') ||
                   ((text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'f');

        if (dash ? text[i] != '-' : !hex)
            return false;
    }
    return text[36] == '\0';
}

static bool lease_id_header(struct exchange *x, const char *name, bool required, const char **out)
{
    *out = request_header(&x->request, name);
    if (!*out && required)
        return service_fail_header(&x->error, CODE_MISSING_REQUIRED_HEADER, name, NULL);
    if (*out && !is_guid(*out))
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, name, *out);
    return true;
}

static bool seconds_header(struct exchange *x, const char *name, int32_t least, int32_t most,
                           int32_t *out)
{
    const char *text = request_header(&x->request, name);
    uint64_t value;
    bool given;

    if (text && strcmp(text, "-1") == 0 && least > 0) {
        *out = -1;
        return true;
    }
    if (!verb_u64_header(x, name, &given, &value))
        return false;
    if (!given)
        return true;
    if (value < (uint64_t)least || value > (uint64_t)most)
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, name, text);
    *out = (int32_t)value;
    return true;
}

static bool lease_request_of(struct exchange *x, const struct lease_action_row *row,
                             struct store_lease_request *out)
{
    bool acquires = row->action == STORE_LEASE_ACQUIRE;
    bool changes = row->action == STORE_LEASE_CHANGE;

    *out = (struct store_lease_request){.action = row->action, .break_period_s = -1};
    if (acquires && !verb_required_header(x, "x-ms-lease-duration"))
        return false;
    if (row->needs_id && !lease_id_header(x, "x-ms-lease-id", true, &out->lease_id))
        return false;
    if ((acquires || changes) &&
        !lease_id_header(x, "x-ms-proposed-lease-id", changes, &out->proposed_id))
        return false;
    if (acquires)
        return seconds_header(x, "x-ms-lease-duration", LEASE_MIN_SECONDS, LEASE_MAX_SECONDS,
                              &out->duration_s);
    if (row->action == STORE_LEASE_BREAK)
        return seconds_header(x, "x-ms-lease-break-period", 0, LEASE_BREAK_MAX_SECONDS,
                              &out->break_period_s);
    return true;
}

bool verb_lease_blob(struct exchange *x)
{
    const struct lease_action_row *row = lease_action_of(x);
    struct store_lease_request request;
    struct store_lease_answer answer = {0};
    struct store_key key = verb_key(x);
    struct store_conditions when;

    if (!row || !lease_request_of(x, row, &request) || !verb_conditions(x, &when))
        return false;
    when.lease_id = NULL; /* here it names what is acted on, it is no condition */
    if (!verb_stored(x, store_blob_lease(x->parts->store, &key, &when, &request, &answer)))
        return false;
    verb_answer(x, row->status);
    verb_answer_stamp(x, &answer.stamp);
    if (answer.lease_id[0])
        answer_header(&x->answer, "x-ms-lease-id", answer.lease_id);
    if (row->action == STORE_LEASE_BREAK)
        answer_header_u64(&x->answer, "x-ms-lease-time", answer.remaining_s);
    return true;
}
