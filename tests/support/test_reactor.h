/* test_reactor.h - a reactor with its clock for one test, on the backend the test is run for.
 *
 * Knows: how tests turn a reactor. Must not know: what is tested.
 */
#ifndef TESTS_SUPPORT_TEST_REACTOR_H
#define TESTS_SUPPORT_TEST_REACTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "io/clock.h"
#include "io/reactor.h"

#define TEST_PATIENCE_NS (20 * NS_PER_S) /* nothing in a test waits longer */

struct rig {
    struct clock clock;
    struct reactor *r;
};

void rig_open(struct rig *rig, enum reactor_backend backend);
void rig_open_simulated(struct rig *rig, enum reactor_backend backend);
void rig_close(struct rig *rig);

void rig_turn(struct rig *rig); /* one turn that may wait */
void rig_peek(struct rig *rig); /* one turn that may not */
void rig_until(struct rig *rig, const bool *flag);
void rig_until_idle(struct rig *rig); /* until nothing is left to do */

/* An open, unlinked temp file of size_bytes (all hole). */
int test_temp_file(size_t size_bytes);
/* The path of NAME in this test's temp folder; a buffer of its own for the caller. */
#define TEST_PATH_MAX_BYTES 512u
void test_temp_path(char out_path[TEST_PATH_MAX_BYTES], const char *name);

/* Declares one test body and runs it over both backends. The body has `enum reactor_backend backend`. */
#define TEST_BOTH(suite, name)                                                                     \
    static void suite##_##name(enum reactor_backend backend);                                      \
    Test(suite, name##_on_io_uring)                                                                \
    {                                                                                              \
        suite##_##name(REACTOR_URING);                                                             \
    }                                                                                              \
    Test(suite, name##_on_epoll)                                                                   \
    {                                                                                              \
        suite##_##name(REACTOR_EPOLL);                                                             \
    }                                                                                              \
    static void suite##_##name(enum reactor_backend backend)

#endif
