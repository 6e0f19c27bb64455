/* relay_wire_json.c - see relay_wire.h: stats, setups and markers as JSON. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "io/relay_wire.h"
#include "io/relay_wire_fields.h"

#define SIZE_MAX_BYTES (1ull << 62) /* of a target; as large as any endpoint takes */

static const struct {
    unsigned bit;
    const char *name;
} capability_names[] = {
    {ENDPOINT_CAN_LIST, "list"},
    {ENDPOINT_CAN_DIFF, "diff"},
    {ENDPOINT_CAN_CREATE, "create"},
    {ENDPOINT_CAN_RESIZE, "resize"},
    {ENDPOINT_CAN_MARK, "mark"},
    {ENDPOINT_CAN_SNAPSHOT, "snapshot"},
    {ENDPOINT_CAN_FENCE, "fence"},
    {ENDPOINT_DISCARDS, "discards"},
    {ENDPOINT_LIMITS_REQUESTS, "limitsRequests"},
    {ENDPOINT_CHECKS_CRC64, "checksCrc64"},
    {ENDPOINT_BUFFERS, "buffers"},
    {ENDPOINT_COMPARES, "compares"},
    {ENDPOINT_CAN_LEASE, "lease"},
    {ENDPOINT_KEEPS_MARKS, "keepsMarks"},
    {ENDPOINT_CAN_REMOVE, "remove"},
};
#define CAPABILITIES     (sizeof capability_names / sizeof capability_names[0])
#define CAPABILITIES_MAX 64u /* named in one answer, those that we do not know included */

static const char *const setup_names[] = {
    [SETUP_CREATE] = "create",   [SETUP_RESIZE] = "resize",     [SETUP_MARK] = "mark",
    [SETUP_FENCE] = "fence",     [SETUP_SNAPSHOT] = "snapshot", [SETUP_LEASE] = "lease",
    [SETUP_UNLEASE] = "unlease", [SETUP_REMOVE] = "remove",
};
#define SETUP_NAMES (sizeof setup_names / sizeof setup_names[0])

static bool refuse(const char *why, struct err *e)
{
    return err_set(e, ERR_CORRUPT, RETRY_NEVER, "the relay's JSON: %s", why);
}

/* ---- Markers: their fields in the text form that metadata has ---- */

static json_t *marker_json(const struct marker *marker)
{
    struct marker_field *fields;
    json_t *object;
    size_t count;

    if (!marker)
        return json_null();
    fields = malloc(MARKER_FIELDS_MAX * sizeof *fields);
    object = json_object();
    assert(fields && object);
    count = marker_encode(marker, fields);
    for (size_t i = 0; i < count; i++)
        if (json_object_set_new(object, fields[i].name, json_string(fields[i].value)) != 0)
            assert(!"text that is printable goes into an object");
    free(fields);
    return object;
}

/* null: *out_given false. */
static bool marker_take(const json_t *object, bool *out_given, struct marker *out, struct err *e)
{
    const json_t *fields = json_object_get(object, "marker");
    struct marker marker = {0};
    const char *key;
    json_t *value;

    *out_given = false;
    if (!fields || json_is_null(fields))
        return true;
    if (!json_is_object(fields))
        return refuse("marker is no object", e);
    json_object_foreach((json_t *)fields, key, value)
    {
        if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
            return refuse("marker holds what is no text", e);
        if (!marker_decode_field(&marker, key, json_string_value(value), e))
            return false;
    }
    if (!marker_decode_end(&marker, e))
        return false;
    *out_given = true;
    *out = marker;
    return true;
}

/* ---- stat ---- */

static json_t *capabilities_json(unsigned capabilities)
{
    json_t *names = json_array();

    assert(names);
    for (size_t i = 0; i < CAPABILITIES; i++)
        if (capabilities & capability_names[i].bit)
            json_array_append_new(names, json_string(capability_names[i].name));
    return names;
}

/* A name that we do not know is an ability that we cannot use. */
static bool capabilities_take(const json_t *object, unsigned *out, struct err *e)
{
    const json_t *names = relay_fields_array(object, "capabilities", CAPABILITIES_MAX, e);
    unsigned capabilities = 0;

    if (!names)
        return false;
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));

        if (!name)
            return refuse("capabilities holds what is no name", e);
        for (size_t known = 0; known < CAPABILITIES; known++)
            if (strcmp(name, capability_names[known].name) == 0)
                capabilities |= capability_names[known].bit;
    }
    *out = capabilities;
    return true;
}

char *relay_stat_json(const struct stat_req *stat, const struct relay_nature *nature)
{
    bool unbounded = nature->clear_max_bytes > INT64_MAX;
    struct stat_req told = *stat;

    relay_fields_clean(told.etag);
    relay_fields_clean(told.last_modified);
    return relay_fields_dump(
        json_pack("{s:b, s:o, s:s, s:s, s:o, s:b, s:o, s:o, s:o, s:o}", "exists", (int)stat->exists,
                  "sizeBytes", relay_fields_json_number(stat->size_bytes), "etag", told.etag,
                  "lastModified", told.last_modified, "marker", marker_json(&stat->marker),
                  "markerIsOlder", (int)stat->marker_is_older, "alignBytes",
                  relay_fields_json_number(nature->align_bytes), "clearMaxBytes",
                  unbounded ? json_null() : relay_fields_json_number(nature->clear_max_bytes),
                  "requestCostBytes", relay_fields_json_number(nature->request_cost_bytes),
                  "capabilities", capabilities_json(nature->capabilities)));
}

static bool nature_take(const json_t *object, struct relay_nature *out, struct err *e)
{
    uint64_t align = 0, cost = 0, clear_max = UINT64_MAX;

    if (!relay_fields_number(object, "alignBytes", BUF_BYTES, &align, e) ||
        !relay_fields_number(object, "requestCostBytes", UINT32_MAX, &cost, e) ||
        !capabilities_take(object, &out->capabilities, e))
        return false;
    if (!json_is_null(json_object_get(object, "clearMaxBytes")) &&
        !relay_fields_number(object, "clearMaxBytes", INT64_MAX, &clear_max, e))
        return false;
    if (align < ENDPOINT_PAGE_BYTES || (align & (align - 1)) != 0)
        return refuse("alignBytes is no power of two of at least a page", e);
    if (clear_max < align)
        return refuse("clearMaxBytes is less than alignBytes", e);
    out->align_bytes = (uint32_t)align;
    out->request_cost_bytes = (uint32_t)cost;
    out->clear_max_bytes = clear_max;
    return true;
}

bool relay_stat_parse(const char *json, size_t count, struct stat_req *out_stat,
                      struct relay_nature *out_nature, struct err *e)
{
    json_t *object = relay_fields_object(json, count, "a stat", e);
    struct stat_req stat = *out_stat;
    struct relay_nature nature = {0};
    bool given = false, ok;

    ok = object && relay_fields_flag(object, "exists", &stat.exists, e) &&
         relay_fields_flag(object, "markerIsOlder", &stat.marker_is_older, e) &&
         relay_fields_number(object, "sizeBytes", SIZE_MAX_BYTES, &stat.size_bytes, e) &&
         relay_fields_text(object, "etag", stat.etag, sizeof stat.etag, e) &&
         relay_fields_text(object, "lastModified", stat.last_modified, sizeof stat.last_modified,
                           e) &&
         marker_take(object, &given, &stat.marker, e) && nature_take(object, &nature, e);
    json_decref(object);
    if (ok && (stat.exists ? stat.size_bytes % ENDPOINT_PAGE_BYTES != 0 : stat.size_bytes != 0))
        ok = refuse("sizeBytes is no size that a target can have", e);
    if (!ok)
        return false;
    if (!given)
        stat.marker = (struct marker){0};
    *out_stat = stat;
    *out_nature = nature;
    return true;
}

/* ---- setup ---- */

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

char *relay_setup_json(const struct setup_req *req)
{
    assert(req->verb < SETUP_NAMES);
    return relay_fields_dump(json_pack("{s:s, s:o, s:o, s:o, s:o}", "verb", setup_names[req->verb],
                                       "sizeBytes", relay_fields_json_number(req->size_bytes),
                                       "marker", marker_json(req->marker), "expectEtag",
                                       text_or_null(req->expect_etag), "leaseId",
                                       text_or_null(req->lease_id)));
}

static bool setup_verb_take(const json_t *object, enum setup_verb *out_verb, struct err *e)
{
    char name[16];

    if (!relay_fields_text(object, "verb", name, sizeof name, e))
        return false;
    for (size_t verb = 0; verb < SETUP_NAMES; verb++)
        if (strcmp(name, setup_names[verb]) == 0) {
            *out_verb = (enum setup_verb)verb;
            return true;
        }
    return refuse("verb is none of a setup", e);
}

/* Each verb has what endpoint_setup asserts. */
static bool setup_is_whole(const struct relay_setup *setup, struct err *e)
{
    const struct setup_req *req = &setup->req;

    if ((req->verb == SETUP_MARK || req->verb == SETUP_REMOVE) && !req->marker)
        return refuse("a mark or a removal without marker", e);
    if ((req->verb == SETUP_LEASE || req->verb == SETUP_UNLEASE) && !req->lease_id)
        return refuse("a lease without leaseId", e);
    if (req->lease_id && !relay_uuid_ok(req->lease_id))
        return refuse("leaseId is no UUID", e);
    if ((req->verb == SETUP_CREATE || req->verb == SETUP_RESIZE) &&
        (req->size_bytes == 0 || req->size_bytes % ENDPOINT_PAGE_BYTES != 0))
        return refuse("sizeBytes is no size that a target can have", e);
    return true;
}

bool relay_setup_parse(const char *json, size_t count, struct relay_setup *out_setup, struct err *e)
{
    json_t *object = relay_fields_object(json, count, "a setup", e);
    struct relay_setup *s = out_setup;
    bool given = false, ok;

    memset(s, 0, sizeof *s);
    ok = object && setup_verb_take(object, &s->req.verb, e) &&
         relay_fields_number(object, "sizeBytes", SIZE_MAX_BYTES, &s->req.size_bytes, e) &&
         relay_fields_text(object, "expectEtag", s->expect_etag, sizeof s->expect_etag, e) &&
         relay_fields_text(object, "leaseId", s->lease_id, sizeof s->lease_id, e) &&
         marker_take(object, &given, &s->marker, e);
    json_decref(object);
    if (!ok)
        return false;
    s->req.marker = given ? &s->marker : NULL;
    s->req.expect_etag = s->expect_etag[0] ? s->expect_etag : NULL;
    s->req.lease_id = s->lease_id[0] ? s->lease_id : NULL;
    return setup_is_whole(s, e);
}

char *relay_setup_answer_json(const struct setup_req *req)
{
    struct setup_req told = *req;

    relay_fields_clean(told.out_etag);
    relay_fields_clean(told.out_snapshot);
    return relay_fields_dump(
        json_pack("{s:s, s:s}", "etag", told.out_etag, "snapshot", told.out_snapshot));
}

bool relay_setup_answer_parse(const char *json, size_t count, struct setup_req *req, struct err *e)
{
    json_t *object = relay_fields_object(json, count, "an answer to a setup", e);
    bool ok = object && relay_fields_text(object, "etag", req->out_etag, sizeof req->out_etag, e) &&
              relay_fields_text(object, "snapshot", req->out_snapshot, sizeof req->out_snapshot, e);

    json_decref(object);
    return ok;
}
