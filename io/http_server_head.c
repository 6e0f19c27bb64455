/* http_server_head.c - what a request must be before its handler hears of it.
 *
 * Knows:         request targets, the headers that say how long a body is.
 * Must not know: verbs, names, who may do what.
 * Threads:       the reactor's.
 *
 * Strict on purpose: a request that could be read in two ways is refused, not read in one of them.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/http_server_parts.h"

#define TARGET_PATHS   4u /* a target, with its query and encoded, is as long as so many paths */
#define HEAD_MAX_BYTES (12u << 10) /* beside the target */

/* ---- Targets ---- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. False: no encoding, or a byte no name has. */
static bool decode(char *text)
{
    char *out = text;

    for (const char *at = text; *at; at++, out++) {
        *out = *at;
        if (*at == '%') {
            int high = hex_value(at[1]), low = high < 0 ? -1 : hex_value(at[2]);

            if (low < 0)
                return false;
            *out = (char)(high << 4 | low);
            at += 2;
        }
        if ((unsigned char)*out < ' ' || *out == 0x7f)
            return false;
    }
    *out = 0;
    return true;
}

static bool parse_query(struct http_call *call, char *text)
{
    char *pair, *rest = text;

    while ((pair = strsep(&rest, "&"))) {
        char *value = strchr(pair, '=');

        if (!*pair)
            continue;
        if (call->query_count == HTTP_SERVER_QUERY_MAX)
            return false;
        if (value)
            *value++ = 0;
        if (!decode(pair) || (value && !decode(value)))
            return false;
        call->query[call->query_count].name = pair;
        call->query[call->query_count++].value = value ? value : "";
    }
    return true;
}

void http_call_parse_target(struct http_call *call, const char *target, uint32_t path_max_bytes)
{
    size_t most = (size_t)TARGET_PATHS * path_max_bytes;
    char *query;

    if (strnlen(target, most + 1) > most)
        return;
    call->target = strdup(target);
    if (!call->target)
        return;
    call->path = call->target;
    query = strchr(call->target, '?');
    if (query)
        *query++ = 0;
    call->target_sound =
        call->target[0] == '/' && decode(call->target) && (!query || parse_query(call, query));
}

/* ---- Headers ---- */

struct length_headers {
    unsigned lengths, encodings, names;
    const char *length;
};

static enum MHD_Result count_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct length_headers *seen = cls;

    (void)kind;
    seen->names++;
    if (strcasecmp(name, "Content-Length") == 0) {
        seen->lengths++;
        seen->length = value;
    }
    if (strcasecmp(name, "Transfer-Encoding") == 0)
        seen->encodings++;
    return MHD_YES;
}

static unsigned check_length(struct http_call *call, const char **out_why)
{
    struct length_headers seen = {0};
    bool wants_body =
        call->method == HTTP_PUT || call->method == HTTP_POST || call->method == HTTP_PATCH;
    char *end;

    MHD_get_connection_values(call->connection, MHD_HEADER_KIND, count_header, &seen);
    *out_why = "the length of the body must be said once, and in Content-Length";
    if (seen.lengths > 1 || (seen.lengths && seen.encodings))
        return 400;
    if (seen.encodings || (wants_body && !seen.lengths))
        return 411;
    if (seen.lengths) {
        if (!seen.length || !isdigit((unsigned char)seen.length[0]) || strlen(seen.length) > 18)
            return 400;
        call->length_bytes = strtoull(seen.length, &end, 10);
        if (*end)
            return 400;
    }
    call->length_known = true;
    if (seen.names > HTTP_HEADERS_MAX) {
        *out_why = "too many headers";
        return 431;
    }
    if (call->length_bytes > 0 && !wants_body) {
        *out_why = "this method takes no body";
        return 400;
    }
    if (call->length_bytes > call->server->body_max_bytes) {
        *out_why = "the body is larger than what is taken at once";
        return 413;
    }
    return 0;
}

static bool set_method(struct http_call *call, const char *method)
{
    static const char *const names[] = {
        [HTTP_GET] = "GET",   [HTTP_HEAD] = "HEAD",     [HTTP_PUT] = "PUT",
        [HTTP_POST] = "POST", [HTTP_DELETE] = "DELETE", [HTTP_PATCH] = "PATCH"};

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(method, names[i]) == 0) {
            call->method = (enum http_method)i;
            return i != HTTP_PATCH || call->server->patch;
        }
    return false;
}

unsigned http_call_check_head(struct http_call *call, const char *method, const char **out_why)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    uint32_t path_max = call->server->path_max_bytes;
    bool method_known = set_method(call, method);
    unsigned length_status = check_length(call, out_why);

    if (!method_known) {
        *out_why = "there is no such method";
        return 405;
    }
    if (!call->target || (call->target_sound && strlen(call->path) > path_max)) {
        *out_why = "the path is too long";
        return 414;
    }
    if (!call->target_sound) {
        *out_why = "the path or its query is not sound";
        return 400;
    }
    if (info && info->header_size > HEAD_MAX_BYTES + TARGET_PATHS * path_max) {
        *out_why = "the headers are too long";
        return 431;
    }
    return length_status;
}
