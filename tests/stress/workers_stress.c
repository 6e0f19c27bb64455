/* workers_stress.c - jobs that go between workers and the reactor, over and over, under ThreadSanitizer.
 *
 * A plain main, because Criterion does not start under ThreadSanitizer. Each job owns plain memory that
 * the worker and the reactor write by turns: the queue alone must order them. Each worker number owns
 * plain memory too, as a compression context would be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/workers.h"

#define JOBS    64u
#define ROUNDS  100u
#define THREADS 4u
#define WORDS   64u

struct round_job {
    struct work work; /* first */
    struct storm *storm;
    unsigned words[WORDS]; /* plain: the worker's, then the reactor's, and so on */
    unsigned rounds;
};

struct storm {
    struct workers *workers;
    unsigned context[THREADS][WORDS]; /* plain: of whoever runs under that number */
    unsigned finished;
    unsigned wrong;
    struct round_job jobs[JOBS];
};

static void run(struct work *work, unsigned worker)
{
    struct round_job *job = (struct round_job *)work;

    for (unsigned i = 0; i < WORDS; i++) {
        job->words[i]++;
        job->storm->context[worker][i]++;
    }
}

static void done(struct work *work)
{
    struct round_job *job = (struct round_job *)work;

    job->rounds++;
    for (unsigned i = 0; i < WORDS; i++)
        job->storm->wrong += job->words[i] != 2 * job->rounds - 1;
    for (unsigned i = 0; i < WORDS; i++)
        job->words[i]++;
    if (job->rounds < ROUNDS)
        workers_submit(job->storm->workers, work);
    else
        job->storm->finished++;
}

static bool storm_run(enum reactor_backend backend, struct storm *storm, struct err *e)
{
    struct clock clock;
    struct reactor *r;
    bool good = true;
    unsigned total = 0;

    memset(storm, 0, sizeof *storm);
    clock_init_real(&clock);
    r = reactor_new(backend, &clock, e);
    if (!r)
        return false;
    storm->workers = workers_new(r, THREADS, e);
    if (!storm->workers) {
        reactor_free(r);
        return false;
    }
    for (unsigned i = 0; i < JOBS; i++) {
        storm->jobs[i] = (struct round_job){.work = {.run = run, .done = done}, .storm = storm};
        workers_submit(storm->workers, &storm->jobs[i].work);
    }
    while (good && storm->finished < JOBS) {
        good = reactor_turn(r, 30 * NS_PER_S, e);
        (void)workers_waiting(storm->workers);
    }
    workers_free(storm->workers);
    reactor_free(r);
    for (unsigned i = 0; i < THREADS; i++)
        total += storm->context[i][0];
    return good && storm->wrong == 0 && total == JOBS * ROUNDS;
}

int main(void)
{
    struct storm *storm = calloc(1, sizeof *storm);
    struct err e = {0};
    bool good = storm && storm_run(REACTOR_EPOLL, storm, &e) && storm_run(REACTOR_AUTO, storm, &e);

    if (!good)
        fprintf(stderr, "workers_stress: %s\n", err_is_set(&e) ? e.text : "work was lost or mixed");
    free(storm);
    return good ? 0 : 1;
}
