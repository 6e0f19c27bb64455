/* bound_process.c - see bound_process.h. Not posix_spawn: between fork and exec the child asks for its
 * signal, and looks whether we died before it could. */
#include "tools/controld/bound_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/clock.h"
#include "tools/controld/child_environment.h"

#define NOT_EXECUTED  127
#define FIRST_FREE_FD 3

struct bound_process {
    struct bound_process_setup setup;
    pid_t pid; /* 0 = it is gone */
    int pid_fd, output;
    struct reactor_op exit_op, output_op;
    char line[BOUND_LINE_MAX_BYTES + 1];
    size_t line_bytes;
    bool told;
};

/* ---- What it says ---- */

static void close_output(struct bound_process *process)
{
    reactor_forget(process->setup.reactor, &process->output_op);
    if (process->output >= 0)
        close(process->output);
    process->output = -1;
}

static void tell(struct bound_process *process)
{
    size_t bytes = process->line_bytes;

    process->line[bytes] = 0;
    process->line_bytes = 0;
    if (bytes == 0 || !process->setup.line || (process->told && !process->setup.every_line))
        return;
    process->told = true;
    process->setup.line(process->setup.arg, process->line);
}

/* What does not fit is dropped, and what nobody wants: a pipe that nobody reads would be a signal to it. */
static void take_bytes(struct bound_process *process, const char *bytes, size_t count)
{
    while (count > 0) {
        const char *end = memchr(bytes, '\n', count);
        size_t part = end ? (size_t)(end - bytes) : count;
        size_t room = BOUND_LINE_MAX_BYTES - process->line_bytes;
        size_t kept = part < room ? part : room;

        memcpy(process->line + process->line_bytes, bytes, kept);
        process->line_bytes += kept;
        part += end != NULL;
        bytes += part;
        count -= part;
        if (end)
            tell(process);
    }
}

/* All that is there; false at its end. */
static bool take_output(struct bound_process *process)
{
    char bytes[1024];

    for (;;) {
        ssize_t count = read(process->output, bytes, sizeof bytes);

        if (count > 0)
            take_bytes(process, bytes, (size_t)count);
        else if (count == 0 || errno != EINTR)
            return count < 0 && errno == EAGAIN;
    }
}

static void on_output(struct reactor_op *op)
{
    struct bound_process *process =
        (struct bound_process *)((char *)op - offsetof(struct bound_process, output_op));

    if (take_output(process))
        reactor_poll(process->setup.reactor, op, process->output, POLLIN, on_output);
    else
        close_output(process);
}

/* ---- Its end ---- */

static void on_exited(struct reactor_op *op)
{
    struct bound_process *process =
        (struct bound_process *)((char *)op - offsetof(struct bound_process, exit_op));
    int status = 0;

    if (waitpid(process->pid, &status, WNOHANG) == 0) { /* news of something else */
        reactor_poll(process->setup.reactor, op, process->pid_fd, POLLIN, on_exited);
        return;
    }
    process->pid = 0;
    if (process->output >= 0)
        take_output(process); /* what it said last may come after the news of its end */
    close_output(process);
    tell(process);
    process->setup.ended(process->setup.arg, status);
}

void bound_process_end(struct bound_process *process)
{
    if (process->pid) /* not yet reaped: the number is its own */
        kill(process->pid, SIGTERM);
}

static void wait_for(struct bound_process *process, uint64_t limit_ns)
{
    struct pollfd poll_fd = {.fd = process->pid_fd, .events = POLLIN};
    int limit_ms = (int)(limit_ns / NS_PER_MS), ready;

    bound_process_end(process);
    do
        ready = poll(&poll_fd, 1, limit_ms);
    while (ready < 0 && errno == EINTR);
    if (ready <= 0)
        kill(process->pid, SIGKILL);
    while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    process->pid = 0;
}

void bound_process_free(struct bound_process *process, uint64_t limit_ns)
{
    if (!process)
        return;
    reactor_forget(process->setup.reactor, &process->exit_op);
    close_output(process);
    if (process->pid)
        wait_for(process, limit_ns);
    close(process->pid_fd);
    free(process);
}

/* ---- Its beginning ---- */

/* In the child: only what is safe after a fork beside threads. */
static void become(const char *const *arguments, char **environment, int input, int output,
                   pid_t parent)
{
    sigset_t none;

    sigemptyset(&none);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(NOT_EXECUTED);
    setsid();
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    close_range(FIRST_FREE_FD, ~0u, 0);
    execve(arguments[0], (char **)(uintptr_t)arguments, environment);
    _exit(NOT_EXECUTED);
}

/* Above the child's own three, whatever of ours was closed. */
static int lifted(int fd)
{
    int above = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);

    if (fd >= 0)
        close(fd);
    return above;
}

static bool fork_into(struct bound_process *process, int input, int output, char **environment)
{
    pid_t parent = getpid();

    process->pid = fork();
    if (process->pid == 0)
        become(process->setup.arguments, environment, input, output, parent);
    if (process->pid < 0) {
        process->pid = 0;
        return false;
    }
    process->pid_fd = pidfd_open(process->pid, 0);
    return process->pid_fd >= 0;
}

static bool launch(struct bound_process *process, struct err *e)
{
    int pipe_fds[2] = {-1, -1}, input = lifted(open("/dev/null", O_RDONLY | O_CLOEXEC)),
        output = -1;
    char **environment = child_environment(process->setup.variables);
    bool ok = false;

    if (environment && input >= 0 && pipe2(pipe_fds, O_CLOEXEC) == 0) {
        process->output = pipe_fds[0];
        output = lifted(pipe_fds[1]);
        ok = output >= 0 && fcntl(process->output, F_SETFL, O_NONBLOCK) == 0 &&
             fork_into(process, input, output, environment);
    }
    if (!ok)
        err_set_errno(e, environment ? errno : ENOMEM, RETRY_LATER, "cannot start %.200s",
                      process->setup.arguments[0]);
    free(environment);
    if (input >= 0)
        close(input);
    if (output >= 0)
        close(output);
    return ok;
}

struct bound_process *bound_process_start(const struct bound_process_setup *setup, struct err *e)
{
    struct bound_process *process = calloc(1, sizeof *process);

    if (!process) {
        err_set_errno(e, ENOMEM, RETRY_LATER, "cannot start a process");
        return NULL;
    }
    process->setup = *setup;
    process->pid_fd = process->output = -1;
    if (!launch(process, e)) {
        if (process->pid) {
            kill(process->pid, SIGKILL);
            waitpid(process->pid, NULL, 0);
        }
        if (process->output >= 0)
            close(process->output);
        free(process);
        return NULL;
    }
    process->setup.arguments = NULL; /* were the caller's, for the start alone */
    process->setup.variables = NULL;
    reactor_poll(setup->reactor, &process->exit_op, process->pid_fd, POLLIN, on_exited);
    reactor_poll(setup->reactor, &process->output_op, process->output, POLLIN, on_output);
    return process;
}

pid_t bound_process_id(const struct bound_process *process)
{
    return process->pid;
}
