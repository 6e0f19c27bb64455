/* shared_key_check.c - Shared Key: rebuilds the text the client signed and signs it again. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/regiond/answer.h"
#include "tools/regiond/region_auth.h"
#include "tools/regiond/region_clock.h"
#include "tools/regiond/signing.h"
#include "tools/regiond/text_out.h"

#define SCHEME "SharedKey "

typedef int pair_order(const void *a, const void *b);

static bool fail(struct service_error *e, const char *detail)
{
    return service_fail_with(e, CODE_AUTHENTICATION_FAILED, "AuthenticationErrorDetail", detail);
}

/* ---- Order of x-ms- headers ---- */

static int by_bytes(const void *a, const void *b)
{
    const struct request_pair *x = a;
    const struct request_pair *y = b;

    return strcasecmp(x->name, y->name);
}

/* '_' before digits before letters, '-' not looked at: how the service's own collation orders
 * names that hold both (protocol.md B.1). */
static int letter_rank(char c)
{
    if (c == '_')
        return 1;
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static int by_collation(const void *a, const void *b)
{
    const char *x = ((const struct request_pair *)a)->name;
    const char *y = ((const struct request_pair *)b)->name;

    for (;;) {
        x += strspn(x, "-");
        y += strspn(y, "-");
        if (*x == '\0' || *y == '\0' || letter_rank(*x) != letter_rank(*y))
            break;
        x++;
        y++;
    }
    if (letter_rank(*x) != letter_rank(*y))
        return letter_rank(*x) - letter_rank(*y);
    return by_bytes(a, b);
}

/* ---- The signed text ---- */

static void add_lower(struct text_out *t, const char *text)
{
    for (; *text; text++) {
        char c = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;

        text_out_bytes(t, &c, 1);
    }
}

/* Trimmed, runs of white space folded to one blank. */
static void add_folded(struct text_out *t, const char *value)
{
    while (*value) {
        size_t space = strspn(value, " \t");
        size_t word = strcspn(value + space, " \t");

        if (space > 0 && t->bytes[t->length - 1] != ':' && word > 0)
            text_out_bytes(t, " ", 1);
        text_out_bytes(t, value + space, word);
        value += space + word;
    }
}

static void add_standard_headers(struct text_out *t, const struct request *r)
{
    static const char *const names[] = {"Content-Encoding",
                                        "Content-Language",
                                        "Content-Length",
                                        "Content-MD5",
                                        "Content-Type",
                                        "Date",
                                        "If-Modified-Since",
                                        "If-Match",
                                        "If-None-Match",
                                        "If-Unmodified-Since",
                                        "Range"};

    text_out_text(t, r->method);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = request_header(r, names[i]);

        text_out_text(t, "\n");
        if (!value)
            continue;
        if (strcmp(names[i], "Date") == 0 && request_header(r, "x-ms-date"))
            continue;
        if (strcmp(names[i], "Content-Length") == 0 && r->content_length == 0 &&
            request_version_at_least(r, "2015-02-21"))
            continue;
        text_out_text(t, value);
    }
    text_out_text(t, "\n");
}

static void add_service_headers(struct text_out *t, const struct request *r, pair_order *order)
{
    struct request_pair found[REQUEST_HEADER_MAX_COUNT];
    size_t count = 0;

    for (size_t i = 0; i < r->header_count; i++)
        if (strncasecmp(r->headers[i].name, "x-ms-", 5) == 0)
            found[count++] = r->headers[i];
    qsort(found, count, sizeof found[0], order);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcasecmp(found[i].name, found[i - 1].name) == 0) {
            text_out_text(t, ",");
        } else {
            if (i > 0)
                text_out_text(t, "\n");
            add_lower(t, found[i].name);
            text_out_text(t, ":");
        }
        add_folded(t, found[i].value);
    }
    if (count > 0)
        text_out_text(t, "\n");
}

static int by_name_then_value(const void *a, const void *b)
{
    const struct request_pair *x = a;
    const struct request_pair *y = b;
    int order = strcasecmp(x->name, y->name);

    return order ? order : strcmp(x->value, y->value);
}

static void add_resource(struct text_out *t, const struct request *r)
{
    struct request_pair params[REQUEST_PARAM_MAX_COUNT];

    text_out_text(t, "/");
    text_out_text(t, r->account);
    text_out_text(t, r->raw_path);
    memcpy(params, r->params, r->param_count * sizeof params[0]);
    qsort(params, r->param_count, sizeof params[0], by_name_then_value);
    for (size_t i = 0; i < r->param_count; i++) {
        if (i > 0 && strcasecmp(params[i].name, params[i - 1].name) == 0) {
            text_out_text(t, ",");
        } else {
            text_out_text(t, "\n");
            add_lower(t, params[i].name);
            text_out_text(t, ":");
        }
        text_out_text(t, params[i].value);
    }
}

static bool signed_so(const struct account *account, const struct request *r, pair_order *order,
                      const char *given)
{
    struct text_out t = {0};
    char right[SIGNATURE_TEXT_BYTES];
    bool same;

    add_standard_headers(&t, r);
    add_service_headers(&t, r, order);
    add_resource(&t, r);
    same =
        !t.failed && signing_sign(account, t.bytes, t.length, right) && signing_equal(right, given);
    text_out_fini(&t);
    return same;
}

/* ---- What must hold besides ---- */

static bool date_is_near(const struct request *r, uint64_t now_ticks, struct service_error *e)
{
    const char *date = request_header(r, "x-ms-date");
    uint64_t now_s = region_clock_unix_seconds(now_ticks);
    uint64_t then_s;
    char detail[120];

    if (!date)
        date = request_header(r, "Date");
    if (!date || !answer_time_parse(date, &then_s))
        return fail(e, "The Date header in the request is incorrect.");
    if (then_s + AUTH_DATE_SKEW_SECONDS >= now_s && now_s + AUTH_DATE_SKEW_SECONDS >= then_s)
        return true;
    snprintf(detail, sizeof detail, "Request date header too %s: '%s'",
             then_s < now_s ? "old" : "new", date);
    return fail(e, detail);
}

bool shared_key_check(const struct account *account, const struct request *r, uint64_t now_ticks,
                      struct service_error *e)
{
    const char *authorization = request_header(r, "Authorization");
    const char *name, *colon;

    assert(authorization);
    if (strncmp(authorization, SCHEME, strlen(SCHEME)) != 0)
        return service_fail(e, CODE_INVALID_AUTHENTICATION_INFO);
    name = authorization + strlen(SCHEME);
    colon = strchr(name, ':');
    if (!colon)
        return service_fail(e, CODE_INVALID_AUTHENTICATION_INFO);
    if ((size_t)(colon - name) != strlen(account->name) ||
        strncmp(name, account->name, (size_t)(colon - name)) != 0)
        return fail(e, "The account of the Authorization header is not the account of the URI.");
    if (!date_is_near(r, now_ticks, e))
        return false;
    if (signed_so(account, r, by_bytes, colon + 1) ||
        signed_so(account, r, by_collation, colon + 1))
        return true;
    return fail(e, "The MAC signature found in the HTTP request is not the same as any computed "
                   "signature.");
}
