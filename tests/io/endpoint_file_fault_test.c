/* endpoint_file_fault_test.c - a full disk, a limit, a file that shrinks, a file system that lacks verbs:
 * each fault is first shown to be there, then how the endpoint tells it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io/endpoint_file.h"
#include "tests/support/file_case.h"

#define MIB        (1u << 20)
#define DISK_BYTES (8u * MIB)

TEST_BOTH(endpoint_file_fault, a_file_that_shrank_is_told_with_the_offset)
{
    struct file_case c;
    struct endpoint *source;
    struct block_req req;

    file_case_open(&c, backend);
    file_case_make(&c, DISK_BYTES);
    source = file_case_source(&c, ENDPOINT_FILE_DIRECT_OFF);
    cr_assert_eq(truncate(c.path, 5 * MIB + 100), 0);
    req = await_block(&c.rig, source, AWAIT_READ, (struct extent){4 * MIB, 4 * MIB}, c.buf);
    await_error(&req.err, ERR_GONE, "became shorter while it was read: nothing at offset 5242980");
    cr_assert_eq(req.err.retry, RETRY_REPLAN);
    cr_assert(strstr(req.err.text, c.path));
    endpoint_close(source);
    file_case_close(&c);
}

TEST_BOTH(endpoint_file_fault, a_size_limit_is_final_and_names_path_and_offset)
{
    struct rlimit limit = {.rlim_cur = 2 * MIB, .rlim_max = RLIM_INFINITY};
    struct rlimit before;
    struct file_case c;
    struct endpoint *target;
    struct block_req req;
    char words[64];
    int fd;

    cr_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    file_case_open(&c, backend);
    file_case_make(&c, DISK_BYTES);
    target = file_case_target(&c, ENDPOINT_FILE_DIRECT_OFF);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit.rlim_max = before.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    fd = open(c.path, O_WRONLY | O_CLOEXEC);
    cr_assert_eq(pwrite(fd, "x", 1, 3 * MIB), -1);
    cr_assert_eq(errno, EFBIG, "the fault really happens");
    close(fd);
    memset(c.buf->memory, 7, BUF_BYTES);
    req = await_block(&c.rig, target, AWAIT_WRITE, (struct extent){MIB, 2 * MIB}, c.buf);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    snprintf(words, sizeof words, "at offset %u: File too large", 2 * MIB);
    await_error(&req.err, ERR_IO, words); /* what fitted was written, the rest was tried */
    cr_assert(req.err.sys_errno == EFBIG && req.err.retry == RETRY_NEVER);
    cr_assert(strstr(req.err.text, c.path));
    endpoint_close(target);
    file_case_close(&c);
}

/* A tmpfs of 4 MiB over the test's own folder; false where we may not mount. */
static bool mount_small(char out_folder[TEST_PATH_MAX_BYTES])
{
    test_temp_path(out_folder, "small-XXXXXX");
    cr_assert(mkdtemp(out_folder));
    if (mount("tmpfs", out_folder, "tmpfs", 0, "size=4m") == 0)
        return true;
    rmdir(out_folder);
    cr_log_warn("mounting a tmpfs is not allowed here: %s", strerror(errno));
    return false;
}

static void unmount_small(const char *folder)
{
    cr_assert_eq(umount2(folder, MNT_DETACH), 0);
    rmdir(folder);
}

TEST_BOTH(endpoint_file_fault, a_full_disk_is_final_and_earlier_bytes_stay)
{
    static unsigned char bytes[2 * MIB];
    struct file_case c;
    struct endpoint *target;
    struct block_req req;
    char folder[TEST_PATH_MAX_BYTES];
    int fd;

    if (!mount_small(folder))
        cr_skip_test("no mount");
    file_case_open(&c, backend);
    snprintf(c.path, sizeof c.path, "%.400s/disk", folder);
    snprintf(c.state_path, sizeof c.state_path, "%s.snapferry", c.path);
    file_case_make(&c, DISK_BYTES);
    target = file_case_target(&c, ENDPOINT_FILE_DIRECT_AUTO);
    file_case_fill(c.buf->memory, BUF_BYTES, 1);
    await_good(await_block(&c.rig, target, AWAIT_WRITE, (struct extent){0, 2 * MIB}, c.buf).err);
    req = await_block(&c.rig, target, AWAIT_WRITE, (struct extent){2 * MIB, BUF_BYTES}, c.buf);
    fd = open(c.path, O_WRONLY | O_CLOEXEC);
    cr_assert_eq(pwrite(fd, "x", 1, 7 * MIB), -1);
    cr_assert_eq(errno, ENOSPC, "the fault really happens");
    close(fd);
    await_error(&req.err, ERR_IO, "No space left on device");
    cr_assert(req.err.sys_errno == ENOSPC && req.err.retry == RETRY_NEVER);
    cr_assert(strstr(req.err.text, "at offset ") && strstr(req.err.text, c.path));
    file_case_fill(bytes, sizeof bytes, 1);
    cr_assert(file_case_holds(&c, 0, bytes, sizeof bytes));
    cr_assert_eq(file_case_size_bytes(&c), DISK_BYTES);
    endpoint_close(target);
    file_case_close(&c);
    unmount_small(folder);
}

TEST_BOTH(endpoint_file_fault, tmpfs_is_listed_read_and_cleared_like_any_other)
{
    struct file_case c;
    struct endpoint *target;
    struct extent_set data = {0};
    char folder[TEST_PATH_MAX_BYTES];

    if (!mount_small(folder))
        cr_skip_test("no mount");
    file_case_open(&c, backend);
    snprintf(c.path, sizeof c.path, "%.400s/disk", folder);
    snprintf(c.state_path, sizeof c.state_path, "%s.snapferry", c.path);
    file_case_make(&c, DISK_BYTES);
    file_case_put(&c, MIB, MIB, 4);
    target = file_case_target(&c, ENDPOINT_FILE_DIRECT_ON);
    await_good(await_list(&c.rig, target, (struct extent){0, DISK_BYTES}, &data).err);
    cr_assert(data.count == 1 && data.total_bytes == MIB);
    await_good(await_block(&c.rig, target, AWAIT_ZERO, (struct extent){MIB, MIB}, NULL).err);
    memset(c.buf->memory, 7, BUF_BYTES);
    await_good(await_block(&c.rig, target, AWAIT_READ, (struct extent){MIB, MIB}, c.buf).err);
    for (size_t i = 0; i < MIB; i++)
        cr_assert_eq(c.buf->memory[i], 0);
    cr_assert_eq(file_case_allocated_bytes(&c), 0);
    extent_set_fini(&data);
    endpoint_close(target);
    file_case_close(&c);
    unmount_small(folder);
}

/* From here on fallocate answers EOPNOTSUPP, as on NFS 3 or FAT; only with the epoll backend, because
 * the ring's own fallocate is no system call of ours. */
static void forbid_fallocate(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_fallocate, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};

    cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

Test(endpoint_file_fault, where_nothing_can_be_punched_zeros_are_written)
{
    static unsigned char bytes[DISK_BYTES];
    struct extent range = {MIB + 512, 3 * MIB + 512};
    struct file_case c;
    struct endpoint *target;
    int fd;

    file_case_open(&c, REACTOR_EPOLL);
    file_case_make(&c, DISK_BYTES);
    file_case_put(&c, 0, DISK_BYTES, 6);
    forbid_fallocate();
    fd = open(c.path, O_WRONLY | O_CLOEXEC);
    cr_assert_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 512), -1);
    cr_assert_eq(errno, EOPNOTSUPP, "the fault really happens");
    close(fd);
    target = file_case_target(&c, ENDPOINT_FILE_DIRECT_OFF);
    for (int i = 0; i < 2; i++) {
        uint64_t requests_before = target->requests_count;

        await_good(await_block(&c.rig, target, AWAIT_ZERO, range, NULL).err);
        if (i == 1) /* 3 MiB and a page in pieces of 128 KiB, and no vain fallocate any more */
            cr_assert_eq(target->requests_count - requests_before, 25);
    }
    file_case_fill(bytes, DISK_BYTES, 6);
    memset(bytes + range.offset, 0, range.length);
    cr_assert(file_case_holds(&c, 0, bytes, DISK_BYTES));
    cr_assert_eq(file_case_size_bytes(&c), DISK_BYTES);
    endpoint_close(target);
    file_case_close(&c);
}

TEST_BOTH(endpoint_file_fault, a_source_is_never_written)
{
    struct file_case c;
    struct endpoint *source;
    struct block_req req;

    file_case_open(&c, backend);
    file_case_make(&c, DISK_BYTES);
    source = file_case_source(&c, ENDPOINT_FILE_DIRECT_OFF);
    memset(c.buf->memory, 7, BUF_BYTES);
    req = await_block(&c.rig, source, AWAIT_WRITE, (struct extent){0, 512}, c.buf);
    await_error(&req.err, ERR_USAGE, "is only read");
    req = await_block(&c.rig, source, AWAIT_ZERO, (struct extent){0, 512}, NULL);
    await_error(&req.err, ERR_USAGE, "is only read");
    cr_assert_eq(file_case_allocated_bytes(&c), 0);
    endpoint_close(source);
    file_case_close(&c);
}
