/* copy_target_test.c - what a copy does with a target that is there already, when its caller said how new
 * or how large it may be. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/copy_case.h"

#define MIB COPY_CASE_MIB

static struct copy_case c;

static void begin(void)
{
    copy_case_open(&c);
    c.source = copy_case_random_disk(&c, 2 * MIB, 4);
}

static void end(void)
{
    copy_case_close(&c);
}

TestSuite(copy_target, .init = begin, .fini = end);

static void expect_left_alone(const char *words)
{
    uint64_t bytes = c.target->size_bytes;
    unsigned char *before = copy_case_image(c.target);
    struct marker marker = *endpoint_mem_marker(c.target);

    copy_case_run(&c);
    cr_assert_eq(c.err.kind, ERR_CONFLICT, "%s", c.err.text);
    cr_assert_eq(c.err.retry, RETRY_NEVER);
    cr_assert(strstr(c.err.text, words), "%s", c.err.text);
    cr_assert(copy_case_is_same(c.target, before, bytes));
    cr_assert_eq(memcmp(&marker, endpoint_mem_marker(c.target), sizeof marker), 0);
    cr_assert_eq(endpoint_mem_traffic(c.target)->setups_count, 0u);
    free(before);
}

static struct marker marker_of(const char *source, enum marker_state state)
{
    struct marker marker = {.state = state, .size_bytes = 2 * MIB};

    snprintf(marker.source, sizeof marker.source, "%s", source);
    snprintf(marker.copy_uuid, sizeof marker.copy_uuid, "00000000-0000-4000-8000-000000000001");
    return marker;
}

Test(copy_target, one_that_must_be_new_is_made)
{
    c.target = copy_case_disk(&c, 0);
    c.options.target_new = true;
    copy_case_run_ok(&c);
    copy_case_expect_same(c.source, c.target, 2 * MIB);
}

Test(copy_target, one_that_must_be_new_and_is_somebodys_is_left_alone)
{
    struct marker other = marker_of("another disk", MARKER_COMPLETE);

    c.target = copy_case_random_disk(&c, 2 * MIB, 5);
    c.options.target_new = true;
    c.options.source_id = "this disk";
    expect_left_alone("exists already");
    endpoint_mem_poke_marker(c.target, &other);
    expect_left_alone("exists already");
    other.state = MARKER_COPYING;
    endpoint_mem_poke_marker(c.target, &other);
    expect_left_alone("exists already");
}

Test(copy_target, one_that_a_copy_of_this_source_began_counts_as_new)
{
    struct marker own = marker_of("this disk", MARKER_COPYING);

    c.target = copy_case_random_disk(&c, 2 * MIB, 5);
    c.options.target_new = true;
    c.options.source_id = "this disk";
    endpoint_mem_poke_marker(c.target, &own);
    copy_case_run_ok(&c);
    copy_case_expect_same(c.source, c.target, 2 * MIB);
}

/* A block device is there before any copy. */
Test(copy_target, what_cannot_be_made_need_not_be_new)
{
    c.target = copy_case_random_disk(&c, 2 * MIB, 5);
    c.target->capabilities &= ~(unsigned)(ENDPOINT_CAN_CREATE | ENDPOINT_CAN_RESIZE);
    c.options.target_new = true;
    copy_case_run_ok(&c);
    copy_case_expect_same(c.source, c.target, 2 * MIB);
}

Test(copy_target, a_device_may_be_larger_on_request_and_its_end_stays)
{
    unsigned char *before;

    c.target = copy_case_random_disk(&c, 3 * MIB, 5);
    before = copy_case_image(c.target);
    c.target->capabilities &= ~(unsigned)(ENDPOINT_CAN_CREATE | ENDPOINT_CAN_RESIZE);
    copy_case_run(&c);
    cr_assert(strstr(c.err.text, "never shrunk"), "%s", c.err.text);
    c.options.target_larger = true;
    copy_case_run_ok(&c);
    copy_case_expect_same(c.source, c.target, 2 * MIB);
    cr_assert_eq(memcmp(endpoint_mem_bytes(c.target) + 2 * MIB, before + 2 * MIB, MIB), 0);
    free(before);
}

Test(copy_target, what_can_be_resized_may_not_be_larger)
{
    c.target = copy_case_random_disk(&c, 3 * MIB, 5);
    c.options.target_larger = true;
    copy_case_run(&c);
    cr_assert(strstr(c.err.text, "never shrunk"), "%s", c.err.text);
}
