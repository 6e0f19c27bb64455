/* verb_properties.c - Set Blob Properties (resize, sequence number, content headers), metadata. */
#include <string.h>
#include <strings.h>

#include "tools/regiond/blob_headers.h"
#include "tools/regiond/verb_common.h"
#include "tools/regiond/verbs.h"

static bool resize_of(struct exchange *x, struct store_change *change)
{
    static const char name[] = "x-ms-blob-content-length";

    if (!verb_u64_header(x, name, &change->resize, &change->size_bytes))
        return false;
    if (change->resize &&
        (change->size_bytes % STORE_PAGE_BYTES != 0 ||
         (!x->request.is_disk_host && change->size_bytes > ORDINARY_BLOB_MAX_BYTES)))
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, name,
                                   request_header(&x->request, name));
    return true;
}

static bool sequence_of(struct exchange *x, struct store_change *change)
{
    static const char action_name[] = "x-ms-sequence-number-action";
    static const char number_name[] = "x-ms-blob-sequence-number";
    const char *action = request_header(&x->request, action_name);
    bool given;

    if (!verb_u64_header(x, number_name, &given, &change->sequence_number))
        return false;
    if (!action)
        return !given ||
               service_fail_header(&x->error, CODE_MISSING_REQUIRED_HEADER, action_name, NULL);
    if (strcasecmp(action, "max") == 0)
        change->sequence_action = STORE_SEQUENCE_MAX;
    else if (strcasecmp(action, "update") == 0)
        change->sequence_action = STORE_SEQUENCE_UPDATE;
    else if (strcasecmp(action, "increment") == 0)
        change->sequence_action = STORE_SEQUENCE_INCREMENT;
    else
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, action_name, action);
    if (change->sequence_action == STORE_SEQUENCE_INCREMENT ? given : !given)
        return service_fail_header(&x->error,
                                   given ? CODE_INVALID_HEADER_VALUE : CODE_MISSING_REQUIRED_HEADER,
                                   number_name, request_header(&x->request, number_name));
    if (given && change->sequence_number > INT64_MAX)
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, number_name,
                                   request_header(&x->request, number_name));
    return true;
}

static bool set_properties(struct exchange *x, struct store_pairs *headers)
{
    struct store_change change = {0};
    struct store_key key = verb_key(x);
    struct store_conditions when;
    struct store_stamp stamp;
    bool any;

    if (!resize_of(x, &change) || !sequence_of(x, &change) ||
        !blob_headers_collect(x, false, headers, &any) || !verb_conditions(x, &when))
        return false;
    /* To resize or to count leaves the content headers; any other call replaces them all. */
    if (any || (!change.resize && change.sequence_action == STORE_SEQUENCE_KEEP))
        change.headers = headers;
    if (!verb_stored(x, store_blob_change(x->parts->store, &key, &when, &change, &stamp)))
        return false;
    verb_answer(x, 200);
    verb_answer_stamp(x, &stamp);
    answer_header_u64(&x->answer, "x-ms-blob-sequence-number", stamp.sequence_number);
    return true;
}

bool verb_set_blob_properties(struct exchange *x)
{
    struct store_pairs headers = {0};
    bool done = set_properties(x, &headers);

    store_pairs_fini(&headers);
    return done;
}

static bool set_metadata(struct exchange *x, struct store_pairs *metadata)
{
    struct store_key key = verb_key(x);
    struct store_conditions when;
    struct store_stamp stamp;

    if (!verb_metadata(x, metadata) || !verb_conditions(x, &when) ||
        !verb_stored(x, store_blob_set_metadata(x->parts->store, &key, &when, metadata, &stamp)))
        return false;
    verb_answer(x, 200);
    verb_answer_stamp(x, &stamp);
    answer_header(&x->answer, "x-ms-request-server-encrypted", "true");
    return true;
}

bool verb_set_blob_metadata(struct exchange *x)
{
    struct store_pairs metadata = {0};
    bool done = set_metadata(x, &metadata);

    store_pairs_fini(&metadata);
    return done;
}

bool verb_get_blob_metadata(struct exchange *x)
{
    struct store_properties properties;
    struct store_key key = verb_key(x);
    struct store_conditions when;

    if (!verb_conditions(x, &when) ||
        !verb_stored(x, store_blob_get(x->parts->store, &key, &when, &properties)))
        return false;
    verb_answer(x, 200);
    verb_answer_stamp(x, &properties.stamp);
    verb_answer_metadata(x, &properties.metadata);
    store_properties_fini(&properties);
    return true;
}
