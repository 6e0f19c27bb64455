/* relay_wire.h - what both ends of a relay spell alike: relay_protocol.md as names, limits and JSON.
 *
 * Knows:         paths, headers, how endpoint.h's answers are written as JSON and read again.
 * Must not know: sockets, endpoints that do it, when to try again.
 * Threads:       none. JSON texts are malloc'd, the caller frees them.
 * Errors:        decoding: ERR_CORRUPT, with what is wrong; never trusts a size, a name or an enumerator.
 */
#ifndef IO_RELAY_WIRE_H
#define IO_RELAY_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "io/endpoint.h"

#define RELAY_VERSION           "1"
#define RELAY_HEADER_VERSION    "x-snapferry-version"
#define RELAY_HEADER_SENDER     "x-snapferry-sender"
#define RELAY_HEADER_GENERATION "x-snapferry-generation"
#define RELAY_HEADER_LEASE      "x-snapferry-lease"
#define RELAY_HEADER_COPY       "x-snapferry-copy"
#define RELAY_HEADER_SIZE       "x-snapferry-size"
#define RELAY_SCRATCH_PREFIX    "snapferry-bench-"
#define RELAY_NAME_MAX_BYTES    200u
#define RELAY_NAME_SEGMENTS_MAX 8u
#define RELAY_LIST_EXTENTS_MAX  8192u
#define RELAY_HAVE_IDS_MAX      65536u
#define RELAY_BATCH_MAX_BYTES   (4u << 20) /* of one write's body, but for a single larger record */
#define RELAY_BATCH_RECORDS_MAX 8192u
#define RELAY_BATCH_PIECES_MAX  65536u
#define RELAY_JSON_MAX_BYTES    (1u << 20)
#define RELAY_MISSING_MAX       32768u /* so many COPY pieces may a batch have */

enum relay_verb {
    RELAY_STAT,
    RELAY_SETUP,
    RELAY_LIST,
    RELAY_READ,
    RELAY_HAVE,
    RELAY_WRITE,
    RELAY_FLUSH,
    RELAY_VERBS
};

const char *relay_verb_name(enum relay_verb verb); /* "stat", ... */
/* "/v1/VERB/NAME"; out_name points into path. False: no path of this protocol, or no name of it. */
bool relay_path_parse(const char *path, enum relay_verb *out_verb, const char **out_name);
bool relay_name_ok(const char *name);
bool relay_name_belongs(const char *name, const char *peer); /* its first segment is peer */
bool relay_name_is_scratch(const char *name); /* its last begins with RELAY_SCRATCH_PREFIX */
bool relay_uuid_ok(const char *text);
/* Of a header or a query: digits alone, at most max. */
bool relay_number_parse(const char *text, uint64_t max, uint64_t *out_number);

/* What an endpoint is, beside its stat. */
struct relay_nature {
    uint32_t align_bytes;
    uint32_t request_cost_bytes;
    uint64_t clear_max_bytes;
    unsigned capabilities;
};

char *relay_stat_json(const struct stat_req *stat, const struct relay_nature *nature);
bool relay_stat_parse(const char *json, size_t count, struct stat_req *out_stat,
                      struct relay_nature *out_nature, struct err *e);

/* A setup as it came: one value, that must not move while req is used. */
struct relay_setup {
    struct setup_req req;
    struct marker marker;
    char expect_etag[ENDPOINT_ETAG_MAX_BYTES];
    char lease_id[64];
};
char *relay_setup_json(const struct setup_req *req);
bool relay_setup_parse(const char *json, size_t count, struct relay_setup *out_setup,
                       struct err *e); /* req's pointers are into *out_setup */
char *relay_setup_answer_json(const struct setup_req *req);
bool relay_setup_answer_parse(const char *json, size_t count, struct setup_req *req, struct err *e);

char *relay_list_json(const struct list_req *list, uint64_t up_to);
/* Appends to its sets, which must end at or before what comes: checks bounds and order, and that up_to is
 * within list->within. */
bool relay_list_parse(const char *json, size_t count, struct list_req *list, uint64_t *out_up_to,
                      struct err *e);

struct relay_missing {
    uint64_t record;
    uint32_t piece;
};
char *relay_missing_json(const struct relay_missing *missing, uint32_t count);
bool relay_missing_parse(const char *json, size_t count, struct relay_missing *out_missing,
                         uint32_t max, uint32_t *out_count, struct err *e);

char *relay_error_json(const struct err *error);
int relay_error_status(const struct err *error); /* what the receiver answers it with */
/* What a refusal says; by status alone when the body is no such JSON. Always sets *e. */
void relay_error_parse(int status, const char *json, size_t count, struct err *e);

#endif
