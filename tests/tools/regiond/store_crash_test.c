/* store_crash_test.c - a process that changes a blob is killed at every system call it makes, one
 * run a call, under ptrace. So each moment between two effects on the disk is met, not by luck. */
#include "tests/support/store_case.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES     300u /* crosses segments */
#define CALLS_MAX 2000u

enum verb { WRITE, CLEAR, SNAPSHOT, UNSNAPSHOT, SHRINK, GROW, PUT };
struct step {
    enum verb verb;
    unsigned start, count;
};
static const struct step steps[] = {
    {WRITE, 0, PAGES}, {SHRINK, 0, 200},   {GROW, 0, PAGES}, {CLEAR, 64, 36},    {WRITE, 0, 64},
    {WRITE, 100, 150}, {SNAPSHOT, 0, 0},   {WRITE, 32, 64},  {CLEAR, 120, 20},   {CLEAR, 40, 8},
    {SNAPSHOT, 1, 0},  {WRITE, 0, 16},     {CLEAR, 60, 20},  {UNSNAPSHOT, 0, 0}, {WRITE, 8, 40},
    {SHRINK, 0, 240},  {UNSNAPSHOT, 1, 0}, {WRITE, 30, 30},  {GROW, 0, PAGES},   {CLEAR, 35, 5},
    {PUT, 0, PAGES},   {WRITE, 5, 200},
};
#define STEPS (sizeof steps / sizeof steps[0])

/* The base after the first `done` steps, as one array of PAGES. */
static void play(unsigned char *bytes, size_t done)
{
    memset(bytes, 0, PAGES * 512);
    for (size_t i = 0; i < done; i++) {
        const struct step *s = &steps[i];
        unsigned char *at = bytes + s->start * 512;

        if (s->verb == WRITE)
            store_case_fill(at, s->start * 512, s->count * 512, (uint8_t)i);
        else if (s->verb == CLEAR)
            memset(at, 0, s->count * 512);
        else if (s->verb == SHRINK)
            memset(bytes + s->count * 512, 0, (PAGES - s->count) * 512);
        else if (s->verb == PUT)
            memset(bytes, 0, PAGES * 512);
    }
}

static void resize(struct store_case *c, uint64_t size_bytes)
{
    struct store_change change = {.resize = true, .size_bytes = size_bytes};

    if (store_blob_change(c->store, &c->key, NULL, &change, NULL) != STORE_OK)
        _exit(4);
}

static void do_step(struct store_case *c, size_t i, char names[2][STORE_SNAPSHOT_BYTES])
{
    const struct step *s = &steps[i];
    struct store_key key;

    switch (s->verb) {
    case WRITE:
        store_case_write(c, s->start * 512, s->count * 512, (uint8_t)i);
        break;
    case CLEAR:
        store_case_clear(c, s->start * 512, s->count * 512);
        break;
    case SNAPSHOT:
        store_case_take_snapshot(c, names[s->start]);
        break;
    case UNSNAPSHOT:
        key = store_case_snapshot(c, names[s->start]);
        if (store_blob_delete(c->store, &key, NULL, STORE_DELETE_BASE) != STORE_OK)
            _exit(3);
        break;
    case PUT:
        store_case_create(c, s->count * 512);
        break;
    default:
        resize(c, s->count * 512);
    }
}

static void work(struct store_case *c, int fd)
{
    char names[2][STORE_SNAPSHOT_BYTES];

    store_case_connect(c);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(5);
    raise(SIGSTOP);
    for (size_t i = 0; i < STEPS; i++) {
        unsigned char byte = (unsigned char)i;

        do_step(c, i, names);
        if (write(fd, &byte, 1) != 1)
            _exit(6);
    }
    _exit(0);
}

/* Lets the child run to its calls-th stop at a system call's entry or exit, and kills it there.
 * True: it was killed; false: it ended before. */
static bool kill_at(pid_t child, unsigned calls)
{
    int status;

    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSTOPPED(status), "ptrace is not possible here: %x", (unsigned)status);
    for (unsigned i = 0; i < calls; i++) {
        cr_assert_eq(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
        cr_assert_eq(waitpid(child, &status, 0), child);
        if (WIFEXITED(status)) {
            cr_assert_eq(WEXITSTATUS(status), 0);
            return false;
        }
        cr_assert(WIFSTOPPED(status));
    }
    kill(child, SIGKILL);
    cr_assert_eq(waitpid(child, &status, 0), child);
    return true;
}

/* Both ways of reading must say the same: a file that may be sent as it is holds what the index
 * says, and no bytes that only a dead process knew of. */
static unsigned char *read_both(struct store_case *c, size_t answered)
{
    uint64_t size;
    unsigned char *bytes = store_case_read(c, NULL, false, &size);
    unsigned char *spans = store_case_read(c, NULL, true, &size);

    cr_assert_eq(size, PAGES * 512);
    cr_assert_eq(memcmp(bytes, spans, size), 0, "after %zu steps", answered);
    free(spans);
    return bytes;
}

static void judge(struct store_case *c, size_t answered)
{
    unsigned char *before = malloc(PAGES * 512), *after = malloc(PAGES * 512), *found, *later;

    play(before, answered);
    play(after, answered < STEPS ? answered + 1 : answered);
    resize(c, PAGES * 512); /* whatever its size is: what grows back is zero */
    found = read_both(c, answered);
    for (size_t p = 0; p < PAGES; p++)
        cr_assert(memcmp(found + p * 512, before + p * 512, 512) == 0 ||
                      memcmp(found + p * 512, after + p * 512, 512) == 0,
                  "after %zu steps page %zu is neither old nor new", answered, p);
    /* Pages that another layer hid so far become holes: nothing old may shine through. */
    for (size_t p = 1; p < PAGES; p += 4) {
        store_case_clear(c, p * 512, 512);
        memset(found + p * 512, 0, 512);
    }
    later = read_both(c, answered);
    cr_assert_eq(memcmp(found, later, PAGES * 512), 0, "after %zu steps", answered);
    free(later);
    free(found);
    free(before);
    free(after);
}

static bool crash_once(unsigned calls)
{
    struct store_case c = {0};
    size_t answered = 0;
    unsigned char byte;
    bool killed;
    int ends[2];
    pid_t child;

    store_case_open(&c);
    store_case_create(&c, PAGES * 512);
    store_close(c.store);
    cr_assert_eq(pipe(ends), 0);
    child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        close(ends[0]);
        work(&c, ends[1]);
    }
    close(ends[1]);
    killed = kill_at(child, calls);
    while (read(ends[0], &byte, 1) == 1)
        cr_assert_eq(byte, answered++);
    close(ends[0]);
    store_case_connect(&c);
    judge(&c, answered);
    store_case_close(&c);
    return killed;
}

Test(store_crash, at_every_system_call_the_answered_is_there_and_nothing_else, .timeout = 200)
{
    unsigned calls = 1;

    /* Stops alternate between entry and exit; after an exit nothing more happens on the disk than
     * before the next entry, so every second one will do. */
    while (crash_once(calls) && calls < CALLS_MAX)
        calls += 2;
    cr_assert_gt(calls, 4 * STEPS); /* it did something */
    cr_assert_lt(calls, CALLS_MAX); /* and came to its end */
}
