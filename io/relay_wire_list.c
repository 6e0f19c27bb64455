/* relay_wire_list.c - see relay_wire.h: a page of a list, and what was missing of a batch, as JSON. */
#include <assert.h>
#include <stddef.h>

#include "io/relay_wire.h"
#include "io/relay_wire_fields.h"

#define OFFSET_MAX_BYTES (1ull << 62)

static bool refuse(const char *why, struct err *e)
{
    return err_set(e, ERR_CORRUPT, RETRY_NEVER, "the relay's list: %s", why);
}

static void append(json_t *array, uint64_t a, uint64_t b)
{
    json_t *pair = json_pack("[o,o]", relay_fields_json_number(a), relay_fields_json_number(b));

    assert(pair);
    json_array_append_new(array, pair);
}

static json_t *extents_json(const struct extent_set *set)
{
    json_t *array = json_array();

    assert(array);
    for (size_t i = 0; set && i < set->count; i++) {
        struct extent extent = extent_set_at(set, i);

        append(array, extent.offset, extent.length);
    }
    return array;
}

char *relay_list_json(const struct list_req *list, uint64_t up_to)
{
    return relay_fields_dump(
        json_pack("{s:o, s:o, s:o, s:o}", "sizeBytes", relay_fields_json_number(list->size_bytes),
                  "upTo", relay_fields_json_number(up_to), "data", extents_json(list->out_data),
                  "clears", extents_json(list->out_clears)));
}

/* Where what comes next may begin: pages of one list go on where the last ended. */
static uint64_t first_free(uint64_t offset, const struct extent_set *set)
{
    uint64_t end = set && set->count > 0 ? extent_end(extent_set_at(set, set->count - 1)) : 0;

    return end > offset ? end : offset;
}

/* Sorted, parted, of whole pages, between first and end; appended to *set. */
static bool extents_take(const json_t *object, const char *key, uint64_t first, uint64_t end,
                         struct extent_set *set, struct err *e)
{
    const json_t *array = relay_fields_array(object, key, RELAY_LIST_EXTENTS_MAX, e);
    uint64_t at = first;

    if (!array)
        return false;
    for (size_t i = 0; i < json_array_size(array); i++) {
        struct extent extent;

        if (!relay_fields_pair(json_array_get(array, i), key, OFFSET_MAX_BYTES, &extent.offset,
                               &extent.length, e))
            return false;
        if (extent.offset % ENDPOINT_PAGE_BYTES != 0 || extent.length % ENDPOINT_PAGE_BYTES != 0)
            return refuse("an extent is not of whole pages", e);
        if (extent.length == 0 || extent.offset < at || extent.offset > end ||
            extent.length > end - extent.offset)
            return refuse("an extent is out of order or out of bounds", e);
        at = extent_end(extent);
        if (!extent_set_append(set, extent))
            return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the relay's list");
    }
    return true;
}

static bool sets_are_apart(const struct extent_set *data, const struct extent_set *clears)
{
    for (size_t i = 0; i < clears->count; i++)
        if (extent_set_touches(data, extent_set_at(clears, i)))
            return false;
    return true;
}

static bool list_take(const json_t *object, struct list_req *list, uint64_t *out_up_to,
                      struct err *e)
{
    struct extent within = list->within;
    struct extent_set data = {0}, clears = {0};
    uint64_t size_bytes = 0, up_to = 0, end;
    bool ok = false;

    if (!relay_fields_number(object, "sizeBytes", OFFSET_MAX_BYTES, &size_bytes, e) ||
        !relay_fields_number(object, "upTo", OFFSET_MAX_BYTES, &up_to, e))
        return false;
    if (up_to < within.offset || up_to > extent_end(within) || up_to % ENDPOINT_PAGE_BYTES != 0 ||
        size_bytes % ENDPOINT_PAGE_BYTES != 0)
        return refuse("it ends where it cannot", e);
    end = size_bytes < up_to ? size_bytes : up_to;
    if (!extents_take(object, "data", first_free(within.offset, list->out_data), end, &data, e) ||
        !extents_take(object, "clears", first_free(within.offset, list->out_clears), end, &clears,
                      e))
        goto out;
    if ((!list->since || !list->out_clears) && clears.count > 0) {
        refuse("clears, where no difference was asked for", e);
        goto out;
    }
    if (!sets_are_apart(&data, &clears)) {
        refuse("an extent is both data and clear", e);
        goto out;
    }
    ok = true;
    for (size_t i = 0; ok && i < data.count; i++)
        ok = extent_set_append(list->out_data, extent_set_at(&data, i));
    for (size_t i = 0; ok && i < clears.count; i++)
        ok = extent_set_append(list->out_clears, extent_set_at(&clears, i));
    if (!ok)
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the relay's list");
    list->size_bytes = size_bytes;
    *out_up_to = up_to;
out:
    extent_set_fini(&data);
    extent_set_fini(&clears);
    return ok;
}

bool relay_list_parse(const char *json, size_t count, struct list_req *list, uint64_t *out_up_to,
                      struct err *e)
{
    json_t *object = relay_fields_object(json, count, "a list", e);
    bool ok = object && list_take(object, list, out_up_to, e);

    json_decref(object);
    return ok;
}

/* ---- missing ---- */

char *relay_missing_json(const struct relay_missing *missing, uint32_t count)
{
    json_t *array = json_array();

    assert(array && count <= RELAY_MISSING_MAX);
    for (uint32_t i = 0; i < count; i++)
        append(array, missing[i].record, missing[i].piece);
    return relay_fields_dump(json_pack("{s:o}", "missing", array));
}

bool relay_missing_parse(const char *json, size_t count, struct relay_missing *out_missing,
                         uint32_t max, uint32_t *out_count, struct err *e)
{
    json_t *object = relay_fields_object(json, count, "an answer to a write", e);
    const json_t *array = object ? relay_fields_array(object, "missing", max, e) : NULL;
    bool ok = array != NULL;

    for (size_t i = 0; ok && i < json_array_size(array); i++) {
        uint64_t record = 0, piece = 0;

        ok = relay_fields_pair(json_array_get(array, i), "missing", OFFSET_MAX_BYTES, &record,
                               &piece, e);
        if (ok && piece > UINT32_MAX)
            ok = err_set(e, ERR_CORRUPT, RETRY_NEVER, "the relay's JSON: a piece out of bounds");
        if (ok)
            out_missing[i] = (struct relay_missing){record, (uint32_t)piece};
    }
    if (ok)
        *out_count = (uint32_t)json_array_size(array);
    json_decref(object);
    return ok;
}
