/* cut_crash_test.c - a process that cuts is killed at random moments, while answers are lost; the next
 * life thaws what was frozen, cuts anew, and nothing else is left. CUT_KILLS: how often (10). */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/account_case.h"
#include "tools/controld/cut.h"
#include "tools/controld/cut_thaw.h"

#define KILLS_DEFAULT  10
#define LIFE_MAX_NS    (120 * NS_PER_MS) /* a cut takes about half of it */
#define TEXT_MAX_BYTES (TEST_PATH_MAX_BYTES + 32)

struct crash_case {
    struct account_case a;
    struct cut_disk disks[2]; /* a blob, a raw disk */
    struct cut_setup setup;
    bool done;
    char folder[TEST_PATH_MAX_BYTES], records[TEXT_MAX_BYTES], disk[TEXT_MAX_BYTES],
        file[TEXT_MAX_BYTES];
};

static int shell(const char *text)
{
    return system(text);
}

static void on_cut(void *arg, struct cut *cut)
{
    (void)cut;
    ((struct crash_case *)arg)->done = true;
}

/* FROZEN stands while the machine is frozen: each freeze finds it thawed, each thaw may find it so. */
static void begin(struct crash_case *c)
{
    memset(c, 0, sizeof *c);
    account_case_open(&c->a,
                      "{\"seed\":1,\"rules\":[{\"name\":\"lost\",\"match\":{\"verb\":\"Snapshot "
                      "Blob\"},\"every\":3,\"fault\":\"lostAnswer\"}]}");
    test_temp_path(c->folder, "crash");
    setenv("CRASH", c->folder, 1);
    cr_assert_eq(shell("mkdir $CRASH && head -c 65536 /dev/urandom >$CRASH/disk"), 0);
    snprintf(c->records, sizeof c->records, "%s/records", c->folder);
    snprintf(c->disk, sizeof c->disk, "%s/disk", c->folder);
    snprintf(c->file, sizeof c->file, "%s/file", c->folder);
    c->disks[0] = (struct cut_disk){.id = "p/blob", .container = "cont", .blob = "disk.vhd"};
    c->disks[1] = (struct cut_disk){
        .id = "p/raw",
        .raw = {.means = CUT_MEANS_COMMAND,
                .path = c->disk,
                .cut_path = c->file,
                .command = "test -e $CRASH/FROZEN && cp \"$SNAPFERRY_SOURCE\" \"$SNAPFERRY_CUT\""}};
    c->setup = (struct cut_setup){
        .point = "p",
        .disks = c->disks,
        .count = 2,
        .hooks = {.freeze_command = "mkdir $CRASH/FROZEN",
                  .thaw_command = "rmdir $CRASH/FROZEN 2>$CRASH/none || ! test -e $CRASH/FROZEN",
                  .thaw_folder = c->records},
        .again = true,
        .done = on_cut,
        .arg = c};
}

/* A life of the program: a reactor and a client of its own. */
static void connect_life(struct crash_case *c)
{
    struct region_process region = c->a.region;

    account_case_attach(&c->a, region.port);
    c->a.region = region;
    c->disks[0].account = c->a.account;
    c->setup.reactor = c->a.rig.r;
    c->done = false;
}

static void live_until_killed(struct crash_case *c)
{
    for (;;) {
        struct err e = {0};
        struct cut *cut = cut_begin(&c->setup, &e);

        cr_assert(cut, "%s", e.text);
        c->done = false;
        rig_until(&c->a.rig, &c->done);
        cut_free(cut);
    }
}

static void on_thawed(void *arg, const char *machine, const char *point, const struct err *error)
{
    (void)arg, (void)machine, (void)point;
    cr_assert_not(err_is_set(error), "%s", error->text);
}

static void on_left_done(void *arg, struct cut_thaw_left *left)
{
    ((struct crash_case *)arg)->done = true;
    cut_thaw_left_free(left);
}

static void thaw_left(struct crash_case *c)
{
    struct cut_thaw_setup setup = {.reactor = c->a.rig.r,
                                   .folder = c->records,
                                   .thawed = on_thawed,
                                   .done = on_left_done,
                                   .arg = c};
    struct err e = {0};

    c->done = false;
    cr_assert(cut_thaw_left(&setup, &e), "%s", e.text);
    rig_until(&c->a.rig, &c->done);
    cr_assert_neq(shell("test -e $CRASH/FROZEN"), 0, "still frozen");
}

static void cut_whole(struct crash_case *c)
{
    struct err e = {0};
    struct cut *cut = cut_begin(&c->setup, &e);

    cr_assert(cut, "%s", e.text);
    c->done = false;
    rig_until(&c->a.rig, &c->done);
    cr_assert_not(err_is_set(cut_error(cut)), "%s", cut_error(cut)->text);
    cr_assert_eq(cut_hook(cut)->status, CUT_HOOK_SUCCEEDED, "%s", cut_hook(cut)->message);
    cr_assert_eq(account_case_snapshots(&c->a), 1);
    cr_assert_eq(shell("cmp $CRASH/disk $CRASH/file"), 0);
    cr_assert_neq(shell("ls $CRASH/records/*.frozen 2>$CRASH/none | grep -q ."), 0);
    cut_free(cut);
}

static void end_life(struct crash_case *c)
{
    region_account_free(c->a.account);
    http_free(c->a.http);
    rig_close(&c->a.rig);
    c->a.account = NULL;
    c->disks[0].account = NULL;
}

static void on_moment(struct timer *timer)
{
    (void)timer;
}

/* The moment is what is drawn: nothing is waited for. */
static void wait_a_moment(uint64_t ns)
{
    struct rig rig;
    struct timer timer = {0};

    rig_open(&rig, REACTOR_AUTO);
    reactor_arm(rig.r, &timer, reactor_now_ns(rig.r) + ns, on_moment);
    rig_until_idle(&rig);
    rig_close(&rig);
}

Test(cut_crash, killed_at_any_moment_it_is_thawed_and_cut_by_the_next_life, .timeout = 230)
{
    const char *given = getenv("CUT_KILLS");
    int kills = given ? atoi(given) : KILLS_DEFAULT;
    struct crash_case c;

    begin(&c);
    end_life(&c);
    for (int i = 0; i < kills; i++) {
        uint64_t random = 0;
        pid_t child;

        cr_assert_eq(getrandom(&random, sizeof random, 0), (ssize_t)sizeof random);
        child = fork();
        if (child == 0) {
            connect_life(&c);
            live_until_killed(&c);
            _exit(1);
        }
        wait_a_moment(random % LIFE_MAX_NS);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        connect_life(&c);
        thaw_left(&c);
        cut_whole(&c);
        end_life(&c);
    }
    cr_assert_eq(shell("rm -rf $CRASH"), 0);
    region_stop(&c.a.region);
}
