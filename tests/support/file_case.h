/* file_case.h - a reactor, a pool, a path in the temp folder and file endpoints on it, for one test.
 *
 * Knows: how file endpoints are opened. Must not know: what is tested.
 */
#ifndef TESTS_SUPPORT_FILE_CASE_H
#define TESTS_SUPPORT_FILE_CASE_H

#include <stdint.h>

#include "io/bufpool.h"
#include "io/endpoint_file.h"
#include "tests/support/await.h"
#include "tests/support/test_reactor.h"

struct file_case {
    struct rig rig;
    struct bufpool *pool;
    struct buf *buf; /* one, borrowed from the start */
    char path[TEST_PATH_MAX_BYTES];
    char state_path[TEST_PATH_MAX_BYTES + 16];
};

void file_case_open(struct file_case *c, enum reactor_backend backend);
void file_case_close(struct file_case *c); /* removes the file and its sidecar */

/* Makes the file: size_bytes of hole. */
void file_case_make(const struct file_case *c, uint64_t size_bytes);
/* Puts count bytes that follow from seed at offset. */
void file_case_put(const struct file_case *c, uint64_t offset, size_t count, unsigned seed);
void file_case_fill(unsigned char *out_bytes, size_t count, unsigned seed);
/* Does the file hold these bytes there? */
bool file_case_holds(const struct file_case *c, uint64_t offset, const unsigned char *bytes,
                     size_t count);
uint64_t file_case_size_bytes(const struct file_case *c);
uint64_t file_case_allocated_bytes(const struct file_case *c);

/* Opened and looked at; fails the test when that fails. */
struct endpoint *file_case_source(struct file_case *c, enum endpoint_file_direct direct);
struct endpoint *file_case_target(struct file_case *c, enum endpoint_file_direct direct);

#endif
