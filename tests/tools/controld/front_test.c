/* front_test.c - the door over real sockets: who is let in, what is answered in which form. */
#include "tools/controld/front.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/front_bench.h"
#include "tests/support/test_ca.h"
#include "tools/controld/front_page.h"

#define TOKEN  FRONT_BENCH_TOKEN
#define BEARER FRONT_BENCH_BEARER

struct bench {
    struct front_bench f;
    unsigned asked;
    bool hold, page;
    struct front_call *held;
    char who[130], body[100];
    size_t body_bytes;
};

/* ---- The handler ---- */

static void answer_page(struct front_call *call)
{
    struct front_page page;
    struct arm_error why = {0};

    if (!front_page_read(call, &page, &why)) {
        front_refuse(call, &why);
        return;
    }
    cr_assert_eq(page.limit, FRONT_PAGE_ROWS);
    front_answer(call, 200,
                 front_page_make(call, json_pack("[s]", page.after),
                                 strlen(page.after) < 3 ? "/k/\303\251?&x~" : NULL),
                 NULL, 0);
}

static void ask(void *arg, struct front_call *call)
{
    static const struct http_header headers[] = {{"x-test", "yes"}};
    const char *word = front_query(call, "WORD");
    struct bench *b = arg;

    b->asked++;
    snprintf(b->who, sizeof b->who, "%s", call->who);
    snprintf(b->body, sizeof b->body, "%s", call->body);
    b->body_bytes = call->body_bytes;
    if (b->hold)
        b->held = call;
    else if (b->page)
        answer_page(call);
    else
        front_answer(call, 201,
                     json_pack("{s:s, s:s}", "path", call->path, "word", word ? word : ""), headers,
                     1);
}

static void begin(struct bench *b, const struct front_setup *given)
{
    struct front_setup setup = given ? *given : (struct front_setup){0};

    memset(b, 0, sizeof *b);
    setup.ask = ask;
    setup.arg = b;
    front_bench_begin(&b->f, &setup);
}

static void end(struct bench *b)
{
    front_bench_end(&b->f);
}

static const char *exchange(struct bench *b, const char *head, const char *body)
{
    return front_bench_exchange(&b->f, head, body);
}

/* ---- A client with TLS ---- */

struct client {
    struct http_req req;
    struct secret_url url;
    bool done;
};

static void client_done(struct http_req *req)
{
    ((struct client *)req)->done = true;
}

static int fetch(struct bench *b, struct client *c, const struct http_options *trust)
{
    struct err e = {0};
    struct http *http = http_new(b->f.rig.r, trust, &e);

    cr_assert(http, "%s", e.text);
    cr_assert(secret_url_parse(front_address(b->f.front), &c->url, &e), "%s", e.text);
    c->req = (struct http_req){.method = HTTP_GET, .url = &c->url, .done = client_done};
    http_send(http, &c->req);
    rig_until(&b->f.rig, &c->done);
    cr_assert(!err_is_set(&c->req.err), "%s", c->req.err.text);
    http_free(http);
    secret_url_fini(&c->url);
    return c->req.answer.status;
}

/* ---- Who is let in ---- */

static int as_host(struct bench *b, const char *host, const char *header)
{
    char request[300];
    const char *came;
    int fd = front_bench_connect(&b->f);

    snprintf(request, sizeof request, "GET /x HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n",
             host, header);
    front_bench_send(fd, request);
    came = front_bench_read(&b->f, fd, NULL);
    close(fd);
    cr_assert_eq(strncmp(came, "HTTP/1.1 ", 9), 0, "%s", came);
    return atoi(came + 9);
}

Test(front, nobody_is_let_in_without_the_token)
{
    struct bench b;
    const char *came;

    begin(&b, NULL);
    came = exchange(&b, "GET /x HTTP/1.1\r\n", NULL);
    front_bench_error(came, 401, "AuthenticationFailed");
    cr_assert(strstr(came, "WWW-Authenticate: Bearer realm=\"snapferryd\"\r\n"), "%s", came);
    came = exchange(&b, "PUT /x HTTP/1.1\r\nAuthorization: Bearer wrong-wrong-wrong\r\n", "{}");
    front_bench_error(came, 401, "InvalidAuthenticationToken");
    cr_assert(strstr(came, "error=\"invalid_token\""), "%s", came);
    cr_assert_eq(b.asked, 0);
    end(&b);
}

Test(front, answers_who_has_the_token_as_the_handler_says)
{
    struct bench b;
    const char *came;

    begin(&b, NULL);
    came = exchange(&b,
                    "PATCH /a%20b?Word=%C3%A9 HTTP/1.1\r\n" BEARER
                    "x-ms-client-request-id: client-1\r\n"
                    "x-ms-correlation-request-id: 01234567-89ab-cdef-0123-456789abcdef\r\n",
                    "{\"a\":1}");
    cr_assert_eq(strncmp(came, "HTTP/1.1 201", 12), 0, "%s", came);
    cr_assert(strstr(came, "{\"path\":\"/a b\",\"word\":\"\303\251\"}"), "%s", came);
    cr_assert(strstr(came, "x-test: yes\r\n"), "%s", came);
    cr_assert(strstr(came, "x-ms-client-request-id: client-1\r\n"), "%s", came);
    cr_assert(strstr(came, "x-ms-correlation-request-id: 01234567-89ab-cdef-0123-456789abcdef\r\n"),
              "%s", came);
    cr_assert_str_eq(b.who, "token");
    cr_assert_str_eq(b.body, "{\"a\":1}");
    cr_assert_eq(b.body_bytes, 7);
    end(&b);
}

/* A header of the caller cannot become two of ours. */
Test(front, ids_of_the_caller_are_only_told_again_when_they_are_plain_words)
{
    struct bench b;
    const char *came;

    begin(&b, NULL);
    came = exchange(&b,
                    "GET /x HTTP/1.1\r\n" BEARER "x-ms-client-request-id: a b\"<c>\r\n"
                    "x-ms-correlation-request-id: short\r\n",
                    NULL);
    cr_assert_null(strstr(came, "x-ms-client-request-id"), "%s", came);
    cr_assert_null(strstr(came, "short"), "%s", came);
    cr_assert(strstr(came, "x-ms-correlation-request-id: "), "%s", came);
    end(&b);
}

Test(front, a_certificate_is_a_way_in_and_its_name_is_known)
{
    const struct test_cert_wish wish = {.name = "operator", .purpose = "clientAuth"};
    struct front_setup setup = {0};
    struct http_options trust = {0};
    struct test_cert cert;
    struct test_ca ca;

    test_ca_make(&ca);
    test_ca_issue(&ca, &wish, &cert);
    setup.tls_cert = ca.cert_file;
    setup.tls_key = ca.key_file;
    setup.client_ca = ca.ca_file;
    trust.ca_file = ca.ca_file;
    for (unsigned with = 0; with < 2; with++) {
        struct bench b;
        struct client c = {0};

        trust.client_cert = with ? cert.cert_file : NULL;
        trust.client_key = with ? cert.key_file : NULL;
        begin(&b, &setup);
        cr_assert_eq(strncmp(front_address(b.f.front), "https://127.0.0.1:", 18), 0);
        cr_assert_eq(fetch(&b, &c, &trust), with ? 201 : 401);
        cr_assert_str_eq(b.who, with ? "operator" : "");
        end(&b);
    }
}

/* Who lets anybody in still lets no web page in whose name leads here (DNS rebinding, a form's POST). */
Test(front, anybody_is_somebody_who_knows_that_this_is_his_own_machine)
{
    static const char *const own[] = {"127.0.0.1", "127.0.0.1:8700", "localhost:1", "[::1]:8700"};
    static const char *const others[] = {"evil.example",
                                         "evil.example:8700",
                                         "127.0.0.1.evil.example",
                                         "10.0.0.4:8700",
                                         "",
                                         "localhost.evil.example:80"};
    struct bench b;

    begin(&b, NULL);
    b.f.auth.anybody = true;
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        cr_assert_eq(as_host(&b, own[i], ""), 201, "%s", own[i]);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_assert_eq(as_host(&b, others[i], ""), 403, "%s", others[i]);
    cr_assert_eq(as_host(&b, "localhost:1", "Origin: https://evil.example\r\n"), 403);
    cr_assert_eq(as_host(&b, "localhost:1", "Origin: http://localhost:1\r\n"), 201);
    b.f.auth.anybody = false; /* with a token the name does not matter */
    cr_assert_eq(as_host(&b, "evil.example", BEARER), 201);
    end(&b);
}

/* ---- Answers ---- */

Test(front, a_call_that_waits_holds_up_no_other)
{
    struct bench b;
    int fd;

    begin(&b, NULL);
    b.hold = true;
    fd = front_bench_connect(&b.f);
    front_bench_send(fd, "GET /slow HTTP/1.1\r\nHost: h\r\n" BEARER "\r\n");
    while (!b.held)
        rig_turn(&b.f.rig);
    b.hold = false;
    cr_assert_eq(strncmp(exchange(&b, "GET /quick HTTP/1.1\r\n" BEARER, NULL), "HTTP/1.1 201", 12),
                 0);
    cr_assert(!front_idle(b.f.front));
    front_answer(b.held, 202, NULL, NULL, 0);
    cr_assert_eq(strncmp(front_bench_read(&b.f, fd, "\r\n\r\n"), "HTTP/1.1 202", 12), 0);
    close(fd);
    end(&b);
}

/* One who never gets its answer is ended with the front; nothing leaks. */
Test(front, may_end_while_a_call_waits)
{
    struct bench b;
    int fd;

    begin(&b, NULL);
    b.hold = true;
    fd = front_bench_connect(&b.f);
    front_bench_send(fd, "PUT /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n" BEARER "\r\n{}");
    while (!b.held)
        rig_turn(&b.f.rig);
    front_drain(b.f.front);
    end(&b);
    close(fd);
}

Test(front, what_never_becomes_a_call_is_refused_in_the_apis_form)
{
    static char path[6000];
    struct bench b;

    snprintf(path, sizeof path, "GET /%05000d HTTP/1.1\r\n" BEARER, 1);
    begin(&b, NULL);
    front_bench_error(exchange(&b, path, NULL), 414, "RequestUriTooLong");
    front_bench_error(exchange(&b, "BREW /x HTTP/1.1\r\n" BEARER, NULL), 405,
                      "HttpMethodNotAllowed");
    front_bench_error(exchange(&b, "PUT /x HTTP/1.1\r\n" BEARER, NULL), 411, "LengthRequired");
    front_bench_error(exchange(&b, "GET /%00 HTTP/1.1\r\n" BEARER, NULL), 400, "BadRequest");
    front_bench_error(exchange(&b,
                               "PUT /x HTTP/1.1\r\n" BEARER
                               "Content-Length: 10485760\r\nExpect: 100-continue\r\n",
                               NULL),
                      413, "RequestEntityTooLarge");
    cr_assert_eq(b.asked, 0);
    end(&b);
}

Test(front, files_of_the_page_need_no_token_and_may_ask_nobody_else)
{
    static const struct front_file files[] = {{"/", "text/html; charset=utf-8", "<p>", 3},
                                              {"/page.js", "text/javascript", "x()", 3}};
    struct bench b;
    const char *came;

    begin(&b, NULL);
    front_serve_files(b.f.front, files, 2);
    came = exchange(&b, "GET / HTTP/1.1\r\n", NULL);
    cr_assert_eq(strncmp(came, "HTTP/1.1 200", 12), 0, "%s", came);
    cr_assert(strstr(came, "\r\n\r\n<p>"), "%s", came);
    cr_assert(strstr(came, "Content-Security-Policy: default-src 'none'"), "%s", came);
    came = exchange(&b, "HEAD /page.js HTTP/1.1\r\n", NULL);
    cr_assert_eq(strncmp(came, "HTTP/1.1 200", 12), 0, "%s", came);
    cr_assert_null(strstr(came, "x()"), "%s", came);
    front_bench_error(exchange(&b, "PUT / HTTP/1.1\r\n", "x"), 401, "AuthenticationFailed");
    front_bench_error(exchange(&b, "GET /page HTTP/1.1\r\n", NULL), 401, "AuthenticationFailed");
    end(&b);
}

/* ---- Pages ---- */

/* nextLink is the same URL, wherever the caller believes this server to be, and leads on. */
Test(front_page, a_link_leads_to_where_the_page_ended)
{
    char head[4000];
    const char *link;
    struct bench b;
    json_t *page;

    begin(&b, NULL);
    b.page = true;
    page = front_bench_json(&b.f, "GET /a%20b/c?api-version=1&$expand=x%26y HTTP/1.1\r\n" BEARER,
                            NULL, 200);
    link = json_string_value(json_object_get(page, "nextLink"));
    cr_assert(link);
    cr_assert_eq(strncmp(link,
                         "http://api.test:99/a%20b/c?api-version=1&$expand=x%26y&$skiptoken=", 65),
                 0, "%s", link);
    snprintf(head, sizeof head, "GET %s HTTP/1.1\r\n" BEARER, link + strlen("http://api.test:99"));
    json_decref(page);
    page = front_bench_json(&b.f, head, NULL, 200);
    cr_assert_str_eq(json_string_value(json_array_get(json_object_get(page, "value"), 0)),
                     "/k/\303\251?&x~");
    cr_assert_null(json_object_get(page, "nextLink"));
    json_decref(page);
    end(&b);
}

Test(front_page, a_token_that_is_none_is_refused)
{
    static const char *const tokens[] = {"a", "a=", "....", "%00", "AAAA", "x%20y", "L2sv%2Fw"};
    char head[300];
    struct bench b;

    begin(&b, NULL);
    b.page = true;
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        snprintf(head, sizeof head, "GET /x?$skiptoken=%s HTTP/1.1\r\n" BEARER, tokens[i]);
        front_bench_error(exchange(&b, head, NULL), 400, "BadRequest");
    }
    end(&b);
}
