/* auth_test.c - the vectors of protocol B.1 and B.3. */
#include "io/auth.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "io/secret.h"

#define TIME "2024-01-05T01:00:00.0000000Z"

static struct auth_key development_key(void)
{
    struct auth_key key;
    struct err e = {0};

    cr_assert(auth_key_parse(AUTH_DEVELOPMENT_KEY, &key, &e), "%s", e.text);
    cr_assert_eq(key.count, 64);
    return key;
}

static struct auth_sas sas_of(const char *version, const char *permissions, const char *snapshot)
{
    return (struct auth_sas){.version = version,
                             .resource = "/blob/devstoreaccount1/cont/disk.vhd",
                             .kind = snapshot ? "bs" : "b",
                             .snapshot = snapshot,
                             .permissions = permissions,
                             .expiry = "2030-01-01T00:00:00Z"};
}

Test(auth, sas_signatures_match_the_vectors)
{
    static const struct {
        const char *version, *permissions, *snapshot, *signature;
    } rows[] = {
        {"2018-11-09", "r", NULL, "ZgeR/BbAjjE2aSCYxYuk/y/5sg+HK65rozpolzSbYYA="},
        {"2020-12-06", "r", NULL, "mofmlxqlwX2qgIrn7hr/vZGdG0Nq6MLoPbhEL2q9zjE="},
        {"2020-12-06", "rw", NULL, "8GToBb34m4SeMhCmps9xqaxWZdwNbeTUpB1p6XJzxLs="},
        {"2020-12-06", "r", TIME, "cUCwxLHifZylGLX1zw4a95x7+1im2autZNYmp6Oua+0="},
    };
    struct auth_key key = development_key();

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct auth_sas sas = sas_of(rows[i].version, rows[i].permissions, rows[i].snapshot);
        char *text = auth_sas_string(&sas);
        char *signature = auth_sign(&key, text);

        cr_assert_str_eq(signature, rows[i].signature);
        free(text);
        free(signature);
    }
}

Test(auth, the_oldest_era_signs_thirteen_fields)
{
    struct auth_sas sas = sas_of("2018-03-28", "r", NULL);
    char *text = auth_sas_string(&sas);

    cr_assert_str_eq(text, "r\n\n2030-01-01T00:00:00Z\n/blob/devstoreaccount1/cont/disk.vhd\n\n\n\n"
                           "2018-03-28\n\n\n\n\n");
    free(text);
}

Test(auth, every_optional_field_has_its_place)
{
    struct auth_sas sas = sas_of("2021-12-02", "rw", NULL);
    char *text;

    sas.start = "S";
    sas.identifier = "I";
    sas.addresses = "A";
    sas.protocols = "P";
    sas.scope = "E";
    text = auth_sas_string(&sas);
    cr_assert_str_eq(text,
                     "rw\nS\n2030-01-01T00:00:00Z\n/blob/devstoreaccount1/cont/disk.vhd\nI\nA\nP\n"
                     "2021-12-02\nb\n\nE\n\n\n\n\n");
    free(text);
}

Test(auth, a_query_encodes_what_a_url_would_lose)
{
    struct auth_key key = development_key();
    struct auth_sas sas = sas_of("2020-12-06", "r", TIME);
    char *query = auth_sas_query(&sas, &key);

    cr_assert_str_eq(query, "snapshot=2024-01-05T01%3A00%3A00.0000000Z&sv=2020-12-06&sr=bs"
                            "&se=2030-01-01T00%3A00%3A00Z&sp=r"
                            "&sig=cUCwxLHifZylGLX1zw4a95x7%2B1im2autZNYmp6Oua%2B0%3D");
    secret_wipe_free(query);
}

Test(auth, shared_key_signs_a_get_with_decoded_sorted_parameters)
{
    static const struct http_header headers[] = {{"x-ms-version", "2021-12-02"},
                                                 {"X-MS-Range", " bytes=0-4194303 "},
                                                 {"x-ms-date", "Fri, 01 Mar 2024 00:00:00 GMT"},
                                                 {"Accept", "*/*"}};
    struct auth_request request = {.method = "GET",
                                   .account = AUTH_DEVELOPMENT_ACCOUNT,
                                   .path = "/devstoreaccount1/cont/disk.vhd",
                                   .query =
                                       "snapshot=2024-01-05T01%3A00%3A00.0000000Z&Comp=pagelist",
                                   .headers = headers,
                                   .header_count = 4};
    struct auth_key key = development_key();
    char *header = auth_request_header(&request, &key);

    cr_assert_str_eq(header, "SharedKey devstoreaccount1:"
                             "n21Ixzp96zMWY/K6zvOete9ZhRC72IYTPLqYyQiFN/k=");
    secret_wipe_free(header);
}

Test(auth, shared_key_signs_a_put_page)
{
    static const struct http_header headers[] = {{"x-ms-version", "2021-12-02"},
                                                 {"Content-Type", "application/octet-stream"},
                                                 {"x-ms-range", "bytes=0-4194303"},
                                                 {"x-ms-page-write", "update"},
                                                 {"x-ms-date", "Fri, 01 Mar 2024 00:00:00 GMT"}};
    struct auth_request request = {.method = "PUT",
                                   .account = "myaccount",
                                   .path = "/cont/disk.vhd",
                                   .query = "comp=page",
                                   .headers = headers,
                                   .header_count = 5,
                                   .body_bytes = 4194304};
    struct auth_key key = development_key();
    char *header = auth_request_header(&request, &key);

    cr_assert_str_eq(header, "SharedKey myaccount:EUUfD3g61vSDhM6iWEWjkkZmLSGDWiAIDidUhpTzHcI=");
    secret_wipe_free(header);
}

Test(auth, repeated_parameters_are_joined_and_blanks_folded)
{
    static const struct http_header headers[] = {{"x-ms-meta-a", " x \t  y "}};
    struct auth_request request = {.method = "GET",
                                   .account = "a",
                                   .path = "/c",
                                   .query = "b=2&a=z&b=1",
                                   .headers = headers,
                                   .header_count = 1};
    char *text = auth_request_string(&request);

    cr_assert_str_eq(text, "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-meta-a:x y\n/a/c\na:z\nb:1,2");
    free(text);
}

Test(auth, refuses_a_key_that_is_not_base64)
{
    static const char *const bad[] = {"", "abc", "a===", "****", AUTH_DEVELOPMENT_KEY "AAAAAAAA"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct auth_key key;
        struct err e = {0};

        cr_assert(!auth_key_parse(bad[i], &key, &e), "accepted row %zu", i);
        cr_assert_eq(e.kind, ERR_USAGE);
    }
}
