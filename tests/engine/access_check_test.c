/* access_check_test.c - which disk behind a new URL is taken for the one that is being copied. */
#include "engine/access_check.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/await.h"
#include "tests/support/copy_case.h"

#define MIB        COPY_CASE_MIB
#define PAGE       ENDPOINT_PAGE_BYTES
#define DISK_BYTES (1 * MIB)

static struct copy_case c;
static struct endpoint *disk; /* the candidate; taken by the check */
static struct access_facts facts;
static struct access_check_setup setup;
static struct {
    bool done;
    struct err why;
} seen;

static struct stat_req look(struct endpoint *ep)
{
    return await_stat(&c.rig, ep);
}

static void begin(void)
{
    struct stat_req stat;

    copy_case_open(&c);
    disk = copy_case_random_disk(&c, DISK_BYTES, 7);
    copy_case_put_footer(disk);
    stat = look(disk);
    memset(&facts, 0, sizeof facts);
    facts.known = facts.exists = true;
    facts.size_bytes = stat.size_bytes;
    strcpy(facts.etag, stat.etag);
    strcpy(facts.last_modified, stat.last_modified);
    facts.footer = digest_bytes(endpoint_mem_bytes(disk) + DISK_BYTES - PAGE, PAGE);
    facts.footer_known = true;
    setup = (struct access_check_setup){.reactor = c.rig.r,
                                        .pool = c.pool,
                                        .side = ACCESS_SOURCE,
                                        .facts = &facts,
                                        .capabilities = disk->capabilities,
                                        .random_seed = 1};
}

static void end(void)
{
    rig_until_idle(&c.rig);
    bufpool_free(c.pool);
    rig_close(&c.rig);
}

TestSuite(access_check, .init = begin, .fini = end);

static void on_done(void *arg, const struct err *why)
{
    (void)arg;
    cr_assert_not(seen.done, "ends once");
    seen.done = true;
    if (why)
        seen.why = *why;
}

static void check(void)
{
    struct err e = {0};
    struct access_check *running;

    memset(&seen, 0, sizeof seen);
    setup.done = on_done;
    running = access_check_start(disk, &setup, &e);
    cr_assert_not_null(running, "%s", e.text);
    cr_assert(access_check_busy(running));
    rig_until(&c.rig, &seen.done);
    cr_expect_not(access_check_busy(running));
    access_check_free(running);
    cr_expect_eq(bufpool_borrowed_count(c.pool), 0u);
}

static void expect_taken(void)
{
    check();
    cr_expect_not(err_is_set(&seen.why), "%s", seen.why.text);
}

static void expect_refused(const char *words)
{
    check();
    cr_expect_eq(seen.why.kind, ERR_CONFLICT);
    cr_expect_eq(seen.why.retry, RETRY_NEVER);
    cr_expect(strstr(seen.why.text, words), "%s", seen.why.text);
    cr_expect(strstr(seen.why.text, " is another disk than the "), "%s", seen.why.text);
}

/* ---- Elsewhere ---- */

Test(access_check, the_same_disk_at_another_address_is_taken)
{
    expect_taken();
}

Test(access_check, another_etag_and_another_time_are_another_disk)
{
    strcpy(facts.etag, "\"another\"");
    strcpy(facts.last_modified, "Fri, 05 Jan 2024 01:00:00 GMT");
    expect_refused("ETag");
}

static const struct endpoint_ops *mem_ops;
static bool without_etag;

static void stat_with_time(struct endpoint *ep, struct stat_req *req)
{
    mem_ops->stat(ep, req);
    strcpy(req->last_modified, "Fri, 05 Jan 2024 01:00:00 GMT");
    if (without_etag)
        req->etag[0] = 0;
}

/* The candidate's last change was in the second that is known of the disk's. */
static void give_time(void)
{
    static struct endpoint_ops ops;

    mem_ops = disk->ops;
    ops = *mem_ops;
    ops.stat = stat_with_time;
    disk->ops = &ops;
    strcpy(facts.last_modified, "Fri, 05 Jan 2024 01:00:00 GMT");
}

/* Two disks of one machine may be of one size, with snapshots of one second. */
Test(access_check, the_same_time_does_not_make_another_etag_good)
{
    give_time();
    strcpy(facts.etag, "\"another\"");
    facts.footer_known = false;
    expect_refused("ETag");
}

Test(access_check, without_etags_time_and_footer_do)
{
    give_time();
    without_etag = true;
    facts.etag[0] = 0;
    expect_taken();
}

Test(access_check, without_etags_time_alone_does_not)
{
    give_time();
    without_etag = true;
    facts.etag[0] = 0;
    facts.footer_known = false;
    expect_refused("footer");
}

Test(access_check, an_etag_may_stand_for_the_time)
{
    strcpy(facts.last_modified, "Fri, 05 Jan 2024 01:00:00 GMT");
    expect_taken();
}

Test(access_check, what_says_neither_is_not_taken)
{
    facts.etag[0] = facts.last_modified[0] = 0;
    expect_refused("ETag");
}

Test(access_check, another_size_is_another_disk)
{
    facts.size_bytes += PAGE;
    expect_refused("its size differs");
}

Test(access_check, another_footer_is_another_disk)
{
    memset(&facts.footer, 1, sizeof facts.footer);
    expect_refused("its footer differs");
}

Test(access_check, a_footer_that_was_not_read_is_not_compared)
{
    facts.footer_known = false;
    memset(&facts.footer, 1, sizeof facts.footer);
    expect_taken();
}

Test(access_check, before_anything_is_known_no_other_address_is_taken)
{
    facts.known = false;
    expect_refused("nothing is known yet");
}

Test(access_check, another_kind_of_host_is_refused)
{
    setup.capabilities &= ~(unsigned)ENDPOINT_CAN_DIFF;
    expect_refused("another kind of host");
}

Test(access_check, nothing_there_is_no_disk)
{
    endpoint_close(disk);
    disk = copy_case_disk(&c, 0);
    expect_refused("there is nothing");
}

/* ---- Targets ---- */

static void mark(const char *uuid)
{
    struct marker marker = {.state = MARKER_COPYING, .source = "s", .size_bytes = disk->size_bytes};

    strcpy(marker.copy_uuid, uuid);
    endpoint_mem_poke_marker(disk, &marker);
    setup.side = ACCESS_TARGET;
    facts.etag[0] = 0; /* our own writes change it */
}

Test(access_check, a_target_is_known_by_its_mark)
{
    mark("11111111-1111-4111-8111-111111111111");
    strcpy(facts.copy_uuid, "11111111-1111-4111-8111-111111111111");
    expect_taken();
}

Test(access_check, a_target_with_the_mark_of_another_copy_is_refused)
{
    mark("11111111-1111-4111-8111-111111111111");
    strcpy(facts.copy_uuid, "22222222-2222-4222-8222-222222222222");
    expect_refused("mark");
}

Test(access_check, a_target_that_is_not_marked_yet_is_compared_as_a_source_is)
{
    setup.side = ACCESS_TARGET;
    expect_taken();
    end();
    begin();
    setup.side = ACCESS_TARGET;
    facts.etag[0] = 0;
    expect_refused("ETag");
}

Test(access_check, a_target_that_cannot_be_marked_is_known_by_its_size)
{
    setup.side = ACCESS_TARGET;
    disk->capabilities &= ~(unsigned)ENDPOINT_CAN_MARK;
    setup.capabilities = disk->capabilities;
    facts.etag[0] = 0;
    expect_taken();
}

/* ---- The same address ---- */

Test(access_check, at_the_same_address_what_lets_us_look_is_taken)
{
    memset(&facts, 0, sizeof facts);
    setup.same_address = true;
    expect_taken();
}

static void fail_looks(enum fault_kind kind, unsigned op, uint32_t hits)
{
    struct fault_rule rule = {
        .ops = FAULT_BIT(op), .kind = kind, .permille = 1000, .hits_max = hits};
    struct fault_options options = {.seed = 1, .rules = &rule, .rules_count = 1};

    copy_case_wrap(&disk, &options);
}

Test(access_check, a_url_that_does_not_let_us_in_is_refused)
{
    setup.same_address = true;
    fail_looks(FAULT_AUTH, FAULT_STAT, 1);
    check();
    cr_expect_eq(seen.why.retry, RETRY_AFTER_RENEWAL);
}

Test(access_check, trouble_that_passes_is_waited_for)
{
    fail_looks(FAULT_NET_BEFORE, FAULT_STAT, 3);
    expect_taken();
    end();
    begin();
    fail_looks(FAULT_NET_BEFORE, FAULT_READ, 3);
    expect_taken();
}

Test(access_check, no_buffer_is_waited_for)
{
    struct buf *all[COPY_CASE_POOL_BYTES / BUF_BYTES];
    size_t count = 0;
    struct err e = {0};
    struct access_check *running;

    while (bufpool_grow(c.pool))
        continue;
    while (count < sizeof all / sizeof all[0] && (all[count] = bufpool_borrow(c.pool)))
        count++;
    memset(&seen, 0, sizeof seen);
    setup.done = on_done;
    running = access_check_start(disk, &setup, &e);
    for (int i = 0; i < 20; i++)
        rig_peek(&c.rig);
    cr_expect_not(seen.done);
    for (size_t i = 0; i < count; i++)
        bufpool_release(c.pool, all[i]);
    rig_until(&c.rig, &seen.done);
    cr_expect_not(err_is_set(&seen.why), "%s", seen.why.text);
    access_check_free(running);
}
