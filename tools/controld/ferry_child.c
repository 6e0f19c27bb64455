/* ferry_child.c - see ferry_child.h. Stdin is a socket, for a pipe whose reader died would be a signal to
 * us. */
#include "tools/controld/ferry_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/line_reader.h"
#include "io/secret.h"
#include "tools/controld/ferry_spawn.h"

#define CHILD_WAITING_MAX    4096u /* lines that it does not read */
#define CHILD_STDERR_MAX     4096u /* bytes of a line */
#define CHILD_OUTPUT_READERS 2u

enum { CHILD_STDOUT, CHILD_STDERR };

struct waiting {
    struct waiting *next;
    struct ferry_line line;
};

struct child_output {
    struct ferry_child *child;
    struct line_reader *reader;
    int fd; /* -1 = closed */
    bool over;
};

struct ferry_child {
    struct ferry_child_setup setup;
    pid_t pid; /* 0 = it is gone */
    int pid_fd, input;
    struct reactor_op exit_op, input_op;
    bool input_polled, stopped, ending, freed;
    struct waiting *first, **last;
    size_t sent_bytes; /* of the first */
    uint32_t waiting_count;
    struct child_output outputs[CHILD_OUTPUT_READERS];
    struct timer limit;
    bool limited; /* armed */
    struct reactor_task end_task;
    int status;
    char said[FERRY_CHILD_SAID_BYTES];
};

/* ---- What it is told ---- */

static void drop_first(struct ferry_child *child)
{
    struct waiting *first = child->first;

    child->first = first->next;
    if (!child->first)
        child->last = &child->first;
    child->sent_bytes = 0;
    child->waiting_count--;
    ferry_line_fini(&first->line);
    free(first);
}

static void close_input(struct ferry_child *child)
{
    if (child->input_polled)
        reactor_forget(child->setup.reactor, &child->input_op);
    child->input_polled = false;
    if (child->input >= 0)
        close(child->input);
    child->input = -1;
    while (child->first)
        drop_first(child);
}

static void on_writable(struct reactor_op *op);

static void send_more(struct ferry_child *child)
{
    while (child->first && child->input >= 0) {
        const struct ferry_line *line = &child->first->line;
        ssize_t count = send(child->input, line->bytes + child->sent_bytes,
                             line->count - child->sent_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN) {
            child->input_polled = true;
            reactor_poll(child->setup.reactor, &child->input_op, child->input, POLLOUT,
                         on_writable);
            return;
        }
        if (count < 0) { /* it does not listen any more: its end comes */
            close_input(child);
            return;
        }
        child->sent_bytes += (size_t)count;
        if (child->sent_bytes == line->count)
            drop_first(child);
    }
}

static void on_writable(struct reactor_op *op)
{
    struct ferry_child *child =
        (struct ferry_child *)((char *)op - offsetof(struct ferry_child, input_op));

    child->input_polled = false;
    send_more(child);
}

void ferry_child_send(struct ferry_child *child, struct ferry_line *take)
{
    struct waiting *waiting = NULL;

    if (child->input >= 0 && !take->failed && child->waiting_count < CHILD_WAITING_MAX)
        waiting = calloc(1, sizeof *waiting);
    if (!waiting) { /* a command that is lost is given again: what it was for is asked for again */
        ferry_line_fini(take);
        return;
    }
    waiting->line = *take;
    memset(take, 0, sizeof *take);
    *child->last = waiting;
    child->last = &waiting->next;
    child->waiting_count++;
    if (!child->input_polled)
        send_more(child);
}

/* ---- Its end ---- */

static void on_end_task(struct reactor_task *task)
{
    struct ferry_child *child =
        (struct ferry_child *)((char *)task - offsetof(struct ferry_child, end_task));
    struct ferry_child_end end = {.killed = WIFSIGNALED(child->status), .said = child->said};

    if (child->freed) {
        ferry_child_free(child);
        return;
    }
    end.number = end.killed ? WTERMSIG(child->status) : WEXITSTATUS(child->status);
    child->setup.ended(child->setup.arg, &end);
}

static void disarm_limit(struct ferry_child *child)
{
    child->limited = false;
    reactor_disarm(child->setup.reactor, &child->limit);
}

static void post_end(struct ferry_child *child)
{
    if (child->ending)
        return;
    child->ending = true;
    disarm_limit(child);
    for (size_t i = 0; i < CHILD_OUTPUT_READERS; i++)
        line_reader_stop(child->outputs[i].reader);
    close_input(child);
    reactor_post(child->setup.reactor, &child->end_task, on_end_task);
}

static void on_limit(struct timer *timer)
{
    struct ferry_child *child =
        (struct ferry_child *)((char *)timer - offsetof(struct ferry_child, limit));

    child->limited = false;
    if (child->pid)
        ferry_child_kill(child); /* on_exited follows */
    else
        post_end(child); /* something of it holds its pipes open */
}

/* The sooner of two limits holds. */
static void arm_limit(struct ferry_child *child, uint64_t limit_ns)
{
    struct reactor *r = child->setup.reactor;
    uint64_t due_ns = reactor_now_ns(r) + limit_ns;

    if (child->limited && child->limit.due_ns <= due_ns)
        return;
    child->limited = true;
    reactor_arm(r, &child->limit, due_ns, on_limit);
}

static void look_for_end(struct ferry_child *child)
{
    bool over = child->outputs[CHILD_STDOUT].over && child->outputs[CHILD_STDERR].over;

    if (!child->pid && over) {
        post_end(child);
    } else if (!child->pid) {
        disarm_limit(child);
        arm_limit(child, FERRY_CHILD_LAST_WORDS_NS);
    } else if (child->outputs[CHILD_STDOUT].over) {
        arm_limit(child, FERRY_CHILD_SILENCE_NS);
    }
}

static void await_exit(struct ferry_child *child);

static void on_exited(struct reactor_op *op)
{
    struct ferry_child *child =
        (struct ferry_child *)((char *)op - offsetof(struct ferry_child, exit_op));

    if (waitpid(child->pid, &child->status, WNOHANG) == 0) { /* news of something else */
        await_exit(child);
        return;
    }
    child->pid = 0;
    look_for_end(child);
}

static void await_exit(struct ferry_child *child)
{
    reactor_poll(child->setup.reactor, &child->exit_op, child->pid_fd, POLLIN, on_exited);
}

void ferry_child_stop(struct ferry_child *child, uint64_t limit_ns)
{
    if (child->ending)
        return;
    child->stopped = true;
    close_input(child);
    if (child->pid)
        arm_limit(child, limit_ns);
}

/* ---- What it says ---- */

static void on_line(void *arg, const char *line, size_t bytes)
{
    struct child_output *output = arg;

    output->child->setup.line(output->child->setup.arg, line, bytes);
}

static void on_stderr_line(void *arg, const char *line, size_t bytes)
{
    struct child_output *output = arg;
    char *said = output->child->said;
    char words[CHILD_STDERR_MAX + 1] = "";

    memcpy(words, line, bytes);
    for (size_t i = 0; i < bytes; i++)
        words[i] = (unsigned char)words[i] < ' '   ? ' '
                   : (unsigned char)words[i] > '~' ? '?'
                                                   : words[i];
    secret_redact(words); /* whole, before it is cut */
    words[FERRY_CHILD_SAID_BYTES - 1] = 0;
    memcpy(said, words, FERRY_CHILD_SAID_BYTES);
    explicit_bzero(words, sizeof words);
}

static void on_too_long(void *arg, uint64_t bytes, size_t max_bytes)
{
    (void)arg, (void)bytes, (void)max_bytes; /* no event is that long: noise */
}

static void on_output_ended(void *arg, const struct err *error)
{
    struct child_output *output = arg;

    (void)error; /* that it cannot be read any more is its end, too */
    output->over = true;
    look_for_end(output->child);
}

static bool read_output(struct ferry_child *child, size_t index, struct err *e)
{
    struct child_output *output = &child->outputs[index];
    bool is_stdout = index == CHILD_STDOUT;
    struct line_reader_setup setup = {.reactor = child->setup.reactor,
                                      .fd = output->fd,
                                      .name = "a copying process",
                                      .max_bytes = is_stdout ? child->setup.line_max_bytes
                                                             : CHILD_STDERR_MAX,
                                      .line = is_stdout ? on_line : on_stderr_line,
                                      .too_long = on_too_long,
                                      .ended = on_output_ended,
                                      .arg = output};

    output->child = child;
    output->reader = line_reader_new(&setup, e);
    return output->reader != NULL;
}

/* ---- Life ---- */

static bool launch(struct ferry_child *child, struct err *e)
{
    struct ferry_spawned spawned;

    if (!ferry_spawn(child->setup.arguments, child->setup.held_fd, &spawned, e))
        return false;
    child->pid = spawned.pid;
    child->pid_fd = spawned.pid_fd;
    child->input = spawned.input;
    child->outputs[CHILD_STDOUT].fd = spawned.output;
    child->outputs[CHILD_STDERR].fd = spawned.errors;
    for (size_t i = 0; i < CHILD_OUTPUT_READERS; i++)
        if (!read_output(child, i, e))
            return false;
    return true;
}

struct ferry_child *ferry_child_start(const struct ferry_child_setup *setup, struct err *e)
{
    struct ferry_child *child = calloc(1, sizeof *child);

    if (!child) {
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory to start a copying process");
        return NULL;
    }
    child->setup = *setup;
    child->pid_fd = child->input = child->outputs[0].fd = child->outputs[1].fd = -1;
    child->last = &child->first;
    if (!launch(child, e)) {
        ferry_child_free(child);
        return NULL;
    }
    for (size_t i = 0; i < CHILD_OUTPUT_READERS; i++)
        line_reader_start(child->outputs[i].reader);
    await_exit(child);
    return child;
}

static bool is_idle(const struct ferry_child *child)
{
    for (size_t i = 0; i < CHILD_OUTPUT_READERS; i++)
        if (child->outputs[i].reader && !line_reader_idle(child->outputs[i].reader))
            return false;
    return !child->end_task.posted;
}

static void end_process(struct ferry_child *child)
{
    if (child->pid) {
        kill(child->pid, SIGKILL);
        while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        child->pid = 0;
    }
    reactor_forget(child->setup.reactor, &child->exit_op);
    disarm_limit(child);
    close_input(child);
}

void ferry_child_free(struct ferry_child *child)
{
    if (!child)
        return;
    end_process(child);
    child->freed = true;
    for (size_t i = 0; i < CHILD_OUTPUT_READERS; i++)
        if (child->outputs[i].reader)
            line_reader_stop(child->outputs[i].reader);
    if (!is_idle(child)) { /* a posted task of a reader runs first, then ours comes back here */
        if (!child->end_task.posted)
            reactor_post(child->setup.reactor, &child->end_task, on_end_task);
        return;
    }
    for (size_t i = 0; i < CHILD_OUTPUT_READERS; i++) {
        line_reader_free(child->outputs[i].reader);
        if (child->outputs[i].fd >= 0)
            close(child->outputs[i].fd);
    }
    if (child->pid_fd >= 0)
        close(child->pid_fd);
    free(child);
}

void ferry_child_kill(struct ferry_child *child)
{
    if (child->pid) /* not yet reaped: the number is its own */
        kill(child->pid, SIGKILL);
}

pid_t ferry_child_process(const struct ferry_child *child)
{
    return child->pid;
}
