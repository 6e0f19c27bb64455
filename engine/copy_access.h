/* copy_access.h - how a copy lives with URLs that end: which URL its request was sent with, and its wait.
 *
 * Knows:         the three sides of a copy, the request under way.
 * Must not know: where new URLs come from. Included by the parts
 *                of a copy, and by what is made of copies.
 */
#ifndef ENGINE_COPY_ACCESS_H
#define ENGINE_COPY_ACCESS_H

#include "engine/access.h"
#include "io/endpoint.h"

struct copy;

enum copy_asks { COPY_ASKS_STAT, COPY_ASKS_SETUP, COPY_ASKS_LIST, COPY_ASKS_DIFF, COPY_ASKS_BLOCK };

struct copy_asking {
    /* of the request under way; access NULL: its side's URL is what it is */
    enum copy_asks what;
    struct access *access, *base;
    uint64_t generation, base_generation;
    /* of a refusal */
    struct access_waiter waiter;
    struct stat_req probe; /* whose URL was refused, the source's or the base's? */
    struct err refusal;
    char *since; /* the base's URL that the list under way was given; secret */
};

/* A request is about to be submitted to ep. DIFF: it names the base, too. */
void copy_access_asks(struct copy *copy, const struct endpoint *ep, enum copy_asks what);
/* What endpoint_list is to be told of the base: its newest URL. A view until the next call. */
const char *copy_access_since(struct copy *copy);
/* The step's request succeeded: its URL is good, and what it told of the disk is remembered. */
void copy_access_passed(struct copy *copy);
/* The step's request failed. True: only for its URL; the step begins again by itself. */
bool copy_access_refused(struct copy *copy, const struct err *error);
/* The copy is to stop. True: it waited, and does so no more. */
bool copy_access_stop(struct copy *copy);
bool copy_access_waits(const struct copy *copy); /* itself, its mover, or its proof */
void copy_access_fini(struct copy *copy);

#endif
