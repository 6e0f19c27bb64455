/* bound_process_test.c - a program bound to our life: what it says, what it has of us, how it ends. */
#include "tools/controld/bound_process.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/clock.h"

#define LIMIT_NS (60 * NS_PER_S)

struct lab {
    struct clock clock;
    struct reactor *reactor;
    struct bound_process *process;
    char line[200], all[3 * BOUND_LINE_MAX_BYTES];
    unsigned lines, ends;
    int status;
};

static void on_line(void *arg, const char *line)
{
    struct lab *lab = arg;

    snprintf(lab->line, sizeof lab->line, "%s", line);
    snprintf(lab->all + strlen(lab->all), sizeof lab->all - strlen(lab->all), "%s|", line);
    lab->lines++;
}

static void on_ended(void *arg, int status)
{
    struct lab *lab = arg;

    lab->status = status;
    lab->ends++;
    bound_process_free(lab->process, 0);
    lab->process = NULL;
}

static void lab_start_with(struct lab *lab, const char *program, const char *script,
                           bool every_line)
{
    const char *arguments[] = {program, "-c", script, NULL};
    const char *variables[] = {"ADDED=by us", NULL};
    struct err e = {0};

    *lab = (struct lab){0};
    clock_init_real(&lab->clock);
    lab->reactor = reactor_new(REACTOR_AUTO, &lab->clock, &e);
    cr_assert(lab->reactor, "%s", e.text);
    const struct bound_process_setup setup = {.reactor = lab->reactor,
                                              .arguments = arguments,
                                              .variables = variables,
                                              .line = on_line,
                                              .every_line = every_line,
                                              .ended = on_ended,
                                              .arg = lab};

    lab->process = bound_process_start(&setup, &e);
    cr_assert(lab->process, "%s", e.text);
}

static void lab_start(struct lab *lab, const char *program, const char *script)
{
    lab_start_with(lab, program, script, false);
}

/* Until this many lines and ends came. */
static void lab_run(struct lab *lab, unsigned lines, unsigned ends)
{
    uint64_t until_ns = clock_now_ns(&lab->clock) + LIMIT_NS;
    struct err e = {0};

    while (lab->lines < lines || lab->ends < ends) {
        cr_assert(reactor_turn(lab->reactor, NS_PER_S, &e), "%s", e.text);
        cr_assert_lt(clock_now_ns(&lab->clock), until_ns, "it never comes");
    }
}

static void lab_fini(struct lab *lab)
{
    bound_process_free(lab->process, LIMIT_NS);
    reactor_free(lab->reactor);
}

static bool is_alive(pid_t pid)
{
    char path[40], text[200] = "", *end;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    file = fopen(path, "r");
    if (!file)
        return false;
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    end = strrchr(text, ')');
    return end && end[1] == ' ' && end[2] != 'Z' && end[2] != 'X';
}

static void await_death(pid_t pid)
{
    for (unsigned i = 0; i < 60000 && is_alive(pid); i++)
        usleep(1000);
    cr_assert(!is_alive(pid));
}

Test(bound_process, tells_its_first_line_and_its_end)
{
    struct lab lab;

    lab_start(&lab, "/bin/sh", "echo one; echo two; exit 3");
    lab_run(&lab, 1, 1);
    cr_assert_str_eq(lab.line, "one");
    cr_assert(WIFEXITED(lab.status) && WEXITSTATUS(lab.status) == 3);
    cr_assert_eq(lab.lines, 1);
    lab_fini(&lab);
}

Test(bound_process, a_line_without_an_end_is_told_at_the_end)
{
    struct lab lab;

    lab_start(&lab, "/bin/sh", "printf last");
    lab_run(&lab, 1, 1);
    cr_assert_str_eq(lab.line, "last");
    lab_fini(&lab);
}

Test(bound_process, tells_every_line_to_who_wants_them)
{
    struct lab lab;

    lab_start_with(&lab, "/bin/sh", "echo one; echo; echo two; sleep 0.01; echo three; printf end",
                   true);
    lab_run(&lab, 4, 1);
    cr_assert_str_eq(lab.all, "one|two|three|end|");
    lab_fini(&lab);
}

Test(bound_process, drops_the_rest_of_a_line_that_is_too_long)
{
    struct lab lab;

    lab_start_with(&lab, "/bin/sh", "printf '%05000d\\n%s\\n' 7 next", true);
    lab_run(&lab, 2, 1);
    cr_assert_eq(strlen(lab.all), BOUND_LINE_MAX_BYTES + strlen("|next|"));
    cr_assert_str_eq(lab.line, "next");
    lab_fini(&lab);
}

Test(bound_process, gets_what_is_added_and_nothing_that_may_be_secret)
{
    struct lab lab;

    setenv("TEAM_ACCOUNT_KEY", "c2VjcmV0", 1);
    lab_start(&lab, "/bin/sh",
              "echo \"$ADDED, ${TEAM_ACCOUNT_KEY-nothing else}, ${PATH:+and a path}\"");
    lab_run(&lab, 1, 1);
    cr_assert_str_eq(lab.line, "by us, nothing else, and a path");
    lab_fini(&lab);
}

Test(bound_process, inherits_no_descriptor_of_ours)
{
    int ours = dup(STDOUT_FILENO); /* without close-on-exec */
    char script[80];
    struct lab lab;

    cr_assert_geq(ours, 3);
    snprintf(script, sizeof script, "[ -e /proc/$$/fd/0 ] && [ ! -e /proc/$$/fd/%d ] && echo none",
             ours);
    lab_start(&lab, "/bin/sh", script);
    lab_run(&lab, 1, 1);
    cr_assert_str_eq(lab.line, "none");
    close(ours);
    lab_fini(&lab);
}

Test(bound_process, what_cannot_be_executed_says_so_by_its_status)
{
    struct lab lab;

    lab_start(&lab, "/nowhere/program", "");
    lab_run(&lab, 0, 1);
    cr_assert(WIFEXITED(lab.status) && WEXITSTATUS(lab.status) == 127);
    lab_fini(&lab);
}

Test(bound_process, is_asked_to_end_and_killed_when_it_does_not)
{
    struct lab lab;
    pid_t pid;

    lab_start(&lab, "/bin/sh", "echo up; exec sleep 1000");
    lab_run(&lab, 1, 0);
    bound_process_end(lab.process);
    lab_run(&lab, 1, 1);
    cr_assert(WIFSIGNALED(lab.status) && WTERMSIG(lab.status) == SIGTERM);
    lab_fini(&lab);

    lab_start(&lab, "/bin/sh", "trap '' TERM; echo up; exec sleep 1000");
    lab_run(&lab, 1, 0);
    pid = bound_process_id(lab.process);
    bound_process_free(lab.process, 10 * NS_PER_MS);
    lab.process = NULL;
    cr_assert(!is_alive(pid));
    cr_assert_eq(lab.ends, 0);
    lab_fini(&lab);
}

Test(bound_process, is_killed_with_its_parent)
{
    int told[2];
    pid_t parent, pid = 0;

    cr_assert_eq(pipe(told), 0);
    parent = fork();
    if (parent == 0) {
        struct lab lab;

        lab_start(&lab, "/bin/sh", "trap '' TERM; echo up; exec sleep 1000");
        lab_run(&lab, 1, 0);
        pid = bound_process_id(lab.process);
        if (write(told[1], &pid, sizeof pid) == (ssize_t)sizeof pid)
            kill(getpid(), SIGKILL);
        _exit(1);
    }
    close(told[1]);
    cr_assert_eq(read(told[0], &pid, sizeof pid), (ssize_t)sizeof pid);
    close(told[0]);
    cr_assert_eq(waitpid(parent, NULL, 0), parent);
    await_death(pid);
}
