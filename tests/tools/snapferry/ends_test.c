/* ends_test.c - what an argument names, and which ends make sense together. */
#include "tools/snapferry/ends.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAS "sv=2021-08-06&sr=b&sp=r&sig=S3CRET%3D"
#define RP  "https://acct.blob.core.windows.net/c/disk"

static struct end_spec parsed(enum end_role role, const char *argument)
{
    struct end_spec spec = {0};
    struct err e = {0};

    cr_assert(end_spec_parse(role, argument, &spec, &e), "%s: %s", argument, e.text);
    return spec;
}

static void expect_refused(enum end_role role, const char *argument, const char *says)
{
    struct end_spec spec = {.kind = END_NONE};
    struct err e = {0};

    cr_expect_not(end_spec_parse(role, argument, &spec, &e), "%s", argument);
    cr_expect_eq(spec.kind, END_NONE);
    cr_expect(strstr(e.text, says), "%s: %s", argument, e.text);
    cr_expect_null(strstr(e.text, "S3CRET"), "%s", e.text);
}

Test(end, takes_urls_paths_and_made_up_disks)
{
    struct end_spec url = parsed(END_SOURCE, RP "?" SAS);
    struct end_spec pattern = parsed(END_SOURCE, "pattern:4M,7,250");

    cr_expect_eq(url.kind, END_BLOB);
    cr_expect_str_eq(url.url.address, RP);
    end_spec_fini(&url);
    cr_expect_eq(parsed(END_TARGET, "disk.img").kind, END_FILE);
    cr_expect_str_eq(parsed(END_TARGET, "file:env:odd").path, "env:odd");
    cr_expect_eq(parsed(END_TARGET, "null:").kind, END_NULL);
    cr_expect_eq(parsed(END_SOURCE, "null:1T").size_bytes, 1ull << 40);
    cr_expect_eq(pattern.kind, END_PATTERN);
    cr_expect_eq(pattern.size_bytes, 4u << 20);
    cr_expect_eq(pattern.seed, 7u);
    cr_expect_eq(pattern.hole_permille, 250u);
}

Test(end, reads_urls_from_environment_and_file)
{
    char path[] = "/tmp/ends_test.XXXXXX", argument[64];
    int fd = mkstemp(path);
    struct end_spec spec;

    setenv("ENDS_TEST_URL", RP "?" SAS, 1);
    spec = parsed(END_SOURCE, "env:ENDS_TEST_URL");
    cr_expect_str_eq(spec.url.query, SAS);
    end_spec_fini(&spec);
    cr_assert_eq(write(fd, RP "?" SAS "\n", strlen(RP "?" SAS "\n")),
                 (ssize_t)strlen(RP "?" SAS "\n"));
    close(fd);
    snprintf(argument, sizeof argument, "@%s", path);
    spec = parsed(END_TARGET, argument);
    cr_expect_str_eq(spec.url.address, RP);
    end_spec_fini(&spec);
    unlink(path);
}

Test(end, refuses_what_names_nothing)
{
    setenv("ENDS_TEST_NOT_URL", "S3CRET", 1);
    expect_refused(END_SOURCE, "env:ENDS_TEST_MISSING", "not set");
    expect_refused(END_SOURCE, "env:ENDS_TEST_NOT_URL", "does not hold a URL");
    expect_refused(END_SOURCE, "@/nonexistent/file", "cannot open");
    expect_refused(END_SOURCE, "ftp://host/c/b?sig=S3CRET", "not a URL of a page blob");
    expect_refused(END_SOURCE, "host/c/b?sv=1&sig=S3CRET", "not a URL of a page blob");
    expect_refused(END_SOURCE, "https://?sig=S3CRET", "no host");
    expect_refused(END_SOURCE, "https://host?sig=S3CRET", "no blob");
    expect_refused(END_SOURCE, "https://host/b?snapshot=1&snapshot=2&sig=S3CRET", "two snapshots");
    expect_refused(END_SOURCE, "null:", "needs a size");
    expect_refused(END_SOURCE, "null:1000", "multiple of 512");
    expect_refused(END_TARGET, "null:1M", "no size");
    expect_refused(END_TARGET, "pattern:1M", "only be a SOURCE");
    expect_refused(END_SOURCE, "pattern:", "pattern:SIZE");
    expect_refused(END_SOURCE, "pattern:1M,x", "pattern:SIZE");
    expect_refused(END_SOURCE, "pattern:1M,1,1001", "0..1000");
    expect_refused(END_SOURCE, "pattern:1M,1,1,1", "pattern:SIZE");
    expect_refused(END_SOURCE, "pattern:0", "not 0");
    expect_refused(END_TARGET, "file:", "path");
}

static bool check(const char *source, const char *base, const char *target,
                  const struct options *options, struct err *e)
{
    struct end_spec s = parsed(END_SOURCE, source), b = {0}, t = parsed(END_TARGET, target);
    bool ok;

    if (base)
        b = parsed(END_BASE, base);
    memset(e, 0, sizeof *e);
    ok = end_specs_check(&s, &b, &t, options, e);
    cr_expect_null(strstr(e->text, "S3CRET"), "%s", e->text);
    end_spec_fini(&s);
    end_spec_fini(&b);
    end_spec_fini(&t);
    return ok;
}

#define SNAP(n) RP "?snapshot=2024-01-0" #n "T00%3A00%3A00.0000000Z&" SAS
#define OTHER   "https://other.blob.core.windows.net/c/disk"

static const struct {
    const char *source, *base, *target, *says; /* says NULL: fine */
} pairs[] = {
    {RP "?" SAS, NULL, OTHER "?" SAS, NULL},
    {SNAP(2), SNAP(1), OTHER "?" SAS, NULL},
    {SNAP(1), NULL, RP "?" SAS, NULL},
    {"http://127.0.0.1:9/a/c/b?" SAS, NULL, "null:", NULL},
    {"https://md-1.z1.blob.storage.azure.net/x/abcd?" SAS,
     "https://md-2.z1.blob.storage.azure.net/y/abcd?" SAS, "null:", NULL},
    {RP, NULL, "null:", "no SAS"},
    {RP "?snapshot=2024-01-01T00%3A00%3A00.0000000Z", NULL, "null:", "no SAS"},
    {RP "?sv=1&sig=", NULL, "null:", "no SAS"},
    {"null:1M", NULL, RP, "no SAS"},
    {"http://acct.blob.core.windows.net/c/b?" SAS, NULL, "null:", "in clear"},
    {RP "?" SAS, NULL, RP "?" SAS "&x=1", "the same"},
    {RP "?" SAS, NULL, "https://ACCT.blob.core.windows.net:443/c/d%69sk?" SAS, "the same"},
    {"null:1M", NULL, SNAP(1), "snapshot cannot change"},
    {RP "?" SAS, SNAP(1), "null:", "SOURCE that is a snapshot"},
    {SNAP(2), RP "?" SAS, "null:", "must be a snapshot"},
    {SNAP(2), SNAP(2), "null:", "same snapshot"},
    {SNAP(2), OTHER "?snapshot=2024-01-01T00%3A00%3A00.0000000Z&" SAS, "null:", "of one blob"},
    {"disk.img", SNAP(1), "null:", "SOURCE that is a snapshot"},
    {SNAP(2), "disk.img", "null:", "must be a snapshot"},
    {"./a/../same.img", NULL, "./a/../same.img", "the same"},
};

Test(ends, make_sense_together_or_are_refused)
{
    struct options options = {.command = COMMAND_COPY};

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct err e;
        bool ok = check(pairs[i].source, pairs[i].base, pairs[i].target, &options, &e);

        cr_expect_eq(ok, pairs[i].says == NULL, "row %zu: %s", i, e.text);
        if (pairs[i].says) {
            cr_expect_eq(e.kind, ERR_USAGE, "row %zu", i);
            cr_expect(strstr(e.text, pairs[i].says), "row %zu: %s", i, e.text);
        }
    }
}

Test(ends, plain_http_goes_abroad_only_when_allowed)
{
    struct options options = {.command = COMMAND_COPY, .allow_http = true};
    struct err e;

    cr_expect(check("http://acct.blob.core.windows.net/c/b?" SAS, NULL, "null:", &options, &e),
              "%s", e.text);
}

Test(ends, a_link_to_the_source_is_the_source)
{
    char folder[] = "/tmp/ends_test.XXXXXX", a[64], b[64], c[64];
    struct options options = {.command = COMMAND_COPY};
    struct err e;
    FILE *file;

    cr_assert_not_null(mkdtemp(folder));
    snprintf(a, sizeof a, "%s/a", folder);
    snprintf(b, sizeof b, "%s/b", folder);
    snprintf(c, sizeof c, "%s/c", folder);
    file = fopen(a, "w");
    cr_assert_not_null(file);
    fclose(file);
    cr_assert_eq(symlink(a, b), 0);
    cr_expect_not(check(a, NULL, b, &options, &e));
    cr_expect(check(a, NULL, c, &options, &e), "%s", e.text);
    options.state_path = b;
    cr_expect_not(check(a, NULL, c, &options, &e), "a sidecar must not overwrite the source");
    cr_expect(strstr(e.text, "--state"), "%s", e.text);
    unlink(a);
    unlink(b);
    rmdir(folder);
}

Test(ends, a_sidecar_is_for_files)
{
    struct options options = {.command = COMMAND_COPY, .state_path = "x"};
    struct err e;

    cr_expect_not(check("null:1M", NULL, "null:", &options, &e));
    cr_expect(strstr(e.text, "--state"), "%s", e.text);
}

/* A copy that ends drops its journal: of a journal with the name of the manifest, nothing is left. */
Test(ends, no_file_of_a_command_is_another_one_too)
{
    static const struct {
        const char *target, *state, *manifest, *base_manifest, *journal, *says;
    } rows[] = {
        {"/tmp/t", NULL, "/tmp/m", NULL, "/tmp/j", NULL},
        {"/tmp/t", "/tmp/s", "/tmp/m", "/tmp/b", "/tmp/j", NULL},
        {"/tmp/t", NULL, "/tmp/m", NULL, "/tmp/m", "--manifest and --journal"},
        {"/tmp/t", NULL, "/tmp/m", NULL, "/tmp/../tmp//m", "--manifest and --journal"},
        {"/tmp/t", NULL, "/tmp/j.verify", NULL, "/tmp/j", "--manifest and the verify's journal"},
        {"/tmp/t", NULL, NULL, NULL, "/tmp/t", "TARGET and --journal"},
        {"/tmp/t", NULL, NULL, NULL, "/tmp/t.snapferry", "TARGET's state file and --journal"},
        {"/tmp/t", "/tmp/s", NULL, NULL, "/tmp/s", "--state and --journal"},
        {"/tmp/t", "/tmp/s", "/tmp/t.snapferry", NULL, NULL, NULL},
        {"/tmp/t", NULL, "/tmp/t", NULL, NULL, "TARGET and --manifest"},
        {"/tmp/t", NULL, "/tmp/m", "/tmp/m", NULL, "--base-manifest and --manifest"},
        {"/tmp/t", "/tmp/t", NULL, NULL, NULL, "TARGET and --state"},
        {"null:", NULL, "/tmp/m", NULL, "/tmp/j", NULL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct options options = {.command = COMMAND_COPY,
                                  .state_path = rows[i].state,
                                  .manifest = rows[i].manifest,
                                  .base_manifest = rows[i].base_manifest,
                                  .journal_path = rows[i].journal};
        struct err e;
        bool ok = check("null:1M", NULL, rows[i].target, &options, &e);

        cr_expect_eq(ok, rows[i].says == NULL, "row %zu: %s", i, e.text);
        if (rows[i].says)
            cr_expect(strstr(e.text, rows[i].says), "row %zu: %s", i, e.text);
    }
}
