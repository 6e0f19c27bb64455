/* region_case.c - asserts inside, so that a test reads as what it is about. */
#include "tests/support/region_case.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOTHING NULL, 0

struct region_process case_begin(uint64_t size_bytes)
{
    struct region_process region = {0};
    struct raw_answer answer;

    region_start(&region, NULL);
    answer = case_ok(&region, 201, "PUT", CASE_CONTAINER "?restype=container", NOTHING, "%s", "");
    raw_answer_fini(&answer);
    if (size_bytes == 0)
        return region;
    answer = case_ok(&region, 201, "PUT", CASE_BLOB, NOTHING,
                     "x-ms-blob-type: PageBlob\r\nx-ms-blob-content-length: %llu\r\n",
                     (unsigned long long)size_bytes);
    raw_answer_fini(&answer);
    return region;
}

struct raw_answer case_ok(const struct region_process *region, unsigned status, const char *method,
                          const char *target, const void *body, size_t body_bytes,
                          const char *headers, ...)
{
    char text[CASE_TEXT_MAX_BYTES];
    struct raw_answer answer;
    va_list ap;

    va_start(ap, headers);
    vsnprintf(text, sizeof text, headers, ap);
    va_end(ap);
    answer = raw_once(region->port, method, target, text, body, body_bytes);
    cr_assert_eq(answer.status, status, "%s %s: %u instead of %u\n%s%s", method, target,
                 answer.status, status, answer.head, answer.body);
    return answer;
}

/* <Error><Code>CODE</Code><Message>TEXT\nRequestId:ID\nTime:TIME</Message>...</Error> */
static void check_error_body(const struct raw_answer *answer, const char *code)
{
    char expected[CASE_TEXT_MAX_BYTES];
    const char *at;

    snprintf(expected, sizeof expected,
             "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Error><Code>%s</Code><Message>", code);
    cr_assert_eq(strncmp(answer->body, expected, strlen(expected)), 0, "%s", answer->body);
    snprintf(expected, sizeof expected,
             "\nRequestId:%s\nTime:", raw_header(answer, "x-ms-request-id"));
    at = strstr(answer->body, expected);
    cr_assert_not_null(at, "%s", answer->body);
    at += strlen(expected);
    cr_assert(strlen(at) > 28 && at[10] == 'T' && at[19] == '.' && at[27] == 'Z', "%s", at);
    cr_assert_eq(strncmp(at + 28, "</Message>", 10), 0);
    at = answer->body + answer->body_bytes - strlen("</Error>");
    cr_assert_str_eq(at, "</Error>");
}

void case_refused(const struct region_process *region, unsigned status, const char *code,
                  const char *method, const char *target, const void *body, size_t body_bytes,
                  const char *headers, ...)
{
    char text[CASE_TEXT_MAX_BYTES];
    struct raw_answer answer;
    const char *sent;
    va_list ap;

    va_start(ap, headers);
    vsnprintf(text, sizeof text, headers, ap);
    va_end(ap);
    answer = raw_once(region->port, method, target, text, body, body_bytes);
    sent = raw_header(&answer, "x-ms-error-code");
    cr_assert_eq(answer.status, status, "%s %s: %u instead of %u\n%s%s", method, target,
                 answer.status, status, answer.head, answer.body);
    cr_assert(sent && strcmp(sent, code) == 0, "%s %s: %s instead of %s\n%s", method, target,
              sent ? sent : "no code", code, answer.body);
    if (strcmp(method, "HEAD") != 0 && status != 304)
        check_error_body(&answer, code);
    raw_answer_fini(&answer);
}

void case_write(const struct region_process *region, const char *target, uint64_t offset,
                size_t bytes, int fill)
{
    char page[CASE_TEXT_MAX_BYTES];
    char *body = malloc(bytes);
    struct raw_answer answer;

    memset(body, fill, bytes);
    snprintf(page, sizeof page, "%s?comp=page", target);
    answer = case_ok(region, 201, "PUT", page, body, bytes,
                     "x-ms-page-write: update\r\nx-ms-range: bytes=%llu-%llu\r\n",
                     (unsigned long long)offset, (unsigned long long)(offset + bytes - 1));
    raw_answer_fini(&answer);
    free(body);
}

void case_clear(const struct region_process *region, const char *target, uint64_t offset,
                uint64_t bytes)
{
    char page[CASE_TEXT_MAX_BYTES];
    struct raw_answer answer;

    snprintf(page, sizeof page, "%s?comp=page", target);
    answer = case_ok(region, 201, "PUT", page, NOTHING,
                     "x-ms-page-write: clear\r\nx-ms-range: bytes=%llu-%llu\r\n",
                     (unsigned long long)offset, (unsigned long long)(offset + bytes - 1));
    raw_answer_fini(&answer);
}

void case_snapshot(const struct region_process *region, const char *target, char out[40])
{
    char snapshot[CASE_TEXT_MAX_BYTES];
    struct raw_answer answer;
    const char *time;

    snprintf(snapshot, sizeof snapshot, "%s?comp=snapshot", target);
    answer = case_ok(region, 201, "PUT", snapshot, NOTHING, "%s", "");
    time = raw_header(&answer, "x-ms-snapshot");
    cr_assert(time && strlen(time) == 28, "%s", answer.head);
    snprintf(out, 40, "%s", time);
    raw_answer_fini(&answer);
}

char *case_text(const struct region_process *region, const char *target, const char *version)
{
    struct raw_request request = {.method = "GET", .target = target, .version = version};
    struct raw_answer answer;
    int fd = raw_connect(region->port);
    char *text = NULL;

    cr_assert(raw_exchange(fd, &request, &answer), "GET %s: no answer", target);
    close(fd);
    if (answer.status == 200) {
        text = answer.body;
        answer.body = NULL;
    }
    raw_answer_fini(&answer);
    return text;
}
