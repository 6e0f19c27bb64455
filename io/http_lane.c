/* http_lane.c - see http_lane.h. */
#include "io/http_lane.h"

#include <assert.h>
#include <stddef.h>

#define BYTES_PER_MIB 1048576u
/* Connections kept for two hosts: with no more than there are transfers, each host's idle ones would be
 * closed to make room for the other's. */
#define CONNECTIONS_PER_TRANSFER 2u

/* ---- Lists ---- */

void exchange_list_append(struct exchange_list *list, struct http_exchange *ex)
{
    ex->next = NULL;
    ex->previous = list->last;
    if (list->last)
        list->last->next = ex;
    else
        list->first = ex;
    list->last = ex;
}

static void list_remove(struct exchange_list *list, struct http_exchange *ex)
{
    if (ex->previous)
        ex->previous->next = ex->next;
    else
        list->first = ex->next;
    if (ex->next)
        ex->next->previous = ex->previous;
    else
        list->last = ex->previous;
}

/* ---- The end of an exchange ---- */

static void start_waiting(struct http_lane *lane);

static void end(struct http_lane *lane, struct http_exchange *ex, CURLcode result)
{
    http_exchange_judge(ex, result);
    reactor_disarm(lane->reactor, &ex->deadline);
    lane->ended(lane->owner, ex);
}

static void on_ended(void *owner, CURL *easy, CURLcode result)
{
    struct http_lane *lane = owner;
    char *private = NULL;
    struct http_exchange *ex;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    ex = (struct http_exchange *)(void *)private;
    list_remove(&lane->running, ex);
    lane->running_count--;
    end(lane, ex, result);
    start_waiting(lane);
}

/* Ends a running exchange with the error in ex->err. */
static void stop_running(struct http_lane *lane, struct http_exchange *ex)
{
    assert(err_is_set(&ex->err));
    curl_loop_remove(lane->loop, ex->easy);
    on_ended(lane, ex->easy, CURLE_OK);
}

void http_lane_end_unbegun(struct http_lane *lane, struct http_exchange *ex, const struct err *why)
{
    ex->err = *why;
    end(lane, ex, CURLE_OK);
}

void http_lane_end_all(struct http_lane *lane, const struct err *why)
{
    while (lane->waiting.first) {
        struct http_exchange *ex = lane->waiting.first;

        list_remove(&lane->waiting, ex);
        http_lane_end_unbegun(lane, ex, why);
    }
    while (lane->running.first) {
        lane->running.first->err = *why;
        stop_running(lane, lane->running.first);
    }
}

/* ---- Deadlines ---- */

static uint32_t stall_ms(const struct http_req *req)
{
    return req->deadlines.stall_ms ? req->deadlines.stall_ms : HTTP_STALL_MS;
}

uint32_t http_total_ms(uint64_t body_bytes)
{
    uint64_t mib = body_bytes / BYTES_PER_MIB + (body_bytes % BYTES_PER_MIB != 0);
    uint64_t ms = HTTP_TOTAL_MS + mib * HTTP_TOTAL_MS_PER_MIB;

    return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

static uint32_t total_ms(const struct http_req *req)
{
    size_t bytes = req->body_bytes > req->memory_bytes ? req->body_bytes : req->memory_bytes;

    return req->deadlines.total_ms ? req->deadlines.total_ms : http_total_ms(bytes);
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void on_deadline(struct timer *timer)
{
    struct http_exchange *ex =
        (struct http_exchange *)((char *)timer - offsetof(struct http_exchange, deadline));
    struct http_lane *lane = ex->lane;
    uint64_t now = reactor_now_ns(lane->reactor);
    uint64_t total = ex->begun_ns + total_ms(ex->req) * NS_PER_MS;
    uint64_t stall = ex->moved_ns + stall_ms(ex->req) * NS_PER_MS;

    if (now < total && now < stall) {
        reactor_arm(lane->reactor, &ex->deadline, min_u64(total, stall), on_deadline);
        return;
    }
    if (now >= total)
        err_set(&ex->err, ERR_NET, RETRY_LATER, "not done after %u.%u s", total_ms(ex->req) / 1000,
                total_ms(ex->req) % 1000 / 100);
    else
        err_set(&ex->err, ERR_NET, RETRY_LATER, "stalled: no byte moved for %u.%u s",
                stall_ms(ex->req) / 1000, stall_ms(ex->req) % 1000 / 100);
    stop_running(lane, ex);
}

/* ---- The beginning of an exchange ---- */

static void start(struct http_lane *lane, struct http_exchange *ex)
{
    uint64_t now = reactor_now_ns(lane->reactor);

    if (!curl_loop_add(lane->loop, ex->easy, &ex->err)) {
        end(lane, ex, CURLE_OK);
        return;
    }
    exchange_list_append(&lane->running, ex);
    lane->running_count++;
    ex->begun_ns = ex->moved_ns = now;
    reactor_arm(lane->reactor, &ex->deadline,
                now + min_u64(total_ms(ex->req), stall_ms(ex->req)) * NS_PER_MS, on_deadline);
}

static void start_waiting(struct http_lane *lane)
{
    while (lane->waiting.first && lane->running_count < lane->transfers_max) {
        struct http_exchange *ex = lane->waiting.first;

        list_remove(&lane->waiting, ex);
        start(lane, ex);
    }
}

void http_lane_begin(struct http_lane *lane, struct http_exchange *ex)
{
    ex->lane = lane;
    if (ex->req->urgent || (lane->running_count < lane->transfers_max && !lane->waiting.first))
        start(lane, ex);
    else
        exchange_list_append(&lane->waiting, ex);
}

/* ---- Life ---- */

bool http_lane_open(struct http_lane *lane, struct reactor *r, unsigned transfers_max,
                    http_lane_ended_fn *ended, void *owner, struct err *e)
{
    *lane = (struct http_lane){
        .reactor = r, .transfers_max = transfers_max, .ended = ended, .owner = owner};
    lane->loop = curl_loop_new(r, transfers_max * CONNECTIONS_PER_TRANSFER, on_ended, lane, e);
    return lane->loop != NULL;
}

void http_lane_close(struct http_lane *lane)
{
    assert(!lane->running.first && !lane->waiting.first);
    curl_loop_free(lane->loop);
    *lane = (struct http_lane){0};
}
