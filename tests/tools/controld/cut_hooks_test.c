/* cut_hooks_test.c - freeze and thaw by commands and of a mounted file system: thawed whatever happens,
 * also by the next life of the program. Time is simulated: it stands while a command runs. */
#include "tools/controld/cut_hooks.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/durable.h"
#include "tests/support/test_reactor.h"
#include "tools/controld/cut_thaw.h"

#define TEXT_MAX_BYTES (2 * TEST_PATH_MAX_BYTES)

struct hooks_case {
    struct rig rig;
    struct cut_hooks hooks;
    struct cut_freeze *freeze;
    bool frozen, thawed;
    struct err freeze_error, thaw_error;
    char folder[TEST_PATH_MAX_BYTES]; /* of the test: records, and what hooks leave */
    char records[TEXT_MAX_BYTES];
    unsigned left; /* records that were thawed, or tried */
};

static void on_frozen(void *arg, const struct err *error)
{
    struct hooks_case *c = arg;

    c->frozen = true;
    c->freeze_error = *error;
}

static void on_thawed(void *arg, const struct err *error)
{
    struct hooks_case *c = arg;

    c->thawed = true;
    c->thaw_error = *error;
}

static void begin(struct hooks_case *c)
{
    struct err e = {0};

    memset(c, 0, sizeof *c);
    rig_open_simulated(&c->rig, REACTOR_AUTO);
    test_temp_path(c->folder, "hooks");
    cr_assert(durable_make_folder(c->folder, &e), "%s", e.text);
    snprintf(c->records, sizeof c->records, "%s/records", c->folder);
    setenv("HOOKS", c->folder, 1);
    c->hooks.thaw_folder = c->records;
}

static void make(struct hooks_case *c)
{
    struct cut_freeze_setup setup = {.reactor = c->rig.r,
                                     .point = "point-1",
                                     .hooks = &c->hooks,
                                     .frozen = on_frozen,
                                     .thawed = on_thawed,
                                     .arg = c};
    struct err e = {0};

    c->freeze = cut_freeze_new(&setup, &e);
    cr_assert(c->freeze, "%s", e.text);
}

static void freeze(struct hooks_case *c)
{
    make(c);
    cut_freeze_start(c->freeze);
    cr_assert_not(c->frozen, "not from inside");
    rig_until(&c->rig, &c->frozen);
}

static void thaw(struct hooks_case *c)
{
    c->thawed = false;
    cut_freeze_thaw(c->freeze);
    cr_assert_not(c->thawed, "not from inside");
    rig_until(&c->rig, &c->thawed);
    cut_freeze_free(c->freeze);
    c->freeze = NULL;
}

static void finish(struct hooks_case *c)
{
    char command[TEXT_MAX_BYTES];

    cr_assert_not(reactor_busy(c->rig.r));
    rig_close(&c->rig);
    snprintf(command, sizeof command, "rm -rf '%s'", c->folder);
    cr_assert_eq(system(command), 0);
}

static size_t records(const struct hooks_case *c)
{
    DIR *folder = opendir(c->records);
    size_t count = 0;

    while (folder) {
        const struct dirent *entry = readdir(folder);

        if (!entry)
            break;
        count += entry->d_name[0] != '.';
    }
    if (folder)
        closedir(folder);
    return count;
}

/* What the hooks wrote to $HOOKS/log. */
static const char *said(const struct hooks_case *c)
{
    static char text[1024];
    char path[TEXT_MAX_BYTES];
    size_t got;
    FILE *file;

    snprintf(path, sizeof path, "%s/log", c->folder);
    file = fopen(path, "r");
    got = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[got] = 0;
    if (file)
        fclose(file);
    return text;
}

Test(cut_hooks, freeze_and_thaw_run_in_turn_and_know_the_point)
{
    struct hooks_case c;

    begin(&c);
    c.hooks.freeze_command = "echo freeze $SNAPFERRY_POINT >>$HOOKS/log";
    c.hooks.thaw_command = "echo thaw $SNAPFERRY_POINT >>$HOOKS/log";
    freeze(&c);
    cr_expect_not(err_is_set(&c.freeze_error), "%s", c.freeze_error.text);
    cr_expect_str_eq(said(&c), "freeze point-1\n");
    cr_expect_eq(records(&c), 1, "noted while it is frozen");
    thaw(&c);
    cr_expect_not(err_is_set(&c.thaw_error), "%s", c.thaw_error.text);
    cr_expect_str_eq(said(&c), "freeze point-1\nthaw point-1\n");
    cr_expect_eq(records(&c), 0);
    finish(&c);
}

Test(cut_hooks, a_freeze_that_failed_is_thawed)
{
    struct hooks_case c;

    begin(&c);
    c.hooks.freeze_command = "echo no way sig=abc >&2; exit 3";
    c.hooks.thaw_command = "echo thaw >>$HOOKS/log";
    freeze(&c);
    cr_expect(strstr(c.freeze_error.text,
                     "cannot freeze (command): the command ended with status 3"),
              "%s", c.freeze_error.text);
    cr_expect_null(strstr(c.freeze_error.text, "abc"));
    thaw(&c);
    cr_expect_str_eq(said(&c), "thaw\n");
    finish(&c);
}

Test(cut_hooks, a_freeze_that_hangs_is_ended_and_thawed)
{
    struct hooks_case c;

    begin(&c);
    c.hooks.freeze_command = "echo freeze >>$HOOKS/log; sleep 1000";
    c.hooks.thaw_command = "echo thaw >>$HOOKS/log";
    make(&c);
    cut_freeze_start(c.freeze);
    while (!strstr(said(&c), "freeze\n"))
        rig_peek(&c.rig);
    thaw(&c);
    cr_expect_not(c.frozen, "nobody waits for it any more");
    cr_expect_not(err_is_set(&c.thaw_error), "%s", c.thaw_error.text);
    cr_expect_str_eq(said(&c), "freeze\nthaw\n");
    finish(&c);
}

Test(cut_hooks, a_thaw_that_fails_is_tried_again)
{
    struct hooks_case c;

    begin(&c);
    c.hooks.freeze_command = "true";
    c.hooks.thaw_command = "echo x >>$HOOKS/log; test $(wc -l <$HOOKS/log) = 3";
    freeze(&c);
    thaw(&c);
    cr_expect_not(err_is_set(&c.thaw_error), "%s", c.thaw_error.text);
    cr_expect_str_eq(said(&c), "x\nx\nx\n");
    cr_expect_eq(records(&c), 0);
    finish(&c);
}

static void on_left_thawed(void *arg, const char *machine, const char *point,
                           const struct err *error)
{
    struct hooks_case *c = arg;

    (void)machine;
    c->left++;
    c->thaw_error = *error;
    if (!err_is_set(error))
        cr_expect_str_eq(point, "point-1");
}

static void on_left_done(void *arg, struct cut_thaw_left *left)
{
    ((struct hooks_case *)arg)->thawed = true;
    cut_thaw_left_free(left);
}

static void thaw_what_was_left(struct hooks_case *c)
{
    struct cut_thaw_setup setup = {.reactor = c->rig.r,
                                   .folder = c->records,
                                   .thawed = on_left_thawed,
                                   .done = on_left_done,
                                   .arg = c};
    struct err e = {0};

    c->left = 0;
    c->thawed = false;
    cr_assert(cut_thaw_left(&setup, &e), "%s", e.text);
    rig_until(&c->rig, &c->thawed);
}

Test(cut_hooks, a_thaw_that_fails_for_good_is_told_and_tried_by_the_next_life)
{
    struct hooks_case c;
    char flag[TEXT_MAX_BYTES];

    begin(&c);
    c.hooks.freeze_command = "true";
    c.hooks.thaw_command = "echo x >>$HOOKS/log; test -e $HOOKS/repaired";
    freeze(&c);
    thaw(&c);
    cr_expect(strstr(c.thaw_error.text, "cannot thaw (command)"), "%s", c.thaw_error.text);
    cr_expect_str_eq(said(&c), "x\nx\nx\nx\n");
    cr_expect_eq(records(&c), 1, "who starts next must know");
    thaw_what_was_left(&c);
    cr_expect(err_is_set(&c.thaw_error));
    cr_expect_eq(records(&c), 1);
    snprintf(flag, sizeof flag, "%s/repaired", c.folder);
    fclose(fopen(flag, "w"));
    thaw_what_was_left(&c);
    cr_expect_not(err_is_set(&c.thaw_error), "%s", c.thaw_error.text);
    cr_expect_eq(c.left, 1);
    cr_expect_eq(records(&c), 0);
    thaw_what_was_left(&c);
    cr_expect_eq(c.left, 0);
    finish(&c);
}

Test(cut_hooks, what_a_killed_life_froze_is_thawed_by_the_next)
{
    struct hooks_case c;
    pid_t child;

    begin(&c);
    c.hooks.freeze_command = "echo freeze >>$HOOKS/log";
    c.hooks.thaw_command = "echo thaw >>$HOOKS/log";
    child = fork();
    if (child == 0) {
        rig_open(&c.rig, REACTOR_AUTO);
        freeze(&c);
        for (;;)
            pause();
    }
    while (!strstr(said(&c), "freeze\n"))
        usleep(1000);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    cr_expect_eq(records(&c), 1);
    thaw_what_was_left(&c);
    cr_expect_eq(c.left, 1);
    cr_expect_str_eq(said(&c), "freeze\nthaw\n");
    cr_expect_eq(records(&c), 0);
    finish(&c);
}

/* Else it would freeze after the thaw, and for good. */
Test(cut_hooks, a_freeze_that_outlived_its_program_is_ended_before_the_thaw)
{
    struct hooks_case c;
    pid_t child;

    begin(&c);
    c.hooks.freeze_command = "echo $$ >$HOOKS/pid; echo freeze >>$HOOKS/log; sleep 1000; echo late";
    c.hooks.thaw_command = "grep -qs SNAPFERRY_RECORD= /proc/$(cat $HOOKS/pid)/environ && "
                           "echo still there >>$HOOKS/log; echo thaw >>$HOOKS/log";
    child = fork();
    if (child == 0) {
        rig_open(&c.rig, REACTOR_AUTO);
        freeze(&c);
    }
    while (!strstr(said(&c), "freeze\n"))
        usleep(1000);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    cr_assert_eq(system("grep -qs SNAPFERRY_RECORD= /proc/$(cat $HOOKS/pid)/environ"), 0,
                 "it goes on by itself");
    thaw_what_was_left(&c);
    cr_expect_str_eq(said(&c), "freeze\nthaw\n");
    finish(&c);
}

Test(cut_hooks, a_record_that_is_damaged_is_told_and_holds_up_no_other)
{
    struct hooks_case c;
    char path[2 * TEXT_MAX_BYTES];
    struct err e = {0};

    begin(&c);
    c.hooks.freeze_command = "true";
    freeze(&c);
    snprintf(path, sizeof path, "%s/0-damaged.frozen", c.records);
    cr_assert(durable_write(path, "{\"version\":1", 12, &e), "%s", e.text);
    thaw_what_was_left(&c);
    cr_expect_eq(c.left, 2);
    cr_expect_eq(records(&c), 1, "the damaged one stays, to be looked at");
    thaw(&c);
    finish(&c);
}

Test(cut_hooks, nothing_is_frozen_that_cannot_be_noted)
{
    struct hooks_case c;

    begin(&c);
    c.hooks.freeze_command = "echo freeze >>$HOOKS/log";
    c.hooks.thaw_folder = "/dev/null/records";
    freeze(&c);
    cr_expect(strstr(c.freeze_error.text, "nothing was frozen"), "%s", c.freeze_error.text);
    thaw(&c);
    cr_expect_str_eq(said(&c), "");
    finish(&c);
}

/* ---- Mounts ---- */

static bool refused(struct hooks_case *c, const char *mount, const char *words)
{
    struct cut_freeze_setup setup = {.reactor = c->rig.r, .point = "p", .hooks = &c->hooks};
    struct err e = {0};

    c->hooks.mounts[0] = mount;
    cr_assert_null(cut_freeze_new(&setup, &e));
    return strstr(e.text, words) != NULL;
}

Test(cut_hooks, a_file_system_that_we_need_is_never_frozen)
{
    struct hooks_case c;
    char ours[TEXT_MAX_BYTES];

    begin(&c);
    c.hooks.keep_awake[0] = "/";
    cr_expect(refused(&c, "/", "must not be frozen"));
    snprintf(ours, sizeof ours, "%s/sub", c.folder);
    cr_assert_eq(mkdir(ours, 0700), 0);
    cr_expect(refused(&c, ours, "nothing is mounted"));
    cr_expect(refused(&c, "relative", "no absolute path"));
    cr_expect(refused(&c, "/not/there", "cannot look at"));
    finish(&c);
}

static int shell(const char *text)
{
    return system(text);
}

/* Also after a failure: what stays frozen would stop all that touches it. */
static void unmount(void)
{
    shell("cd $HOOKS 2>/dev/null && PATH=$PATH:/usr/sbin && "
          "while fsfreeze -u mnt 2>/dev/null; do :; done; "
          "while mountpoint -q mnt 2>/dev/null; do umount mnt 2>/dev/null; done");
}

Test(cut_hooks, a_mounted_file_system_is_frozen_and_thawed, .fini = unmount)
{
    struct hooks_case c;
    char mount[TEXT_MAX_BYTES];
    struct cut_freeze *other;

    begin(&c);
    snprintf(mount, sizeof mount, "%s/mnt", c.folder);
    if (shell("cd $HOOKS && mkdir mnt && truncate -s 16M fs && mkfs.ext4 -q fs >mkfs.log 2>&1 && "
              "mount -o loop fs mnt 2>>mkfs.log") != 0) {
        finish(&c);
        cr_skip_test("a file system cannot be mounted here");
    }
    c.hooks.mounts[0] = mount;
    freeze(&c);
    cr_assert_not(err_is_set(&c.freeze_error), "%s", c.freeze_error.text);
    other = c.freeze;
    c.frozen = false;
    freeze(&c);
    cr_expect(strstr(c.freeze_error.text, "Device or resource busy"), "%s", c.freeze_error.text);
    thaw(&c);
    cr_expect_neq(shell("PATH=$PATH:/usr/sbin fsfreeze -f $HOOKS/mnt 2>>$HOOKS/mkfs.log"), 0,
                  "what somebody else froze is left frozen");
    c.freeze = other;
    thaw(&c);
    cr_expect_not(err_is_set(&c.thaw_error), "%s", c.thaw_error.text);
    cr_expect_eq(shell("touch $HOOKS/mnt/written"), 0);
    cr_expect_eq(records(&c), 0);
    unmount();
    finish(&c);
}
