/* copy_stream.h - the steps of a copy where an end is a delta stream, made or applied.
 *
 * Knows:         names, as copy_steps.h. Included by the parts of a copy alone (copy_internal.h).
 * Must not know: what a stream is made of.
 */
#ifndef ENGINE_COPY_STREAM_H
#define ENGINE_COPY_STREAM_H

#include <stdbool.h>

struct copy;

bool copy_want_expect(const struct copy *copy);
bool copy_start_expect(struct copy *copy);
bool copy_after_expect(struct copy *copy);
bool copy_want_agree(const struct copy *copy);
bool copy_start_agree(struct copy *copy);

/* A base was given and a full copy would be made. True: not of a stream; the copy fails, with why_full. */
bool copy_refuse_full(struct copy *copy);

#endif
