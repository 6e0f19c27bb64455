/* plan_bench.c - what planning costs without a network: lists of ranges as the service writes them, in
 * memory, through the parser of lists, and from the parsed lists to a plan.
 *
 *     plan_bench [RANGES]...        [1000 10000 100000 1000000 10000000]
 *
 * A line for each kind of list and each number of ranges: kind, ranges, CPU nanoseconds a range to read the
 * list (median, lowest, highest), CPU nanoseconds a range to plan (the same three), bytes a range at the
 * peak, of lists and plan together. "full": all that holds data. "delta": what changed and what became zero,
 * a quarter of them, coalesced with the help of the newer's full list, the second that is read.
 * Each run is a process of its own, so that none finds the memory of another warm. Must not know: HTTP,
 * copies.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/plan.h"
#include "io/pageblob_list.h"
#include "io/pageranges.h"

#define ROUNDS         5u
#define RANGE_BYTES    4096u
#define DISK_BYTES     (32ull << 40)
#define ENTRY_MAX      112u
#define PIECE_BYTES    (16u << 10) /* what libcurl hands over at a time */
#define COALESCE_BYTES (64u << 10)
#define CLEAR_EACH     4u

struct cost {
    double list_ns, plan_ns, bytes; /* each a range */
};

struct planning {
    uint64_t ranges;
    struct pageranges *parser;
    struct extent_set data, clears, all;
    char page[PAGEBLOB_LIST_PAGE_RANGES * ENTRY_MAX + 256];
    uint64_t list_ns, plan_ns;
};

static void expect(bool ok, const struct err *e)
{
    if (ok)
        return;
    fprintf(stderr, "plan_bench: %s\n", e->kind ? e->text : "a wrong answer");
    exit(1);
}

/* Not of the clock on the wall: beside other work a median of that says little. */
static uint64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15ull);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

/* One page of the list: each range somewhere in its own slice of the disk. */
static size_t write_page(struct planning *p, uint64_t first, uint64_t end, bool clears,
                         uint64_t *random)
{
    uint64_t slice = DISK_BYTES / p->ranges / RANGE_BYTES;
    int n = sprintf(p->page, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<PageList>");

    for (uint64_t i = first; i < end; i++) {
        uint64_t at = (i * slice + next_random(random) % (slice - 1)) * RANGE_BYTES;
        const char *kind = clears && i % CLEAR_EACH == 0 ? "Clear" : "Page";

        n += sprintf(p->page + n, "<%sRange><Start>%llu</Start><End>%llu</End></%sRange>", kind,
                     (unsigned long long)at, (unsigned long long)at + RANGE_BYTES - 1, kind);
    }
    n += sprintf(p->page + n, "<NextMarker/></PageList>");
    return (size_t)n;
}

static void read_list(struct planning *p, struct extent_set *data, struct extent_set *clears)
{
    const struct extent whole = {0, DISK_BYTES};
    uint64_t random = 42, last_end = 0;
    struct err e = {0};

    for (uint64_t first = 0; first < p->ranges; first += PAGEBLOB_LIST_PAGE_RANGES) {
        uint64_t left = p->ranges - first, began_ns;
        uint64_t count = left < PAGEBLOB_LIST_PAGE_RANGES ? left : PAGEBLOB_LIST_PAGE_RANGES;
        size_t bytes = write_page(p, first, first + count, clears != NULL, &random);

        began_ns = cpu_ns();
        pageranges_begin(p->parser, data, clears, whole, last_end, DISK_BYTES);
        for (size_t at = 0; at < bytes; at += PIECE_BYTES)
            expect(pageranges_push(p->parser, p->page + at,
                                   bytes - at < PIECE_BYTES ? bytes - at : PIECE_BYTES, &e),
                   &e);
        expect(pageranges_end(p->parser, &e), &e);
        expect(pageranges_count(p->parser) == count, &e);
        last_end = pageranges_last_end(p->parser);
        p->list_ns += cpu_ns() - began_ns;
    }
}

static void make_plan(struct planning *p, bool delta)
{
    struct plan_input input = {.disk_bytes = DISK_BYTES,
                               .delta = delta,
                               .source_data = &p->data,
                               .take_data = &p->data,
                               .take_clears = delta ? &p->clears : NULL,
                               .source_clears = delta ? &p->clears : NULL,
                               .source_all = delta ? &p->all : NULL,
                               .coalesce_bytes = delta ? COALESCE_BYTES : 0};
    struct plan plan = {0};
    uint64_t began_ns = cpu_ns();
    struct err e = {0};

    expect(plan_make(&input, &plan, &e), &e);
    expect(plan_read_count(&plan, 4u << 20) > 0, &e);
    p->plan_ns = cpu_ns() - began_ns;
    expect(plan_total_bytes(&plan) == p->ranges * RANGE_BYTES, &e);
    plan_fini(&plan);
}

static double peak_bytes(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (double)used.ru_maxrss * 1024;
}

static struct cost run(uint64_t ranges, bool delta)
{
    struct planning *p = calloc(1, sizeof *p);
    struct err e = {0};
    double first_bytes;
    double lists;

    expect(p != NULL, &e);
    memset(p->page, 'x', sizeof p->page); /* its pages are no range's */
    p->ranges = ranges;
    p->parser = pageranges_new(&e);
    expect(p->parser != NULL, &e);
    first_bytes = peak_bytes();
    read_list(p, &p->data, delta ? &p->clears : NULL);
    if (delta)
        read_list(p, &p->all, NULL);
    lists = delta ? 2 : 1;
    make_plan(p, delta);
    return (struct cost){.list_ns = (double)p->list_ns / (double)ranges / lists,
                         .plan_ns = (double)p->plan_ns / (double)ranges,
                         .bytes = (peak_bytes() - first_bytes) / (double)ranges};
}

static struct cost run_apart(uint64_t ranges, bool delta)
{
    struct cost cost = {0};
    struct err e = {0};
    int ends[2], status = 1;
    pid_t child;

    expect(pipe(ends) == 0, &e);
    child = fork();
    if (child == 0) {
        cost = run(ranges, delta);
        _exit(write(ends[1], &cost, sizeof cost) != sizeof cost);
    }
    close(ends[1]);
    expect(child > 0 && read(ends[0], &cost, sizeof cost) == sizeof cost &&
               waitpid(child, &status, 0) == child && status == 0,
           &e);
    close(ends[0]);
    return cost;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void measure(uint64_t ranges, bool delta)
{
    double list_ns[ROUNDS], plan_ns[ROUNDS], bytes[ROUNDS];

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct cost cost = run_apart(ranges, delta);

        list_ns[i] = cost.list_ns;
        plan_ns[i] = cost.plan_ns;
        bytes[i] = cost.bytes;
    }
    qsort(list_ns, ROUNDS, sizeof *list_ns, by_size);
    qsort(plan_ns, ROUNDS, sizeof *plan_ns, by_size);
    qsort(bytes, ROUNDS, sizeof *bytes, by_size);
    printf("%s %llu %.1f %.1f %.1f %.2f %.2f %.2f %.1f\n", delta ? "delta" : "full",
           (unsigned long long)ranges, list_ns[ROUNDS / 2], list_ns[0], list_ns[ROUNDS - 1],
           plan_ns[ROUNDS / 2], plan_ns[0], plan_ns[ROUNDS - 1], bytes[ROUNDS / 2]);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const uint64_t usual[] = {1000, 10000, 100000, 1000000, 10000000};
    size_t count = argc > 1 ? (size_t)argc - 1 : sizeof usual / sizeof usual[0];

    for (int delta = 0; delta < 2; delta++) {
        for (size_t i = 0; i < count; i++) {
            uint64_t ranges = argc > 1 ? strtoull(argv[i + 1], NULL, 10) : usual[i];

            if (ranges == 0 || ranges > DISK_BYTES / RANGE_BYTES / 4) {
                fprintf(stderr, "usage: plan_bench [RANGES]...\n");
                return 2;
            }
            measure(ranges, delta);
        }
    }
    return 0;
}
