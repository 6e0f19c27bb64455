/* arm_fuzz.c - any text taken for a path, an id or a body of a request: it is read whole, and says the same
 * again, or is refused with one error that can be told. The first byte chooses what the rest is. Must not
 * know: what is done with a request. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/controld/arm_resource_body.h"
#include "tools/controld/arm_shape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const struct arm_error *e)
{
    json_t *json;

    assert(e->status >= 400 && e->status < 600 && e->code[0] && e->message[0]);
    for (const char *c = e->message; *c; c++)
        assert(*c >= ' ' && *c <= '~');
    json = arm_error_json(e);
    assert(json);
    json_decref(json);
}

static void check_id(const struct arm_id *id)
{
    char text[ARM_ID_MAX_BYTES], key[ARM_ID_MAX_BYTES];
    struct arm_id again;
    struct arm_error e = {0};

    if (id->type == ARM_NONE)
        return;
    arm_id_text(id, text);
    assert(arm_id_parse(text, "id", &again, &e) && arm_id_same(id, &again));
    arm_id_key(id, key);
    assert(arm_id_parse(key, "id", &again, &e) && arm_id_same(id, &again));
    assert(!strstr(text, "..") && !strstr(text, "//"));
}

static void try_id(const char *text)
{
    struct arm_id id;
    struct arm_error e = {0};

    if (!arm_id_parse(text, "id", &id, &e)) {
        check_error(&e);
        assert(id.type == ARM_NONE);
    }
    check_id(&id);
}

static void try_route(const char *text, const char *method)
{
    struct arm_request request = {.method = method, .path = text};
    struct arm_route route;
    struct arm_error e = {0};

    if (arm_route_parse(&request, &route, &e)) {
        assert(route.verb == ARM_VERB_PAGE || route.api_version[0]);
        assert(arm_verb_name(route.verb));
    } else {
        check_error(&e);
    }
    check_id(&route.id);
}

static void try_point(const char *text, size_t bytes)
{
    struct arm_point_body body;
    struct arm_error e = {0};

    if (arm_point_read(text, bytes, &body, &e)) {
        char *asked = arm_point_asked(&body);

        assert(asked && body.exclude_count <= ARM_EXCLUDED_MAX);
        for (size_t i = 0; i < body.exclude_count; i++)
            check_id(&body.exclude[i]);
        check_id(&body.source);
        free(asked);
    } else {
        check_error(&e);
    }
    arm_point_body_fini(&body);
}

static void try_collection(const char *text, size_t bytes)
{
    struct arm_collection_body body;
    struct arm_error e = {0};

    if (arm_collection_read(text, bytes, &body, &e)) {
        assert(body.location[0] && json_object_size(body.tags) <= ARM_TAGS_MAX);
        check_id(&body.source);
    } else {
        check_error(&e);
        assert(!body.tags);
    }
    arm_collection_body_fini(&body);
}

static void try_access(const char *text, size_t bytes)
{
    struct arm_access_body body;
    struct arm_error e = {0};

    if (arm_access_read(text, bytes, &body, &e))
        assert(body.duration_s >= ARM_ACCESS_MIN_S && body.duration_s <= ARM_ACCESS_MAX_S);
    else
        check_error(&e);
}

static void try_disk(const char *text, size_t bytes)
{
    struct arm_disk_body body;
    struct arm_error e = {0};

    if (arm_disk_read(text, bytes, &body, &e)) {
        assert(body.location[0] && json_is_object(body.doc));
        check_id(&body.source);
        check_id(&body.encryption_set);
    } else {
        check_error(&e);
        assert(!body.doc);
    }
    arm_disk_body_fini(&body);
}

/* What was made of a machine is in current form: read again it stays as it is. */
static void try_machine(const char *text, size_t bytes)
{
    struct arm_machine_body body;
    struct arm_error e = {0};

    if (arm_machine_read(text, bytes, &body, &e)) {
        json_t *properties = json_object_get(body.doc, "properties");
        json_t *kept = properties ? arm_metadata_read(properties, &e) : json_object();
        json_t *again = arm_metadata_read(kept, &e);

        assert(kept && again && json_equal(kept, again));
        json_decref(kept);
        json_decref(again);
        for (size_t i = 0; i < body.disk_count; i++)
            check_id(&body.disks[i].disk);
    } else {
        check_error(&e);
        assert(!body.doc && body.disk_count == 0);
    }
    arm_machine_body_fini(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = {"GET", "PUT", "PATCH", "DELETE", "POST"};
    unsigned kind = size ? data[0] % 12u : 0;
    size_t bytes = size ? size - 1 : 0;
    char *text = malloc(bytes + 1);

    assert(text);
    if (bytes)
        memcpy(text, data + 1, bytes);
    text[bytes] = 0;
    if (kind < 5)
        try_route(text, methods[kind]);
    else if (kind == 5)
        try_id(text);
    else if (kind == 6)
        try_collection(text, bytes);
    else if (kind == 7)
        try_point(text, bytes);
    else if (kind == 8)
        try_access(text, bytes);
    else if (kind == 9)
        try_disk(text, bytes);
    else
        try_machine(text, bytes);
    free(text);
    return 0;
}
