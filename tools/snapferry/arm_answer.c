/* arm_answer.c - see arm_answer.h. */
#include "tools/snapferry/arm_answer.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tools/snapferry/view.h"

#define WORDS_MAX_BYTES 512u
#define OUTPUT_DEPTH    3u

const char *arm_answer_text(const json_t *body, const char *const *path)
{
    for (; *path && body; path++)
        body = json_object_get(body, *path);
    return json_string_value(body);
}

/* ---- Refusals ---- */

/* The object with code and message: under error, or the body itself. */
static const json_t *error_of(const json_t *body)
{
    const json_t *error = json_object_get(body, "error");

    return json_is_object(error) ? error : body;
}

static enum err_kind kind_of(int status)
{
    switch (status) {
    case 401:
    case 403:
        return ERR_AUTH;
    case 404:
    case 410:
        return ERR_GONE;
    case 409:
    case 412:
        return ERR_CONFLICT;
    case 429:
        return ERR_THROTTLED;
    default:
        return status >= 500 || status == 408 ? ERR_NET : ERR_LIMIT;
    }
}

static bool say(int status, const json_t *body, const char *what, struct err *e)
{
    const json_t *error = error_of(body);
    const char *code = json_string_value(json_object_get(error, "code"));
    const char *message = json_string_value(json_object_get(error, "message"));
    char words[WORDS_MAX_BYTES], name[sizeof e->code];

    snprintf(name, sizeof name, "%s", code ? code : "");
    view_clean(name);
    snprintf(words, sizeof words, "%s", message ? message : "it does not say why");
    view_clean(words);
    err_set(e, kind_of(status), arm_answer_passes(status) ? RETRY_LATER : RETRY_NEVER,
            "%s (%d%s%s): %.250s", what, status, *name ? " " : "", name, words);
    e->http_status = status;
    memcpy(e->code, name, sizeof name);
    return false;
}

bool arm_answer_refusal(int status, const json_t *body, const char *request_id, struct err *e)
{
    say(status, body,
        status == 401 ? "the service does not take the token" : "the service refuses this", e);
    snprintf(e->request_id, sizeof e->request_id, "%s", request_id);
    return false;
}

bool arm_answer_failure(const json_t *body, struct err *e)
{
    return say(200, body, "the operation failed", e);
}

bool arm_answer_passes(int status)
{
    return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

/* ---- Operations ---- */

enum arm_progress arm_answer_progress(const json_t *body)
{
    const char *status = json_string_value(json_object_get(body, "status"));

    if (status && strcasecmp(status, "Succeeded") == 0)
        return ARM_DONE;
    if (status && (strcasecmp(status, "Failed") == 0 || strcasecmp(status, "Canceled") == 0))
        return ARM_FAILED;
    return ARM_RUNS;
}

json_t *arm_answer_output(const json_t *body)
{
    json_t *output = json_object_get(json_object_get(body, "properties"), "output");

    return json_is_object(output) ? output : NULL;
}

static const char *sas_in(const json_t *object)
{
    const char *name;
    json_t *value;

    /* jansson's iteration takes what is not const; nothing is changed */
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        if (strcasecmp(name, "accessSAS") == 0 && json_is_string(value))
            return json_string_value(value);
    }
    return NULL;
}

const char *arm_answer_sas(const json_t *body)
{
    static const char *const inner[OUTPUT_DEPTH] = {"properties", "output", NULL};

    for (unsigned i = 0; json_is_object(body); i++) {
        const char *sas = sas_in(body);

        if (sas || !inner[i])
            return sas;
        body = json_object_get(body, inner[i]);
    }
    return NULL;
}

/* ---- Hosts ---- */

struct origin {
    size_t scheme_bytes, host_bytes;
    const char *host, *port;
    size_t port_bytes;
};

static bool origin_of(const char *url, struct origin *out)
{
    const char *colon = strstr(url, "://"), *end, *port;

    if (!colon)
        return false;
    out->scheme_bytes = (size_t)(colon - url);
    out->host = colon + 3;
    end = out->host + strcspn(out->host, "/?#");
    if (memchr(out->host, '@', (size_t)(end - out->host)))
        return false; /* who is named before the host hides the host from a hasty reader */
    port = memrchr(out->host, ':', (size_t)(end - out->host));
    if (port && memchr(port, ']', (size_t)(end - port)))
        port = NULL; /* inside of [::1] */
    out->host_bytes = (size_t)((port ? port : end) - out->host);
    out->port = port ? port + 1 : out->scheme_bytes == 5 ? "443" : "80";
    out->port_bytes = port ? (size_t)(end - port - 1) : strlen(out->port);
    return out->host_bytes > 0;
}

bool arm_answer_same_host(const char *url, const char *other)
{
    struct origin a, b;

    return origin_of(url, &a) && origin_of(other, &b) && a.scheme_bytes == b.scheme_bytes &&
           strncasecmp(url, other, a.scheme_bytes) == 0 && a.host_bytes == b.host_bytes &&
           strncasecmp(a.host, b.host, a.host_bytes) == 0 && a.port_bytes == b.port_bytes &&
           memcmp(a.port, b.port, a.port_bytes) == 0;
}
