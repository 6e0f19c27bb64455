/* event_queue_test.c - what a queue of events keeps, drops and hands out, and in which order. */
#include "engine/event_queue.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"

#define LINE_BYTES 8000u

static struct event_queue *queue_of(size_t max_bytes)
{
    struct err e = {0};
    struct event_queue *q = event_queue_new(max_bytes, &e);

    cr_assert(q, "%s", e.text);
    return q;
}

static void push(struct event_queue *q, enum event_kind kind, const char *disk, const char *line)
{
    struct event event = {.kind = kind, .disk = disk};

    cr_assert(event_queue_push(q, &event, line, strlen(line)));
}

/* A line of LINE_BYTES that begins with "disk/number ". */
static void push_long(struct event_queue *q, enum event_kind kind, const char *disk,
                      unsigned number)
{
    char line[LINE_BYTES + 1];
    int head = snprintf(line, sizeof line, "%s/%u ", disk, number);

    memset(line + head, '.', sizeof line - (size_t)head);
    line[LINE_BYTES] = '\0';
    push(q, kind, disk, line);
}

/* Pops the first line, and compares it up to its blank. */
static void expect_first(struct event_queue *q, const char *text)
{
    struct event_queue_line line;

    cr_assert(event_queue_first(q, &line), "nothing left instead of %s", text);
    cr_assert_eq(strncmp(line.text, text, strlen(text)), 0, "%.40s instead of %s", line.text, text);
    event_queue_pop(q);
}

static void expect_empty(struct event_queue *q)
{
    struct event_queue_line line;

    cr_assert_not(event_queue_first(q, &line));
    cr_assert_eq(event_queue_count(q).lines, 0);
    cr_assert_eq(event_queue_count(q).bytes, 0);
    event_queue_free(q);
}

Test(event_queue, hands_out_lines_in_the_order_they_came)
{
    struct event_queue *q = queue_of(EVENT_QUEUE_MAX_BYTES);
    struct event_queue_line line;

    push(q, EVENT_STATE, "a", "one");
    push(q, EVENT_PROGRESS, "a", "two");
    push(q, EVENT_PROGRESS, "a", "three");
    push(q, EVENT_END, NULL, "");
    cr_assert_eq(event_queue_count(q).lines, 4);
    cr_assert_eq(event_queue_count(q).bytes, 11);
    cr_assert(event_queue_first(q, &line));
    cr_assert_not(line.progress);
    expect_first(q, "one");
    cr_assert(event_queue_first(q, &line));
    cr_assert(line.progress);
    expect_first(q, "two");
    expect_first(q, "three");
    cr_assert(event_queue_first(q, &line));
    cr_assert_eq(line.bytes, 0);
    event_queue_pop(q);
    expect_empty(q);
}

Test(event_queue, drops_the_oldest_progress_first_and_counts_it)
{
    struct event_queue *q = queue_of(6 * LINE_BYTES);

    for (unsigned i = 0; i < 20; i++)
        push_long(q, EVENT_PROGRESS, "a", i);
    cr_assert_eq(event_queue_count(q).lines, 5);
    cr_assert_eq(event_queue_count(q).dropped, 15);
    for (unsigned i = 15; i < 20; i++) {
        char text[16];

        snprintf(text, sizeof text, "a/%u ", i);
        expect_first(q, text);
    }
    expect_empty(q);
}

Test(event_queue, keeps_a_disks_newest_while_another_disk_has_older_ones_to_give)
{
    struct event_queue *q = queue_of(6 * LINE_BYTES);

    push_long(q, EVENT_PROGRESS, "slow", 1);
    for (unsigned i = 0; i < 20; i++)
        push_long(q, EVENT_PROGRESS, "quick", i);
    expect_first(q, "slow/1 ");
    expect_first(q, "quick/16 ");
    event_queue_free(q);
}

Test(event_queue, drops_the_oldest_of_those_that_are_stale_however_they_became_so)
{
    struct event_queue *q = queue_of(6 * LINE_BYTES);

    push_long(q, EVENT_PROGRESS, "a", 1);
    push_long(q, EVENT_PROGRESS, "b", 1);
    push_long(q, EVENT_PROGRESS, "b", 2); /* b/1 is stale before a/1 is */
    push_long(q, EVENT_PROGRESS, "a", 2);
    push_long(q, EVENT_PROGRESS, "c", 1);
    push_long(q, EVENT_PROGRESS, "d", 1); /* one too many */
    cr_assert_eq(event_queue_count(q).dropped, 1);
    expect_first(q, "b/1 ");
    expect_first(q, "b/2 ");
    event_queue_free(q);
}

Test(event_queue, never_drops_what_is_not_progress)
{
    static const enum event_kind kept[] = {EVENT_STATE,  EVENT_SUMMARY, EVENT_ACCESS_EXPIRING,
                                           EVENT_ANSWER, EVENT_WARNING, EVENT_INVALID,
                                           EVENT_END};
    struct event_queue *q = queue_of(3 * LINE_BYTES);

    for (unsigned i = 0; i < 70; i++) {
        push_long(q, kept[i % 7], "a", i);
        push_long(q, EVENT_PROGRESS, "p", i);
    }
    cr_assert_eq(event_queue_count(q).lines, 70);
    cr_assert_eq(event_queue_count(q).dropped, 70);
    for (unsigned i = 0; i < 70; i++) {
        char text[16];

        snprintf(text, sizeof text, "a/%u ", i);
        expect_first(q, text);
    }
    expect_empty(q);
}

/* The same queue as a plain list that is searched. */
struct model {
    struct {
        unsigned disk, number;
        bool progress;
    } lines[400];
    size_t count;
};

static void model_remove(struct model *m, size_t at)
{
    memmove(&m->lines[at], &m->lines[at + 1], (m->count - at - 1) * sizeof m->lines[0]);
    m->count--;
}

static bool model_stale(const struct model *m, size_t at)
{
    for (size_t i = at + 1; i < m->count; i++)
        if (m->lines[i].progress && m->lines[i].disk == m->lines[at].disk)
            return true;
    return false;
}

static void model_push(struct model *m, unsigned disk, unsigned number, bool progress, size_t max)
{
    m->lines[m->count].disk = disk;
    m->lines[m->count].number = number;
    m->lines[m->count++].progress = progress;
    while (m->count > max) {
        size_t at = m->count;

        for (size_t i = 0; i < m->count && at == m->count; i++)
            if (m->lines[i].progress && model_stale(m, i))
                at = i;
        for (size_t i = 0; i < m->count && at == m->count; i++)
            if (m->lines[i].progress)
                at = i;
        if (at == m->count)
            return;
        model_remove(m, at);
    }
}

static void model_pop(struct model *m, struct event_queue *q)
{
    char text[32];

    if (m->count == 0)
        return;
    snprintf(text, sizeof text, "%04u/%u ", m->lines[0].disk, m->lines[0].number);
    expect_first(q, text);
    model_remove(m, 0);
}

Test(event_queue, does_what_a_searched_list_does_over_random_pushes_and_pops)
{
    static struct model m;
    struct event_queue *q = queue_of(60 * (LINE_BYTES + 160)); /* between 59 and 60 lines */
    unsigned random = 12345;

    for (unsigned i = 0; i < 20000; i++) {
        char disk[16];
        bool progress;

        random = random * 1103515245u + 12345u;
        if (random >> 16 & 1 && (m.count > 55 || random >> 17 & 1)) {
            model_pop(&m, q);
            continue;
        }
        progress = (random >> 18 & 7) != 0 || m.count > 300;
        snprintf(disk, sizeof disk, "%04u", (random >> 21) % 90);
        push_long(q, progress ? EVENT_PROGRESS : EVENT_STATE, disk, i);
        model_push(&m, (random >> 21) % 90, i, progress, 60);
        cr_assert_eq(event_queue_count(q).lines, m.count);
    }
    while (m.count)
        model_pop(&m, q);
    expect_empty(q);
}

/* A search a push would make this take minutes. */
Test(event_queue, a_stalled_reader_of_16384_disks_costs_little_a_push)
{
    struct event_queue *q = queue_of(EVENT_QUEUE_MAX_BYTES);
    uint64_t begun_ns = clock_process_cpu_ns();
    char line[301];

    memset(line, 'x', 300);
    line[300] = '\0';
    for (unsigned i = 0; i < 300000; i++) {
        char disk[16];

        snprintf(disk, sizeof disk, "disk-%u", i * 7919u % 16384);
        push(q, EVENT_PROGRESS, disk, line);
    }
    cr_assert_lt(clock_process_cpu_ns() - begun_ns, 30 * NS_PER_S);
    cr_assert_leq(event_queue_count(q).bytes, EVENT_QUEUE_MAX_BYTES);
    cr_assert_gt(event_queue_count(q).lines, 16384);
    event_queue_free(q);
}
