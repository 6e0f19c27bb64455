/* answer.c - puts an answer together; the error body is the service's, element by element. */
#include "tools/regiond/answer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "tools/regiond/region_clock.h"

void answer_header(struct answer *a, const char *name, const char *value)
{
    text_out_bytes(&a->headers, name, strlen(name) + 1);
    text_out_bytes(&a->headers, value, strlen(value) + 1);
}

const char *answer_header_find(const struct answer *a, const char *name)
{
    const char *at = a->headers.bytes;
    const char *end = at + a->headers.length;

    while (at < end) {
        const char *value = at + strlen(at) + 1;

        if (strcasecmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

void answer_header_change(struct answer *a, const char *name, const char *value)
{
    struct text_out old = a->headers;
    const char *at = old.bytes;
    const char *end = at + old.length;

    a->headers = (struct text_out){.failed = old.failed};
    while (at < end) {
        const char *old_value = at + strlen(at) + 1;

        answer_header(a, at, strcasecmp(at, name) == 0 ? value : old_value);
        at = old_value + strlen(old_value) + 1;
    }
    text_out_fini(&old);
}

void answer_header_u64(struct answer *a, const char *name, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    answer_header(a, name, text);
}

void answer_time_format(uint64_t unix_seconds, char out_text[ANSWER_TIME_BYTES])
{
    time_t seconds = (time_t)unix_seconds;
    struct tm tm;

    gmtime_r(&seconds, &tm);
    if (strftime(out_text, ANSWER_TIME_BYTES, "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
        out_text[0] = '\0'; /* a year of five digits */
}

bool answer_time_parse(const char *text, uint64_t *out_unix_seconds)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    time_t seconds;

    if (!end || *end != '\0')
        return false;
    seconds = timegm(&tm);
    if (seconds < 0)
        return false;
    *out_unix_seconds = (uint64_t)seconds;
    return true;
}

void answer_header_time(struct answer *a, const char *name, uint64_t unix_seconds)
{
    char text[ANSWER_TIME_BYTES];

    answer_time_format(unix_seconds, text);
    answer_header(a, name, text);
}

void answer_take_text(struct answer *a, const char *content_type, struct text_out *take)
{
    assert(a->body == ANSWER_EMPTY);
    if (take->failed) {
        a->headers.failed = true; /* told as one 500, whatever failed */
        text_out_fini(take);
        return;
    }
    answer_header(a, "Content-Type", content_type);
    a->body = ANSWER_TEXT;
    a->body_bytes = take->length;
    a->text = text_out_take(take);
}

void answer_take_buffer(struct answer *a, unsigned char *take, uint64_t bytes)
{
    assert(a->body == ANSWER_EMPTY);
    a->body = ANSWER_BUFFER;
    a->body_bytes = bytes;
    a->buffer = take;
}

void answer_take_file(struct answer *a, int take_fd, uint64_t fd_offset, uint64_t bytes)
{
    assert(a->body == ANSWER_EMPTY);
    a->body = ANSWER_FILE;
    a->body_bytes = bytes;
    a->fd = take_fd;
    a->fd_offset = fd_offset;
}

void answer_stream(struct answer *a, uint64_t bytes, answer_read_fn *read)
{
    assert(a->body == ANSWER_EMPTY);
    a->body = ANSWER_STREAM;
    a->body_bytes = bytes;
    a->read = read;
}

void answer_keep(struct answer *a, void *context, void (*context_free)(void *))
{
    assert(!a->context_free);
    a->context = context;
    a->context_free = context_free;
}

bool answer_collect(struct answer *a)
{
    struct text_out text = {0};
    char block[16384];
    ssize_t n;

    assert(a->body == ANSWER_STREAM && a->body_bytes == ANSWER_BYTES_UNKNOWN);
    while ((n = a->read(a->context, text.length, block, sizeof block)) > 0)
        text_out_bytes(&text, block, (size_t)n);
    if (n < 0 || text.failed) {
        text_out_fini(&text);
        return false;
    }
    a->body = ANSWER_TEXT;
    a->body_bytes = text.length;
    a->text = text_out_take(&text);
    return true;
}

ssize_t answer_body_read(const struct answer *a, uint64_t at, char *out, size_t max_bytes)
{
    uint64_t left = a->body_bytes - at;
    const char *memory = a->body == ANSWER_TEXT ? a->text : (const char *)a->buffer;

    if (a->body == ANSWER_STREAM)
        return a->read(a->context, at, out, max_bytes);
    if (a->body == ANSWER_EMPTY || at >= a->body_bytes)
        return 0;
    if (max_bytes > left)
        max_bytes = (size_t)left;
    if (a->body == ANSWER_FILE)
        return pread(a->fd, out, max_bytes, (off_t)(a->fd_offset + at));
    memcpy(out, memory + at, max_bytes);
    return (ssize_t)max_bytes;
}

static void error_time(char out_text[32])
{
    uint64_t ticks = region_clock_ticks();
    time_t seconds = (time_t)region_clock_unix_seconds(ticks);
    struct tm tm;
    size_t n;

    gmtime_r(&seconds, &tm);
    n = strftime(out_text, 24, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out_text + n, 32 - n, ".%07uZ", (unsigned)(ticks % TICKS_PER_SECOND));
}

static void error_headers(struct answer *a, const struct service_error *e)
{
    answer_header(a, "x-ms-error-code", e->code);
    if (e->retry_after[0])
        answer_header(a, "Retry-After", e->retry_after);
    if (e->authenticate[0])
        answer_header(a, "WWW-Authenticate", e->authenticate);
    if (e->copy_source_code[0])
        answer_header(a, "x-ms-copy-source-error-code", e->copy_source_code);
    if (e->copy_source_status)
        answer_header_u64(a, "x-ms-copy-source-status-code", e->copy_source_status);
}

void answer_error(struct answer *a, const struct request *r, const struct service_error *e)
{
    struct text_out xml = {0};
    char time_text[32];

    assert(e->status >= 300 && a->body == ANSWER_EMPTY);
    text_out_fini(&a->headers);
    a->status = e->status;
    error_headers(a, e);
    if (e->status == 304)
        return;
    error_time(time_text);
    text_out_text(&xml, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Error>");
    text_out_element(&xml, "Code", e->code);
    text_out_text(&xml, "<Message>");
    text_out_xml(&xml, e->message);
    text_out_format(&xml, "\nRequestId:%s\nTime:%s</Message>", r->id, time_text);
    for (unsigned i = 0; i < e->extra_count; i++)
        text_out_element(&xml, e->extra[i].name, e->extra[i].value);
    if (e->copy_source_code[0])
        text_out_element(&xml, "CopySourceErrorCode", e->copy_source_code);
    if (e->copy_source_status)
        text_out_format(&xml, "<CopySourceStatusCode>%u</CopySourceStatusCode>",
                        e->copy_source_status);
    text_out_text(&xml, "</Error>");
    answer_take_text(a, "application/xml", &xml);
}
