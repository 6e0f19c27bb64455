/* curl_loop.h - libcurl's multi interface, driven by the reactor.
 *
 * Knows:         sockets that libcurl wants polled, its one timer. The only file that calls curl_multi_*.
 * Must not know: what a transfer is for; retries; deadlines.
 * Threads:       the reactor's.
 *
 * A transfer that ends is told by `ended`, called from the reactor after libcurl returned: there the
 * handle is already removed, and transfers may be added and removed.
 */
#ifndef IO_CURL_LOOP_H
#define IO_CURL_LOOP_H

#include <curl/curl.h>
#include <stdbool.h>

#include "blockmap/err.h"
#include "io/reactor.h"

struct curl_loop;
typedef void curl_loop_ended_fn(void *owner, CURL *easy, CURLcode result);

/* ---- Life ---- */
/* connections_max: open at once, to all hosts together. */
struct curl_loop *curl_loop_new(struct reactor *r, unsigned connections_max,
                                curl_loop_ended_fn *ended, void *owner, struct err *e);
void curl_loop_free(struct curl_loop *loop); /* NULL is fine; asserts that no transfer is left */

/* ---- Use; never from inside a callback of libcurl ---- */
bool curl_loop_add(struct curl_loop *loop, CURL *easy, struct err *e); /* moves in a later turn */
void curl_loop_remove(struct curl_loop *loop, CURL *easy); /* stops it; `ended` is not called */

#endif
