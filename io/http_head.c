/* http_head.c - see http_head.h. */
#include "io/http_head.h"

#include <ctype.h>
#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool starts_final_answer(const struct http_answer *answer)
{
    return answer->status >= 200;
}

static void take_content_range(struct http_answer *answer, const char *value)
{
    char after;

    answer->range_known = sscanf(value, "bytes %" SCNu64 "-%" SCNu64 "%c", &answer->range_first,
                                 &answer->range_last, &after) == 3 &&
                          after == '/' && answer->range_first <= answer->range_last;
}

static uint32_t clamp_ms(uint64_t ms)
{
    return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

/* Seconds, or a date; a date in the past means now. */
static uint32_t retry_after_ms(const char *value, uint64_t wall_ms)
{
    time_t date;

    if (isdigit((unsigned char)*value)) {
        unsigned long seconds = strtoul(value, NULL, 10);

        return clamp_ms(seconds > UINT32_MAX ? UINT32_MAX : seconds * 1000ull);
    }
    date = curl_getdate(value, NULL);
    return date > 0 && (uint64_t)date * 1000 > wall_ms ? clamp_ms((uint64_t)date * 1000 - wall_ms)
                                                       : 0;
}

/* What will be shown to people and written into JSON: printable ASCII, cut to fit. */
static void copy_shown(char *target, size_t target_bytes, const char *value)
{
    size_t used = 0;

    for (; *value && used + 1 < target_bytes; value++)
        target[used++] = *value >= ' ' && *value < 127 ? *value : '?';
    target[used] = 0;
    secret_redact(target); /* a host may echo what it was asked */
}

static void take_header(struct http_head *head, const char *name, const char *value,
                        uint64_t wall_ms)
{
    struct http_answer *answer = &head->req->answer;

    if (strcmp(name, "content-range") == 0)
        take_content_range(answer, value);
    else if (strcmp(name, "retry-after") == 0 && !answer->retry_after_ms)
        answer->retry_after_ms = retry_after_ms(value, wall_ms);
    else if (strcmp(name, "x-ms-retry-after-ms") == 0 || strcmp(name, "retry-after-ms") == 0)
        answer->retry_after_ms = clamp_ms(strtoul(value, NULL, 10));
    else if (strcmp(name, "x-ms-error-code") == 0)
        copy_shown(answer->code, sizeof answer->code, value);
    else if (strcmp(name, "x-ms-request-id") == 0)
        copy_shown(answer->request_id, sizeof answer->request_id, value);
    if (head->req->header && starts_final_answer(answer))
        head->req->header(head->req, name, value);
}

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 127;
}

static bool is_metadata(const char *name)
{
    return strncmp(name, "x-ms-meta-", 10) == 0;
}

/* "Name: value" without its line end. Lines that no service of ours writes are ignored, but metadata that
 * does not fit must not be: who merges metadata would lose it. */
static bool take_line(struct http_head *head, const char *line, const char *end, uint64_t wall_ms,
                      struct err *e)
{
    const char *colon = memchr(line, ':', (size_t)(end - line));
    size_t name_bytes = colon ? (size_t)(colon - line) : 0;
    char name[HTTP_HEAD_NAME_MAX_BYTES + 1];
    char value[HTTP_HEAD_VALUE_MAX_BYTES + 1];

    if (!colon || name_bytes > HTTP_HEAD_NAME_MAX_BYTES)
        return true;
    for (size_t i = 0; i < name_bytes; i++)
        name[i] = i >= 10 && is_metadata(name) ? line[i] : (char)tolower((unsigned char)line[i]);
    name[name_bytes] = 0;
    for (colon++; colon < end && isspace((unsigned char)*colon);)
        colon++;
    if ((size_t)(end - colon) > HTTP_HEAD_VALUE_MAX_BYTES)
        return !is_metadata(name) ||
               err_set(e, ERR_LIMIT, RETRY_NEVER, "metadata is longer than %u bytes",
                       HTTP_HEAD_VALUE_MAX_BYTES);
    /* What is shown to people must not move their cursor. */
    for (size_t i = 0; i < (size_t)(end - colon); i++)
        value[i] = is_control(colon[i]) ? '?' : colon[i];
    value[end - colon] = 0;
    take_header(head, name, value, wall_ms);
    return true;
}

/* "HTTP/1.1 206 Partial Content" */
static bool take_status(struct http_head *head, const char *line, const char *end)
{
    int status = 0;

    if (end - line < 12 || strncmp(line, "HTTP/", 5) != 0 || line[8] != ' ')
        return false;
    for (size_t i = 9; i < 12 && isdigit((unsigned char)line[i]); i++)
        status = status * 10 + (line[i] - '0');
    memset(&head->req->answer, 0, sizeof head->req->answer);
    head->req->answer.status = status;
    return true;
}

enum http_head_line http_head_push(struct http_head *head, const char *line, size_t count,
                                   uint64_t wall_ms, struct err *e)
{
    const char *end = line + count;

    head->bytes += count;
    if (head->bytes > HTTP_ANSWER_HEADERS_MAX) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "the host sent more than %u bytes of headers",
                HTTP_ANSWER_HEADERS_MAX);
        return HTTP_HEAD_BAD;
    }
    while (end > line && isspace((unsigned char)end[-1]))
        end--;
    if (end == line)
        return HTTP_HEAD_END;
    if (take_status(head, line, end) || take_line(head, line, end, wall_ms, e))
        return HTTP_HEAD_MORE;
    return HTTP_HEAD_BAD;
}
