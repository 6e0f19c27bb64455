/* endpoint_later.h - ends a request in a later turn, for endpoints that know the answer at once.
 *
 * Knows:         tasks of the reactor. Must not know: what the answer is.
 * Threads:       the reactor's.
 */
#ifndef IO_ENDPOINT_LATER_H
#define IO_ENDPOINT_LATER_H

#include "io/endpoint.h"
#include "io/reactor.h"

/* The notes of an endpoint; a zeroed struct is ready. Notes are kept for the next request. */
struct endpoint_later {
    struct endpoint_later_note *free_notes;
};

void endpoint_later_fini(struct endpoint_later *later); /* nothing may be posted */

/* Each posts the *_end of its request. */
void endpoint_later_stat(struct endpoint_later *later, struct endpoint *ep, struct stat_req *req);
void endpoint_later_setup(struct endpoint_later *later, struct endpoint *ep, struct setup_req *req);
void endpoint_later_list(struct endpoint_later *later, struct endpoint *ep, struct list_req *req);
void endpoint_later_block(struct endpoint_later *later, struct endpoint *ep, struct block_req *req);

#endif
