/* await.h - endpoint requests for tests: submits, turns the reactor until done, hands back the request.
 *
 * Knows: the reactor's turns. Must not know: what is tested.
 */
#ifndef TESTS_SUPPORT_AWAIT_H
#define TESTS_SUPPORT_AWAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "io/endpoint.h"
#include "tests/support/test_reactor.h"

struct stat_req await_stat(struct rig *rig, struct endpoint *ep);
struct setup_req await_setup(struct rig *rig, struct endpoint *ep, enum setup_verb verb,
                             uint64_t size_bytes, const struct marker *marker);
/* out_data must be empty. */
struct list_req await_list(struct rig *rig, struct endpoint *ep, struct extent within,
                           struct extent_set *out_data);

enum await_verb { AWAIT_READ, AWAIT_WRITE, AWAIT_ZERO, AWAIT_FLUSH };
struct block_req await_block(struct rig *rig, struct endpoint *ep, enum await_verb verb,
                             struct extent range, struct buf *buf);

/* A request that nobody waits for: submit it with endpoint_*, turn until idle, look at its err. */
struct block_req await_none(struct extent range, struct buf *buf, uint32_t buf_offset);

/* Fails the test with the error's text when there is one. */
void await_good(struct err e);
/* Fails the test unless e is of this kind and its text holds words. */
void await_error(const struct err *e, enum err_kind kind, const char *words);

#endif
