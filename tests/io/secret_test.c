/* secret_test.c - a URL and its SAS stay apart, and only one of them is ever shown. */
#include "io/secret.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH  "https://acct.blob.core.windows.net/c/disk.vhd"
#define QUERY "sv=2020-12-06&sr=b&sp=r&se=2030-01-01T00%3A00%3A00Z&sig=a%2Bb%2Fc%3D"

static struct secret_url parsed(const char *text)
{
    struct secret_url url = {0};
    struct err e = {0};

    cr_assert(secret_url_parse(text, &url, &e), "%s", e.text);
    return url;
}

static void refused(const char *text)
{
    struct secret_url url = {0};
    struct err e = {0};

    cr_assert(!secret_url_parse(text, &url, &e), "accepted");
    cr_assert_eq(e.kind, ERR_USAGE);
    cr_assert(strlen(e.text) > 10);
    cr_assert_null(strstr(e.text, "topsecret"));
    cr_assert_null(url.address);
}

Test(secret, splits_address_from_query)
{
    struct secret_url url = parsed(PATH "?" QUERY);

    cr_assert_str_eq(url.address, PATH);
    cr_assert_str_eq(url.query, QUERY);
    cr_assert_str_eq(url.host, "acct.blob.core.windows.net");
    cr_assert_str_eq(url.account, "acct");
    cr_assert(url.tls);
    cr_assert(!url.loopback);
    cr_assert(!url.managed_disk);
    cr_assert_null(url.snapshot);
    cr_assert_eq(url.expiry_s, 1893456000u);
    secret_url_fini(&url);
}

Test(secret, keeps_the_query_byte_for_byte)
{
    /* Raw '+', '/' and '=' stay raw, order stays, ':' stays as it came (protocol B.4). */
    struct secret_url url = parsed(PATH "?sig=a+b/c=&sp=r&sv=2018-03-28&se=2030-01-01T00:00:00Z");
    char *full = secret_url_full(&url, "comp=pagelist&maxresults=5");

    cr_assert_str_eq(full, PATH "?sig=a+b/c=&sp=r&sv=2018-03-28&se=2030-01-01T00:00:00Z"
                                "&comp=pagelist&maxresults=5");
    secret_wipe_free(full);
    secret_url_fini(&url);
}

Test(secret, builds_full_urls_with_and_without_parts)
{
    struct secret_url url = parsed(PATH);
    char *bare = secret_url_full(&url, NULL);
    char *empty = secret_url_full(&url, "");
    char *more = secret_url_full(&url, "comp=page");

    cr_assert_str_eq(bare, PATH);
    cr_assert_str_eq(empty, PATH);
    cr_assert_str_eq(more, PATH "?comp=page");
    secret_wipe_free(bare);
    secret_wipe_free(empty);
    secret_wipe_free(more);
    secret_url_fini(&url);
}

Test(secret, decodes_the_snapshot_for_the_identity_only)
{
    struct secret_url url =
        parsed("https://MD-abc.Z12.blob.storage.azure.net/Xyz/abcd"
               "?snapshot=2024-01-05T01%3A00%3A00.0000000Z&sr=bs&si=g&sig=topsecret");
    char *identity = secret_url_identity(&url);

    cr_assert_str_eq(url.snapshot, "2024-01-05T01:00:00.0000000Z");
    cr_assert_str_eq(identity, "https://md-abc.z12.blob.storage.azure.net/Xyz/abcd"
                               "?snapshot=2024-01-05T01:00:00.0000000Z");
    cr_assert(url.managed_disk);
    cr_assert(!url.upload_disk);
    cr_assert_eq(url.expiry_s, 0);
    free(identity);
    secret_url_fini(&url);
}

Test(secret, recognises_managed_hosts_by_host_or_path)
{
    struct secret_url upload =
        parsed("https://md-impexp-q1.z2.blob.storage.azure.net/a/abcd?sig=x");
    struct secret_url local = parsed("http://127.0.0.1:8080/md-disk1/c/abcd?sig=x");
    struct secret_url plain = parsed("http://localhost:8080/acct/c/abcd?sig=x");

    cr_assert(upload.managed_disk && upload.upload_disk);
    cr_assert(local.managed_disk && !local.upload_disk && local.loopback);
    cr_assert_str_eq(local.account, "md-disk1");
    cr_assert(plain.loopback && !plain.managed_disk);
    secret_url_fini(&upload);
    secret_url_fini(&local);
    secret_url_fini(&plain);
}

Test(secret, knows_loopback_from_elsewhere)
{
    struct secret_url v6 = parsed("http://[::1]:80/a/b");
    struct secret_url far = parsed("http://127.evil.example/a/b");
    struct secret_url other = parsed("http://10.0.0.1/a/b");

    cr_assert(v6.loopback);
    cr_assert_str_eq(v6.host, "::1");
    cr_assert(!far.loopback);
    cr_assert(!other.loopback);
    secret_url_fini(&v6);
    secret_url_fini(&far);
    secret_url_fini(&other);
}

Test(secret, reads_every_form_of_expiry)
{
    static const char *const forms[] = {"2030-01-01", "2030-01-01T00:00Z", "2030-01-01T00:00:00Z",
                                        "2030-01-01T00%3a00%3A00.1234567Z"};

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char text[200];
        struct secret_url url;

        snprintf(text, sizeof text, PATH "?se=%s&sig=x", forms[i]);
        url = parsed(text);
        cr_assert_eq(url.expiry_s, 1893456000u, "%s", forms[i]);
        secret_url_fini(&url);
    }
}

Test(secret, refuses_what_is_no_url)
{
    refused("ftp://host/topsecret");
    refused("/a/path/topsecret");
    refused("https:///topsecret");
    refused("https://host:99999/topsecret");
    refused("https://host:12x/topsecret");
    refused("https://host:/topsecret");
    refused("https://[::1/topsecret");
    refused("https://user:topsecret@host/a");
    refused("https://host/a b?sig=topsecret");
    refused("https://host/a\r\nX: topsecret");
    refused("https://host/a#topsecret");
    refused(PATH "?snapshot=a&snapshot=b&sig=topsecret");
}

Test(secret, refuses_a_path_that_would_be_another_on_the_way)
{
    static const char *const paths[] = {"a/../b",     "./b",      "a/.",       "a/..",
                                        "a/%2E%2e/b", "a/%2e./b", "a%2F..%2Fb"};
    static const char *const others[] = {"a/.b", "a./b", "a..b/c", ".../b", "a//b", "%2E%2E%2E"};
    char text[100];

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct secret_url url;
        struct err e = {0};

        snprintf(text, sizeof text, "https://h.x/%s?sig=x", paths[i]);
        cr_expect(!secret_url_parse(text, &url, &e), "%s", text);
        cr_expect_eq(e.kind, ERR_USAGE);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct secret_url url;

        snprintf(text, sizeof text, "https://h.x/%s?sig=x", others[i]);
        url = parsed(text);
        secret_url_fini(&url);
    }
}

Test(secret, refuses_a_url_that_is_too_long)
{
    char *text = malloc(SECRET_URL_MAX_BYTES + 100);

    memset(text, 'a', SECRET_URL_MAX_BYTES + 99);
    text[SECRET_URL_MAX_BYTES + 99] = 0;
    memcpy(text, "https://h/", 10);
    refused(text);
    free(text);
}

Test(secret, resolves_environment_and_files)
{
    char path[300], argument[320];
    char *text = NULL;
    struct err e = {0};
    FILE *file;

    setenv("SNAPFERRY_TEST_URL", PATH, 1);
    cr_assert(secret_resolve("env:SNAPFERRY_TEST_URL", &text, &e));
    cr_assert_str_eq(text, PATH);
    secret_wipe_free(text);

    snprintf(path, sizeof path, "%s/url", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    file = fopen(path, "w");
    fprintf(file, "%s\r\nsecond line\n", PATH);
    fclose(file);
    snprintf(argument, sizeof argument, "@%s", path);
    cr_assert(secret_resolve(argument, &text, &e));
    cr_assert_str_eq(text, PATH);
    secret_wipe_free(text);

    cr_assert(secret_resolve("disk.img", &text, &e));
    cr_assert_str_eq(text, "disk.img");
    secret_wipe_free(text);
}

Test(secret, resolving_what_is_not_there_says_so)
{
    char *text = NULL;
    struct err unset = {0}, missing = {0}, empty = {0};

    unsetenv("SNAPFERRY_TEST_URL");
    cr_assert(!secret_resolve("env:SNAPFERRY_TEST_URL", &text, &unset));
    cr_assert_eq(unset.kind, ERR_USAGE);
    cr_assert(!secret_resolve("@/nonexistent/file", &text, &missing));
    cr_assert_eq(missing.kind, ERR_IO);
    cr_assert(!secret_resolve("@/dev/null", &text, &empty));
    cr_assert_eq(empty.kind, ERR_USAGE);
    cr_assert_null(text);
}

Test(secret, redacts_signatures_queries_tokens_and_passwords)
{
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"no secret here", "no secret here"},
        {"GET https://h/c/b?sv=1&sig=abc%3D&se=2 failed", "GET https://h/c/b?* failed"},
        {"sv=1&SIG=abc%3D&se=2", "sv=1&SIG=*&se=2"},
        {"<a>x&amp;sig=abc+/=</a>", "<a>x&amp;sig=*</a>"},
        {"u=https%3A%2F%2Fh%3Fsig%3Dabc", "u=https%3A%2F%2Fh%3Fsig%3D*"},
        {"Authorization: Bearer eyJ0.x.y, more", "Authorization: Bearer *, more"},
        {"SharedKey acct:abc=", "SharedKey *"},
        {"what? https://h/c and why? no", "what? https://h/c and why? no"},
        {"sig=", "sig="},
        {"https://h/c?", "https://h/c?"},
        {"of https://h/c?snapshot=2026-11-21T08:17:33.7885715Z.",
         "of https://h/c?snapshot=2026-11-21T08:17:33.7885715Z."},
        {"https://h/c?snapshot=2026-11-21T08:17:33Z&sv=1", "https://h/c?*"},
        {"https://h/c?snapshot=abc", "https://h/c?*"},
        {"at https://me:pw@h/c?sig=x, no", "at https://*@h/c?* no"},
        {"https://me:p@w@h and a@b.c", "https://*@h and a@b.c"},
        {"https://@h/c@d", "https://@h/c@d"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[200];

        snprintf(text, sizeof text, "%s", rows[i].text);
        secret_redact(text);
        cr_assert_str_eq(text, rows[i].shown);
    }
}

Test(secret, reads_times_as_rfc_3339_and_se_have_them)
{
    static const struct {
        const char *text;
        uint64_t seconds;
    } times[] = {
        {"2024-01-05T01:00:00Z", 1704416400},
        {"2024-01-05T01:00:00.1234567Z", 1704416400},
        {"2024-01-05T01:00:00", 1704416400},
        {"2024-01-05T01:00Z", 1704416400},
        {"2024-01-05T03:00:00+02:00", 1704416400},
        {"2024-01-04T19:30:00.5-05:30", 1704416400},
        {"2024-01-05", 1704412800},
        {"2024-01-05T01:00:00+2:00", 0},
        {"2024-01-05T01:00:00+02:60", 0},
        {"2024-01-05T01:00:00+24:00", 0},
        {"2024-01-05T01:00:00 UTC", 0},
        {"2024-13-05T01:00:00Z", 0},
        {"1969-12-31T23:59:59Z", 0},
        {"tomorrow", 0},
        {"", 0},
    };

    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        cr_expect_eq(secret_time_s(times[i].text), times[i].seconds, "%s", times[i].text);
}

Test(secret, a_url_behind_env_or_at_is_not_shown)
{
    static const char *const wrong[] = {"env:https://a.blob.x/c/b?sv=1&sig=hidden12",
                                        "@https://a.blob.x/c/b?sv=1&sig=hidden12",
                                        "env:", "env:a b", "env:1A"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct err e = {0};
        char *text = NULL;

        cr_expect_not(secret_resolve(wrong[i], &text, &e));
        cr_expect_null(strstr(e.text, "hidden12"), "%s", e.text);
        cr_expect_null(strstr(e.text, "sv=1"), "%s", e.text);
    }
}

Test(secret, a_signature_is_one_only_with_a_value)
{
    static const struct {
        const char *text;
        bool has;
    } urls[] = {
        {PATH "?sv=1&sig=a", true},
        {PATH "?Sig=a&sv=1", true},
        {PATH "?sv=1&sig=", false},
        {PATH "?sig=&sv=1", false},
        {PATH "?nosig=a", false},
        {PATH "?sv=sig=a", false},
        {PATH, false},
    };

    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct secret_url url = parsed(urls[i].text);

        cr_expect_eq(secret_url_has_signature(&url), urls[i].has, "%s", urls[i].text);
        secret_url_fini(&url);
    }
}

Test(secret, what_looks_like_a_url_is_no_path)
{
    static const char *const urls[] = {"ftp://a/b", "htps://a/b", "x.vhd?SIG=abc"};
    static const char *const paths[] = {"/a/b", "./x://y", "://y", "disk.vhd"};

    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
        cr_expect(secret_looks_like_url(urls[i]), "%s", urls[i]);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        cr_expect(!secret_looks_like_url(paths[i]), "%s", paths[i]);
}
