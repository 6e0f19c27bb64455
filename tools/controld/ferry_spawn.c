/* ferry_spawn.c - see ferry_spawn.h. */
#include "tools/controld/ferry_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/controld/child_environment.h"

struct pipes {
    int input[2], output[2],
        errors[2]; /* [0] is ours of the first, [1] the child's; pipes: read, write */
};

static void close_if(int fd)
{
    if (fd >= 0)
        close(fd);
}

static bool open_pipes(struct pipes *p)
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->input) == 0 &&
           pipe2(p->output, O_CLOEXEC) == 0 && pipe2(p->errors, O_CLOEXEC) == 0;
}

/* A duplicate above what the child's own numbers are: dup2 of a descriptor onto itself would leave it
 * closed at exec, and one onto another that is still to be moved would lose that. */
static bool lift(int *fd)
{
    int lifted = fcntl(*fd, F_DUPFD_CLOEXEC, FERRY_SPAWN_HELD_FD + 1);

    if (lifted < 0)
        return false;
    close(*fd);
    *fd = lifted;
    return true;
}

static int spawn(const char *const *arguments, char **environment, const struct pipes *p,
                 int held_fd, pid_t *out_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none, all;
    int failed;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&how);
    posix_spawn_file_actions_adddup2(&files, p->input[1], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, p->output[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, p->errors[1], STDERR_FILENO);
    posix_spawn_file_actions_adddup2(&files, held_fd, FERRY_SPAWN_HELD_FD);
    posix_spawn_file_actions_addclosefrom_np(&files, FERRY_SPAWN_HELD_FD + 1);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setsigdefault(&how, &all);
    /* A session of its own: Ctrl-C at our terminal is for us, and we let it end in order. */
    posix_spawnattr_setflags(&how,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    failed = posix_spawn(out_pid, arguments[0], &files, &how, (char **)(uintptr_t)arguments,
                         environment);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    return failed;
}

static int start(const char *const *arguments, int held_fd, struct pipes *p, pid_t *out_pid)
{
    char **environment;
    int failed, held;

    if (!open_pipes(p) || !lift(&p->input[1]) || !lift(&p->output[1]) || !lift(&p->errors[1]))
        return errno;
    held = fcntl(held_fd, F_DUPFD_CLOEXEC, FERRY_SPAWN_HELD_FD + 1);
    if (held < 0)
        return errno;
    environment = child_environment(NULL);
    failed = environment ? spawn(arguments, environment, p, held, out_pid) : ENOMEM;
    free(environment);
    close(held);
    return failed;
}

bool ferry_spawn(const char *const *arguments, int held_fd, struct ferry_spawned *out_spawned,
                 struct err *e)
{
    struct pipes p = {.input = {-1, -1}, .output = {-1, -1}, .errors = {-1, -1}};
    pid_t pid = 0;
    int failed = start(arguments, held_fd, &p, &pid), pid_fd = -1;
    bool absent = failed == ENOENT || failed == EACCES || failed == ENOEXEC;

    if (!failed && (pid_fd = pidfd_open(pid, 0)) < 0) {
        failed = errno;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    close_if(p.input[1]);
    close_if(p.output[1]);
    close_if(p.errors[1]);
    if (!failed) {
        *out_spawned = (struct ferry_spawned){.pid = pid,
                                              .pid_fd = pid_fd,
                                              .input = p.input[0],
                                              .output = p.output[0],
                                              .errors = p.errors[0]};
        return true;
    }
    close_if(p.input[0]);
    close_if(p.output[0]);
    close_if(p.errors[0]);
    if (!absent)
        return err_set_errno(e, failed, RETRY_LATER, "cannot start %.200s", arguments[0]);
    return err_set(e, ERR_USAGE, RETRY_NEVER, "cannot start %.200s: %s", arguments[0],
                   strerror(failed));
}
