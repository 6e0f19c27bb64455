/* bench_point.h - measures one leg: so many connections, requests of one size, until the rate is sure.
 *
 * Knows:         page blobs, a relay, the reads and writes of a copy, when a figure is stable, its budget.
 * Must not know: which point comes next, what the figures mean, who looks.
 * Threads:       the reactor's.
 *
 * One request goes alone at first: it opens a connection and finds out which checksum the host knows.
 * From its end on all connections are busy, each with one request after the other, and time counts.
 * Twice in a row, BENCH_POINT_TICK_NS apart, the interval of the rate must be within
 * BENCH_POINT_SURE_PPM of it; or the time is over; or the next request could exceed the budget. What is
 * then under way is waited for. A refusal that may pass is tried again after a pause, as a copy does.
 * Every connection to a host of blobs is new: each point has HTTP clients of its own. To a receiver go
 * BENCH_POINT connections' worth of ranges at once, over the connections that its relay has, and with auto a
 * figure is sure only when it has had no wish for another level for BENCH_POINT_LEVEL_NS.
 */
#ifndef ENGINE_BENCH_POINT_H
#define ENGINE_BENCH_POINT_H

#include "blockmap/err.h"
#include "engine/bench_relay.h"
#include "engine/bench_result.h"
#include "engine/bench_walk.h"
#include "io/http_options.h"
#include "io/reactor.h"
#include "io/secret.h"

#define BENCH_POINT_TICK_NS         100000000ull
#define BENCH_POINT_MIN_NS          500000000ull /* no figure of less is called stable */
#define BENCH_POINT_LEVEL_NS        1000000000ull
#define BENCH_POINT_SURE_PPM        50000u         /* +- 5 % */
#define BENCH_POINT_DRAIN_NS        10000000000ull /* then what is under way is cut off */
#define BENCH_POINT_CONNECTIONS_MAX 64u
#define BENCH_POINT_PROBES_COUNT    3u    /* exchanges that the first request may take */
#define BENCH_POINT_FRAMES_BYTES    4096u /* what records add to a request's bytes, at most */

struct bench_point_setup {
    struct reactor *reactor;         /* borrowed, as all below, as long as the point lives */
    const struct http_options *http; /* connections and observer are the point's own */
    const struct secret_url *source; /* of what reads; a blob or a snapshot */
    struct bench_walk *walk;         /* through it; goes on where the point before ended */
    const struct secret_url *target; /* of WRITE and BOTH; all of it may be overwritten */
    struct bench_relay *relay;       /* of a relay's leg: to the target; nobody else listens */
    int level;                       /* there: STREAM_LEVEL_RAW, COMPRESS_AUTO or zstd's */
    uint64_t target_bytes;
    uint64_t write_from;
    enum bench_leg leg;
    uint32_t request_bytes; /* whole pages; <= PAGEBLOB_RANGE_MAX */
    uint32_t connections;   /* 1 .. BENCH_POINT_CONNECTIONS_MAX */
    uint64_t budget_bytes;  /* bodies both ways together: never more */
    uint64_t duration_ns;
    uint64_t random_seed;
    void (*done)(void *arg); /* from the reactor, once; the point may be freed in it */
    void *arg;
};

struct bench_point;

/* ---- Life ---- */
struct bench_point *bench_point_new(const struct bench_point_setup *setup, struct err *e);
void bench_point_free(struct bench_point *point); /* NULL is fine; not begun, or done */

/* ---- Use ---- */
void bench_point_start(struct bench_point *point);
void bench_point_stop(struct bench_point *point); /* cuts off what is under way; done follows */

/* ---- Look, when done ---- */
const struct err *bench_point_error(const struct bench_point *point);
const struct bench_result *bench_point_result(const struct bench_point *point);
uint64_t bench_point_written_to(const struct bench_point *point); /* the next one's write_from */

/* How many bytes a point needs at least so that its figure means anything. */
uint64_t bench_point_need_bytes(enum bench_leg leg, uint32_t request_bytes, uint32_t connections);

#endif
