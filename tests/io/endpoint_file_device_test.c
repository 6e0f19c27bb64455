/* endpoint_file_device_test.c - a block device (a loop device over a file) as both ends. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "io/endpoint_file.h"
#include "tests/support/file_case.h"

#define DISK_BYTES (16u << 20)

/* Sets c->path to a loop device over a new file, which goes when fd is closed. False: not here. */
static bool attach_loop(struct file_case *c, int *out_fd)
{
    struct loop_config config = {.info = {.lo_flags = LO_FLAGS_AUTOCLEAR}};
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

    file_case_make(c, DISK_BYTES);
    config.fd = (unsigned)open(c->path, O_RDWR | O_CLOEXEC);
    for (int attempt = 0; control >= 0 && attempt < 20; attempt++) {
        char path[64];
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        int fd;

        snprintf(path, sizeof path, "/dev/loop%d", number);
        fd = number < 0 ? -1 : open(path, O_RDWR | O_CLOEXEC);
        if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &config) == 0) {
            close((int)config.fd);
            close(control);
            unlink(c->path);
            snprintf(c->path, sizeof c->path, "%s", path);
            *out_fd = fd;
            return true;
        }
        if (fd >= 0)
            close(fd);
        if (fd < 0 || errno != EBUSY) /* EBUSY: somebody else took this one */
            break;
    }
    if (control >= 0)
        close(control);
    close((int)config.fd);
    return false;
}

static struct endpoint *open_device(struct file_case *c, bool writable, const char *state_path)
{
    struct endpoint_file_options options = {.writable = writable, .state_path = state_path};
    struct err e = {0};
    struct endpoint *ep = endpoint_file_open(c->rig.r, c->path, &options, &e);

    cr_assert(ep, "%s", e.text);
    return ep;
}

TEST_BOTH(endpoint_file_device, is_sized_listed_written_direct_cleared_and_marked)
{
    static const struct marker complete = {.state = MARKER_COMPLETE,
                                           .copy_uuid = "01234567-89ab-4def-8123-456789abcdef",
                                           .source = "file:/one",
                                           .size_bytes = DISK_BYTES};
    static unsigned char bytes[BUF_BYTES];
    struct extent range = {DISK_BYTES - BUF_BYTES, BUF_BYTES};
    struct file_case c;
    struct endpoint *target;
    struct stat_req st;
    struct extent_set data = {0};
    char state_path[TEST_PATH_MAX_BYTES], image[TEST_PATH_MAX_BYTES];
    char etag[ENDPOINT_ETAG_MAX_BYTES];
    int loop;

    file_case_open(&c, backend);
    memcpy(image, c.path, sizeof image);
    test_temp_path(state_path, "device.state");
    if (!attach_loop(&c, &loop)) {
        unlink(image);
        cr_skip_test("no loop device is to be had here");
    }
    target = open_device(&c, true, state_path);
    st = await_stat(&c.rig, target);
    await_good(st.err);
    cr_assert(st.exists && st.size_bytes == DISK_BYTES);
    cr_assert(!(target->capabilities & (ENDPOINT_CAN_CREATE | ENDPOINT_CAN_LIST)));
    await_good(await_list(&c.rig, target, (struct extent){0, DISK_BYTES}, &data).err);
    cr_assert(data.count == 1 && data.total_bytes == DISK_BYTES, "it may hold data anywhere");
    extent_set_fini(&data);
    cr_assert(endpoint_file_is_direct(target, range.offset, BUF_BYTES, c.buf->memory));
    file_case_fill(c.buf->memory, BUF_BYTES, 8);
    await_good(await_block(&c.rig, target, AWAIT_WRITE, range, c.buf).err);
    await_good(await_block(&c.rig, target, AWAIT_FLUSH, (struct extent){0}, NULL).err);
    file_case_fill(bytes, BUF_BYTES, 8);
    cr_assert(file_case_holds(&c, range.offset, bytes, BUF_BYTES));
    range.length = 1u << 20;
    await_good(await_block(&c.rig, target, AWAIT_ZERO, range, NULL).err);
    memset(bytes, 0, 1u << 20);
    cr_assert(file_case_holds(&c, range.offset, bytes, BUF_BYTES));
    await_good(await_setup(&c.rig, target, SETUP_MARK, 0, &complete).err);
    st = await_stat(&c.rig, target);
    cr_assert_eq(st.marker.state, MARKER_COMPLETE);
    memcpy(etag, st.etag, sizeof etag);
    endpoint_close(target);
    target = open_device(&c, true, state_path);
    st = await_stat(&c.rig, target);
    cr_assert_str_neq(st.etag, etag, "an etag that proves nothing is never the same");
    endpoint_close(target);
    close(loop);
    unlink(state_path);
    c.path[0] = '\0';
    file_case_close(&c);
}

TEST_BOTH(endpoint_file_device, one_that_is_in_use_is_refused_as_target)
{
    struct endpoint_file_options options = {.writable = true};
    struct file_case c;
    struct err e = {0};
    char image[TEST_PATH_MAX_BYTES];
    int loop, holder;

    file_case_open(&c, backend);
    memcpy(image, c.path, sizeof image);
    if (!attach_loop(&c, &loop)) {
        unlink(image);
        cr_skip_test("no loop device is to be had here");
    }
    holder = open(c.path, O_RDWR | O_EXCL | O_CLOEXEC); /* what a mount does */
    cr_assert(holder >= 0);
    cr_assert_null(endpoint_file_open(c.rig.r, c.path, &options, &e));
    cr_assert(strstr(e.text, "is in use"), "%s", e.text);
    options.writable = false;
    err_clear(&e);
    endpoint_close(endpoint_file_open(c.rig.r, c.path, &options, &e));
    cr_assert(!err_is_set(&e), "reading it harms nobody: %s", e.text);
    close(holder);
    close(loop);
    c.path[0] = '\0';
    file_case_close(&c);
}
