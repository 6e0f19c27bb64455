/* relay_link.c - see relay_link.h. */
#include "io/relay_link.h"

#include <assert.h>

void relay_link_begin(struct relay_link *link)
{
    link->sending++;
}

void relay_link_look(struct relay_link *link, bool waits)
{
    link->looks++;
    link->waits += waits;
}

static void begin_anew(struct relay_link *link, uint64_t now_ns)
{
    link->busy_since_ns = now_ns;
    link->taken_bytes = 0;
    link->looks = link->waits = 0;
}

bool relay_link_end(struct relay_link *link, uint64_t bytes, uint64_t now_ns, uint64_t *out_bytes,
                    uint64_t *out_ns)
{
    bool told = false, ours;

    assert(link->sending > 0);
    ours = 2 * link->waits > link->looks;
    link->sending--;
    if (link->busy_since_ns)
        link->taken_bytes += bytes;
    if (bytes && link->busy_since_ns && now_ns - link->busy_since_ns >= RELAY_LINK_TELL_NS) {
        *out_bytes = link->taken_bytes;
        *out_ns = now_ns - link->busy_since_ns;
        begin_anew(link, now_ns);
        told = !ours;
    }
    if (!bytes || link->sending < RELAY_LINK_BUSY) {
        link->busy_since_ns = 0;
    } else if (!link->busy_since_ns) {
        begin_anew(link, now_ns);
    }
    return told;
}
