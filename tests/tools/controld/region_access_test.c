/* region_access_test.c - access by stored policies at a real region: five of them, extended, revoked,
 * through faults. */
#include "tools/controld/region_access.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/account_case.h"
#include "tools/controld/region_sas.h"

struct access_case {
    struct account_case account;
    struct region_access *access;
};

static void begin(struct access_case *c, const char *faults)
{
    struct err e = {0};

    account_case_open(&c->account, faults);
    c->access = region_access_new(c->account.account, &e);
    cr_assert(c->access, "%s", e.text);
}

static void finish(struct access_case *c)
{
    region_access_free(c->access);
    account_case_close(&c->account);
}

static void on_done(struct region_access_op *op)
{
    *(bool *)op->arg = true;
}

static uint64_t after_s(struct access_case *c, uint64_t seconds)
{
    return reactor_wall_ns(c->account.rig.r) + seconds * NS_PER_S;
}

static struct region_access_op grant(struct access_case *c, const char *policy, uint64_t seconds)
{
    bool done = false;
    struct region_access_op op = {.container = "cont",
                                  .policy = policy,
                                  .permissions = "r",
                                  .expiry_ns = after_s(c, seconds),
                                  .done = on_done,
                                  .arg = &done};

    region_access_grant(c->access, &op);
    cr_assert_not(done);
    rig_until(&c->account.rig, &done);
    return op;
}

static struct region_access_op revoke(struct access_case *c, const char *container,
                                      const char *policy)
{
    bool done = false;
    struct region_access_op op = {
        .container = container, .policy = policy, .done = on_done, .arg = &done};

    region_access_revoke(c->access, &op);
    rig_until(&c->account.rig, &done);
    return op;
}

static void good(struct region_access_op op)
{
    cr_assert_not(err_is_set(&op.err), "%s", op.err.text);
}

static unsigned opens(struct access_case *c, const char *policy)
{
    struct region_sas sas = {.container = "cont", .blob = "disk.vhd", .policy = policy};
    struct err e = {0};
    char *url;
    unsigned status;

    cr_assert(region_sas_url(c->account.account, &sas, &url, &e), "%s", e.text);
    status = account_case_get(&c->account, url);
    secret_wipe_free(url);
    return status;
}

static struct region_acl policies(struct access_case *c)
{
    struct region_acl acl = {0};
    struct region_op op = {.acl = &acl};

    account_case_good(&c->account, region_account_get_acl, &op);
    return acl;
}

Test(region_access, opens_when_it_is_granted_and_closes_when_it_is_revoked)
{
    struct access_case c;
    struct region_access_op op;

    begin(&c, NULL);
    op = grant(&c, "snapferry-a", 600);
    good(op);
    cr_expect_not(op.as_it_was);
    cr_expect_eq(opens(&c, "snapferry-a"), 200);
    op = revoke(&c, "cont", "snapferry-a");
    good(op);
    cr_expect_not(op.as_it_was);
    cr_expect_eq(opens(&c, "snapferry-a"), 403);
    op = revoke(&c, "cont", "snapferry-a");
    good(op);
    cr_expect(op.as_it_was);
    op = revoke(&c, "not-there", "snapferry-a");
    good(op);
    cr_expect(op.as_it_was);
    finish(&c);
}

Test(region_access, an_extension_reaches_further_and_never_less_far)
{
    struct access_case c;
    struct region_access_op first, longer, shorter;

    begin(&c, NULL);
    first = grant(&c, "snapferry-a", 600);
    longer = grant(&c, "snapferry-a", 6000);
    shorter = grant(&c, "snapferry-a", 60);
    good(first);
    good(longer);
    good(shorter);
    cr_expect_gt(longer.expiry_ns, first.expiry_ns + 5000 * NS_PER_S);
    cr_expect(shorter.as_it_was);
    cr_expect_eq(shorter.expiry_ns, longer.expiry_ns);
    cr_expect_eq(policies(&c).count, 1);
    finish(&c);
}

Test(region_access, a_sixth_is_refused_until_one_ends_or_has_expired)
{
    static const char *const ids[] = {"snapferry-a", "snapferry-b", "snapferry-c", "snapferry-d"};
    struct access_case c;
    struct region_acl acl;
    struct region_op set = {.acl = &acl};
    struct region_access_op op;

    begin(&c, NULL);
    acl = (struct region_acl){0};
    strcpy(region_acl_add(&acl, "somebody-else")->expiry, "2001-01-01T00:00:00Z");
    account_case_good(&c.account, region_account_set_acl, &set);
    for (size_t i = 0; i < 4; i++)
        good(grant(&c, ids[i], 600));
    op = grant(&c, "snapferry-e", 600);
    cr_expect_eq(op.err.kind, ERR_LIMIT);
    cr_expect_eq(op.err.http_status, 409);
    cr_expect_str_eq(op.err.code, "AccessPolicyLimit");
    cr_expect_eq(opens(&c, "snapferry-b"), 200, "the others are as they were");
    acl = policies(&c);
    strcpy(region_acl_find(&acl, "snapferry-c")->expiry, "2001-01-01T00:00:00Z");
    account_case_good(&c.account, region_account_set_acl, &set);
    good(grant(&c, "snapferry-e", 600));
    acl = policies(&c);
    cr_expect_eq(acl.count, 5);
    cr_expect_null(region_acl_find(&acl, "snapferry-c"), "expired: made room");
    cr_expect(region_acl_find(&acl, "somebody-else"), "not ours: stays");
    good(revoke(&c, "cont", "snapferry-a"));
    good(grant(&c, "snapferry-f", 600));
    finish(&c);
}

Test(region_access, several_at_once_do_not_overwrite_each_other)
{
    static const char *const ids[] = {"snapferry-a", "snapferry-b", "snapferry-c", "snapferry-d"};
    struct access_case c;
    struct region_access_op ops[4];
    bool done[4] = {false};

    begin(&c, NULL);
    for (size_t i = 0; i < 4; i++) {
        ops[i] = (struct region_access_op){.container = "cont",
                                           .policy = ids[i],
                                           .permissions = "r",
                                           .expiry_ns = after_s(&c, 600),
                                           .done = on_done,
                                           .arg = &done[i]};
        region_access_grant(c.access, &ops[i]);
    }
    for (size_t i = 0; i < 4; i++) {
        rig_until(&c.account.rig, &done[i]);
        good(ops[i]);
    }
    cr_expect_eq(policies(&c).count, 4);
    finish(&c);
}

/* A late write of policies would undo what came after it. */
Test(region_access, a_lost_or_late_change_is_looked_at_again)
{
    struct access_case c;

    begin(&c, "{\"seed\":1,\"rules\":["
              "{\"name\":\"lost\",\"match\":{\"verb\":\"Set Container ACL\"},\"nth\":1,\"fault\":"
              "\"lostAnswer\"},"
              "{\"name\":\"late\",\"match\":{\"verb\":\"Set Container ACL\"},\"nth\":3,\"fault\":"
              "\"late\",\"ms\":50},"
              "{\"name\":\"busy\",\"match\":{\"verb\":\"Get Container ACL\"},\"nth\":2,\"fault\":"
              "\"status\",\"status\":503}]}");
    good(grant(&c, "snapferry-a", 600));
    cr_expect_eq(opens(&c, "snapferry-a"), 200);
    good(revoke(&c, "cont", "snapferry-a"));
    cr_expect_eq(opens(&c, "snapferry-a"), 403);
    cr_expect_eq(policies(&c).count, 0);
    finish(&c);
}

Test(region_access, an_account_without_its_key_is_refused)
{
    struct access_case c;
    struct region_access_op op;

    begin(&c, NULL);
    region_access_free(c.access);
    account_case_use(&c.account, NULL, "sv=2020-12-06&sig=secret");
    c.access = region_access_new(c.account.account, &(struct err){0});
    op = grant(&c, "snapferry-a", 600);
    cr_expect_eq(op.err.kind, ERR_CONFLICT);
    cr_expect_str_eq(op.err.code, "AccountKeyRequired");
    finish(&c);
}

Test(region_access, a_policy_id_is_ours_and_fits)
{
    unsigned char random[16] = {0xab, 0, 1};
    char id[REGION_POLICY_ID_MAX_BYTES];

    region_access_policy_id(random, id);
    cr_expect_str_eq(id, "snapferry-ab000100000000000000000000000000");
}
