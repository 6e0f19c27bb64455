/* region_sas_test.c - URLs with a SAS that a real region lets in, and those it does not. */
#include "tools/controld/region_sas.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/account_case.h"

static char *url_of(struct account_case *c, struct region_sas sas)
{
    struct err e = {0};
    char *url = NULL;

    sas.container = "cont";
    if (!sas.blob)
        sas.blob = "disk.vhd";
    cr_assert(region_sas_url(c->account, &sas, &url, &e), "%s", e.text);
    return url;
}

static unsigned opens(struct account_case *c, struct region_sas sas)
{
    char *url = url_of(c, sas);
    unsigned status = account_case_get(c, url);

    secret_wipe_free(url);
    return status;
}

static uint64_t in_an_hour(struct account_case *c)
{
    return reactor_wall_ns(c->rig.r) + 3600 * NS_PER_S;
}

Test(region_sas, opens_a_blob_or_a_snapshot_as_long_as_it_lasts)
{
    struct account_case c;
    struct region_op op = {.blob = "disk.vhd"};
    struct region_sas sas = {.permissions = "r"};

    account_case_open(&c, NULL);
    account_case_good(&c, region_account_snapshot, &op);
    sas.expiry_ns = in_an_hour(&c);
    cr_expect_eq(opens(&c, sas), 200);
    sas.snapshot = op.head.snapshot;
    cr_expect_eq(opens(&c, sas), 200);
    sas.permissions = "w";
    cr_expect_eq(opens(&c, sas), 403);
    sas.permissions = "r";
    sas.expiry_ns = in_an_hour(&c) - 7200 * NS_PER_S;
    cr_expect_eq(opens(&c, sas), 403);
    account_case_close(&c);
}

Test(region_sas, with_a_policy_it_is_the_same_url_and_ends_with_the_policy)
{
    struct account_case c;
    struct region_acl acl = {0};
    struct region_op op = {.acl = &acl};
    struct region_sas sas = {.policy = "snapferry-x"};
    char *url, *again;

    account_case_open(&c, NULL);
    url = url_of(&c, sas);
    cr_expect_eq(account_case_get(&c, url), 403, "no such policy yet");
    strcpy(region_acl_add(&acl, "snapferry-x")->expiry, "2040-01-01T00:00:00Z");
    strcpy(acl.items[0].permissions, "r");
    account_case_good(&c, region_account_set_acl, &op);
    cr_expect_eq(account_case_get(&c, url), 200);
    sas.expiry_ns = in_an_hour(&c);
    again = url_of(&c, sas);
    cr_expect_str_eq(again, url);
    region_acl_drop(&acl, "snapferry-x");
    account_case_good(&c, region_account_set_acl, &op);
    cr_expect_eq(account_case_get(&c, url), 403, "revoked at once");
    secret_wipe_free(url);
    secret_wipe_free(again);
    account_case_close(&c);
}

Test(region_sas, an_account_with_a_sas_gives_that_and_no_policies)
{
    struct account_case c;
    struct region_sas sas = {.permissions = "rwd"};
    struct region_op op = {.blob = "disk.vhd"};
    struct err e = {0};
    char *url, *refused = NULL;

    account_case_open(&c, NULL);
    sas.expiry_ns = in_an_hour(&c);
    url = url_of(&c, sas); /* a SAS of one blob is enough of an account here */
    account_case_use(&c, NULL, strchr(url, '?'));
    cr_expect_not(region_account_has_key(c.account));
    account_case_good(&c, region_account_snapshot, &op);
    cr_expect_eq(opens(&c, (struct region_sas){0}), 200);
    cr_expect_eq(opens(&c, (struct region_sas){.blob = "other"}), 403);
    sas = (struct region_sas){.container = "cont", .blob = "disk.vhd", .policy = "snapferry-x"};
    cr_expect_not(region_sas_url(c.account, &sas, &refused, &e));
    cr_expect_null(refused);
    cr_expect_eq(e.kind, ERR_CONFLICT);
    cr_expect_eq(e.http_status, 409);
    cr_expect_str_eq(e.code, "AccountKeyRequired");
    secret_wipe_free(url);
    account_case_close(&c);
}

Test(region_sas, an_address_has_no_secret)
{
    struct account_case c;
    char *address;

    account_case_open(&c, NULL);
    address = region_sas_address(c.account, "cont", "a b/c.vhd", "2022-04-07T13:48:01.2760327Z");
    cr_expect(
        strstr(address,
               "/devstoreaccount1/cont/a%20b/c.vhd?snapshot=2022-04-07T13%3A48%3A01.2760327Z"),
        "%s", address);
    free(address);
    address = region_sas_address(c.account, "cont", "d", "");
    cr_expect_null(strchr(address, '?'));
    free(address);
    account_case_close(&c);
}
