/* arguments_test.c - argv without its secrets, the copy with them. */
#include "tools/snapferry/arguments.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define SECRET "sv=2021-08-06&sr=b&sp=r&sig=c2VjcmV0%3D"

static void expect_wiped(const char *given, const char *left)
{
    char *argv[] = {strdup("snapferry"), strdup(given), NULL};
    char **copy = arguments_take(2, argv);

    cr_assert_not_null(copy);
    cr_expect_str_eq(copy[1], given);
    cr_expect_null(copy[2]);
    cr_expect_eq(strlen(argv[1]), strlen(given), "the kernel counts bytes: the length stays");
    cr_expect_eq(strncmp(argv[1], left, strlen(left)), 0, "%s", argv[1]);
    cr_expect_eq(strspn(argv[1] + strlen(left), "*"), strlen(given) - strlen(left), "%s", argv[1]);
    arguments_free(copy, 2);
    free(argv[0]);
    free(argv[1]);
}

Test(arguments, wipes_queries_in_place_and_keeps_a_copy)
{
    expect_wiped("https://a.example/c/b?" SECRET, "https://a.example/c/b?");
    expect_wiped("--base=https://a.example/c/b?" SECRET, "--base=https://a.example/c/b?");
    expect_wiped("a.example/c/b?" SECRET, "a.example/c/b?");
    expect_wiped("sig=c2VjcmV0", "sig=");
    expect_wiped("SIG%3Dc2VjcmV0", "SIG%3D");
    expect_wiped("https://a.example/c/b", "https://a.example/c/b");
    expect_wiped("env:TARGET", "env:TARGET");
}

Test(arguments, shows_nothing_behind_a_question_mark)
{
    char shown[ARGUMENT_SHOWN_MAX_BYTES];
    char longer[1000];

    cr_expect_str_eq(arguments_show("ftp://a/b?" SECRET, shown), "ftp://a/b?...");
    cr_expect_str_eq(arguments_show("plain", shown), "plain");
    cr_expect_str_eq(arguments_show("a\033[2Jb", shown), "a?[2Jb");
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    cr_expect_lt(strlen(arguments_show(longer, shown)), (size_t)ARGUMENT_SHOWN_MAX_BYTES);
}
