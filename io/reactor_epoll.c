/* reactor_epoll.c - the backend where io_uring is refused: epoll for polls, threads for files.
 *
 * Knows:         epoll's one registration a descriptor, which here serves any number of polls.
 * Must not know: timers, tasks, owners; what the file threads do with a call.
 * Threads:       the reactor's.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "io/file_threads.h"
#include "io/reactor_backend.h"

#define EVENTS_A_TURN   256
#define STARVED_WAIT_NS (10 * NS_PER_MS)
#define ALWAYS          (EPOLLERR | EPOLLHUP) /* reported whether asked for or not */
#define FDS_START_COUNT 64u

/* One poll. In the list of its descriptor, then in the fired list, then free. */
struct watch {
    uint64_t tag;
    uint32_t events;
    int32_t result;
    struct watch *next;
};

/* What epoll is believed to hold for a descriptor. A descriptor that was closed has left epoll by
 * itself, so the belief may be wrong and every change copes with either answer. */
struct fd_watches {
    struct watch *first;
    bool known;
};

struct poller {
    struct reactor_kernel head; /* first */
    int epoll_fd;
    struct file_threads *files;
    struct fd_watches *fds; /* indexed by descriptor */
    size_t fds_count;
    struct watch *fired_first, *fired_last;
    struct watch *free_first;
    bool starved; /* a call was put off because memory ran out, with nothing to wake us for it */
};

static struct poller *poller_of(struct reactor_kernel *k)
{
    return (struct poller *)k;
}

/* ---- Watches ---- */

static struct watch *watch_borrow(struct poller *p)
{
    struct watch *watch = p->free_first;

    if (!watch)
        return malloc(sizeof *watch);
    p->free_first = watch->next;
    return watch;
}

static void watch_release(struct poller *p, struct watch *watch)
{
    watch->next = p->free_first;
    p->free_first = watch;
}

static void fire(struct poller *p, struct watch *watch, int32_t result)
{
    watch->result = result;
    watch->next = NULL;
    if (p->fired_last)
        p->fired_last->next = watch;
    else
        p->fired_first = watch;
    p->fired_last = watch;
}

static bool fds_reach(struct poller *p, int fd)
{
    size_t count = p->fds_count ? p->fds_count : FDS_START_COUNT;
    struct fd_watches *fds;

    if ((size_t)fd < p->fds_count)
        return true;
    while (count <= (size_t)fd)
        count *= 2;
    fds = reallocarray(p->fds, count, sizeof *fds);
    if (!fds)
        return false;
    memset(fds + p->fds_count, 0, (count - p->fds_count) * sizeof *fds);
    p->fds = fds;
    p->fds_count = count;
    return true;
}

/* Tells epoll what all watches of fd want together. Returns 0 or -errno. */
static int announce(struct poller *p, int fd)
{
    struct fd_watches *of = &p->fds[fd];
    struct epoll_event event = {.events = EPOLLONESHOT, .data.fd = fd};
    int op = of->known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    for (const struct watch *w = of->first; w; w = w->next)
        event.events |= w->events;
    if (epoll_ctl(p->epoll_fd, op, fd, &event) != 0) {
        if (errno != ENOENT && errno != EEXIST)
            return -errno;
        op = op == EPOLL_CTL_MOD ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
        if (epoll_ctl(p->epoll_fd, op, fd, &event) != 0)
            return -errno;
    }
    of->known = true;
    return 0;
}

static void fire_all(struct poller *p, int fd, int error)
{
    struct fd_watches *of = &p->fds[fd];

    of->known = false;
    while (of->first) {
        struct watch *watch = of->first;

        of->first = watch->next;
        /* A regular file is always ready, which epoll says by refusing it. */
        fire(p, watch, error == -EPERM ? (int32_t)(watch->events & (EPOLLIN | EPOLLOUT)) : error);
    }
}

static bool watch_fd(struct poller *p, uint64_t tag, const struct reactor_call *call)
{
    struct watch *watch = watch_borrow(p);
    int error;

    if (!watch || !fds_reach(p, call->fd)) {
        if (watch)
            watch_release(p, watch);
        p->starved = true;
        return false;
    }
    *watch = (struct watch){.tag = tag, .events = call->events, .next = p->fds[call->fd].first};
    p->fds[call->fd].first = watch;
    error = announce(p, call->fd);
    if (error)
        fire_all(p, call->fd, error);
    return true;
}

static bool poller_submit(struct reactor_kernel *k, uint64_t tag, const struct reactor_call *call)
{
    struct poller *p = poller_of(k);

    if (call->kind == REACTOR_CALL_POLL)
        return watch_fd(p, tag, call);
    return file_threads_submit(p->files, tag, call);
}

/* What fired already is dropped by its generation. epoll is not told: what it holds is one-shot, and
 * the descriptor may be somebody else's by now. */
static void poller_forget(struct reactor_kernel *k, uint64_t tag, int fd)
{
    struct poller *p = poller_of(k);

    for (struct watch **link = &p->fds[fd].first; *link; link = &(*link)->next) {
        struct watch *watch = *link;

        if (watch->tag != tag)
            continue;
        *link = watch->next;
        watch_release(p, watch);
        return;
    }
}

/* ---- Wait, reap ---- */

static void fire_matching(struct poller *p, int fd, uint32_t events)
{
    struct fd_watches *of = &p->fds[fd];
    struct watch **link = &of->first;
    int error = 0;

    while (*link) {
        struct watch *watch = *link;
        uint32_t match = events & (watch->events | ALWAYS);

        if (!match) {
            link = &watch->next;
            continue;
        }
        *link = watch->next;
        fire(p, watch, (int32_t)match);
    }
    if (of->first)
        error = announce(p, fd);
    if (error)
        fire_all(p, fd, error);
}

/* epoll_wait counts in milliseconds and epoll_pwait2 is younger than some kernels that lack
 * io_uring, so ppoll does the waiting. */
static void sleep_until_ready(struct poller *p, uint64_t wait_ns)
{
    struct pollfd ready = {.fd = p->epoll_fd, .events = POLLIN};
    struct timespec ts = {.tv_sec = (time_t)(wait_ns / NS_PER_S),
                          .tv_nsec = (long)(wait_ns % NS_PER_S)};

    ppoll(&ready, 1, wait_ns == UINT64_MAX ? NULL : &ts, NULL); /* epoll_wait tells what is there */
}

static bool poller_wait(struct reactor_kernel *k, uint64_t wait_ns, struct err *e)
{
    struct poller *p = poller_of(k);
    struct epoll_event events[EVENTS_A_TURN];
    int count;

    if (p->starved && wait_ns > STARVED_WAIT_NS)
        wait_ns = STARVED_WAIT_NS;
    p->starved = false;
    if (wait_ns > 0 && !p->fired_first)
        sleep_until_ready(p, wait_ns);
    count = epoll_wait(p->epoll_fd, events, EVENTS_A_TURN, 0);
    if (count < 0 && errno != EINTR)
        return err_set_errno(e, errno, RETRY_NEVER, "epoll stopped working");
    for (int i = 0; i < count; i++) {
        int fd = events[i].data.fd;

        if (fd != file_threads_fd(p->files)) /* reap asks those in any case */
            fire_matching(p, fd, events[i].events);
    }
    return true;
}

static void poller_reap(struct reactor_kernel *k)
{
    struct poller *p = poller_of(k);
    struct watch *watch = p->fired_first;

    p->fired_first = p->fired_last = NULL;
    while (watch) {
        struct watch *next = watch->next;
        uint64_t tag = watch->tag;
        int32_t result = watch->result;

        watch_release(p, watch);
        reactor_complete(k->reactor, tag, result);
        watch = next;
    }
    file_threads_reap(p->files, k->reactor, reactor_complete);
}

/* ---- Life ---- */

static int poller_register_memory(struct reactor_kernel *k, void *memory, size_t length)
{
    (void)k, (void)memory, (void)length;
    return -1;
}

static void poller_unregister_memory(struct reactor_kernel *k, int registered)
{
    (void)k, (void)registered;
    assert(!"nothing is ever registered here");
}

static void free_list(struct watch *first)
{
    while (first) {
        struct watch *next = first->next;

        free(first);
        first = next;
    }
}

static void poller_free(struct reactor_kernel *k)
{
    struct poller *p = poller_of(k);

    file_threads_free(p->files);
    for (size_t fd = 0; fd < p->fds_count; fd++)
        free_list(p->fds[fd].first);
    free_list(p->fired_first);
    free_list(p->free_first);
    free(p->fds);
    if (p->epoll_fd >= 0)
        close(p->epoll_fd);
    free(p);
}

static const struct reactor_kernel_ops poller_ops = {
    .name = "epoll and threads",
    .submit = poller_submit,
    .forget = poller_forget,
    .wait = poller_wait,
    .reap = poller_reap,
    .register_memory = poller_register_memory,
    .unregister_memory = poller_unregister_memory,
    .free = poller_free,
};

static bool poller_start(struct poller *p, struct err *e)
{
    struct epoll_event event = {.events = EPOLLIN};

    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (p->epoll_fd < 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot make an epoll descriptor");
    p->files = file_threads_new(e);
    if (!p->files)
        return false;
    event.data.fd = file_threads_fd(p->files);
    if (epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, event.data.fd, &event) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "epoll does not take an eventfd");
    return true;
}

struct reactor_kernel *reactor_epoll_open(struct reactor *r, struct err *e)
{
    struct poller *p = calloc(1, sizeof *p);

    if (!p) {
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot make a reactor");
        return NULL;
    }
    p->head.ops = &poller_ops;
    p->head.reactor = r;
    p->epoll_fd = -1;
    if (poller_start(p, e))
        return &p->head;
    poller_free(&p->head);
    return NULL;
}
