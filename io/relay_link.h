/* relay_link.h - how fast a link takes bytes while it is never idle, for compress_level.h.
 *
 * Knows:         when sendings begin and end, in the time it is told.
 * Must not know: what is sent, levels.
 * Threads:       none; one owner.
 *
 * Only a time in which at least RELAY_LINK_BUSY sendings were always under way is told: with fewer it may
 * have been the sender that was slow. Nor is a time told in which work mostly waited for a CPU: what was
 * sent then is what the CPUs gave, however many sendings a long link held meanwhile.
 */
#ifndef IO_RELAY_LINK_H
#define IO_RELAY_LINK_H

#include <stdbool.h>
#include <stdint.h>

#define RELAY_LINK_BUSY    2u
#define RELAY_LINK_TELL_NS 100000000ull /* no shorter time is told */

struct relay_link { /* a zeroed struct is ready */
    uint32_t sending;
    uint64_t busy_since_ns; /* 0: not busy */
    uint64_t taken_bytes;   /* since */
    uint32_t looks, waits;  /* since: how often was it looked, and how often did work wait */
};

void relay_link_begin(struct relay_link *link);
/* Now and then, as when a record was packed: does work wait for a CPU? */
void relay_link_look(struct relay_link *link, bool waits);
/* bytes 0: it failed, and nothing is known. True: *out_bytes were taken in *out_ns. */
bool relay_link_end(struct relay_link *link, uint64_t bytes, uint64_t now_ns, uint64_t *out_bytes,
                    uint64_t *out_ns);

#endif
