/* command_test.c - commands that print, fail, hang, flood and leave children behind. */
#include "io/command.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test_reactor.h"

struct ran {
    struct rig rig;
    struct command *command;
    bool done;
    struct err err;
    char output[COMMAND_OUTPUT_MAX_BYTES + 1];
};

static void on_done(void *arg, struct command *command)
{
    struct ran *ran = arg;

    cr_assert_not(ran->done, "ends once");
    ran->done = true;
    ran->err = *command_error(command);
    strcpy(ran->output, command_output(command));
    command_free(command);
    ran->command = NULL;
}

static void start(struct ran *ran, enum reactor_backend backend, struct command_setup setup)
{
    struct err e = {0};

    memset(ran, 0, sizeof *ran);
    rig_open(&ran->rig, backend);
    setup.done = on_done;
    setup.arg = ran;
    if (!setup.limit_ns)
        setup.limit_ns = TEST_PATIENCE_NS;
    ran->command = command_start(ran->rig.r, &setup, &e);
    cr_assert_not_null(ran->command, "%s", e.text);
}

static void finish(struct ran *ran)
{
    rig_until(&ran->rig, &ran->done);
    cr_assert_not(reactor_busy(ran->rig.r), "something of it is left in the reactor");
    rig_close(&ran->rig);
}

static struct ran run(enum reactor_backend backend, const char *text)
{
    static struct ran ran;

    start(&ran, backend, (struct command_setup){.text = text});
    finish(&ran);
    return ran;
}

TEST_BOTH(command, hands_back_what_was_printed)
{
    struct ran ran = run(backend, "echo one; echo two >&2; echo three");

    cr_expect_not(err_is_set(&ran.err), "%s", ran.err.text);
    cr_expect_str_eq(ran.output, "one\nthree\n");
}

TEST_BOTH(command, a_status_is_an_error_that_says_what_the_command_said)
{
    struct ran ran = run(backend, "printf 'no\\n\\033[2Jway sig=abc&x\\n' >&2; exit 7");

    cr_expect_eq(ran.err.kind, ERR_IO);
    cr_expect_eq(ran.err.retry, RETRY_LATER);
    cr_expect_str_eq(ran.err.text, "the command ended with status 7: no  [2Jway sig=*&x", "%s",
                     ran.err.text);
}

TEST_BOTH(command, that_is_not_there_fails)
{
    struct ran ran = run(backend, "/nonexistent/command");

    cr_expect(strstr(ran.err.text, "status 127"), "%s", ran.err.text);
}

TEST_BOTH(command, a_signal_is_an_error)
{
    struct ran ran = run(backend, "kill -9 $$");

    cr_expect(strstr(ran.err.text, "signal 9"), "%s", ran.err.text);
}

TEST_BOTH(command, has_its_time_and_then_is_ended_with_its_children)
{
    static struct ran ran;
    struct command_setup setup = {.text = "sleep 1000 & echo $!; wait", .limit_ns = NS_PER_S / 2};
    pid_t child;

    start(&ran, backend, setup);
    finish(&ran);
    cr_expect(strstr(ran.err.text, "took longer than 0 s"), "%s", ran.err.text);
    child = (pid_t)atoi(ran.output);
    cr_assert_gt(child, 1);
    for (int i = 0; i < 200 && kill(child, 0) == 0; i++) {
        char path[64], state[256] = "";
        FILE *file;

        snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
        file = fopen(path, "re");
        if (file) { /* in a container nobody may reap it: a zombie is dead enough */
            cr_assert(fgets(state, sizeof state, file) || ferror(file));
            fclose(file);
        }
        if (strstr(state, ") Z "))
            return;
        usleep(5000);
    }
    cr_expect_neq(kill(child, 0), 0, "a child lives on");
}

TEST_BOTH(command, a_child_left_behind_does_not_hold_it_up)
{
    struct ran ran = run(backend, "sleep 30 & echo $!; exit 0");

    cr_expect_not(err_is_set(&ran.err), "%s", ran.err.text);
    cr_assert_gt(atoi(ran.output), 1);
    kill((pid_t)atoi(ran.output), SIGKILL);
}

TEST_BOTH(command, more_than_its_output_may_be_is_an_error)
{
    struct ran ran = run(backend, "head -c 1000000 /dev/zero | tr '\\0' x");

    cr_expect_eq(ran.err.kind, ERR_LIMIT, "%s", ran.err.text);
    cr_expect_eq(strlen(ran.output), COMMAND_OUTPUT_MAX_BYTES);
}

TEST_BOTH(command, much_on_stderr_is_cut_and_harmless)
{
    struct ran ran = run(backend, "head -c 1000000 /dev/zero | tr '\\0' y >&2; exit 1");

    cr_expect(strstr(ran.err.text, "status 1: yyyy"), "%s", ran.err.text);
}

TEST_BOTH(command, sees_what_it_is_given_and_not_what_is_hidden)
{
    static struct ran ran;
    struct command_setup setup = {.text = "echo \"$GIVEN|$HIDDEN|$KEPT|$TWICE\"",
                                  .variables = {"GIVEN=a b", "TWICE=new"},
                                  .hidden = {"HIDDEN"}};

    setenv("HIDDEN", "secret", 1);
    setenv("KEPT", "kept", 1);
    setenv("TWICE", "old", 1);
    start(&ran, backend, setup);
    finish(&ran);
    cr_expect_str_eq(ran.output, "a b||kept|new\n");
}

TEST_BOTH(command, has_no_stdin_no_descriptor_and_no_blocked_signal_of_ours)
{
    static struct ran ran;
    struct command_setup setup = {.text = "cat; ls /proc/self/fd; grep SigBlk /proc/self/status"};
    sigset_t some;

    sigemptyset(&some);
    sigaddset(&some, SIGTERM);
    sigprocmask(SIG_BLOCK, &some, NULL);
    cr_assert_geq(dup(0), 3, "one that is not closed at an exec");
    start(&ran, backend, setup);
    finish(&ran);
    /* 3 is the folder that ls itself reads */
    cr_expect_str_eq(ran.output, "0\n1\n2\n3\nSigBlk:\t0000000000000000\n", "%s", ran.output);
}

TEST_BOTH(command, freed_while_it_runs_it_is_ended)
{
    static struct ran ran;
    char path[TEST_PATH_MAX_BYTES], text[TEST_PATH_MAX_BYTES + 64];
    struct stat found;

    test_temp_path(path, "alive");
    snprintf(text, sizeof text, "echo > '%s'; sleep 1000", path);
    start(&ran, backend, (struct command_setup){.text = text});
    for (int i = 0; i < 2000 && stat(path, &found) != 0; i++)
        usleep(1000);
    command_free(ran.command);
    cr_expect_not(ran.done);
    cr_expect_not(reactor_busy(ran.rig.r));
    rig_close(&ran.rig);
    unlink(path);
}

TEST_BOTH(command, one_that_is_stopped_ends_soon_and_says_so)
{
    static struct ran ran;
    struct command_setup setup = {.text = "trap '' TERM; sleep 1000 & wait"};

    start(&ran, backend, setup);
    command_stop(ran.command);
    command_stop(ran.command);
    cr_expect_not(ran.done, "not from inside");
    finish(&ran);
    cr_expect_eq(ran.err.kind, ERR_CANCELED);
}
