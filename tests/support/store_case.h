/* store_case.h - a store in a temp folder, and a plain model of one page blob to hold it against.
 *
 * Knows:         the store's contract; bytes in memory.
 * Must not know: how the store keeps anything.
 * Threads:       the test's own.
 */
#ifndef TESTS_STORE_CASE_H
#define TESTS_STORE_CASE_H

#include "tools/regiond/store.h"

#define STORE_CASE_SEGMENT_BYTES (64u << 10) /* small: every blob of a test crosses segments */

struct store_case {
    char folder[256];
    struct store *store;
    struct store_key key; /* account "acct", container "cont", blob "disk" */
    uint64_t now_ticks;   /* what the store's clock says; 0: the real clock */
    bool sync;            /* everything reaches the disk before it is answered */
};

void store_case_open(struct store_case *c);    /* makes folder and container */
void store_case_reopen(struct store_case *c);  /* closes and opens again */
void store_case_close(struct store_case *c);   /* and removes the folder */
void store_case_connect(struct store_case *c); /* opens the store of an existing folder */

struct store_key store_case_snapshot(const struct store_case *c, const char *snapshot);
void store_case_create(struct store_case *c, uint64_t size_bytes);
void store_case_take_snapshot(struct store_case *c, char out_snapshot[STORE_SNAPSHOT_BYTES]);

/* Both fail the test unless STORE_OK. The fill is a function of seed and offset. */
void store_case_write(struct store_case *c, uint64_t offset, uint64_t length_bytes, uint8_t seed);
void store_case_clear(struct store_case *c, uint64_t offset, uint64_t length_bytes);
void store_case_fill(unsigned char *bytes, uint64_t offset, uint64_t length_bytes, uint8_t seed);

/* The whole list, page by page of `page_max`. Free it. */
struct store_range *store_case_ranges(struct store_case *c, const char *snapshot,
                                      const char *previous, size_t page_max, size_t *out_count);

/* All bytes of base or snapshot, through whatever way the store offers for each stretch (`spans`:
 * the file itself where it may be sent as it is). Free it. */
unsigned char *store_case_read(struct store_case *c, const char *snapshot, bool spans,
                               uint64_t *out_size_bytes);

#endif
