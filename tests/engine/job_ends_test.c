/* job_ends_test.c - the spellings of a disk's ends, and which of them make sense together. */
#include "engine/job_ends.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/test_reactor.h"

#define SAS  "?sv=2020-12-06&sig=c2VjcmV0"
#define LIVE "https://acct.blob.core.windows.net/c/disk.vhd"
#define SNAP "?snapshot=2026-01-01T00:00:00.0000000Z&sig=c2VjcmV0"
#define OLD  "?snapshot=2025-01-01T00:00:00.0000000Z&sig=c2VjcmV0"

static struct err check(const char *source, const char *base, const char *target)
{
    const char *texts[ACCESS_SIDES] = {source, base, target};
    struct job_places places = {0};
    struct job_disk disk = {0};
    struct err e = {0};
    bool ok = true;

    for (size_t i = 0; ok && i < ACCESS_SIDES; i++)
        if (texts[i])
            ok = job_place_parse((enum access_side)i, texts[i], &places.side[i], &e);
    ok = ok && job_places_check(&places, &disk, false, &e);
    cr_assert_eq(ok, !err_is_set(&e));
    cr_assert_null(strstr(e.text, "c2VjcmV0"), "%s", e.text);
    job_places_fini(&places);
    return e;
}

static void good(const char *source, const char *base, const char *target)
{
    struct err e = check(source, base, target);

    cr_assert_not(err_is_set(&e), "%s", e.text);
}

static void bad(const char *source, const char *base, const char *target, const char *words)
{
    struct err e = check(source, base, target);

    cr_assert(strstr(e.text, words), "\"%s\" does not say \"%s\"", e.text, words);
}

Test(job_ends, takes_urls_paths_and_nothing)
{
    good(LIVE SAS, NULL, "/tmp/x");
    good(LIVE SNAP, LIVE OLD, "https://other.blob.core.windows.net/c/copy" SAS);
    good("file:/dev/null", NULL, "null:");
    good("/a/b", "/a/base", "/a/c");
    good("http://127.0.0.1:1/a/c/b" SAS, NULL, "/tmp/x");
}

Test(job_ends, refuses_what_is_no_end)
{
    bad(LIVE, NULL, "/tmp/x", "source: the URL has no SAS");
    bad("http://acct.blob.core.windows.net/c/d" SAS, NULL, "/tmp/x", "in clear");
    bad("htps://acct.blob.core.windows.net/c/d" SAS, NULL, "/tmp/x", "neither a http");
    bad("https://acct.blob.core.windows.net" SAS, NULL, "/tmp/x", "source");
    bad("null:", NULL, "/tmp/x", "can only be a target");
    bad("file:", NULL, "/tmp/x", "names no file");
    bad("env:SNAPFERRY_TEST_NOWHERE", NULL, "/tmp/x", "source");
}

Test(job_ends, refuses_ends_that_do_not_go_together)
{
    bad(LIVE SAS, NULL, LIVE SNAP, "cannot change");
    bad(LIVE SAS, NULL, "https://ACCT.blob.core.windows.net:443/c/disk%2evhd" SAS, "source itself");
    bad("/a/b", NULL, "/a/b", "source itself");
    bad(LIVE SNAP, LIVE SNAP, "/tmp/x", "source itself");
    bad(LIVE SAS, LIVE OLD, "/tmp/x", "needs a source that is a snapshot");
    bad(LIVE SNAP, "/a/b", "/tmp/x", "of its source's kind");
    bad(LIVE SNAP, "https://acct.blob.core.windows.net/c/other" OLD, "/tmp/x", "of two");
    good("https://md-a.blob.core.windows.net/x/1" SAS, "https://md-b.blob.core.windows.net/x/2" SAS,
         "/tmp/x");
}

Test(job_ends, reads_a_url_from_the_environment_or_a_file)
{
    char path[TEST_PATH_MAX_BYTES], at[TEST_PATH_MAX_BYTES + 1];
    FILE *file;

    setenv("SNAPFERRY_TEST_URL", LIVE SAS, 1);
    good("env:SNAPFERRY_TEST_URL", NULL, "/tmp/x");
    bad("env:SNAPFERRY_TEST_URL", NULL, LIVE SAS, "source itself");
    setenv("SNAPFERRY_TEST_URL", "/etc/passwd", 1);
    bad("env:SNAPFERRY_TEST_URL", NULL, "/tmp/x", "does not hold a URL");
    test_temp_path(path, "url");
    file = fopen(path, "w");
    cr_assert(file);
    fputs(LIVE SAS "\n", file);
    fclose(file);
    snprintf(at, sizeof at, "@%s", path);
    good(at, NULL, "/tmp/x");
    cr_assert_eq(unlink(path), 0);
}

Test(job_ends, takes_no_file_twice)
{
    struct job_places places = {0};
    struct job_disk disk = {.map = (char *)"/a/map", .journal = (char *)"/a/map"};
    struct err e = {0};

    cr_assert(job_place_parse(ACCESS_SOURCE, "/a/source", &places.side[ACCESS_SOURCE], &e));
    cr_assert(job_place_parse(ACCESS_TARGET, "/a/target", &places.side[ACCESS_TARGET], &e));
    cr_assert_not(job_places_check(&places, &disk, false, &e));
    cr_assert(strstr(e.text, "journal: it is the same file as the map"), "%s", e.text);
    err_clear(&e);
    disk.journal = (char *)"/a/target";
    cr_assert_not(job_places_check(&places, &disk, false, &e));
    err_clear(&e);
    disk.journal = (char *)"/a/journal";
    cr_assert(job_places_check(&places, &disk, false, &e), "%s", e.text);
    job_places_fini(&places);
}
