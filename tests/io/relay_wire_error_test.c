/* relay_wire_error_test.c - a refusal arrives as it was said; one that is not ours is judged by status. */
#include "io/relay_wire.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UUID "0f8fad5b-d9cb-469f-a165-70867728950e"

Test(relay_wire_error, a_refusal_of_every_kind_arrives_as_it_was)
{
    for (int kind = ERR_IO; kind <= ERR_CANCELED; kind++)
        for (int retry = RETRY_NEVER; retry <= RETRY_REPLAN; retry++) {
            struct err sent = {0}, got = {0};
            char *json;

            err_set(&sent, (enum err_kind)kind, (enum err_retry)retry, "writing 0-511: no");
            sent.http_status = 412;
            sent.sys_errno = 28;
            sent.retry_after_ms = UINT32_MAX;
            snprintf(sent.code, sizeof sent.code, "LeaseIdMissing");
            snprintf(sent.request_id, sizeof sent.request_id, UUID);
            json = relay_error_json(&sent);
            relay_error_parse(relay_error_status(&sent), json, strlen(json), &got);
            free(json);
            cr_assert_eq(got.kind, sent.kind);
            cr_assert_eq(got.retry, sent.retry);
            cr_assert_eq(got.http_status, 412);
            cr_assert_eq(got.sys_errno, 28);
            cr_assert_eq(got.retry_after_ms, UINT32_MAX);
            cr_assert_str_eq(got.code, sent.code);
            cr_assert_str_eq(got.request_id, sent.request_id);
            cr_assert_str_eq(got.text, sent.text);
        }
}

Test(relay_wire_error, a_refusal_holds_nothing_that_a_terminal_obeys)
{
    struct err sent = {0}, got = {0};
    const char *raw = "{\"kind\":\"io\",\"retry\":\"never\",\"httpStatus\":0,\"sysErrno\":0,"
                      "\"retryAfterMs\":0,\"text\":\"\\u001b[2J\"}";
    char *json;

    err_set(&sent, ERR_IO, RETRY_NEVER, "a\x1b[2Jb\xff\xfe");
    json = relay_error_json(&sent);
    relay_error_parse(502, json, strlen(json), &got);
    free(json);
    cr_assert_str_eq(got.text, "a?[2Jb??");
    got = (struct err){0};
    relay_error_parse(502, raw, strlen(raw), &got);
    cr_assert_eq(got.kind, ERR_NET, "judged by its status");
    cr_assert_eq(strchr(got.text, '\x1b'), NULL);
}

Test(relay_wire_error, a_refusal_without_our_json_is_judged_by_status)
{
    static const struct {
        int status;
        enum err_kind kind;
        enum err_retry retry;
    } rows[] = {
        {400, ERR_USAGE, RETRY_NEVER},     {403, ERR_AUTH, RETRY_NEVER},
        {404, ERR_USAGE, RETRY_NEVER},     {408, ERR_NET, RETRY_LATER},
        {409, ERR_CONFLICT, RETRY_NEVER},  {413, ERR_LIMIT, RETRY_NEVER},
        {429, ERR_THROTTLED, RETRY_LATER}, {431, ERR_LIMIT, RETRY_NEVER},
        {500, ERR_NET, RETRY_LATER},       {501, ERR_USAGE, RETRY_NEVER},
        {502, ERR_NET, RETRY_LATER},       {503, ERR_THROTTLED, RETRY_LATER},
        {505, ERR_USAGE, RETRY_NEVER},
    };
    static const char *const bodies[] = {
        "",
        "<html>",
        "{}",
        "{\"kind\":\"none\",\"retry\":\"later\"}",
        "{\"kind\":\"none\",\"retry\":\"later\",\"httpStatus\":0,\"sysErrno\":0,"
        "\"retryAfterMs\":0,\"text\":\"\"}",
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t b = 0; b < sizeof bodies / sizeof bodies[0]; b++) {
            struct err e = {0};

            relay_error_parse(rows[i].status, bodies[b], strlen(bodies[b]), &e);
            cr_assert_eq(e.kind, rows[i].kind, "%d", rows[i].status);
            cr_assert_eq(e.retry, rows[i].retry, "%d", rows[i].status);
            cr_assert_eq(e.http_status, rows[i].status);
        }
}

Test(relay_wire_error, our_own_refusals_have_a_status_of_their_own)
{
    struct err e = {.kind = ERR_AUTH, .retry = RETRY_NEVER};

    cr_assert_eq(relay_error_status(&e), 403);
    e.http_status = 403; /* the target's service refused the receiver */
    cr_assert_eq(relay_error_status(&e), 502);
    e = (struct err){.kind = ERR_CONFLICT};
    cr_assert_eq(relay_error_status(&e), 409);
    e = (struct err){.kind = ERR_LIMIT, .retry = RETRY_LATER};
    cr_assert_eq(relay_error_status(&e), 503);
    e = (struct err){.kind = ERR_LIMIT, .retry = RETRY_NEVER};
    cr_assert_eq(relay_error_status(&e), 413);
    e = (struct err){.kind = ERR_CORRUPT};
    cr_assert_eq(relay_error_status(&e), 400);
    e = (struct err){.kind = ERR_NET};
    cr_assert_eq(relay_error_status(&e), 502);
}
