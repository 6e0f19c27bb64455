/* region_account_call.c - one request of an account: signed, sent, tried again (see region_account.h). */
#include "tools/controld/region_account_call.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/pageblob_error.h"

#define SHOWN_ADDRESS_BYTES 160
#define BODY_MAX_BYTES      REGION_LIST_BODY_MAX_BYTES

/* ---- The head of a try ---- */

static void format_date(uint64_t wall_ns, char out[REGION_DATE_BYTES])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    struct tm tm;

    gmtime_r(&seconds, &tm); /* names by hand: strftime's follow the locale */
    snprintf(out, REGION_DATE_BYTES, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
             days + 3 * tm.tm_wday, (unsigned)tm.tm_mday % 100u, months + 3 * tm.tm_mon,
             (unsigned)(tm.tm_year + 1900) % 10000u, (unsigned)tm.tm_hour % 100u,
             (unsigned)tm.tm_min % 100u, (unsigned)tm.tm_sec % 100u);
}

void region_account_head(struct region_head *h)
{
    h->count = 0;
    region_account_header(h, "x-ms-version", PAGEBLOB_VERSION);
}

void region_account_header(struct region_head *h, const char *name, const char *value)
{
    assert(h->count + 2 < REGION_HEADERS_MAX);
    h->items[h->count++] = (struct http_header){name, value};
}

void region_account_metadata(struct region_head *h, const struct pageblob_metadata *metadata)
{
    size_t used = 0;

    for (size_t i = 0; metadata && i < metadata->count; i++) {
        char *name = h->meta_names + used;

        used += (size_t)snprintf(name, sizeof h->meta_names - used, "x-ms-meta-%s",
                                 metadata->items[i].name) +
                1;
        assert(used <= sizeof h->meta_names);
        region_account_header(h, name, metadata->items[i].value);
    }
}

/* ---- The end of an op, and the pause before another try ---- */

static struct region_op *op_of(struct http_req *req)
{
    return (struct region_op *)((char *)req - offsetof(struct region_op, http));
}

static void finish(struct region_op *op)
{
    struct region_op **at = &op->account->live;

    while (*at != op)
        at = &(*at)->next;
    *at = op->next;
    secret_url_fini(&op->url);
    free(op->body);
    free(op->marker);
    op->body = op->marker = NULL;
    op->done(op);
}

static void on_pause(struct timer *timer)
{
    struct region_op *op = (struct region_op *)((char *)timer - offsetof(struct region_op, pause));

    if ((op->account->stopped || op->end_ns == 0) && !err_is_set(&op->err))
        err_set(&op->err, ERR_CANCELED, RETRY_NEVER, "%s was stopped", op->doing);
    if (err_is_set(&op->err)) { /* known since start, and told from the reactor only */
        finish(op);
        return;
    }
    op->tries++;
    op->begin(op);
}

static void arm(struct region_op *op, uint64_t due_ns)
{
    reactor_arm(op->account->reactor, &op->pause, due_ns, on_pause);
}

void region_account_again(struct region_op *op)
{
    op->tries = 0;
    arm(op, reactor_now_ns(op->account->reactor));
}

/* A refusal of our key is no expired SAS: another URL would not help. */
static void judge_key(struct region_op *op)
{
    struct err refused = op->err;

    if (!op->account->has_key || refused.kind != ERR_AUTH)
        return;
    err_clear(&op->err);
    err_set(
        &op->err, ERR_AUTH, RETRY_NEVER,
        "the account %.64s refuses its key for %s (%d %s); is the key right, and this machine's "
        "clock?",
        op->account->name, op->doing, refused.http_status, refused.code);
    op->err.http_status = refused.http_status;
    memcpy(op->err.code, refused.code, sizeof op->err.code);
    memcpy(op->err.request_id, refused.request_id, sizeof op->err.request_id);
}

static void settle(struct region_op *op)
{
    struct region_account *account = op->account;
    uint64_t now_ns = reactor_now_ns(account->reactor);
    struct retry_verdict verdict;

    if (!err_is_set(&op->err)) {
        finish(op);
        return;
    }
    if (retry_is_indefinite(&op->err))
        op->unsure = true;
    judge_key(op);
    verdict = retry_judge(&op->err, op->tries, &account->random);
    if (verdict.action == RETRY_ACT_GIVE_UP || account->stopped || now_ns >= op->end_ns ||
        verdict.delay_ns >= op->end_ns - now_ns) {
        finish(op);
        return;
    }
    err_clear(&op->err);
    arm(op, now_ns + verdict.delay_ns);
}

static void on_answer(struct http_req *req)
{
    struct region_op *op = op_of(req);

    if (err_is_set(&req->err)) {
        if (err_is_set(&op->err))
            err_clear(&op->err);
        op->err = req->err;
        err_prefix(&op->err, "%s %.*s: ", op->doing, SHOWN_ADDRESS_BYTES, op->url.address);
    } else if (!err_is_set(&op->err)) { /* else the answer's body or metadata did not fit */
        op->judge(op);
        if (!err_is_set(&op->err) && op->pause.slot) /* again */
            return;
    }
    settle(op);
}

bool region_account_expect(struct region_op *op, int status)
{
    char what[SHOWN_ADDRESS_BYTES + 64];

    if (op->http.answer.status == status)
        return true;
    snprintf(what, sizeof what, "%s %.*s", op->doing, SHOWN_ADDRESS_BYTES, op->url.address);
    pageblob_error_set(&op->http.answer, what, &op->err);
    return false;
}

/* ---- One try ---- */

static bool take_number(const char *value, uint64_t *out)
{
    char *end;

    *out = strtoull(value, &end, 10);
    return isdigit((unsigned char)*value) && *end == 0;
}

static void on_header(struct http_req *req, const char *name, const char *value)
{
    static const char meta[] = "x-ms-meta-";
    struct region_op *op = op_of(req);

    if (op->out_metadata && strncmp(name, meta, sizeof meta - 1) == 0) {
        if (!err_is_set(&op->err))
            pageblob_metadata_set(op->out_metadata, name + sizeof meta - 1, value, &op->err);
    } else if (strcmp(name, "etag") == 0 && strlen(value) < sizeof op->head.etag) {
        strcpy(op->head.etag, value);
    } else if (strcmp(name, "last-modified") == 0 &&
               strlen(value) < sizeof op->head.last_modified) {
        strcpy(op->head.last_modified, value);
    } else if (strcmp(name, "x-ms-snapshot") == 0 && strlen(value) < sizeof op->head.snapshot) {
        strcpy(op->head.snapshot, value);
    } else if (strcmp(name, "x-ms-blob-type") == 0 && strlen(value) < sizeof op->head.blob_type) {
        strcpy(op->head.blob_type, value);
    } else if (strcmp(name, "content-length") == 0) {
        op->head.content_known = take_number(value, &op->head.content_bytes);
    } else if (strcmp(name, "x-ms-blob-content-length") == 0) {
        op->head.blob_known = take_number(value, &op->head.blob_bytes);
    }
}

static bool on_body(struct http_req *req, const void *bytes, size_t count, struct err *e)
{
    struct region_op *op = op_of(req);
    size_t needed = op->body_bytes + count;

    if (needed > BODY_MAX_BYTES)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "the answer is longer than %u MiB",
                       BODY_MAX_BYTES >> 20);
    if (needed > op->body_capacity) {
        size_t capacity = needed < 4096 ? 8192 : needed * 2;
        char *larger = realloc(op->body, capacity);

        if (!larger)
            return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for an answer");
        op->body = larger;
        op->body_capacity = capacity;
    }
    memcpy(op->body + op->body_bytes, bytes, count);
    op->body_bytes = needed;
    return true;
}

static char *sign(struct region_op *op, const struct region_head *h, const char *additions)
{
    static const char *const methods[] = {[HTTP_GET] = "GET",
                                          [HTTP_HEAD] = "HEAD",
                                          [HTTP_PUT] = "PUT",
                                          [HTTP_POST] = "POST",
                                          [HTTP_DELETE] = "DELETE"};
    const struct region_account *account = op->account;
    struct auth_request request = {
        .method = methods[op->http.method],
        .account = account->name,
        .path = op->url.address + (account->path - account->base),
        .query = additions,
        .headers = h->items,
        .header_count = h->count,
        .body_bytes = op->http.body_bytes,
    };

    return auth_request_header(&request, &account->key);
}

/* Told when the pause is over, as if the request had failed. */
void region_account_fail(struct region_op *op, const char *why)
{
    err_clear(&op->err);
    err_set(&op->err, ERR_LIMIT, RETRY_LATER, "%s", why);
    arm(op, reactor_now_ns(op->account->reactor));
}

void region_account_send(struct region_op *op, struct region_head *h, const char *additions)
{
    struct region_account *account = op->account;
    uint64_t now_ns = reactor_now_ns(account->reactor);
    uint64_t left_ms = op->end_ns > now_ns ? (op->end_ns - now_ns) / NS_PER_MS + 1 : 1;
    char *authorization = NULL;

    format_date(reactor_wall_ns(account->reactor), h->date);
    region_account_header(h, "x-ms-date", h->date);
    if (account->has_key) {
        authorization = sign(op, h, additions);
        if (!authorization) {
            region_account_fail(op, "no memory to sign a request");
            return;
        }
        region_account_header(h, "Authorization", authorization);
    }
    op->body_bytes = 0;
    op->head = (struct pageblob_head){0};
    err_clear(&op->err);
    op->http.url = &op->url;
    op->http.additions = *additions ? additions : NULL;
    op->http.headers = h->items;
    op->http.header_count = h->count;
    op->http.header = on_header;
    op->http.push = op->http.method == HTTP_GET ? on_body : NULL;
    op->http.done = on_answer;
    op->http.deadlines.total_ms =
        left_ms < HTTP_TOTAL_MS ? (uint32_t)left_ms : (uint32_t)HTTP_TOTAL_MS;
    op->http.deadlines.connect_ms =
        left_ms < HTTP_CONNECT_MS ? (uint32_t)left_ms : (uint32_t)HTTP_CONNECT_MS;
    err_clear(&op->http.err);
    http_send(account->http, &op->http);
    secret_wipe_free(authorization);
    op->http.additions = NULL;
}

/* The URL that requests go to: with the account's SAS where that is what it has. */
static bool make_url(struct region_op *op, struct err *e)
{
    struct region_account *account = op->account;
    char *address = region_account_address(account, op->container, op->blob, e);
    char *text = address;
    bool ok;

    if (!address)
        return false;
    if (account->sas && asprintf(&text, "%s?%s", address, account->sas) < 0)
        text = NULL;
    ok = text ? secret_url_parse(text, &op->url, e)
              : err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a request");
    if (text != address)
        secret_wipe_free(text);
    free(address);
    return ok;
}

void region_account_start(struct region_account *account, struct region_op *op, const char *doing,
                          void (*begin)(struct region_op *), void (*judge)(struct region_op *))
{
    uint64_t now_ns = reactor_now_ns(account->reactor);
    struct err why = {0};

    assert(op->done);
    op->account = account;
    op->next = account->live;
    account->live = op;
    op->doing = doing;
    op->begin = begin;
    op->judge = judge;
    op->tries = 0;
    op->unsure = op->as_it_was = false;
    op->body = op->marker = NULL;
    op->body_bytes = op->body_capacity = 0;
    op->used_bytes = op->listed_end = 0;
    op->url = (struct secret_url){0};
    op->pause = (struct timer){0};
    err_clear(&op->err);
    op->end_ns = op->due_ns ? op->due_ns : now_ns + REGION_LIMIT_NS;
    if (!make_url(op, &why))
        op->err = why;
    arm(op, now_ns);
}

void region_account_give_up(struct region_op *op)
{
    op->end_ns = 0;
    if (op->pause.slot)
        arm(op, reactor_now_ns(op->account->reactor));
}

void region_account_stop(struct region_account *account)
{
    account->stopped = true;
    for (struct region_op *op = account->live; op; op = op->next)
        if (op->pause.slot)
            arm(op, reactor_now_ns(account->reactor));
}
