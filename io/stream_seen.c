/* stream_seen.c - see stream_seen.h. Sets of eight places; an id chooses its set, the newest comes first. */
#include "io/stream_seen.h"

#include <stdlib.h>
#include <string.h>

#define WAYS 8u
#define SETS (STREAM_SEEN_BLOCKS / WAYS)
_Static_assert((SETS & (SETS - 1)) == 0, "a set is chosen by some bits of the id");

struct seen_place {
    struct block_id id;
    uint64_t offset_after; /* offset + 1; 0: empty */
};

struct stream_seen {
    struct seen_place *places; /* calloc'd: what was never touched costs nothing */
};

struct stream_seen *stream_seen_new(struct err *e)
{
    struct stream_seen *seen = calloc(1, sizeof *seen);

    if (seen)
        seen->places = calloc(STREAM_SEEN_BLOCKS, sizeof *seen->places);
    if (!seen || !seen->places) {
        free(seen);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to find blocks that come twice");
        return NULL;
    }
    return seen;
}

void stream_seen_free(struct stream_seen *seen)
{
    if (!seen)
        return;
    free(seen->places);
    free(seen);
}

static struct seen_place *set_of(const struct stream_seen *seen, const struct block_id *id)
{
    uint32_t bits;

    memcpy(&bits, id->bytes, sizeof bits);
    return seen->places + (size_t)(bits & (SETS - 1)) * WAYS;
}

bool stream_seen_find(const struct stream_seen *seen, const struct block_id *id,
                      uint64_t *out_offset)
{
    const struct seen_place *set = set_of(seen, id);

    for (unsigned i = 0; i < WAYS && set[i].offset_after; i++) {
        if (block_id_equal(&set[i].id, id)) {
            *out_offset = set[i].offset_after - 1;
            return true;
        }
    }
    return false;
}

void stream_seen_note(struct stream_seen *seen, const struct block_id *id, uint64_t offset)
{
    struct seen_place *set = set_of(seen, id);

    memmove(set + 1, set, (WAYS - 1) * sizeof *set);
    set[0] = (struct seen_place){*id, offset + 1};
}
