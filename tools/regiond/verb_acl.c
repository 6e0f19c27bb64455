/* verb_acl.c - a container's stored access policies: Get and Set Container ACL. */
#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "tools/regiond/access_policy.h"
#include "tools/regiond/verb_common.h"
#include "tools/regiond/verbs.h"

#define ACL_BODY_MAX_BYTES  (64u << 10)
#define ACL_VALUE_MAX_BYTES 128u

bool verb_get_container_acl(struct exchange *x)
{
    struct store_container container;
    struct text_out xml = {0};

    if (!verb_stored(x, store_container_get(x->parts->store, x->request.account,
                                            x->request.container, &container)))
        return false;
    text_out_text(&xml, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<SignedIdentifiers>");
    for (size_t i = 0; i < container.policies.count; i++) {
        struct access_policy policy;

        if (!access_policy_parse(container.policies.items[i].value, &policy))
            continue;
        text_out_text(&xml, "<SignedIdentifier>");
        text_out_element(&xml, "Id", container.policies.items[i].name);
        text_out_text(&xml, "<AccessPolicy>");
        if (policy.start[0])
            text_out_element(&xml, "Start", policy.start);
        if (policy.expiry[0])
            text_out_element(&xml, "Expiry", policy.expiry);
        if (policy.permissions[0])
            text_out_element(&xml, "Permission", policy.permissions);
        text_out_text(&xml, "</AccessPolicy></SignedIdentifier>");
    }
    text_out_text(&xml, "</SignedIdentifiers>");
    verb_answer(x, 200);
    verb_answer_stamp(x, &container.stamp);
    answer_take_text(&x->answer, "application/xml", &xml);
    store_container_fini(&container);
    return true;
}

/* ---- The body of Set Container ACL ---- */

struct acl_reading {
    struct store_pairs *policies;
    struct access_policy policy; /* of the identifier being read */
    char id[ACCESS_POLICY_ID_MAX_BYTES];
    char value[ACL_VALUE_MAX_BYTES]; /* text of the element being read */
    size_t value_bytes;
    enum service_code wrong; /* the first thing that was */
};

static void acl_wrong(struct acl_reading *acl, enum service_code code)
{
    if (acl->wrong == CODE_NONE)
        acl->wrong = code;
}

static void acl_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    static const char *const known[] = {
        "SignedIdentifiers", "SignedIdentifier", "Id", "AccessPolicy", "Start", "Expiry",
        "Permission"};
    struct acl_reading *acl = context;
    bool found = false;

    (void)attributes;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        found = found || strcmp(name, known[i]) == 0;
    if (!found)
        acl_wrong(acl, CODE_UNSUPPORTED_XML_NODE);
    if (strcmp(name, "SignedIdentifier") == 0) {
        acl->policy = (struct access_policy){0};
        acl->id[0] = '\0';
    }
    acl->value_bytes = 0;
}

static void acl_text(void *context, const XML_Char *text, int n)
{
    struct acl_reading *acl = context;

    if (acl->value_bytes + (size_t)n >= sizeof acl->value) {
        acl_wrong(acl, CODE_INVALID_XML_DOCUMENT);
        return;
    }
    memcpy(acl->value + acl->value_bytes, text, (size_t)n);
    acl->value_bytes += (size_t)n;
}

static void acl_copy(struct acl_reading *acl, char *out, size_t out_size_bytes)
{
    if (acl->value_bytes >= out_size_bytes || memchr(acl->value, '\n', acl->value_bytes)) {
        acl_wrong(acl, CODE_INVALID_XML_DOCUMENT);
        return;
    }
    memcpy(out, acl->value, acl->value_bytes);
    out[acl->value_bytes] = '\0';
}

static void acl_end(void *context, const XML_Char *name)
{
    struct acl_reading *acl = context;
    char text[ACCESS_POLICY_TEXT_MAX_BYTES];

    if (strcmp(name, "Id") == 0)
        acl_copy(acl, acl->id, sizeof acl->id);
    else if (strcmp(name, "Start") == 0)
        acl_copy(acl, acl->policy.start, sizeof acl->policy.start);
    else if (strcmp(name, "Expiry") == 0)
        acl_copy(acl, acl->policy.expiry, sizeof acl->policy.expiry);
    else if (strcmp(name, "Permission") == 0)
        acl_copy(acl, acl->policy.permissions, sizeof acl->policy.permissions);
    acl->value_bytes = 0;
    if (strcmp(name, "SignedIdentifier") != 0 || acl->wrong != CODE_NONE)
        return;
    if (acl->id[0] == '\0' || acl->policies->count == STORE_POLICIES_MAX) {
        acl_wrong(acl, CODE_INVALID_XML_DOCUMENT);
        return;
    }
    access_policy_format(&acl->policy, text);
    if (!store_pairs_add(acl->policies, acl->id, text))
        acl_wrong(acl, CODE_INTERNAL_ERROR);
}

static void acl_refuse_doctype(void *context, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_subset;
    acl_wrong(context, CODE_INVALID_XML_DOCUMENT);
}

static bool acl_read(struct exchange *x, struct store_pairs *policies)
{
    struct acl_reading acl = {.policies = policies};
    XML_Parser parser;
    enum XML_Status status;

    if (x->body.bytes == 0) /* no body: no policies */
        return true;
    if (x->body.bytes > ACL_BODY_MAX_BYTES)
        return service_fail(&x->error, CODE_REQUEST_BODY_TOO_LARGE);
    parser = XML_ParserCreate(NULL);
    if (!parser)
        return service_fail(&x->error, CODE_INTERNAL_ERROR);
    XML_SetUserData(parser, &acl);
    XML_SetElementHandler(parser, acl_start, acl_end);
    XML_SetCharacterDataHandler(parser, acl_text);
    XML_SetStartDoctypeDeclHandler(parser, acl_refuse_doctype);
    status = XML_Parse(parser, (const char *)x->body.buffer, (int)x->body.bytes, XML_TRUE);
    XML_ParserFree(parser);
    if (status != XML_STATUS_OK)
        return service_fail(&x->error, CODE_INVALID_XML_DOCUMENT);
    return acl.wrong == CODE_NONE || service_fail(&x->error, acl.wrong);
}

static bool set_acl(struct exchange *x, struct store_pairs *policies)
{
    const struct request *r = &x->request;
    struct store_conditions when;
    struct store_stamp stamp;

    if (request_header(r, "x-ms-blob-public-access"))
        return service_fail(&x->error, CODE_PUBLIC_ACCESS_NOT_PERMITTED);
    if (!acl_read(x, policies) || !verb_conditions(x, &when) ||
        !verb_stored(x, store_container_set_policies(x->parts->store, r->account, r->container,
                                                     &when, policies, &stamp)))
        return false;
    verb_answer(x, 200);
    verb_answer_stamp(x, &stamp);
    return true;
}

bool verb_set_container_acl(struct exchange *x)
{
    struct store_pairs policies = {0};
    bool done = set_acl(x, &policies);

    store_pairs_fini(&policies);
    return done;
}
