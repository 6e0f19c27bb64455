/* verb_common.c - the store's words and the service's headers, translated. */
#include "tools/regiond/verb_common.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct store_key verb_key(const struct exchange *x)
{
    const struct request *r = &x->request;

    return (struct store_key){
        .account = r->account,
        .container = r->container,
        .blob = r->blob,
        .snapshot = r->snapshot[0] ? r->snapshot : NULL,
    };
}

static bool parse_u64(const char *text, uint64_t *out)
{
    uint64_t value = 0;

    if (*text == '\0')
        return false;
    for (; *text; text++) {
        unsigned digit = (unsigned)(*text - '0');

        if (digit > 9 || value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool verb_u64_header(struct exchange *x, const char *name, bool *out_given, uint64_t *out_value)
{
    const char *text = request_header(&x->request, name);

    *out_given = text != NULL;
    if (!text)
        return true;
    if (!parse_u64(text, out_value))
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, name, text);
    return true;
}

const char *verb_required_header(struct exchange *x, const char *name)
{
    const char *value = request_header(&x->request, name);

    if (!value)
        service_fail_header(&x->error, CODE_MISSING_REQUIRED_HEADER, name, NULL);
    return value;
}

static bool time_header(struct exchange *x, const char *name, uint64_t *out)
{
    const char *text = request_header(&x->request, name);

    if (!text)
        return true;
    if (!answer_time_parse(text, out))
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, name, text);
    return true;
}

static bool sequence_header(struct exchange *x, const char *name, struct store_sequence_limit *out)
{
    return verb_u64_header(x, name, &out->set, &out->value);
}

bool verb_conditions(struct exchange *x, struct store_conditions *out)
{
    const struct request *r = &x->request;

    *out = (struct store_conditions){
        .if_match = request_header(r, "If-Match"),
        .if_none_match = request_header(r, "If-None-Match"),
        .lease_id = request_header(r, "x-ms-lease-id"),
    };
    if (!time_header(x, "If-Modified-Since", &out->if_modified_since_s) ||
        !time_header(x, "If-Unmodified-Since", &out->if_unmodified_since_s))
        return false;
    if (r->is_disk_host && r->caller != CALLER_KEY &&
        (out->if_match || out->if_none_match || request_header(r, "If-Modified-Since") ||
         request_header(r, "If-Unmodified-Since")))
        return service_fail(&x->error, CODE_CONDITION_HEADERS_NOT_SUPPORTED);
    return sequence_header(x, "x-ms-if-sequence-number-le", &out->sequence_le) &&
           sequence_header(x, "x-ms-if-sequence-number-lt", &out->sequence_lt) &&
           sequence_header(x, "x-ms-if-sequence-number-eq", &out->sequence_eq);
}

bool verb_range_parse(const char *text, struct verb_range *out)
{
    char *end;

    *out = (struct verb_range){0};
    if (strncasecmp(text, "bytes=", 6) != 0 || text[6] < '0' || text[6] > '9')
        return false;
    out->first = strtoull(text + 6, &end, 10);
    if (*end != '-')
        return false;
    text = end + 1;
    out->open_ended = *text == '\0';
    out->last = UINT64_MAX;
    if (!out->open_ended && !parse_u64(text, &out->last))
        return false;
    out->given = true;
    return out->first < UINT64_MAX && out->first <= out->last;
}

bool verb_range(struct exchange *x, struct verb_range *out)
{
    const char *name = "x-ms-range";
    const char *text = request_header(&x->request, name);

    *out = (struct verb_range){0};
    if (!text) {
        name = "Range";
        text = request_header(&x->request, name);
    }
    if (!text)
        return true;
    if (!verb_range_parse(text, out))
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, name, text);
    x->facts.has_range = true;
    x->facts.range_offset = out->first;
    x->facts.range_bytes = out->open_ended ? 0 : out->last - out->first + 1;
    return true;
}

/* Names are C identifiers, as the service requires. */
static bool metadata_name_ok(const char *name)
{
    if (*name >= '0' && *name <= '9')
        return false;
    for (; *name; name++) {
        bool letter = (*name | 0x20) >= 'a' && (*name | 0x20) <= 'z';

        if (!letter && !(*name >= '0' && *name <= '9') && *name != '_')
            return false;
    }
    return true;
}

bool verb_metadata(struct exchange *x, struct store_pairs *out)
{
    const struct request *r = &x->request;
    size_t prefix = strlen(METADATA_PREFIX);
    size_t bytes = 0;

    for (size_t i = 0; i < r->header_count; i++) {
        const char *name = r->headers[i].name;

        if (strncasecmp(name, METADATA_PREFIX, prefix) != 0)
            continue;
        name += prefix;
        if (*name == '\0')
            return service_fail(&x->error, CODE_EMPTY_METADATA_KEY);
        if (!metadata_name_ok(name) || store_pairs_get(out, name))
            return service_fail(&x->error, CODE_INVALID_METADATA);
        bytes += strlen(name) + strlen(r->headers[i].value);
        if (bytes > STORE_PAIRS_BYTES_MAX)
            return service_fail(&x->error, CODE_METADATA_TOO_LARGE);
        if (!store_pairs_add(out, name, r->headers[i].value))
            return service_fail(&x->error, CODE_INTERNAL_ERROR);
    }
    return true;
}

bool verb_max_results(struct exchange *x, size_t limit, size_t *out_count)
{
    const char *text = request_param(&x->request, "maxresults");
    uint64_t value;

    *out_count = limit;
    if (!text)
        return true;
    if (*text == '-' && parse_u64(text + 1, &value))
        value = 0;
    else if (!parse_u64(text, &value))
        return service_fail_query(&x->error, CODE_INVALID_QUERY_PARAMETER_VALUE, "maxresults",
                                  text);
    if (value == 0)
        return service_fail_query(&x->error, CODE_OUT_OF_RANGE_QUERY_PARAMETER_VALUE, "maxresults",
                                  text);
    if (value < limit)
        *out_count = (size_t)value;
    return true;
}

static const enum service_code code_of_result[] = {
    [STORE_CONTAINER_NOT_FOUND] = CODE_CONTAINER_NOT_FOUND,
    [STORE_CONTAINER_EXISTS] = CODE_CONTAINER_ALREADY_EXISTS,
    [STORE_BLOB_NOT_FOUND] = CODE_BLOB_NOT_FOUND,
    [STORE_BLOB_EXISTS] = CODE_BLOB_ALREADY_EXISTS,
    [STORE_SNAPSHOT_NOT_FOUND] = CODE_BLOB_NOT_FOUND,
    [STORE_SNAPSHOTS_PRESENT] = CODE_SNAPSHOTS_PRESENT,
    [STORE_SNAPSHOT_LIMIT] = CODE_SNAPSHOT_COUNT_EXCEEDED,
    [STORE_PREVIOUS_NOT_FOUND] = CODE_PREVIOUS_SNAPSHOT_NOT_FOUND,
    [STORE_PREVIOUS_NEWER] = CODE_PREVIOUS_SNAPSHOT_CANNOT_BE_NEWER,
    [STORE_OVERWRITTEN] = CODE_BLOB_OVERWRITTEN,
    [STORE_INVALID_BLOB_TYPE] = CODE_INVALID_BLOB_TYPE,
    [STORE_INVALID_PAGE_RANGE] = CODE_INVALID_PAGE_RANGE,
    [STORE_INVALID_RANGE] = CODE_INVALID_RANGE,
    [STORE_INVALID_SIZE] = CODE_INVALID_HEADER_VALUE,
    [STORE_INVALID_VALUE] = CODE_INVALID_INPUT,
    [STORE_POLICY_LIMIT] = CODE_INVALID_XML_DOCUMENT,
    [STORE_BLOB_LIMIT] = CODE_INSUFFICIENT_ACCOUNT_PERMISSIONS,
    [STORE_CONDITION_NOT_MET] = CODE_CONDITION_NOT_MET,
    [STORE_NOT_MODIFIED] = CODE_CONDITION_NOT_MET,
    [STORE_SEQUENCE_NOT_MET] = CODE_SEQUENCE_NUMBER_CONDITION_NOT_MET,
    [STORE_SEQUENCE_TOO_LARGE] = CODE_SEQUENCE_NUMBER_INCREMENT_TOO_LARGE,
    [STORE_LEASE_ID_MISSING] = CODE_LEASE_ID_MISSING,
    [STORE_LEASE_MISMATCH_BLOB] = CODE_LEASE_ID_MISMATCH_WITH_BLOB_OPERATION,
    [STORE_LEASE_NOT_PRESENT_BLOB] = CODE_LEASE_NOT_PRESENT_WITH_BLOB_OPERATION,
    [STORE_LEASE_LOST] = CODE_LEASE_LOST,
    [STORE_LEASE_MISMATCH] = CODE_LEASE_ID_MISMATCH_WITH_LEASE_OPERATION,
    [STORE_LEASE_NOT_PRESENT] = CODE_LEASE_NOT_PRESENT_WITH_LEASE_OPERATION,
    [STORE_LEASE_ALREADY_PRESENT] = CODE_LEASE_ALREADY_PRESENT,
    [STORE_LEASE_BREAKING_NO_ACQUIRE] = CODE_LEASE_IS_BREAKING_AND_CANNOT_BE_ACQUIRED,
    [STORE_LEASE_BREAKING_NO_CHANGE] = CODE_LEASE_IS_BREAKING_AND_CANNOT_BE_CHANGED,
    [STORE_LEASE_BROKEN_NO_RENEW] = CODE_LEASE_IS_BROKEN_AND_CANNOT_BE_RENEWED,
    [STORE_FULL] = CODE_INTERNAL_ERROR,
    [STORE_IO] = CODE_INTERNAL_ERROR,
};
_Static_assert(sizeof code_of_result / sizeof code_of_result[0] == STORE_IO + 1,
               "every outcome of the store has a code");

bool verb_stored(struct exchange *x, enum store_result result)
{
    if (result == STORE_OK)
        return true;
    if (result == STORE_NOT_MODIFIED)
        return service_fail_custom(&x->error, 304, service_code_name(CODE_CONDITION_NOT_MET),
                                   "The condition specified using HTTP conditional header(s) is "
                                   "not met.");
    if (result == STORE_FULL)
        return service_fail_custom(&x->error, 500, service_code_name(CODE_INTERNAL_ERROR),
                                   "The disk under the region is full.");
    if (result == STORE_INVALID_SIZE)
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, "x-ms-blob-content-length",
                                   request_header(&x->request, "x-ms-blob-content-length"));
    return service_fail(&x->error, code_of_result[result]);
}

void verb_answer(struct exchange *x, unsigned status)
{
    x->answer.status = status;
}

void verb_answer_stamp(struct exchange *x, const struct store_stamp *stamp)
{
    answer_header(&x->answer, "ETag", stamp->etag);
    answer_header_time(&x->answer, "Last-Modified", stamp->last_modified_s);
}

void verb_answer_metadata(struct exchange *x, const struct store_pairs *metadata)
{
    char name[sizeof METADATA_PREFIX + STORE_PAIRS_BYTES_MAX];

    for (size_t i = 0; i < metadata->count; i++) {
        const char *key = metadata->items[i].name;
        size_t n = strlen(key);

        if (n > STORE_PAIRS_BYTES_MAX)
            continue; /* cannot be: the store keeps the same limit */
        memcpy(name, METADATA_PREFIX, sizeof METADATA_PREFIX - 1);
        memcpy(name + sizeof METADATA_PREFIX - 1, key, n + 1);
        answer_header(&x->answer, name, metadata->items[i].value);
    }
}

const char *verb_lease_state_name(enum store_lease_state state)
{
    static const char *const names[] = {
        [STORE_LEASE_AVAILABLE] = "available", [STORE_LEASE_LEASED] = "leased",
        [STORE_LEASE_EXPIRED] = "expired",     [STORE_LEASE_BREAKING] = "breaking",
        [STORE_LEASE_BROKEN] = "broken",
    };

    return names[state];
}

bool verb_container_name_ok(const char *name)
{
    size_t n = strlen(name);

    if (strcmp(name, "$root") == 0 || strcmp(name, "$web") == 0)
        return true;
    if (n < 3 || n > 63)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool dash = name[i] == '-';

        if (!dash && !(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= '0' && name[i] <= '9'))
            return false;
        if (dash && (i == 0 || i == n - 1 || name[i - 1] == '-'))
            return false;
    }
    return true;
}
