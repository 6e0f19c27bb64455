/* cut_raw_test.c - raw disks cut by reflink, LVM (a stand-in that is told what lvcreate is told) and
 * commands. */
#include "tools/controld/cut_raw.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/test_reactor.h"

#define DISK_BYTES (256u << 10)

struct raw_case {
    struct rig rig;
    struct cut_raw raw;
    struct cut_raw_op *op;
    bool done;
    struct err error;
    char folder[TEST_PATH_MAX_BYTES];
    char disk[TEST_PATH_MAX_BYTES + 16];
    char cut[TEST_PATH_MAX_BYTES + 16];
};

static int shell(const char *text)
{
    return system(text);
}

static void on_done(void *arg, struct cut_raw_op *op, const struct err *error)
{
    struct raw_case *c = arg;

    cr_assert_eq(op, c->op);
    c->done = true;
    c->error = *error;
}

static void begin(struct raw_case *c, enum cut_means means)
{
    memset(c, 0, sizeof *c);
    rig_open(&c->rig, REACTOR_AUTO);
    test_temp_path(c->folder, "raw");
    snprintf(c->disk, sizeof c->disk, "%s/disk", c->folder);
    snprintf(c->cut, sizeof c->cut, "%s/cut 1", c->folder);
    setenv("RAW", c->folder, 1);
    cr_assert_eq(shell("mkdir $RAW && head -c 262144 /dev/urandom >$RAW/disk"), 0);
    c->raw = (struct cut_raw){.means = means, .path = c->disk, .cut_path = c->cut};
}

static void make(struct raw_case *c)
{
    struct cut_raw_setup setup = {.reactor = c->rig.r,
                                  .point = "point-1",
                                  .disk = "disk-1",
                                  .raw = &c->raw,
                                  .done = on_done,
                                  .arg = c};
    struct err e = {0};

    cut_raw_free(c->op);
    c->op = cut_raw_new(&setup, &e);
    cr_assert(c->op, "%s", e.text);
}

static void look(struct raw_case *c)
{
    struct err e = {0};

    make(c);
    cr_assert(cut_raw_look(c->op, false, &e), "%s", e.text);
    cr_expect_eq(cut_raw_size_bytes(c->op), DISK_BYTES);
}

static void wait_for(struct raw_case *c)
{
    cr_assert_not(c->done, "not from inside");
    rig_until(&c->rig, &c->done);
    c->done = false;
}

static void take(struct raw_case *c)
{
    look(c);
    cut_raw_take(c->op, TEST_PATIENCE_NS);
    wait_for(c);
}

static void good(const struct raw_case *c)
{
    cr_assert_not(err_is_set(&c->error), "%s", c->error.text);
}

static void finish(struct raw_case *c)
{
    cut_raw_free(c->op);
    cr_assert_not(reactor_busy(c->rig.r));
    rig_close(&c->rig);
    cr_assert_eq(shell("rm -rf \"$RAW\""), 0);
}

Test(cut_raw, a_command_cuts_and_is_told_what)
{
    struct raw_case c;

    begin(&c, CUT_MEANS_COMMAND);
    c.raw.command = "cp \"$SNAPFERRY_SOURCE\" \"$SNAPFERRY_CUT\" && "
                    "echo $SNAPFERRY_POINT $SNAPFERRY_DISK >\"$RAW/said\"";
    take(&c);
    good(&c);
    cut_raw_keep(c.op);
    wait_for(&c);
    good(&c);
    cr_expect_geq(cut_raw_used_bytes(c.op), DISK_BYTES);
    cr_expect_eq(shell("cmp \"$RAW/disk\" \"$RAW/cut 1\" && echo point-1 disk-1 | cmp - $RAW/said"),
                 0);
    cut_raw_drop(c.op);
    wait_for(&c);
    good(&c);
    cr_expect_neq(access(c.cut, F_OK), 0);
    cut_raw_drop(c.op);
    wait_for(&c);
    good(&c);
    finish(&c);
}

Test(cut_raw, a_command_that_lies_has_failed)
{
    struct raw_case c;

    begin(&c, CUT_MEANS_COMMAND);
    c.raw.command = "true";
    take(&c);
    cr_expect(strstr(c.error.text, "said that the disk is cut, but"), "%s", c.error.text);
    c.raw.command = "head -c 512 \"$SNAPFERRY_SOURCE\" >\"$SNAPFERRY_CUT\"";
    take(&c);
    cr_expect(strstr(c.error.text, "has 512 bytes, and its disk had 262144"), "%s", c.error.text);
    c.raw.drop_command = "true";
    make(&c);
    cut_raw_drop(c.op);
    wait_for(&c);
    cr_expect(strstr(c.error.text, "but it is not"), "%s", c.error.text);
    finish(&c);
}

Test(cut_raw, a_command_that_takes_too_long_or_is_stopped_is_ended)
{
    struct raw_case c;

    begin(&c, CUT_MEANS_COMMAND);
    c.raw.command = "sleep 1000";
    look(&c);
    cut_raw_take(c.op, NS_PER_S / 20);
    wait_for(&c);
    cr_expect(strstr(c.error.text, "took longer"), "%s", c.error.text);
    cut_raw_take(c.op, TEST_PATIENCE_NS);
    cut_raw_stop(c.op);
    wait_for(&c);
    cr_expect_eq(c.error.kind, ERR_CANCELED, "%s", c.error.text);
    cut_raw_stop(c.op);
    finish(&c);
}

/* Where the file system cannot, it must fail and never fall back to a copy. */
Test(cut_raw, a_reflink_is_a_point_in_time_or_an_error)
{
    struct raw_case c;
    bool can;

    begin(&c, CUT_MEANS_REFLINK);
    can = shell("cp --reflink=always $RAW/disk $RAW/probe 2>$RAW/said") == 0;
    take(&c);
    if (can) {
        good(&c);
        cr_expect_eq(shell("cmp \"$RAW/disk\" \"$RAW/cut 1\""), 0);
    } else {
        cr_expect(strstr(c.error.text, "failed to clone"), "%s", c.error.text);
    }
    cut_raw_drop(c.op);
    wait_for(&c);
    good(&c);
    cr_expect_neq(access(c.cut, F_OK), 0);
    finish(&c);
}

/* Also after a failure: the writer would go on for ever. */
static void unmount(void)
{
    shell("cd $RAW 2>/dev/null && touch stop && "
          "while mountpoint -q xfs 2>/dev/null; do umount xfs 2>/dev/null; done");
}

/* The real thing: what is written afterwards is not in it. */
Test(cut_raw, a_reflink_on_xfs_is_one_moment_of_a_file_that_changes, .fini = unmount)
{
    struct raw_case c;

    begin(&c, CUT_MEANS_REFLINK);
    if (shell("cd $RAW && PATH=$PATH:/usr/sbin && mkdir xfs && truncate -s 320M fs && "
              "mkfs.xfs -q fs >made 2>&1 && mount -o loop fs xfs 2>>made") != 0) {
        finish(&c);
        cr_skip_test("no XFS can be made and mounted here");
    }
    snprintf(c.disk, sizeof c.disk, "%s/xfs/disk", c.folder);
    snprintf(c.cut, sizeof c.cut, "%s/xfs/cut", c.folder);
    cr_assert_eq(shell("cd $RAW/xfs && cp ../disk disk && { while ! [ -e ../stop ]; do date +%N | "
                       "dd of=disk conv=notrunc status=none; done; } >$RAW/writer 2>&1 &"),
                 0);
    while (shell("cmp -s $RAW/disk $RAW/xfs/disk; test $? = 1 -a -s $RAW/xfs/disk && "
                 "test $(stat -c %s $RAW/xfs/disk) = 262144") != 0) {
    } /* until it is there and changes */
    take(&c);
    good(&c);
    cut_raw_keep(c.op);
    wait_for(&c);
    good(&c);
    cr_expect_eq(shell("cd $RAW/xfs && cp cut before && touch ../stop && cmp cut before && "
                       "date +%N | dd of=disk conv=notrunc status=none && cmp cut before && "
                       "! cmp -s cut disk"),
                 0);
    unmount();
    finish(&c);
}

Test(cut_raw, lvm_is_asked_for_a_snapshot_of_the_volume)
{
    struct raw_case c;
    char path[2 * TEST_PATH_MAX_BYTES];

    begin(&c, CUT_MEANS_LVM);
    cr_assert_eq(shell(
                     "mkdir $RAW/bin && cd $RAW/bin && "
                     "printf '#!/bin/sh\\necho \"$0:$*\" >>$RAW/said\\n"
                     "cp \"$RAW/disk\" \"$RAW/cut 1\"\\n' >lvcreate && "
                     "printf '#!/bin/sh\\necho \"$0:$*\" >>$RAW/said\\nrm \"$2\"\\n' >lvremove && "
                     "chmod +x lvcreate lvremove"),
                 0);
    snprintf(path, sizeof path, "%s/bin:%s", c.folder, getenv("PATH"));
    setenv("PATH", path, 1);
    take(&c);
    good(&c);
    cut_raw_drop(c.op);
    wait_for(&c);
    good(&c);
    c.raw.lvm_extents = "20%ORIGIN";
    take(&c);
    good(&c);
    cr_expect_eq(shell("cd $RAW && sed 's,^.*/bin/,,' said >told && printf '%s\\n' "
                       "'lvcreate:--yes --snapshot --setactivationskip n --name cut 1 '$RAW/disk "
                       "\"lvremove:--yes $RAW/cut 1\" "
                       "'lvcreate:--yes --snapshot --setactivationskip n --name cut 1 --extents="
                       "20%ORIGIN '$RAW/disk | diff - told"),
                 0);
    finish(&c);
}

static void refused(struct raw_case *c, enum err_kind kind, const char *words)
{
    struct err e = {0};

    make(c);
    cr_expect_not(cut_raw_look(c->op, false, &e));
    cr_expect_eq(e.kind, kind, "%s", e.text);
    cr_expect(strstr(e.text, words), "%s", e.text);
    if (c->raw.means == CUT_MEANS_NONE)
        cr_expect_str_eq(e.code, "SnapshotMeansRequired");
}

Test(cut_raw, refuses_before_anything_is_frozen)
{
    struct raw_case c;

    begin(&c, CUT_MEANS_NONE);
    refused(&c, ERR_CONFLICT, "without a means of a point in time");
    c.raw.means = CUT_MEANS_COMMAND;
    refused(&c, ERR_USAGE, "needs an absolute path");
    c.raw.command = "true";
    c.raw.cut_path = "relative";
    refused(&c, ERR_USAGE, "needs an absolute path");
    c.raw.cut_path = c.disk;
    refused(&c, ERR_CONFLICT, "is there already");
    c.raw.path = "/not/there";
    refused(&c, ERR_IO, "cannot look at");
    c.raw.path = "/dev/null";
    refused(&c, ERR_USAGE, "neither a file nor a block device");
    finish(&c);
}
