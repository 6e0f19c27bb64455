/* sas_check.c - is this shared access signature genuine, in force, and made for this request? */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tools/regiond/answer.h"
#include "tools/regiond/region_auth.h"
#include "tools/regiond/region_clock.h"
#include "tools/regiond/sas_sign.h"
#include "tools/regiond/sas_time.h"

static bool fail(struct service_error *e, const char *detail)
{
    return service_fail_with(e, CODE_AUTHENTICATION_FAILED, "AuthenticationErrorDetail", detail);
}

static const char *field(const struct request *r, const char *name)
{
    const char *value = request_param(r, name);

    return value ? value : "";
}

static bool is_account_sas(const struct sas_fields *f)
{
    return f->services[0] != '\0';
}

/* A field given twice could be signed one way and read another. */
static bool fields_are_single(const struct request *r)
{
    static const char *const names[] = {"sv", "sp",  "st",  "se", "si",  "sip",     "spr",
                                        "sr", "sig", "ses", "ss", "srt", "snapshot"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unsigned seen = 0;

        for (size_t j = 0; j < r->param_count; j++)
            seen += strcasecmp(r->params[j].name, names[i]) == 0;
        if (seen > 1)
            return false;
    }
    return true;
}

static void read_fields(const struct request *r, struct sas_fields *f)
{
    *f = (struct sas_fields){
        .version = field(r, "sv"),
        .permissions = field(r, "sp"),
        .start = field(r, "st"),
        .expiry = field(r, "se"),
        .policy_id = field(r, "si"),
        .address = field(r, "sip"),
        .protocol = field(r, "spr"),
        .kind = field(r, "sr"),
        .snapshot = r->snapshot,
        .encryption = field(r, "ses"),
        .services = field(r, "ss"),
        .types = field(r, "srt"),
        .account = r->account,
        .container = r->container,
        .blob = "",
    };
    for (size_t i = 0; i < SAS_OVERRIDE_COUNT; i++)
        f->overrides[i] = field(r, sas_override_names[i]);
    if (strcmp(f->kind, "b") == 0 || strcmp(f->kind, "bs") == 0)
        f->blob = r->blob;
}

/* What the signature is for, before anything is computed. */
static bool form_is_valid(const struct sas_fields *f, const struct request *r,
                          struct service_error *e)
{
    if (!fields_are_single(r))
        return fail(e, "A field of the signature is given more than once.");
    if (!sas_version_known(f->version))
        return fail(e, "sv is mandatory and must be a known version.");
    if (is_account_sas(f))
        return true;
    if (strcmp(f->kind, "c") == 0)
        return true;
    if (strcmp(f->kind, "b") != 0 && strcmp(f->kind, "bs") != 0)
        return fail(e, "sr is mandatory: b, bs or c.");
    if (r->blob[0] == '\0')
        return fail(e, "The signature is for a blob, the request for a container.");
    if (strcmp(f->kind, "b") == 0)
        return true; /* the base's signature reads its snapshots too */
    if (strcmp(f->version, "2018-11-09") < 0)
        return fail(e, "sr=bs needs sv 2018-11-09 or later.");
    return r->snapshot[0] != '\0' || fail(e, "sr=bs needs snapshot=.");
}

static bool signature_is_right(const struct sas_check *with, const struct sas_fields *f,
                               const struct request *r, struct service_error *e)
{
    char text[SAS_TEXT_MAX_BYTES];
    char right[SIGNATURE_TEXT_BYTES];
    char detail[SERVICE_EXTRA_VALUE_MAX_BYTES];

    if (!(is_account_sas(f) ? sas_account_text(f, text) : sas_service_text(f, text)))
        return fail(e, "The signed fields are too long.");
    if (!signing_sign(with->account, text, strlen(text), right))
        return service_fail(e, CODE_INTERNAL_ERROR);
    if (signing_equal(right, field(r, "sig")))
        return true;
    snprintf(detail, sizeof detail, "Signature did not match. String to sign used was %.900s",
             text);
    return fail(e, detail);
}

/* A field is the URL's or the policy's, never both. */
static bool merge(const char *url, const char *policy, const char **out)
{
    if (url[0] && policy[0])
        return false;
    *out = url[0] ? url : policy;
    return true;
}

/* Puts the policy's fields where the URL has none: only after the signature was found right. */
static bool apply_policy(const struct sas_check *with, struct sas_fields *f,
                         struct access_policy *policy, struct service_error *e)
{
    if (f->policy_id[0] == '\0')
        return true;
    if (!with->policy ||
        !with->policy(with->policy_context, f->account, f->container, f->policy_id, policy))
        return fail(e, "Access policy is not found: it never was, or it has been revoked.");
    if (!merge(f->start, policy->start, &f->start) ||
        !merge(f->expiry, policy->expiry, &f->expiry) ||
        !merge(f->permissions, policy->permissions, &f->permissions))
        return fail(e, "A field stands both in the signature and in its access policy.");
    return true;
}

static bool out_of_time(const struct sas_check *with, bool has_start, uint64_t start,
                        uint64_t expiry, struct service_error *e)
{
    char start_text[ANSWER_TIME_BYTES] = "";
    char expiry_text[ANSWER_TIME_BYTES];
    char now_text[ANSWER_TIME_BYTES];
    char detail[200];

    if (has_start)
        answer_time_format(region_clock_unix_seconds(start), start_text);
    answer_time_format(region_clock_unix_seconds(expiry), expiry_text);
    answer_time_format(region_clock_unix_seconds(with->now_ticks), now_text);
    snprintf(detail, sizeof detail,
             "Signature not valid in the specified time frame: Start [%s] - Expiry [%s] - "
             "Current [%s]",
             start_text, expiry_text, now_text);
    return fail(e, detail);
}

static bool is_in_force(const struct sas_check *with, const struct sas_fields *f,
                        struct service_error *e)
{
    bool has_start = f->start[0] != '\0';
    uint64_t start = 0;
    uint64_t expiry;

    if (f->expiry[0] == '\0')
        return fail(e, "se is mandatory. Cannot be empty");
    if (!sas_time_parse(f->expiry, &expiry))
        return fail(e, "Signed expiry time is not a time.");
    if (has_start && !sas_time_parse(f->start, &start))
        return fail(e, "Signed start time is not a time.");
    if (with->now_ticks >= expiry || with->now_ticks < start)
        return out_of_time(with, has_start, start, expiry, e);
    return true;
}

static bool protocol_is_right(const struct sas_fields *f, const struct request *r,
                              struct service_error *e)
{
    if (f->protocol[0] == '\0' || strcmp(f->protocol, "https,http") == 0)
        return true;
    if (strcmp(f->protocol, "https") != 0)
        return fail(e, "spr must be https or https,http.");
    return r->tls || service_fail(e, CODE_AUTHORIZATION_PROTOCOL_MISMATCH);
}

/* The peer's IPv4 address in host order; 0.0.0.0 for any other peer. */
static uint32_t peer_address(const struct request *r)
{
    const struct sockaddr *any = (const struct sockaddr *)&r->peer;

    if (any->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)&r->peer)->sin_addr.s_addr);
    if (any->sa_family == AF_INET6) {
        const struct in6_addr *six = &((const struct sockaddr_in6 *)&r->peer)->sin6_addr;
        uint32_t four;

        if (IN6_IS_ADDR_V4MAPPED(six)) {
            memcpy(&four, six->s6_addr + 12, sizeof four);
            return ntohl(four);
        }
    }
    return 0;
}

static bool address_is_right(const struct sas_fields *f, const struct request *r,
                             struct service_error *e)
{
    char first[40];
    const char *dash = strchr(f->address, '-');
    size_t n = dash ? (size_t)(dash - f->address) : strlen(f->address);
    struct in_addr low, high;
    uint32_t peer = peer_address(r);

    if (f->address[0] == '\0')
        return true;
    if (n >= sizeof first)
        return fail(e, "sip is not an address or a range of addresses.");
    memcpy(first, f->address, n);
    first[n] = '\0';
    if (inet_pton(AF_INET, first, &low) != 1 ||
        inet_pton(AF_INET, dash ? dash + 1 : first, &high) != 1)
        return fail(e, "sip is not an address or a range of addresses.");
    if (peer >= ntohl(low.s_addr) && peer <= ntohl(high.s_addr))
        return true;
    return service_fail_with(e, CODE_AUTHORIZATION_SOURCE_IP_MISMATCH, "SourceIP", "not allowed");
}

/* Known letters, none twice; in a service SAS the five common ones in their order. */
static bool permissions_are_valid(const struct sas_fields *f)
{
    static const char order[] = "racwd";
    const char *permissions = f->permissions;
    size_t last = 0;

    if (permissions[0] == '\0' || strlen(permissions) >= sizeof((struct request *)0)->permissions)
        return false;
    for (size_t i = 0; permissions[i]; i++) {
        const char *place = strchr(order, permissions[i]);

        if (!strchr("racwdxyltfmeopiu", permissions[i]) ||
            strchr(permissions + i + 1, permissions[i]))
            return false;
        if (!place || is_account_sas(f))
            continue;
        if ((size_t)(place - order) < last)
            return false;
        last = (size_t)(place - order);
    }
    return true;
}

/* An account SAS names services (b: blob) and kinds of resource (s, c, o). */
static bool covers_scope(const struct sas_fields *f, const struct request *r,
                         const struct request_need *need, struct service_error *e)
{
    static const char letter[] = {
        [SCOPE_ACCOUNT] = 's', [SCOPE_CONTAINER] = 'c', [SCOPE_BLOB] = 'o'};

    if (is_account_sas(f)) {
        if (!strchr(f->services, 'b'))
            return service_fail(e, CODE_AUTHORIZATION_SERVICE_MISMATCH);
        return strchr(f->types, letter[need->scope]) ||
               service_fail(e, CODE_AUTHORIZATION_RESOURCE_TYPE_MISMATCH);
    }
    if (need->scope == SCOPE_ACCOUNT || (need->scope == SCOPE_CONTAINER && r->blob[0]))
        return service_fail(e, CODE_AUTHORIZATION_RESOURCE_TYPE_MISMATCH);
    return true;
}

bool sas_check(const struct sas_check *with, struct request *r, const struct request_need *need,
               struct service_error *e)
{
    struct access_policy policy = {0};
    struct sas_fields f;

    read_fields(r, &f);
    if (!form_is_valid(&f, r, e) || !signature_is_right(with, &f, r, e) ||
        !apply_policy(with, &f, &policy, e) || !is_in_force(with, &f, e))
        return false;
    if (!permissions_are_valid(&f))
        return fail(e, "sp is mandatory: known letters in their order.");
    if (!protocol_is_right(&f, r, e) || !address_is_right(&f, r, e) ||
        !covers_scope(&f, r, need, e))
        return false;
    strcpy(r->permissions, f.permissions);
    if (r->version[0] == '\0')
        strcpy(r->version, f.version);
    return true;
}
