/* arm_client_test.c - the client of the restore-point API against a service that answers in every odd way
 * that the protocol allows (E.7, E.9, E.10), and in some that it does not.
 */
#include "tools/snapferry/arm_client.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/script_server.h"
#include "tests/support/test_reactor.h"
#include "tools/snapferry/arm_answer.h"

#define TOKEN       "T0KENsecret"
#define ANSWERS_MAX 8u
#define ANSWER_MAX  1024u
#define SOON        "retry-after-ms: 1\r\n"
#define GRANT       "/subscriptions/s/x/beginGetAccess?api-version=2025-01-02"

struct service {
    struct rig rig;
    struct script_server *server;
    struct script_answer answers[ANSWERS_MAX];
    char bytes[ANSWERS_MAX][ANSWER_MAX];
    struct arm_client *client;
    struct arm_call call;
    bool done;
};

static void done(struct arm_call *call)
{
    struct service *s = call->arg;

    cr_assert_not(s->done, "once");
    s->done = true;
}

/* One answer: a status, headers, a body. */
static void say(struct service *s, unsigned index, int status, const char *headers,
                const char *body)
{
    int bytes =
        snprintf(s->bytes[index], ANSWER_MAX, "HTTP/1.1 %d Said\r\nContent-Length: %zu\r\n%s\r\n%s",
                 status, strlen(body), headers, body);

    cr_assert_lt(bytes, (int)ANSWER_MAX);
}

/* The texts are written after the start, when the port is known: nobody has asked by then. */
static struct service *start(unsigned count)
{
    struct service *s = calloc(1, sizeof *s);
    char endpoint[64];
    struct err e = {0};
    struct arm_client_setup setup = {.endpoint = endpoint, .token = TOKEN};

    cr_assert(s && count <= ANSWERS_MAX);
    for (unsigned i = 0; i < count; i++)
        s->answers[i].bytes = s->bytes[i];
    s->server = script_server_start(s->answers, count);
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%u/",
             (unsigned)script_server_port(s->server));
    rig_open(&s->rig, REACTOR_AUTO);
    setup.reactor = s->rig.r;
    s->client = arm_client_new(&setup, &e);
    cr_assert(s->client, "%s", e.text);
    return s;
}

static void ask(struct service *s, enum http_method method, const char *target)
{
    s->call = (struct arm_call){.method = method, .target = target, .done = done, .arg = s};
    s->call.body = method == HTTP_POST ? "{\"access\":\"Read\"}" : NULL;
    arm_client_send(s->client, &s->call);
    cr_assert_not(s->done, "never inside of send");
    rig_until(&s->rig, &s->done);
}

static void stop(struct service *s)
{
    cr_expect_null(strstr(s->call.err.text, TOKEN), "%s", s->call.err.text);
    cr_expect(arm_client_idle(s->client));
    arm_call_fini(&s->call);
    arm_client_free(s->client);
    rig_close(&s->rig);
    script_server_stop(s->server);
    free(s);
}

static bool has_token(struct service *s, size_t request)
{
    return strstr(script_server_request(s->server, request),
                  "\r\nAuthorization: Bearer " TOKEN "\r\n");
}

static bool begins(struct service *s, size_t request, const char *line)
{
    return strncmp(script_server_request(s->server, request), line, strlen(line)) == 0;
}

static void expect_sas(struct service *s, const char *sas)
{
    const char *got = arm_answer_sas(s->call.answer);

    cr_assert(!err_is_set(&s->call.err), "%s", s->call.err.text);
    cr_assert(got, "there is a SAS");
    cr_expect_str_eq(got, sas);
}

/* ---- The ways of a SAS ---- */

Test(arm_client, takes_a_sas_from_the_answer_itself)
{
    struct service *s = start(1);

    say(s, 0, 200, "", "{\"accessSAS\":\"https://h/1\"}");
    ask(s, HTTP_POST, GRANT);
    expect_sas(s, "https://h/1");
    cr_expect(begins(s, 0, "POST " GRANT " HTTP/1.1\r\n"), "%s",
              script_server_request(s->server, 0));
    cr_expect(has_token(s, 0));
    cr_expect(strstr(script_server_request(s->server, 0), "Content-Type: application/json\r\n"));
    cr_expect_eq(script_server_body_bytes(s->server, 0), strlen("{\"access\":\"Read\"}"));
    stop(s);
}

Test(arm_client, follows_a_location_that_moves_to_its_result)
{
    struct service *s = start(4);

    say(s, 0, 202, "Location: /o/1?t=a\r\n" SOON, "");
    say(s, 1, 202, SOON, "");
    say(s, 2, 202, "Location: /o/2&monitor=true\r\n" SOON, "{\"status\":\"InProgress\"}");
    say(s, 3, 200, "", "{\"properties\":{\"output\":{\"accessSas\":\"https://h/2\"}}}");
    ask(s, HTTP_POST, GRANT);
    expect_sas(s, "https://h/2");
    cr_expect(begins(s, 1, "GET /o/1?t=a HTTP"));
    cr_expect(begins(s, 2, "GET /o/1?t=a HTTP"));
    cr_expect(begins(s, 3, "GET /o/2&monitor=true HTTP"), "a query without '?' is left as it is");
    cr_expect(has_token(s, 3), "the endpoint's own host");
    cr_expect_null(strstr(script_server_request(s->server, 3), "Content-Type"));
    stop(s);
}

Test(arm_client, takes_the_output_of_an_operation)
{
    struct service *s = start(3);

    say(s, 0, 202, "Azure-AsyncOperation: /o/1\r\nLocation: /never\r\n" SOON, "");
    say(s, 1, 200, SOON, "{\"status\":\"Whatever\"}");
    say(s, 2, 200, SOON,
        "{\"status\":\"succeeded\",\"properties\":{\"output\":{\"accessSAS\":\"https://h/3\"}}}");
    ask(s, HTTP_POST, GRANT);
    expect_sas(s, "https://h/3");
    cr_expect_eq(script_server_request_count(s->server), 3u);
    stop(s);
}

Test(arm_client, fetches_what_an_operation_leaves_behind_location)
{
    struct service *s = start(3);

    say(s, 0, 200, "Azure-AsyncOperation: /o/1\r\nLocation: /r/1\r\n" SOON, "");
    say(s, 1, 200, SOON, "{\"status\":\"Succeeded\"}");
    say(s, 2, 200, "", "{\"accessSAS\":\"https://h/4\"}");
    ask(s, HTTP_POST, GRANT);
    expect_sas(s, "https://h/4");
    cr_expect(begins(s, 2, "GET /r/1 HTTP"));
    stop(s);
}

Test(arm_client, an_empty_answer_is_an_end)
{
    struct service *s = start(2);

    say(s, 0, 202, "Location: /o/1\r\n" SOON, "");
    say(s, 1, 204, "", "");
    ask(s, HTTP_POST, GRANT);
    cr_expect(!err_is_set(&s->call.err), "%s", s->call.err.text);
    cr_expect_null(s->call.answer);
    stop(s);
}

/* ---- What goes wrong ---- */

Test(arm_client, tells_why_an_operation_failed)
{
    struct service *s = start(2);

    say(s, 0, 202, "Azure-AsyncOperation: /o/1\r\n" SOON, "");
    say(s, 1, 200, "",
        "{\"status\":\"Failed\",\"error\":{\"code\":\"Conflict\",\"message\":\"no "
        "\\u001b[1mroom\"}}");
    ask(s, HTTP_POST, GRANT);
    cr_expect_eq(s->call.err.retry, RETRY_NEVER);
    cr_expect_str_eq(s->call.err.code, "Conflict");
    cr_expect(strstr(s->call.err.text, "room"), "%s", s->call.err.text);
    cr_expect_null(strchr(s->call.err.text, 27), "nothing that a terminal obeys");
    stop(s);
}

Test(arm_client, a_failed_poll_does_not_fail_the_operation)
{
    struct service *s = start(6);

    say(s, 0, 202, "Azure-AsyncOperation: /o/1\r\n" SOON, "");
    say(s, 1, 503, SOON, "busy");
    say(s, 2, 429, SOON, "");
    s->answers[3].bytes = NULL;
    s->answers[3].then = SCRIPT_RESET;
    say(s, 4, 500, SOON, "{}");
    say(s, 5, 200, "",
        "{\"status\":\"Succeeded\",\"properties\":{\"output\":{\"accessSAS\":\"https://h/5\"}}}");
    ask(s, HTTP_POST, GRANT);
    expect_sas(s, "https://h/5");
    stop(s);
}

Test(arm_client, a_request_that_is_refused_for_long_is_given_up)
{
    struct service *s = start(1);

    say(s, 0, 503, SOON, "{\"error\":{\"code\":\"ServerBusy\",\"message\":\"later\"}}");
    ask(s, HTTP_POST, GRANT);
    cr_expect_eq(script_server_request_count(s->server), ARM_TRIES_MAX);
    cr_expect_eq(s->call.err.retry, RETRY_LATER);
    cr_expect_str_eq(s->call.err.code, "ServerBusy");
    stop(s);
}

Test(arm_client, says_what_the_service_refuses_but_never_the_token)
{
    struct service *s = start(1);

    say(s, 0, 401, "x-ms-request-id: r-7\r\n",
        "{\"error\":{\"code\":\"InvalidAuthenticationToken\",\"message\":\"" TOKEN " is none\"}}");
    ask(s, HTTP_GET, "/subscriptions/s?api-version=1");
    cr_expect_eq(s->call.err.kind, ERR_AUTH);
    cr_expect_eq(s->call.err.http_status, 401);
    cr_expect_str_eq(s->call.err.request_id, "r-7");
    cr_expect(strstr(s->call.err.text, "is none"), "%s", s->call.err.text);
    stop(s);
}

Test(arm_client, takes_an_error_without_its_wrapper_and_one_that_is_no_json)
{
    static const char *const bodies[] = {"{\"code\":\"NotFound\",\"message\":\"gone\"}", "<html>",
                                         ""};

    for (unsigned i = 0; i < 3; i++) {
        struct service *s = start(1);

        say(s, 0, 404, "", bodies[i]);
        ask(s, HTTP_GET, "/subscriptions/s?api-version=1");
        cr_expect_eq(s->call.err.kind, ERR_GONE);
        cr_expect_str_eq(s->call.err.code, i ? "" : "NotFound");
        stop(s);
    }
}

Test(arm_client, an_answer_that_is_no_json_is_refused)
{
    struct service *s = start(1);

    say(s, 0, 200, "", "<html>welcome</html>");
    ask(s, HTTP_GET, "/subscriptions/s?api-version=1");
    cr_expect_eq(s->call.err.kind, ERR_CORRUPT);
    stop(s);
}

Test(arm_client, does_not_follow_a_redirection)
{
    struct service *s = start(2);

    say(s, 0, 307, "Location: /elsewhere\r\n", "");
    say(s, 1, 200, "", "{\"accessSAS\":\"https://h/6\"}");
    ask(s, HTTP_POST, GRANT);
    cr_expect(err_is_set(&s->call.err));
    cr_expect_eq(script_server_request_count(s->server), 1u);
    stop(s);
}

/* ---- Where the token goes ---- */

Test(arm_client, asks_another_host_without_the_token)
{
    static const struct script_answer elsewhere[] = {
        {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n{\"accessSAS\":\"https://h/7\"}"}};
    struct script_server *other = script_server_start(elsewhere, 1);
    struct service *s = start(1);
    char location[128];

    snprintf(location, sizeof location, "Location: http://127.0.0.1:%u/o\r\n" SOON,
             (unsigned)script_server_port(other));
    say(s, 0, 202, location, "");
    ask(s, HTTP_POST, GRANT);
    expect_sas(s, "https://h/7");
    cr_expect_null(strstr(script_server_request(other, 0), TOKEN));
    cr_expect_null(strstr(script_server_request(other, 0), "Authorization"));
    stop(s);
    script_server_stop(other);
}

Test(arm_client, a_next_page_of_another_host_is_not_asked)
{
    static const struct script_answer elsewhere[] = {
        {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"}};
    struct script_server *other = script_server_start(elsewhere, 1);
    struct service *s = start(1);
    char page[64];

    snprintf(page, sizeof page, "http://127.0.0.1:%u/page?2", (unsigned)script_server_port(other));
    ask(s, HTTP_GET, page);
    cr_expect_eq(s->call.err.kind, ERR_CORRUPT);
    cr_expect_eq(script_server_request_count(other), 0u);
    stop(s);
    script_server_stop(other);
}

Test(arm_client, compares_hosts_with_their_scheme_and_port)
{
    cr_expect(arm_answer_same_host("https://A.example/x", "HTTPS://a.example:443"));
    cr_expect(arm_answer_same_host("http://[::1]:80/x?y", "http://[::1]"));
    cr_expect_not(arm_answer_same_host("http://a.example", "https://a.example"));
    cr_expect_not(arm_answer_same_host("https://a.example:444/", "https://a.example/"));
    cr_expect_not(arm_answer_same_host("https://a.example.evil/", "https://a.example/"));
    cr_expect_not(arm_answer_same_host("https://a.example@evil/", "https://a.example/"));
    cr_expect_not(arm_answer_same_host("/path", "https://a.example/"));
}

Test(arm_client, refuses_an_endpoint_or_a_token_that_cannot_be_one)
{
    static const struct {
        const char *endpoint, *token, *says;
    } wrong[] = {{"http://192.0.2.1", TOKEN, "https only"},
                 {"ftp://h", TOKEN, "--endpoint"},
                 {"https://h/?a=b", TOKEN, "without a query"},
                 {"https://h", "Bearer " TOKEN, "without \"Bearer\""},
                 {"https://h", "https://h/c?sig=" TOKEN, "a URL"},
                 {"https://h", "", "1 to"}};
    struct rig rig;

    rig_open(&rig, REACTOR_AUTO);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct err e = {0};

        cr_expect_null(arm_client_new(&(struct arm_client_setup){.reactor = rig.r,
                                                                 .endpoint = wrong[i].endpoint,
                                                                 .token = wrong[i].token},
                                      &e));
        cr_expect_eq(e.kind, ERR_USAGE);
        cr_expect(strstr(e.text, wrong[i].says), "%s", e.text);
        cr_expect_null(strstr(e.text, TOKEN));
    }
    rig_close(&rig);
}

/* ---- Giving up ---- */

Test(arm_client, what_waits_and_what_is_under_way_is_canceled)
{
    struct service *s = start(2);

    say(s, 0, 202, "Location: /o/1\r\nRetry-After: 60\r\n", "");
    s->answers[1].bytes = NULL;
    s->answers[1].then = SCRIPT_HOLD;
    for (unsigned round = 0; round < 2; round++) {
        s->done = false;
        s->call = (struct arm_call){.method = HTTP_POST, .target = GRANT, .done = done, .arg = s};
        arm_client_send(s->client, &s->call);
        while (script_server_request_count(s->server) <= round) {
            rig_peek(&s->rig);
            usleep(1000);
        }
        for (unsigned turn = 0; turn < 20; turn++)
            rig_peek(&s->rig);
        arm_client_cancel_all(s->client);
        cr_expect_not(s->done);
        rig_until(&s->rig, &s->done);
        cr_expect_eq(s->call.err.kind, ERR_CANCELED);
        arm_call_fini(&s->call);
    }
    stop(s);
}
