/* durable_test.c - small files: replaced whole or not at all, private, bounded, locked. */
#include "io/durable.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "io/durable_later.h"
#include "tests/support/test_reactor.h"

struct folder {
    char path[TEST_PATH_MAX_BYTES];
    char file[TEST_PATH_MAX_BYTES + 16];
};

static void folder_open(struct folder *f)
{
    test_temp_path(f->path, "durable-XXXXXX");
    cr_assert(mkdtemp(f->path));
    snprintf(f->file, sizeof f->file, "%s/state", f->path);
}

static unsigned folder_count(const struct folder *f)
{
    DIR *dir = opendir(f->path);
    unsigned count = 0;

    cr_assert(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 2; /* . and .. */
}

static void folder_close(struct folder *f)
{
    unlink(f->file);
    rmdir(f->path);
}

static void holds(const struct folder *f, const char *want)
{
    struct err e = {0};
    char *text = NULL;
    size_t count = 0;

    cr_assert(durable_read(f->file, 100, &text, &count, &e), "%s", e.text);
    cr_assert(text && count == strlen(want));
    cr_assert_str_eq(text, want);
    free(text);
}

Test(durable, replaces_a_file_whole_and_leaves_nothing_else)
{
    struct folder f;
    struct err e = {0};
    struct stat st;

    folder_open(&f);
    cr_assert(durable_write(f.file, "a longer first text", 19, &e), "%s", e.text);
    cr_assert(durable_write(f.file, "second", 6, &e), "%s", e.text);
    holds(&f, "second");
    cr_assert_eq(stat(f.file, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
    cr_assert_eq(folder_count(&f), 1);
    folder_close(&f);
}

Test(durable, a_failed_write_keeps_what_was_there_and_leaves_nothing_behind)
{
    struct folder f;
    struct err e = {0};
    char below[sizeof f.file + 16];

    folder_open(&f);
    cr_assert(durable_write(f.file, "kept", 4, &e), "%s", e.text);
    cr_assert_eq(mkdir(strcat(strcpy(below, f.path), "/full"), 0700), 0);
    cr_assert(!durable_write(below, "x", 1, &e), "a folder is in the way of the rename");
    cr_assert(e.kind == ERR_IO && strstr(e.text, below), "%s", e.text);
    cr_assert_eq(folder_count(&f), 2, "the new file beside it is gone");
    holds(&f, "kept");
    rmdir(below);
    folder_close(&f);
}

Test(durable, reading_what_is_not_there_is_no_error_and_what_is_too_large_is_one)
{
    struct folder f;
    struct err e = {0};
    char *text = (char *)&e;
    size_t count = 7;

    folder_open(&f);
    cr_assert(durable_read(f.file, 10, &text, &count, &e));
    cr_assert(!text && count == 0);
    cr_assert(durable_write(f.file, "0123456789", 10, &e));
    cr_assert(durable_read(f.file, 10, &text, &count, &e), "%s", e.text);
    cr_assert(text && count == 10 && text[10] == '\0');
    free(text);
    cr_assert(!durable_read(f.file, 9, &text, &count, &e));
    cr_assert(e.kind == ERR_LIMIT && strstr(e.text, "larger than the 9 bytes"), "%s", e.text);
    folder_close(&f);
}

Test(durable, a_fifo_in_the_place_of_a_file_is_refused_and_does_not_block, .timeout = 10)
{
    struct folder f;
    struct err e = {0};
    char *text = NULL;
    size_t count;

    folder_open(&f);
    cr_assert_eq(mkfifo(f.file, 0600), 0);
    cr_assert(!durable_read(f.file, 10, &text, &count, &e));
    cr_assert(strstr(e.text, "not a regular file"), "%s", e.text);
    folder_close(&f);
}

Test(durable, folders_are_made_private_and_existing_ones_are_fine)
{
    struct folder f;
    struct err e = {0};
    struct stat st;
    char deep[sizeof f.file + 32], middle[sizeof f.file + 16];

    folder_open(&f);
    snprintf(middle, sizeof middle, "%s/a", f.path);
    snprintf(deep, sizeof deep, "%s/b", middle);
    cr_assert(durable_make_folder(deep, &e), "%s", e.text);
    cr_assert(durable_make_folder(deep, &e), "%s", e.text);
    cr_assert(stat(middle, &st) == 0 && (st.st_mode & 0777) == 0700);
    rmdir(deep);
    rmdir(middle);
    cr_assert(durable_write(f.file, "x", 1, &e));
    cr_assert(!durable_make_folder(strcat(strcpy(deep, f.file), "/c"), &e), "a file is in the way");
    cr_assert(strstr(e.text, "cannot make the folder"), "%s", e.text);
    folder_close(&f);
}

Test(durable, a_lock_is_held_until_its_descriptor_closes)
{
    struct folder f;
    struct err e = {0};
    int first = -1, second = -1;

    folder_open(&f);
    cr_assert(durable_lock(f.file, false, &first, &e), "%s", e.text);
    cr_assert(!durable_lock(f.file, false, &second, &e));
    cr_assert(e.kind == ERR_CONFLICT && strstr(e.text, "another process holds"), "%s", e.text);
    close(first);
    err_clear(&e);
    cr_assert(durable_lock(f.file, true, &second, &e), "%s", e.text);
    close(second);
    folder_close(&f);
}

static int held_fd;

static void give_back(int signal_number)
{
    (void)signal_number;
    close(held_fd);
}

/* A killed process has its locks for some milliseconds more. */
Test(durable, a_lock_that_is_given_back_soon_is_waited_for)
{
    const struct itimerval soon = {.it_value = {0, 50000}};
    struct folder f;
    struct err e = {0};
    int second = -1;

    folder_open(&f);
    cr_assert(durable_lock(f.file, false, &held_fd, &e), "%s", e.text);
    signal(SIGALRM, give_back);
    cr_assert_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
    cr_assert(durable_lock(f.file, true, &second, &e), "%s", e.text);
    close(second);
    folder_close(&f);
}

/* ---- Later ---- */

struct later {
    struct err error;
    bool ended;
};

static void later_done(void *arg, const struct err *error)
{
    struct later *later = arg;

    later->error = *error;
    later->ended = true;
}

TEST_BOTH(durable, replaces_a_file_later_and_leaves_nothing_else)
{
    struct rig rig;
    struct folder f;
    struct later later = {0};
    struct err e = {0};

    folder_open(&f);
    rig_open(&rig, backend);
    cr_assert(durable_write(f.file, "old", 3, &e));
    cr_assert(durable_write_later(rig.r, f.file, "newer", 5, later_done, &later, &e), "%s", e.text);
    cr_expect_not(later.ended, "never from inside");
    holds(&f, "old");
    rig_until(&rig, &later.ended);
    cr_expect_not(err_is_set(&later.error), "%s", later.error.text);
    holds(&f, "newer");
    cr_expect_eq(folder_count(&f), 1u);
    rig_close(&rig);
    folder_close(&f);
}

TEST_BOTH(durable, what_cannot_be_replaced_is_told_and_nothing_new_is_left)
{
    struct rig rig;
    struct folder f;
    struct later later = {0};
    struct err e = {0};

    folder_open(&f);
    rig_open(&rig, backend);
    cr_assert_eq(mkdir(f.file, 0700), 0); /* no file can be renamed over it */
    cr_assert(durable_write_later(rig.r, f.file, "new", 3, later_done, &later, &e), "%s", e.text);
    rig_until(&rig, &later.ended);
    cr_expect_eq(later.error.sys_errno, EISDIR);
    cr_expect_eq(folder_count(&f), 1u);
    cr_assert_eq(rmdir(f.file), 0);
    cr_assert_eq(rmdir(f.path), 0);
    cr_expect_not(durable_write_later(rig.r, f.file, "new", 3, later_done, &later, &e));
    cr_expect_eq(e.sys_errno, ENOENT);
    rig_close(&rig);
}
