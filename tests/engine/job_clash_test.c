/* job_clash_test.c - what a job names twice: ids, targets and files by whatever path. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/job_parse.h"

#define SAS    "?sv=1&sig=c2VjcmV0"
#define ELSE   "{\"url\":\"env:ELSE\"}"
#define PLACES "$.restorePoints[0].disks"

struct told {
    unsigned count;
    char first[700];
};

static void take(void *arg, bool warning, const char *path, const char *sentence)
{
    struct told *told = arg;

    cr_expect_not(warning);
    if (told->count++ == 0)
        snprintf(told->first, sizeof told->first, "%s %s", path, sentence);
}

/* Two disks, of which the caller says all but the ids. */
static struct told told_of(const char *one, const char *other)
{
    struct told told = {0};
    struct job_spec spec;
    char text[4000];

    snprintf(
        text, sizeof text,
        "{\"restorePoints\":[{\"id\":\"p\",\"disks\":[{\"id\":\"d0\",%s},{\"id\":\"d1\",%s}]}]}",
        one, other);
    if (job_parse(text, strlen(text), &spec, take, &told))
        cr_expect_eq(told.count, 0);
    job_spec_fini(&spec);
    return told;
}

static void clash(const char *one, const char *other, const char *line)
{
    struct told told = told_of(one, other);

    cr_expect_eq(told.count, 1, "%s / %s: %u", one, other, told.count);
    cr_expect_str_eq(told.first, line);
}

static void agree(const char *one, const char *other)
{
    struct told told = told_of(one, other);

    cr_expect_eq(told.count, 0, "%s", told.first);
}

#define TO(url) "\"source\":" ELSE ",\"target\":{\"url\":\"" url "\"}"

Test(job_clash, one_target_is_for_one_disk)
{
    static const char same[] = PLACES "[1].target.url is the same as " PLACES "[0].target.url";

    clash(TO("https://b.blob.x/c/t" SAS), TO("https://B.blob.x:443/c/%74?sig=other"), same);
    clash(TO("http://b.blob.x:443/c/t" SAS), TO("https://b.blob.x/c/t" SAS), same);
    clash(TO("env:T"), TO("env:T"), same);
    clash(TO("@/nowhere/t"), TO("@/nowhere/t"), same);
    clash(TO("file:/nowhere/t"), TO("/nowhere/t"), same);
    agree(TO("https://b.blob.x/c/t" SAS), TO("https://b.blob.x/c/T" SAS));
    agree(TO("env:T"), TO("env:U"));
    agree(TO("null:"), TO("null:"));
}

Test(job_clash, one_source_may_serve_many)
{
    agree("\"source\":{\"url\":\"/nowhere/s\"},\"target\":{\"url\":\"null:\"}",
          "\"source\":{\"url\":\"/nowhere/s\"},\"target\":{\"url\":\"null:\"}");
}

Test(job_clash, no_target_is_a_source)
{
    clash("\"source\":{\"url\":\"/nowhere/s\"},\"target\":{\"url\":\"/nowhere/s\"}", TO("null:"),
          PLACES "[0].target.url is the same as " PLACES "[0].source.url");
    clash(TO("/nowhere/t"), "\"source\":{\"url\":\"/nowhere/t\"},\"target\":{\"url\":\"null:\"}",
          PLACES "[1].source.url is the same as " PLACES "[0].target.url");
    clash("\"source\":{\"url\":\"env:S\",\"baseUrl\":\"env:B\"},\"target\":{\"url\":\"env:B\"}",
          TO("null:"), PLACES "[0].target.url is the same as " PLACES "[0].source.baseUrl");
}

Test(job_clash, maps_and_journals_are_for_one_disk_too)
{
    clash(TO("env:T") ",\"map\":\"/nowhere/m\"", TO("env:U") ",\"map\":\"/nowhere/m\"",
          PLACES "[1].map is the same as " PLACES "[0].map");
    clash(TO("env:T") ",\"journal\":\"/nowhere/m\"", TO("env:U") ",\"journal\":\"/nowhere/m\"",
          PLACES "[1].journal is the same as " PLACES "[0].journal");
    clash(TO("env:T") ",\"map\":\"/nowhere/m\",\"journal\":\"/nowhere/m\"", TO("env:U"),
          PLACES "[0].journal is the same as " PLACES "[0].map");
    clash(TO("/nowhere/t"), TO("env:U") ",\"map\":\"/nowhere/t\"",
          PLACES "[1].map is the same as " PLACES "[0].target.url");
}

Test(job_clash, files_that_are_kept_beside_others_are_in_use)
{
    clash(TO("/nowhere/t"), TO("/nowhere/t.snapferry"),
          PLACES "[1].target.url is the .snapferry file beside " PLACES "[0].target.url");
    clash(TO("/nowhere/t.snapferry"), TO("/nowhere/t"),
          PLACES "[1].target.url has beside it a .snapferry file, which is " PLACES
                 "[0].target.url");
    clash(TO("/nowhere/m.making"), TO("env:T") ",\"map\":\"/nowhere/m\"",
          PLACES "[1].map has beside it a .making file, which is " PLACES "[0].target.url");
}

Test(job_clash, ids_are_told_apart)
{
    const char points[] = "{\"restorePoints\":[{\"id\":\"p\",\"disks\":[{\"id\":\"d\"," TO(
        "env:A") "}]},{\"id\":\"q\",\"disks\":[{\"id\":\"e\"," TO("env:B") "},{\"id\":"
                                                                           "\"d\"," TO(
                                                                               "env:C") "}]}]}";
    const char twice[] = "{\"restorePoints\":[{\"id\":\"p\",\"disks\":[{\"id\":\"d\"," TO(
        "env:A") "}]},{\"id\":\"p\",\"disks\":[{\"id\":\"p\"," TO("env:B") "}]}]}";
    struct told told = {0};
    struct job_spec spec;

    cr_expect_not(job_parse(points, strlen(points), &spec, take, &told));
    cr_expect_eq(told.count, 1);
    cr_expect_str_eq(told.first, "$.restorePoints[1].disks[1].id is the id at "
                                 "$.restorePoints[0].disks[0].id already");
    told = (struct told){0};
    cr_expect_not(job_parse(twice, strlen(twice), &spec, take, &told));
    cr_expect_eq(told.count, 1);
    cr_expect_str_eq(told.first,
                     "$.restorePoints[1].id is the id at $.restorePoints[0].id already");
}

static void touch(const char *path)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    cr_assert_geq(fd, 0);
    close(fd);
}

Test(job_clash, a_file_is_one_by_whatever_path)
{
    char folder[] = "/var/tmp/job_clash_XXXXXX";

    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
    cr_assert_eq(mkdir("sub", 0700), 0);
    touch("there");
    cr_assert_eq(symlink("there", "soft"), 0);
    cr_assert_eq(link("there", "hard"), 0);
    clash(TO("there"), TO("soft"), PLACES "[1].target.url is the same as " PLACES "[0].target.url");
    clash(TO("hard"), TO("./there"),
          PLACES "[1].target.url is the same as " PLACES "[0].target.url");
    clash(TO("absent"), TO("sub/../absent"),
          PLACES "[1].target.url is the same as " PLACES "[0].target.url");
    agree(TO("absent"), TO("sub/absent"));
    agree(TO("absent"), TO("there"));
    unlink("there");
    unlink("soft");
    unlink("hard");
    rmdir("sub");
    rmdir(folder);
}
