/* reactor_refused_test.c - what a kernel may refuse: io_uring itself, and locked memory. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/reactor.h"
#include "tests/support/test_reactor.h"

#define MEMORY_BYTES (4u << 20)
#define NOBODY       65534u

struct seen {
    struct reactor_op op; /* first */
    bool done;
    int64_t result;
};

static void see(struct reactor_op *op)
{
    struct seen *seen = (struct seen *)op;

    seen->done = true;
    seen->result = op->result;
}

/* From here on this process gets sys_errno for io_uring_setup, as in a container. */
static void forbid_io_uring(unsigned sys_errno)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | sys_errno),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};

    cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void assert_ring_is_refused(int sys_errno)
{
    struct io_uring_params params = {0};

    cr_assert_eq(syscall(__NR_io_uring_setup, 4, &params), -1);
    cr_assert_eq(errno, sys_errno, "the fault really happens");
}

static void assert_falls_back_and_works(const char *words)
{
    struct clock clock;
    struct err e = {0};
    struct seen read = {0};
    char byte = 'x';
    struct rig rig = {0};
    int fd = test_temp_file(10);

    clock_init_real(&clock);
    cr_assert(!reactor_new(REACTOR_URING, &clock, &e), "who insists gets the error");
    cr_assert(strstr(e.text, words), "%s", e.text);
    rig_open(&rig, REACTOR_AUTO);
    cr_assert_str_eq(reactor_backend_name(rig.r), "epoll and threads");
    cr_assert(strstr(reactor_fallback_reason(rig.r), words));
    cr_assert(strstr(reactor_fallback_reason(rig.r), "so epoll and threads do its work"));
    cr_assert(!strchr(reactor_fallback_reason(rig.r), '\n'));
    reactor_read(rig.r, &read.op, fd, &byte, 1, 0, -1, see);
    rig_until(&rig, &read.done);
    cr_assert(read.result == 1 && byte == 0);
    rig_close(&rig);
    close(fd);
}

Test(reactor_refused, a_seccomp_filter_leads_to_epoll_with_one_sentence)
{
    forbid_io_uring(EPERM);
    assert_ring_is_refused(EPERM);
    assert_falls_back_and_works("io_uring is forbidden here");
}

Test(reactor_refused, a_kernel_without_io_uring_leads_to_epoll_with_one_sentence)
{
    forbid_io_uring(ENOSYS);
    assert_ring_is_refused(ENOSYS);
    assert_falls_back_and_works("has no io_uring");
}

Test(reactor_refused, where_io_uring_is_there_it_is_taken_and_no_reason_given)
{
    struct rig rig;

    rig_open(&rig, REACTOR_AUTO);
    cr_assert_str_eq(reactor_backend_name(rig.r), "io_uring");
    cr_assert_null(reactor_fallback_reason(rig.r));
    rig_close(&rig);
    rig_open(&rig, REACTOR_EPOLL);
    cr_assert_null(reactor_fallback_reason(rig.r), "io_uring was not wanted");
    rig_close(&rig);
}

/* ---- Locked memory ---- */

static unsigned char *map_memory(void)
{
    void *memory =
        mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    cr_assert(memory != MAP_FAILED);
    return memory;
}

/* No cr_assert in here: a child that was forked calls it, too. */
static bool reads_a_file(struct reactor *r, int fd, unsigned char *memory, int registered)
{
    struct seen read = {0};
    struct err e = {0};
    bool good = pwrite(fd, "snapferry", 9, 4096) == 9;

    memset(memory, 'x', MEMORY_BYTES);
    reactor_read(r, &read.op, fd, memory, MEMORY_BYTES, 0, registered, see);
    while (!read.done)
        good = reactor_turn(r, TEST_PATIENCE_NS, &e) && good;
    return good && read.result == MEMORY_BYTES && memory[0] == 0 &&
           memcmp(memory + 4096, "snapferry", 9) == 0;
}

Test(reactor_memory, registered_memory_is_read_into_and_indices_are_used_again)
{
    struct rig rig;
    unsigned char *memory = map_memory();
    int fd = test_temp_file(MEMORY_BYTES);
    int first, second;

    rig_open(&rig, REACTOR_URING);
    first = reactor_register_memory(rig.r, memory, MEMORY_BYTES);
    second = reactor_register_memory(rig.r, memory, MEMORY_BYTES);
    if (first < 0) {
        cr_log_warn("RLIMIT_MEMLOCK is too small here to register anything");
        rig_close(&rig);
        return;
    }
    cr_assert(second >= 0 && second != first);
    cr_assert(reads_a_file(rig.r, fd, memory, second));
    reactor_unregister_memory(rig.r, first);
    cr_assert_eq(reactor_register_memory(rig.r, memory, MEMORY_BYTES), first);
    cr_assert(reads_a_file(rig.r, fd, memory, first));
    reactor_unregister_memory(rig.r, first);
    reactor_unregister_memory(rig.r, second);
    reactor_unregister_memory(rig.r, -1);
    rig_close(&rig);
    munmap(memory, MEMORY_BYTES);
    close(fd);
}

Test(reactor_memory, epoll_registers_nothing)
{
    struct rig rig;
    unsigned char *memory = map_memory();
    int fd = test_temp_file(MEMORY_BYTES);

    rig_open(&rig, REACTOR_EPOLL);
    cr_assert_eq(reactor_register_memory(rig.r, memory, MEMORY_BYTES), -1);
    cr_assert(reads_a_file(rig.r, fd, memory, -1));
    rig_close(&rig);
    munmap(memory, MEMORY_BYTES);
    close(fd);
}

/* The child's exit status says which step failed; 0 is success. */
static int read_as_nobody(unsigned char *memory, int fd)
{
    struct rlimit limit = {.rlim_cur = 65536, .rlim_max = 65536};
    struct clock clock;
    struct err e = {0};
    struct reactor *r;
    int status = 0;

    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0)
        return 1;
    if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0 || geteuid() != NOBODY)
        return 2;
    clock_init_real(&clock);
    r = reactor_new(REACTOR_URING, &clock, &e);
    if (!r)
        return 3;
    if (reactor_register_memory(r, memory, MEMORY_BYTES) != -1)
        status = 4;
    else if (!reads_a_file(r, fd, memory, -1))
        status = 5;
    reactor_free(r);
    return status;
}

Test(reactor_memory, an_ordinary_user_under_a_small_memlock_reads_unregistered)
{
    unsigned char *memory = map_memory();
    int fd = test_temp_file(MEMORY_BYTES);
    int status;
    pid_t child;

    if (geteuid() != 0)
        cr_skip_test("only root can become somebody else");
    child = fork();
    cr_assert(child >= 0);
    if (child == 0)
        _exit(read_as_nobody(memory, fd));
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status));
    cr_assert_eq(WEXITSTATUS(status), 0, "step %d failed", WEXITSTATUS(status));
    munmap(memory, MEMORY_BYTES);
    close(fd);
}
