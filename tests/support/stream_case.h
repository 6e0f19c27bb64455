/* stream_case.h - a reactor, workers, buffers and a path, for tests of the two ends of a delta stream.
 *
 * Knows: how the ends are opened. Must not know: what is tested.
 */
#ifndef TESTS_SUPPORT_STREAM_CASE_H
#define TESTS_SUPPORT_STREAM_CASE_H

#include "io/bufpool.h"
#include "io/endpoint_stream_in.h"
#include "io/endpoint_stream_out.h"
#include "tests/support/await.h"
#include "tests/support/stream_made.h"

#define STREAM_CASE_BUFS 6u

struct stream_case {
    struct rig rig;
    struct workers *workers;
    struct bufpool *pool;
    struct buf *bufs[STREAM_CASE_BUFS];
    char path[TEST_PATH_MAX_BYTES];
};

void stream_case_open(struct stream_case *c, enum reactor_backend backend);
void stream_case_close(struct stream_case *c); /* removes the file */

/* A stream made by hand, opened as a source: from the file, or through a pipe (made must be small). */
struct endpoint *stream_case_source(struct stream_case *c, const struct stream_made *made,
                                    bool through_pipe);
/* Created and told what will come: a disk of disk_bytes, no footer. */
struct endpoint *stream_case_target(struct stream_case *c, uint64_t disk_bytes,
                                    const struct extent_set *data);

/* A request under way; `done` is set when it ended. */
struct stream_case_block {
    struct block_req req;
    bool done;
};
void stream_case_begin(struct stream_case_block *block, struct endpoint *ep, bool write,
                       struct extent range, struct buf *buf);

#endif
