/* ferry_test.c - the data plane from its begin to its end: copies, failures, what it refuses, the queue. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/ferry_case.h"

#define MIB JOB_CASE_MIB

Test(ferry, copies_a_point_and_tells_states_and_roots)
{
    struct ferry_case c;
    const struct ferry_case_end *end;
    const struct ferry_case_told *one;

    ferry_case_open(&c);
    ferry_case_start(&c);
    ferry_case_make(&c, "one", "a", "a-copy", 2 * MIB, 1);
    ferry_case_make(&c, "two", "b", "b-copy", MIB, 2);
    ferry_case_begin(&c, "point", "one two");
    cr_assert(ferry_has(c.ferry, "point"));
    cr_assert_eq(c.told_count, 0u, "told from inside of begin");
    cr_assert_eq(ferry_look(c.ferry, "point", "one")->code, EVENT_PENDING);
    end = ferry_case_await_end(&c, "point");
    cr_assert_eq(end->code, EVENT_SUCCEEDED, "%s", end->message);
    cr_assert_null(ferry_look(c.ferry, "point", "one"));
    cr_assert_eq(ferry_points_count(c.ferry), 0u);
    ferry_case_await(&c, 0, "one", EVENT_IN_PROGRESS, "");
    one = ferry_case_last(&c, "one");
    cr_assert_eq(one->code, EVENT_SUCCEEDED);
    cr_assert_eq(one->percent, 100);
    cr_assert_eq(strncmp(one->outcome.root, "sha256:", 7), 0);
    cr_assert_eq(strlen(one->outcome.root), 71u);
    cr_assert_eq(one->outcome.disk_bytes, 2 * MIB);
    cr_assert_not(one->outcome.delta);
    job_case_expect_blob(&c.job, "a-copy", 2 * MIB, 1);
    job_case_expect_blob(&c.job, "b-copy", MIB, 2);
    ferry_case_close(&c);
}

Test(ferry, moves_only_what_changed_since_a_base)
{
    struct ferry_case c;
    struct ferry_case_disk *disk;
    struct ferry_disk next;
    const struct ferry_case_told *told;

    ferry_case_open(&c);
    ferry_case_start(&c);
    disk = ferry_case_make(&c, "first", "a", "a-copy", 2 * MIB, 1);
    ferry_case_begin(&c, "point 1", "first");
    cr_assert_eq(ferry_case_await_end(&c, "point 1")->code, EVENT_SUCCEEDED);
    job_case_spoil(&c.job, "a", MIB);
    disk = ferry_case_again(&c, "second", disk);
    next = ferry_case_disk(disk);
    next.base.identity = "first";
    ferry_case_begin_one(&c, "point 2", &next);
    cr_assert_eq(ferry_case_await_end(&c, "point 2")->code, EVENT_SUCCEEDED);
    told = ferry_case_last(&c, "second");
    cr_assert(told->outcome.delta, "%s", told->outcome.why_full);
    cr_assert_lt(told->outcome.written_bytes, MIB);
    cr_assert_eq(strncmp(told->outcome.delta_digest, "sha256:", 7), 0);
    ferry_case_close(&c);
}

Test(ferry, reads_and_writes_files)
{
    struct ferry_case c;
    struct ferry_disk disk = {.id = "one",
                              .source = {.kind = FERRY_FILE},
                              .target = {.kind = FERRY_FILE},
                              .verify = true};

    ferry_case_open(&c);
    ferry_case_start(&c);
    ferry_case_make(&c, "one", "a", "unused", MIB, 1);
    disk.source.path = job_case_file(&c.job, "source.img", 3 * MIB, 5);
    cr_assert_eq(chdir(c.job.folder), 0);
    disk.target.path = "env:restored \"quoted\".img";
    ferry_case_begin_one(&c, "point", &disk);
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_SUCCEEDED, "%s", c.ends[0].message);
    cr_assert_eq(c.asked[ACCESS_SOURCE] + c.asked[ACCESS_TARGET], 0u);
    cr_assert_str_eq(ferry_case_last(&c, "one")->message, "Complete, committed and verified.");
    cr_assert_eq(
        rename(job_case_path(&c.job, disk.target.path), job_case_path(&c.job, "restored.img")), 0);
    job_case_same_files(&c.job, "source.img", "restored.img");
    ferry_case_close(&c);
}

Test(ferry, fails_with_the_reason_and_finishes_the_other_disks)
{
    struct ferry_case c;
    const struct ferry_case_end *end;

    ferry_case_open(&c);
    ferry_case_start(&c);
    ferry_case_make(&c, "good", "a", "a-copy", 2 * MIB, 1);
    ferry_case_make(&c, "bad", "b", "b-copy", MIB, 2);
    job_case_blob(&c.job, "b-copy", 2 * MIB, 3);
    ferry_case_begin(&c, "point", "bad good");
    end = ferry_case_await_end(&c, "point");
    cr_assert_eq(end->code, EVENT_FAILED);
    cr_assert_not_null(strstr(end->message, "never shrunk"), "%s", end->message);
    cr_assert_eq(ferry_case_last(&c, "bad")->code, EVENT_FAILED);
    cr_assert_str_eq(ferry_case_last(&c, "bad")->message, end->message);
    cr_assert_eq(ferry_case_last(&c, "good")->code, EVENT_SUCCEEDED);
    job_case_expect_blob(&c.job, "a-copy", 2 * MIB, 1);
    ferry_case_close(&c);
}

Test(ferry, leaves_out_disks_that_are_done_and_begins_at_their_percent)
{
    struct ferry_case c;
    struct ferry_disk disks[2];
    struct ferry_point point = {.id = "point", .disks = disks, .disks_count = 2};
    struct err e = {0};

    ferry_case_open(&c);
    ferry_case_start(&c);
    disks[0] = ferry_case_disk(ferry_case_make(&c, "old", "a", "a-copy", MIB, 1));
    disks[1] = ferry_case_disk(ferry_case_make(&c, "new", "b", "b-copy", MIB, 2));
    disks[0].done = true;
    disks[1].seed_percent = 42;
    cr_assert(ferry_begin(c.ferry, &point, &e), "%s", e.text);
    cr_assert_eq(ferry_look(c.ferry, "point", "old")->percent, 100);
    cr_assert_eq(ferry_look(c.ferry, "point", "new")->percent, 42);
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_SUCCEEDED);
    cr_assert_geq(c.told[0].percent, 42);
    cr_assert_eq(ferry_case_put_bytes(&c, "a-copy"), 0u, "a disk that was done is copied");
    job_case_expect_blob(&c.job, "b-copy", MIB, 2);

    point.disks_count = 1; /* all of it is done: no process is needed */
    cr_assert(ferry_begin(c.ferry, &point, &e), "%s", e.text);
    c.ends_count = 0;
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_SUCCEEDED);
    ferry_case_close(&c);
}

static void refuses(struct ferry_case *c, const struct ferry_point *point, enum err_kind kind,
                    const char *words)
{
    struct err e = {0};

    cr_assert_not(ferry_begin(c->ferry, point, &e));
    cr_assert_eq(e.kind, kind, "%s", e.text);
    cr_assert_not_null(strstr(e.text, words), "%s", e.text);
}

Test(ferry, refuses_what_may_not_be)
{
    struct ferry_case c;
    struct ferry_disk good = {.id = "one",
                              .source = {.kind = FERRY_BLOB},
                              .target = {.kind = FERRY_BLOB}};
    struct ferry_disk disks[2] = {good, good};
    struct ferry_point point = {.id = "point", .disks = disks};
    char long_id[1026];

    ferry_case_open(&c);
    ferry_case_start(&c);
    refuses(&c, &point, ERR_USAGE, "disks");
    point.disks_count = 2;
    refuses(&c, &point, ERR_USAGE, "another disk has its id");
    point.disks_count = 1;
    disks[0].source = (struct ferry_end){.kind = FERRY_FILE, .path = "a\nb"};
    refuses(&c, &point, ERR_USAGE, "path");
    disks[0] = good;
    disks[0].base = (struct ferry_end){.kind = FERRY_FILE, .path = "/x"};
    refuses(&c, &point, ERR_USAGE, "source's kind");
    disks[0] = good;
    disks[0].target.kind = FERRY_NOTHING;
    refuses(&c, &point, ERR_USAGE, "target");
    disks[0] = good;
    disks[0].id = "a\nb";
    refuses(&c, &point, ERR_USAGE, "id");
    disks[0].id = "\xff\xfe";
    refuses(&c, &point, ERR_USAGE, "id");
    disks[0] = good;
    memset(long_id, 'x', sizeof long_id);
    long_id[sizeof long_id - 1] = 0;
    point.id = long_id;
    refuses(&c, &point, ERR_USAGE, "id");
    point.id = "";
    refuses(&c, &point, ERR_USAGE, "id");
    cr_assert_eq(ferry_points_count(c.ferry), 0u);
    ferry_case_close(&c);
}

Test(ferry, begins_a_point_once_and_a_folder_has_one_ferry)
{
    struct ferry_case c;
    struct ferry_disk disk;
    struct ferry_point point = {.id = "point", .disks = &disk, .disks_count = 1};
    struct err e = {0};

    ferry_case_open(&c);
    ferry_case_start(&c);
    disk = ferry_case_disk(ferry_case_make(&c, "one", "a", "a-copy", MIB, 1));
    ferry_case_begin(&c, "point", "one");
    refuses(&c, &point, ERR_CONFLICT, "already");
    cr_assert_null(ferry_new(&c.setup, &e));
    cr_assert_eq(e.kind, ERR_CONFLICT);
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_SUCCEEDED);
    ferry_case_close(&c);
}

/* ---- The queue ---- */

static void count_children(struct ferry_case *c, const char *point, const char *disk,
                           const struct ferry_disk_view *view)
{
    (void)point, (void)disk, (void)view;
    cr_assert_leq(ferry_children_count(c->ferry), 2u);
}

Test(ferry, lets_points_wait_for_a_place_in_their_order)
{
    static const char *const ids[] = {"one", "two", "three", "four", "five"};
    struct ferry_case c;
    char names[5][2][16];

    ferry_case_open(&c);
    c.setup.children_max = 2;
    c.setup.bytes_per_s = 4 * MIB;
    c.watch = count_children;
    ferry_case_start(&c);
    for (size_t i = 0; i < 5; i++) {
        snprintf(names[i][0], sizeof names[i][0], "source%zu", i);
        snprintf(names[i][1], sizeof names[i][1], "target%zu", i);
        ferry_case_make(&c, ids[i], names[i][0], names[i][1], 2 * MIB, i);
        ferry_case_begin(&c, ids[i], ids[i]);
    }
    ferry_case_await(&c, 0, "two", EVENT_IN_PROGRESS, "");
    cr_assert_eq(ferry_children_count(c.ferry), 2u);
    cr_assert_str_eq(ferry_look(c.ferry, "five", "five")->message, "Waits for its turn.");
    cr_assert_eq(ferry_look(c.ferry, "five", "five")->code, EVENT_PENDING);
    cr_assert_eq(ferry_child_pid(c.ferry, "five"), 0);
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(ferry_case_await_end(&c, ids[i])->code, EVENT_SUCCEEDED);
        job_case_expect_blob(&c.job, names[i][1], 2 * MIB, i);
    }
    cr_assert(strcmp(c.ends[4].point, "three") != 0, "the third came last");
    ferry_case_close(&c);
}
