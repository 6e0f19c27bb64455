/* call_timer_test.c - tickets come due in their order, each once, and none is lost at the end. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "tools/regiond/call_timer.h"
#include "tools/regiond/region_clock.h"

#define TICKET_COUNT 64u

struct probe {
    struct call_ticket ticket; /* first */
    atomic_uint *order;
    unsigned came; /* 1: the first */
    uint64_t at_ns;
};

static void note(struct call_ticket *ticket)
{
    struct probe *p = (struct probe *)ticket;

    p->at_ns = region_clock_monotonic_ns();
    p->came = atomic_fetch_add(p->order, 1) + 1;
}

static void wait_for(atomic_uint *order, unsigned count)
{
    for (int i = 0; i < 5000 && atomic_load(order) < count; i++)
        usleep(1000);
    cr_assert_eq(atomic_load(order), count);
}

Test(call_timer, calls_the_earliest_first_and_none_before_its_time)
{
    struct call_timer *timer = call_timer_start();
    struct probe probes[3];
    atomic_uint order = 0;
    uint64_t now = region_clock_monotonic_ns();
    const uint64_t after_ms[3] = {30, 10, 20};

    for (unsigned i = 0; i < 3; i++) {
        probes[i] = (struct probe){.ticket.due = note, .order = &order};
        call_timer_at(timer, &probes[i].ticket, now + after_ms[i] * 1000000);
    }
    wait_for(&order, 3);
    cr_assert_eq(probes[1].came, 1);
    cr_assert_eq(probes[2].came, 2);
    cr_assert_eq(probes[0].came, 3);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_geq(probes[i].at_ns, now + after_ms[i] * 1000000);
    call_timer_drain(timer);
    call_timer_free(timer);
}

Test(call_timer, runs_work_of_many_on_its_workers)
{
    struct call_timer *timer = call_timer_start();
    struct probe probes[TICKET_COUNT];
    atomic_uint order = 0;

    for (unsigned i = 0; i < TICKET_COUNT; i++) {
        probes[i] = (struct probe){.ticket.due = note, .order = &order};
        call_timer_work(timer, &probes[i].ticket);
    }
    wait_for(&order, TICKET_COUNT);
    call_timer_drain(timer);
    call_timer_free(timer);
}

Test(call_timer, makes_everything_due_when_it_is_drained)
{
    struct call_timer *timer = call_timer_start();
    struct probe probes[4];
    atomic_uint order = 0;
    uint64_t far = region_clock_monotonic_ns() + UINT64_C(3600000000000);

    for (unsigned i = 0; i < 4; i++)
        probes[i] = (struct probe){.ticket.due = note, .order = &order};
    call_timer_at(timer, &probes[0].ticket, far);
    call_timer_work(timer, &probes[1].ticket);
    call_timer_drain(timer);
    cr_assert_eq(atomic_load(&order), 2);
    call_timer_at(timer, &probes[2].ticket, far);
    call_timer_work(timer, &probes[3].ticket);
    cr_assert_eq(atomic_load(&order), 4);
    call_timer_free(timer);
}
