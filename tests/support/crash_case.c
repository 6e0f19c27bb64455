/* crash_case.c - see crash_case.h. */
#include "tests/support/crash_case.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blockmap/vhd.h"
#include "engine/journal.h"
#include "tests/support/crash_child.h"
#include "tests/support/raw_http.h"

#define SHORT_LISTS                                                                                \
    "{\"seed\":1,\"rules\":[{\"name\":\"short\",\"match\":{\"comp\":\"pagelist\"},"                \
    "\"fault\":\"listShortPage\",\"entries\":2}]}"
#define UPLOAD_MAX_BYTES (4u << 20)

/* ---- Life ---- */

void crash_case_open(struct crash_case *c, enum crash_target target, bool short_lists)
{
    const char *faults = short_lists ? SHORT_LISTS : NULL;
    const char *base = getenv("TMPDIR");

    *c = (struct crash_case){.target = target};
    snprintf(c->folder, sizeof c->folder, "%s/crash.XXXXXX", base ? base : "/tmp");
    cr_assert_not_null(mkdtemp(c->folder));
    snprintf(c->source_file, sizeof c->source_file, "%s/source", c->folder);
    snprintf(c->target_file, sizeof c->target_file, "%s/target", c->folder);
    snprintf(c->journal, sizeof c->journal, "%s/journal", c->folder);
    snprintf(c->state, sizeof c->state, "%s/state", c->folder);
    blob_bench_begin(&c->west, faults);
    blob_bench_begin(&c->east, faults);
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
    if (c->map[0])
        unlink(c->map);
    remove_all(c->state);
    if (c->target != CRASH_TO_BLOB)
        return;
    /* a killed copy's lease would keep the blob */
    ask_east(c, "PUT", "/" BENCH_ACCOUNT "/" BENCH_BLOB "?comp=lease",
             "x-ms-lease-action: break\r\nx-ms-lease-break-period: 0\r\n",
             409); /* or none has it */
    ask_east(c, "DELETE", "/" BENCH_ACCOUNT "/" BENCH_BLOB, NULL, 404);
}

void crash_case_old_target(struct crash_case *c)
{
    unsigned char *old = malloc(c->image_bytes), *nothing = calloc(1, c->image_bytes);

    for (uint64_t at = 0; at < c->image_bytes; at += VHD_FOOTER_BYTES)
        memset(old + at, at / 65536 % 3 == 1 ? 0xA5 : 0, VHD_FOOTER_BYTES);
    blob_bench_make(&c->east, BENCH_ACCOUNT, c->image_bytes);
    upload(&c->east, nothing, old, c->image_bytes);
    free(old);
    free(nothing);
}

void crash_case_damage(struct crash_case *c, uint64_t offset)
{
    unsigned char page[VHD_FOOTER_BYTES];

    memcpy(page, c->image + offset, sizeof page);
    page[7] ^= 0x10;
    put_range(&c->east, page, (struct extent){offset, sizeof page});
}

/* ---- Run ---- */

bool crash_case_run(struct crash_case *c, uint32_t which, uint64_t kill_at)
{
    int status;
    pid_t pid;

    memset(c->result, 0, sizeof *c->result);
    c->processes_count++;
    pid = fork();
    if (pid == 0)
        crash_child_run(c, which, kill_at);
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
    cr_assert(c->verify || c->result->committed);
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
