/* profile.h - what snapferry bench found best for a pair of regions, for a copy to begin with (profile.md).
 *
 * Knows:         the file's form, which of the points measured a copy should begin with.
 * Must not know: how is measured or copied.
 * Threads:       the main thread.
 * Errors:        ERR_USAGE for a file that is not a profile, with what is wrong in it.
 */
#ifndef SNAPFERRY_PROFILE_H
#define SNAPFERRY_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/bench.h"
#include "tools/snapferry/bench_show.h"
#include "tools/snapferry/options.h"

#define PROFILE_FILE_MAX_BYTES    65536u
#define PROFILE_FORMAT            "snapferry-profile-1"
#define PROFILE_REQUEST_MIN_BYTES 65536u /* a map's block; requests are a power of two */

struct profile {
    uint32_t window;        /* ranges in flight */
    uint32_t request_bytes; /* of one read or write, at most */
    bool has_compress;      /* it was a relay that was measured: */
    int compress;           /* COMPRESS_AUTO, STREAM_LEVEL_RAW or a level */
};

/* Pure. count bytes; they need not end with a NUL. */
bool profile_parse(const char *text, size_t count, struct profile *out_profile, struct err *e);
/* Reads options->profile; what was asked for by an option of its own goes before it. */
bool profile_apply(struct options *options, struct err *e);

/* Of the points of both legs together, or of a relay's better leg (auto where that is not known), that carry
 * about as much as the best: the one of the largest requests, then of the fewest connections. NULL: none has
 * a figure. */
const struct bench_result *profile_choose(const struct bench *bench);
/* Replaces the file as a whole. False, and nothing is written, without a figure of these. */
bool profile_write(const char *path, const struct bench_pair *pair, const struct bench *bench,
                   uint64_t wall_ns, struct err *e);

#endif
