/* request.c - splits and decodes a request's target; looks things up in it. */
#include "tools/regiond/request.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Writes the decoded text and its NUL; returns its length, or -1. */
static long decode(const char *text, size_t n, char plus, char *out, size_t out_size_bytes)
{
    size_t length = 0;
    size_t i = 0;

    while (i < n) {
        char c = text[i++];

        if (c == '+') {
            c = plus;
        } else if (c == '%') {
            int high = i + 1 < n ? hex_digit(text[i]) : -1;
            int low = i + 1 < n ? hex_digit(text[i + 1]) : -1;

            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return -1;
            c = (char)(unsigned char)(high * 16 + low);
            i += 2;
        }
        if (length + 1 >= out_size_bytes)
            return -1;
        out[length++] = c;
    }
    if (out_size_bytes == 0)
        return -1;
    out[length] = '\0';
    return (long)length;
}

bool request_percent_decode(const char *text, size_t n, char *out, size_t out_size_bytes)
{
    return decode(text, n, '+', out, out_size_bytes) >= 0;
}

/* The next path segment after a '/', decoded; *io_path moves behind it. */
static bool take_segment(const char **io_path, char *out, size_t out_size_bytes)
{
    const char *start = *io_path;
    size_t n;

    if (*start == '/')
        start++;
    n = strcspn(start, "/");
    *io_path = start + n;
    return request_percent_decode(start, n, out, out_size_bytes);
}

static bool split_path(struct request *r, struct service_error *e)
{
    const char *path = r->raw_path;

    if (*path != '/')
        return service_fail(e, CODE_INVALID_URI);
    if (!take_segment(&path, r->account, sizeof r->account) ||
        !take_segment(&path, r->container, sizeof r->container))
        return service_fail(e, CODE_INVALID_URI);
    if (*path == '/')
        path++;
    if (!request_percent_decode(path, strlen(path), r->blob, sizeof r->blob))
        return service_fail(e, CODE_INVALID_URI);
    if ((r->account[0] == '\0' && r->container[0] != '\0') ||
        (r->container[0] == '\0' && r->blob[0] != '\0'))
        return service_fail(e, CODE_INVALID_URI);
    r->is_upload_host = strncmp(r->account, "md-impexp-", 10) == 0;
    r->is_disk_host = strncmp(r->account, "md-", 3) == 0;
    return true;
}

/* Decoded names and values go one behind the other into `out`. */
static bool split_query(struct request *r, char *out, size_t out_size_bytes,
                        struct service_error *e)
{
    const char *at = r->raw_query;

    while (*at) {
        size_t n = strcspn(at, "&");
        const char *equals = memchr(at, '=', n);
        size_t name_n = equals ? (size_t)(equals - at) : n;
        struct request_pair *pair = &r->params[r->param_count];
        long length;

        if (n > 0) {
            if (r->param_count == REQUEST_PARAM_MAX_COUNT)
                return service_fail(e, CODE_INVALID_URI);
            length = decode(at, name_n, ' ', out, out_size_bytes);
            if (length < 0)
                return service_fail(e, CODE_INVALID_URI);
            pair->name = out;
            out += length + 1;
            out_size_bytes -= (size_t)length + 1;
            length = equals ? decode(equals + 1, n - name_n - 1, ' ', out, out_size_bytes)
                            : decode("", 0, ' ', out, out_size_bytes);
            if (length < 0)
                return service_fail_query(e, CODE_INVALID_QUERY_PARAMETER_VALUE, pair->name, NULL);
            pair->value = out;
            out += length + 1;
            out_size_bytes -= (size_t)length + 1;
            r->param_count++;
        }
        at += n;
        if (*at == '&')
            at++;
    }
    return true;
}

bool request_set_target(struct request *r, const char *target, struct service_error *e)
{
    size_t n = strlen(target);
    size_t decoded_bytes = 2 * n + 4; /* a name without '=' still gets an empty value's NUL */
    const char *snapshot;
    char *split;
    char *query;

    assert(!r->target);
    r->raw_path = r->raw_query = "";
    if (n > REQUEST_TARGET_MAX_BYTES)
        return service_fail(e, CODE_INVALID_URI);
    r->target = malloc(2 * (n + 1) + decoded_bytes);
    if (!r->target)
        return service_fail(e, CODE_INTERNAL_ERROR);
    memcpy(r->target, target, n + 1);
    split = r->target + n + 1;
    memcpy(split, target, n + 1);
    r->raw_path = split;
    query = strchr(split, '?');
    if (query) {
        *query = '\0';
        r->raw_query = query + 1;
    }
    if (!split_path(r, e) || !split_query(r, split + n + 1, decoded_bytes, e))
        return false;
    snapshot = request_param(r, "snapshot");
    if (snapshot) {
        if (strlen(snapshot) >= sizeof r->snapshot)
            return service_fail_query(e, CODE_INVALID_QUERY_PARAMETER_VALUE, "snapshot", snapshot);
        strcpy(r->snapshot, snapshot);
    }
    return true;
}

static bool version_is_date(const char *text)
{
    static const char form[] = "dddd-dd-dd";
    size_t i;

    for (i = 0; form[i]; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';

        if (form[i] == 'd' ? !digit : text[i] != form[i])
            return false;
    }
    return text[i] == '\0';
}

bool request_read_headers(struct request *r, struct service_error *e)
{
    const char *version = request_header(r, "x-ms-version");
    const char *length = request_header(r, "Content-Length");

    if (version) {
        if (!version_is_date(version))
            return service_fail_header(e, CODE_INVALID_HEADER_VALUE, "x-ms-version", version);
        strcpy(r->version, version);
    }
    if (length) {
        char *end;

        if (*length < '0' || *length > '9')
            return service_fail_header(e, CODE_INVALID_HEADER_VALUE, "Content-Length", length);
        r->content_length = strtoull(length, &end, 10);
        if (*end != '\0' || r->content_length > REQUEST_LENGTH_MAX_BYTES)
            return service_fail_header(e, CODE_INVALID_HEADER_VALUE, "Content-Length", length);
        r->has_content_length = true;
    }
    return true;
}

void request_fini(struct request *r)
{
    free(r->target);
    r->target = NULL;
    r->param_count = 0;
}

static const char *find(const struct request_pair *pairs, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(pairs[i].name, name) == 0)
            return pairs[i].value;
    return NULL;
}

const char *request_header(const struct request *r, const char *name)
{
    return find(r->headers, r->header_count, name);
}

const char *request_param(const struct request *r, const char *name)
{
    return find(r->params, r->param_count, name);
}

bool request_set_param(struct request *r, const char *name, const char *value)
{
    size_t at = 0;

    while (at < r->param_count && strcasecmp(r->params[at].name, name) != 0)
        at++;
    if (at == REQUEST_PARAM_MAX_COUNT)
        return false;
    r->params[at] = (struct request_pair){name, value};
    if (at == r->param_count)
        r->param_count++;
    return true;
}

bool request_version_at_least(const struct request *r, const char *version)
{
    return strcmp(r->version, version) >= 0;
}
