/* crash_child.c - see crash_child.h. Everything is made anew: clock, reactor, client, endpoints. */
#include "tests/support/crash_child.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "engine/verify.h"
#include "io/endpoint_fault.h"
#include "io/endpoint_file.h"

#define SLOW_READ_NS (200 * NS_PER_MS) /* simulated: so that a file is flushed now and then */

struct child {
    struct crash_result *result;
    uint64_t kill_at;
    struct clock clock;
    struct reactor *reactor;
    struct http *http;
};

static void child_recorded(void *arg, uint64_t records)
{
    struct child *child = arg;

    child->result->records = records;
    if (records >= child->kill_at)
        kill(getpid(), SIGKILL);
}

static void child_done(void *arg, struct copy *copy)
{
    struct crash_result *result = ((struct child *)arg)->result;
    const struct copy_summary *summary = copy_summary(copy);

    result->committed = summary->committed;
    result->delta = summary->delta;
    result->kind = copy_error(copy)->kind;
    memcpy(result->text, copy_error(copy)->text, sizeof result->text);
    memcpy(result->root, summary->root, sizeof result->root);
    memcpy(result->digest, summary->delta_digest, sizeof result->digest);
    result->total_bytes = summary->plan_read_bytes + summary->plan_clear_bytes;
    result->resumed_bytes = summary->resumed_bytes;
    result->read_bytes = summary->read_bytes;
    result->has_map = summary->has_map;
    result->proof_bytes = summary->proof_bytes;
    memcpy(result->copy_uuid, summary->copy_uuid, sizeof result->copy_uuid);
    result->ended = true;
}

static void child_need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "crash_case: %s\n", what);
    _exit(3);
}

static struct endpoint *child_blob(struct child *child, const char *text)
{
    struct endpoint_pageblob_options options = {0};
    struct secret_url url;
    struct endpoint *ep = NULL;
    struct err e = {0};

    if (secret_url_parse(text, &url, &e))
        ep = endpoint_pageblob_open(child->reactor, child->http, &url, &options, &e);
    child_need(ep, e.text);
    return ep;
}

static struct endpoint *child_file(struct child *child, const char *path, bool target)
{
    struct endpoint_file_options options = {.writable = target};
    struct fault_options slow = {.seed = 1,
                                 .delay_min_ns = SLOW_READ_NS,
                                 .delay_max_ns = SLOW_READ_NS};
    struct err e = {0};
    struct endpoint *ep = endpoint_file_open(child->reactor, path, &options, &e);

    child_need(ep, e.text);
    if (!target)
        ep = endpoint_fault_new(ep, &slow, &e);
    child_need(ep, e.text);
    return ep;
}

static void child_make(struct child *child, bool simulated)
{
    struct http_options options = {0};
    struct err e = {0};

    if (simulated)
        clock_init_simulated(&child->clock, NS_PER_S, 1700000000ull * NS_PER_S);
    else
        clock_init_real(&child->clock);
    child->reactor = reactor_new(REACTOR_AUTO, &child->clock, &e);
    child_need(child->reactor, e.text);
    child->http = http_new(child->reactor, &options, &e);
    child_need(child->http, e.text);
}

static void child_ends(struct crash_case *c, struct child *child, uint32_t which,
                       struct copy_ends *ends)
{
    struct err e = {0};

    if (c->target == CRASH_FILE_TO_FILE) {
        ends->source = child_file(child, c->source_file, false);
    } else {
        ends->source = child_blob(child, blob_bench_url(&c->west, BENCH_ACCOUNT,
                                                        c->snapshots[which], "r", NULL));
        if (which > 0 && !c->verify) {
            ends->since =
                strdup(blob_bench_url(&c->west, BENCH_ACCOUNT, c->snapshots[which - 1], "r", NULL));
            ends->base = child_blob(child, ends->since);
        }
    }
    if (c->target == CRASH_TO_BLOB)
        ends->target =
            child_blob(child, blob_bench_url(&c->east, BENCH_ACCOUNT, NULL, "rcw", NULL));
    else
        ends->target = child_file(child, c->target_file, true);
    ends->source->request_max_bytes = CRASH_CUT_BYTES;
    ends->target->request_max_bytes = CRASH_CUT_BYTES;
    ends->pool = bufpool_new(child->reactor, 4 * BUF_BYTES, 16 * BUF_BYTES, &e);
    child_need(ends->pool, e.text);
}

static void child_turn(struct child *child)
{
    struct err e = {0};

    child_need(reactor_turn(child->reactor, 20 * NS_PER_S, &e), e.text);
}

static void child_copy(struct crash_case *c, struct child *child, const struct copy_ends *ends)
{
    struct copy_options options = {.hash = true,
                                   .journal_path = c->journal,
                                   .state_folder = c->state,
                                   .window_start = CRASH_WINDOW_MAX,
                                   .window_max = CRASH_WINDOW_MAX,
                                   .random_seed = ((uint64_t)getpid() << 20) + c->processes_count};
    struct copy_watch watch = {.recorded = child_recorded, .done = child_done, .arg = child};
    struct err e = {0};
    struct copy *copy;

    snprintf(c->result->target, sizeof c->result->target, "%s", ends->target->identity);
    if (c->map[0])
        options.map.path = c->map;
    memset(options.map.seed, (int)c->processes_count, sizeof options.map.seed);
    copy = copy_new(child->reactor, ends, &options, &watch, &e);

    child_need(copy, e.text);
    copy_start(copy);
    c->result->percent_first = -1;
    while (!copy_ended(copy)) {
        child_turn(child);
        if (c->kill_when && !copy_ended(copy) && strcmp(copy_phase(copy), c->kill_when) == 0)
            kill(getpid(), SIGKILL);
        if (c->result->percent_first < 0 && strcmp(copy_phase(copy), "copying") == 0 &&
            copy_progress(copy).durable_bytes > 0)
            c->result->percent_first = copy_progress(copy).percent;
    }
}

static void child_verified(void *arg, struct verify *verify)
{
    struct crash_result *result = ((struct child *)arg)->result;
    const struct verify_summary *summary = verify_summary(verify);

    result->equal = summary->equal;
    result->different_bytes = summary->different_bytes;
    result->resumed_bytes = summary->resumed_bytes;
    result->kind = verify_error(verify)->kind;
    memcpy(result->text, verify_error(verify)->text, sizeof result->text);
    memcpy(result->root, summary->root, sizeof result->root);
    result->ended = true;
}

static void child_verify(struct crash_case *c, struct child *child, const struct copy_ends *ends)
{
    struct verify_ends both = {.source = ends->source, .target = ends->target, .pool = ends->pool};
    struct verify_options options = {.journal_path = c->journal,
                                     .window_start = CRASH_WINDOW_MAX,
                                     .window_max = CRASH_WINDOW_MAX,
                                     .random_seed = c->processes_count};
    struct verify_watch watch = {.recorded = child_recorded, .done = child_verified, .arg = child};
    struct err e = {0};
    struct verify *verify = verify_new(child->reactor, &both, &options, &watch, &e);

    child_need(verify, e.text);
    verify_start(verify);
    while (!verify_ended(verify))
        child_turn(child);
}

void crash_child_run(struct crash_case *c, uint32_t which, uint64_t kill_at)
{
    struct child child = {.result = c->result, .kill_at = kill_at};
    struct copy_ends ends = {0};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    child_make(&child, c->target == CRASH_FILE_TO_FILE);
    child_ends(c, &child, which, &ends);
    if (c->verify)
        child_verify(c, &child, &ends);
    else
        child_copy(c, &child, &ends);
    _exit(0);
}
