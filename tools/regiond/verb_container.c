/* verb_container.c - containers: create, delete, properties, metadata. */
#include <string.h>

#include "tools/regiond/verb_common.h"
#include "tools/regiond/verbs.h"

/* 3 to 63 of a-z 0-9 '-', no dash at an end, no two in a row; or one of the service's own. */
static bool container_name_ok(const char *name)
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

static bool create_container(struct exchange *x, struct store_pairs *metadata)
{
    const struct request *r = &x->request;
    struct store_stamp stamp;

    if (!container_name_ok(r->container))
        return service_fail(&x->error, CODE_INVALID_RESOURCE_NAME);
    if (request_header(r, "x-ms-blob-public-access"))
        return service_fail(&x->error, CODE_PUBLIC_ACCESS_NOT_PERMITTED);
    if (!verb_metadata(x, metadata) ||
        !verb_stored(x, store_container_create(x->parts->store, r->account, r->container, metadata,
                                               &stamp)))
        return false;
    verb_answer(x, 201);
    verb_answer_stamp(x, &stamp);
    return true;
}

bool verb_create_container(struct exchange *x)
{
    struct store_pairs metadata = {0};
    bool done = create_container(x, &metadata);

    store_pairs_fini(&metadata);
    return done;
}

bool verb_delete_container(struct exchange *x)
{
    const struct request *r = &x->request;
    struct store_conditions when;

    if (!verb_conditions(x, &when) ||
        !verb_stored(x, store_container_delete(x->parts->store, r->account, r->container, &when)))
        return false;
    verb_answer(x, 202);
    return true;
}

static bool answer_container(struct exchange *x, bool with_properties)
{
    struct store_container container;
    struct answer *a = &x->answer;

    if (!verb_stored(x, store_container_get(x->parts->store, x->request.account,
                                            x->request.container, &container)))
        return false;
    verb_answer(x, 200);
    verb_answer_stamp(x, &container.stamp);
    if (with_properties) {
        answer_header(a, "x-ms-lease-status", "unlocked");
        answer_header(a, "x-ms-lease-state", "available");
        answer_header(a, "x-ms-has-immutability-policy", "false");
        answer_header(a, "x-ms-has-legal-hold", "false");
    }
    verb_answer_metadata(x, &container.metadata);
    store_container_fini(&container);
    return true;
}

bool verb_get_container(struct exchange *x)
{
    return answer_container(x, true);
}

bool verb_get_container_metadata(struct exchange *x)
{
    return answer_container(x, false);
}

static bool set_metadata(struct exchange *x, struct store_pairs *metadata)
{
    const struct request *r = &x->request;
    struct store_conditions when;
    struct store_stamp stamp;

    if (!verb_metadata(x, metadata) || !verb_conditions(x, &when) ||
        !verb_stored(x, store_container_set_metadata(x->parts->store, r->account, r->container,
                                                     &when, metadata, &stamp)))
        return false;
    verb_answer(x, 200);
    verb_answer_stamp(x, &stamp);
    return true;
}

bool verb_set_container_metadata(struct exchange *x)
{
    struct store_pairs metadata = {0};
    bool done = set_metadata(x, &metadata);

    store_pairs_fini(&metadata);
    return done;
}
