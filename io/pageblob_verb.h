/* pageblob_verb.h - what every verb of a page blob has in common; private to the pageblob_*.c files.
 *
 * Knows:         how a verb's headers are put together and an answer's are taken apart.
 * Must not know: what a verb is for.
 * Threads:       the reactor's.
 */
#ifndef IO_PAGEBLOB_VERB_H
#define IO_PAGEBLOB_VERB_H

#include "io/pageblob.h"
#include "io/percent.h"

#define VERB_HEADERS_MAX (PAGEBLOB_METADATA_COUNT_MAX + 16u)
_Static_assert(VERB_HEADERS_MAX < HTTP_HEADERS_MAX, "the HTTP client takes them all");

struct pageblob {
    /* set once */
    struct http *http;
    bool managed;
    /* changes, reactor thread only */
    struct secret_url url;
    enum pageblob_checksum read_checksum, write_checksum;
    bool read_crc64_seen, write_crc64_seen;
    bool sequence_known;
    uint64_t sequence; /* writes are for this number or a smaller one */
    char guard[PAGEBLOB_ETAG_MAX_BYTES];
    char lease[PAGEBLOB_LEASE_BYTES]; /* that changes carry; "" = none */
    struct pageblob_counts counts;
};

/* Headers of one request, on the stack of the verb: http_send copies them. */
struct verb_headers {
    struct http_header items[VERB_HEADERS_MAX];
    size_t count;
    char range[64];
    char number[24];
    char sequence[24];
    char checksum[32];
    char meta_names[PAGEBLOB_METADATA_MAX_BYTES + PAGEBLOB_METADATA_COUNT_MAX * 12];
};

void verb_headers_init(struct verb_headers *h); /* x-ms-version */
void verb_header(struct verb_headers *h, const char *name, const char *value);
void verb_header_range(struct verb_headers *h, uint64_t offset, uint64_t length);
void verb_header_if_match(struct verb_headers *h, const struct pageblob *blob, const char *etag);
void verb_header_lease(struct verb_headers *h, const struct pageblob *blob);    /* of a change */
void verb_header_sequence(struct verb_headers *h, const struct pageblob *blob); /* of a write */
void verb_header_metadata(struct verb_headers *h, const struct pageblob_metadata *metadata);

/* Sends op->http with these headers; method, additions and where bodies go are set by the verb. */
void verb_send(struct pageblob *blob, struct pageblob_op *op, const struct verb_headers *h,
               void (*done)(struct http_req *));
struct pageblob_op *verb_op(struct http_req *req);

/* At the beginning of a verb's done: notes counts; false when no whole answer came (op->err is set). */
bool verb_answered(struct pageblob_op *op, const char *what);
/* True for the wanted status; else op->err says what was refused. */
bool verb_succeeded(struct pageblob_op *op, int status, const char *what);
/* For headers of an answer; usable as http_req.header by others who keep a head. */
void verb_take_header(struct pageblob_head *head, const char *name, const char *value);

#endif
