/* process_usage_test.c - what the kernel says of this process. */
#include "io/process_usage.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/clock.h"

Test(process_usage, counts_descriptors_and_memory)
{
    enum { MORE = 10, BYTES = 64 << 20 };
    struct process_usage before, after;
    char *memory;

    process_usage_look(&before);
    for (int i = 0; i < MORE; i++)
        cr_assert_geq(open("/dev/null", O_RDONLY), 0);
    memory = malloc(BYTES);
    cr_assert(memory);
    memset(memory, 1, BYTES);
    process_usage_look(&after);
    cr_assert_eq(after.fds_count, before.fds_count + MORE);
    cr_assert_geq(after.resident_bytes, before.resident_bytes + BYTES / 2);
    cr_assert_geq(after.virtual_bytes, after.resident_bytes);
    cr_assert_gt(after.cpu_ns, before.cpu_ns);
    cr_assert_geq(after.fds_max, after.fds_count);
    free(memory);
}

Test(process_usage, began_a_moment_ago)
{
    struct clock clock;
    uint64_t now_ns, started_ns;

    clock_init_real(&clock);
    now_ns = clock_wall_ns(&clock);
    started_ns = process_usage_started_ns(now_ns);
    cr_assert_leq(started_ns, now_ns);
    cr_assert_gt(started_ns + 600 * NS_PER_S, now_ns, "more than ten minutes ago");
}
