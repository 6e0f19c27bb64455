/* crash_case.c - see crash_case.h. The child makes everything anew: reactor, client, endpoints. */
#include "tests/support/crash_case.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blockmap/vhd.h"
#include "engine/journal.h"
#include "io/endpoint_fault.h"
#include "io/endpoint_file.h"
#include "tests/support/raw_http.h"

#define SLOW_READ_NS     (200 * NS_PER_MS) /* simulated: so that a file is flushed now and then */
#define UPLOAD_MAX_BYTES (4u << 20)

/* ---- Life ---- */

void crash_case_open(struct crash_case *c, enum crash_target target)
{
    const char *base = getenv("TMPDIR");

    *c = (struct crash_case){.target = target};
    snprintf(c->folder, sizeof c->folder, "%s/crash.XXXXXX", base ? base : "/tmp");
    cr_assert_not_null(mkdtemp(c->folder));
    snprintf(c->source_file, sizeof c->source_file, "%s/source", c->folder);
    snprintf(c->target_file, sizeof c->target_file, "%s/target", c->folder);
    snprintf(c->journal, sizeof c->journal, "%s/journal", c->folder);
    snprintf(c->state, sizeof c->state, "%s/state", c->folder);
    blob_bench_begin(&c->west, NULL);
    blob_bench_begin(&c->east, NULL);
    c->result =
        mmap(NULL, sizeof *c->result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(c->result, MAP_FAILED);
}

static void remove_all(const char *what)
{
    char command[PATH_MAX + 16];

    snprintf(command, sizeof command, "rm -rf '%s'", what);
    cr_assert_eq(system(command), 0);
}

void crash_case_close(struct crash_case *c)
{
    blob_bench_end(&c->west);
    blob_bench_end(&c->east);
    munmap(c->result, sizeof *c->result);
    extent_set_fini(&c->recorded);
    free(c->image);
    remove_all(c->folder);
}

/* ---- Disks ---- */

static void put_range(struct blob_bench *b, const unsigned char *bytes, struct extent range)
{
    char headers[128];

    snprintf(headers, sizeof headers, "x-ms-page-write: %s\r\nx-ms-range: bytes=%llu-%llu\r\n",
             bytes ? "update" : "clear", (unsigned long long)range.offset,
             (unsigned long long)(extent_end(range) - 1));
    blob_bench_owner(b, 201, BENCH_ACCOUNT, "PUT", "/" BENCH_BLOB "?comp=page", headers, bytes,
                     bytes ? (size_t)range.length : 0, "");
}

static bool is_zero(const unsigned char *bytes, size_t count)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0;
}

/* Runs of pages that differ between before and after, as writes or clears. */
static void upload(struct blob_bench *b, const unsigned char *before, const unsigned char *after,
                   uint64_t bytes)
{
    uint64_t at = 0;

    while (at < bytes) {
        bool zero = is_zero(after + at, 512);
        uint64_t end = at;

        while (end < bytes && end - at < UPLOAD_MAX_BYTES &&
               memcmp(before + end, after + end, 512) != 0 && is_zero(after + end, 512) == zero)
            end += 512;
        if (end > at)
            put_range(b, zero ? NULL : after + at, (struct extent){at, end - at});
        at = end > at ? end : at + 512;
    }
}

static void write_file(const char *path, const unsigned char *bytes, uint64_t count)
{
    FILE *file = fopen(path, "w");

    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, count, file), count);
    fclose(file);
}

void crash_case_source(struct crash_case *c, unsigned char *take_image, uint64_t bytes)
{
    unsigned char *before = c->image;

    if (c->snapshots_count == 0) {
        blob_bench_make(&c->west, BENCH_ACCOUNT, bytes);
        before = calloc(1, bytes);
    }
    upload(&c->west, before, take_image, bytes);
    snprintf(c->snapshots[c->snapshots_count], sizeof c->snapshots[0], "%s",
             blob_bench_snapshot(&c->west, BENCH_ACCOUNT));
    c->snapshots_count++;
    write_file(c->source_file, take_image, bytes);
    free(before);
    c->image = take_image;
    c->image_bytes = bytes;
}

/* Of our blob in the east, which may not be there. */
static void ask_east(struct crash_case *c, const char *method, const char *target,
                     const char *headers, unsigned or_status)
{
    struct raw_request request = {
        .method = method, .target = target, .headers = headers, .account = BENCH_ACCOUNT};
    struct raw_answer answer;
    int fd = raw_connect(c->east.region.port);

    cr_assert(raw_exchange(fd, &request, &answer));
    close(fd);
    cr_assert(answer.status == 202 || answer.status == 404 || answer.status == or_status, "%s: %u",
              method, answer.status);
    raw_answer_fini(&answer);
}

void crash_case_reset(struct crash_case *c)
{
    char sidecar[PATH_MAX + 16];

    snprintf(sidecar, sizeof sidecar, "%s.snapferry", c->target_file);
    unlink(sidecar);
    unlink(c->target_file);
    unlink(c->journal);
    remove_all(c->state);
    if (c->target != CRASH_TO_BLOB)
        return;
    /* a killed copy's lease would keep the blob */
    ask_east(c, "PUT", "/" BENCH_ACCOUNT "/" BENCH_BLOB "?comp=lease",
             "x-ms-lease-action: break\r\nx-ms-lease-break-period: 0\r\n",
             409); /* or none has it */
    ask_east(c, "DELETE", "/" BENCH_ACCOUNT "/" BENCH_BLOB, NULL, 404);
}

/* ---- The child ---- */

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
        if (which > 0) {
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

static void child_run(struct crash_case *c, uint32_t which, uint64_t kill_at)
{
    struct child child = {.result = c->result, .kill_at = kill_at};
    struct copy_ends ends = {0};
    struct copy_options options = {.hash = true,
                                   .journal_path = c->journal,
                                   .state_folder = c->state,
                                   .window_start = CRASH_WINDOW_MAX,
                                   .window_max = CRASH_WINDOW_MAX,
                                   .random_seed = ((uint64_t)getpid() << 20) + c->processes_count};
    struct copy_watch watch = {.recorded = child_recorded, .done = child_done, .arg = &child};
    struct copy *copy;
    struct err e = {0};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    child_make(&child, c->target == CRASH_FILE_TO_FILE);
    child_ends(c, &child, which, &ends);
    copy = copy_new(child.reactor, &ends, &options, &watch, &e);
    child_need(copy, e.text);
    copy_start(copy);
    c->result->percent_first = -1;
    while (!copy_ended(copy)) {
        child_need(reactor_turn(child.reactor, 20 * NS_PER_S, &e), e.text);
        if (c->result->percent_first < 0 && strcmp(copy_phase(copy), "copying") == 0 &&
            copy_progress(copy).durable_bytes > 0)
            c->result->percent_first = copy_progress(copy).percent;
    }
    _exit(0);
}

bool crash_case_run(struct crash_case *c, uint32_t which, uint64_t kill_at)
{
    int status;
    pid_t pid;

    memset(c->result, 0, sizeof *c->result);
    c->processes_count++;
    pid = fork();
    if (pid == 0)
        child_run(c, which, kill_at);
    cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
    if (WIFSIGNALED(status)) {
        cr_assert_eq(WTERMSIG(status), SIGKILL, "signal %d", WTERMSIG(status));
        cr_assert_not(c->result->ended);
        return false;
    }
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
    cr_assert(c->result->ended);
    return true;
}

void crash_case_run_ok(struct crash_case *c, uint32_t which)
{
    cr_assert(crash_case_run(c, which, CRASH_NEVER));
    cr_assert_eq(c->result->kind, ERR_NONE, "%s", c->result->text);
    cr_assert(c->result->committed);
}

/* ---- Look ---- */

/* A request of our own; in the log it has a higher number than any connection before it. */
static uint64_t mark_of(struct blob_bench *b)
{
    char line[4096];
    uint64_t mark = 0;
    FILE *log;

    blob_bench_owner(b, 200, BENCH_ACCOUNT, "GET", "/ccc?restype=container", NULL, NULL, 0, "");
    log = fopen(b->region.log, "r");
    cr_assert_not_null(log);
    while (fgets(line, sizeof line, log)) {
        const char *at = strstr(line, "\"connection\":");
        uint64_t connection = at ? strtoull(at + 13, NULL, 10) : 0;

        if (connection > mark)
            mark = connection;
    }
    fclose(log);
    return mark;
}

void crash_case_note(struct crash_case *c)
{
    const struct journal_record *record;
    enum journal_read answer;
    struct err e = {0};
    struct journal *journal = journal_open(c->west.reactor, c->journal, &e);

    cr_assert_not_null(journal, "%s", e.text);
    extent_set_clear(&c->recorded);
    while (journal_found(journal) &&
           (answer = journal_next(journal, &record, &e)) != JOURNAL_NO_MORE) {
        cr_assert_eq(answer, JOURNAL_RECORD, "%s", e.text);
        if (record->type == JOURNAL_DONE)
            cr_assert(extent_set_add(&c->recorded, record->done.extent));
    }
    journal_close(journal);
    c->mark_west = mark_of(&c->west);
    c->mark_east = mark_of(&c->east);
}

void crash_case_expect_copied(struct crash_case *c)
{
    if (c->target == CRASH_TO_BLOB) {
        struct raw_request request = {.method = "GET",
                                      .target = "/" BENCH_ACCOUNT "/" BENCH_BLOB,
                                      .account = BENCH_ACCOUNT};
        struct raw_answer answer;
        int fd = raw_connect(c->east.region.port);

        cr_assert(raw_exchange(fd, &request, &answer));
        close(fd);
        cr_assert_eq(answer.status, 200);
        cr_assert_eq(answer.body_bytes, c->image_bytes);
        cr_assert_eq(memcmp(answer.body, c->image, c->image_bytes), 0, "the target differs");
        raw_answer_fini(&answer);
    } else {
        unsigned char *bytes = malloc(c->image_bytes + 1);
        FILE *file = fopen(c->target_file, "r");

        cr_assert(bytes && file);
        cr_assert_eq(fread(bytes, 1, c->image_bytes + 1, file), c->image_bytes);
        cr_assert_eq(memcmp(bytes, c->image, c->image_bytes), 0, "the target differs");
        fclose(file);
        free(bytes);
    }
}

static uint64_t number_of(const char *line, const char *name)
{
    const char *at = strstr(line, name);

    return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* Bytes of recorded in ranges of requests with this verb, on connections behind the mark. */
static uint64_t again_bytes(const struct crash_case *c, const struct blob_bench *b,
                            const char *verb, uint64_t mark)
{
    FILE *log = fopen(b->region.log, "r");
    uint64_t bytes = 0;
    char line[4096];

    cr_assert_not_null(log);
    while (fgets(line, sizeof line, log)) {
        struct extent range = {number_of(line, "\"rangeOffset\":"),
                               number_of(line, "\"rangeLength\":")};

        if (strstr(line, verb) && number_of(line, "\"connection\":") > mark &&
            range.length > VHD_FOOTER_BYTES) /* first and last page are looked at */
            bytes += extent_set_bytes_in(&c->recorded, range);
    }
    fclose(log);
    return bytes;
}

uint64_t crash_case_read_again_bytes(const struct crash_case *c)
{
    return again_bytes(c, &c->west, "\"verb\":\"Get Blob\"", c->mark_west);
}

uint64_t crash_case_written_again_bytes(const struct crash_case *c)
{
    return again_bytes(c, &c->east, "\"verb\":\"Put Page\"", c->mark_east);
}
