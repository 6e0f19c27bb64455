/* verb_blob.c - Put Blob, Delete Blob, Snapshot Blob. */
#include <string.h>
#include <strings.h>

#include "io/crc64.h"
#include "tools/regiond/blob_headers.h"
#include "tools/regiond/body_check.h"
#include "tools/regiond/verb_common.h"
#include "tools/regiond/verbs.h"

static bool page_blob_of(struct exchange *x, struct store_new_blob *blob)
{
    static const char length_name[] = "x-ms-blob-content-length";
    static const char number_name[] = "x-ms-blob-sequence-number";
    bool given;

    blob->kind = STORE_PAGE_BLOB;
    if (x->request.content_length != 0)
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, "Content-Length",
                                   request_header(&x->request, "Content-Length"));
    if (!verb_required_header(x, length_name) ||
        !verb_u64_header(x, length_name, &given, &blob->size_bytes))
        return false;
    if (blob->size_bytes % STORE_PAGE_BYTES != 0 ||
        (!x->request.is_disk_host && blob->size_bytes > ORDINARY_BLOB_MAX_BYTES))
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, length_name,
                                   request_header(&x->request, length_name));
    if (!verb_u64_header(x, number_name, &given, &blob->sequence_number))
        return false;
    if (given && blob->sequence_number > INT64_MAX)
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, number_name,
                                   request_header(&x->request, number_name));
    return true;
}

static bool new_blob_of(struct exchange *x, struct store_new_blob *blob)
{
    const char *type;

    if (!request_header(&x->request, "x-ms-blob-type") &&
        request_header(&x->request, "x-ms-copy-source"))
        return service_fail_header(&x->error, CODE_UNSUPPORTED_HEADER, "x-ms-copy-source", NULL);
    type = verb_required_header(x, "x-ms-blob-type");
    if (!type)
        return false;
    if (request_header(&x->request, "x-ms-access-tier")) /* for premium accounts only */
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, "x-ms-access-tier",
                                   request_header(&x->request, "x-ms-access-tier"));
    if (strcasecmp(type, "PageBlob") == 0)
        return page_blob_of(x, blob);
    if (strcasecmp(type, "BlockBlob") != 0)
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, "x-ms-blob-type", type);
    blob->kind = STORE_BLOCK_BLOB;
    blob->size_bytes = x->body.bytes;
    blob->body = x->body.buffer;
    return body_check_request(x);
}

/* A SAS that may create but not write must not replace what is there. */
static bool may_only_create(const struct request *r)
{
    return r->caller == CALLER_SAS && !strchr(r->permissions, 'w');
}

static bool put_blob(struct exchange *x, struct store_pairs *metadata, struct store_pairs *headers)
{
    struct store_new_blob blob = {.metadata = metadata, .headers = headers};
    struct store_key key = verb_key(x);
    struct store_conditions when;
    struct store_stamp stamp;
    enum store_result result;
    bool any;

    if (!new_blob_of(x, &blob) || !verb_conditions(x, &when) || !verb_metadata(x, metadata) ||
        !blob_headers_collect(x, true, headers, &any))
        return false;
    if (may_only_create(&x->request) && !when.if_none_match) {
        when.if_none_match = "*";
        result = store_blob_put(x->parts->store, &key, &when, &blob, &stamp);
        if (result == STORE_BLOB_EXISTS)
            return service_fail(&x->error, CODE_AUTHORIZATION_PERMISSION_MISMATCH);
    } else {
        result = store_blob_put(x->parts->store, &key, &when, &blob, &stamp);
    }
    if (!verb_stored(x, result))
        return false;
    verb_answer(x, 201);
    verb_answer_stamp(x, &stamp);
    if (blob.kind == STORE_BLOCK_BLOB)
        body_check_answer(x);
    answer_header(&x->answer, "x-ms-request-server-encrypted", "true");
    return true;
}

bool verb_put_blob(struct exchange *x)
{
    struct store_pairs metadata = {0};
    struct store_pairs headers = {0};
    bool done = put_blob(x, &metadata, &headers);

    store_pairs_fini(&metadata);
    store_pairs_fini(&headers);
    return done;
}

bool verb_delete_blob(struct exchange *x)
{
    static const char name[] = "x-ms-delete-snapshots";
    const char *snapshots = request_header(&x->request, name);
    enum store_delete what = STORE_DELETE_BASE;
    struct store_key key = verb_key(x);
    struct store_conditions when;

    if (snapshots && key.snapshot)
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, name, snapshots);
    if (snapshots) {
        if (strcasecmp(snapshots, "include") == 0)
            what = STORE_DELETE_INCLUDE;
        else if (strcasecmp(snapshots, "only") == 0)
            what = STORE_DELETE_ONLY_SNAPSHOTS;
        else
            return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, name, snapshots);
    }
    if (!verb_conditions(x, &when) ||
        !verb_stored(x, store_blob_delete(x->parts->store, &key, &when, what)))
        return false;
    verb_answer(x, 202);
    answer_header(&x->answer, "x-ms-delete-type-permanent", "true");
    return true;
}

static bool snapshot_blob(struct exchange *x, struct store_pairs *metadata)
{
    char snapshot[STORE_SNAPSHOT_BYTES];
    struct store_key key = verb_key(x);
    struct store_conditions when;
    struct store_stamp stamp;

    if (!verb_conditions(x, &when) || !verb_metadata(x, metadata))
        return false;
    if (!verb_stored(x, store_blob_snapshot(x->parts->store, &key, &when,
                                            metadata->count ? metadata : NULL, snapshot, &stamp)))
        return false;
    verb_answer(x, 201);
    verb_answer_stamp(x, &stamp);
    answer_header(&x->answer, "x-ms-snapshot", snapshot);
    answer_header(&x->answer, "x-ms-request-server-encrypted", metadata->count ? "true" : "false");
    return true;
}

bool verb_snapshot_blob(struct exchange *x)
{
    struct store_pairs metadata = {0};
    bool done = snapshot_blob(x, &metadata);

    store_pairs_fini(&metadata);
    return done;
}
