/* sas_check_test.c - service SAS: the vectors of protocol.md B.3, every era, every refusal. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "tools/regiond/region_auth.h"
#include "tools/regiond/region_clock.h"
#include "tools/regiond/sas_command.h"
#include "tools/regiond/sas_sign.h"

#define NOW_S    UINT64_C(1709251200) /* 2024-03-01T00:00:00Z */
#define BLOB     "/devstoreaccount1/cont/disk.vhd"
#define SNAPSHOT "2024-01-05T01:00:00.0000000Z"
#define SE       "&se=2030-01-01T00%3A00%3A00Z"
#define VECTOR_11                                                                                  \
    "?sv=2018-11-09&sr=b&sp=r" SE "&sig=ZgeR%2FBbAjjE2aSCYxYuk%2Fy%2F5sg%2BHK65rozpolzSbYYA%3D"

static const struct request_need need_read = {SCOPE_BLOB, "r"};
static const struct request_need need_write = {SCOPE_BLOB, "w"};

struct policy_fixture {
    const char *id;
    struct access_policy policy;
};

static bool find_policy(void *context, const char *account, const char *container, const char *id,
                        struct access_policy *out)
{
    const struct policy_fixture *fixture = context;

    cr_assert_str_eq(account, "devstoreaccount1");
    cr_assert_str_eq(container, "cont");
    if (!fixture || strcmp(id, fixture->id) != 0)
        return false;
    *out = fixture->policy;
    return true;
}

static uint64_t fixed_now(void *context)
{
    (void)context;
    return region_clock_from_unix(NOW_S);
}

struct judgement {
    struct request r;
    struct service_error e;
    bool granted;
};

static void judge_with(struct judgement *j, const struct policy_fixture *policy,
                       const struct request_need *need, const char *target)
{
    struct accounts *accounts = accounts_new();
    struct region_auth_config config = {
        .accounts = accounts,
        .policy = find_policy,
        .policy_context = (void *)(uintptr_t)policy,
        .now_ticks = fixed_now,
    };
    struct region_auth *auth = region_auth_new(&config);
    char why[200];

    cr_assert(accounts_add_development(accounts, why, sizeof why), "%s", why);
    j->r.method = "GET";
    cr_assert(request_set_target(&j->r, target, &j->e), "%s", j->e.message);
    j->granted = region_auth_check(auth, &j->r, need, &j->e);
    region_auth_free(auth);
    accounts_free(accounts);
}

static void judge(struct judgement *j, const struct request_need *need, const char *target)
{
    *j = (struct judgement){0};
    judge_with(j, NULL, need, target);
}

static void expect_granted(const struct request_need *need, const char *target)
{
    struct judgement j;

    judge(&j, need, target);
    cr_assert(j.granted, "%s: %s", target, j.e.extra[0].value);
    cr_assert_eq(j.r.caller, CALLER_SAS);
    request_fini(&j.r);
}

static void expect_refused(const struct request_need *need, const char *target, const char *code,
                           const char *detail)
{
    struct judgement j;

    judge(&j, need, target);
    cr_assert_not(j.granted, "%s", target);
    cr_assert_eq(j.r.caller, CALLER_NOBODY);
    cr_assert_str_eq(j.e.code, code, "%s: %s", target, j.e.code);
    if (detail)
        cr_assert(strstr(j.e.extra[0].value, detail), "%s", j.e.extra[0].value);
    request_fini(&j.r);
}

/* A target signed by `regiond sas` itself: what the vectors do not cover. */
static void signed_target(char *out, size_t out_bytes, int argc, char **argv)
{
    FILE *file = tmpfile();
    char line[2048];

    cr_assert_eq(sas_command_run(argc, argv, region_clock_from_unix(NOW_S), file), 0);
    rewind(file);
    cr_assert(fgets(line, sizeof line, file));
    line[strcspn(line, "\n")] = '\0';
    snprintf(out, out_bytes, "%s", strchr(line + 7, '/'));
    fclose(file);
}

#define SIGNED(out, ...)                                                                           \
    do {                                                                                           \
        char *words[] = {                                                                          \
            (char *)"sas", (char *)"--account",  (char *)"devstoreaccount1:env:SAS_TEST_KEY",      \
            __VA_ARGS__,   (char *)"http://h:1", NULL};                                            \
        setenv("SAS_TEST_KEY",                                                                     \
               "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/"                   \
               "K1SZFPTOtr/KBHBeksoGMGw==",                                                        \
               1);                                                                                 \
        signed_target(out, sizeof(out), (int)(sizeof words / sizeof words[0]) - 1, words);         \
    } while (0)
#define RESOURCE (char *)"--resource", (char *)"cont/disk.vhd"
#define READ     (char *)"--permissions", (char *)"r"
#define HOUR     (char *)"--expiry", (char *)"+1h"
#define SV(v)    (char *)"--sv", (char *)v

Test(sas, accepts_the_vectors_of_each_era)
{
    expect_granted(&need_read, BLOB VECTOR_11);
    expect_granted(&need_read, BLOB "?sv=2020-12-06&sr=b&sp=r" SE
                                    "&sig=mofmlxqlwX2qgIrn7hr/vZGdG0Nq6MLoPbhEL2q9zjE=");
    expect_granted(&need_write, BLOB "?sv=2020-12-06&sr=b&sp=rw" SE
                                     "&sig=8GToBb34m4SeMhCmps9xqaxWZdwNbeTUpB1p6XJzxLs%3D");
    expect_granted(&need_read, BLOB "?snapshot=" SNAPSHOT "&sv=2020-12-06&sr=bs&sp=r" SE
                                    "&sig=cUCwxLHifZylGLX1zw4a95x7%2B1im2autZNYmp6Oua%2B0%3D");
}

Test(sas, accepts_the_versions_old_managed_disks_use)
{
    static const char *const versions[] = {"2012-02-12", "2014-02-14", "2015-04-05",
                                           "2017-04-17", "2018-03-28", "2026-04-06"};
    char target[2048];

    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        SIGNED(target, RESOURCE, READ, HOUR, SV(versions[i]));
        expect_granted(&need_read, target);
    }
}

Test(sas, signs_each_era_with_its_own_text)
{
    struct sas_fields f = {.version = "2014-02-14",
                           .permissions = "r",
                           .start = "",
                           .expiry = "E",
                           .policy_id = "I",
                           .address = "A",
                           .protocol = "P",
                           .kind = "bs",
                           .snapshot = "T",
                           .encryption = "X",
                           .overrides = {"1", "2", "3", "4", "5"},
                           .account = "acct",
                           .container = "cont",
                           .blob = "b l+ob"};
    char text[SAS_TEXT_MAX_BYTES];

    sas_service_text(&f, text);
    cr_assert_str_eq(text, "r\n\nE\n/acct/cont/b l+ob\nI\n2014-02-14\n1\n2\n3\n4\n5");
    f.version = "2018-03-28";
    sas_service_text(&f, text);
    cr_assert_str_eq(text, "r\n\nE\n/blob/acct/cont/b l+ob\nI\nA\nP\n2018-03-28\n1\n2\n3\n4\n5");
    f.version = "2018-11-09";
    sas_service_text(&f, text);
    cr_assert_str_eq(text,
                     "r\n\nE\n/blob/acct/cont/b l+ob\nI\nA\nP\n2018-11-09\nbs\nT\n1\n2\n3\n4\n5");
    f.version = "2020-12-06";
    f.kind = "b";
    sas_service_text(&f, text);
    cr_assert_str_eq(text,
                     "r\n\nE\n/blob/acct/cont/b l+ob\nI\nA\nP\n2020-12-06\nb\n\nX\n1\n2\n3\n4\n5");
}

Test(sas, gives_the_version_when_the_request_names_none)
{
    struct judgement j;

    judge(&j, &need_read, BLOB VECTOR_11);
    cr_assert_str_eq(j.r.version, "2018-11-09");
    cr_assert_str_eq(j.r.permissions, "r");
    request_fini(&j.r);
}

Test(sas, reads_a_raw_plus_in_the_signature_as_a_space_and_refuses_it)
{
    expect_refused(&need_read,
                   BLOB "?sv=2018-11-09&sr=b&sp=r" SE
                        "&sig=ZgeR/BbAjjE2aSCYxYuk/y/5sg+HK65rozpolzSbYYA=",
                   "AuthenticationFailed", "Signature did not match");
}

Test(sas, base_signature_reads_a_snapshot_but_a_snapshots_reads_only_that_one)
{
    char target[2048];
    char other[2048];

    expect_granted(&need_read, BLOB VECTOR_11 "&snapshot=" SNAPSHOT);
    SIGNED(target, RESOURCE, READ, HOUR, (char *)"--snapshot", (char *)SNAPSHOT);
    expect_granted(&need_read, target);
    snprintf(other, sizeof other, "%s", target);
    memcpy(strstr(other, "snapshot=") + 9, "2025", 4);
    expect_refused(&need_read, other, "AuthenticationFailed", "did not match");
    snprintf(other, sizeof other, BLOB "?%s", strstr(target, "sv="));
    expect_refused(&need_read, other, "AuthenticationFailed", "needs snapshot=");
}

Test(sas, snapshot_signature_of_an_older_era_is_refused)
{
    expect_refused(&need_read, BLOB "?snapshot=" SNAPSHOT "&sv=2018-03-28&sr=bs&sp=r" SE "&sig=x",
                   "AuthenticationFailed", "2018-11-09 or later");
}

Test(sas, container_signature_covers_its_blobs_and_its_list_and_no_other_container)
{
    static const struct request_need need_list = {SCOPE_CONTAINER, "l"};
    static const struct request_need need_key = {SCOPE_CONTAINER, ""};
    char target[2048];
    char other[2048];

    SIGNED(target, (char *)"--resource", (char *)"cont", (char *)"--permissions", (char *)"rl",
           HOUR);
    expect_granted(&need_list, target);
    expect_refused(&need_key, target, "AuthorizationPermissionMismatch", NULL);
    snprintf(other, sizeof other, BLOB "%s", strchr(target, '?'));
    expect_granted(&need_read, other);
    snprintf(other, sizeof other, "/devstoreaccount1/elsewhere/disk.vhd%s", strchr(target, '?'));
    expect_refused(&need_read, other, "AuthenticationFailed", "did not match");
}

Test(sas, blob_signature_does_not_open_the_container)
{
    static const struct request_need need_list = {SCOPE_CONTAINER, "l"};

    expect_refused(&need_list, "/devstoreaccount1/cont" VECTOR_11, "AuthenticationFailed",
                   "for a blob");
}

Test(sas, permission_that_was_not_granted_is_a_mismatch)
{
    expect_refused(&need_write, BLOB VECTOR_11, "AuthorizationPermissionMismatch", NULL);
}

Test(sas, either_of_two_permissions_is_enough)
{
    static const struct request_need need_create = {SCOPE_BLOB, "cw"};
    char target[2048];

    SIGNED(target, RESOURCE, (char *)"--permissions", (char *)"c", HOUR);
    expect_granted(&need_create, target);
    expect_refused(&need_create, BLOB VECTOR_11, "AuthorizationPermissionMismatch", NULL);
}

Test(sas, outside_its_time_says_start_expiry_and_current)
{
    char target[2048];

    SIGNED(target, RESOURCE, READ, (char *)"--start", (char *)"-2h", (char *)"--expiry",
           (char *)"-1h");
    expect_refused(&need_read, target, "AuthenticationFailed",
                   "Signature not valid in the specified time frame: "
                   "Start [Thu, 29 Feb 2024 22:00:00 GMT] - Expiry [Thu, 29 Feb 2024 23:00:00 GMT] "
                   "- Current [Fri, 01 Mar 2024 00:00:00 GMT]");
    SIGNED(target, RESOURCE, READ, (char *)"--start", (char *)"+1h", (char *)"--expiry",
           (char *)"+2h");
    expect_refused(&need_read, target, "AuthenticationFailed", "Start [Fri, 01 Mar 2024 01:00");
    SIGNED(target, RESOURCE, READ, (char *)"--start", (char *)"-1h", HOUR);
    expect_granted(&need_read, target);
}

Test(sas, https_only_signature_is_refused_over_http)
{
    char target[2048];
    struct judgement j = {0};

    SIGNED(target, RESOURCE, READ, HOUR, (char *)"--protocol", (char *)"https");
    expect_refused(&need_read, target, "AuthorizationProtocolMismatch", NULL);
    j.r.tls = true;
    judge_with(&j, NULL, &need_read, target);
    cr_assert(j.granted);
    request_fini(&j.r);
    SIGNED(target, RESOURCE, READ, HOUR, (char *)"--protocol", (char *)"https,http");
    expect_granted(&need_read, target);
}

static bool granted_from(const char *address, const char *target, struct service_error *out_e)
{
    struct judgement j = {0};
    struct sockaddr_in *peer = (struct sockaddr_in *)&j.r.peer;
    bool granted;

    peer->sin_family = AF_INET;
    inet_pton(AF_INET, address, &peer->sin_addr);
    judge_with(&j, NULL, &need_read, target);
    *out_e = j.e;
    granted = j.granted;
    request_fini(&j.r);
    return granted;
}

Test(sas, address_outside_sip_is_refused)
{
    struct service_error e;
    char target[2048];

    SIGNED(target, RESOURCE, READ, HOUR, (char *)"--ip", (char *)"10.0.0.1-10.0.0.9");
    cr_assert(granted_from("10.0.0.1", target, &e));
    cr_assert(granted_from("10.0.0.9", target, &e));
    cr_assert_not(granted_from("10.0.0.10", target, &e));
    cr_assert_str_eq(e.code, "AuthorizationSourceIPMismatch");
    cr_assert_not(granted_from("9.255.255.255", target, &e));
    SIGNED(target, RESOURCE, READ, HOUR, (char *)"--ip", (char *)"127.0.0.1");
    cr_assert(granted_from("127.0.0.1", target, &e));
    cr_assert_not(granted_from("127.0.0.2", target, &e));
}

Test(sas, a_field_given_twice_is_refused)
{
    expect_refused(&need_read, BLOB VECTOR_11 "&sp=rwd", "AuthenticationFailed", "more than once");
}

Test(sas, missing_or_malformed_fields_are_refused)
{
    char target[2048];

    expect_refused(&need_read, BLOB "?sr=b&sp=r&sig=x", "AuthenticationFailed", "sv");
    expect_refused(&need_read, BLOB "?sv=2011-08-18&sr=b&sp=r&sig=x", "AuthenticationFailed", "sv");
    expect_refused(&need_read, BLOB "?sv=2020-12-06&sr=q&sp=r&sig=x", "AuthenticationFailed", "sr");
    SIGNED(target, RESOURCE, (char *)"--permissions", (char *)"wr", HOUR);
    expect_refused(&need_read, target, "AuthenticationFailed", "in their order");
    SIGNED(target, RESOURCE, (char *)"--permissions", (char *)"r?", HOUR);
    expect_refused(&need_read, target, "AuthenticationFailed", "known letters");
}

Test(sas, unsigned_requests_and_unknown_accounts_are_told_apart)
{
    expect_refused(&need_read, BLOB, "NoAuthenticationInformation", NULL);
    expect_refused(&need_read, "/nobody/cont/disk.vhd" VECTOR_11, "ResourceNotFound", NULL);
}

Test(sas, stored_policy_gives_time_and_permission_until_it_is_revoked)
{
    struct policy_fixture policy = {"id-1", {"", "2024-03-01T00:30:00.0000000Z", "rw"}};
    char target[2048];
    struct judgement j = {0};

    SIGNED(target, RESOURCE, (char *)"--policy", (char *)"id-1", SV("2018-03-28"));
    cr_assert_null(strstr(target, "se="));
    judge_with(&j, &policy, &need_write, target);
    cr_assert(j.granted, "%s", j.e.extra[0].value);
    cr_assert_str_eq(j.r.permissions, "rw");
    request_fini(&j.r);

    strcpy(policy.policy.expiry, "2024-02-29T23:59:59Z");
    j = (struct judgement){0};
    judge_with(&j, &policy, &need_write, target);
    cr_assert_not(j.granted);
    cr_assert(strstr(j.e.extra[0].value, "not valid in the specified time frame"));
    request_fini(&j.r);

    expect_refused(&need_write, target, "AuthenticationFailed", "Access policy is not found");
}

Test(sas, a_field_in_both_url_and_policy_is_refused)
{
    struct policy_fixture policy = {"id-1", {"", "2024-03-01T00:30:00Z", "rw"}};
    char target[2048];
    struct judgement j = {0};

    SIGNED(target, RESOURCE, (char *)"--policy", (char *)"id-1", READ);
    judge_with(&j, &policy, &need_read, target);
    cr_assert_not(j.granted);
    cr_assert(strstr(j.e.extra[0].value, "both"));
    request_fini(&j.r);
}

Test(sas, a_policy_without_expiry_needs_one_in_the_url)
{
    struct policy_fixture policy = {"id-1", {"", "", "r"}};
    char target[2048];
    struct judgement j = {0};

    SIGNED(target, RESOURCE, (char *)"--policy", (char *)"id-1");
    judge_with(&j, &policy, &need_read, target);
    cr_assert_not(j.granted);
    cr_assert(strstr(j.e.extra[0].value, "se is mandatory"));
    request_fini(&j.r);
}
