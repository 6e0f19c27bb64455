/* whole_file_test.c - large files: there whole or not at all, private, one writer at a time. */
#include "io/whole_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test_reactor.h"

struct place {
    char folder[TEST_PATH_MAX_BYTES];
    char path[TEST_PATH_MAX_BYTES + 16];
    char fresh[TEST_PATH_MAX_BYTES + 16];
};

static void place_open(struct place *p)
{
    test_temp_path(p->folder, "whole-XXXXXX");
    cr_assert(mkdtemp(p->folder));
    snprintf(p->path, sizeof p->path, "%s/file", p->folder);
    snprintf(p->fresh, sizeof p->fresh, "%s/file.new", p->folder);
}

static void place_close(struct place *p)
{
    unlink(p->path);
    unlink(p->fresh);
    cr_assert_eq(rmdir(p->folder), 0, "something is left there");
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

static void write_whole(const struct place *p, const char *text)
{
    struct err e = {0};
    struct whole_writer *writer = whole_writer_open(p->path, &e);

    cr_assert_not_null(writer, "%s", e.text);
    cr_assert(whole_writer_append(writer, text, strlen(text), &e));
    cr_assert(whole_writer_commit(writer, &e), "%s", e.text);
    whole_writer_close(writer);
}

static void expect_text(const struct place *p, const char *text)
{
    struct err e = {0};
    struct whole_reader *reader = whole_reader_open(p->path, &e);
    char found[64] = {0};
    size_t count, more;

    cr_assert_not_null(reader, "%s", e.text);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert(whole_reader_read(reader, found, sizeof found - 1, &count, &e));
        cr_assert_eq(count, strlen(text));
        cr_assert_str_eq(found, text);
        cr_assert(whole_reader_read(reader, found, sizeof found - 1, &more, &e));
        cr_assert_eq(more, 0u);
        cr_assert(whole_reader_rewind(reader, &e));
    }
    whole_reader_close(reader);
}

Test(whole_file, is_replaced_when_whole_and_readable_by_its_owner_only)
{
    struct place p;
    struct stat st;

    place_open(&p);
    write_whole(&p, "first");
    expect_text(&p, "first");
    write_whole(&p, "second");
    expect_text(&p, "second");
    cr_assert_eq(stat(p.path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600u);
    cr_assert_not(is_there(p.fresh));
    place_close(&p);
}

Test(whole_file, is_written_in_any_order_too)
{
    struct err e = {0};
    struct whole_writer *writer;
    struct place p;

    place_open(&p);
    writer = whole_writer_open(p.path, &e);
    cr_assert_not_null(writer, "%s", e.text);
    cr_assert(whole_writer_put(writer, 6, "world", 5, &e));
    cr_assert(whole_writer_put(writer, 0, "hello ", 6, &e));
    cr_assert(whole_writer_commit(writer, &e), "%s", e.text);
    whole_writer_close(writer);
    expect_text(&p, "hello world");
    place_close(&p);
}

Test(whole_file, keeps_the_old_one_when_a_write_is_given_up)
{
    struct err e = {0};
    struct whole_writer *writer;
    struct place p;

    place_open(&p);
    write_whole(&p, "old");
    writer = whole_writer_open(p.path, &e);
    cr_assert(whole_writer_append(writer, "half", 4, &e));
    expect_text(&p, "old");
    whole_writer_close(writer);
    expect_text(&p, "old");
    cr_assert_not(is_there(p.fresh));
    place_close(&p);
}

Test(whole_file, goes_over_what_a_killed_process_left)
{
    struct place p;
    FILE *left;

    place_open(&p);
    left = fopen(p.fresh, "w");
    cr_assert_not_null(left);
    fputs("a long text that nobody finished", left);
    fclose(left);
    write_whole(&p, "new");
    expect_text(&p, "new");
    place_close(&p);
}

Test(whole_file, has_one_writer_at_a_time)
{
    struct err e = {0};
    struct whole_writer *first;
    struct place p;

    place_open(&p);
    first = whole_writer_open(p.path, &e);
    cr_assert_not_null(first);
    cr_assert_null(whole_writer_open(p.path, &e));
    cr_assert_eq(e.kind, ERR_CONFLICT);
    cr_assert(is_there(p.fresh), "the second one must not remove the first one's file");
    whole_writer_close(first);
    write_whole(&p, "later");
    place_close(&p);
}

Test(whole_file, refuses_what_is_no_regular_file)
{
    struct err e = {0};
    struct place p;

    place_open(&p);
    cr_assert_null(whole_writer_open(p.folder, &e));
    cr_assert_eq(e.kind, ERR_USAGE, "%s", e.text);
    err_clear(&e);
    cr_assert_eq(mkfifo(p.path, 0600), 0);
    cr_assert_null(whole_reader_open(p.path, &e));
    cr_assert_eq(e.kind, ERR_USAGE);
    err_clear(&e);
    cr_assert_null(whole_writer_open(p.path, &e));
    cr_assert_eq(e.kind, ERR_USAGE);
    unlink(p.path);
    err_clear(&e);
    cr_assert_eq(symlink("/etc/passwd", p.fresh), 0);
    cr_assert_null(whole_writer_open(p.path, &e), "a link is not followed");
    cr_assert_eq(e.sys_errno, ELOOP);
    err_clear(&e);
    cr_assert_null(whole_reader_open("/nowhere/at/all", &e));
    cr_assert_eq(e.sys_errno, ENOENT);
    place_close(&p);
}

/* A limit of the process stands for a full disk. */
Test(whole_file, says_when_a_write_fails_and_keeps_the_old_one)
{
    static char text[1 << 16];
    struct rlimit limit = {sizeof text / 2, sizeof text / 2};
    struct err e = {0};
    struct whole_writer *writer;
    struct place p;

    place_open(&p);
    write_whole(&p, "old");
    writer = whole_writer_open(p.path, &e);
    cr_assert_not_null(writer);
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_not(whole_writer_append(writer, text, sizeof text, &e));
    cr_assert_eq(e.sys_errno, EFBIG);
    whole_writer_close(writer);
    expect_text(&p, "old");
    place_close(&p);
}
