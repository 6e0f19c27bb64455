/* ferry_job_test.c - what goes to a child's stdin, judged by the parsers that read it there. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/control.h"
#include "engine/job_parse.h"
#include "tools/controld/ferry_job.h"

static void on_remark(void *arg, bool warning, const char *path, const char *message)
{
    (void)arg;
    cr_assert_fail("%s at %s: %s", warning ? "warning" : "mistake", path ? path : "", message);
}

Test(ferry_job, is_read_as_it_was_meant)
{
    struct ferry_job_disk full = {
        .id = "disk \"one\" \\ caf\xc3\xa9",
        .sides = {{"https://a.x/c/b?snapshot=2026-11-01T00:00:00Z&sig=a%2Fb", "id 1", 1795270805},
                  {"https://a.x/c/b?snapshot=2026-10-01T00:00:00Z&sig=a", "id 0", 1795270806},
                  {"https://b.x/c/t?sig=c", NULL, 1795270807}},
        .map = "/maps/one",
        .journal = "/journals/one",
        .verify = true};
    struct ferry_job_disk small = {.id = "two",
                                   .sides = {{.url = "/dev/one"}, {NULL}, {.url = "/dev/two"}},
                                   .journal = "/journals/two",
                                   .target_new = true,
                                   .target_larger = true,
                                   .raw = true};
    struct ferry_job_limits limits = {.memory_bytes = 8 << 20, .bytes_per_s = 1 << 20};
    struct ferry_line line = {0};
    struct job_spec spec;
    const struct job_disk *disk;

    ferry_job_begin(&line, "point");
    ferry_job_add(&line, &full);
    ferry_job_add(&line, &small);
    ferry_job_end(&line, &limits);
    cr_assert_not(line.failed);
    cr_assert_eq(line.bytes[line.count - 1], '\n');
    cr_assert_eq(memchr(line.bytes, '\n', line.count), line.bytes + line.count - 1);
    job_spec_init(&spec);
    cr_assert(job_parse(line.bytes, line.count - 1, &spec, on_remark, NULL));
    cr_assert_eq(spec.disks_count, 2u);
    cr_assert_str_eq(spec.points[0].id, "point");
    cr_assert_eq(spec.limits.memory_bytes, 8u << 20);
    cr_assert_eq(spec.limits.bytes_per_s, 1u << 20);
    disk = &spec.disks[0];
    cr_assert_str_eq(disk->id, full.id);
    cr_assert_str_eq(disk->source.text, full.sides[0].url);
    cr_assert_str_eq(disk->source.identity, "id 1");
    cr_assert_eq(disk->source.expires_s, 1795270805u);
    cr_assert_str_eq(disk->base.text, full.sides[1].url);
    cr_assert_str_eq(disk->base.identity, "id 0");
    cr_assert_eq(disk->base.expires_s, 1795270806u);
    cr_assert_str_eq(disk->target.text, full.sides[2].url);
    cr_assert_eq(disk->target.expires_s, 1795270807u);
    cr_assert_str_eq(disk->map, "/maps/one");
    cr_assert_str_eq(disk->journal, "/journals/one");
    cr_assert(disk->verify);
    cr_assert_null(spec.disks[1].base.text);
    cr_assert_not(spec.disks[1].verify);
    cr_assert(spec.disks[1].target_new && spec.disks[1].target_larger);
    cr_assert_eq(spec.disks[1].footer, COPY_FOOTER_RAW);
    cr_assert_not(disk->target_new || disk->target_larger);
    cr_assert_eq(disk->footer, COPY_FOOTER_KEEP);
    job_spec_fini(&spec);
    ferry_line_fini(&line);
    cr_assert_null(line.bytes);
}

Test(ferry_job, renewals_are_commands)
{
    struct ferry_job_end end = {.url = "https://a.x/c/b?sig=new", .expires_s = 1795270805};
    struct ferry_line line = {0};

    ferry_job_renew(&line, "disk \"one\"", ACCESS_BASE, &end, "0 1");
    ferry_job_renew(&line, "two", ACCESS_TARGET, &end, "1 2");
    cr_assert_not(line.failed);
    line.bytes[line.count] = 0; /* there is room for it always */
    cr_assert_str_eq(line.bytes,
                     "{\"command\":\"renewAccess\",\"disk\":\"disk \\\"one\\\"\",\"side\":\"base\","
                     "\"url\":\"https://a.x/c/b?sig=new\",\"expiresOn\":\"2026-11-21T14:20:05Z\","
                     "\"tag\":\"0 1\"}\n"
                     "{\"command\":\"renewAccess\",\"disk\":\"two\",\"side\":\"target\","
                     "\"url\":\"https://a.x/c/b?sig=new\",\"expiresOn\":\"2026-11-21T14:20:05Z\","
                     "\"tag\":\"1 2\"}\n");
    ferry_line_fini(&line);
}

Test(ferry_job, many_disks_are_one_line)
{
    struct ferry_line line = {0};
    struct ferry_job_limits limits = {0};
    struct job_spec spec;
    char id[32], target[64], journal[64];

    ferry_job_begin(&line, "point");
    for (unsigned i = 0; i < 500; i++) {
        struct ferry_job_disk disk = {.id = id,
                                      .sides = {{.url = "/dev/one"}, {NULL}, {.url = target}},
                                      .journal = journal};

        snprintf(id, sizeof id, "disk %u", i);
        snprintf(target, sizeof target, "/target/%u", i);
        snprintf(journal, sizeof journal, "/journal/%u", i);
        ferry_job_add(&line, &disk);
    }
    ferry_job_end(&line, &limits);
    job_spec_init(&spec);
    cr_assert(job_parse(line.bytes, line.count, &spec, on_remark, NULL));
    cr_assert_eq(spec.disks_count, 500u);
    cr_assert_str_eq(spec.disks[499].target.text, "/target/499");
    job_spec_fini(&spec);
    ferry_line_fini(&line);
}
