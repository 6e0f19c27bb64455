/* control_peers_test.c - peers that ask, wait, hang up, flood, and do not read; against a run that is made up
 * here, so that answers can come late. */
#include "tools/snapferry/control_peers.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/control.h"
#include "io/control_socket.h"
#include "tests/support/test_reactor.h"

#define LATE_MAX 8

/* ---- The made-up run ---- */

struct run {
    struct event_sink *late[LATE_MAX]; /* asked with "late" */
    unsigned late_count;
    unsigned commands, refused, removed;
    size_t answer_bytes; /* of each message; 0: short */
};

static void answer(struct event_sink *sink, const char *message)
{
    struct event event = {.kind = EVENT_ANSWER, .accepted = true, .message = message};
    size_t bytes;
    char *line = event_format(&event, &bytes);

    cr_assert(line);
    sink->take(sink, &event, line, bytes);
    free(line);
}

void run_command(struct run *run, const char *line, size_t bytes, struct event_sink *only)
{
    char *message = malloc(run->answer_bytes + 1);

    run->commands++;
    if (bytes == 4 && memcmp(line, "late", 4) == 0) {
        cr_assert_lt(run->late_count, LATE_MAX);
        run->late[run->late_count++] = only;
    } else {
        memset(message, 'm', run->answer_bytes);
        message[run->answer_bytes] = 0;
        answer(only, run->answer_bytes ? message : "done");
    }
    free(message);
}

void run_refuse_line(struct run *run, const char *why, struct event_sink *only)
{
    run->refused++;
    answer(only, why);
}

void run_remove_sink(struct run *run, struct event_sink *sink)
{
    run->removed++;
    for (unsigned i = 0; i < run->late_count; i++)
        if (run->late[i] == sink)
            run->late[i] = NULL;
}

static void answer_late(struct run *run)
{
    for (unsigned i = 0; i < run->late_count; i++)
        if (run->late[i])
            answer(run->late[i], "at last");
    run->late_count = 0;
}

/* ---- The case ---- */

struct talk {
    struct rig rig;
    struct run run;
    struct control_peers *peers;
    char path[TEST_PATH_MAX_BYTES];
};

static void set_up(struct talk *t, enum reactor_backend backend)
{
    struct err e = {0};

    memset(t, 0, sizeof *t);
    rig_open(&t->rig, backend);
    test_temp_path(t->path, "p");
    t->peers = control_peers_new(t->rig.r, &t->run, t->path, &e);
    cr_assert(t->peers, "%s", e.text);
}

static void tear_down(struct talk *t)
{
    control_peers_finish(t->peers);
    while (!control_peers_idle(t->peers))
        rig_turn(&t->rig);
    control_peers_free(t->peers);
    rig_close(&t->rig);
}

static int join(struct talk *t)
{
    struct err e = {0};
    int fd = control_socket_connect(t->path, &e);

    cr_assert_geq(fd, 0, "%s", e.text);
    return fd;
}

static void say(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Turns until a whole line came, or the peer was let go ("" then). */
static const char *hear(struct talk *t, int fd, char *line, size_t room)
{
    size_t used = 0;

    while (used == 0 || line[used - 1] != '\n') {
        ssize_t took = recv(fd, line + used, 1, MSG_DONTWAIT);

        cr_assert_lt(used, room - 1);
        if (took == 0)
            break;
        if (took > 0)
            used++;
        else
            rig_turn(&t->rig);
    }
    line[used] = 0;
    return line;
}

TEST_BOTH(control_peers, answers_each_of_several_peers)
{
    char line[4096];
    struct talk t;
    int one, two;

    set_up(&t, backend);
    one = join(&t);
    two = join(&t);
    say(one, "pause\n");
    cr_expect(strstr(hear(&t, one, line, sizeof line), "\"message\":\"done\""), "%s", line);
    say(two, "late\npause\n");
    cr_expect(strstr(hear(&t, two, line, sizeof line), "done"));
    answer_late(&t.run);
    cr_expect(strstr(hear(&t, two, line, sizeof line), "at last"));
    cr_expect_lt(recv(one, line, 1, MSG_DONTWAIT), 0, "another's answer is none of its business");
    cr_expect_eq(control_peers_count(t.peers), 2u);
    close(one);
    close(two);
    while (control_peers_count(t.peers))
        rig_turn(&t.rig);
    cr_expect_eq(t.run.removed, 2u);
    tear_down(&t);
}

TEST_BOTH(control_peers, waits_with_the_answer_for_one_that_sends_no_more)
{
    char line[4096];
    struct talk t;
    int fd;

    set_up(&t, backend);
    fd = join(&t);
    say(fd, "late");
    shutdown(fd, SHUT_WR);
    while (t.run.late_count < 1)
        rig_turn(&t.rig);
    for (int i = 0; i < 3; i++) /* each a look at the peers */
        rig_turn(&t.rig);
    answer_late(&t.run);
    cr_expect(strstr(hear(&t, fd, line, sizeof line), "at last"));
    cr_expect_str_eq(hear(&t, fd, line, sizeof line), "", "it is let go");
    close(fd);
    tear_down(&t);
}

TEST_BOTH(control_peers, refuses_a_line_of_a_mebibyte_and_takes_the_next)
{
    static char text[(1u << 20) + 7];
    char line[4096];
    struct talk t;
    int fd;
    size_t sent = 0;

    memset(text, 'x', sizeof text);
    memcpy(text + (1u << 20), "\npause\n", 7);
    set_up(&t, backend);
    fd = join(&t);
    while (sent < sizeof text) {
        ssize_t took = send(fd, text + sent, sizeof text - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (took > 0)
            sent += (size_t)took;
        else
            rig_turn(&t.rig);
    }
    cr_expect(strstr(hear(&t, fd, line, sizeof line), "1048576 bytes"), "%s", line);
    cr_expect(strstr(hear(&t, fd, line, sizeof line), "done"));
    cr_expect_eq(t.run.refused, 1u);
    cr_expect_eq(t.run.commands, 1u);
    close(fd);
    tear_down(&t);
}

TEST_BOTH(control_peers, reads_no_more_of_one_that_takes_no_answers)
{
    struct talk t;
    unsigned before;
    int fd, other;
    char line[4096];

    set_up(&t, backend);
    t.run.answer_bytes = 100u << 10;
    fd = join(&t);
    for (int i = 0; i < 60; i++)
        say(fd, "status\n");
    do {
        before = t.run.commands;
        for (int i = 0; i < 4; i++)
            rig_turn(&t.rig);
    } while (t.run.commands != before);
    cr_expect_lt(t.run.commands, 60u, "what is answered piles up nowhere");
    t.run.answer_bytes = 0;
    other = join(&t);
    say(other, "pause\n");
    cr_expect(strstr(hear(&t, other, line, sizeof line), "done"), "others are served");
    while (t.run.commands < 61) { /* it reads at last, and is served on */
        char rest[65536];

        if (recv(fd, rest, sizeof rest, MSG_DONTWAIT) <= 0)
            rig_turn(&t.rig);
    }
    close(fd);
    close(other);
    tear_down(&t);
}

TEST_BOTH(control_peers, turns_away_one_too_many)
{
    int fds[CONTROL_PEERS_MAX], more;
    char line[4096];
    struct talk t;

    set_up(&t, backend);
    for (unsigned i = 0; i < CONTROL_PEERS_MAX; i++)
        fds[i] = join(&t);
    while (control_peers_count(t.peers) < CONTROL_PEERS_MAX)
        rig_turn(&t.rig);
    more = join(&t);
    cr_expect(strstr(hear(&t, more, line, sizeof line), "too many programs"), "%s", line);
    cr_expect_str_eq(hear(&t, more, line, sizeof line), "");
    close(more);
    close(fds[0]);
    while (control_peers_count(t.peers) == CONTROL_PEERS_MAX)
        rig_turn(&t.rig);
    more = join(&t);
    say(more, "pause\n");
    cr_expect(strstr(hear(&t, more, line, sizeof line), "done"));
    for (unsigned i = 1; i < CONTROL_PEERS_MAX; i++)
        close(fds[i]);
    close(more);
    tear_down(&t);
}

TEST_BOTH(control_peers, forgets_one_that_was_killed_before_its_answer)
{
    struct talk t;
    int fd;

    set_up(&t, backend);
    fd = join(&t);
    say(fd, "late\n");
    while (t.run.late_count < 1)
        rig_turn(&t.rig);
    close(fd);
    control_peers_finish(t.peers); /* it is waited for no longer than that */
    while (!control_peers_idle(t.peers))
        rig_turn(&t.rig);
    cr_expect_null(t.run.late[0]);
    tear_down(&t);
}

TEST_BOTH(control_peers, takes_its_path_away_at_the_end)
{
    struct talk t;
    struct stat st;

    set_up(&t, backend);
    cr_expect_eq(lstat(t.path, &st), 0);
    control_peers_finish(t.peers);
    cr_expect_neq(lstat(t.path, &st), 0);
    tear_down(&t);
}
