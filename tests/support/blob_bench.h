/* blob_bench.h - a region, a client, and endpoints on its blobs: what tests of the page-blob client begin
 * with.
 *
 * Knows:         regiond, its accounts (all have the development key), how to wait for a request.
 * Must not know: what is tested.
 * Threads:       one test's.
 */
#ifndef SUPPORT_BLOB_BENCH_H
#define SUPPORT_BLOB_BENCH_H

#include "io/bufpool.h"
#include "io/endpoint_pageblob.h"
#include "tests/support/region_process.h"
#include "tests/support/test_ca.h"

#define BENCH_ACCOUNT "devstoreaccount1"
#define BENCH_MANAGED "md-abcdefghijkl"
#define BENCH_UPLOAD  "md-impexp-abcdefghijkl"
#define BENCH_BLOB    "ccc/abcd"

struct blob_bench {
    struct region_process region;
    struct clock clock;
    struct reactor *reactor;
    struct http *http;
    struct bufpool *pool;
    bool tls;
};

/* Region with container "ccc" in each of the three accounts. faults: JSON for --faults; NULL = none. */
void blob_bench_begin(struct blob_bench *b, const char *faults);
/* Serves the same data over TLS from now on; the owner's requests cannot reach it any more. trusted: the
 * client knows the authority. */
void blob_bench_restart_tls(struct blob_bench *b, const struct test_ca *ca, bool trusted);
void blob_bench_end(struct blob_bench *b);

/* As the account's owner, by key; headers: "Name: value\r\n"...; fails the test unless it is `status`. A
 * header of the answer, or "". */
const char *blob_bench_owner(struct blob_bench *b, unsigned status, const char *account,
                             const char *method, const char *path_query, const char *headers,
                             const void *body, size_t body_bytes, const char *wanted_header);
void blob_bench_make(struct blob_bench *b, const char *account,
                     uint64_t size_bytes); /* BENCH_BLOB */
void blob_bench_fill(struct blob_bench *b, const char *account, uint64_t offset, size_t bytes,
                     int value);
void blob_bench_clear(struct blob_bench *b, const char *account, uint64_t offset, uint64_t bytes);
const char *blob_bench_snapshot(struct blob_bench *b, const char *account); /* its time; static */

/* A SAS URL of BENCH_BLOB that ends in 2030, or at `expiry`. In a static buffer. */
const char *blob_bench_url(struct blob_bench *b, const char *account, const char *snapshot,
                           const char *permissions, const char *expiry);
struct endpoint *blob_bench_open(struct blob_bench *b, const char *url,
                                 struct endpoint_pageblob_options options);

/* ---- Requests, waited for ---- */
struct stat_req blob_bench_stat(struct blob_bench *b, struct endpoint *ep);
/* The verb's result; also as the only argument of expect below. */
struct err blob_bench_setup(struct blob_bench *b, struct endpoint *ep, struct setup_req *req);
struct err blob_bench_list(struct blob_bench *b, struct endpoint *ep, struct list_req *req);
enum bench_block { BENCH_READ, BENCH_WRITE, BENCH_ZERO, BENCH_FLUSH };
/* READ compares every byte with value, unless the read fails; WRITE writes it. */
struct err blob_bench_block(struct blob_bench *b, struct endpoint *ep, enum bench_block what,
                            uint64_t offset, uint64_t length, int value);
void blob_bench_turn(struct blob_bench *b);

/* ---- Judging ---- */
void blob_bench_ok(struct err e);
void blob_bench_failed(struct err e, enum err_kind kind, enum err_retry retry);

#endif
