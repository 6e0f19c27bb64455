/* line_reader_test.c - lines from pipes, sockets, files and terminals, short ones and absurd ones. */
#include "io/line_reader.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/test_reactor.h"

#define LINES_MAX 64
#define MAX_BYTES 100u

struct heard {
    struct rig rig;
    struct line_reader *reader;
    char *lines[LINES_MAX];
    size_t bytes[LINES_MAX];
    unsigned count;
    uint64_t too_long[LINES_MAX];
    unsigned too_long_count;
    bool ended, hold_each, stop_each;
    struct err err;
};

static void on_line(void *arg, const char *line, size_t bytes)
{
    struct heard *h = arg;

    cr_assert_lt(h->count, LINES_MAX);
    cr_assert(!h->ended);
    cr_assert_eq(line[bytes], 0);
    h->lines[h->count] = malloc(bytes + 1);
    memcpy(h->lines[h->count], line, bytes + 1);
    h->bytes[h->count++] = bytes;
    if (h->hold_each)
        line_reader_hold(h->reader, true);
    if (h->stop_each)
        line_reader_stop(h->reader);
}

static void on_too_long(void *arg, uint64_t bytes, size_t max_bytes)
{
    struct heard *h = arg;

    cr_assert_gt(bytes, max_bytes);
    h->too_long[h->too_long_count++] = bytes;
}

static void on_ended(void *arg, const struct err *error)
{
    struct heard *h = arg;

    cr_assert(!h->ended);
    h->ended = true;
    h->err = *error;
}

static void hear(struct heard *h, enum reactor_backend backend, int fd, size_t first_max_bytes)
{
    struct line_reader_setup setup = {.fd = fd,
                                      .name = "the test's input",
                                      .max_bytes = MAX_BYTES,
                                      .first_max_bytes = first_max_bytes,
                                      .line = on_line,
                                      .too_long = on_too_long,
                                      .ended = on_ended,
                                      .arg = h};
    struct err e = {0};

    memset(h, 0, sizeof *h);
    rig_open(&h->rig, backend);
    setup.reactor = h->rig.r;
    h->reader = line_reader_new(&setup, &e);
    cr_assert(h->reader, "%s", e.text);
    line_reader_start(h->reader);
}

static void hear_no_more(struct heard *h)
{
    line_reader_stop(h->reader);
    while (!line_reader_idle(h->reader))
        rig_peek(&h->rig);
    line_reader_free(h->reader);
    for (unsigned i = 0; i < h->count; i++)
        free(h->lines[i]);
    rig_close(&h->rig);
}

/* To the end, of bytes that all fit into the pipe. */
static void hear_all(struct heard *h, enum reactor_backend backend, const char *bytes, size_t count,
                     size_t first_max_bytes)
{
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(write(ends[1], bytes, count), (ssize_t)count);
    close(ends[1]);
    hear(h, backend, ends[0], first_max_bytes);
    rig_until(&h->rig, &h->ended);
    cr_expect_eq(h->err.kind, ERR_NONE, "%s", h->err.text);
    hear_no_more(h);
    close(ends[0]);
}

TEST_BOTH(line_reader, tells_each_line_and_the_last_one_without_newline)
{
    static const char text[] = "one\n\n \t\r\ntwo\r\nthree";
    struct heard h;

    hear_all(&h, backend, text, strlen(text), 0);
    cr_assert_eq(h.count, 3u);
    cr_expect_eq(h.bytes[0], 3u);
    cr_expect_eq(h.bytes[1], 4u); /* JSON takes a carriage return for a blank */
    cr_expect_eq(h.bytes[2], 5u);
}

TEST_BOTH(line_reader, takes_a_zero_byte_like_any_other)
{
    struct heard h;

    hear_all(&h, backend, "a\0b\n\0\n", 6, 0);
    cr_assert_eq(h.count, 2u);
    cr_expect_eq(h.bytes[0], 3u);
    cr_expect_eq(h.bytes[1], 1u);
}

TEST_BOTH(line_reader, refuses_a_long_line_once_and_reads_the_next)
{
    char text[2 * MAX_BYTES + 7];
    struct heard h;

    memset(text, 'x', sizeof text);
    text[MAX_BYTES] = '\n';         /* just fits */
    text[2 * MAX_BYTES + 2] = '\n'; /* one too many */
    text[2 * MAX_BYTES + 6] = '\n';
    hear_all(&h, backend, text, sizeof text, 0);
    cr_assert_eq(h.count, 2u);
    cr_expect_eq(h.bytes[0], MAX_BYTES);
    cr_expect_eq(h.bytes[1], 3u);
    cr_assert_eq(h.too_long_count, 1u);
    cr_expect_eq(h.too_long[0], MAX_BYTES + 1);
}

TEST_BOTH(line_reader, refuses_a_long_last_line)
{
    char text[MAX_BYTES + 5];
    struct heard h;

    memset(text, 'x', sizeof text);
    hear_all(&h, backend, text, sizeof text, 0);
    cr_expect_eq(h.count, 0u);
    cr_assert_eq(h.too_long_count, 1u);
    cr_expect_eq(h.too_long[0], sizeof text);
}

TEST_BOTH(line_reader, lets_the_first_line_be_longer)
{
    char text[2 * (2 * MAX_BYTES + 1)];
    struct heard h;

    memset(text, 'x', sizeof text);
    text[2 * MAX_BYTES] = text[4 * MAX_BYTES + 1] = '\n';
    hear_all(&h, backend, text, sizeof text, 2 * MAX_BYTES);
    cr_assert_eq(h.count, 1u);
    cr_expect_eq(h.bytes[0], 2 * MAX_BYTES);
    cr_assert_eq(h.too_long_count, 1u);
    cr_expect_eq(h.too_long[0], 2 * MAX_BYTES);
}

/* More than one piece, and more than a pipe holds: written by a child. */
TEST_BOTH(line_reader, reads_a_line_of_many_pieces)
{
    const size_t bytes = 3u << 20;
    int ends[2];
    struct heard h;
    pid_t child;

    cr_assert_eq(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        char *text = malloc(bytes + 4);

        memset(text, 'y', bytes);
        memcpy(text + bytes, "\nz\n", 4);
        for (size_t at = 0; at < bytes + 3;) {
            ssize_t took = write(ends[1], text + at, bytes + 3 - at);

            if (took <= 0)
                _exit(1);
            at += (size_t)took;
        }
        _exit(0);
    }
    close(ends[1]);
    hear(&h, backend, ends[0], 4u << 20);
    rig_until(&h.rig, &h.ended);
    cr_assert_eq(h.count, 2u);
    cr_expect_eq(h.bytes[0], bytes);
    cr_expect_eq(h.lines[0][bytes - 1], 'y');
    cr_expect_str_eq(h.lines[1], "z");
    hear_no_more(&h);
    close(ends[0]);
}

TEST_BOTH(line_reader, tells_nothing_and_reads_nothing_while_it_is_held)
{
    int ends[2];
    struct heard h;

    cr_assert_eq(pipe(ends), 0);
    hear(&h, backend, ends[0], 0);
    h.hold_each = true;
    cr_assert_eq(write(ends[1], "one\ntwo\nthree", 13), 13);
    while (h.count < 1)
        rig_turn(&h.rig);
    cr_assert_eq(write(ends[1], "\n", 1), 1);
    close(ends[1]);
    for (unsigned wanted = 1; wanted < 3; wanted++) {
        for (int i = 0; i < 10; i++)
            rig_peek(&h.rig);
        cr_assert_eq(h.count, wanted);
        line_reader_hold(h.reader, false);
        while (h.count <= wanted)
            rig_turn(&h.rig);
    }
    cr_expect_str_eq(h.lines[2], "three");
    cr_expect(!h.ended);
    line_reader_hold(h.reader, false);
    rig_until(&h.rig, &h.ended);
    hear_no_more(&h);
    close(ends[0]);
}

TEST_BOTH(line_reader, is_silent_after_it_was_stopped)
{
    int ends[2];
    struct heard h;

    cr_assert_eq(pipe(ends), 0);
    hear(&h, backend, ends[0], 0);
    h.stop_each = true;
    cr_assert_eq(write(ends[1], "one\ntwo\n", 8), 8);
    while (h.count < 1)
        rig_turn(&h.rig);
    close(ends[1]);
    for (int i = 0; i < 10; i++)
        rig_peek(&h.rig);
    cr_expect_eq(h.count, 1u);
    cr_expect(!h.ended);
    hear_no_more(&h);
    close(ends[0]);
}

TEST_BOTH(line_reader, leaves_a_pipe_and_a_socket_as_they_were)
{
    int ends[2];
    struct heard h;

    cr_assert_eq(pipe(ends), 0);
    hear(&h, backend, ends[0], 0);
    rig_peek(&h.rig);
    hear_no_more(&h); /* while it waits */
    cr_expect_eq(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    hear(&h, backend, ends[0], 0);
    cr_assert_eq(write(ends[1], "word\n", 5), 5);
    while (h.count < 1)
        rig_turn(&h.rig);
    cr_expect_eq(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
    close(ends[1]);
    rig_until(&h.rig, &h.ended);
    cr_expect_eq(h.err.kind, ERR_NONE);
    hear_no_more(&h);
}

TEST_BOTH(line_reader, reads_a_file_from_where_it_stands)
{
    int fd = test_temp_file(0);
    struct heard h;

    cr_assert_eq(write(fd, "passed by\none\ntwo", 17), 17);
    lseek(fd, 10, SEEK_SET);
    hear(&h, backend, fd, 0);
    rig_until(&h.rig, &h.ended);
    cr_assert_eq(h.count, 2u);
    cr_expect_str_eq(h.lines[0], "one");
    cr_expect_str_eq(h.lines[1], "two");
    hear_no_more(&h);
    close(fd);
}

TEST_BOTH(line_reader, can_be_stopped_while_a_file_is_read)
{
    int fd = test_temp_file(1 << 20);
    struct heard h;

    hear(&h, backend, fd, 0);
    rig_peek(&h.rig);
    hear_no_more(&h);
    cr_expect_eq(h.count, 0u);
    close(fd);
}

TEST_BOTH(line_reader, finds_the_null_device_at_its_end)
{
    int fd = open("/dev/null", O_RDONLY);
    struct heard h;

    hear(&h, backend, fd, 0);
    rig_until(&h.rig, &h.ended);
    cr_expect_eq(h.count, 0u);
    cr_expect_eq(h.err.kind, ERR_NONE);
    hear_no_more(&h);
    close(fd);
}

TEST_BOTH(line_reader, reads_a_terminal_and_leaves_its_flags_alone)
{
    int master, slave;
    struct heard h;

    cr_assert_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
    hear(&h, backend, slave, 0);
    cr_assert_eq(write(master, "typed\n", 6), 6);
    while (h.count < 1)
        rig_turn(&h.rig);
    cr_expect_str_eq(h.lines[0], "typed");
    cr_expect_eq(fcntl(slave, F_GETFL) & O_NONBLOCK, 0);
    cr_assert_eq(write(master, "\4", 1), 1); /* Ctrl-D */
    rig_until(&h.rig, &h.ended);
    hear_no_more(&h);
    close(master);
    close(slave);
}

/* Who is killed with answers unread resets the connection: for us it has ended, no more. */
TEST_BOTH(line_reader, a_peer_that_was_killed_has_simply_ended)
{
    struct heard h;
    int ends[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    cr_assert_eq(write(ends[0], "answer", 6), 6);
    close(ends[1]);
    hear(&h, backend, ends[0], 0);
    rig_until(&h.rig, &h.ended);
    cr_expect_eq(h.err.kind, ERR_NONE, "%s", h.err.text);
    hear_no_more(&h);
    close(ends[0]);
}

Test(line_reader, says_that_a_folder_has_no_lines)
{
    struct line_reader_setup setup = {.fd = open("/", O_RDONLY), .name = "the test's input"};
    struct rig rig;
    struct err e = {0};

    rig_open(&rig, REACTOR_AUTO);
    setup.reactor = rig.r;
    cr_expect_null(line_reader_new(&setup, &e));
    cr_expect_eq(e.kind, ERR_USAGE);
    rig_close(&rig);
    close(setup.fd);
}

TEST_BOTH(line_reader, tells_why_a_descriptor_cannot_be_read)
{
    int fd = open("/dev/null", O_WRONLY);
    struct heard h;

    hear(&h, backend, fd, 0);
    rig_until(&h.rig, &h.ended);
    cr_expect_eq(h.err.sys_errno, EBADF);
    cr_expect(strstr(h.err.text, "the test's input"));
    hear_no_more(&h);
    close(fd);
}
