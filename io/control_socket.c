/* control_socket.c - see control_socket.h. */
#include "io/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG_COUNT    64
#define RETRY_NS         (1ull * NS_PER_S) /* when there was no descriptor for a peer */
#define LISTEN_WAIT_NS   (50 * NS_PER_MS)
#define LISTEN_WAITS_MAX 4
#define ACCEPTS_MAX      16 /* in one turn */

struct control_socket {
    /* set once */
    struct reactor *reactor;
    int fd;
    struct sockaddr_un address;
    dev_t device; /* of what we made at the path */
    ino_t inode;
    bool made;
    void (*joined)(void *arg, int fd);
    void *arg;
    /* changes */
    struct reactor_op op;
    struct timer timer;
};

/* ---- A path ---- */

static bool address_of(const char *path, struct sockaddr_un *out_address, struct err *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (!*path)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "the path of a control socket must not be empty");
    if (strlen(path) >= sizeof address.sun_path)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "the path of the control socket has %zu bytes, and the kernel takes at most "
                       "%zu: choose a shorter one",
                       strlen(path), sizeof address.sun_path - 1);
    strcpy(address.sun_path, path);
    *out_address = address;
    return true;
}

static int connect_to(const struct sockaddr_un *address, int flags)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    int why;

    if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0)
        return fd;
    why = errno;
    if (fd >= 0)
        close(fd);
    errno = why;
    return -1;
}

int control_socket_connect(const char *path, struct err *e)
{
    struct sockaddr_un address;
    int fd;

    if (!address_of(path, &address, e))
        return -1;
    fd = connect_to(&address, 0);
    if (fd >= 0)
        return fd;
    if (errno == ECONNREFUSED || errno == ENOENT || errno == ENOTDIR || errno == ENOTSOCK)
        err_set(e, ERR_GONE, RETRY_NEVER, "nobody answers at %s: %s", path,
                errno == ECONNREFUSED ? "whoever listened there has ended" : strerror(errno));
    else if (errno == EACCES || errno == EPERM)
        err_set(e, ERR_AUTH, RETRY_NEVER,
                "%s may be used by the user who started that run alone, and by root", path);
    else
        err_set_errno(e, errno, RETRY_NEVER, "cannot reach %s", path);
    return -1;
}

/* ---- Making it ---- */

static bool is_same(const struct stat *one, const struct stat *other)
{
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino &&
           one->st_mtim.tv_sec == other->st_mtim.tv_sec &&
           one->st_mtim.tv_nsec == other->st_mtim.tv_nsec; /* inodes are used again */
}

/* Another that begins at the same time may have replaced it since it was looked at: so it is moved away
 * first, which only one of two can do, and looked at again. */
static bool remove_left(const char *path, const struct stat *left, struct err *e)
{
    char aside[sizeof((struct sockaddr_un *)0)->sun_path + 32];
    struct stat st;

    snprintf(aside, sizeof aside, "%s.left-%ld", path, (long)getpid());
    if (renameat2(AT_FDCWD, path, AT_FDCWD, aside, RENAME_NOREPLACE) != 0)
        return errno == ENOENT || /* the other was faster; bind finds out if it is still at it */
               err_set_errno(e, errno, RETRY_NEVER, "cannot replace %.107s", path);
    if (lstat(aside, &st) == 0 && is_same(&st, left))
        return unlink(aside) == 0 ||
               err_set_errno(e, errno, RETRY_NEVER, "cannot remove %.140s", aside);
    (void)renameat2(AT_FDCWD, aside, AT_FDCWD, path, RENAME_NOREPLACE);
    return err_set(e, ERR_USAGE, RETRY_NEVER,
                   "another process listens at %.107s: choose another path", path);
}

/* Does nobody listen there? One that was made this moment may not do so yet. A descriptor, or -1 and
 * errno. */
static int connect_patiently(const struct sockaddr_un *address)
{
    const struct timespec pause = {.tv_nsec = LISTEN_WAIT_NS};
    int fd = connect_to(address, SOCK_NONBLOCK);

    for (int i = 0; i < LISTEN_WAITS_MAX && fd < 0 && errno == ECONNREFUSED; i++) {
        nanosleep(&pause, NULL);
        fd = connect_to(address, SOCK_NONBLOCK);
    }
    return fd;
}

/* What stands at the path goes away if it is a socket of ours whose process has ended. */
static bool make_way(const struct sockaddr_un *address, struct err *e)
{
    const char *path = address->sun_path;
    struct stat st;
    int fd;

    if (lstat(path, &st) != 0)
        return errno == ENOENT ||
               err_set_errno(e, errno, RETRY_NEVER, "cannot look at %.107s", path);
    if (!S_ISSOCK(st.st_mode))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%.107s is there and is no socket: it is left alone", path);
    if (st.st_uid != geteuid())
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%.107s is a socket of another user: it is left alone", path);
    fd = connect_patiently(address);
    if (fd >= 0)
        close(fd);
    if (fd >= 0 || errno == EAGAIN) /* EAGAIN: its queue is full */
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "another process listens at %.107s: choose another path", path);
    if (errno == ENOENT)
        return true;
    if (errno != ECONNREFUSED)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot look who listens at %.107s", path);
    return remove_left(path, &st, e);
}

static bool bind_and_listen(struct control_socket *cs, struct err *e)
{
    const char *path = cs->address.sun_path;
    struct stat st;

    /* The mode of the unnamed socket is what its name is made with: there is no moment in between. */
    if (fchmod(cs->fd, S_IRUSR | S_IWUSR) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot keep %.107s from others", path);
    if (bind(cs->fd, (struct sockaddr *)&cs->address, sizeof cs->address) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot make the control socket %.107s", path);
    if (lstat(path, &st) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot look at %.107s", path);
    cs->device = st.st_dev;
    cs->inode = st.st_ino;
    cs->made = true;
    if (listen(cs->fd, BACKLOG_COUNT) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot listen at %.107s", path);
    return true;
}

/* ---- Who comes ---- */

static bool is_allowed(int fd)
{
    struct ucred peer;
    socklen_t length = sizeof peer;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static void came(struct reactor_op *op);

static void await(struct control_socket *cs)
{
    reactor_poll(cs->reactor, &cs->op, cs->fd, POLLIN, came);
}

static void try_again(struct timer *timer)
{
    await((struct control_socket *)((char *)timer - offsetof(struct control_socket, timer)));
}

static void came(struct reactor_op *op)
{
    struct control_socket *cs =
        (struct control_socket *)((char *)op - offsetof(struct control_socket, op));
    int fd = -1;

    for (int i = 0; i < ACCEPTS_MAX; i++) {
        fd = accept4(cs->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            break;
        if (is_allowed(fd))
            cs->joined(cs->arg, fd);
        else
            close(fd);
    }
    if (fd >= 0 || errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
        await(cs);
    else /* descriptors or memory: they come back */
        reactor_arm(cs->reactor, &cs->timer, reactor_now_ns(cs->reactor) + RETRY_NS, try_again);
}

/* ---- Life ---- */

struct control_socket *control_socket_open(struct reactor *r, const char *path,
                                           void (*joined)(void *arg, int fd), void *arg,
                                           struct err *e)
{
    struct control_socket *cs = calloc(1, sizeof *cs);

    if (!cs) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the control socket");
        return NULL;
    }
    *cs = (struct control_socket){.reactor = r, .fd = -1, .joined = joined, .arg = arg};
    if (!address_of(path, &cs->address, e))
        goto fail;
    cs->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (cs->fd < 0) {
        err_set_errno(e, errno, RETRY_NEVER, "cannot make a socket");
        goto fail;
    }
    if (!make_way(&cs->address, e) || !bind_and_listen(cs, e))
        goto fail;
    await(cs);
    return cs;
fail:
    control_socket_close(cs);
    return NULL;
}

/* Somebody may have put another in its place. */
static void remove_path(const struct control_socket *cs)
{
    struct stat st;

    if (cs->made && lstat(cs->address.sun_path, &st) == 0 && st.st_dev == cs->device &&
        st.st_ino == cs->inode)
        unlink(cs->address.sun_path);
}

void control_socket_close(struct control_socket *cs)
{
    if (!cs)
        return;
    if (cs->fd >= 0) {
        reactor_forget(cs->reactor, &cs->op);
        reactor_disarm(cs->reactor, &cs->timer);
        remove_path(cs);
        close(cs->fd);
    }
    free(cs);
}
