/* front.c - see front.h.
 *
 * Who asks is judged at the head of a call, so that a stranger's body takes no memory.
 */
#include "tools/controld/front.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "blockmap/marker.h"
#include "io/http_server.h"
#include "io/listen_at.h"

#define BODIES_MAX_BYTES  (32u << 20) /* of all calls that wait for their answer */
#define ADDRESS_MAX_BYTES 320u
#define OWN_HEADERS_MAX   6u
#define JSON_TYPE         "application/json; charset=utf-8"
#define PAGE_RULES                                                                                 \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "                \
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_Static_assert(FRONT_GUID_BYTES == MARKER_UUID_MAX_BYTES, "a guid is a UUID's text");
_Static_assert(FRONT_BODY_MAX_BYTES <= HTTP_SERVER_BODY_MAX_BYTES, "the server takes it");
_Static_assert(BODIES_MAX_BYTES >= HTTP_SERVER_BODY_MAX_BYTES, "a body fits");

struct front {
    /* set once */
    struct http_server *server;
    const struct front_auth *auth;
    void (*ask)(void *arg, struct front_call *call);
    void *arg;
    char address[ADDRESS_MAX_BYTES];
    bool tls;
    const struct front_file *files; /* the page; NULL: none */
    size_t file_count;
};

struct seat { /* a call, and what of it others do not see */
    struct front_call call;
    struct http_call *http;
    char *body;
};

static struct http_call *http_of(const struct front_call *call)
{
    return ((const struct seat *)call)->http;
}

/* ---- Answers ---- */

static bool is_plain_word(const char *text, size_t max_bytes)
{
    size_t bytes = strnlen(text, max_bytes + 1);

    return bytes > 0 && bytes <= max_bytes &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._{}") ==
               bytes;
}

static size_t own_headers(const struct front_call *call, struct http_header *out_headers)
{
    const char *client = http_call_header(http_of(call), "x-ms-client-request-id");
    size_t count = 0;

    out_headers[count++] = (struct http_header){"x-ms-request-id", call->request_id};
    out_headers[count++] =
        (struct http_header){"x-ms-correlation-request-id", call->correlation_id};
    if (client && is_plain_word(client, 128))
        out_headers[count++] = (struct http_header){"x-ms-client-request-id", client};
    out_headers[count++] = (struct http_header){"Cache-Control", "no-store"};
    out_headers[count++] = (struct http_header){"X-Content-Type-Options", "nosniff"};
    assert(count <= OWN_HEADERS_MAX);
    return count;
}

void front_answer(struct front_call *call, int status, json_t *body,
                  const struct http_header *headers, size_t header_count)
{
    static const char no_memory[] = "{\"error\":{\"code\":\"InternalExecutionError\",\"message\":"
                                    "\"no memory for the answer\"}}";
    struct http_header all[OWN_HEADERS_MAX + FRONT_HEADERS_MAX];
    size_t count = own_headers(call, all);
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct http_reply reply = {.status = status, .headers = all, .content_type = JSON_TYPE};

    assert(header_count <= FRONT_HEADERS_MAX);
    for (size_t i = 0; i < header_count; i++)
        all[count++] = headers[i];
    reply.header_count = count;
    if (text) {
        reply.body = reply.free_arg = text;
        reply.body_bytes = strlen(text);
        reply.free_body = free;
    } else if (body) {
        reply.status = 500;
        reply.body = no_memory;
        reply.body_bytes = sizeof no_memory - 1;
    }
    json_decref(body);
    http_call_answer(http_of(call), &reply);
}

void front_refuse(struct front_call *call, const struct arm_error *why)
{
    struct http_header retry = {"Retry-After", "5"};

    assert(arm_error_is_set(why));
    front_answer(call, why->status, arm_error_json(why), &retry,
                 why->status == 429 || why->status == 503 ? 1 : 0);
}

/* ---- Strangers ---- */

static void refuse_stranger(struct front_call *call, enum front_verdict verdict)
{
    static const struct http_header ask = {"WWW-Authenticate", "Bearer realm=\"snapferryd\""};
    static const struct http_header wrong = {
        "WWW-Authenticate", "Bearer realm=\"snapferryd\", error=\"invalid_token\""};
    struct arm_error why = {0};

    if (verdict == FRONT_STRANGER || verdict == FRONT_WELCOME) {
        arm_error_set(
            &why, 403, "AuthorizationFailed", NULL,
            verdict == FRONT_WELCOME
                ? "Without authentication only this machine's own addresses are served."
                : "The client certificate is valid, but its name may not use this service.");
        front_refuse(call, &why);
        return;
    }
    if (verdict == FRONT_NOBODY)
        arm_error_set(&why, 401, "AuthenticationFailed", NULL,
                      "Authentication failed. The 'Authorization' header is missing.");
    else
        arm_error_set(&why, 401, "InvalidAuthenticationToken", NULL,
                      "The access token is invalid.");
    front_answer(call, 401, arm_error_json(&why), verdict == FRONT_NOBODY ? &ask : &wrong, 1);
}

/* HOST or HOST:PORT that is this machine's own. */
static bool is_own_host(const char *text)
{
    char with_port[ADDRESS_MAX_BYTES];
    struct listen_at at;
    struct err e = {0};
    const char *colon = strrchr(text, ':');
    bool port = colon && (text[0] != '[' || colon[-1] == ']');

    snprintf(with_port, sizeof with_port, port ? "%s" : "%s:0", text);
    return listen_at_parse(&at, "Host", "localhost:8700", with_port, &e) &&
           listen_at_is_loopback(&at);
}

/* Anybody on this machine may be a browser that shows somebody else's page: one that names us by a name of
 * its own, or sends us a form, is no caller of ours. */
static bool comes_from_here(const struct http_call *http)
{
    const char *host = http_call_header(http, "Host"), *origin = http_call_header(http, "Origin");

    if (!host || !is_own_host(host))
        return false;
    if (!origin)
        return true;
    return strncmp(origin, "http", 4) == 0 && strstr(origin, "://") &&
           strcmp(strstr(origin, "://") + 3, host) == 0;
}

static const char *refusal_code(unsigned status)
{
    switch (status) {
    case 403:
        return "AuthorizationFailed";
    case 405:
        return "HttpMethodNotAllowed";
    case 411:
        return "LengthRequired";
    case 413:
        return "RequestEntityTooLarge";
    case 414:
        return "RequestUriTooLong";
    case 431:
        return "RequestHeaderFieldsTooLarge";
    case 503:
        return "ServiceUnavailable";
    default:
        return "BadRequest";
    }
}

/* What the server refuses by itself, before there is a call. */
static char *shape_refusal(void *arg, const struct http_refusal *refusal)
{
    struct arm_error why = {0};
    json_t *body;
    char *text;

    (void)arg;
    arm_error_set(&why, (int)refusal->status, refusal_code(refusal->status), NULL, "%s",
                  refusal->why);
    body = arm_error_json(&why);
    text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    return text;
}

/* ---- Files of the page ---- */

static bool answer_file(struct front *front, struct http_call *http)
{
    static const struct http_header headers[] = {{"Content-Security-Policy", PAGE_RULES},
                                                 {"X-Content-Type-Options", "nosniff"},
                                                 {"Referrer-Policy", "no-referrer"},
                                                 {"Cache-Control", "no-cache"}};
    enum http_method method = http_call_method(http);
    struct http_reply reply = {.status = 200,
                               .headers = headers,
                               .header_count = sizeof headers / sizeof headers[0]};

    if (method != HTTP_GET && method != HTTP_HEAD)
        return false;
    for (size_t i = 0; i < front->file_count; i++) {
        if (strcmp(front->files[i].path, http_call_path(http)) != 0)
            continue;
        reply.content_type = front->files[i].content_type;
        reply.body = front->files[i].bytes;
        reply.body_bytes = front->files[i].count;
        http_call_answer(http, &reply);
        return true;
    }
    return false;
}

void front_serve_files(struct front *front, const struct front_file *files, size_t count)
{
    assert(count <= FRONT_FILES_MAX);
    front->files = files;
    front->file_count = count;
}

/* ---- Calls ---- */

static void answer_no_memory(struct http_call *http)
{
    static const char body[] =
        "{\"error\":{\"code\":\"ServiceUnavailable\",\"message\":\"no memory for the call\"}}";
    const struct http_reply reply = {
        .status = 503, .content_type = JSON_TYPE, .body = body, .body_bytes = sizeof body - 1};

    http_call_answer(http, &reply);
}

static void make_ids(struct front_call *call, const struct http_call *http)
{
    const char *given = http_call_header(http, "x-ms-correlation-request-id");

    front_make_guid(call->request_id);
    if (given && strlen(given) == FRONT_GUID_BYTES - 1 && is_plain_word(given, FRONT_GUID_BYTES))
        memcpy(call->correlation_id, given, FRONT_GUID_BYTES);
    else
        memcpy(call->correlation_id, call->request_id, FRONT_GUID_BYTES);
}

static void on_begin(void *arg, struct http_call *http)
{
    struct front *front = arg;
    enum front_verdict verdict;
    struct seat *seat;

    if (answer_file(front, http))
        return;
    seat = calloc(1, sizeof *seat);
    if (!seat) {
        answer_no_memory(http);
        return;
    }
    seat->http = http;
    seat->call = (struct front_call){
        .front = front, .method = http_call_method(http), .path = http_call_path(http), .body = ""};
    make_ids(&seat->call, http);
    http_call_set_user(http, seat);
    verdict = front_auth_judge(front->auth, http_call_header(http, "Authorization"),
                               http_call_peer(http)->name, &seat->call.who);
    if (verdict != FRONT_WELCOME || (front->auth->anybody && !comes_from_here(http)))
        refuse_stranger(&seat->call, verdict);
}

static void on_ready(void *arg, struct http_call *http)
{
    struct front *front = arg;
    struct seat *seat = http_call_user(http);
    size_t bytes = 0;
    const void *body = http_call_body(http, &bytes);

    if (bytes > 0) {
        seat->body = malloc(bytes + 1);
        if (!seat->body) {
            answer_no_memory(http);
            return;
        }
        memcpy(seat->body, body, bytes);
        seat->body[bytes] = 0;
        seat->call.body = seat->body;
        seat->call.body_bytes = bytes;
    }
    front->ask(front->arg, &seat->call);
}

static void on_gone(void *arg, struct http_call *http)
{
    struct seat *seat = http_call_user(http);

    (void)arg;
    if (!seat)
        return;
    free(seat->call.user);
    free(seat->body);
    free(seat);
}

/* ---- Life ---- */

struct front *front_new(const struct front_setup *setup, struct err *e)
{
    const struct http_server_options options = {.host = setup->host,
                                                .port = setup->port,
                                                .tls_cert = setup->tls_cert,
                                                .tls_key = setup->tls_key,
                                                .client_ca = setup->client_ca,
                                                .certs_optional = true,
                                                .patch = true,
                                                .path_max_bytes = HTTP_SERVER_PATH_TOP_BYTES,
                                                .body_max_bytes = FRONT_BODY_MAX_BYTES,
                                                .memory_budget_bytes = BODIES_MAX_BYTES,
                                                .shape = shape_refusal};
    bool six = strchr(setup->host, ':') != NULL;
    struct front *front = calloc(1, sizeof *front);
    struct http_server_handler handler = {on_begin, on_ready, on_gone, front};

    if (!front) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the server");
        return NULL;
    }
    front->auth = setup->auth;
    front->ask = setup->ask;
    front->arg = setup->arg;
    front->tls = setup->tls_cert != NULL;
    front->server = http_server_new(setup->reactor, &options, &handler, e);
    if (!front->server) {
        free(front);
        return NULL;
    }
    snprintf(front->address, sizeof front->address, "%s://%s%s%s:%u", front->tls ? "https" : "http",
             six ? "[" : "", setup->host, six ? "]" : "", http_server_port(front->server));
    return front;
}

void front_drain(struct front *front)
{
    http_server_drain(front->server);
}

bool front_idle(const struct front *front)
{
    return http_server_idle(front->server);
}

void front_free(struct front *front)
{
    if (!front)
        return;
    http_server_free(front->server);
    free(front);
}

const char *front_address(const struct front *front)
{
    return front->address;
}

/* ---- Look ---- */

const char *front_query(const struct front_call *call, const char *name)
{
    const char *found, *value;

    for (unsigned i = 0; http_call_query_at(http_of(call), i, &found, &value); i++)
        if (strcasecmp(found, name) == 0)
            return value;
    return NULL;
}

bool front_query_at(const struct front_call *call, unsigned index, const char **out_name,
                    const char **out_value)
{
    return http_call_query_at(http_of(call), index, out_name, out_value);
}

static bool is_host(const char *text)
{
    size_t bytes = strnlen(text, ADDRESS_MAX_BYTES);

    return bytes > 0 && bytes < ADDRESS_MAX_BYTES - sizeof "https://" &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:[]") ==
               bytes;
}

void front_url(const struct front_call *call, const char *path_and_query,
               char out_url[FRONT_URL_MAX_BYTES])
{
    const char *host = http_call_header(http_of(call), "Host");

    if (host && is_host(host))
        snprintf(out_url, FRONT_URL_MAX_BYTES, "%s://%s%s", call->front->tls ? "https" : "http",
                 host, path_and_query);
    else
        snprintf(out_url, FRONT_URL_MAX_BYTES, "%s%s", call->front->address, path_and_query);
}

void front_make_guid(char out_guid[FRONT_GUID_BYTES])
{
    unsigned char random[16];
    ssize_t count = getrandom(random, sizeof random, 0);

    assert(count == (ssize_t)sizeof random); /* the kernel has had its entropy since it started */
    (void)count;
    marker_uuid_from(random, out_guid);
}
