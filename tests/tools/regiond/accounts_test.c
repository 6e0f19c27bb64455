/* accounts_test.c - keys come from the environment or a file, and are never repeated. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/regiond/accounts.h"

#define KEY "c2VjcmV0LXdvcmRz" /* secret-words */

Test(accounts, reads_a_key_from_the_environment_and_from_a_file)
{
    struct accounts *accounts = accounts_new();
    char path[300], spec[400], why[200] = "";
    FILE *file;

    setenv("ACCOUNTS_TEST_KEY", KEY, 1);
    cr_assert(accounts_add(accounts, "one:env:ACCOUNTS_TEST_KEY", why, sizeof why), "%s", why);
    snprintf(path, sizeof path, "%s/accounts_key", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    file = fopen(path, "w");
    fputs(KEY "\n", file);
    fclose(file);
    snprintf(spec, sizeof spec, "md-two:@%s", path);
    cr_assert(accounts_add(accounts, spec, why, sizeof why), "%s", why);
    remove(path);

    cr_assert_eq(accounts_count(accounts), 2);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(accounts_at(accounts, i)->key_bytes, 12);
        cr_assert_eq(memcmp(accounts_at(accounts, i)->key, "secret-words", 12), 0);
    }
    cr_assert_null(accounts_find(accounts, "three"));
    accounts_free(accounts);
}

Test(accounts, refuses_a_key_on_the_command_line_without_repeating_it)
{
    static const char *const specs[] = {"one:" KEY, "one", "ONE:env:X", "o:env:X", KEY, ":env:X"};
    struct accounts *accounts = accounts_new();
    char why[200];

    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        cr_assert_not(accounts_add(accounts, specs[i], why, sizeof why), "%s", specs[i]);
        cr_assert_null(strstr(why, KEY), "%s", why);
    }
    accounts_free(accounts);
}

Test(accounts, refuses_what_is_no_key)
{
    static const char *const wrong[] = {"",         "abc", "ab=c", "c2Vj cmV0", "c2VjcmV0LXdvcmRz=",
                                        "c2V!cmV0", "===="};
    struct accounts *accounts = accounts_new();
    char why[200];

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        setenv("ACCOUNTS_TEST_KEY", wrong[i], 1);
        cr_assert_not(accounts_add(accounts, "one:env:ACCOUNTS_TEST_KEY", why, sizeof why), "%s",
                      wrong[i]);
    }
    cr_assert_not(accounts_add(accounts, "one:env:ACCOUNTS_TEST_NOT_SET", why, sizeof why));
    cr_assert_not(accounts_add(accounts, "one:@/nonexistent/key", why, sizeof why));
    cr_assert_eq(accounts_count(accounts), 0);
    accounts_free(accounts);
}

Test(accounts, refuses_the_same_name_twice)
{
    struct accounts *accounts = accounts_new();
    char why[200];

    cr_assert(accounts_add_development(accounts, why, sizeof why));
    cr_assert_not(accounts_add_development(accounts, why, sizeof why));
    accounts_free(accounts);
}

Test(accounts, knows_a_disks_host_by_its_name)
{
    cr_assert_eq(account_kind_of("md-abc"), ACCOUNT_DISK);
    cr_assert_eq(account_kind_of("md-impexp-abc"), ACCOUNT_UPLOAD_DISK);
    cr_assert_eq(account_kind_of("mdisks"), ACCOUNT_ORDINARY);
}
