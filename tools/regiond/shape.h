/* shape.h - how far away and how wide this region is: latency, bytes/s and requests/s.
 *
 * Knows:         limits of a connection, a blob and an account; the file --shape names (shape.md).
 * Must not know: HTTP servers, sockets, clocks: time is a parameter (monotonic ns).
 * Threads:       any; one lock inside. The same calls with the same times give the same answers.
 */
#ifndef REGIOND_SHAPE_H
#define REGIOND_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHAPE_FILE_MAX_BYTES (64u << 10)
#define SHAPE_LATENCY_MAX_MS 60000u
#define SHAPE_BURST_MAX_MS   10000u
#define SHAPE_QUEUE_MAX_MS   600000u
#define SHAPE_KEPT_MAX_COUNT                                                                       \
    65536u /* connections, blobs, accounts with a level; then the idle go */
#define SHAPE_RETRY_MAX_S 3600u

enum shape_scope { SHAPE_CONNECTION, SHAPE_BLOB, SHAPE_ACCOUNT, SHAPE_SCOPES };

struct shape_limit {
    uint64_t bytes_per_second;    /* bodies, both ways together; 0: no limit */
    uint64_t requests_per_second; /* 0: no limit */
};

struct shape_config {
    uint32_t latency_ms;    /* a round trip */
    uint32_t burst_ms;      /* how much unused time may be saved up */
    uint32_t queue_ms;      /* with busy: how far bytes may be in debt before a refusal */
    bool busy;              /* above a limit: true: 503 ServerBusy, false: wait */
    uint32_t retry_after_s; /* Retry-After of such a 503; 0: none */
    struct shape_limit limit[SHAPE_SCOPES];
};

/* Borrowed for the call. */
struct shape_facts {
    uint64_t connection_id;
    const char *account;
    const char *container;
    const char *blob; /* "" for a request to a container or the account */
};

struct shape_verdict {
    bool busy;              /* answer 503; nothing was taken */
    const char *busy_text;  /* which limit, in the service's words; static */
    uint32_t retry_after_s; /* 0: no header */
    uint64_t delay_ns;      /* not busy: hold the request back this long */
};

/* A body leaves at an even pace: none of it before now + begin, the last byte at now + end. */
struct shape_pace {
    uint64_t begin_ns; /* after now */
    uint64_t end_ns;   /* after now; equal to begin_ns: as fast as it goes */
};

struct traffic_shape;

/* ---- Life ---- */
struct traffic_shape *shape_new(const struct shape_config *config); /* NULL: no memory */
void shape_free(struct traffic_shape *shape);                       /* NULL is fine */

/* Reads shape.md's JSON; false, with a sentence in out_text. */
bool shape_config_parse(const char *json, size_t n, struct shape_config *out, char *out_text,
                        size_t text_bytes);
/* From a file; NULL, with a sentence. */
struct traffic_shape *shape_load(const char *path, char *out_text, size_t text_bytes);

/* ---- Use ---- */

/* A whole request has arrived, its body of bytes_in included; asked once a request. */
struct shape_verdict shape_arrived(struct traffic_shape *shape, const struct shape_facts *facts,
                                   uint64_t bytes_in, uint64_t now_ns);

/* An answer is about to leave with a body of bytes_out. */
struct shape_pace shape_leaving(struct traffic_shape *shape, const struct shape_facts *facts,
                                uint64_t bytes_out, uint64_t now_ns);

/* ---- The pace of one body, pure: how many of `total` bytes may be out `passed_ns` after the now
 * that shape_leaving was given; and how long after that now byte number `at` is due. ---- */
uint64_t shape_pace_bytes(const struct shape_pace *pace, uint64_t total, uint64_t passed_ns);
uint64_t shape_pace_due_ns(const struct shape_pace *pace, uint64_t total, uint64_t at);

#endif
