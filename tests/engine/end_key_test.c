/* end_key_test.c - one blob and one file under several spellings, and two that only look alike. */
#include "engine/end_key.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *key_of(const char *text)
{
    struct secret_url url = {0};
    struct err e = {0};
    char *key;

    cr_assert(secret_url_parse(text, &url, &e), "%s", e.text);
    key = end_key_blob(&url, url.snapshot);
    secret_url_fini(&url);
    return key;
}

static bool same_blob(const char *a, const char *b)
{
    return end_key_same(key_of(a), key_of(b));
}

Test(end_key, a_blob_is_one_by_whatever_spelling)
{
    cr_expect(same_blob("https://host/c/b?sig=1", "https://HOST:443/c/%62?sig=2"));
    cr_expect(same_blob("http://host:443/c/b?sig=1", "https://host/c/b?sig=1"));
    cr_expect(same_blob("http://[::1]:80/a/c/b?sig=1", "http://[::1]/a/c/b?sig=1"));
    cr_expect_not(same_blob("http://host/c/b?sig=1", "https://host/c/b?sig=1"), "another port");
    cr_expect_not(same_blob("https://host/c/b?sig=1", "https://host/c/B?sig=1"));
    cr_expect_not(same_blob("https://host/c/b?sig=1", "https://host/c/b2?sig=1"));
    cr_expect_not(same_blob("https://host/c/b?sig=1", "https://other/c/b?sig=1"));
}

Test(end_key, a_blob_at_two_times_is_two)
{
    const char *first = "https://host/c/b?snapshot=2026-01-01T00:00:00.0000000Z&sig=1";

    cr_expect(same_blob(first, "https://host/c/b?sig=2&snapshot=2026-01-01T00%3A00:00.0000000Z"));
    cr_expect_not(same_blob(first, "https://host/c/b?snapshot=2026-01-02T00:00:00.0000000Z&sig=1"));
    cr_expect_not(same_blob(first, "https://host/c/b?sig=1"));
}

Test(end_key, a_key_holds_no_secret)
{
    char *key = key_of("https://host/c/b?sv=1&sig=abc");

    cr_assert(key);
    cr_expect_not(strstr(key, "sig") || strstr(key, "abc"), "%s", key);
    free(key);
}

Test(end_key, a_file_is_one_by_whatever_path)
{
    char folder[] = "end_key_XXXXXX";
    FILE *file;

    cr_assert(chdir(getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp") == 0 && mkdtemp(folder));
    cr_assert(chdir(folder) == 0);
    cr_assert((file = fopen("disk", "w")) && fclose(file) == 0);
    cr_assert(link("disk", "hard") == 0 && symlink("disk", "soft") == 0 && mkdir("d", 0700) == 0);
    cr_assert_eq(symlink(".", "here"), 0);
    cr_expect(end_key_same_file("disk", "./disk"));
    cr_expect(end_key_same_file("disk", "hard"));
    cr_expect(end_key_same_file("disk", "d/../soft"));
    cr_expect(end_key_same_file("new", "here/new"), "one that is not there yet");
    cr_expect_not(end_key_same_file("new", "d/new"));
    cr_expect_not(end_key_same_file("new", "newer"));
    cr_expect_not(end_key_same_file("disk", "new"));
    cr_expect(end_key_same_file("nowhere/new", "nowhere/new"));
    cr_expect_not(end_key_same_file("nowhere/new", "elsewhere/new"));
    cr_expect(end_key_same(end_key_file("new", ".map"), end_key_file("here/new.map", "")));
    cr_assert(unlink("disk") == 0 && unlink("hard") == 0 && unlink("soft") == 0 &&
              unlink("here") == 0 && rmdir("d") == 0 && chdir("..") == 0 && rmdir(folder) == 0);
}

Test(end_key, nothing_is_the_same_as_nothing)
{
    cr_expect_not(end_key_same(NULL, NULL));
    cr_expect_not(end_key_same(NULL, end_key_file("a", "")));
}
