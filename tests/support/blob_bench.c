/* blob_bench.c - see blob_bench.h. */
#include "tests/support/blob_bench.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/auth.h"
#include "tests/support/raw_http.h"

#define KEY_FROM ":env:SNAPFERRY_TEST_KEY"

/* ---- The region ---- */

static const char *write_faults(struct blob_bench *b, const char *faults)
{
    static char path[REGION_PATH_MAX_BYTES + 16];
    const char *folder = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    FILE *file;

    (void)b;
    snprintf(path, sizeof path, "%s/faults.%d.json", folder, (int)getpid());
    file = fopen(path, "w");
    cr_assert(file);
    fputs(faults, file);
    fclose(file);
    return path;
}

void blob_bench_begin(struct blob_bench *b, const char *faults)
{
    static const char *const names[] = {BENCH_ACCOUNT, BENCH_MANAGED, BENCH_UPLOAD};
    const char *extra[] = {"--account", BENCH_ACCOUNT KEY_FROM, "--account", BENCH_MANAGED KEY_FROM,
                           "--account", BENCH_UPLOAD KEY_FROM,  NULL,        NULL,
                           NULL};
    struct http_options options = {0};
    struct err e = {0};

    memset(b, 0, sizeof *b);
    if (faults) {
        extra[6] = "--faults";
        extra[7] = write_faults(b, faults);
    }
    region_start(&b->region, extra);
    clock_init_real(&b->clock);
    b->reactor = reactor_new(REACTOR_AUTO, &b->clock, &e);
    cr_assert(b->reactor, "%s", e.text);
    b->http = http_new(b->reactor, &options, &e);
    cr_assert(b->http, "%s", e.text);
    b->pool = bufpool_new(b->reactor, 4 * BUF_BYTES, 64 * BUF_BYTES, &e);
    cr_assert(b->pool, "%s", e.text);
    for (size_t i = 0; i < 3; i++)
        blob_bench_owner(b, 201, names[i], "PUT", "/ccc?restype=container", NULL, NULL, 0, "");
}

void blob_bench_restart_tls(struct blob_bench *b, const struct test_ca *ca, bool trusted)
{
    const char *extra[] = {"--account", BENCH_ACCOUNT KEY_FROM, "--tls-cert", ca->cert_file,
                           "--tls-key", ca->key_file,           NULL};
    struct http_options options = {.ca_file = trusted ? ca->ca_file : NULL};
    struct err e = {0};

    region_stop(&b->region);
    region_start(&b->region, extra);
    http_free(b->http);
    b->http = http_new(b->reactor, &options, &e);
    cr_assert(b->http, "%s", e.text);
    b->tls = true;
}

void blob_bench_end(struct blob_bench *b)
{
    bufpool_free(b->pool);
    http_free(b->http);
    reactor_free(b->reactor);
    region_stop(&b->region);
}

const char *blob_bench_owner(struct blob_bench *b, unsigned status, const char *account,
                             const char *method, const char *path_query, const char *headers,
                             const void *body, size_t body_bytes, const char *wanted_header)
{
    static char value[256];
    char target[1024];
    struct raw_request request = {.method = method,
                                  .target = target,
                                  .headers = headers,
                                  .body = body,
                                  .body_bytes = body_bytes,
                                  .account = account};
    struct raw_answer answer;
    const char *found;
    int fd = raw_connect(b->region.port);

    snprintf(target, sizeof target, "/%s%s", account, path_query);
    cr_assert(raw_exchange(fd, &request, &answer));
    close(fd);
    cr_assert_eq(answer.status, status, "%s %s: %u\n%s%s", method, target, answer.status,
                 answer.head, answer.body);
    found = raw_header(&answer, wanted_header);
    snprintf(value, sizeof value, "%s", found ? found : "");
    raw_answer_fini(&answer);
    return value;
}

void blob_bench_make(struct blob_bench *b, const char *account, uint64_t size_bytes)
{
    char headers[128];

    snprintf(headers, sizeof headers,
             "x-ms-blob-type: PageBlob\r\nx-ms-blob-content-length: %llu\r\n",
             (unsigned long long)size_bytes);
    blob_bench_owner(b, 201, account, "PUT", "/" BENCH_BLOB, headers, NULL, 0, "");
}

static void put_page(struct blob_bench *b, const char *account, const char *how, uint64_t offset,
                     uint64_t bytes, const void *body, size_t body_bytes)
{
    char headers[128];

    snprintf(headers, sizeof headers, "x-ms-page-write: %s\r\nx-ms-range: bytes=%llu-%llu\r\n", how,
             (unsigned long long)offset, (unsigned long long)(offset + bytes - 1));
    blob_bench_owner(b, 201, account, "PUT", "/" BENCH_BLOB "?comp=page", headers, body, body_bytes,
                     "");
}

void blob_bench_fill(struct blob_bench *b, const char *account, uint64_t offset, size_t bytes,
                     int value)
{
    char *body = malloc(bytes);

    memset(body, value, bytes);
    put_page(b, account, "update", offset, bytes, body, bytes);
    free(body);
}

void blob_bench_clear(struct blob_bench *b, const char *account, uint64_t offset, uint64_t bytes)
{
    put_page(b, account, "clear", offset, bytes, NULL, 0);
}

const char *blob_bench_snapshot(struct blob_bench *b, const char *account)
{
    return blob_bench_owner(b, 201, account, "PUT", "/" BENCH_BLOB "?comp=snapshot", NULL, NULL, 0,
                            "x-ms-snapshot");
}

const char *blob_bench_url(struct blob_bench *b, const char *account, const char *snapshot,
                           const char *permissions, const char *expiry)
{
    static char url[2048];
    char resource[200];
    struct auth_sas sas = {.version = "2020-12-06",
                           .resource = resource,
                           .kind = snapshot ? "bs" : "b",
                           .snapshot = snapshot,
                           .permissions = permissions,
                           .expiry = expiry ? expiry : "2030-01-01T00:00:00Z"};
    struct auth_key key;
    struct err e = {0};
    char *query;

    snprintf(resource, sizeof resource, "/blob/%s/" BENCH_BLOB, account);
    cr_assert(auth_key_parse(AUTH_DEVELOPMENT_KEY, &key, &e), "%s", e.text);
    query = auth_sas_query(&sas, &key);
    snprintf(url, sizeof url, "%s://127.0.0.1:%u/%s/" BENCH_BLOB "?%s", b->tls ? "https" : "http",
             b->region.port, account, query);
    secret_wipe_free(query);
    return url;
}

struct endpoint *blob_bench_open(struct blob_bench *b, const char *text,
                                 struct endpoint_pageblob_options options)
{
    struct secret_url url;
    struct err e = {0};
    struct endpoint *ep;

    cr_assert(secret_url_parse(text, &url, &e), "%s", e.text);
    ep = endpoint_pageblob_open(b->reactor, b->http, &url, &options, &e);
    cr_assert(ep, "%s", e.text);
    return ep;
}

/* ---- Requests, waited for ---- */

void blob_bench_turn(struct blob_bench *b)
{
    struct err e = {0};

    cr_assert(reactor_turn(b->reactor, NS_PER_S, &e), "%s", e.text);
}

struct waited_stat {
    struct stat_req req;
    bool done;
};

static void on_stat(struct stat_req *req)
{
    ((struct waited_stat *)req)->done = true;
}

struct stat_req blob_bench_stat(struct blob_bench *b, struct endpoint *ep)
{
    struct waited_stat w = {.req.done = on_stat};

    endpoint_stat(ep, &w.req);
    cr_assert(!w.done, "done ran inside the submit");
    while (!w.done)
        blob_bench_turn(b);
    cr_assert_null(strstr(w.req.err.text, "sig="));
    return w.req;
}

struct waited_setup {
    struct setup_req req;
    bool done;
};

static void on_setup(struct setup_req *req)
{
    ((struct waited_setup *)req)->done = true;
}

struct err blob_bench_setup(struct blob_bench *b, struct endpoint *ep, struct setup_req *req)
{
    struct waited_setup w = {.req = *req};

    w.req.done = on_setup;
    endpoint_setup(ep, &w.req);
    cr_assert(!w.done, "done ran inside the submit");
    while (!w.done)
        blob_bench_turn(b);
    cr_assert_null(strstr(w.req.err.text, "sig="));
    *req = w.req;
    return w.req.err;
}

struct waited_list {
    struct list_req req;
    bool done;
};

static void on_list(struct list_req *req)
{
    ((struct waited_list *)req)->done = true;
}

struct err blob_bench_list(struct blob_bench *b, struct endpoint *ep, struct list_req *req)
{
    struct waited_list w = {.req = *req};

    w.req.done = on_list;
    endpoint_list(ep, &w.req);
    cr_assert(!w.done, "done ran inside the submit");
    while (!w.done)
        blob_bench_turn(b);
    cr_assert_null(strstr(w.req.err.text, "sig="));
    *req = w.req;
    return w.req.err;
}

struct waited_block {
    struct block_req req;
    bool done;
};

static void on_block(struct block_req *req)
{
    ((struct waited_block *)req)->done = true;
}

struct err blob_bench_block(struct blob_bench *b, struct endpoint *ep, enum bench_block what,
                            uint64_t offset, uint64_t length, int value)
{
    struct waited_block w = {.req = {.offset = offset, .length = length, .done = on_block}};
    struct buf *buf = what == BENCH_READ || what == BENCH_WRITE ? bufpool_borrow(b->pool) : NULL;

    w.req.buf = buf;
    if (buf)
        memset(buf->memory, what == BENCH_WRITE ? value : ~value, BUF_BYTES);
    if (what == BENCH_READ)
        endpoint_read(ep, &w.req);
    else if (what == BENCH_WRITE)
        endpoint_write(ep, &w.req);
    else if (what == BENCH_ZERO)
        endpoint_zero(ep, &w.req);
    else
        endpoint_flush(ep, &w.req);
    cr_assert(!w.done, "done ran inside the submit");
    while (!w.done)
        blob_bench_turn(b);
    for (uint64_t i = 0; what == BENCH_READ && !err_is_set(&w.req.err) && i < length; i++)
        cr_assert_eq(buf->memory[i], (unsigned char)value, "byte %llu", (unsigned long long)i);
    if (buf)
        bufpool_release(b->pool, buf);
    cr_assert_null(strstr(w.req.err.text, "sig="));
    return w.req.err;
}

/* ---- Judging ---- */

void blob_bench_ok(struct err e)
{
    cr_assert(!err_is_set(&e), "%s", e.text);
}

void blob_bench_failed(struct err e, enum err_kind kind, enum err_retry retry)
{
    cr_assert_eq(e.kind, kind, "%s, not %s: %s", err_kind_name(e.kind), err_kind_name(kind),
                 e.text);
    cr_assert_eq(e.retry, retry, "retry %d, not %d: %s", (int)e.retry, (int)retry, e.text);
    cr_assert_str_not_empty(e.text);
}
