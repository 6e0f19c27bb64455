/* http_bench.c - see http_bench.h. */
#include "http_bench.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

void http_bench_setup(struct http_bench *b, const struct script_answer *answers, size_t count)
{
    const struct http_options options = {.connections_max = 4};

    http_bench_setup_with(b, &options, answers, count);
}

void http_bench_setup_with(struct http_bench *b, const struct http_options *options,
                           const struct script_answer *answers, size_t count)
{
    struct err e = {0};
    char text[100];

    memset(b, 0, sizeof *b);
    clock_init_real(&b->clock);
    b->reactor = reactor_new(REACTOR_AUTO, &b->clock, &e);
    cr_assert(b->reactor, "%s", e.text);
    b->http = http_new(b->reactor, options, &e);
    cr_assert(b->http, "%s", e.text);
    b->server = script_server_start(answers, count);
    snprintf(text, sizeof text, "http://127.0.0.1:%u/c/disk.vhd?sv=1&sig=topsecret",
             script_server_port(b->server));
    cr_assert(secret_url_parse(text, &b->url, &e), "%s", e.text);
}

void http_bench_finish(struct http_bench *b)
{
    http_free(b->http);
    reactor_free(b->reactor);
    script_server_stop(b->server);
    secret_url_fini(&b->url);
}

static void on_done(struct http_req *req)
{
    struct http_call *call = (struct http_call *)req;

    call->done_count++;
    if (req->answer.error_body)
        memcpy(call->body, req->answer.error_body, req->answer.error_body_bytes + 1);
}

void http_bench_send(struct http_bench *b, struct http_call *call)
{
    call->req.url = &b->url;
    call->req.done = on_done;
    http_send(b->http, &call->req);
    cr_assert_eq(call->done_count, 0, "done ran inside http_send");
}

void http_bench_run(struct http_bench *b, struct http_call *call)
{
    struct err e = {0};

    while (call->done_count == 0)
        cr_assert(reactor_turn(b->reactor, NS_PER_S, &e), "%s", e.text);
    cr_assert_eq(call->done_count, 1);
    cr_assert_null(strstr(call->req.err.text, "topsecret"));
    cr_assert_null(strstr(call->req.err.text, "sig="));
}

void http_bench_exchange(struct http_bench *b, struct http_call *call)
{
    http_bench_send(b, call);
    http_bench_run(b, call);
}
