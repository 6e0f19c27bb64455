/* from_url.c - one GET by libcurl, straight into the caller's buffer, to loopback only. */
#include "tools/regiond/from_url.h"

#include <assert.h>
#include <curl/curl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SOURCE_VERSION          "2021-12-02" /* x-ms-version the source is asked with */
#define SOURCE_CONNECT_MS       5000L
#define SOURCE_TOTAL_MS         25000L /* the service gives up after 30 s */
#define SOURCE_LINE_MAX_BYTES   4096u  /* of a header that is sent */
#define SOURCE_RANGE_TEXT_BYTES 48u

struct source_answer {
    const struct from_url_request *request; /* set once, as the buffer */
    unsigned char *buffer;
    uint64_t bytes; /* arrived, of a body that is what was asked for */
    bool too_long;
    char code[SERVICE_CODE_MAX_BYTES]; /* x-ms-error-code */
    bool has_range;                    /* Content-Range was there */
    uint64_t range_first, range_last;
};

/* ---- What libcurl calls ---- */

static bool is_loopback(const struct curl_sockaddr *address)
{
    if (address->family == AF_INET)
        return ntohl(((const struct sockaddr_in *)&address->addr)->sin_addr.s_addr) >> 24 == 127;
    if (address->family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&address->addr)->sin6_addr);
    return false;
}

/* Judged on the address, not on the name: a name can mean anything. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)context;
    if (purpose != CURLSOCKTYPE_IPCXN || !is_loopback(address))
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct source_answer *answer = context;
    size_t n = size * count;

    if (n > answer->request->bytes - answer->bytes) {
        answer->too_long = true; /* an error's body, or a source that ignores ranges */
        return n;
    }
    memcpy(answer->buffer + answer->bytes, bytes, n);
    answer->bytes += n;
    return n;
}

/* The value, without the line's end, if the line is that header; else NULL. */
static const char *value_of(const char *line, size_t n, const char *name, char *out,
                            size_t out_bytes)
{
    size_t name_n = strlen(name);
    size_t at = name_n + 1;

    if (n <= name_n || strncasecmp(line, name, name_n) != 0 || line[name_n] != ':')
        return NULL;
    while (at < n && (line[at] == ' ' || line[at] == '\t'))
        at++;
    while (n > at && (line[n - 1] == '\r' || line[n - 1] == '\n' || line[n - 1] == ' '))
        n--;
    if (n - at >= out_bytes)
        return NULL;
    memcpy(out, line + at, n - at);
    out[n - at] = '\0';
    return out;
}

static size_t take_header(char *line, size_t size, size_t count, void *context)
{
    struct source_answer *answer = context;
    size_t n = size * count;
    char text[SERVICE_CODE_MAX_BYTES];

    if (value_of(line, n, "x-ms-error-code", text, sizeof text))
        memcpy(answer->code, text, sizeof text);
    else if (value_of(line, n, "Content-Range", text, sizeof text))
        answer->has_range = sscanf(text, "bytes %" SCNu64 "-%" SCNu64, &answer->range_first,
                                   &answer->range_last) == 2;
    return n;
}

/* ---- The request ---- */

static bool add_line(struct curl_slist **io_lines, const char *name, const char *value)
{
    char line[SOURCE_LINE_MAX_BYTES];
    struct curl_slist *longer;
    int n;

    if (!value)
        return true;
    n = snprintf(line, sizeof line, "%s: %s", name, value);
    if (n < 0 || (size_t)n >= sizeof line)
        return false;
    longer = curl_slist_append(*io_lines, line);
    if (longer)
        *io_lines = longer;
    return longer != NULL;
}

static bool add_lines(struct curl_slist **io_lines, const struct from_url_request *request)
{
    return add_line(io_lines, "x-ms-version", SOURCE_VERSION) &&
           add_line(io_lines, "Authorization", request->authorization) &&
           add_line(io_lines, "If-Match", request->if_match) &&
           add_line(io_lines, "If-None-Match", request->if_none_match) &&
           add_line(io_lines, "If-Modified-Since", request->if_modified_since) &&
           add_line(io_lines, "If-Unmodified-Since", request->if_unmodified_since);
}

static bool set_options(CURL *curl, struct source_answer *answer, struct curl_slist *lines)
{
    const struct from_url_request *request = answer->request;
    const char *trusted = getenv("SSL_CERT_FILE"); /* a region's own test authority */
    char range[SOURCE_RANGE_TEXT_BYTES];

    snprintf(range, sizeof range, "%" PRIu64 "-%" PRIu64, request->offset,
             request->offset + request->bytes - 1);
    return curl_easy_setopt(curl, CURLOPT_URL, request->url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_RANGE, range) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, SOURCE_CONNECT_MS) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, SOURCE_TOTAL_MS) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer) == CURLE_OK &&
           (!trusted || curl_easy_setopt(curl, CURLOPT_CAINFO, trusted) == CURLE_OK);
}

/* ---- What the source's answer means to our own caller ---- */

static bool fail(struct service_error *e, unsigned status, const char *message)
{
    return service_fail_custom(e, status, service_code_name(CODE_CANNOT_VERIFY_COPY_SOURCE),
                               message);
}

static bool no_answer(CURLcode result, struct service_error *e)
{
    switch (result) {
    case CURLE_OPERATION_TIMEDOUT:
        return service_fail(e, CODE_OPERATION_TIMED_OUT);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return service_fail_header(e, CODE_INVALID_HEADER_VALUE, "x-ms-copy-source", NULL);
    default:
        return fail(e, 500, "Could not verify the copy source: it could not be reached.");
    }
}

static void tell_source(struct service_error *e, unsigned status, const char *code)
{
    char text[16];

    snprintf(text, sizeof text, "%u", status);
    e->copy_source_status = status;
    snprintf(e->copy_source_code, sizeof e->copy_source_code, "%s", code);
    service_error_add(e, "CopySourceStatusCode", text);
    if (code[0])
        service_error_add(e, "CopySourceErrorCode", code);
}

static bool refused(unsigned status, const char *code, struct service_error *e)
{
    if (status == 304 || status == 412)
        service_fail(e, CODE_SOURCE_CONDITION_NOT_MET);
    else if (status == 416)
        service_fail(e, CODE_INVALID_RANGE);
    else if (status >= 500 || status == 429)
        fail(e, status == 503 ? 503 : 500, "Could not verify the copy source: it is not well.");
    else if (status == 401 || status == 403)
        fail(e, 403, "Could not verify the copy source: it does not let us read it.");
    else if (status == 404 || status == 409)
        fail(e, status, "Could not verify the copy source: it is not there to be read.");
    else
        fail(e, 400, "Could not verify the copy source: its answer is not the range.");
    tell_source(e, status, code);
    return false;
}

static bool judge(const struct source_answer *answer, unsigned status, struct service_error *e)
{
    const struct from_url_request *request = answer->request;
    uint64_t last = request->offset + request->bytes - 1;

    if (status == 206 &&
        (!answer->has_range || answer->range_first != request->offset || answer->range_last > last))
        return refused(status, "", e);
    if (status == 206 && answer->range_last < last) /* the source ends before the range does */
        return refused(416, "InvalidRange", e);
    if (status == 200 && request->offset != 0) /* no ranges there */
        return refused(200, "", e);
    if (status != 200 && status != 206)
        return refused(status, answer->code, e);
    if (answer->too_long || answer->bytes != request->bytes)
        return refused(status, "", e);
    return true;
}

bool from_url_fetch(const struct from_url_request *request, unsigned char *buffer,
                    struct service_error *e)
{
    struct source_answer answer = {.request = request, .buffer = buffer};
    struct curl_slist *lines = NULL;
    CURL *curl = curl_easy_init();
    CURLcode result;
    long status = 0;
    bool done = false;

    assert(request->bytes > 0 && request->bytes <= FROM_URL_RANGE_MAX_BYTES);
    if (!curl || !add_lines(&lines, request) || !set_options(curl, &answer, lines)) {
        service_fail(e, CODE_INTERNAL_ERROR);
        goto out;
    }
    result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (result != CURLE_OK)
        no_answer(result, e);
    else
        done = judge(&answer, (unsigned)status, e);
out:
    curl_slist_free_all(lines);
    curl_easy_cleanup(curl);
    return done;
}
