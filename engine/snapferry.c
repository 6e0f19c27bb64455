/* snapferry.c - see snapferry.h. Commands from other threads wait in a list under a mutex; a task posted to
 * the reactor takes them from there.
 */
#include "engine/snapferry.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/control.h"
#include "engine/embedded.h"
#include "engine/run.h"
#include "io/clock.h"
#include "io/reactor.h"
#include "io/secret.h"

#define SNAPFERRY_WAITING_MAX 4096u
#define WAIT_MAX_S            (100ull * 366 * 86400)

/* One command that waits; it may hold a URL. */
struct waiting {
    struct waiting *next;
    size_t bytes;
    char line[];
};

enum phase { PHASE_NEW, PHASE_RUNNING, PHASE_ENDED };

struct snapferry {
    /* set once */
    struct snapferry_options options; /* its texts are the two below */
    char *state_folder, *ca_file;
    char *job; /* secret; wiped when it has been read */
    size_t job_bytes;
    pthread_mutex_t mutex;
    /* changes, the running thread only */
    struct embedded *embedded;
    bool stopped; /* the run was told */
    /* shared, guarded by mutex */
    enum phase phase;
    struct reactor *reactor; /* NULL: nobody to wake */
    struct reactor_task task;
    bool task_posted;
    bool stop_wanted;
    struct waiting *first, **last;
    unsigned waiting_count;
};

/* ---- Life ---- */

static bool copy_text(const char *text, char **out_copy)
{
    *out_copy = text ? strdup(text) : NULL;
    return !text || *out_copy;
}

static void wipe(char *memory, size_t bytes)
{
    if (memory)
        explicit_bzero(memory, bytes);
    free(memory);
}

struct snapferry *snapferry_new(const struct snapferry_options *options, const char *job,
                                size_t job_bytes)
{
    struct snapferry *handle;

    /* A larger struct than ours is of a caller that may want what we cannot do. */
    if (!options || options->size < sizeof options->size || options->size > sizeof *options || !job)
        return NULL;
    handle = calloc(1, sizeof *handle);
    if (!handle)
        return NULL;
    memcpy(&handle->options, options, options->size);
    handle->last = &handle->first;
    pthread_mutex_init(&handle->mutex, NULL);
    handle->job = malloc(job_bytes + 1);
    if (!handle->options.event || !handle->job ||
        !copy_text(handle->options.state_folder, &handle->state_folder) ||
        !copy_text(handle->options.ca_file, &handle->ca_file)) {
        snapferry_free(handle);
        return NULL;
    }
    memcpy(handle->job, job, job_bytes);
    handle->job_bytes = job_bytes;
    return handle;
}

static struct waiting *take_waiting(struct snapferry *handle)
{
    struct waiting *taken = handle->first;

    handle->first = NULL;
    handle->last = &handle->first;
    handle->waiting_count = 0;
    return taken;
}

static void free_waiting(struct waiting *waiting)
{
    while (waiting) {
        struct waiting *next = waiting->next;

        wipe((char *)waiting, sizeof *waiting + waiting->bytes);
        waiting = next;
    }
}

void snapferry_free(struct snapferry *handle)
{
    if (!handle)
        return;
    free_waiting(take_waiting(handle));
    wipe(handle->job, handle->job_bytes);
    free(handle->state_folder);
    free(handle->ca_file);
    pthread_mutex_destroy(&handle->mutex);
    free(handle);
}

/* ---- From any thread ---- */

static void take_all(struct reactor_task *task);

/* With the mutex held, which keeps the reactor alive. */
static void wake(struct snapferry *handle)
{
    if (!handle->reactor || handle->task_posted)
        return;
    handle->task_posted = true;
    reactor_post_remote(handle->reactor, &handle->task, take_all);
}

int snapferry_command(struct snapferry *handle, const char *line, size_t bytes)
{
    size_t kept = bytes > CONTROL_LINE_MAX_BYTES ? CONTROL_LINE_MAX_BYTES + 1 : bytes;
    struct waiting *waiting = malloc(sizeof *waiting + kept + 1);
    bool taken;

    if (!waiting)
        return 0;
    waiting->next = NULL;
    waiting->bytes = kept;
    memcpy(waiting->line, line, kept);
    pthread_mutex_lock(&handle->mutex);
    taken = handle->phase != PHASE_ENDED && handle->waiting_count < SNAPFERRY_WAITING_MAX;
    if (taken) {
        *handle->last = waiting;
        handle->last = &waiting->next;
        handle->waiting_count++;
        wake(handle);
    }
    pthread_mutex_unlock(&handle->mutex);
    if (!taken)
        free_waiting(waiting);
    return taken;
}

void snapferry_stop(struct snapferry *handle)
{
    pthread_mutex_lock(&handle->mutex);
    handle->stop_wanted = true;
    wake(handle);
    pthread_mutex_unlock(&handle->mutex);
}

/* ---- In the running thread ---- */

static void take_all(struct reactor_task *task)
{
    struct snapferry *handle =
        (struct snapferry *)((char *)task - offsetof(struct snapferry, task));
    struct run *run = embedded_run(handle->embedded);
    struct waiting *waiting;
    bool stop;

    pthread_mutex_lock(&handle->mutex);
    handle->task_posted = false;
    waiting = take_waiting(handle);
    stop = handle->stop_wanted && !handle->stopped;
    pthread_mutex_unlock(&handle->mutex);
    for (struct waiting *at = waiting; at && !run_ended(run); at = at->next)
        run_command(run, at->line, at->bytes, NULL);
    free_waiting(waiting);
    if (stop && !run_ended(run)) {
        handle->stopped = true;
        run_stop(run);
    }
}

static void open_ears(struct snapferry *handle)
{
    pthread_mutex_lock(&handle->mutex);
    handle->reactor = embedded_reactor(handle->embedded);
    if (handle->first || handle->stop_wanted)
        wake(handle);
    pthread_mutex_unlock(&handle->mutex);
}

static void close_ears(struct snapferry *handle)
{
    pthread_mutex_lock(&handle->mutex);
    handle->phase = PHASE_ENDED;
    handle->reactor = NULL;
    pthread_mutex_unlock(&handle->mutex);
}

static int work(struct snapferry *handle)
{
    struct run *run = embedded_run(handle->embedded);
    int exit;

    embedded_start(handle->embedded);
    open_ears(handle);
    while (!run_ended(run))
        if (!embedded_turn(handle->embedded)) {
            close_ears(handle);
            return SNAPFERRY_FAILED;
        }
    close_ears(handle);
    exit = run_exit(run);
    while (handle->task_posted) /* by now nobody posts it again */
        if (!embedded_turn(handle->embedded))
            return SNAPFERRY_FAILED;
    embedded_close(handle->embedded);
    return exit;
}

static bool begin(struct snapferry *handle)
{
    bool first;

    pthread_mutex_lock(&handle->mutex);
    first = handle->phase == PHASE_NEW;
    if (first)
        handle->phase = PHASE_RUNNING;
    pthread_mutex_unlock(&handle->mutex);
    return first;
}

static int open_and_work(struct snapferry *handle)
{
    uint64_t asked_s = handle->options.renew_wait_seconds;
    uint64_t wait_s = asked_s < WAIT_MAX_S ? asked_s : WAIT_MAX_S;
    struct embedded_setup setup = {.state_folder = handle->state_folder,
                                   .ca_file = handle->ca_file,
                                   .allow_http = handle->options.allow_http,
                                   .restart = handle->options.restart,
                                   .threads = handle->options.threads,
                                   .renew_wait_ns = wait_s * NS_PER_S,
                                   .line = handle->options.event,
                                   .arg = handle->options.user};
    int exit;

    handle->embedded = embedded_open(&setup, handle->job, handle->job_bytes, &exit);
    wipe(handle->job, handle->job_bytes);
    handle->job = NULL;
    if (handle->embedded)
        return work(handle);
    close_ears(handle);
    return exit;
}

int snapferry_run(struct snapferry *handle)
{
    const struct timespec at_once = {0};
    sigset_t ours, before, pending;
    int exit;

    if (!begin(handle))
        return SNAPFERRY_INVALID;
    sigemptyset(&ours);
    sigaddset(&ours, SIGPIPE);
    sigaddset(&ours, SIGXFSZ);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &ours, &before);
    exit = open_and_work(handle);
    /* What we caused ourselves must not come when the mask is lifted. */
    for (int number = 1; number > 0;) {
        sigset_t caused = ours;

        if (sigismember(&pending, SIGPIPE))
            sigdelset(&caused, SIGPIPE);
        if (sigismember(&pending, SIGXFSZ))
            sigdelset(&caused, SIGXFSZ);
        number = sigtimedwait(&caused, NULL, &at_once);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return exit;
}

/* ---- Look ---- */

const char *snapferry_version(void)
{
    return SNAPFERRY_VERSION;
}

int snapferry_api_level(void)
{
    return SNAPFERRY_API_LEVEL;
}
