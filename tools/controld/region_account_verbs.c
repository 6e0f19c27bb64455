/* region_account_verbs.c - what each verb of an account sends, and what an answer means (see
 * region_account.h, protocol A.4, A.8, A.12). */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/percent.h"
#include "tools/controld/region_account_call.h"

static void set_method(struct region_op *op, enum http_method method, const char *verb)
{
    op->http = (struct http_req){.method = method, .verb = verb, .body = ""};
}

static bool answered(const struct region_op *op, int status, const char *code)
{
    return op->http.answer.status == status &&
           (!*op->http.answer.code || strcmp(op->http.answer.code, code) == 0);
}

/* ---- Containers ---- */

static void begin_create(struct region_op *op)
{
    struct region_head h;

    set_method(op, HTTP_PUT, "create container");
    region_account_head(&h);
    region_account_send(op, &h, "restype=container");
}

static void judge_create(struct region_op *op)
{
    op->as_it_was = answered(op, 409, "ContainerAlreadyExists");
    if (!op->as_it_was)
        region_account_expect(op, 201);
}

void region_account_create_container(struct region_account *account, struct region_op *op)
{
    op->blob = NULL;
    region_account_start(account, op, "making the container", begin_create, judge_create);
}

static void begin_delete_container(struct region_op *op)
{
    struct region_head h;

    set_method(op, HTTP_DELETE, "delete container");
    region_account_head(&h);
    region_account_send(op, &h, "restype=container");
}

static void judge_delete_container(struct region_op *op)
{
    op->as_it_was =
        answered(op, 404, "ContainerNotFound") || answered(op, 409, "ContainerBeingDeleted");
    if (!op->as_it_was)
        region_account_expect(op, 202);
}

void region_account_delete_container(struct region_account *account, struct region_op *op)
{
    op->blob = NULL;
    region_account_start(account, op, "deleting the container", begin_delete_container,
                         judge_delete_container);
}

/* ---- Policies ---- */

static void begin_get_acl(struct region_op *op)
{
    struct region_head h;

    set_method(op, HTTP_GET, "get policies");
    region_account_head(&h);
    region_account_send(op, &h, "restype=container&comp=acl");
}

static void judge_get_acl(struct region_op *op)
{
    if (region_account_expect(op, 200))
        region_acl_parse(op->body ? op->body : "", op->body_bytes, op->acl, &op->err);
}

void region_account_get_acl(struct region_account *account, struct region_op *op)
{
    assert(op->acl);
    op->blob = NULL;
    region_account_start(account, op, "reading the access policies of", begin_get_acl,
                         judge_get_acl);
}

static void begin_set_acl(struct region_op *op)
{
    struct region_head h;

    free(op->body);
    op->body = region_acl_format(op->acl);
    set_method(op, HTTP_PUT, "set policies");
    op->http.body = op->body ? op->body : "";
    op->http.body_bytes = strlen(op->http.body);
    region_account_head(&h);
    region_account_header(&h, "Content-Type", "application/xml");
    region_account_send(op, &h, "restype=container&comp=acl");
}

static void judge_set_acl(struct region_op *op)
{
    region_account_expect(op, 200);
}

void region_account_set_acl(struct region_account *account, struct region_op *op)
{
    assert(op->acl);
    op->blob = NULL;
    region_account_start(account, op, "setting the access policies of", begin_set_acl,
                         judge_set_acl);
}

/* ---- Lists ---- */

bool region_account_parameter(FILE *out, const char *name, const char *value)
{
    char *encoded;
    bool ok;

    if (!value || !*value)
        return true;
    encoded = percent_encode(value);
    ok = encoded && fprintf(out, "&%s=%s", name, encoded) > 0;
    free(encoded);
    return ok;
}

static void begin_list(struct region_op *op)
{
    struct region_head h;
    char *additions = NULL;
    size_t count = 0;
    FILE *out = open_memstream(&additions, &count);
    bool ok = out != NULL;

    ok = ok &&
         fprintf(out, "restype=container&comp=list&include=snapshots%%2Cmetadata&maxresults=%u",
                 REGION_LIST_PAGE_COUNT) > 0 &&
         region_account_parameter(out, "prefix", op->snapshot) &&
         region_account_parameter(out, "marker", op->marker);
    if (out && fclose(out) != 0)
        ok = false;
    set_method(op, HTTP_GET, "list blobs");
    region_account_head(&h);
    if (ok)
        region_account_send(op, &h, additions);
    else
        region_account_fail(op, "no memory to list blobs");
    free(additions);
}

static void judge_list(struct region_op *op)
{
    char next[REGION_LIST_MARKER_MAX_BYTES];
    size_t before = op->list->count;

    if (!region_account_expect(op, 200))
        return;
    if (!region_list_parse(op->list, op->body ? op->body : "", op->body_bytes, next, &op->err)) {
        region_list_cut(op->list, before); /* the page is asked for again */
        return;
    }
    if (!next[0])
        return;
    if (op->marker && strcmp(op->marker, next) == 0) {
        err_set(&op->err, ERR_CORRUPT, RETRY_NEVER,
                "the host's list of blobs goes round in a circle");
        return;
    }
    free(op->marker);
    op->marker = strdup(next);
    if (op->marker)
        region_account_again(op);
    else
        err_set(&op->err, ERR_LIMIT, RETRY_NEVER, "no memory to list blobs");
}

void region_account_list(struct region_account *account, struct region_op *op)
{
    assert(op->list);
    region_list_fini(op->list);
    op->snapshot = op->blob; /* the prefix; the request is the container's */
    op->blob = NULL;
    region_account_start(account, op, "listing", begin_list, judge_list);
}

/* ---- Blobs ---- */

/* "snapshot=TIME", then the rest; "" where there is neither. */
static bool blob_additions(const struct region_op *op, const char *rest, char **out)
{
    char *time = op->snapshot && *op->snapshot ? percent_encode(op->snapshot) : NULL;
    bool ok;

    if (op->snapshot && *op->snapshot && !time)
        return false;
    ok = asprintf(out, "%s%s%s%s", time ? "snapshot=" : "", time ? time : "",
                  time && *rest ? "&" : "", rest) >= 0;
    free(time);
    return ok;
}

static void begin_blob(struct region_op *op, struct region_head *h, const char *rest)
{
    char *additions = NULL;

    if (blob_additions(op, rest, &additions))
        region_account_send(op, h, additions);
    else
        region_account_fail(op, "no memory for a request");
    free(additions);
}

static void begin_properties(struct region_op *op)
{
    struct region_head h;

    if (op->out_metadata)
        pageblob_metadata_fini(op->out_metadata);
    set_method(op, HTTP_HEAD, "head");
    region_account_head(&h);
    begin_blob(op, &h, "");
}

static void judge_properties(struct region_op *op)
{
    if (region_account_expect(op, 200) && !op->head.content_known)
        err_set(&op->err, ERR_CORRUPT, RETRY_LATER, "the host does not say how large the blob is");
}

void region_account_properties(struct region_account *account, struct region_op *op)
{
    assert(op->blob);
    region_account_start(account, op, "looking at", begin_properties, judge_properties);
}

static void begin_snapshot(struct region_op *op)
{
    struct region_head h;

    set_method(op, HTTP_PUT, "snapshot");
    op->http.send_once = true; /* a second one is for us to know of */
    op->http.urgent = true;    /* somebody is frozen meanwhile */
    region_account_head(&h);
    region_account_metadata(&h, op->metadata);
    region_account_send(op, &h, "comp=snapshot");
}

static void judge_snapshot(struct region_op *op)
{
    if (region_account_expect(op, 201) && !op->head.snapshot[0])
        err_set(&op->err, ERR_CORRUPT, RETRY_LATER, "the host does not name the snapshot it took");
}

void region_account_snapshot(struct region_account *account, struct region_op *op)
{
    assert(op->blob);
    op->snapshot = NULL;
    region_account_start(account, op, "taking a snapshot of", begin_snapshot, judge_snapshot);
}

static void begin_delete(struct region_op *op)
{
    struct region_head h;

    set_method(op, HTTP_DELETE, "delete");
    region_account_head(&h);
    if (op->what == REGION_DELETE_WITH_SNAPSHOTS)
        region_account_header(&h, "x-ms-delete-snapshots", "include");
    begin_blob(op, &h, "");
}

static void judge_delete(struct region_op *op)
{
    op->as_it_was = op->http.answer.status == 404;
    if (!op->as_it_was)
        region_account_expect(op, 202);
}

void region_account_delete(struct region_account *account, struct region_op *op)
{
    assert(op->blob);
    assert(op->what == REGION_DELETE_PLAIN || !op->snapshot || !*op->snapshot);
    region_account_start(account, op, "deleting", begin_delete, judge_delete);
}
