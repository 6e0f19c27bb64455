/* sas_command_test.c - `regiond sas`: the URLs it prints, and what it refuses. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/regiond/region_clock.h"
#include "tools/regiond/sas_command.h"

#define KEY                                                                                        \
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
#define WORDS_MAX 20

/* Runs a command line of words parted by blanks; returns its status, its first line in out. */
static int run(const char *line, char *out, size_t out_bytes)
{
    char text[600];
    char *words[WORDS_MAX + 1] = {0};
    FILE *file = tmpfile();
    int count = 0;
    int status;

    setenv("SAS_TEST_KEY", KEY, 1);
    snprintf(text, sizeof text, "sas %s", line);
    for (char *word = strtok(text, " "); word && count < WORDS_MAX; word = strtok(NULL, " "))
        words[count++] = word;
    status = sas_command_run(count, words, region_clock_from_unix(1709251200), file);
    rewind(file);
    if (!fgets(out, (int)out_bytes, file))
        out[0] = '\0';
    fclose(file);
    return status;
}

#define WHO "--account devstoreaccount1:env:SAS_TEST_KEY "

static void expect_url(const char *line, const char *url)
{
    char out[2048];

    cr_assert_eq(run(line, out, sizeof out), 0, "%s", line);
    out[strcspn(out, "\n")] = '\0';
    cr_assert_str_eq(out, url);
}

Test(sas_command, prints_the_vectors_of_the_protocol)
{
    expect_url(WHO "--resource cont/disk.vhd --permissions r --expiry 2030-01-01T00:00:00Z "
                   "--sv 2018-11-09 http://127.0.0.1:10000",
               "http://127.0.0.1:10000/devstoreaccount1/cont/disk.vhd?sv=2018-11-09&sr=b&"
               "se=2030-01-01T00%3A00%3A00Z&sp=r&"
               "sig=ZgeR%2FBbAjjE2aSCYxYuk%2Fy%2F5sg%2BHK65rozpolzSbYYA%3D");
    expect_url(WHO "--resource cont/disk.vhd --snapshot 2024-01-05T01:00:00.0000000Z "
                   "--permissions r --expiry 2030-01-01T00:00:00Z http://127.0.0.1:10000/",
               "http://127.0.0.1:10000/devstoreaccount1/cont/disk.vhd?"
               "snapshot=2024-01-05T01%3A00%3A00.0000000Z&sv=2020-12-06&sr=bs&"
               "se=2030-01-01T00%3A00%3A00Z&sp=r&"
               "sig=cUCwxLHifZylGLX1zw4a95x7%2B1im2autZNYmp6Oua%2B0%3D");
}

Test(sas_command, a_policy_stands_in_the_url_instead_of_times)
{
    char out[2048];

    cr_assert_eq(
        run(WHO "--resource cont/abcd --policy id-1 --sv 2018-03-28 http://h", out, sizeof out), 0);
    cr_assert(strstr(out, "/cont/abcd?sv=2018-03-28&sr=b&si=id-1&sig="), "%s", out);
}

Test(sas_command, relative_times_count_from_now)
{
    char out[2048];

    cr_assert_eq(run(WHO "--resource c --permissions rl --start -15m --expiry +7d http://h", out,
                     sizeof out),
                 0);
    cr_assert(strstr(out, "&sr=c&st=2024-02-29T23%3A45%3A00Z&se=2024-03-08T00%3A00%3A00Z&"), "%s",
              out);
}

Test(sas_command, a_blobs_name_is_escaped_in_the_url)
{
    char out[2048];

    cr_assert_eq(
        run(WHO "--resource c/a+b%/#1 --permissions r --expiry +1h http://h", out, sizeof out), 0);
    cr_assert(strstr(out, "/c/a%2Bb%25/%231?"), "%s", out);
}

Test(sas_command, wrong_command_lines_exit_2_and_print_no_key, .init = cr_redirect_stderr)
{
    static const char *const wrong[] = {
        "",
        "--resource c/b --permissions r --expiry +1h http://h",
        WHO "--permissions r --expiry +1h http://h",
        WHO "--resource c/b --expiry +1h http://h",
        WHO "--resource c/b --permissions r http://h",
        WHO "--resource c/b --permissions r --expiry soon http://h",
        WHO "--resource c/b --permissions r --expiry +1y http://h",
        WHO "--resource c/b --permissions r --expiry +99999999d http://h",
        WHO "--resource c/b --permissions r --expiry +1h",
        WHO "--resource c/b --permissions r --expiry +1h nourl",
        WHO "--resource c/b --permissions r --expiry +1h http://h http://i",
        WHO "--resource c --snapshot T --permissions r --expiry +1h http://h",
        WHO "--resource c/b --sv 2010-01-01 --permissions r --expiry +1h http://h",
        WHO "--resource c/b --sv 2015-04-05 --snapshot T --permissions r --expiry +1h http://h",
        WHO "--resource c/b --frobnicate http://h",
        "--account devstoreaccount1:" KEY " --resource c/b --permissions r --expiry +1h http://h",
    };
    char out[2048];
    char text[8192];
    size_t n;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_eq(run(wrong[i], out, sizeof out), 2, "%s", wrong[i]);
        cr_assert_str_empty(out);
    }
    fflush(stderr);
    n = fread(text, 1, sizeof text - 1, cr_get_redirected_stderr());
    text[n] = '\0';
    cr_assert_gt(n, 100);
    cr_assert_null(strstr(text, "Eby8vdM02xNOcqFl"));
}
