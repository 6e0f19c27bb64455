/* command.c - see command.h. Ended means: the shell's process is gone; what is in the pipes then is read
 * and that is all, for a grandchild may hold them open for ever. */
#include "io/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/secret.h"

struct command_pipe {
    struct reactor_op op;
    int fd; /* -1 = closed */
    char *bytes;
    size_t count, max;
    bool overflowed;
};

struct command {
    struct command_setup setup;
    struct reactor *reactor;
    pid_t pid; /* 0 = not running */
    int pid_fd;
    struct reactor_op exit_op;
    struct timer limit;
    struct command_pipe out, err;
    char out_bytes[COMMAND_OUTPUT_MAX_BYTES + 1];
    char err_bytes[COMMAND_ERROR_MAX_BYTES + 1];
    struct err error;
};

extern char **environ;

/* ---- Pipes ---- */

static void pipe_close(struct command *c, struct command_pipe *pipe)
{
    if (pipe->fd < 0)
        return;
    reactor_forget(c->reactor, &pipe->op);
    close(pipe->fd);
    pipe->fd = -1;
}

/* Reads what is there; false at the end of the stream. */
static bool pipe_drain(struct command_pipe *pipe)
{
    char waste[1024];

    for (;;) {
        size_t room = pipe->max - pipe->count;
        ssize_t got = room ? read(pipe->fd, pipe->bytes + pipe->count, room)
                           : read(pipe->fd, waste, sizeof waste);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno == EAGAIN;
        if (got == 0)
            return false;
        if (room) {
            pipe->count += (size_t)got;
        } else {
            pipe->overflowed = true;
            explicit_bzero(waste, sizeof waste);
        }
    }
}

static void pipe_watch(struct command *c, struct command_pipe *pipe, reactor_done_fn *done)
{
    if (pipe->fd < 0)
        return;
    if (pipe_drain(pipe))
        reactor_poll(c->reactor, &pipe->op, pipe->fd, POLLIN, done);
    else
        pipe_close(c, pipe);
}

static void on_out(struct reactor_op *op)
{
    struct command *c = (struct command *)((char *)op - offsetof(struct command, out.op));

    pipe_watch(c, &c->out, on_out);
}

static void on_err(struct reactor_op *op)
{
    struct command *c = (struct command *)((char *)op - offsetof(struct command, err.op));

    pipe_watch(c, &c->err, on_err);
}

/* ---- The end ---- */

/* Words of the command itself, for a person: one line, nothing secret, nothing that moves a cursor. */
static const char *shown_stderr(struct command *c)
{
    char *text = c->err_bytes;

    while (c->err.count && (text[c->err.count - 1] == '\n' || text[c->err.count - 1] == ' '))
        c->err.count--;
    text[c->err.count] = 0;
    for (size_t i = 0; i < c->err.count; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 127)
            text[i] = text[i] == 0 ? '?' : ' ';
    secret_redact(text);
    return text;
}

static void judge_status(struct command *c, int status)
{
    const char *said = shown_stderr(c);
    const char *colon = *said ? ": " : "";

    if (err_is_set(&c->error))
        return; /* it was we who ended it */
    if (WIFSIGNALED(status))
        err_set(&c->error, ERR_IO, RETRY_LATER, "the command was ended by signal %d%s%.250s",
                WTERMSIG(status), colon, said);
    else if (WEXITSTATUS(status) != 0)
        err_set(&c->error, ERR_IO, RETRY_LATER, "the command ended with status %d%s%.250s",
                WEXITSTATUS(status), colon, said);
    else if (c->out.overflowed)
        err_set(&c->error, ERR_LIMIT, RETRY_NEVER, "the command printed more than %u bytes",
                COMMAND_OUTPUT_MAX_BYTES);
}

static void end(struct command *c)
{
    if (c->out.fd >= 0)
        pipe_drain(&c->out);
    if (c->err.fd >= 0)
        pipe_drain(&c->err);
    pipe_close(c, &c->out);
    pipe_close(c, &c->err);
    reactor_disarm(c->reactor, &c->limit);
    c->out_bytes[c->out.count] = 0;
}

static void on_exited(struct reactor_op *op)
{
    struct command *c = (struct command *)((char *)op - offsetof(struct command, exit_op));
    int status = 0;

    if (waitpid(c->pid, &status, WNOHANG) == 0) { /* news of something else */
        reactor_poll(c->reactor, &c->exit_op, c->pid_fd, POLLIN, on_exited);
        return;
    }
    c->pid = 0;
    end(c);
    judge_status(c, status);
    c->setup.done(c->setup.arg, c);
}

static void on_limit(struct timer *timer)
{
    struct command *c = (struct command *)((char *)timer - offsetof(struct command, limit));

    if (err_is_set(&c->error)) /* being stopped */
        return;
    err_set(&c->error, ERR_IO, RETRY_LATER, "the command took longer than %llu s and was ended",
            (unsigned long long)(c->setup.limit_ns / NS_PER_S));
    kill(-c->pid, SIGKILL); /* on_exited follows */
}

void command_stop(struct command *c)
{
    if (!c->pid || err_is_set(&c->error))
        return;
    err_set(&c->error, ERR_CANCELED, RETRY_NEVER, "the command was stopped");
    kill(-c->pid, SIGKILL); /* on_exited follows */
}

void command_free(struct command *c)
{
    if (!c)
        return;
    if (c->pid) {
        kill(-c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
        end(c);
    }
    reactor_forget(c->reactor, &c->exit_op);
    if (c->pid_fd >= 0)
        close(c->pid_fd);
    explicit_bzero(c, sizeof *c);
    free(c);
}

/* ---- The beginning ---- */

static bool is_variable(const char *entry, const char *name)
{
    size_t count = strcspn(name, "=");

    return strncmp(entry, name, count) == 0 && entry[count] == '=';
}

static bool is_listed(const char *entry, const char *const *names)
{
    for (; *names; names++)
        if (is_variable(entry, *names))
            return true;
    return false;
}

/* Ours, without what is hidden or added anew; a list of views. */
static char **make_environment(const struct command_setup *setup)
{
    size_t count = 0, used = 0;
    char **all;

    while (environ[count])
        count++;
    all = calloc(count + COMMAND_VARIABLES_MAX + 1, sizeof *all);
    for (size_t i = 0; all && i < count; i++)
        if (!is_listed(environ[i], setup->hidden) && !is_listed(environ[i], setup->variables))
            all[used++] = environ[i];
    for (size_t i = 0; all && setup->variables[i]; i++)
        all[used++] = (char *)(uintptr_t)setup->variables[i];
    return all;
}

static int spawn(pid_t *out_pid, const char *text, char **environment, int out, int err)
{
    char shell[] = "sh", option[] = "-c";
    char *arguments[] = {shell, option, (char *)(uintptr_t)text, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none, all;
    int failed;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&how);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    posix_spawnattr_setpgroup(&how, 0);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setsigdefault(&how, &all);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                       POSIX_SPAWN_SETSIGDEF);
    failed = posix_spawn(out_pid, "/bin/sh", &files, &how, arguments, environment);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    return failed;
}

/* Both pipes, the process, its descriptor; what was opened before a failure is left to command_free. */
static bool launch(struct command *c, struct err *e)
{
    int out[2] = {-1, -1}, err[2] = {-1, -1};
    char **environment = make_environment(&c->setup);
    int failed = 0;

    if (!environment)
        failed = ENOMEM;
    else if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0 ||
             fcntl(out[0], F_SETFL, O_NONBLOCK) != 0 || fcntl(err[0], F_SETFL, O_NONBLOCK) != 0)
        failed = errno;
    else
        failed = spawn(&c->pid, c->setup.text, environment, out[1], err[1]);
    free(environment);
    if (out[1] >= 0)
        close(out[1]);
    if (err[1] >= 0)
        close(err[1]);
    c->out.fd = out[0];
    c->err.fd = err[0];
    if (!failed && (c->pid_fd = pidfd_open(c->pid, 0)) < 0)
        failed = errno;
    if (!failed)
        return true;
    if (!c->pid) {
        pipe_close(c, &c->out);
        pipe_close(c, &c->err);
    }
    return err_set_errno(e, failed, RETRY_LATER, "cannot start a command");
}

struct command *command_start(struct reactor *r, const struct command_setup *setup, struct err *e)
{
    struct command *c = calloc(1, sizeof *c);

    if (!c) {
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory to start a command");
        return NULL;
    }
    c->reactor = r;
    c->setup = *setup;
    c->pid_fd = c->out.fd = c->err.fd = -1;
    c->out.bytes = c->out_bytes;
    c->out.max = COMMAND_OUTPUT_MAX_BYTES;
    c->err.bytes = c->err_bytes;
    c->err.max = COMMAND_ERROR_MAX_BYTES;
    if (!launch(c, e)) {
        command_free(c);
        return NULL;
    }
    reactor_poll(r, &c->exit_op, c->pid_fd, POLLIN, on_exited);
    pipe_watch(c, &c->out, on_out);
    pipe_watch(c, &c->err, on_err);
    reactor_arm(r, &c->limit, reactor_now_ns(r) + setup->limit_ns, on_limit);
    return c;
}

const struct err *command_error(const struct command *c)
{
    return &c->error;
}

const char *command_output(const struct command *c)
{
    return c->out_bytes;
}
