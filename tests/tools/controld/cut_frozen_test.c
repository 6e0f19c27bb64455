/* cut_frozen_test.c - a machine whose thaw failed is thawed at last, and nothing is cut of it before. Time is
 * simulated: it stands while a command runs. */
#include "tools/controld/cut_frozen.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/durable.h"
#include "tests/support/test_reactor.h"

#define TEXT_MAX_BYTES (2 * TEST_PATH_MAX_BYTES)
#define THAW           "echo x >>$FROZEN/log; test -e $FROZEN/repaired"

struct frozen_case {
    struct rig rig;
    struct cut_frozen *frozen;
    struct cut_hooks hooks;
    char *record;
    char folder[TEST_PATH_MAX_BYTES], records[TEXT_MAX_BYTES];
    unsigned said;
    char last_said[2048];
    bool recovered;
};

static void hear(void *arg, const char *sentence)
{
    struct frozen_case *c = arg;

    c->said++;
    snprintf(c->last_said, sizeof c->last_said, "%s", sentence);
}

static void on_recovered(void *arg)
{
    ((struct frozen_case *)arg)->recovered = true;
}

static void shell(const char *text)
{
    cr_assert_eq(system(text), 0, "%s", text);
}

/* A record of machine vm-1's freeze, as a cut leaves it. */
static void freeze(struct frozen_case *c, const char *machine, const char *point, const char *thaw)
{
    struct err e = {0};

    c->hooks.machine = machine;
    c->hooks.thaw_command = thaw;
    free(c->record);
    cr_assert(cut_thaw_write(point, &c->hooks, &c->record, &e), "%s", e.text);
}

static void begin(struct frozen_case *c)
{
    struct cut_frozen_setup setup = {.log = hear, .arg = c};
    struct err e = {0};

    memset(c, 0, sizeof *c);
    rig_open_simulated(&c->rig, REACTOR_AUTO);
    test_temp_path(c->folder, "frozen");
    cr_assert(durable_make_folder(c->folder, &e), "%s", e.text);
    snprintf(c->records, sizeof c->records, "%s/records", c->folder);
    setenv("FROZEN", c->folder, 1);
    c->hooks.thaw_folder = c->records;
    setup.reactor = c->rig.r;
    setup.folder = c->records;
    c->frozen = cut_frozen_new(&setup, &e);
    cr_assert(c->frozen, "%s", e.text);
}

static void finish(struct frozen_case *c)
{
    cut_frozen_stop(c->frozen);
    cut_frozen_give_up(c->frozen);
    while (!cut_frozen_idle(c->frozen))
        rig_turn(&c->rig);
    cut_frozen_free(c->frozen);
    cr_assert_not(reactor_busy(c->rig.r));
    rig_close(&c->rig);
    free(c->record);
    shell("rm -rf \"$FROZEN\"");
}

static unsigned tries(const struct frozen_case *c)
{
    char path[TEXT_MAX_BYTES];
    unsigned count = 0;
    FILE *file;

    snprintf(path, sizeof path, "%s/log", c->folder);
    file = fopen(path, "r");
    for (int at; file && (at = fgetc(file)) != EOF;)
        count += at == '\n';
    if (file)
        fclose(file);
    return count;
}

static void until_tries(struct frozen_case *c, unsigned said)
{
    while (c->said < said)
        rig_turn(&c->rig);
}

Test(cut_frozen, a_thaw_that_failed_is_tried_until_it_works)
{
    struct frozen_case c;
    uint64_t begun_ns;

    begin(&c);
    freeze(&c, "/vm-1", "/p/1", THAW);
    begun_ns = reactor_now_ns(c.rig.r);
    cut_frozen_add(c.frozen, "/vm-1", "/p/1", "cannot thaw (command): no");
    cr_expect(strstr(c.last_said, "STILL FROZEN, since /p/1, may be /vm-1: cannot thaw"), "%s",
              c.last_said);
    cr_expect_str_eq(cut_frozen_since(c.frozen, "/VM-1"), "/p/1");
    cr_expect_null(cut_frozen_since(c.frozen, "/vm-2"));
    until_tries(&c, 4);
    cr_expect_eq(tries(&c), 3, "each failure is told, and is one try");
    cr_expect_geq(reactor_now_ns(c.rig.r) - begun_ns, 7 * CUT_FROZEN_AGAIN_NS, "4, 8 and 16 s");
    cr_expect(strstr(c.last_said, "tried again in 32 s"), "%s", c.last_said);
    cr_expect_str_eq(cut_frozen_since(c.frozen, "/vm-1"), "/p/1");
    shell(": >$FROZEN/repaired");
    until_tries(&c, 5);
    cr_expect(strstr(c.last_said, "/vm-1, frozen since /p/1, is thawed at last"), "%s",
              c.last_said);
    cr_expect_null(cut_frozen_since(c.frozen, "/vm-1"));
    cr_expect_neq(access(c.record, F_OK), 0);
    finish(&c);
}

Test(cut_frozen, the_wait_between_tries_has_an_end)
{
    struct frozen_case c;
    uint64_t before_ns;

    begin(&c);
    freeze(&c, "/vm-1", "/p/1", THAW);
    cut_frozen_add(c.frozen, "/vm-1", "/p/1", "no");
    until_tries(&c, 9);
    before_ns = reactor_now_ns(c.rig.r);
    until_tries(&c, 10);
    cr_expect_eq((reactor_now_ns(c.rig.r) - before_ns) / NS_PER_S,
                 CUT_FROZEN_AGAIN_MAX_NS / NS_PER_S);
    finish(&c);
}

Test(cut_frozen, machines_do_not_wait_for_each_other)
{
    struct frozen_case c;

    begin(&c);
    freeze(&c, "/vm-1", "/p/1", "exit 1");
    freeze(&c, "/vm-2", "/p/2", "true");
    freeze(&c, "/vm-3", "/p/3", "echo x >>$FROZEN/log"); /* a cut of it is under way */
    cut_frozen_add(c.frozen, "/vm-1", "/p/1", "no");
    cut_frozen_add(c.frozen, "/vm-2", "/p/2", "no");
    until_tries(&c, 4);
    cr_expect_str_eq(cut_frozen_since(c.frozen, "/vm-1"), "/p/1");
    cr_expect_null(cut_frozen_since(c.frozen, "/vm-2"));
    cr_expect_eq(tries(&c), 0, "who was not added is not thawed");
    finish(&c);
}

Test(cut_frozen, what_an_earlier_life_left_is_tried_and_tried_again)
{
    struct frozen_case c;
    struct err e = {0};

    begin(&c);
    freeze(&c, "/vm-1", "/p/1", THAW);
    cr_assert(cut_frozen_recover(c.frozen, on_recovered, &c, &e), "%s", e.text);
    rig_until(&c.rig, &c.recovered);
    cr_expect_eq(tries(&c), CUT_THAW_TRIES);
    cr_expect_str_eq(cut_frozen_since(c.frozen, "/vm-1"), "/p/1");
    shell(": >$FROZEN/repaired");
    until_tries(&c, 2);
    cr_expect_null(cut_frozen_since(c.frozen, "/vm-1"), "%s", c.last_said);
    finish(&c);
}

Test(cut_frozen, who_removes_the_record_has_thawed_it_by_hand)
{
    struct frozen_case c;

    begin(&c);
    freeze(&c, "/vm-1", "/p/1", THAW);
    cut_frozen_add(c.frozen, "/vm-1", "/p/1", "no");
    cr_assert_eq(unlink(c.record), 0);
    until_tries(&c, 2);
    cr_expect(strstr(c.last_said, "its record was removed"), "%s", c.last_said);
    cr_expect_null(cut_frozen_since(c.frozen, "/vm-1"));
    cr_expect_eq(tries(&c), 0);
    finish(&c);
}

Test(cut_frozen, a_thaw_that_is_given_up_leaves_its_record)
{
    struct frozen_case c;

    begin(&c);
    freeze(&c, "/vm-1", "/p/1", "echo x >>$FROZEN/log; echo x; sleep 1000");
    cut_frozen_add(c.frozen, "/vm-1", "/p/1", "no");
    while (tries(&c) == 0)
        rig_turn(&c.rig); /* what it prints ends the last one */
    cr_expect_not(cut_frozen_idle(c.frozen));
    cut_frozen_stop(c.frozen);
    cut_frozen_give_up(c.frozen);
    while (!cut_frozen_idle(c.frozen))
        rig_turn(&c.rig);
    cr_expect_eq(access(c.record, F_OK), 0);
    cr_expect_str_eq(cut_frozen_since(c.frozen, "/vm-1"), "/p/1");
    finish(&c);
}
