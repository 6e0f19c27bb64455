/* front_test.c - the door over real sockets: who is let in, what is answered in which form. */
#include "tools/controld/front.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/raw_http.h"
#include "tests/support/test_ca.h"
#include "tests/support/test_reactor.h"
#include "tools/controld/front_page.h"

#define TOKEN  "0123456789abcdef0123456789abcdef"
#define BEARER "Authorization: Bearer " TOKEN "\r\n"

struct bench {
    struct rig rig;
    struct front *front;
    struct front_auth auth;
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
    struct err e = {0};

    memset(b, 0, sizeof *b);
    setenv("FRONT_TEST_TOKEN", TOKEN, 1);
    cr_assert(front_auth_token(&b->auth, "env:FRONT_TEST_TOKEN", &e), "%s", e.text);
    b->auth.has_clients = setup.client_ca != NULL;
    rig_open(&b->rig, REACTOR_AUTO);
    setup.reactor = b->rig.r;
    setup.host = "127.0.0.1";
    setup.auth = &b->auth;
    setup.ask = ask;
    setup.arg = b;
    b->front = front_new(&setup, &e);
    cr_assert(b->front, "%s", e.text);
}

static void end(struct bench *b)
{
    front_free(b->front);
    rig_until_idle(&b->rig);
    rig_close(&b->rig);
}

static int connect_to(const struct bench *b)
{
    return raw_connect((uint16_t)atoi(strrchr(front_address(b->front), ':') + 1));
}

/* Turns until `until` came, or (NULL) the connection ended. What came, in a static buffer. */
static const char *read_until(struct bench *b, int fd, const char *until)
{
    static char came[64 << 10];
    size_t used = 0;
    ssize_t count;

    came[0] = 0;
    for (;;) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};

        rig_peek(&b->rig);
        if (poll(&ready, 1, 1) <= 0)
            continue;
        count = recv(fd, came + used, sizeof came - 1 - used, 0);
        if (count <= 0)
            return came;
        used += (size_t)count;
        came[used] = 0;
        if (until && strstr(came, until))
            return came;
    }
}

static void send_text(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* head: request line and headers but for Host, Connection and the empty line. */
static const char *exchange(struct bench *b, const char *head, const char *body)
{
    static char request[20000];
    char length[40] = "";
    const char *came;
    int fd = connect_to(b);

    if (body)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
    snprintf(request, sizeof request, "%sHost: api.test:99\r\nConnection: close\r\n%s\r\n%s", head,
             length, body ? body : "");
    send_text(fd, request);
    came = read_until(b, fd, NULL);
    close(fd);
    return came;
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
    struct http *http = http_new(b->rig.r, trust, &e);

    cr_assert(http, "%s", e.text);
    cr_assert(secret_url_parse(front_address(b->front), &c->url, &e), "%s", e.text);
    c->req = (struct http_req){.method = HTTP_GET, .url = &c->url, .done = client_done};
    http_send(http, &c->req);
    rig_until(&b->rig, &c->done);
    cr_assert(!err_is_set(&c->req.err), "%s", c->req.err.text);
    http_free(http);
    secret_url_fini(&c->url);
    return c->req.answer.status;
}

static void check_error(const char *came, const char *status, const char *code)
{
    char wanted[100];

    snprintf(wanted, sizeof wanted, "{\"error\":{\"code\":\"%s\",\"message\":\"", code);
    cr_assert_eq(strncmp(came, "HTTP/1.1 ", 9), 0, "%s", came);
    cr_assert_eq(strncmp(came + 9, status, 3), 0, "%s", came);
    cr_assert(strstr(came, wanted), "%s", came);
    cr_assert(strstr(came, "x-ms-request-id: "), "%s", came);
    cr_assert(strcasestr(came, "Content-Type: application/json"), "%s", came);
    cr_assert_null(strstr(came, TOKEN), "%s", came);
}

/* ---- Who is let in ---- */

Test(front, nobody_is_let_in_without_the_token)
{
    struct bench b;
    const char *came;

    begin(&b, NULL);
    came = exchange(&b, "GET /x HTTP/1.1\r\n", NULL);
    check_error(came, "401", "AuthenticationFailed");
    cr_assert(strstr(came, "WWW-Authenticate: Bearer realm=\"snapferryd\"\r\n"), "%s", came);
    came = exchange(&b, "PUT /x HTTP/1.1\r\nAuthorization: Bearer wrong-wrong-wrong\r\n", "{}");
    check_error(came, "401", "InvalidAuthenticationToken");
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
        cr_assert_eq(strncmp(front_address(b.front), "https://127.0.0.1:", 18), 0);
        cr_assert_eq(fetch(&b, &c, &trust), with ? 201 : 401);
        cr_assert_str_eq(b.who, with ? "operator" : "");
        end(&b);
    }
}

/* ---- Answers ---- */

Test(front, a_call_that_waits_holds_up_no_other)
{
    struct bench b;
    int fd;

    begin(&b, NULL);
    b.hold = true;
    fd = connect_to(&b);
    send_text(fd, "GET /slow HTTP/1.1\r\nHost: h\r\n" BEARER "\r\n");
    while (!b.held)
        rig_turn(&b.rig);
    b.hold = false;
    cr_assert_eq(strncmp(exchange(&b, "GET /quick HTTP/1.1\r\n" BEARER, NULL), "HTTP/1.1 201", 12),
                 0);
    cr_assert(!front_idle(b.front));
    front_answer(b.held, 202, NULL, NULL, 0);
    cr_assert_eq(strncmp(read_until(&b, fd, "\r\n\r\n"), "HTTP/1.1 202", 12), 0);
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
    fd = connect_to(&b);
    send_text(fd, "PUT /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n" BEARER "\r\n{}");
    while (!b.held)
        rig_turn(&b.rig);
    front_drain(b.front);
    end(&b);
    close(fd);
}

Test(front, what_never_becomes_a_call_is_refused_in_the_apis_form)
{
    static char path[6000];
    struct bench b;

    snprintf(path, sizeof path, "GET /%05000d HTTP/1.1\r\n" BEARER, 1);
    begin(&b, NULL);
    check_error(exchange(&b, path, NULL), "414", "RequestUriTooLong");
    check_error(exchange(&b, "BREW /x HTTP/1.1\r\n" BEARER, NULL), "405", "HttpMethodNotAllowed");
    check_error(exchange(&b, "PUT /x HTTP/1.1\r\n" BEARER, NULL), "411", "LengthRequired");
    check_error(exchange(&b, "GET /%00 HTTP/1.1\r\n" BEARER, NULL), "400", "BadRequest");
    check_error(exchange(&b,
                         "PUT /x HTTP/1.1\r\n" BEARER
                         "Content-Length: 10485760\r\nExpect: 100-continue\r\n",
                         NULL),
                "413", "RequestEntityTooLarge");
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
    front_serve_files(b.front, files, 2);
    came = exchange(&b, "GET / HTTP/1.1\r\n", NULL);
    cr_assert_eq(strncmp(came, "HTTP/1.1 200", 12), 0, "%s", came);
    cr_assert(strstr(came, "\r\n\r\n<p>"), "%s", came);
    cr_assert(strstr(came, "Content-Security-Policy: default-src 'none'"), "%s", came);
    came = exchange(&b, "HEAD /page.js HTTP/1.1\r\n", NULL);
    cr_assert_eq(strncmp(came, "HTTP/1.1 200", 12), 0, "%s", came);
    cr_assert_null(strstr(came, "x()"), "%s", came);
    check_error(exchange(&b, "PUT / HTTP/1.1\r\n", "x"), "401", "AuthenticationFailed");
    check_error(exchange(&b, "GET /page HTTP/1.1\r\n", NULL), "401", "AuthenticationFailed");
    end(&b);
}

/* ---- Pages ---- */

static json_t *page_of(const char *came)
{
    const char *body = strstr(came, "\r\n\r\n");
    json_t *page = body ? json_loads(body + 4, 0, NULL) : NULL;

    cr_assert(page, "%s", came);
    return page;
}

/* nextLink is the same URL, wherever the caller believes this server to be, and leads on. */
Test(front_page, a_link_leads_to_where_the_page_ended)
{
    char head[4000];
    const char *link, *came;
    struct bench b;
    json_t *page;

    begin(&b, NULL);
    b.page = true;
    page =
        page_of(exchange(&b, "GET /a%20b/c?api-version=1&$expand=x%26y HTTP/1.1\r\n" BEARER, NULL));
    link = json_string_value(json_object_get(page, "nextLink"));
    cr_assert(link);
    cr_assert_eq(strncmp(link,
                         "http://api.test:99/a%20b/c?api-version=1&$expand=x%26y&$skiptoken=", 65),
                 0, "%s", link);
    snprintf(head, sizeof head, "GET %s HTTP/1.1\r\n" BEARER, link + strlen("http://api.test:99"));
    json_decref(page);
    came = exchange(&b, head, NULL);
    page = page_of(came);
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
        check_error(exchange(&b, head, NULL), "400", "BadRequest");
    }
    end(&b);
}
