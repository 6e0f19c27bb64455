/* cut_test.c - a VM's disks cut at one point in time at a real region: all or none, thawed in any case,
 * nothing left. */
#include "tools/controld/cut.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/durable.h"
#include "tests/support/account_case.h"

#define DISKS          3u
#define TEXT_MAX_BYTES (TEST_PATH_MAX_BYTES + 32)
#define ANSWERS(rest)                                                                              \
    "{\"seed\":1,\"rules\":[{\"name\":\"it\",\"match\":{\"verb\":\"Snapshot Blob\"}," rest "}]}"

struct cut_case {
    struct account_case a;
    struct cut_disk disks[DISKS]; /* two blobs, one raw disk */
    struct cut_setup setup;
    struct cut *cut;
    bool done;
    char folder[TEST_PATH_MAX_BYTES], records[TEXT_MAX_BYTES], disk[TEXT_MAX_BYTES],
        file[TEXT_MAX_BYTES];
};

static void on_done(void *arg, struct cut *cut)
{
    struct cut_case *c = arg;

    cr_assert_eq(cut, c->cut);
    c->done = true;
}

static int shell(const char *text)
{
    return system(text);
}

static void begin(struct cut_case *c, const char *faults)
{
    struct raw_answer answer;

    memset(c, 0, sizeof *c);
    account_case_open(&c->a, faults);
    answer = case_ok(&c->a.region, 201, "PUT", CASE_CONTAINER "/data.vhd", NULL, 0, "%s",
                     "x-ms-blob-type: PageBlob\r\nx-ms-blob-content-length: 524288\r\n");
    raw_answer_fini(&answer);
    test_temp_path(c->folder, "cut");
    setenv("CUT", c->folder, 1);
    setenv("LOG", c->a.region.log, 1);
    cr_assert_eq(shell("mkdir $CUT && head -c 65536 /dev/urandom >$CUT/disk"), 0);
    snprintf(c->records, sizeof c->records, "%s/records", c->folder);
    snprintf(c->disk, sizeof c->disk, "%s/disk", c->folder);
    snprintf(c->file, sizeof c->file, "%s/file", c->folder);
    c->disks[0] = (struct cut_disk){
        .id = "point-1/os", .account = c->a.account, .container = "cont", .blob = "disk.vhd"};
    c->disks[1] = (struct cut_disk){
        .id = "point-1/data", .account = c->a.account, .container = "cont", .blob = "data.vhd"};
    c->disks[2] = (struct cut_disk){
        .id = "point-1/raw",
        .raw = {.means = CUT_MEANS_COMMAND,
                .path = c->disk,
                .cut_path = c->file,
                .command = "echo cut >>$CUT/said; cp \"$SNAPFERRY_SOURCE\" \"$SNAPFERRY_CUT\""}};
    c->setup = (struct cut_setup){.reactor = c->a.rig.r,
                                  .point = "point-1",
                                  .disks = c->disks,
                                  .count = DISKS,
                                  .hooks = {.freeze_command = "echo freeze >>$CUT/said",
                                            .thaw_command = "echo thaw >>$CUT/said",
                                            .thaw_folder = c->records},
                                  .done = on_done,
                                  .arg = c};
}

static void start(struct cut_case *c)
{
    struct err e = {0};

    c->cut = cut_begin(&c->setup, &e);
    cr_assert(c->cut, "%s", e.text);
    cr_assert_not(c->done, "not from inside");
}

static void run(struct cut_case *c)
{
    start(c);
    rig_until(&c->a.rig, &c->done);
    cr_assert_null(strstr(cut_error(c->cut)->text, "sig="));
}

static void expect_said(const char *wanted)
{
    char text[256];

    snprintf(text, sizeof text, "printf '%s' | diff - $CUT/said", wanted);
    cr_expect_eq(shell(text), 0);
}

static size_t snapshots(struct cut_case *c)
{
    struct region_list list = {0};
    struct region_op op = {.list = &list};
    size_t count = 0;

    account_case_good(&c->a, region_account_list, &op);
    for (size_t i = 0; i < list.count; i++)
        count += list.items[i].snapshot != NULL;
    region_list_fini(&list);
    return count;
}

/* Nothing was left, and nothing is told of. */
static void expect_nothing(struct cut_case *c)
{
    cr_expect(err_is_set(cut_error(c->cut)));
    cr_expect_eq(snapshots(c), 0);
    cr_expect_neq(access(c->file, F_OK), 0, "the raw disk's cut was left");
    for (size_t i = 0; i < c->setup.count; i++) {
        cr_expect_str_empty(cut_result(c->cut, i).snapshot);
        cr_expect_str_empty(cut_result(c->cut, i).path);
    }
}

static void finish(struct cut_case *c)
{
    cr_expect_neq(shell("ls $CUT/records/*.frozen 2>$CUT/none | grep -q ."), 0,
                  "a record of something frozen was left");
    cut_free(c->cut);
    cr_assert_eq(shell("rm -rf $CUT"), 0);
    account_case_close(&c->a);
}

Test(cut, cuts_every_disk_between_freeze_and_thaw)
{
    struct cut_case c;
    struct cut_result os, raw;

    begin(&c, NULL);
    case_write(&c.a.region, CASE_BLOB, 4096, 8192, 'x');
    run(&c);
    cr_assert_not(err_is_set(cut_error(c.cut)), "%s", cut_error(c.cut)->text);
    cr_expect_eq(cut_hook(c.cut)->status, CUT_HOOK_SUCCEEDED);
    cr_expect_str_empty(cut_hook(c.cut)->message);
    expect_said("freeze\\ncut\\nthaw\\n");
    os = cut_result(c.cut, 0);
    raw = cut_result(c.cut, 2);
    cr_expect_eq(strlen(os.snapshot), strlen("2022-04-07T13:48:01.2760327Z"));
    cr_expect_eq(os.size_bytes, 1u << 20);
    cr_expect_eq(os.used_bytes, 8192, "what case_write put there");
    cr_expect_eq(cut_result(c.cut, 1).size_bytes, 512u << 10);
    cr_expect_str_eq(raw.path, c.file);
    cr_expect_eq(raw.size_bytes, 65536);
    cr_expect_geq(raw.used_bytes, 65536);
    cr_expect_eq(shell("cmp $CUT/disk $CUT/file"), 0);
    cr_expect_eq(snapshots(&c), 2);
    cr_expect_eq(shell("grep -q 'Snapshot Blob' $LOG"), 0, "the log names what was asked for");
    cr_expect_gt(cut_window_ns(c.cut), 0);
    cr_expect_leq(cut_moment_ns(c.cut), reactor_wall_ns(c.a.rig.r));
    cr_expect_not(cut_left(c.cut));
    finish(&c);
}

/* What is written by the freeze command is in the cut, what the thaw command writes is not. */
Test(cut, the_moment_is_the_same_for_all_disks)
{
    struct cut_case c;
    struct region_op op = {.blob = "disk.vhd"};
    char both[2 * TEXT_MAX_BYTES + 64];

    begin(&c, NULL);
    c.setup.hooks.freeze_command = "printf frozen | dd of=$CUT/disk conv=notrunc status=none";
    c.setup.hooks.thaw_command = "printf thawed | dd of=$CUT/disk conv=notrunc status=none";
    run(&c);
    cr_assert_not(err_is_set(cut_error(c.cut)), "%s", cut_error(c.cut)->text);
    snprintf(both, sizeof both,
             "test \"$(head -c 6 $CUT/file) $(head -c 6 $CUT/disk)\" = 'frozen thawed'");
    cr_expect_eq(shell(both), 0);
    op.snapshot = cut_result(c.cut, 0).snapshot;
    account_case_good(&c.a, region_account_properties, &op);
    finish(&c);
}

Test(cut, without_hooks_it_is_crash_consistent)
{
    struct cut_case c;

    begin(&c, NULL);
    c.setup.hooks = (struct cut_hooks){0};
    run(&c);
    cr_assert_not(err_is_set(cut_error(c.cut)), "%s", cut_error(c.cut)->text);
    cr_expect_eq(cut_hook(c.cut)->status, CUT_HOOK_NONE);
    cr_expect_eq(snapshots(&c), 2);
    finish(&c);
}

Test(cut, raw_disks_alone_need_no_region)
{
    struct cut_case c;

    begin(&c, NULL);
    c.setup.disks = &c.disks[2];
    c.setup.count = 1;
    run(&c);
    cr_assert_not(err_is_set(cut_error(c.cut)), "%s", cut_error(c.cut)->text);
    cr_expect_str_eq(cut_result(c.cut, 0).path, c.file);
    finish(&c);
}

Test(cut, survives_lost_answers_and_leaves_no_second_snapshot)
{
    struct cut_case c;

    begin(&c, ANSWERS("\"nth\":[1,2,4],\"fault\":\"lostAnswer\""));
    run(&c);
    cr_assert_not(err_is_set(cut_error(c.cut)), "%s", cut_error(c.cut)->text);
    cr_expect_eq(snapshots(&c), 2);
    cr_expect(cut_left(c.cut), "one might come late: sweep again");
    expect_said("freeze\\ncut\\nthaw\\n");
    finish(&c);
}

Test(cut, survives_a_busy_host_inside_the_window)
{
    struct cut_case c;

    begin(&c, ANSWERS("\"times\":3,\"fault\":\"status\",\"status\":503"));
    run(&c);
    cr_assert_not(err_is_set(cut_error(c.cut)), "%s", cut_error(c.cut)->text);
    cr_expect_eq(snapshots(&c), 2);
    cr_expect_not(cut_left(c.cut));
    finish(&c);
}

Test(cut, a_disk_that_cannot_be_cut_undoes_the_others_after_the_thaw)
{
    struct cut_case c;

    begin(&c,
          ANSWERS(
              "\"nth\":2,\"fault\":\"status\",\"status\":409,\"code\":\"SnapshotCountExceeded\""));
    run(&c);
    expect_nothing(&c);
    cr_expect_eq(cut_error(c.cut)->kind, ERR_LIMIT);
    cr_expect(strstr(cut_error(c.cut)->text, "disk point-1/"), "%s", cut_error(c.cut)->text);
    cr_expect_eq(cut_hook(c.cut)->status, CUT_HOOK_SUCCEEDED, "it was frozen and thawed");
    cr_expect_eq(shell("tail -n 1 $CUT/said | grep -qx thaw"), 0);
    finish(&c);
}

Test(cut, a_raw_disk_that_cannot_be_cut_undoes_the_snapshots)
{
    struct cut_case c;

    begin(&c, NULL);
    c.disks[2].raw.command = "cp \"$SNAPFERRY_SOURCE\" \"$SNAPFERRY_CUT\"; exit 4";
    run(&c);
    expect_nothing(&c);
    cr_expect(strstr(cut_error(c.cut)->text, "disk point-1/raw: the command ended with status 4"),
              "%s", cut_error(c.cut)->text);
    expect_said("freeze\\nthaw\\n");
    finish(&c);
}

Test(cut, the_window_ends_in_time_and_the_disks_are_thawed)
{
    struct cut_case c;

    begin(&c, ANSWERS("\"nth\":2,\"fault\":\"delay\",\"ms\":3000000"));
    c.setup.window_ns = NS_PER_S;
    run(&c);
    expect_nothing(&c);
    cr_expect_eq(cut_hook(c.cut)->status, CUT_HOOK_TIMED_OUT);
    cr_expect(strstr(cut_hook(c.cut)->message, "not cut within 1000 ms"), "%s",
              cut_hook(c.cut)->message);
    cr_expect(cut_left(c.cut), "the one without an answer may come yet");
    cr_expect_eq(shell("tail -n 1 $CUT/said | grep -qx thaw"), 0);
    finish(&c);
}

Test(cut, a_freeze_that_fails_cuts_nothing_and_thaws)
{
    struct cut_case c;

    begin(&c, NULL);
    c.setup.hooks.freeze_command = "echo busy >&2; exit 1";
    run(&c);
    expect_nothing(&c);
    cr_expect_eq(cut_hook(c.cut)->status, CUT_HOOK_FREEZE_FAILED);
    cr_expect(strstr(cut_hook(c.cut)->message, "status 1: busy"), "%s", cut_hook(c.cut)->message);
    expect_said("thaw\\n");
    cr_expect_neq(shell("grep -q 'Snapshot Blob' $LOG"), 0, "a snapshot was asked for");
    finish(&c);
}

Test(cut, a_freeze_that_hangs_is_let_go_with_the_window)
{
    struct cut_case c;

    begin(&c, NULL);
    c.setup.hooks.freeze_command = "sleep 1000";
    c.setup.window_ns = NS_PER_S / 2;
    run(&c);
    expect_nothing(&c);
    cr_expect_eq(cut_hook(c.cut)->status, CUT_HOOK_TIMED_OUT);
    expect_said("thaw\\n");
    finish(&c);
}

Test(cut, a_thaw_that_fails_is_told_though_the_cut_is_good)
{
    struct cut_case c;

    begin(&c, NULL);
    c.setup.hooks.thaw_command = "echo stuck >&2; exit 1";
    run(&c);
    cr_expect_not(err_is_set(cut_error(c.cut)), "%s", cut_error(c.cut)->text);
    cr_expect_eq(cut_hook(c.cut)->status, CUT_HOOK_THAW_FAILED);
    cr_expect(strstr(cut_hook(c.cut)->message, "cannot thaw (command)"), "%s",
              cut_hook(c.cut)->message);
    cr_expect_eq(shell("rm $CUT/records/*.frozen"), 0, "the record stays for the next life");
    finish(&c);
}

Test(cut, nothing_is_frozen_for_a_disk_that_is_not_there)
{
    struct cut_case c;

    begin(&c, NULL);
    c.disks[1].blob = "no-such.vhd";
    run(&c);
    expect_nothing(&c);
    cr_expect_eq(cut_error(c.cut)->kind, ERR_GONE, "%s", cut_error(c.cut)->text);
    cr_expect_neq(shell("test -e $CUT/said"), 0);
    cr_expect_eq(cut_hook(c.cut)->status, CUT_HOOK_NONE);
    finish(&c);
}

Test(cut, one_that_an_earlier_life_began_is_cut_anew_and_alone)
{
    struct cut_case c;
    struct err e = {0};

    begin(&c, NULL);
    run(&c);
    cr_assert_not(err_is_set(cut_error(c.cut)), "%s", cut_error(c.cut)->text);
    cut_free(c.cut);
    cr_assert_null(cut_begin(&c.setup, &e), "its file is there already");
    c.setup.again = true;
    c.done = false;
    cr_assert_eq(shell("printf changed | dd of=$CUT/disk conv=notrunc status=none"), 0);
    run(&c);
    cr_assert_not(err_is_set(cut_error(c.cut)), "%s", cut_error(c.cut)->text);
    cr_expect_eq(snapshots(&c), 2);
    cr_expect_eq(shell("cmp $CUT/disk $CUT/file"), 0);
    cut_free(c.cut);
    c.setup.disks = &c.disks[2];
    c.setup.count = 1;
    c.done = false;
    run(&c);
    cr_expect_not(err_is_set(cut_error(c.cut)), "%s", cut_error(c.cut)->text);
    finish(&c);
}

/* A disk as a machine has it: a file with a file system that is mounted and written to all the time. */
/* Also after a failure: what stays frozen would stop all that touches it. */
static void unmount(void)
{
    shell("cd $CUT 2>/dev/null && touch stop && PATH=$PATH:/usr/sbin && "
          "while fsfreeze -u mnt 2>/dev/null; do :; done; "
          "while mountpoint -q mnt 2>/dev/null; do umount mnt 2>/dev/null; done");
}

Test(cut, a_frozen_file_system_is_clean_in_its_cut, .fini = unmount)
{
    struct cut_case c;
    char mount[TEST_PATH_MAX_BYTES];

    begin(&c, NULL);
    if (shell("cd $CUT && mkdir mnt && truncate -s 32M disk && mkfs.ext4 -qF disk >made 2>&1 && "
              "mount -o loop disk mnt 2>>made") != 0) {
        finish(&c);
        cr_skip_test("a file system cannot be mounted here");
    }
    snprintf(mount, sizeof mount, "%.480s/mnt", c.folder);
    cr_assert_eq(shell(
                     "cd $CUT && { i=0; while ! [ -e stop ]; do i=$((i+1)); echo $i >mnt/file.$i; "
                     "[ $i = 20 ] && touch going; "
                     "[ $i -gt 50 ] && rm -f mnt/file.$((i-50)); done; } >writer 2>&1 & "
                     "while ! [ -e $CUT/going ]; do :; done"),
                 0);
    c.setup.hooks = (struct cut_hooks){.mounts = {mount}, .thaw_folder = c.records};
    run(&c);
    cr_expect_not(err_is_set(cut_error(c.cut)), "%s", cut_error(c.cut)->text);
    cr_expect_eq(cut_hook(c.cut)->status, CUT_HOOK_SUCCEEDED, "%s", cut_hook(c.cut)->message);
    cr_expect_eq(
        shell("touch $CUT/stop; PATH=$PATH:/usr/sbin; e2fsck -fn $CUT/file >$CUT/checked 2>&1 || "
              "{ cat $CUT/checked; false; }"),
        0);
    unmount();
    finish(&c);
}

Test(cut, one_that_is_stopped_thaws_and_undoes)
{
    struct cut_case c;

    begin(&c, NULL);
    c.disks[2].raw.command = "echo cutting >>$CUT/said; sleep 1000";
    start(&c);
    while (shell("grep -qs cutting $CUT/said") != 0)
        rig_peek(&c.a.rig);
    cut_cancel(c.cut);
    cr_assert_not(c.done, "not from inside");
    rig_until(&c.a.rig, &c.done);
    expect_nothing(&c);
    cr_expect_eq(cut_error(c.cut)->kind, ERR_CANCELED);
    expect_said("freeze\\ncutting\\nthaw\\n");
    finish(&c);
}

static void refused(struct cut_case *c, enum err_kind kind, const char *words)
{
    struct err e = {0};

    cr_assert_null(cut_begin(&c->setup, &e));
    cr_expect_eq(e.kind, kind);
    cr_expect(strstr(e.text, words), "%s", e.text);
}

Test(cut, refuses_at_once_what_cannot_be)
{
    struct cut_case c;

    begin(&c, NULL);
    c.disks[2].raw.means = CUT_MEANS_NONE;
    refused(&c, ERR_CONFLICT, "disk point-1/raw: ");
    c.setup.count = 0;
    refused(&c, ERR_USAGE, "has 1 to");
    c.setup.count = 2;
    c.setup.hooks.mounts[0] = "/";
    c.setup.hooks.keep_awake[0] = c.folder;
    refused(&c, ERR_USAGE, "must not be frozen");
    finish(&c);
}
