/* clock.c - see clock.h. The only file that asks the kernel for the time. */
#include "io/clock.h"

#include <assert.h>
#include <string.h>
#include <time.h>

static uint64_t kernel_ns(clockid_t id)
{
    struct timespec ts;
    int failed = clock_gettime(id, &ts);

    assert(!failed); /* only a wrong id or a wrong address can fail */
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

void clock_init_real(struct clock *clock)
{
    memset(clock, 0, sizeof *clock);
}

void clock_init_simulated(struct clock *clock, uint64_t now_ns, uint64_t wall_ns)
{
    clock->simulated = true;
    clock->now_ns = now_ns;
    clock->wall_ns = wall_ns;
}

uint64_t clock_now_ns(const struct clock *clock)
{
    return clock->simulated ? clock->now_ns : kernel_ns(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ns(const struct clock *clock)
{
    return clock->simulated ? clock->wall_ns : kernel_ns(CLOCK_REALTIME);
}

void clock_advance(struct clock *clock, uint64_t by_ns)
{
    assert(clock->simulated);
    assert(by_ns <= UINT64_MAX - clock->now_ns && by_ns <= UINT64_MAX - clock->wall_ns);
    clock->now_ns += by_ns;
    clock->wall_ns += by_ns;
}

uint64_t clock_process_cpu_ns(void)
{
    return kernel_ns(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t clock_thread_cpu_ns(void)
{
    return kernel_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t clock_cpu_of_thread_ns(pthread_t thread)
{
    struct timespec ts;
    clockid_t id;

    if (pthread_getcpuclockid(thread, &id) != 0 || clock_gettime(id, &ts) != 0)
        return 0;
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}
