/* workers_test.c - work is done beside the reactor, and its news comes through the reactor. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "io/workers.h"
#include "tests/support/test_reactor.h"

#define JOBS_MAX 200u

struct count_job {
    struct work work; /* first */
    struct shared *shared;
    unsigned id;
    unsigned worker;
    pthread_t ran_in, done_in;
    bool again; /* submits itself once more from done */
};

struct shared {
    struct rig rig;
    struct workers *workers;
    pthread_mutex_t gate; /* a job that is told to waits for it */
    atomic_uint begun;
    unsigned order[JOBS_MAX]; /* of run, with one thread */
    unsigned done;
    atomic_uint busy_of[WORKERS_THREADS_MAX]; /* jobs at work under this number */
    atomic_bool number_shared;
};

static void shared_open(struct shared *shared, enum reactor_backend backend, unsigned threads)
{
    struct err e = {0};

    memset(shared, 0, sizeof *shared);
    pthread_mutex_init(&shared->gate, NULL);
    rig_open(&shared->rig, backend);
    shared->workers = workers_new(shared->rig.r, threads, &e);
    cr_assert(shared->workers, "%s", e.text);
}

static void shared_close(struct shared *shared)
{
    workers_free(shared->workers);
    rig_close(&shared->rig);
    pthread_mutex_destroy(&shared->gate);
}

static void until_done(struct shared *shared, unsigned count)
{
    while (shared->done < count)
        rig_turn(&shared->rig);
}

static void job_run(struct work *work, unsigned worker)
{
    struct count_job *job = (struct count_job *)work;
    struct shared *shared = job->shared;

    if (atomic_fetch_add(&shared->busy_of[worker], 1) != 0)
        atomic_store(&shared->number_shared, true);
    shared->order[atomic_fetch_add(&shared->begun, 1)] = job->id;
    job->worker = worker;
    job->ran_in = pthread_self();
    pthread_mutex_lock(&shared->gate);
    pthread_mutex_unlock(&shared->gate);
    atomic_fetch_sub(&shared->busy_of[worker], 1);
}

static void job_done(struct work *work)
{
    struct count_job *job = (struct count_job *)work;

    job->done_in = pthread_self();
    job->shared->done++;
    if (job->again) {
        job->again = false;
        workers_submit(job->shared->workers, work);
    }
}

static void submit(struct shared *shared, struct count_job *job, unsigned id)
{
    *job = (struct count_job){.work = {.run = job_run, .done = job_done},
                              .shared = shared,
                              .id = id,
                              .again = job->again};
    workers_submit(shared->workers, &job->work);
}

TEST_BOTH(workers, run_elsewhere_and_tell_in_the_reactor)
{
    struct shared shared;
    struct count_job job = {0};

    shared_open(&shared, backend, 2);
    submit(&shared, &job, 0);
    cr_assert_eq(shared.done, 0, "nothing completes inline");
    cr_assert(reactor_busy(shared.rig.r));
    until_done(&shared, 1);
    cr_assert(!reactor_busy(shared.rig.r));
    cr_assert(!pthread_equal(job.ran_in, pthread_self()));
    cr_assert(pthread_equal(job.done_in, pthread_self()));
    shared_close(&shared);
}

TEST_BOTH(workers, one_thread_serves_in_the_order_of_submission)
{
    struct shared shared;
    static struct count_job jobs[JOBS_MAX];

    shared_open(&shared, backend, 1);
    for (unsigned i = 0; i < JOBS_MAX; i++)
        submit(&shared, &jobs[i], i);
    until_done(&shared, JOBS_MAX);
    for (unsigned i = 0; i < JOBS_MAX; i++)
        cr_assert_eq(shared.order[i], i);
    shared_close(&shared);
}

TEST_BOTH(workers, no_two_jobs_share_a_worker_number_at_once)
{
    struct shared shared;
    static struct count_job jobs[JOBS_MAX];
    unsigned seen = 0;

    shared_open(&shared, backend, 4);
    cr_assert_eq(workers_threads(shared.workers), 4);
    for (unsigned i = 0; i < JOBS_MAX; i++)
        submit(&shared, &jobs[i], i);
    until_done(&shared, JOBS_MAX);
    for (unsigned i = 0; i < JOBS_MAX; i++) {
        cr_assert_lt(jobs[i].worker, 4);
        seen |= 1u << jobs[i].worker;
    }
    cr_assert(seen != 0 && !atomic_load(&shared.number_shared));
    shared_close(&shared);
}

TEST_BOTH(workers, say_how_much_waits)
{
    struct shared shared;
    struct count_job jobs[5] = {0};

    shared_open(&shared, backend, 2);
    pthread_mutex_lock(&shared.gate);
    for (unsigned i = 0; i < 5; i++)
        submit(&shared, &jobs[i], i);
    while (atomic_load(&shared.begun) < 2)
        sched_yield();
    cr_assert_eq(workers_waiting(shared.workers), 3, "two are at work and stuck");
    pthread_mutex_unlock(&shared.gate);
    until_done(&shared, 5);
    cr_assert_eq(workers_waiting(shared.workers), 0);
    shared_close(&shared);
}

TEST_BOTH(workers, a_done_may_submit_its_work_again)
{
    struct shared shared;
    struct count_job job = {.again = true};

    shared_open(&shared, backend, 1);
    submit(&shared, &job, 7);
    until_done(&shared, 2);
    cr_assert(shared.order[0] == 7 && shared.order[1] == 7);
    shared_close(&shared);
}

struct alarm {
    struct timer timer; /* first */
    bool rang;
};

static void ring(struct timer *timer)
{
    ((struct alarm *)timer)->rang = true;
}

TEST_BOTH(workers, simulated_time_stands_while_they_work)
{
    struct rig rig;
    struct err e = {0};
    struct shared shared = {.gate = PTHREAD_MUTEX_INITIALIZER};
    struct count_job job = {0};
    struct alarm alarm = {0};
    uint64_t begun_ns;

    rig_open_simulated(&rig, backend);
    shared.workers = workers_new(rig.r, 1, &e);
    cr_assert(shared.workers, "%s", e.text);
    begun_ns = clock_now_ns(&rig.clock);
    reactor_arm(rig.r, &alarm.timer, begun_ns + NS_PER_S, ring);
    submit(&shared, &job, 0);
    while (shared.done == 0) {
        cr_assert_eq(clock_now_ns(&rig.clock), begun_ns);
        rig_turn(&rig);
    }
    rig_until(&rig, &alarm.rang);
    cr_assert_eq(clock_now_ns(&rig.clock), begun_ns + NS_PER_S);
    workers_free(shared.workers);
    rig_close(&rig);
}

/* ---- CPU time ---- */

struct burn_job {
    struct work work; /* first */
    uint64_t burn_ns;
    bool done;
};

static void burn(struct work *work, unsigned worker)
{
    uint64_t end_ns = clock_thread_cpu_ns() + ((struct burn_job *)work)->burn_ns;

    (void)worker;
    while (clock_thread_cpu_ns() < end_ns)
        continue;
}

static void burn_done(struct work *work)
{
    ((struct burn_job *)work)->done = true;
}

TEST_BOTH(workers, count_the_cpu_of_the_work_alone)
{
    struct shared shared;
    struct burn_job job = {.work = {.run = burn, .done = burn_done}, .burn_ns = 20 * NS_PER_MS};
    uint64_t first_ns;

    shared_open(&shared, backend, 1);
    workers_submit(shared.workers, &job.work);
    rig_until(&shared.rig, &job.done);
    first_ns = job.work.cpu_ns;
    cr_assert(first_ns >= 20 * NS_PER_MS && first_ns < 40 * NS_PER_MS, "%lu",
              (unsigned long)first_ns);
    job.done = false;
    job.burn_ns = 0;
    workers_submit(shared.workers, &job.work);
    rig_until(&shared.rig, &job.done);
    cr_assert_lt(job.work.cpu_ns, 10 * NS_PER_MS, "the thread's earlier work does not count");
    shared_close(&shared);
}

/* ---- Threads ---- */

static sigset_t worker_mask;

static void note_mask(struct work *work, unsigned worker)
{
    (void)work;
    (void)worker;
    pthread_sigmask(SIG_SETMASK, NULL, &worker_mask);
}

Test(workers, take_no_signals)
{
    struct shared shared;
    struct burn_job job = {.work = {.run = note_mask, .done = burn_done}};
    sigset_t own;

    shared_open(&shared, REACTOR_AUTO, 1);
    workers_submit(shared.workers, &job.work);
    rig_until(&shared.rig, &job.done);
    cr_assert(sigismember(&worker_mask, SIGTERM) == 1 && sigismember(&worker_mask, SIGINT) == 1);
    pthread_sigmask(SIG_SETMASK, NULL, &own);
    cr_assert_eq(sigismember(&own, SIGTERM), 0, "the caller's own mask is as it was");
    shared_close(&shared);
}

Test(workers, none_asked_for_means_one_a_cpu_and_too_many_are_cut)
{
    struct shared shared;
    cpu_set_t set;

    cr_assert_eq(sched_getaffinity(0, sizeof set, &set), 0);
    shared_open(&shared, REACTOR_AUTO, 0);
    cr_assert_eq(workers_threads(shared.workers), CPU_COUNT(&set) < (int)WORKERS_THREADS_MAX
                                                      ? (unsigned)CPU_COUNT(&set)
                                                      : WORKERS_THREADS_MAX);
    shared_close(&shared);
    shared_open(&shared, REACTOR_AUTO, WORKERS_THREADS_MAX + 1000);
    cr_assert_eq(workers_threads(shared.workers), WORKERS_THREADS_MAX);
    shared_close(&shared);
    workers_free(NULL);
}

Test(workers, freed_with_work_left_is_an_assertion, .signal = SIGABRT)
{
    struct shared shared;
    struct count_job job = {0};

    shared_open(&shared, REACTOR_AUTO, 1);
    submit(&shared, &job, 0);
    workers_free(shared.workers);
}
