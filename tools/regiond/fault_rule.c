/* fault_rule.c - the members of a rule: a table each for numbers and for texts. */
#include "tools/regiond/fault_rule.h"

#include <stdio.h>
#include <string.h>

static const char *const kind_names[FAULT_KINDS] = {
    [FAULT_STATUS] = "status",
    [FAULT_RESET] = "reset",
    [FAULT_LOST_ANSWER] = "lostAnswer",
    [FAULT_LATE] = "late",
    [FAULT_RESET_BODY] = "resetBody",
    [FAULT_CLOSE_BODY] = "closeBody",
    [FAULT_SHORT_BODY] = "shortBody",
    [FAULT_DRIP] = "drip",
    [FAULT_STALL] = "stall",
    [FAULT_DELAY] = "delay",
    [FAULT_CORRUPT_BODY] = "corruptBody",
    [FAULT_CONTENT_RANGE] = "wrongContentRange",
    [FAULT_LIST_DUPLICATE] = "listDuplicate",
    [FAULT_LIST_REORDER] = "listReorder",
    [FAULT_LIST_DROP] = "listDrop",
    [FAULT_LIST_BEYOND_END] = "listBeyondEnd",
    [FAULT_LIST_TRUNCATE] = "listTruncate",
    [FAULT_LIST_MARKER] = "listSameMarker",
    [FAULT_LIST_SHORT] = "listShortPage",
    [FAULT_LIST_SWAP] = "listSwapPages",
    [FAULT_RESET_REQUEST] = "resetRequest",
    [FAULT_CORRUPT_REQUEST] = "corruptRequest",
    [FAULT_CORRUPT_STORED] = "corruptStored",
    [FAULT_CHANGE_BLOB] = "changeBlob",
};

const char *fault_kind_name(enum fault_kind kind)
{
    return kind_names[kind];
}

struct reading {
    char *out_text;
    size_t text_bytes;
};

static bool say(const struct reading *in, const char *name, const char *why)
{
    snprintf(in->out_text, in->text_bytes, "%s: %s", name, why);
    return false;
}

static bool read_text(const struct reading *in, const char *name, const json_t *value, char *out,
                      size_t out_bytes)
{
    const char *text = json_string_value(value);

    if (!text || strlen(text) >= out_bytes || json_string_length(value) != strlen(text))
        return say(in, name, "must be a text, and shorter");
    strcpy(out, text);
    return true;
}

static bool read_number(const struct reading *in, const char *name, const json_t *value,
                        uint64_t max, uint64_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) > max)
        return say(in, name, "must be a whole number, not negative, and smaller");
    *out = (uint64_t)json_integer_value(value);
    return true;
}

/* ---- match ---- */

static bool read_range(const struct reading *in, const json_t *value, struct fault_match *out)
{
    if (!json_is_array(value) || json_array_size(value) != 2)
        return say(in, "range", "must be [FIRST, LAST], bytes, both inclusive");
    out->has_range = true;
    return read_number(in, "range", json_array_get(value, 0), INT64_MAX, &out->range_first) &&
           read_number(in, "range", json_array_get(value, 1), INT64_MAX, &out->range_last) &&
           (out->range_first <= out->range_last || say(in, "range", "ends before it begins"));
}

static bool read_match_member(const struct reading *in, const char *name, const json_t *value,
                              struct fault_match *out)
{
    const struct {
        const char *name;
        char *out;
        size_t bytes;
    } texts[] = {
        {"method", out->method, sizeof out->method},
        {"verb", out->verb, sizeof out->verb},
        {"account", out->account, sizeof out->account},
        {"container", out->container, sizeof out->container},
        {"blob", out->blob, sizeof out->blob},
        {"comp", out->comp, sizeof out->comp},
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(name, texts[i].name) != 0)
            continue;
        out->has_comp = out->has_comp || strcmp(name, "comp") == 0;
        return read_text(in, name, value, texts[i].out, texts[i].bytes);
    }
    if (strcmp(name, "range") == 0)
        return read_range(in, value, out);
    if (strcmp(name, "snapshot") == 0 && json_is_boolean(value)) {
        out->has_snapshot = true;
        out->snapshot = json_is_true(value);
        return true;
    }
    return say(in, name, "not something a rule can match");
}

static bool read_match(const struct reading *in, const json_t *value, struct fault_match *out)
{
    const char *name;
    json_t *member;

    if (!json_is_object(value))
        return say(in, "match", "must be an object");
    json_object_foreach((json_t *)(uintptr_t)value, name,
                        member) if (!read_match_member(in, name, member, out)) return false;
    return true;
}

/* ---- The rule ---- */

static bool read_nth(const struct reading *in, const json_t *value, struct fault_rule *out)
{
    size_t n = json_is_array(value) ? json_array_size(value) : 1;

    if (n < 1 || n > FAULT_NTH_MAX_COUNT)
        return say(in, "nth", "must be a number or a list of at most 64");
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_is_array(value) ? json_array_get(value, i) : value;

        if (!read_number(in, "nth", one, INT64_MAX, &out->nth[i]))
            return false;
        if (out->nth[i] == 0)
            return say(in, "nth", "counts from 1");
    }
    out->nth_count = n;
    return true;
}

static bool read_kind(const struct reading *in, const json_t *value, struct fault *out)
{
    const char *text = json_string_value(value);

    for (size_t i = 0; text && i < FAULT_KINDS; i++) {
        if (strcmp(text, kind_names[i]) != 0)
            continue;
        out->kind = (enum fault_kind)i;
        return true;
    }
    return say(in, "fault", "not a kind of fault");
}

static bool read_retry_after(const struct reading *in, const json_t *value, struct fault *out)
{
    uint64_t seconds;

    if (json_is_string(value))
        return read_text(in, "retryAfter", value, out->retry_after, sizeof out->retry_after);
    if (!read_number(in, "retryAfter", value, 86400, &seconds))
        return false;
    snprintf(out->retry_after, sizeof out->retry_after, "%u", (unsigned)seconds);
    return true;
}

static bool read_entries(const struct reading *in, const json_t *value, struct fault *out)
{
    uint64_t entries;

    if (!read_number(in, "entries", value, 10000, &entries))
        return false;
    if (entries == 0)
        return say(in, "entries", "at least 1");
    snprintf(out->entries, sizeof out->entries, "%u", (unsigned)entries);
    return true;
}

static bool read_rule_number(const struct reading *in, const char *name, const json_t *value,
                             struct fault_rule *out, bool *out_known)
{
    uint64_t delay_ms = out->fault.delay_ms;
    uint64_t status = out->fault.status;
    const struct {
        const char *name;
        uint64_t max;
        uint64_t *out;
    } numbers[] = {
        {"after", INT64_MAX, &out->after},
        {"every", INT64_MAX, &out->every},
        {"times", INT64_MAX, &out->times},
        {"timesPerRange", INT64_MAX, &out->times_per_range},
        {"afterBytes", INT64_MAX, &out->fault.after_bytes},
        {"bytesPerSecond", UINT64_C(1) << 40, &out->fault.bytes_per_second},
        {"ms", FAULT_TIME_MAX_MS, &delay_ms},
        {"status", 599, &status},
    };
    bool done = true;

    *out_known = false;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(name, numbers[i].name) != 0)
            continue;
        *out_known = true;
        done = read_number(in, name, value, numbers[i].max, numbers[i].out);
    }
    out->fault.delay_ms = (uint32_t)delay_ms;
    out->fault.status = (unsigned)status;
    return done;
}

static bool read_member(const struct reading *in, const char *name, const json_t *value,
                        struct fault_rule *out)
{
    bool known;
    bool done = read_rule_number(in, name, value, out, &known);

    if (known)
        return done;
    if (strcmp(name, "name") == 0)
        return read_text(in, name, value, out->fault.name, sizeof out->fault.name);
    if (strcmp(name, "match") == 0)
        return read_match(in, value, &out->match);
    if (strcmp(name, "fault") == 0)
        return read_kind(in, value, &out->fault);
    if (strcmp(name, "code") == 0)
        return read_text(in, name, value, out->fault.code, sizeof out->fault.code);
    if (strcmp(name, "retryAfter") == 0)
        return read_retry_after(in, value, &out->fault);
    if (strcmp(name, "entries") == 0)
        return read_entries(in, value, &out->fault);
    if (strcmp(name, "nth") == 0)
        return read_nth(in, value, out);
    if (strcmp(name, "probability") == 0 && json_is_number(value)) {
        out->probability = json_number_value(value);
        return (out->probability >= 0 && out->probability <= 1) || say(in, name, "is from 0 to 1");
    }
    return say(in, name, "not a member of a rule");
}

/* What a kind needs besides, and the code a status has unless the rule gives one. */
static bool complete(const struct reading *in, struct fault *fault)
{
    static const struct {
        unsigned status;
        const char *code;
    } usual[] = {{403, "AuthenticationFailed"}, {404, "BlobNotFound"},  {408, "OperationTimedOut"},
                 {429, "TooManyRequests"},      {500, "InternalError"}, {502, "BadGateway"},
                 {503, "ServerBusy"},           {504, "GatewayTimeout"}};

    if (fault->kind == FAULT_DRIP && fault->bytes_per_second == 0)
        return say(in, fault->name, "drip needs bytesPerSecond");
    if ((fault->kind == FAULT_LATE || fault->kind == FAULT_DELAY) && fault->delay_ms == 0)
        return say(in, fault->name, "needs ms");
    if (fault->kind == FAULT_LIST_SHORT && fault->entries[0] == '\0')
        return say(in, fault->name, "listShortPage needs entries");
    if (fault->kind == FAULT_STALL && fault->delay_ms == 0)
        fault->delay_ms = FAULT_TIME_MAX_MS;
    if (fault->kind == FAULT_SHORT_BODY && fault->after_bytes == 0)
        fault->after_bytes = 1;
    if (fault->kind != FAULT_STATUS)
        return true;
    if (fault->status < 300)
        return say(in, fault->name, "status needs a status from 300 to 599");
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        if (fault->code[0] == '\0' && fault->status == usual[i].status)
            strcpy(fault->code, usual[i].code);
    return fault->code[0] || say(in, fault->name, "this status needs a code");
}

bool fault_rule_read(const json_t *object, size_t index, struct fault_rule *out, char *out_text,
                     size_t text_bytes)
{
    struct reading in = {out_text, text_bytes};
    const char *name;
    json_t *value;

    *out = (struct fault_rule){.probability = 1};
    if (!json_is_object(object))
        return say(&in, "rule", "must be an object");
    if (!json_object_get(object, "fault"))
        return say(&in, "rule", "needs \"fault\", the kind of it");
    json_object_foreach((json_t *)(uintptr_t)object, name,
                        value) if (!read_member(&in, name, value, out)) return false;
    if (out->fault.name[0] == '\0')
        snprintf(out->fault.name, sizeof out->fault.name, "%s-%zu", kind_names[out->fault.kind],
                 index);
    return complete(&in, &out->fault);
}

/* ---- Matching ---- */

static bool same_or_any(const char *wanted, const char *given)
{
    return wanted[0] == '\0' || strcmp(wanted, given) == 0;
}

bool fault_rule_matches(const struct fault_match *m, const struct fault_facts *f)
{
    if (!same_or_any(m->method, f->method) || !same_or_any(m->verb, f->verb) ||
        !same_or_any(m->account, f->account) || !same_or_any(m->container, f->container) ||
        !same_or_any(m->blob, f->blob))
        return false;
    if (m->has_comp && strcmp(m->comp, f->comp) != 0)
        return false;
    if (m->has_snapshot && m->snapshot != (f->snapshot[0] != '\0'))
        return false;
    if (!m->has_range)
        return true;
    return f->has_range && f->range_bytes > 0 && f->range_offset <= m->range_last &&
           (m->range_first <= f->range_offset || m->range_first - f->range_offset < f->range_bytes);
}
