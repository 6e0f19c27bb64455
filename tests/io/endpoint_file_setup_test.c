/* endpoint_file_setup_test.c - what a path may name, what is made of it, and its sidecar. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/endpoint_file.h"
#include "tests/support/file_case.h"

#define DISK_BYTES (1u << 20)

static const struct marker copying = {
    .state = MARKER_COPYING,
    .copy_uuid = "01234567-89ab-4def-8123-456789abcdef",
    .source = "https://example.invalid/disk one?snapshot=2026",
    .size_bytes = DISK_BYTES,
};

static void refuses(struct file_case *c, const char *path, bool writable, const char *words)
{
    struct endpoint_file_options options = {.writable = writable};
    struct err e = {0};

    cr_assert_null(endpoint_file_open(c->rig.r, path, &options, &e));
    cr_assert(strstr(e.text, words), "%s", e.text);
    cr_assert(strstr(e.text, path), "the sentence names the path: %s", e.text);
}

TEST_BOTH(endpoint_file_setup, what_is_no_disk_is_refused_with_a_sentence)
{
    struct file_case c;

    file_case_open(&c, backend);
    refuses(&c, "/dev/null", true, "is a character device");
    refuses(&c, "/dev/tty0", false, "/dev/tty0");
    refuses(&c, getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", true, "is a directory");
    refuses(&c, "/no-such-folder/disk", true, "No such file or directory");
    cr_assert_eq(mkfifo(c.path, 0600), 0);
    refuses(&c, c.path, false, "is a FIFO");
    unlink(c.path);
    cr_assert_eq(symlink(c.path, c.path), 0);
    refuses(&c, c.path, true, "symbolic links");
    unlink(c.path);
    cr_assert_eq(symlink("/nowhere/at/all", c.path), 0);
    refuses(&c, c.path, true, "a symbolic link to something that does not exist");
    unlink(c.path);
    file_case_make(&c, 1000);
    refuses(&c, c.path, false, "has 1000 bytes, which is no multiple of 512");
    file_case_close(&c);
}

TEST_BOTH(endpoint_file_setup, an_absent_file_is_no_error_and_is_created_private_and_sparse)
{
    struct file_case c;
    struct endpoint *target;
    struct setup_req made;
    struct stat_req st;
    struct stat node;

    file_case_open(&c, backend);
    target = file_case_target(&c, ENDPOINT_FILE_DIRECT_AUTO);
    st = await_stat(&c.rig, target);
    cr_assert(!st.exists && target->size_bytes == 0);
    cr_assert_eq(access(c.path, F_OK), -1, "a look creates nothing");
    made = await_setup(&c.rig, target, SETUP_CREATE, DISK_BYTES, &copying);
    await_good(made.err);
    cr_assert_eq(target->size_bytes, DISK_BYTES);
    cr_assert_eq(stat(c.path, &node), 0);
    cr_assert_eq(node.st_mode & 0777, 0600);
    cr_assert(node.st_size == DISK_BYTES && node.st_blocks == 0);
    st = await_stat(&c.rig, target);
    cr_assert(st.exists && st.marker.state == MARKER_COPYING);
    cr_assert_str_eq(st.marker.source, copying.source);
    cr_assert_str_eq(st.marker.copy_uuid, copying.copy_uuid);
    cr_assert(st.etag[0] && strcmp(st.etag, made.out_etag) == 0);
    cr_assert(strstr(st.last_modified, "GMT"));
    cr_assert_eq(stat(c.state_path, &node), 0);
    cr_assert_eq(node.st_mode & 0777, 0600);
    endpoint_close(target);
    file_case_close(&c);
}

TEST_BOTH(endpoint_file_setup, creating_what_exists_is_a_conflict_and_touches_nothing)
{
    struct file_case c;
    struct endpoint *first, *second;
    struct setup_req req;

    file_case_open(&c, backend);
    first = file_case_target(&c, ENDPOINT_FILE_DIRECT_AUTO);
    second = file_case_target(&c, ENDPOINT_FILE_DIRECT_AUTO);
    await_good(await_setup(&c.rig, first, SETUP_CREATE, DISK_BYTES, &copying).err);
    req = await_setup(&c.rig, second, SETUP_CREATE, 2 * DISK_BYTES, NULL);
    await_error(&req.err, ERR_CONFLICT, "exists already");
    req = await_setup(&c.rig, first, SETUP_CREATE, 2 * DISK_BYTES, NULL);
    await_error(&req.err, ERR_CONFLICT, "exists already");
    cr_assert_eq(file_case_size_bytes(&c), DISK_BYTES);
    cr_assert_eq(await_stat(&c.rig, first).marker.state, MARKER_COPYING);
    endpoint_close(first);
    endpoint_close(second);
    file_case_close(&c);
}

/* Else the first to end would call complete what the other has half overwritten. */
TEST_BOTH(endpoint_file_setup, two_copies_into_one_file_exclude_each_other)
{
    struct file_case c;
    struct endpoint *first, *second;
    struct setup_req req;

    file_case_open(&c, backend);
    file_case_make(&c, DISK_BYTES);
    first = file_case_target(&c, ENDPOINT_FILE_DIRECT_AUTO);
    second = file_case_target(&c, ENDPOINT_FILE_DIRECT_AUTO);
    await_good(await_setup(&c.rig, first, SETUP_MARK, 0, &copying).err);
    req = await_setup(&c.rig, second, SETUP_MARK, 0, &copying);
    await_error(&req.err, ERR_CONFLICT, "another copy works on");
    endpoint_close(first);
    req = await_setup(&c.rig, second, SETUP_MARK, 0, &copying);
    await_error(&req.err, ERR_CONFLICT, "while it was looked at");
    await_good(await_stat(&c.rig, second).err);
    await_good(await_setup(&c.rig, second, SETUP_MARK, 0, &copying).err);
    endpoint_close(second);
    file_case_close(&c);
}

/* A copy that goes on writes again before it sets another marker. */
TEST_BOTH(endpoint_file_setup, a_fence_excludes_other_copies_too)
{
    struct marker other = copying;
    struct file_case c;
    struct endpoint *first, *second;
    struct setup_req req;

    file_case_open(&c, backend);
    file_case_make(&c, DISK_BYTES);
    first = file_case_target(&c, ENDPOINT_FILE_DIRECT_AUTO);
    await_good(await_setup(&c.rig, first, SETUP_MARK, 0, &copying).err);
    endpoint_close(first);
    first = file_case_target(&c, ENDPOINT_FILE_DIRECT_AUTO);
    second = file_case_target(&c, ENDPOINT_FILE_DIRECT_AUTO);
    await_good(await_setup(&c.rig, first, SETUP_FENCE, 0, NULL).err);
    other.copy_uuid[0] = '9';
    req = await_setup(&c.rig, second, SETUP_MARK, 0, &other);
    await_error(&req.err, ERR_CONFLICT, "another copy works on");
    endpoint_close(first);
    first = file_case_target(&c, ENDPOINT_FILE_DIRECT_AUTO);
    await_good(await_setup(&c.rig, second, SETUP_MARK, 0, &other).err);
    req = await_setup(&c.rig, first, SETUP_FENCE, 0, NULL);
    await_error(&req.err, ERR_CONFLICT, "another copy works on");
    endpoint_close(second);
    req = await_setup(&c.rig, first, SETUP_FENCE, 0, NULL);
    await_error(&req.err, ERR_CONFLICT, "while it was looked at");
    endpoint_close(first);
    file_case_close(&c);
}

TEST_BOTH(endpoint_file_setup, an_empty_file_counts_as_absent_and_loses_the_marker_of_a_former_one)
{
    struct file_case c;
    struct endpoint *target;
    struct stat_req st;

    file_case_open(&c, backend);
    target = file_case_target(&c, ENDPOINT_FILE_DIRECT_AUTO);
    await_good(await_setup(&c.rig, target, SETUP_CREATE, DISK_BYTES, &copying).err);
    endpoint_close(target);
    file_case_make(&c, 0);
    target = file_case_target(&c, ENDPOINT_FILE_DIRECT_AUTO);
    cr_assert(!await_stat(&c.rig, target).exists);
    await_good(await_setup(&c.rig, target, SETUP_CREATE, DISK_BYTES, NULL).err);
    st = await_stat(&c.rig, target);
    cr_assert(st.exists && st.size_bytes == DISK_BYTES);
    cr_assert_eq(st.marker.state, MARKER_NONE);
    endpoint_close(target);
    file_case_close(&c);
}

TEST_BOTH(endpoint_file_setup, an_empty_source_and_a_missing_device_are_errors)
{
    struct endpoint_file_options options = {.writable = true};
    struct file_case c;
    struct endpoint *ep;
    struct err e = {0};
    struct stat_req st;
    struct setup_req made;

    file_case_open(&c, backend);
    file_case_make(&c, 0);
    options.writable = false;
    ep = endpoint_file_open(c.rig.r, c.path, &options, &e);
    cr_assert(ep, "%s", e.text);
    st = await_stat(&c.rig, ep);
    await_error(&st.err, ERR_USAGE, "is empty");
    endpoint_close(ep);
    options.writable = true;
    ep = endpoint_file_open(c.rig.r, "/dev/snapferry-no-such-device", &options, &e);
    cr_assert(ep, "%s", e.text);
    cr_assert(!await_stat(&c.rig, ep).exists);
    made = await_setup(&c.rig, ep, SETUP_CREATE, DISK_BYTES, NULL);
    await_error(&made.err, ERR_GONE, "there is no device");
    cr_assert_eq(access("/dev/snapferry-no-such-device", F_OK), -1);
    endpoint_close(ep);
    file_case_close(&c);
}

TEST_BOTH(endpoint_file_setup, growing_adds_zeros_and_shrinking_is_refused)
{
    static unsigned char bytes[2 * DISK_BYTES];
    struct file_case c;
    struct endpoint *target;
    struct setup_req req;

    file_case_open(&c, backend);
    file_case_make(&c, DISK_BYTES);
    file_case_put(&c, 0, DISK_BYTES, 3);
    target = file_case_target(&c, ENDPOINT_FILE_DIRECT_AUTO);
    await_good(await_setup(&c.rig, target, SETUP_RESIZE, 2 * DISK_BYTES, NULL).err);
    cr_assert_eq(target->size_bytes, 2 * DISK_BYTES);
    file_case_fill(bytes, DISK_BYTES, 3);
    cr_assert(file_case_holds(&c, 0, bytes, sizeof bytes));
    req = await_setup(&c.rig, target, SETUP_RESIZE, DISK_BYTES, NULL);
    await_error(&req.err, ERR_USAGE, "never shrunk");
    cr_assert_eq(file_case_size_bytes(&c), 2 * DISK_BYTES);
    endpoint_close(target);
    file_case_close(&c);
}

TEST_BOTH(endpoint_file_setup, a_marker_outlives_its_endpoint_and_a_damaged_one_is_an_error)
{
    struct marker complete = copying;
    struct file_case c;
    struct endpoint *target;
    struct stat_req st;
    int fd;

    file_case_open(&c, backend);
    file_case_make(&c, DISK_BYTES);
    complete.state = MARKER_COMPLETE;
    target = file_case_target(&c, ENDPOINT_FILE_DIRECT_AUTO);
    await_good(await_setup(&c.rig, target, SETUP_MARK, 0, &complete).err);
    endpoint_close(target);
    target = file_case_target(&c, ENDPOINT_FILE_DIRECT_AUTO);
    st = await_stat(&c.rig, target);
    cr_assert_eq(st.marker.state, MARKER_COMPLETE);
    fd = open(c.state_path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    cr_assert(fd >= 0 && write(fd, "snapferry_state=perhaps\n", 24) == 24);
    close(fd);
    st = await_stat(&c.rig, target);
    await_error(&st.err, ERR_CORRUPT, "cannot be understood");
    cr_assert(strstr(st.err.text, c.state_path));
    cr_assert_eq(truncate(c.state_path, 0), 0);
    st = await_stat(&c.rig, target);
    await_error(&st.err, ERR_CORRUPT, "it says nothing");
    endpoint_close(target);
    file_case_close(&c);
}

TEST_BOTH(endpoint_file_setup, the_sidecar_may_live_elsewhere)
{
    struct endpoint_file_options options = {.writable = true};
    struct file_case c;
    struct endpoint *target;
    struct err e = {0};
    char elsewhere[TEST_PATH_MAX_BYTES];

    file_case_open(&c, backend);
    test_temp_path(elsewhere, "state-elsewhere");
    file_case_make(&c, DISK_BYTES);
    options.state_path = elsewhere;
    target = endpoint_file_open(c.rig.r, c.path, &options, &e);
    cr_assert(target, "%s", e.text);
    await_good(await_setup(&c.rig, target, SETUP_MARK, 0, &copying).err);
    cr_assert_eq(access(elsewhere, F_OK), 0);
    cr_assert_eq(access(c.state_path, F_OK), -1);
    endpoint_close(target);
    unlink(elsewhere);
    file_case_close(&c);
}

TEST_BOTH(endpoint_file_setup, a_replaced_file_is_noticed_and_gets_no_marker)
{
    struct file_case c;
    struct endpoint *target;
    struct stat_req st;
    struct setup_req req;

    file_case_open(&c, backend);
    file_case_make(&c, DISK_BYTES);
    target = file_case_target(&c, ENDPOINT_FILE_DIRECT_AUTO);
    cr_assert_eq(unlink(c.path), 0);
    file_case_make(&c, DISK_BYTES);
    st = await_stat(&c.rig, target);
    await_error(&st.err, ERR_GONE, "removed or replaced");
    req = await_setup(&c.rig, target, SETUP_MARK, 0, &copying);
    await_error(&req.err, ERR_GONE, "removed or replaced");
    cr_assert_eq(access(c.state_path, F_OK), -1);
    endpoint_close(target);
    file_case_close(&c);
}

TEST_BOTH(endpoint_file_setup, the_etag_tells_a_changed_file_and_the_identity_a_linked_one)
{
    struct file_case c;
    struct endpoint *source, *linked;
    struct endpoint_file_options options = {0};
    struct err e = {0};
    char link[TEST_PATH_MAX_BYTES];
    char first[ENDPOINT_ETAG_MAX_BYTES];

    file_case_open(&c, backend);
    file_case_make(&c, DISK_BYTES);
    source = file_case_source(&c, ENDPOINT_FILE_DIRECT_AUTO);
    memcpy(first, await_stat(&c.rig, source).etag, sizeof first);
    cr_assert_str_eq(await_stat(&c.rig, source).etag, first);
    file_case_put(&c, 0, 512, 1);
    cr_assert_str_neq(await_stat(&c.rig, source).etag, first);
    test_temp_path(link, "link");
    unlink(link);
    cr_assert_eq(symlink(c.path, link), 0);
    linked = endpoint_file_open(c.rig.r, link, &options, &e);
    cr_assert(linked, "%s", e.text);
    cr_assert_str_eq(linked->identity, source->identity);
    cr_assert_eq(strncmp(source->identity, "file:/", 6), 0);
    endpoint_close(linked);
    endpoint_close(source);
    unlink(link);
    file_case_close(&c);
}

TEST_BOTH(endpoint_file_setup, only_what_a_copy_made_itself_is_removed_for_it)
{
    struct marker other = copying;
    struct file_case c;
    struct endpoint *target;
    struct setup_req req;

    other.copy_uuid[0] = 'f';
    file_case_open(&c, backend);
    target = file_case_target(&c, ENDPOINT_FILE_DIRECT_AUTO);
    req = await_setup(&c.rig, target, SETUP_REMOVE, 0, &copying);
    await_error(&req.err, ERR_GONE, "does not exist");
    await_good(await_setup(&c.rig, target, SETUP_CREATE, DISK_BYTES, &copying).err);
    req = await_setup(&c.rig, target, SETUP_REMOVE, 0, &other);
    await_error(&req.err, ERR_CONFLICT, "is not what this copy made");
    cr_assert_eq(file_case_size_bytes(&c), DISK_BYTES);
    await_good(await_setup(&c.rig, target, SETUP_REMOVE, 0, &copying).err);
    cr_assert_eq(access(c.path, F_OK), -1);
    cr_assert_eq(access(c.state_path, F_OK), -1);
    cr_assert_not(await_stat(&c.rig, target).exists);
    /* A disk that nobody marked is nobody's scratch. */
    await_good(await_setup(&c.rig, target, SETUP_CREATE, DISK_BYTES, NULL).err);
    req = await_setup(&c.rig, target, SETUP_REMOVE, 0, &copying);
    await_error(&req.err, ERR_CONFLICT, "is not what this copy made");
    cr_assert_eq(file_case_size_bytes(&c), DISK_BYTES);
    endpoint_close(target);
    file_case_close(&c);
}
