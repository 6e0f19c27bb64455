/* job_parse_test.c - jobs as JSON: what is read, and every mistake with its path and without a secret. */
#include "engine/job_parse.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIG          "c2VjcmV0"
#define SAS          "sv=1&sig=" SIG
#define SNAP         "snapshot=2026-11-01T00:00:00.0000000Z"
#define BASE         "snapshot=2026-10-01T00:00:00.0000000Z"
#define SOURCE       "{\"url\":\"https://a.blob.x/c/s?" SNAP "&" SAS "\"}"
#define TARGET       "{\"url\":\"https://b.blob.x/c/t?" SAS "\"}"
#define DISK         "{\"id\":\"d\",\"source\":" SOURCE ",\"target\":" TARGET "}"
#define POINT(disks) "{\"restorePoints\":[{\"id\":\"p\",\"disks\":[" disks "]}]}"

#define TOLD_MAX 2048

/* What was told, a line each: "! path: sentence" or "? path: sentence" for a warning. */
struct told {
    char *lines[TOLD_MAX];
    size_t count;
};

static void take(void *arg, bool warning, const char *path, const char *sentence)
{
    struct told *told = arg;

    cr_assert_lt(told->count, TOLD_MAX);
    cr_assert_geq(
        asprintf(&told->lines[told->count], "%c %s: %s", warning ? '?' : '!', path, sentence), 0);
    cr_expect_null(strstr(told->lines[told->count], SIG), "%s", told->lines[told->count]);
    cr_expect_null(strstr(told->lines[told->count], "blob.x"), "%s", told->lines[told->count]);
    told->count++;
}

static void told_fini(struct told *told)
{
    for (size_t i = 0; i < told->count; i++)
        free(told->lines[i]);
    told->count = 0;
}

static struct job_spec read_job(const char *text)
{
    struct told told = {0};
    struct job_spec spec;
    bool ok = job_parse(text, strlen(text), &spec, take, &told);

    cr_assert(ok, "%s", told.count ? told.lines[0] : "");
    cr_assert_eq(told.count, 0, "%s", told.count ? told.lines[0] : "");
    return spec;
}

/* Exactly one mistake, and it begins so. */
static void refused(const char *text, const char *line)
{
    struct told told = {0};
    struct job_spec spec;

    cr_expect_not(job_parse(text, strlen(text), &spec, take, &told), "%.300s", text);
    cr_assert_geq(told.count, 1, "%s", line);
    cr_expect_eq(told.count, 1, "%s\n%s", told.lines[0], told.count > 1 ? told.lines[1] : "");
    cr_expect(strncmp(told.lines[0] + 2, line, strlen(line)) == 0, "%s\n%s", told.lines[0], line);
    cr_expect_eq(spec.disks_count, 0);
    cr_expect_eq(spec.limits.memory_bytes, JOB_MEMORY_BYTES);
    told_fini(&told);
    job_spec_fini(&spec);
}

Test(job_parse, reads_the_whole_form)
{
    struct job_spec spec = read_job(
        "{\"restorePoints\":[{\"id\":\"rp1\",\"disks\":[" DISK ",{\"id\":\"e\",\"priority\":7,"
        "\"source\":{\"url\":\"https://a.blob.x/c/s?" SNAP "&" SAS "\",\"identity\":\"id/1\","
        "\"expiresOn\":\"2030-01-01T00:00:00Z\",\"baseUrl\":\"https://a.blob.x/c/s?" BASE "&" SAS
        "\",\"baseIdentity\":\"id/0\",\"baseExpiresOn\":\"2030-01-01T00:00:01Z\"},"
        "\"target\":{\"url\":\"file:/nowhere/"
        "e.vhd\",\"mustBeNew\":true,\"mayBeLarger\":true},\"map\":\"/nowhere/e.map\","
        "\"journal\":\"/nowhere/e.journal\",\"verify\":true,\"footer\":\"strip\"}]},"
        "{\"id\":\"rp2\",\"disks\":[{\"id\":\"f\",\"source\":{\"url\":\"env:F\"},"
        "\"target\":{\"url\":\"@/nowhere/t\",\"expiresOn\":\"2030-01-01T00:00:02Z\"}}]}],"
        "\"limits\":{\"memoryBytes\":67108864,\"bytesPerSecond\":1048576,"
        "\"blobRequestsPerSecond\":\"none\",\"accountRequestsPerSecond\":9},"
        "\"report\":{\"url\":\"https://up.x/"
        "events?key=1\",\"tokenEnv\":\"TOKEN\",\"intervalMs\":250}}");

    cr_assert_eq(spec.points_count, 2);
    cr_assert_eq(spec.disks_count, 3);
    cr_expect_str_eq(spec.points[1].id, "rp2");
    cr_expect_eq(spec.points[1].first_disk, 2);
    cr_expect_eq(spec.points[0].disk_count, 2);
    cr_expect_eq(spec.disks[0].priority, JOB_PRIORITY_DEFAULT);
    cr_expect_null(spec.disks[0].base.text);
    cr_expect_not(spec.disks[0].verify);
    cr_expect_eq(spec.disks[1].priority, 7);
    cr_expect_str_eq(spec.disks[1].source.identity, "id/1");
    cr_expect_eq(spec.disks[1].source.expires_s, 1893456000);
    cr_expect_str_eq(spec.disks[1].base.identity, "id/0");
    cr_expect_eq(spec.disks[1].base.expires_s, 1893456001);
    cr_expect(strstr(spec.disks[1].base.text, BASE));
    cr_expect_str_eq(spec.disks[1].target.text, "file:/nowhere/e.vhd");
    cr_expect_str_eq(spec.disks[1].map, "/nowhere/e.map");
    cr_expect_str_eq(spec.disks[1].journal, "/nowhere/e.journal");
    cr_expect(spec.disks[1].verify);
    cr_expect(spec.disks[1].target_new && spec.disks[1].target_larger);
    cr_expect_not(spec.disks[0].target_new || spec.disks[0].target_larger);
    cr_expect_eq(spec.disks[1].footer, COPY_FOOTER_STRIP);
    cr_expect_eq(spec.disks[2].point, 1);
    cr_expect_eq(spec.disks[2].target.expires_s, 1893456002);
    cr_expect_eq(spec.limits.memory_bytes, 67108864);
    cr_expect_eq(spec.limits.bytes_per_s, 1048576);
    cr_expect_eq(spec.limits.blob_requests_per_s, 0);
    cr_expect_eq(spec.limits.account_requests_per_s, 9);
    cr_expect_eq(spec.limits.blob_bytes_per_s, JOB_BLOB_BYTES_PER_S);
    cr_expect_eq(spec.report.interval_ms, 250);
    cr_expect_str_eq(spec.report.token_env, "TOKEN");
    cr_expect_str_eq(spec.report.url, "https://up.x/events?key=1");
    job_spec_fini(&spec);
}

Test(job_parse, what_is_not_said_has_its_default)
{
    struct job_spec spec = read_job(POINT(DISK));

    cr_expect_eq(spec.limits.memory_bytes, JOB_MEMORY_BYTES);
    cr_expect_eq(spec.limits.blob_requests_per_s, JOB_BLOB_REQUESTS_PER_S);
    cr_expect_eq(spec.limits.bytes_per_s, 0);
    cr_expect_eq(spec.report.interval_ms, JOB_INTERVAL_MS);
    cr_expect_null(spec.report.url);
    job_spec_fini(&spec);
}

Test(job_parse, text_that_is_no_json_says_where_and_nothing_of_it)
{
    static char deep[100000];

    refused("", "$: this is not a JSON object: it ends too early");
    refused("[]", "$: must be an object");
    refused("{\n \"restorePoints\": [\"https://a.blob.x/c?" SAS "\" 7]}",
            "$: this is not a JSON object: a syntax error (line 2, column ");
    refused("{\"limits\":{},\"limits\":{}}",
            "$: this is not a JSON object: a member is there twice");
    refused("{} {}", "$: this is not a JSON object: something follows its end");
    refused("{\"\xc3(\":1}", "$: this is not a JSON object: it is not UTF-8");
    memset(deep, '[', sizeof deep - 1);
    refused(deep, "$: this is not a JSON object: it is nested too deep");
}

Test(job_parse, a_text_of_too_many_bytes_is_not_looked_at)
{
    struct told told = {0};
    struct job_spec spec;

    cr_expect_not(job_parse(POINT(DISK), (size_t)JOB_TEXT_MAX_BYTES + 1, &spec, take, &told));
    cr_assert_eq(told.count, 1);
    cr_expect_str_eq(told.lines[0], "! $: the job is longer than 67108864 bytes");
    told_fini(&told);
    job_spec_fini(&spec);
}

Test(job_parse, members_of_the_wrong_kind_are_told_with_their_path)
{
    refused("{}", "$.restorePoints: is missing");
    refused("{\"restorePoints\":{}}", "$.restorePoints: must be an array of restore points");
    refused("{\"restorePoints\":[]}", "$.restorePoints: must be an array of restore points");
    refused("{\"restorePoints\":[7]}", "$.restorePoints[0]: must be an object");
    refused("{\"restorePoints\":[{\"disks\":[" DISK "]}]}", "$.restorePoints[0].id: is missing");
    refused("{\"restorePoints\":[{\"id\":\"p\",\"disks\":[]}]}",
            "$.restorePoints[0].disks: must be");
    refused(POINT("7"), "$.restorePoints[0].disks[0]: must be an object");
    refused(POINT("{\"id\":\"d\",\"source\":" SOURCE "}"),
            "$.restorePoints[0].disks[0].target: is missing");
    refused(POINT("{\"id\":\"d\",\"source\":{},\"target\":" TARGET "}"),
            "$.restorePoints[0].disks[0].source.url: is missing");
    refused(POINT("{\"id\":\"\",\"source\":" SOURCE ",\"target\":" TARGET "}"),
            "$.restorePoints[0].disks[0].id: must not be empty");
    refused(POINT("{\"id\":\"a\\u0007\",\"source\":" SOURCE ",\"target\":" TARGET "}"),
            "$.restorePoints[0].disks[0].id: has a control character");
    refused(POINT("{\"id\":\"d\",\"source\":" SOURCE
                  ",\"target\":{\"url\":\"/t\",\"mustBeNew\":1}}"),
            "$.restorePoints[0].disks[0].target.mustBeNew: must be true or false");
    refused("{\"restorePoints\":[{\"id\":\"p\",\"disks\":[" DISK "]}],\"limits\":7}",
            "$.limits: must be an object");
    refused("{\"restorePoints\":[{\"id\":\"p\",\"disks\":[" DISK
            "]}],\"limits\":{\"memoryBytes\":\"none\"}}",
            "$.limits.memoryBytes: must be a whole number");
    refused("{\"restorePoints\":[{\"id\":\"p\",\"disks\":[" DISK
            "]}],\"limits\":{\"bytesPerSecond\":1.5}}",
            "$.limits.bytesPerSecond: must be a whole number from 65536");
    refused("{\"restorePoints\":[{\"id\":\"p\",\"disks\":[" DISK
            "]}],\"report\":{\"intervalMs\":99}}",
            "$.report.intervalMs: must be a whole number from 100 to 3600000");
    refused("{\"restorePoints\":[{\"id\":\"p\",\"disks\":[" DISK
            "]}],\"report\":{\"tokenEnv\":\"A\"}}",
            "$.report.tokenEnv: is for a \"url\"");
    refused("{\"restorePoints\":[{\"id\":\"p\",\"disks\":[" DISK
            "]}],\"report\":{\"url\":\"https://up.x\",\"tokenEnv\":\"a b\"}}",
            "$.report.tokenEnv: must be the name");
}

#define REPORT(url)                                                                                \
    "{\"restorePoints\":[{\"id\":\"p\",\"disks\":[" DISK "]}],\"report\":{\"url\":\"" url "\"}}"

Test(job_parse, a_report_s_url_may_stand_elsewhere)
{
    static const char *const good[] = {REPORT("env:UP"), REPORT("@/nowhere/up"),
                                       REPORT("https://up.x/e?key=" SIG)};

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct job_spec spec = read_job(good[i]);

        cr_expect_not_null(spec.report.url);
        job_spec_fini(&spec);
    }
    refused(REPORT("env:"), "$.report.url: names no variable");
    refused(REPORT("@"), "$.report.url: names no file");
    refused(REPORT("up.x/" SIG), "$.report.url: this is not an http:// or https:// URL");
}

#define WITH(members)                                                                              \
    POINT("{\"id\":\"d\",\"source\":" SOURCE ",\"target\":" TARGET "," members "}")

Test(job_parse, wishes_of_a_disk_have_bounds)
{
    refused(WITH("\"priority\":0"), "$.restorePoints[0].disks[0].priority: must be a whole number");
    refused(WITH("\"priority\":1001"), "$.restorePoints[0].disks[0].priority: must be a whole");
    refused(WITH("\"verify\":1"), "$.restorePoints[0].disks[0].verify: must be true or false");
    refused(WITH("\"footer\":\"cut\""), "$.restorePoints[0].disks[0].footer: must be \"keep\"");
    refused(WITH("\"map\":\"\""), "$.restorePoints[0].disks[0].map: must not be empty");
    refused(WITH("\"journal\":{}"), "$.restorePoints[0].disks[0].journal: must be a text");
}

Test(job_parse, a_url_is_no_path_of_a_map_or_journal)
{
    refused(WITH("\"map\":\"https://a.blob.x/c/s?" SAS "\""),
            "$.restorePoints[0].disks[0].map: must be the path of a file");
    refused(WITH("\"journal\":\"relay:https://a.blob.x/c/s?" SAS "\""),
            "$.restorePoints[0].disks[0].journal: must be the path of a file");
    refused(WITH("\"journal\":\"s?" SAS "\""),
            "$.restorePoints[0].disks[0].journal: must be the path of a file");
}

#define FROM(members) POINT("{\"id\":\"d\",\"source\":{" members "},\"target\":" TARGET "}")
#define AT            "$.restorePoints[0].disks[0].source."

Test(job_parse, a_source_is_a_url_with_a_sas_or_a_file)
{
    refused(FROM("\"url\":\"https://a.blob.x/c/s?sv=1\""), AT "url: the URL has no SAS");
    refused(FROM("\"url\":\"https://a.blob.x/c/s?sig=&sv=" SIG "\""), AT "url: the URL has no SAS");
    refused(FROM("\"url\":\"https://a.blob.x?" SAS "\""),
            AT "url: the URL names a host but no blob");
    refused(FROM("\"url\":\"https://u:" SIG "@a.blob.x/c?" SAS "\""),
            AT "url: a URL must not carry");
    refused(FROM("\"url\":\"htps://a.blob.x/c/s?" SAS "\""), AT "url: is neither");
    refused(FROM("\"url\":\"/c/s?" SAS "\""), AT "url: is neither");
    refused(FROM("\"url\":\"env:\""), AT "url: names no variable");
    refused(FROM("\"url\":\"env:A=" SIG "\""), AT "url: names no variable");
    refused(FROM("\"url\":\"@\""), AT "url: names no file");
    refused(FROM("\"url\":\"file:\""), AT "url: names no file");
    refused(FROM("\"url\":\"null:\""), AT "url: null: can only be a target");
    refused(FROM("\"url\":\"pattern:1G\""), AT "url: is no end of a job");
    refused(FROM("\"url\":\"relay:https://h:1/n\""), AT "url: a relay is no end of a job");
    refused(FROM("\"url\":\"/d\",\"expiresOn\":\"2030-01-01T00:00:00Z\""),
            AT "expiresOn: is for a URL");
    refused(FROM("\"url\":\"env:A\",\"expiresOn\":\"2030-01-01\""), AT "expiresOn: must be a time");
    refused(FROM("\"url\":\"env:A\",\"identity\":\"https://a.blob.x/c/s?" SAS "\""),
            AT "identity: is a URL with its query");
}

Test(job_parse, an_id_commands_no_terminal)
{
    static const char *const ids[] = {"\\u001b[2J", "\\u007f",
                                      "\xc2\x9b"
                                      "2J",
                                      "\\u0080", "\\u009f"};
    struct job_spec spec;
    char text[200];

    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        snprintf(text, sizeof text, "{\"restorePoints\":[{\"id\":\"%s\",\"disks\":[%s]}]}", ids[i],
                 "{\"id\":\"d\",\"source\":{\"url\":\"/s\"},\"target\":{\"url\":\"/t\"}}");
        refused(text, "$.restorePoints[0].id: has a control character");
    }
    spec =
        read_job("{\"restorePoints\":[{\"id\":\"\\u00a0\\u00c2\\u4e2d\",\"disks\":[" DISK "]}]}");
    job_spec_fini(&spec);
}

Test(job_parse, a_url_with_its_sas_is_no_id)
{
    refused("{\"restorePoints\":[{\"id\":\"https://a.blob.x/c/s?" SAS "\",\"disks\":[" DISK "]}]}",
            "$.restorePoints[0].id: is a URL with its query");
    refused(POINT("{\"id\":\"https://a.blob.x/c/s?" SAS "\",\"source\":" SOURCE
                  ",\"target\":" TARGET "}"),
            "$.restorePoints[0].disks[0].id: is a URL with its query");
}

Test(job_parse, an_identity_may_be_a_url_with_its_snapshot)
{
    struct job_spec spec =
        read_job(FROM("\"url\":\"env:A\",\"identity\":\"https://a.blob.x/c/s?" SNAP "\""));

    cr_expect_str_eq(spec.disks[0].source.identity, "https://a.blob.x/c/s?" SNAP);
    job_spec_fini(&spec);
}

Test(job_parse, a_base_fits_its_source)
{
    refused(FROM("\"url\":\"env:A\",\"baseIdentity\":\"x\""),
            AT "baseIdentity: is for a \"baseUrl\"");
    refused(FROM("\"url\":\"env:A\",\"baseUrl\":\"/d\""),
            AT "baseUrl: a base is of its source's kind");
    refused(FROM("\"url\":\"/d\",\"baseUrl\":\"env:A\""),
            AT "baseUrl: a base is of its source's kind");
    refused(FROM("\"url\":\"https://a.blob.x/c/s?" SAS "\",\"baseUrl\":\"env:A\""),
            AT "baseUrl: needs a source that is a snapshot");
    refused(FROM("\"url\":\"env:A\",\"baseUrl\":\"https://a.blob.x/c/s?" SAS "\""),
            AT "baseUrl: must be a snapshot");
    refused(FROM("\"url\":\"https://a.blob.x/c/s?" SNAP "&" SAS
                 "\",\"baseUrl\":\"https://A.blob.x:443/c/%73?" SAS "&" SNAP "\""),
            AT "baseUrl: is the same as $.restorePoints[0].disks[0].source.url");
    refused(FROM("\"url\":\"env:A\",\"baseUrl\":\"env:A\""), AT "baseUrl: is the same as");
}

#define TO(members) POINT("{\"id\":\"d\",\"source\":" SOURCE ",\"target\":{" members "}}")

Test(job_parse, a_target_can_be_written_to)
{
    struct job_spec spec = read_job(TO("\"url\":\"null:\""));

    job_spec_fini(&spec);
    refused(TO("\"url\":\"https://b.blob.x/c/t?" SNAP "&" SAS "\""),
            "$.restorePoints[0].disks[0].target.url: the URL names a snapshot");
    refused(TO("\"url\":\"null:\",\"expiresOn\":\"2030-01-01T00:00:00Z\""),
            "$.restorePoints[0].disks[0].target.expiresOn: is for a URL");
    refused(POINT("{\"id\":\"d\",\"source\":" SOURCE
                  ",\"target\":{\"url\":\"null:\"},\"map\":\"/nowhere/m\"}"),
            "$.restorePoints[0].disks[0].map: has nothing to be of");
}

Test(job_parse, members_nobody_knows_are_told_once_and_passed_by)
{
    const char text[] =
        "{\"restorePoints\":[{\"id\":\"p\",\"colour\":1,\"disks\":["
        "{\"id\":\"d\",\"size\":1,\"source\":" SOURCE ",\"target\":" TARGET "},"
        "{\"id\":\"e\",\"size\":2,\"source\":" SOURCE ",\"target\":{\"url\":\"null:\"}}]}],"
        "\"https://a.blob.x/?" SAS "\":{\"deep\":[]}}";
    struct told told = {0};
    struct job_spec spec;

    cr_assert(job_parse(text, strlen(text), &spec, take, &told));
    cr_assert_eq(told.count, 3);
    cr_expect_str_eq(told.lines[0], "? $.restorePoints[0].colour: is not known, and passed by");
    cr_expect_str_eq(told.lines[1], "? $.restorePoints[0].disks[0].size: is not known, and passed "
                                    "by; so are 1 others of this name");
    cr_expect_str_eq(told.lines[2], "? $.?: is not known, and passed by");
    cr_expect_eq(spec.disks_count, 2);
    told_fini(&told);
    job_spec_fini(&spec);
}

Test(job_parse, every_mistake_is_told_and_not_the_first_alone)
{
    const char text[] =
        "{\"restorePoints\":[{\"id\":\"\",\"disks\":[{\"priority\":-1,"
        "\"source\":{\"url\":7},\"target\":\"x\"}]}],\"limits\":{\"memoryBytes\":1}}";
    struct told told = {0};
    struct job_spec spec;

    cr_expect_not(job_parse(text, strlen(text), &spec, take, &told));
    cr_expect_eq(told.count, 6);
    told_fini(&told);
    job_spec_fini(&spec);
}

static char *big_job(unsigned disks, const char *disk_form)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);

    cr_assert_not_null(out);
    fprintf(out, "{\"restorePoints\":[{\"id\":\"p\",\"disks\":[");
    for (unsigned i = 0; i < disks; i++) {
        fprintf(out, "%s{\"id\":\"d%u\",\"source\":%s,\"target\":{\"url\":\"", i ? "," : "", i,
                SOURCE);
        fprintf(out, "%s%u\"}}", disk_form, i);
    }
    fprintf(out, "]}]}");
    fclose(out);
    return text;
}

Test(job_parse, mistakes_without_number_are_counted_in_the_end)
{
    char *text = big_job(JOB_MISTAKES_MAX + 7, "htps://");
    struct told told = {0};
    struct job_spec spec;

    cr_expect_not(job_parse(text, strlen(text), &spec, take, &told));
    cr_assert_eq(told.count, JOB_MISTAKES_MAX + 1);
    cr_expect_str_eq(told.lines[JOB_MISTAKES_MAX], "! $: has 7 other mistakes");
    told_fini(&told);
    job_spec_fini(&spec);
    free(text);
}

Test(job_parse, takes_as_many_disks_as_it_says_and_no_more)
{
    char *text = big_job(JOB_DISKS_MAX, "/nowhere/t");
    struct job_spec spec = read_job(text);

    cr_expect_eq(spec.disks_count, JOB_DISKS_MAX);
    job_spec_fini(&spec);
    free(text);
    text = big_job(JOB_DISKS_MAX + 1, "/nowhere/t");
    refused(text, "$.restorePoints: has 1 restore points and 16385 disks; at most 4096 and 16384");
    free(text);
}
