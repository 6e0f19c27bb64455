/* front_auth_test.c - who may ask. */
#include "tools/controld/front_auth.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN "abcDEF0123-._~+/456789=="

static struct front_auth with_token(void)
{
    struct front_auth auth = {0};
    struct err e = {0};

    setenv("FRONT_TOKEN", TOKEN, 1);
    cr_assert(front_auth_token(&auth, "env:FRONT_TOKEN", &e), "%s", e.text);
    return auth;
}

static enum front_verdict judge(const struct front_auth *auth, const char *header, const char *peer)
{
    const char *who = NULL;
    enum front_verdict verdict = front_auth_judge(auth, header, peer, &who);

    cr_assert(who);
    return verdict;
}

Test(front_auth, the_token_alone_is_welcome)
{
    struct front_auth auth = with_token();
    static const char *const wrong[] = {
        "",
        "Bearer",
        "Bearer ",
        "Bearer" TOKEN,
        "Basic " TOKEN,
        "Bearer x" TOKEN,
        "Bearer " TOKEN "x",
        "Bearer " TOKEN " x",
        "Bearer abcDEF0123-._~+/456789=",
        "Bearer abcDEF0123-._~+/45678!==",
        TOKEN,
    };

    cr_assert_eq(judge(&auth, "Bearer " TOKEN, NULL), FRONT_WELCOME);
    cr_assert_eq(judge(&auth, "bearer   " TOKEN " ", ""), FRONT_WELCOME);
    cr_assert_eq(judge(&auth, NULL, NULL), FRONT_NOBODY);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_eq(judge(&auth, wrong[i], ""), FRONT_WRONG, "%s", wrong[i]);
}

/* Nothing that is kept is the token: it cannot be read out of a dump. */
Test(front_auth, keeps_a_digest_and_not_the_token)
{
    struct front_auth auth = with_token();

    cr_assert_null(memmem(&auth, sizeof auth, "abcDEF0123", 10));
    front_auth_fini(&auth);
    cr_assert_eq(judge(&auth, "Bearer " TOKEN, NULL), FRONT_WRONG);
    cr_assert_eq(judge(&auth, NULL, NULL), FRONT_NOBODY);
}

Test(front_auth, a_token_stands_in_the_environment_or_a_file_and_is_long_enough)
{
    static const char *const wrong[] = {TOKEN, "env:FRONT_NONE", "@/nonexistent", "env:FRONT_BAD",
                                        "env:FRONT_SHORT"};

    setenv("FRONT_BAD", "twenty characters, no token", 1);
    setenv("FRONT_SHORT", "fifteen-letters", 1);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct front_auth auth = {0};
        struct err e = {0};

        cr_assert(!front_auth_token(&auth, wrong[i], &e), "%s", wrong[i]);
        cr_assert_eq(e.kind, ERR_USAGE, "%s", wrong[i]);
        cr_assert(!auth.has_token);
        cr_assert_null(strstr(e.text, "twenty"), "%s", e.text);
        cr_assert_null(strstr(e.text, TOKEN), "%s", e.text);
    }
}

Test(front_auth, a_certificate_is_welcome_by_its_name)
{
    struct front_auth auth = {.has_clients = true};
    const char *who;

    cr_assert_eq(front_auth_judge(&auth, NULL, "anyone", &who), FRONT_WELCOME);
    cr_assert_str_eq(who, "anyone");
    cr_assert_eq(judge(&auth, NULL, ""), FRONT_NOBODY);
    auth.clients[auth.client_count++] = "operator";
    auth.clients[auth.client_count++] = "robot";
    cr_assert_eq(judge(&auth, NULL, "robot"), FRONT_WELCOME);
    cr_assert_eq(judge(&auth, NULL, "anyone"), FRONT_STRANGER);
    cr_assert_eq(judge(&auth, NULL, "Robot"), FRONT_STRANGER);
    cr_assert_eq(judge(&auth, "Bearer x", "anyone"), FRONT_WRONG);
    auth.has_clients = false; /* no authority: a name says nothing */
    cr_assert_eq(judge(&auth, NULL, "robot"), FRONT_NOBODY);
}

Test(front_auth, either_way_in_is_enough)
{
    struct front_auth auth = with_token();

    auth.has_clients = true;
    auth.clients[auth.client_count++] = "operator";
    cr_assert_eq(judge(&auth, "Bearer nonsense-nonsense", "operator"), FRONT_WELCOME);
    cr_assert_eq(judge(&auth, "Bearer " TOKEN, "stranger"), FRONT_WELCOME);
    cr_assert_eq(judge(&auth, "Bearer " TOKEN, ""), FRONT_WELCOME);
}

Test(front_auth, a_token_that_nobody_gave_is_made_once_and_kept_for_its_owner)
{
    char folder[200], path[300], header[200] = "Bearer ", *token = header + strlen(header);
    struct front_auth first = {0}, again = {0};
    struct err e = {0};
    struct stat st;
    FILE *file;

    snprintf(folder, sizeof folder, "%s/front_auth_XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/token", folder);
    cr_assert(front_auth_token_kept(&first, path, &e), "%s", e.text);
    cr_assert(front_auth_token_kept(&again, path, &e), "%s", e.text);
    cr_assert_arr_eq(first.token_digest, again.token_digest, sizeof first.token_digest);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0600);
    file = fopen(path, "r");
    cr_assert(file && fgets(token, 100, file));
    fclose(file);
    token[strcspn(token, "\n")] = 0;
    cr_assert_eq(strlen(token), 64);
    cr_assert_eq(judge(&again, header, NULL), FRONT_WELCOME);
    chmod(path, 0644);
    cr_assert(!front_auth_token_kept(&again, path, &e));
    cr_assert(strstr(e.text, "others may read"), "%s", e.text);
    unlink(path);
    rmdir(folder);
}

Test(front_auth, anybody_is_welcome_only_by_explicit_wish)
{
    struct front_auth auth = {.anybody = true}, none = {0};
    const char *who;

    cr_assert_eq(front_auth_judge(&auth, NULL, NULL, &who), FRONT_WELCOME);
    cr_assert_str_eq(who, "anybody");
    cr_assert_eq(judge(&none, NULL, NULL), FRONT_NOBODY);
}
