/* region_case.h - what most tests of regiond begin with: a region, a container, a page blob.
 *
 * Knows:         the development account; container "cont"; how refusals look.
 * Must not know: any one verb's rules.
 * Threads:       one test's.
 */
#ifndef SUPPORT_REGION_CASE_H
#define SUPPORT_REGION_CASE_H

#include "tests/support/raw_http.h"
#include "tests/support/region_process.h"

#define CASE_CONTAINER      "/" RAW_ACCOUNT "/cont"
#define CASE_BLOB           CASE_CONTAINER "/disk.vhd"
#define CASE_TEXT_MAX_BYTES 1024u

/* A running region with container "cont" and, when size_bytes > 0, the page blob CASE_BLOB. */
struct region_process case_begin(uint64_t size_bytes);

/* Sends, and fails the test unless the status is this one. Headers: printf's format. */
struct raw_answer case_ok(const struct region_process *region, unsigned status, const char *method,
                          const char *target, const void *body, size_t body_bytes,
                          const char *headers, ...) __attribute__((format(printf, 7, 8)));

/* Sends, and fails the test unless it is refused with this status and code, with the body of
 * protocol.md C.1 (no body for a HEAD). */
void case_refused(const struct region_process *region, unsigned status, const char *code,
                  const char *method, const char *target, const void *body, size_t body_bytes,
                  const char *headers, ...) __attribute__((format(printf, 8, 9)));

/* Writes `bytes` bytes of value `fill` at `offset` of the target blob; clears them. */
void case_write(const struct region_process *region, const char *target, uint64_t offset,
                size_t bytes, int fill);
void case_clear(const struct region_process *region, const char *target, uint64_t offset,
                uint64_t bytes);

/* The new snapshot's time, percent-encoding not needed. */
void case_snapshot(const struct region_process *region, const char *target, char out[40]);

/* The body of GET target with x-ms-version `version` (NULL: RAW_VERSION), or NULL unless 200.
 * The caller frees it. */
char *case_text(const struct region_process *region, const char *target, const char *version);

#endif
