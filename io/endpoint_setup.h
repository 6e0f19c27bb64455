/* endpoint_setup.h - what a target is asked for beside its bytes: to exist, to grow, to carry a marker, to
 * be ours alone. Included by endpoint.h, which says who may ask.
 *
 * Knows:         verbs, what each needs and answers.
 * Must not know: how any endpoint does it.
 */
#ifndef IO_ENDPOINT_SETUP_H
#define IO_ENDPOINT_SETUP_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "blockmap/extent.h"
#include "blockmap/marker.h"

#define ENDPOINT_ETAG_MAX_BYTES 128u

enum setup_verb {
    SETUP_CREATE, /* absent -> present, size_bytes of zeros; fails (ERR_CONFLICT) if it exists */
    SETUP_RESIZE, /* grows to size_bytes, new bytes zero */
    SETUP_MARK,  /* replaces the marker, keeps all else; ERR_CONFLICT where another copy's stands */
    SETUP_FENCE, /* after an indefinite answer: no earlier write may land any more (protocol A.5) */
    SETUP_SNAPSHOT, /* a point in time; its name in out_snapshot */
    SETUP_LEASE,    /* for the next minute only this endpoint, or one that names lease_id too, may
                       change the target; again with the same: renews. ERR_CONFLICT: another's */
    SETUP_UNLEASE,  /* ends that; the endpoint forgets the lease whatever the host answers */
    SETUP_REMOVE, /* fences, then present -> absent, its marker with it; ERR_CONFLICT unless that is of
                       the copy that `marker` names; ERR_GONE: it was absent */
    SETUP_EXPECT, /* where ENDPOINT_WANTS_PLAN: all that will come, before the first of it */
    SETUP_AGREE   /* of a source, after the last read: is the marker's root, or delta, the one this
                       source must come to? ERR_CORRUPT: no */
};

/* What a target whose plan was announced before holds of it already, proven to be this source's. */
struct setup_held {
    uint64_t
        below_bytes; /* all of the plan's data below: it is to be read from the target, not from the
                             source, and written like all else, which then changes nothing; 0: none */
    uint64_t bytes;  /* of the plan's data */
    char copy_uuid[MARKER_UUID_MAX_BYTES]; /* that copy's, which goes on */
    char why_not[160];                     /* what is there is not used; "": nothing is there */
};

/* What a copy will write, clear and say of itself; borrowed until done. */
struct setup_expect {
    const struct extent_set *data, *clears; /* of the plan, inside disk_bytes */
    uint64_t source_bytes, base_bytes;      /* whole lengths; base 0 without one */
    uint64_t disk_bytes;                    /* footer left out */
    bool has_footer;                        /* the target's last page is one: */
    const unsigned char *footer;            /* 512 bytes; NULL without */
    const char *source, *base;              /* identities; base NULL of a full copy */
    const char *base_copy, *base_etag;      /* UUID of the copy the base must be; NULL: any */
    const char *source_etag;                /* NULL: unknown; "": it has none */
    bool source_fixed;                      /* what has its identity cannot change */
    struct setup_held *held;                /* out, zeroed before; NULL: nobody asks */
};

struct setup_req {
    enum setup_verb verb;
    uint64_t size_bytes;               /* CREATE, RESIZE */
    const struct marker *marker;       /* MARK, REMOVE, AGREE; CREATE may have one; borrowed */
    const char *expect_etag;           /* MARK: what the target must still have; NULL: any */
    const char *lease_id;              /* LEASE, UNLEASE: a UUID; borrowed until done */
    const struct setup_expect *expect; /* EXPECT */
    char out_etag[ENDPOINT_ETAG_MAX_BYTES];
    char out_snapshot[64]; /* SNAPSHOT: the service's time, verbatim */
    struct err err;
    void (*done)(struct setup_req *);
};

#endif
