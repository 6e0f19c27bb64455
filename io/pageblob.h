/* pageblob.h - one page blob: each verb is one question to its host, answered whole or with an error.
 *
 * Knows:         requests and answers of the service (protocol A.2 to A.8), which checksums this host
 *                was found to know, the sequence number that guards writes.
 * Must not know: plans, markers, when to try again.
 * Threads:       the reactor's. An op is its caller's, unmoved until `done` ran: once, never in the verb.
 *
 * Checksums. A read asks for the range's CRC64, a write sends one and compares the answer's. A host without
 * gets MD5 instead, and one that knows neither is used without (pageblob_checks_nothing says so); each
 * is found out once, by the first answer, which may repeat a request. Who gave a CRC64 once must go on so.
 */
#ifndef IO_PAGEBLOB_H
#define IO_PAGEBLOB_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/digest.h"
#include "blockmap/err.h"
#include "io/http.h"
#include "io/pageblob_metadata.h"
#include "io/secret.h"

#define PAGEBLOB_ETAG_MAX_BYTES 128u
#define PAGEBLOB_TIME_MAX_BYTES 64u
#define PAGEBLOB_PAGE_BYTES     512u
#define PAGEBLOB_RANGE_MAX      (4u << 20)   /* of one write, and of one read with a checksum */
#define PAGEBLOB_VERSION        "2021-12-02" /* x-ms-version: paged lists, CRC64, managed diffs */
#define PAGEBLOB_LEASE_SECONDS  60u
#define PAGEBLOB_LEASE_TOTAL_MS 15000u /* of one request about it */
#define PAGEBLOB_LEASE_BYTES    37u    /* a GUID and its NUL */

enum pageblob_checksum { PAGEBLOB_CRC64, PAGEBLOB_MD5, PAGEBLOB_UNCHECKED };

/* What the headers of an answer said; what they did not say is zero. */
struct pageblob_head {
    char etag[PAGEBLOB_ETAG_MAX_BYTES];
    char last_modified[PAGEBLOB_TIME_MAX_BYTES];
    char snapshot[PAGEBLOB_TIME_MAX_BYTES];
    char blob_type[24];
    char md5[25]; /* of the range, base64 */
    uint64_t content_bytes;
    uint64_t blob_bytes; /* x-ms-blob-content-length */
    uint64_t sequence, crc64;
    bool content_known, blob_known, sequence_known, crc64_known;
    bool copy_pending;     /* a copy into the blob is not done */
    bool incremental_copy; /* only its snapshots can be read */
    int source_status;     /* of a pull: what its source answered; 0 = not said */
    char source_code[64];
};

struct pageblob;
struct pageblob_op {
    /* in; each verb says which; memory and metadata are borrowed until done */
    uint64_t offset;
    uint64_t length;
    unsigned char *memory;
    const struct pageblob_metadata *metadata;
    const char *if_match;          /* ETag; NULL = none; copied */
    const struct secret_url *from; /* pull: the source; copied */
    bool from_failed;              /* out, pull: it was the source that refused */
    bool crc64_known; /* put: in; get: out, computed here and, if the host can, checked */
    uint64_t crc64;
    struct block_hash *hashes;              /* get: room and, in */
    uint32_t hashed_count;                  /* this, what was made of it, as in block_req */
    struct pageblob_metadata *out_metadata; /* properties: filled; NULL = not wanted */
    /* out */
    struct pageblob_head head;
    struct err err;
    void (*done)(struct pageblob_op *);
    /* private */
    struct pageblob *blob;
    struct http_req http;
    enum pageblob_checksum sent;
    char lease[PAGEBLOB_LEASE_BYTES];
};

struct pageblob_counts {
    uint64_t requests;
    uint64_t received_bytes, sent_bytes;
};

/* ---- Life ---- */
/* managed: the host takes no conditional headers. take is left empty, also on failure. */
struct pageblob *pageblob_new(struct http *http, struct secret_url *take, bool managed,
                              struct err *e);
void pageblob_free(struct pageblob *blob); /* NULL is fine; nothing in flight */
void pageblob_set_url(struct pageblob *blob, struct secret_url *take); /* for ops from now on */

/* ---- Data ---- */
void pageblob_get(struct pageblob *blob, struct pageblob_op *op);   /* offset length memory */
void pageblob_put(struct pageblob *blob, struct pageblob_op *op);   /* the same, crc64 */
void pageblob_clear(struct pageblob *blob, struct pageblob_op *op); /* offset length */
void pageblob_pull(struct pageblob *blob, struct pageblob_op *op); /* offset length from if_match */

/* ---- The blob itself ---- */
void pageblob_properties(struct pageblob *blob, struct pageblob_op *op);   /* out_metadata */
void pageblob_create(struct pageblob *blob, struct pageblob_op *op);       /* length metadata */
void pageblob_resize(struct pageblob *blob, struct pageblob_op *op);       /* length */
void pageblob_set_metadata(struct pageblob *blob, struct pageblob_op *op); /* metadata if_match */
void pageblob_next_sequence(struct pageblob *blob, struct pageblob_op *op);
void pageblob_snapshot(struct pageblob *blob, struct pageblob_op *op);
void pageblob_delete(struct pageblob *blob, struct pageblob_op *op); /* and its snapshots */

/* ---- Guards ---- */
/* Acquire takes the lease for PAGEBLOB_LEASE_SECONDS under this name, or prolongs it when that name is
 * the active one. Renew prolongs also what has ended, but only while nobody has written since. From an
 * acquire that went well to a release every change carries the name. */
enum pageblob_lease_action { PAGEBLOB_LEASE_ACQUIRE, PAGEBLOB_LEASE_RENEW, PAGEBLOB_LEASE_RELEASE };
void pageblob_lease(struct pageblob *blob, struct pageblob_op *op,
                    enum pageblob_lease_action action, const char *id);
/* Reads and lists carry If-Match with this ETag. "" = not any more. */
void pageblob_guard_reads(struct pageblob *blob, const char *etag);

/* ---- Look ---- */
const struct secret_url *pageblob_url(const struct pageblob *blob); /* a view, until set_url */
const struct pageblob_counts *pageblob_count(const struct pageblob *blob);
bool pageblob_checks_nothing(const struct pageblob *blob); /* neither CRC64 nor MD5, some way */

#endif
