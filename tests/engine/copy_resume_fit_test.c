/* copy_resume_fit_test.c - is a journal that is found of this copy? One of another source, target or
 * other options is refused, and neither it nor the target is touched. */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/resume_case.h"

#define KIB  COPY_CASE_KIB
#define PAGE ENDPOINT_PAGE_BYTES

static struct resume_case m;
static struct copy_case *const c = &m.c;

static void begin(void)
{
    resume_case_open(&m);
}

static void end(void)
{
    resume_case_close(&m);
}

TestSuite(copy_resume_fit, .init = begin, .fini = end);

/* ---- Of another copy ---- */

static void expect_refused(const char *words)
{
    struct stat before, after;
    uint64_t requests = c->target->requests_count;

    cr_assert_eq(stat(m.journal_path, &before), 0);
    copy_case_run(c);
    cr_expect_eq(c->err.kind, ERR_CONFLICT, "%s", c->err.text);
    cr_expect_eq(c->err.retry, RETRY_NEVER);
    cr_expect_not_null(strstr(c->err.text, words), "\"%s\" is not in: %s", words, c->err.text);
    cr_expect_not_null(strstr(c->err.text, "--restart"), "%s", c->err.text);
    cr_assert_eq(stat(m.journal_path, &after), 0, "the journal is gone");
    cr_expect_eq(before.st_size, after.st_size);
    cr_expect_eq(endpoint_mem_traffic(c->target)->setups_count, 0u, "the target was touched");
    cr_expect_eq(c->target->requests_count, requests);
    c->options.restart = true;
    copy_case_run_ok(c);
    copy_case_expect_same(c->source, c->target, RESUME_CASE_DISK_BYTES + PAGE);
}

Test(copy_resume_fit, of_another_source_is_refused)
{
    resume_case_stop(&m, 4);
    endpoint_close(c->source);
    c->source = copy_case_random_disk(c, RESUME_CASE_DISK_BYTES + PAGE, 77);
    copy_case_put_footer(c->source);
    copy_case_scribble(c->source, RESUME_CASE_DISK_BYTES, 78, 50); /* another ETag too */
    c->options.source_id = "second";
    expect_refused("its source is another, first");
}

Test(copy_resume_fit, of_another_size_is_refused)
{
    resume_case_stop(&m, 4);
    endpoint_close(c->source);
    c->source = copy_case_random_disk(c, RESUME_CASE_DISK_BYTES, 5);
    copy_case_run(c);
    cr_expect_eq(c->err.kind, ERR_CONFLICT, "%s", c->err.text);
    cr_expect_not_null(strstr(c->err.text, "bytes, and this one has"), "%s", c->err.text);
    cr_expect(resume_case_has_journal(&m));
}

Test(copy_resume_fit, of_a_source_that_was_written_to_is_refused)
{
    resume_case_stop(&m, 4);
    copy_case_fill(c->source, (struct extent){64 * KIB, PAGE}, 9);
    expect_refused("was written to since");
}

Test(copy_resume_fit, of_a_renewed_url_with_another_path_is_taken)
{
    resume_case_stop(&m, 4);
    c->options.source_id = "first, by another name";
    resume_case_expect_goes_on(&m);
}

Test(copy_resume_fit, with_other_options_is_refused)
{
    resume_case_stop(&m, 4);
    c->options.hash = false;
    copy_case_run(c);
    cr_expect_eq(c->err.kind, ERR_CONFLICT, "%s", c->err.text);
    c->options.hash = true;
    c->options.footer = COPY_FOOTER_STRIP;
    copy_case_run(c);
    cr_expect_eq(c->err.kind, ERR_CONFLICT, "%s", c->err.text);
    cr_expect_not_null(strstr(c->err.text, "footer"), "%s", c->err.text);
    c->options.footer = COPY_FOOTER_KEEP;
    resume_case_expect_goes_on(&m);
}

Test(copy_resume_fit, of_a_target_that_another_marked_is_refused)
{
    struct marker marker;

    resume_case_stop(&m, 4);
    marker = *endpoint_mem_marker(c->target);
    marker.copy_uuid[0] = marker.copy_uuid[0] == '0' ? '1' : '0';
    endpoint_mem_poke_marker(c->target, &marker);
    expect_refused("another copy");
}

Test(copy_resume_fit, of_a_target_without_its_marker_is_refused)
{
    resume_case_stop(&m, 4);
    endpoint_mem_poke_marker(c->target, NULL);
    expect_refused("does not carry its marker");
}

/* Another disk of the same name. */
static void replace_target(uint64_t size_bytes)
{
    struct endpoint *old = c->target;

    c->target = copy_case_disk(c, size_bytes);
    copy_case_cut(c->target, RESUME_CASE_CUT_BYTES);
    free(c->target->identity);
    c->target->identity = strdup(old->identity);
    endpoint_close(old);
}

Test(copy_resume_fit, of_a_target_that_was_deleted_is_refused)
{
    resume_case_stop(&m, 4);
    replace_target(0);
    expect_refused("does not exist any more");
}

Test(copy_resume_fit, of_a_target_that_was_made_anew_is_refused)
{
    resume_case_stop(&m, 4);
    replace_target(RESUME_CASE_DISK_BYTES + PAGE);
    expect_refused("does not carry its marker");
}

Test(copy_resume_fit, of_another_target_is_refused)
{
    struct endpoint *first = c->target;

    resume_case_stop(&m, 4);
    c->target = copy_case_disk(c, 0); /* before the first is closed: its name is its address */
    endpoint_close(first);
    expect_refused("its target is mem:");
}

/* ---- Of a source without an ETag ---- */

static void without_etag(struct stat_req *req)
{
    req->etag[0] = '\0';
    snprintf(req->last_modified, sizeof req->last_modified, "one second");
}

static const struct endpoint_ops *honest;
static struct endpoint_ops bent;
static void (*stat_done)(struct stat_req *);

static void bent_done(struct stat_req *req)
{
    without_etag(req);
    stat_done(req);
}

static void bent_stat(struct endpoint *ep, struct stat_req *req)
{
    stat_done = req->done;
    req->done = bent_done;
    honest->stat(ep, req);
}

/* A host that gives no ETag, and a disk that cannot change. */
static void bend_source(void)
{
    honest = c->source->ops;
    bent = *honest;
    bent.stat = bent_stat;
    c->source->ops = &bent;
    c->source->capabilities = ENDPOINT_CAN_LIST | ENDPOINT_CAN_DIFF;
}

Test(copy_resume_fit, without_an_etag_time_and_footer_show_that_a_source_is_the_same)
{
    bend_source();
    resume_case_stop(&m, 4);
    c->options.source_id = "first, by another name";
    resume_case_expect_goes_on(&m);
}

Test(copy_resume_fit, without_an_etag_and_a_footer_another_name_is_refused)
{
    endpoint_mem_poke_clear(c->source, (struct extent){RESUME_CASE_DISK_BYTES, PAGE});
    bend_source();
    resume_case_stop(&m, 4);
    c->options.source_id = "first, by another name";
    copy_case_run(c);
    cr_expect_eq(c->err.kind, ERR_CONFLICT, "%s", c->err.text);
    cr_expect_not_null(strstr(c->err.text, "may be another source"), "%s", c->err.text);
    c->options.source_id = "first";
    copy_case_run_ok(c);
    cr_expect_gt(c->summary.resumed_bytes, 0u);
}
