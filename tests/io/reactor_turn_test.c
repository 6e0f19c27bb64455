/* reactor_turn_test.c - tasks, timers, wakeups: a turn waits neither too long nor too little. */
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "io/reactor.h"
#include "tests/support/test_reactor.h"

struct step {
    struct reactor_task task; /* first */
    struct reactor *r;
    struct step *then;
    unsigned *log;
    unsigned *log_count;
    unsigned id;
};

static void run_step(struct reactor_task *task)
{
    struct step *step = (struct step *)task;

    step->log[(*step->log_count)++] = step->id;
    if (step->then)
        reactor_post(step->r, &step->then->task, run_step);
}

TEST_BOTH(reactor_task, run_in_order_and_what_they_post_runs_in_the_next_turn)
{
    struct rig rig;
    unsigned log[3], log_count = 0;
    struct step a = {0}, b = {0}, c = {0};

    rig_open(&rig, backend);
    a = (struct step){.r = rig.r, .then = &c, .log = log, .log_count = &log_count, .id = 1};
    b = (struct step){.r = rig.r, .log = log, .log_count = &log_count, .id = 2};
    c = (struct step){.r = rig.r, .log = log, .log_count = &log_count, .id = 3};
    reactor_post(rig.r, &a.task, run_step);
    reactor_post(rig.r, &b.task, run_step);
    cr_assert_eq(log_count, 0);
    rig_turn(&rig); /* may wait for seconds, and must not */
    cr_assert_eq(log_count, 2);
    cr_assert(log[0] == 1 && log[1] == 2);
    cr_assert(reactor_busy(rig.r));
    rig_turn(&rig);
    cr_assert_eq(log_count, 3);
    cr_assert(!reactor_busy(rig.r));
    rig_close(&rig);
}

struct again {
    struct reactor_task task; /* first */
    struct reactor_op op;     /* a poll that is ready from the start */
    struct reactor *r;
    bool polled;
    unsigned runs_count;
};

static void run_again(struct reactor_task *task)
{
    struct again *again = (struct again *)task;

    again->runs_count++;
    if (!again->polled)
        reactor_post(again->r, task, run_again);
}

static void polled(struct reactor_op *op)
{
    struct again *again = (struct again *)((char *)op - offsetof(struct again, op));

    again->polled = true;
}

TEST_BOTH(reactor_task, endless_posting_does_not_starve_completions)
{
    struct rig rig;
    struct again again = {0};
    int pair[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    rig_open(&rig, backend);
    again.r = rig.r;
    reactor_poll(rig.r, &again.op, pair[0], POLLIN, polled);
    reactor_post(rig.r, &again.task, run_again);
    for (int i = 0; i < 3; i++)
        rig_turn(&rig);
    cr_assert(!again.polled);
    cr_assert_eq(write(pair[1], "x", 1), 1);
    while (!again.polled && again.runs_count < 100000)
        rig_turn(&rig);
    cr_assert(again.polled);
    rig_until_idle(&rig);
    rig_close(&rig);
    close(pair[0]);
    close(pair[1]);
}

struct answer {
    struct reactor_op op;     /* first: a poll that is ready from the start */
    struct reactor_task task; /* what it posts */
    struct reactor *r;
    char *log; /* of both answers */
    char name;
};

static void on_answer_read(struct reactor_task *task)
{
    struct answer *answer = (struct answer *)((char *)task - offsetof(struct answer, task));

    answer->log[strlen(answer->log)] = (char)(answer->name + 'a' - 'A');
}

static void on_answer(struct reactor_op *op)
{
    struct answer *answer = (struct answer *)op;

    answer->log[strlen(answer->log)] = answer->name;
    reactor_post(answer->r, &answer->task, on_answer_read);
}

/* To read an answer may take a millisecond, and the next question should not wait for all other answers. */
Test(reactor_task, what_a_completion_posts_runs_before_the_next_one_on_io_uring)
{
    struct rig rig;
    char log[5] = "";
    struct answer a = {.log = log, .name = 'A'}, b = {.log = log, .name = 'B'};
    int pair[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    cr_assert_eq(write(pair[1], "x", 1), 1);
    rig_open(&rig, REACTOR_URING);
    a.r = b.r = rig.r;
    reactor_poll(rig.r, &a.op, pair[0], POLLIN, on_answer);
    reactor_poll(rig.r, &b.op, pair[0], POLLIN, on_answer);
    rig_until_idle(&rig);
    cr_assert(!strcmp(log, "AaBb") || !strcmp(log, "BbAa"), "%s", log);
    rig_close(&rig);
    close(pair[0]);
    close(pair[1]);
}

/* ---- Other threads ---- */

#define POSTERS          4u
#define POSTS_PER_THREAD 500u

struct poster {
    pthread_t thread;
    struct reactor *r;
    struct remote {
        struct reactor_task task; /* first */
        unsigned *total;
    } tasks[POSTS_PER_THREAD];
};

static void count_remote(struct reactor_task *task)
{
    struct remote *remote = (struct remote *)task;

    ++*remote->total;
}

static void *post_all(void *argument)
{
    struct poster *poster = argument;

    for (unsigned i = 0; i < POSTS_PER_THREAD; i++) {
        if (i % 50 == 0)
            usleep(200); /* so that the reactor really goes to sleep in between */
        reactor_post_remote(poster->r, &poster->tasks[i].task, count_remote);
    }
    return NULL;
}

TEST_BOTH(reactor_task, every_remote_post_arrives_and_wakes_a_sleeping_reactor)
{
    static struct poster posters[POSTERS];
    struct rig rig;
    unsigned total = 0;
    uint64_t start_ns;

    rig_open(&rig, backend);
    start_ns = clock_now_ns(&rig.clock);
    for (unsigned i = 0; i < POSTERS; i++) {
        posters[i].r = rig.r;
        for (unsigned j = 0; j < POSTS_PER_THREAD; j++)
            posters[i].tasks[j].total = &total;
        cr_assert_eq(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
    }
    while (total < POSTERS * POSTS_PER_THREAD)
        rig_turn(&rig); /* a lost wakeup would sleep for TEST_PATIENCE_NS */
    cr_assert(clock_now_ns(&rig.clock) - start_ns < TEST_PATIENCE_NS / 2);
    for (unsigned i = 0; i < POSTERS; i++)
        pthread_join(posters[i].thread, NULL);
    rig_close(&rig);
}

/* ---- Time ---- */

struct alarm {
    struct timer timer; /* first */
    struct reactor *r;
    bool rang;
    uint64_t rang_ns;
    uint64_t again_ns; /* arms itself anew this much later, until left is 0 */
    unsigned left;
};

static void ring(struct timer *timer)
{
    struct alarm *alarm = (struct alarm *)timer;

    alarm->rang = true;
    alarm->rang_ns = reactor_now_ns(alarm->r);
    if (alarm->left > 0) {
        alarm->left--;
        reactor_arm(alarm->r, timer, timer->due_ns + alarm->again_ns, ring);
    }
}

TEST_BOTH(reactor_time, a_timer_ends_a_wait_and_is_never_early)
{
    struct rig rig;
    struct alarm alarm = {0};
    uint64_t due_ns;

    rig_open(&rig, backend);
    alarm.r = rig.r;
    due_ns = clock_now_ns(&rig.clock) + 3 * NS_PER_MS;
    reactor_arm(rig.r, &alarm.timer, due_ns, ring);
    rig_until(&rig, &alarm.rang);
    cr_assert(alarm.rang_ns >= due_ns);
    cr_assert(alarm.rang_ns < due_ns + TEST_PATIENCE_NS / 2);
    cr_assert(!reactor_busy(rig.r));
    rig_close(&rig);
}

TEST_BOTH(reactor_time, an_idle_turn_sleeps_and_burns_nothing)
{
    struct rig rig;
    struct err e = {0};
    uint64_t start_ns, cpu_ns;

    rig_open(&rig, backend);
    start_ns = clock_now_ns(&rig.clock);
    cpu_ns = clock_process_cpu_ns();
    cr_assert(reactor_turn(rig.r, 100 * NS_PER_MS, &e));
    cr_assert(clock_now_ns(&rig.clock) - start_ns >= 99 * NS_PER_MS);
    cr_assert(clock_process_cpu_ns() - cpu_ns < 30 * NS_PER_MS);
    rig_close(&rig);
}

TEST_BOTH(reactor_time, a_simulated_week_passes_at_once)
{
    struct rig rig;
    struct clock real;
    struct alarm alarm = {.again_ns = 3600 * NS_PER_S, .left = 7 * 24 - 1};
    uint64_t start_ns;

    clock_init_real(&real);
    start_ns = clock_now_ns(&real);
    rig_open_simulated(&rig, backend);
    alarm.r = rig.r;
    reactor_arm(rig.r, &alarm.timer, reactor_now_ns(rig.r) + 3600 * NS_PER_S, ring);
    while (reactor_busy(rig.r)) {
        struct err e = {0};

        cr_assert(reactor_turn(rig.r, UINT64_MAX, &e));
    }
    cr_assert_eq(alarm.rang_ns, NS_PER_S + 7 * 24 * 3600 * NS_PER_S);
    cr_assert(clock_now_ns(&real) - start_ns < 5 * NS_PER_S);
    rig_close(&rig);
}

TEST_BOTH(reactor_time, a_simulated_clock_stands_while_the_kernel_works)
{
    struct rig rig;
    struct alarm alarm = {0};
    struct again again = {0};
    int pair[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    rig_open_simulated(&rig, backend);
    alarm.r = again.r = rig.r;
    reactor_arm(rig.r, &alarm.timer, 2 * NS_PER_S, ring);
    reactor_poll(rig.r, &again.op, pair[0], POLLIN, polled);
    for (int i = 0; i < 3; i++) {
        struct err e = {0};

        cr_assert(reactor_turn(rig.r, NS_PER_MS, &e));
    }
    cr_assert(!alarm.rang && clock_now_ns(&rig.clock) == NS_PER_S);
    cr_assert_eq(write(pair[1], "x", 1), 1);
    rig_until(&rig, &again.polled);
    cr_assert(!alarm.rang);
    rig_until(&rig, &alarm.rang);
    cr_assert_eq(alarm.rang_ns, 2 * NS_PER_S);
    rig_close(&rig);
    close(pair[0]);
    close(pair[1]);
}

TEST_BOTH(reactor_time, a_simulated_wait_moves_no_further_than_it_may)
{
    struct rig rig;
    struct alarm alarm = {0};
    struct err e = {0};

    rig_open_simulated(&rig, backend);
    alarm.r = rig.r;
    reactor_arm(rig.r, &alarm.timer, 10 * NS_PER_S, ring);
    cr_assert(reactor_turn(rig.r, NS_PER_S, &e));
    cr_assert_eq(reactor_now_ns(rig.r), 2 * NS_PER_S);
    cr_assert(!alarm.rang);
    reactor_disarm(rig.r, &alarm.timer);
    cr_assert(!reactor_busy(rig.r));
    rig_close(&rig);
}

static volatile sig_atomic_t signals_count;

static void on_signal(int number)
{
    (void)number;
    signals_count = signals_count + 1;
}

TEST_BOTH(reactor_time, a_signal_ends_a_wait)
{
    struct rig rig;
    struct sigaction action = {.sa_handler = on_signal};
    struct itimerval soon = {.it_value = {.tv_usec = 20000}};
    uint64_t start_ns;

    rig_open(&rig, backend);
    cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
    start_ns = clock_now_ns(&rig.clock);
    cr_assert_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
    rig_turn(&rig);
    cr_assert_eq(signals_count, 1);
    cr_assert(clock_now_ns(&rig.clock) - start_ns < TEST_PATIENCE_NS / 2);
    rig_close(&rig);
}
