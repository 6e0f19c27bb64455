/* reactor_test.c - files, sockets, order and time on both backends. */
#include "io/reactor.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/support/test_reactor.h"

struct seen {
    struct reactor_op op; /* first, so that done finds its owner */
    bool done;
    unsigned count;
    int64_t result;
    struct reactor *r;
    struct reactor_op *victim;
    unsigned *total;
};

static void see(struct reactor_op *op)
{
    struct seen *seen = (struct seen *)op;

    seen->done = true;
    seen->count++;
    seen->result = op->result;
    if (seen->victim)
        reactor_forget(seen->r, seen->victim);
    if (seen->total)
        ++*seen->total;
}

/* ---- Files ---- */

TEST_BOTH(reactor_file, reads_back_what_it_wrote)
{
    struct rig rig;
    struct seen write = {0}, sync = {0}, read = {0};
    unsigned char out[5000], in[5000] = {0};
    int fd = test_temp_file(0);

    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (unsigned char)(i * 7);
    rig_open(&rig, backend);
    reactor_write(rig.r, &write.op, fd, out, sizeof out, 123, -1, see);
    cr_assert(!write.done, "nothing completes inside the submit");
    rig_until(&rig, &write.done);
    cr_assert_eq(write.result, (int64_t)sizeof out);
    reactor_fsync(rig.r, &sync.op, fd, see);
    rig_until(&rig, &sync.done);
    cr_assert_eq(sync.result, 0);
    reactor_read(rig.r, &read.op, fd, in, sizeof in, 123, -1, see);
    rig_until(&rig, &read.done);
    cr_assert_eq(read.result, (int64_t)sizeof in);
    cr_assert_arr_eq(in, out, sizeof out);
    cr_assert(!reactor_busy(rig.r));
    rig_close(&rig);
    close(fd);
}

TEST_BOTH(reactor_file, a_read_at_the_end_is_short_and_past_it_is_empty)
{
    struct rig rig;
    struct seen at = {0}, past = {0};
    unsigned char in[4096];
    int fd = test_temp_file(1000);

    rig_open(&rig, backend);
    reactor_read(rig.r, &at.op, fd, in, sizeof in, 900, -1, see);
    reactor_read(rig.r, &past.op, fd, in, sizeof in, 5000, -1, see);
    rig_until_idle(&rig);
    cr_assert_eq(at.result, 100);
    cr_assert_eq(past.result, 0);
    rig_close(&rig);
    close(fd);
}

TEST_BOTH(reactor_file, fallocate_punches_a_hole)
{
    struct rig rig;
    struct seen punch = {0};
    static unsigned char bytes[1 << 20];
    struct stat before, after;
    int fd = test_temp_file(0);

    memset(bytes, 1, sizeof bytes);
    cr_assert_eq(write(fd, bytes, sizeof bytes), (ssize_t)sizeof bytes);
    fsync(fd);
    fstat(fd, &before);
    rig_open(&rig, backend);
    reactor_fallocate(rig.r, &punch.op, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096,
                      512 << 10, see);
    rig_until(&rig, &punch.done);
    cr_assert_eq(punch.result, 0);
    fstat(fd, &after);
    cr_assert_eq(after.st_size, before.st_size);
    cr_assert(after.st_blocks < before.st_blocks);
    rig_close(&rig);
    close(fd);
}

TEST_BOTH(reactor_file, errors_of_the_kernel_are_negative_results)
{
    struct rig rig;
    struct seen closed = {0}, full = {0}, write_only = {0};
    char byte = 'x';
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    cr_assert(fd >= 0);
    rig_open(&rig, backend);
    reactor_read(rig.r, &closed.op, 999, &byte, 1, 0, -1, see);
    reactor_write(rig.r, &full.op, fd, &byte, 1, 0, -1, see);
    reactor_read(rig.r, &write_only.op, fd, &byte, 1, 0, -1, see);
    rig_until_idle(&rig);
    cr_assert_eq(closed.result, -EBADF);
    cr_assert_eq(full.result, -ENOSPC);
    cr_assert_eq(write_only.result, -EBADF);
    rig_close(&rig);
    close(fd);
}

TEST_BOTH(reactor_file, more_than_the_kernel_may_hold_at_once_all_complete)
{
    enum { COUNT = REACTOR_OPS_MAX * 2 + 17 };
    static struct seen reads[COUNT];
    static unsigned char bytes[COUNT];
    struct rig rig;
    unsigned total = 0;
    int fd = test_temp_file(COUNT);

    rig_open(&rig, backend);
    for (unsigned i = 0; i < COUNT; i++) {
        reads[i].total = &total;
        bytes[i] = 0xff;
        reactor_read(rig.r, &reads[i].op, fd, &bytes[i], 1, i, -1, see);
    }
    rig_until_idle(&rig);
    cr_assert_eq(total, (unsigned)COUNT);
    for (unsigned i = 0; i < COUNT; i++)
        cr_assert(reads[i].count == 1 && reads[i].result == 1 && bytes[i] == 0);
    rig_close(&rig);
    close(fd);
}

/* ---- Polls ---- */

static void make_pair(int pair[2])
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
}

static void send_byte(int fd)
{
    cr_assert_eq(write(fd, "x", 1), 1);
}

TEST_BOTH(reactor_poll, fires_once_with_the_events_that_are_there)
{
    struct rig rig;
    struct seen in = {0};
    int pair[2];

    make_pair(pair);
    rig_open(&rig, backend);
    reactor_poll(rig.r, &in.op, pair[0], POLLIN, see);
    rig_peek(&rig);
    rig_peek(&rig);
    cr_assert(!in.done);
    send_byte(pair[1]);
    rig_until(&rig, &in.done);
    cr_assert(in.result > 0 && (in.result & POLLIN) && !(in.result & POLLOUT));
    send_byte(pair[1]);
    rig_peek(&rig);
    cr_assert_eq(in.count, 1, "one-shot");
    reactor_poll(rig.r, &in.op, pair[0], POLLIN, see);
    rig_turn(&rig);
    cr_assert_eq(in.count, 2, "data that is there already fires a new poll");
    rig_close(&rig);
    close(pair[0]);
    close(pair[1]);
}

TEST_BOTH(reactor_poll, one_descriptor_may_have_several)
{
    struct rig rig;
    struct seen in = {0}, again = {0}, out = {0};
    int pair[2];

    make_pair(pair);
    rig_open(&rig, backend);
    reactor_poll(rig.r, &in.op, pair[0], POLLIN, see);
    reactor_poll(rig.r, &again.op, pair[0], POLLIN, see);
    reactor_poll(rig.r, &out.op, pair[0], POLLOUT, see);
    rig_until(&rig, &out.done);
    rig_peek(&rig);
    cr_assert(!in.done && !again.done && (out.result & POLLOUT));
    close(pair[1]);
    rig_until_idle(&rig);
    cr_assert((in.result & POLLHUP) && (again.result & POLLHUP) && out.count == 1);
    rig_close(&rig);
    close(pair[0]);
}

TEST_BOTH(reactor_poll, a_file_is_always_ready_and_a_closed_descriptor_is_an_error)
{
    struct rig rig;
    struct seen file = {0}, closed = {0};
    int fd = test_temp_file(10);

    rig_open(&rig, backend);
    reactor_poll(rig.r, &file.op, fd, POLLIN, see);
    reactor_poll(rig.r, &closed.op, 999, POLLIN, see);
    rig_until_idle(&rig);
    cr_assert(file.result & POLLIN);
    cr_assert_eq(closed.result, -EBADF);
    rig_close(&rig);
    close(fd);
}

TEST_BOTH(reactor_poll, a_forgotten_one_never_fires_whatever_its_age)
{
    struct rig rig;
    struct seen unsent = {0}, sent = {0}, ready = {0};
    int pair[2];

    make_pair(pair);
    rig_open(&rig, backend);
    reactor_poll(rig.r, &sent.op, pair[0], POLLIN, see);
    reactor_poll(rig.r, &ready.op, pair[0], POLLIN, see);
    rig_peek(&rig);
    reactor_forget(rig.r, &sent.op);
    send_byte(pair[1]); /* `ready` has its news waiting in the kernel now */
    reactor_forget(rig.r, &ready.op);
    reactor_poll(rig.r, &unsent.op, pair[0], POLLIN, see);
    reactor_forget(rig.r, &unsent.op);
    reactor_forget(rig.r, &unsent.op); /* idle is fine */
    cr_assert(!reactor_busy(rig.r));
    for (int i = 0; i < 5; i++)
        rig_peek(&rig);
    cr_assert(!unsent.done && !sent.done && !ready.done);
    rig_close(&rig);
    close(pair[0]);
    close(pair[1]);
}

TEST_BOTH(reactor_poll, a_completion_may_forget_another_of_the_same_batch)
{
    struct rig rig;
    struct seen a = {0}, b = {0};
    int pair[2];

    make_pair(pair);
    rig_open(&rig, backend);
    a.r = b.r = rig.r;
    a.victim = &b.op;
    b.victim = &a.op;
    reactor_poll(rig.r, &a.op, pair[0], POLLIN, see);
    reactor_poll(rig.r, &b.op, pair[0], POLLIN, see);
    rig_peek(&rig);
    send_byte(pair[1]);
    while (!a.done && !b.done)
        rig_turn(&rig);
    for (int i = 0; i < 5; i++)
        rig_peek(&rig);
    cr_assert_eq(a.count + b.count, 1);
    rig_close(&rig);
    close(pair[0]);
    close(pair[1]);
}

TEST_BOTH(reactor_poll, a_descriptor_may_be_closed_and_its_number_used_again)
{
    struct rig rig;
    struct seen seen = {0};
    int old[2], new[2];
    int number;

    make_pair(old);
    make_pair(new);
    rig_open(&rig, backend);
    number = old[0];
    reactor_poll(rig.r, &seen.op, number, POLLIN, see);
    rig_peek(&rig);
    reactor_forget(rig.r, &seen.op);
    cr_assert_eq(dup3(new[0], number, O_CLOEXEC), number); /* closes the old one */
    reactor_poll(rig.r, &seen.op, number, POLLIN, see);
    close(old[1]); /* a hang-up on the old socket is nobody's business now */
    for (int i = 0; i < 3; i++)
        rig_peek(&rig);
    cr_assert(!seen.done);
    send_byte(new[1]);
    rig_until(&rig, &seen.done);
    cr_assert_eq(seen.result, POLLIN);
    rig_close(&rig);
    close(number);
    close(new[0]);
    close(new[1]);
}

TEST_BOTH(reactor_poll, many_forgotten_ones_leave_room_for_others)
{
    struct rig rig;
    struct seen seen = {0};
    struct reactor_op ops[64] = {0};
    int pair[2];

    make_pair(pair);
    rig_open(&rig, backend);
    for (unsigned round = 0; round < 300; round++) {
        for (unsigned i = 0; i < 64; i++)
            reactor_poll(rig.r, &ops[i], pair[0], POLLIN, see);
        rig_peek(&rig);
        for (unsigned i = 0; i < 64; i++)
            reactor_forget(rig.r, &ops[i]);
    }
    send_byte(pair[1]);
    reactor_poll(rig.r, &seen.op, pair[0], POLLIN, see);
    rig_until(&rig, &seen.done);
    rig_close(&rig);
    close(pair[0]);
    close(pair[1]);
}
