/* http_lane.h - the exchanges of one reactor: which runs, which waits its turn, when one ends; private to
 * http.c, http_lane.c and http_thread.c.
 *
 * Knows:         libcurl's loop, deadlines, how many may run at once.
 * Must not know: other lanes, requests that have no exchange, who is told of an end.
 * Threads:       its reactor's, which need not be the thread that http_send was called from.
 */
#ifndef IO_HTTP_LANE_H
#define IO_HTTP_LANE_H

#include "io/curl_loop.h"
#include "io/http_exchange.h"

struct http_lane;
/* The exchange is off every list and its result is final; ex is not touched again by the lane. */
typedef void http_lane_ended_fn(void *owner, struct http_exchange *ex);

struct exchange_list {
    struct http_exchange *first, *last;
};

struct http_lane {
    /* set once */
    struct reactor *reactor;
    struct curl_loop *loop;
    unsigned transfers_max;
    http_lane_ended_fn *ended;
    void *owner;
    /* changes, lane's thread only */
    struct exchange_list running, waiting;
    unsigned running_count;
};

/* ---- Life ---- */
bool http_lane_open(struct http_lane *lane, struct reactor *r, unsigned transfers_max,
                    http_lane_ended_fn *ended, void *owner, struct err *e);
void http_lane_close(struct http_lane *lane); /* a zeroed one is fine; not while it has exchanges */

/* ---- Use ---- */
/* ex was prepared. Runs now, or when its turn comes. */
void http_lane_begin(struct http_lane *lane, struct http_exchange *ex);
void http_lane_end_all(struct http_lane *lane, const struct err *why);
/* Of an exchange that is on no list. */
void http_lane_end_unbegun(struct http_lane *lane, struct http_exchange *ex, const struct err *why);

/* ---- Lists ---- */
/* As the last. */
void exchange_list_append(struct exchange_list *list, struct http_exchange *ex);

#endif
