/* event_out_test.c - lines to pipes, sockets, files and terminals, read quickly, slowly, never. */
#include "engine/event_out.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "tests/support/test_reactor.h"

#define READ_MAX_BYTES (64u << 20)

struct bench {
    struct rig rig;
    struct event_out *out;
    bool done;
    char *read_text; /* what a test read so far */
    size_t read_bytes;
};

static void begin(struct bench *b, enum reactor_backend backend, int fd, bool owned)
{
    struct err e = {0};

    signal(SIGPIPE, SIG_IGN);
    memset(b, 0, sizeof *b);
    rig_open(&b->rig, backend);
    b->out = event_out_new(b->rig.r, fd, owned, "the output", &e);
    cr_assert(b->out, "%s", e.text);
}

static void end(struct bench *b)
{
    event_out_free(b->out);
    rig_until_idle(&b->rig);
    rig_close(&b->rig);
    free(b->read_text);
}

static void tell(struct bench *b, enum event_kind kind, const char *disk, const char *line)
{
    struct event event = {.kind = kind, .disk = disk};
    struct event_sink *sink = event_out_sink(b->out);

    sink->take(sink, &event, line, strlen(line));
}

static void tell_numbered(struct bench *b, enum event_kind kind, unsigned number, size_t bytes)
{
    char *line = malloc(bytes + 32);
    int head = sprintf(line, "%u ", number);

    memset(line + head, 'x', bytes);
    line[(size_t)head + bytes] = '\0';
    tell(b, kind, "d", line);
    free(line);
}

static void on_done(void *arg)
{
    *(bool *)arg = true;
}

static void finish(struct bench *b, uint64_t wait_ns)
{
    event_out_finish(b->out, wait_ns, on_done, &b->done);
    rig_until(&b->rig, &b->done);
}

/* Takes what is there; false at the end. */
static bool read_some(struct bench *b, int fd)
{
    ssize_t got;

    if (!b->read_text)
        b->read_text = malloc(READ_MAX_BYTES);
    got = read(fd, b->read_text + b->read_bytes, READ_MAX_BYTES - 1 - b->read_bytes);
    if (got > 0)
        b->read_bytes += (size_t)got;
    b->read_text[b->read_bytes] = '\0';
    return got > 0;
}

static void read_while_turning(struct bench *b, int fd)
{
    while (!event_out_idle(b->out)) {
        struct pollfd pfd = {.fd = fd, .events = POLLIN};

        rig_peek(&b->rig);
        if (poll(&pfd, 1, 1) > 0)
            read_some(b, fd);
    }
}

/* Each line begins with a number above the last one's; returns how many lines there are. */
static unsigned expect_whole_lines_in_order(const struct bench *b)
{
    unsigned lines = 0;
    long last = -1;

    cr_assert(b->read_bytes == 0 || b->read_text[b->read_bytes - 1] == '\n');
    for (char *at = b->read_text; at < b->read_text + b->read_bytes; lines++) {
        char *line_end = strchr(at, '\n'), *after;
        long number = strtol(at, &after, 10);

        cr_assert_gt(number, last);
        cr_assert_eq(*after, ' ');
        cr_assert_eq(strspn(after + 1, "x"), (size_t)(line_end - after - 1), "a line is torn");
        last = number;
        at = line_end + 1;
    }
    return lines;
}

TEST_BOTH(event_out, writes_lines_to_a_pipe_in_order)
{
    struct bench b;
    int fds[2];

    cr_assert_eq(pipe(fds), 0);
    begin(&b, backend, fds[1], true);
    tell(&b, EVENT_STATE, "a", "one");
    tell(&b, EVENT_PROGRESS, "a", "two");
    finish(&b, TEST_PATIENCE_NS);
    tell(&b, EVENT_STATE, "a", "after the end");
    end(&b);
    begin(&b, backend, open("/dev/null", O_WRONLY), true);
    cr_assert(read_some(&b, fds[0]));
    cr_assert_str_eq(b.read_text, "one\ntwo\n");
    cr_assert_not(read_some(&b, fds[0]), "the pipe is still open");
    close(fds[0]);
    end(&b);
}

TEST_BOTH(event_out, a_reader_that_stalls_loses_old_progress_alone)
{
    struct bench b;
    int fds[2];
    unsigned lines;

    cr_assert_eq(pipe(fds), 0);
    begin(&b, backend, fds[1], true);
    for (unsigned i = 0; i < 20000; i++) {
        tell_numbered(&b, i % 100 ? EVENT_PROGRESS : EVENT_STATE, i, 1000);
        if (i % 64 == 0)
            rig_peek(&b.rig);
    }
    cr_assert_not(event_out_idle(b.out));
    cr_assert_gt(event_out_count(b.out).dropped, 5000);
    cr_assert_lt(event_out_count(b.out).bytes, EVENT_QUEUE_MAX_BYTES);
    read_while_turning(&b, fds[0]);
    finish(&b, TEST_PATIENCE_NS);
    while (poll(&(struct pollfd){.fd = fds[0], .events = POLLIN}, 1, 0) > 0)
        read_some(&b, fds[0]);
    lines = expect_whole_lines_in_order(&b);
    cr_assert_eq(lines, 20000 - event_out_count(b.out).dropped);
    for (unsigned i = 0; i < 20000; i += 100) {
        char state[16];

        snprintf(state, sizeof state, i ? "\n%u x" : "%u x", i);
        cr_assert(strstr(b.read_text, state), "state %u was dropped", i);
    }
    close(fds[0]);
    end(&b);
}

TEST_BOTH(event_out, a_line_larger_than_a_pipe_is_whole)
{
    struct bench b;
    int fds[2];

    cr_assert_eq(pipe(fds), 0);
    begin(&b, backend, fds[1], true);
    tell_numbered(&b, EVENT_ANSWER, 1, 5u << 20);
    tell_numbered(&b, EVENT_STATE, 2, 10);
    tell_numbered(&b, EVENT_ANSWER, 3, 3u << 20);
    read_while_turning(&b, fds[0]);
    finish(&b, TEST_PATIENCE_NS);
    while (poll(&(struct pollfd){.fd = fds[0], .events = POLLIN}, 1, 0) > 0)
        read_some(&b, fds[0]);
    cr_assert_eq(expect_whole_lines_in_order(&b), 3);
    close(fds[0]);
    end(&b);
}

TEST_BOTH(event_out, a_reader_that_went_away_is_noted_and_the_rest_discarded)
{
    struct bench b;
    int fds[2];

    cr_assert_eq(pipe(fds), 0);
    begin(&b, backend, fds[1], true);
    for (unsigned i = 0; i < 1000; i++)
        tell_numbered(&b, EVENT_STATE, i, 1000);
    rig_peek(&b.rig);
    rig_peek(&b.rig);
    cr_assert_not(event_out_idle(b.out));
    close(fds[0]);
    while (!event_out_idle(b.out))
        rig_turn(&b.rig);
    cr_assert_eq(event_out_error(b.out)->sys_errno, EPIPE);
    cr_assert(strstr(event_out_error(b.out)->text, "the output"));
    cr_assert_eq(event_out_count(b.out).lines, 0);
    tell(&b, EVENT_STATE, "a", "for nobody");
    cr_assert_eq(event_out_count(b.out).lines, 0);
    finish(&b, TEST_PATIENCE_NS);
    end(&b);
}

Test(event_out, a_reader_that_never_reads_does_not_hang_the_end)
{
    struct bench b;
    int fds[2];

    cr_assert_eq(pipe(fds), 0);
    begin(&b, REACTOR_AUTO, fds[1], true);
    for (unsigned i = 0; i < 1000; i++)
        tell_numbered(&b, EVENT_STATE, i, 1000);
    finish(&b, 50 * NS_PER_MS);
    cr_assert(strstr(event_out_error(b.out)->text, "is not read"), "%s",
              event_out_error(b.out)->text);
    cr_assert_eq(event_out_count(b.out).lines, 0);
    end(&b);
    close(fds[0]);
}

Test(event_out, may_be_freed_with_everything_under_way)
{
    struct bench b;
    int fds[2], file = test_temp_file(0);

    cr_assert_eq(pipe(fds), 0);
    begin(&b, REACTOR_AUTO, fds[1], true);
    tell_numbered(&b, EVENT_STATE, 1, 1000);
    end(&b);
    close(fds[0]);
    begin(&b, REACTOR_AUTO, file, true);
    tell_numbered(&b, EVENT_STATE, 1, 1000);
    rig_peek(&b.rig);
    tell_numbered(&b, EVENT_STATE, 2, 1000);
    event_out_finish(b.out, TEST_PATIENCE_NS, on_done, &b.done);
    end(&b);
    cr_assert_not(b.done);
}

/* The description is shared with a parent, or with our own stderr. */
TEST_BOTH(event_out, leaves_the_flags_of_a_shared_description_as_they_were)
{
    struct bench b;
    int fds[2], shared, flags;

    cr_assert_eq(pipe(fds), 0);
    shared = dup(fds[1]);
    flags = fcntl(shared, F_GETFL);
    begin(&b, backend, fds[1], true);
    cr_assert_eq(fcntl(shared, F_GETFL), flags);
    for (unsigned i = 0; i < 1000; i++)
        tell_numbered(&b, EVENT_STATE, i, 1000);
    rig_peek(&b.rig);
    rig_peek(&b.rig);
    cr_assert_eq(fcntl(shared, F_GETFL), flags);
    end(&b);
    cr_assert_eq(fcntl(shared, F_GETFL), flags);
    close(shared);
    close(fds[0]);
}

/* Two writers, one pipe: what the other one writes stands between lines, never within. */
TEST_BOTH(event_out, tears_no_line_of_a_pipe_that_another_writes_to)
{
    struct bench b;
    int fds[2], other;
    unsigned lines;

    cr_assert_eq(pipe(fds), 0);
    other = dup(fds[1]);
    begin(&b, backend, fds[1], true);
    for (unsigned i = 0; i < 2000; i++)
        tell_numbered(&b, EVENT_STATE, i * 2, 700);
    for (unsigned i = 0; i < 200; i++) {
        struct pollfd ready[2] = {{.fd = fds[0], .events = POLLIN},
                                  {.fd = other, .events = POLLOUT}};

        rig_peek(&b.rig);
        poll(ready, 2, 10);
        if (ready[1].revents & POLLOUT)
            cr_assert_eq(write(other, "#\n", 2), 2);
        if (ready[0].revents & POLLIN)
            read_some(&b, fds[0]);
    }
    read_while_turning(&b, fds[0]);
    while (poll(&(struct pollfd){.fd = fds[0], .events = POLLIN}, 1, 0) > 0)
        read_some(&b, fds[0]);
    for (char *at; (at = strstr(b.read_text, "#\n"));) {
        cr_assert(at == b.read_text || at[-1] == '\n', "a line is torn");
        memmove(at, at + 2, strlen(at + 2) + 1);
        b.read_bytes -= 2;
    }
    lines = expect_whole_lines_in_order(&b);
    cr_assert_eq(lines, 2000);
    close(other);
    close(fds[0]);
    end(&b);
}

TEST_BOTH(event_out, a_socket_that_is_not_read_blocks_nothing)
{
    struct bench b;
    int fds[2], flags;

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    flags = fcntl(fds[1], F_GETFL);
    begin(&b, backend, fds[1], false);
    for (unsigned i = 0; i < 3000; i++) {
        tell_numbered(&b, EVENT_ANSWER, i, 1000);
        if (i % 16 == 0)
            rig_peek(&b.rig);
    }
    cr_assert_not(event_out_idle(b.out));
    cr_assert_eq(fcntl(fds[1], F_GETFL), flags);
    read_while_turning(&b, fds[0]);
    shutdown(fds[1], SHUT_WR);
    while (read_some(&b, fds[0]))
        ;
    cr_assert_eq(expect_whole_lines_in_order(&b), 3000);
    close(fds[0]);
    end(&b);
    cr_assert_eq(close(fds[1]), 0, "it was not ours to close");
}

/* As `snapferry run job >log 2>&1` has it: one description, two ways to it. */
TEST_BOTH(event_out, shares_a_file_with_another_writer_without_a_gap)
{
    struct bench b;
    int file = test_temp_file(0), error = dup(file);

    begin(&b, backend, file, false);
    for (unsigned i = 0; i < 50; i++) {
        tell_numbered(&b, EVENT_STATE, i * 2, 300);
        rig_peek(&b.rig);
        cr_assert_eq(write(error, "#\n", 2), 2);
    }
    finish(&b, TEST_PATIENCE_NS);
    cr_assert_eq(lseek(error, 0, SEEK_CUR), lseek(error, 0, SEEK_END));
    lseek(file, 0, SEEK_SET);
    while (read_some(&b, file))
        ;
    for (char *at; (at = strstr(b.read_text, "#\n"));) {
        memmove(at, at + 2, strlen(at + 2) + 1);
        b.read_bytes -= 2;
    }
    cr_assert_eq(expect_whole_lines_in_order(&b), 50);
    end(&b);
    close(error);
    close(file);
}

TEST_BOTH(event_out, appends_to_a_file_that_is_opened_so)
{
    char path[TEST_PATH_MAX_BYTES];
    struct bench b;
    int file;

    test_temp_path(path, "append");
    file = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    cr_assert_eq(write(file, "0 xx\n", 5), 5);
    begin(&b, backend, open(path, O_WRONLY | O_APPEND), true);
    tell_numbered(&b, EVENT_STATE, 1, 100);
    finish(&b, TEST_PATIENCE_NS);
    lseek(file, 0, SEEK_SET);
    while (read_some(&b, file))
        ;
    cr_assert_eq(expect_whole_lines_in_order(&b), 2);
    end(&b);
    close(file);
    unlink(path);
}

TEST_BOTH(event_out, a_full_disk_is_an_error_and_no_end)
{
    struct bench b;

    begin(&b, backend, open("/dev/full", O_WRONLY), true);
    tell(&b, EVENT_STATE, "a", "one");
    finish(&b, TEST_PATIENCE_NS);
    cr_assert_eq(event_out_error(b.out)->sys_errno, ENOSPC);
    end(&b);
}

TEST_BOTH(event_out, a_terminal_that_is_stopped_waits_and_goes_on)
{
    struct bench b;
    struct termios raw;
    int master, slave, flags;
    unsigned lines;

    cr_assert_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
    tcgetattr(slave, &raw);
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    flags = fcntl(slave, F_GETFL);
    begin(&b, backend, slave, false);
    for (unsigned i = 0; i < 300; i++) {
        tell_numbered(&b, EVENT_STATE, i, 1000);
        rig_peek(&b.rig);
    }
    cr_assert_not(event_out_idle(b.out), "a terminal took 300 KB that nobody reads");
    cr_assert_eq(fcntl(slave, F_GETFL), flags);
    read_while_turning(&b, master);
    while (poll(&(struct pollfd){.fd = master, .events = POLLIN}, 1, 100) > 0)
        read_some(&b, master);
    lines = expect_whole_lines_in_order(&b);
    cr_assert_eq(lines, 300);
    end(&b);
    close(slave);
    close(master);
}

Test(event_out, a_folder_and_what_is_read_only_are_refused)
{
    struct rig rig;
    struct err e = {0};

    rig_open(&rig, REACTOR_AUTO);
    cr_assert_null(event_out_new(rig.r, open("/", O_RDONLY), true, "the output", &e));
    cr_assert_eq(e.kind, ERR_USAGE);
    err_clear(&e);
    cr_assert_null(event_out_new(rig.r, open("/dev/null", O_RDONLY), true, "the output", &e));
    cr_assert_eq(e.kind, ERR_USAGE);
    rig_close(&rig);
}
