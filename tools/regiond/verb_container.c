/* verb_container.c - containers: create, delete, properties, metadata. */
#include <string.h>

#include "tools/regiond/verb_common.h"
#include "tools/regiond/verbs.h"

static bool create_container(struct exchange *x, struct store_pairs *metadata)
{
    const struct request *r = &x->request;
    struct store_stamp stamp;

    if (!verb_container_name_ok(r->container))
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
