/* faults_test.c - a fault script chooses the same requests every time, and only those it names. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tools/regiond/faults.h"

static const struct fault_facts put_page = {.method = "PUT",
                                            .verb = "Put Page",
                                            .comp = "page",
                                            .account = "acct",
                                            .container = "c",
                                            .blob = "disk",
                                            .snapshot = "",
                                            .has_range = true,
                                            .range_offset = 4096,
                                            .range_bytes = 512};

static struct fault_plan *plan_of(const char *rules)
{
    char json[1000];
    char why[300] = "";
    struct fault_plan *plan;

    snprintf(json, sizeof json, "{\"seed\":42,\"rules\":[%s]}", rules);
    plan = fault_plan_parse(json, strlen(json), why, sizeof why);
    cr_assert(plan, "%s", why);
    return plan;
}

/* One character a request: '.' for none, else the rule's name's first. */
static void play(struct fault_plan *plan, const struct fault_facts *facts, size_t count, char *out)
{
    struct fault fault;

    for (size_t i = 0; i < count; i++)
        out[i] = fault_plan_next(plan, facts, &fault) ? fault.name[0] : '.';
    out[count] = '\0';
}

static void expect(const char *rules, const char *played)
{
    struct fault_plan *plan = plan_of(rules);
    char out[100];

    play(plan, &put_page, strlen(played), out);
    cr_assert_str_eq(out, played, "%s: %s", rules, out);
    fault_plan_free(plan);
}

Test(faults, chooses_by_number_of_the_match)
{
    expect("{\"name\":\"x\",\"fault\":\"reset\",\"nth\":3}", "..x.....");
    expect("{\"name\":\"x\",\"fault\":\"reset\",\"nth\":[1,4]}", "x..x....");
    expect("{\"name\":\"x\",\"fault\":\"reset\",\"every\":3}", "..x..x..x");
    expect("{\"name\":\"x\",\"fault\":\"reset\",\"after\":2,\"every\":2}", "...x.x.x");
    expect("{\"name\":\"x\",\"fault\":\"reset\",\"times\":2}", "xx......");
    expect("{\"name\":\"x\",\"fault\":\"reset\",\"probability\":0}", "........");
}

Test(faults, the_first_rule_that_fires_wins_and_the_others_still_count)
{
    expect("{\"name\":\"a\",\"fault\":\"reset\",\"nth\":[1,2]},"
           "{\"name\":\"b\",\"fault\":\"reset\",\"nth\":[2,3]}",
           "aab.");
}

Test(faults, the_same_seed_gives_the_same_faults_and_another_seed_others)
{
    static const char rule[] = "{\"name\":\"x\",\"fault\":\"reset\",\"probability\":0.3}";
    struct fault_plan *plans[2] = {plan_of(rule), plan_of(rule)};
    char other_json[200];
    char why[300];
    struct fault_plan *other;
    char played[2][2001];
    char played_other[2001];
    size_t hits = 0;

    snprintf(other_json, sizeof other_json, "{\"seed\":43,\"rules\":[%s]}", rule);
    other = fault_plan_parse(other_json, strlen(other_json), why, sizeof why);
    play(plans[0], &put_page, 2000, played[0]);
    play(plans[1], &put_page, 2000, played[1]);
    play(other, &put_page, 2000, played_other);
    cr_assert_str_eq(played[0], played[1]);
    cr_assert_str_neq(played[0], played_other);
    for (size_t i = 0; i < 2000; i++)
        hits += played[0][i] == 'x';
    cr_assert_gt(hits, 500);
    cr_assert_lt(hits, 700);
    cr_assert_eq(fault_plan_injected(plans[0]), hits);
    fault_plan_free(plans[0]);
    fault_plan_free(plans[1]);
    fault_plan_free(other);
}

Test(faults, requests_of_other_kinds_do_not_disturb_a_rules_draws)
{
    static const char rule[] = "{\"name\":\"x\",\"match\":{\"verb\":\"Put "
                               "Page\"},\"fault\":\"reset\",\"probability\":0.5}";
    struct fault_plan *alone = plan_of(rule);
    struct fault_plan *mixed = plan_of(rule);
    struct fault_facts read = put_page;
    char one[65];
    char two[65];
    struct fault fault;

    read.verb = "Get Blob";
    play(alone, &put_page, 64, one);
    for (size_t i = 0; i < 64; i++) {
        cr_assert_not(fault_plan_next(mixed, &read, &fault));
        play(mixed, &put_page, 1, two + i);
    }
    cr_assert_str_eq(one, two);
    fault_plan_free(alone);
    fault_plan_free(mixed);
}

Test(faults, each_range_of_each_blob_has_its_own_count)
{
    struct fault_plan *plan =
        plan_of("{\"name\":\"x\",\"fault\":\"corruptBody\",\"timesPerRange\":1}");
    struct fault_facts facts = put_page;
    struct fault fault;

    for (uint64_t offset = 0; offset < 1000 * 512; offset += 512) {
        facts.range_offset = offset;
        facts.blob = "disk";
        cr_assert(fault_plan_next(plan, &facts, &fault));
        cr_assert_not(fault_plan_next(plan, &facts, &fault));
        facts.blob = "other";
        cr_assert(fault_plan_next(plan, &facts, &fault));
        cr_assert_not(fault_plan_next(plan, &facts, &fault));
    }
    fault_plan_free(plan);
}

Test(faults, matches_only_what_it_names)
{
    static const struct {
        const char *match;
        bool hit;
    } rows[] = {
        {"{}", true},
        {"{\"method\":\"PUT\",\"verb\":\"Put Page\",\"comp\":\"page\",\"account\":\"acct\","
         "\"container\":\"c\",\"blob\":\"disk\",\"snapshot\":false}",
         true},
        {"{\"method\":\"GET\"}", false},
        {"{\"verb\":\"Put\"}", false},
        {"{\"comp\":\"\"}", false},
        {"{\"comp\":\"pagelist\"}", false},
        {"{\"blob\":\"dis\"}", false},
        {"{\"snapshot\":true}", false},
        {"{\"range\":[0,4095]}", false},
        {"{\"range\":[0,4096]}", true},
        {"{\"range\":[4607,9999]}", true},
        {"{\"range\":[4608,9999]}", false},
        {"{\"range\":[4200,4201]}", true},
        {"{\"range\":[0,99999]}", true},
    };
    char rule[400];
    struct fault fault;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fault_plan *plan;

        snprintf(rule, sizeof rule, "{\"fault\":\"reset\",\"match\":%s}", rows[i].match);
        plan = plan_of(rule);
        cr_assert_eq(fault_plan_next(plan, &put_page, &fault), rows[i].hit, "%s", rows[i].match);
        fault_plan_free(plan);
    }
}

Test(faults, gives_what_the_rule_says)
{
    struct fault_plan *plan =
        plan_of("{\"fault\":\"status\",\"status\":503,\"retryAfter\":7,\"nth\":1},"
                "{\"fault\":\"status\",\"status\":418,\"code\":\"Teapot\",\"nth\":2},"
                "{\"fault\":\"resetBody\",\"afterBytes\":1000,\"nth\":3},"
                "{\"fault\":\"stall\",\"ms\":250,\"nth\":4}");
    struct fault f;

    cr_assert(fault_plan_next(plan, &put_page, &f));
    cr_assert(f.kind == FAULT_STATUS && f.status == 503);
    cr_assert_str_eq(f.code, "ServerBusy");
    cr_assert_str_eq(f.retry_after, "7");
    cr_assert_str_eq(f.name, "status-1");
    cr_assert(fault_plan_next(plan, &put_page, &f));
    cr_assert_str_eq(f.code, "Teapot");
    cr_assert(fault_plan_next(plan, &put_page, &f));
    cr_assert(f.kind == FAULT_RESET_BODY && f.after_bytes == 1000);
    cr_assert(fault_plan_next(plan, &put_page, &f));
    cr_assert(f.kind == FAULT_STALL && f.delay_ms == 250);
    fault_plan_free(plan);
}

Test(faults, every_kind_can_be_named)
{
    char rule[200];

    for (int i = 0; i < FAULT_KINDS; i++) {
        snprintf(rule, sizeof rule,
                 "{\"fault\":\"%s\",\"status\":500,\"ms\":1,\"bytesPerSecond\":1,\"entries\":1}",
                 fault_kind_name((enum fault_kind)i));
        fault_plan_free(plan_of(rule));
    }
}

Test(faults, refuses_a_script_it_does_not_understand)
{
    static const char *const wrong[] = {
        "",
        "{}",
        "{\"seed\":1}",
        "{\"rules\":[]}",
        "{\"seed\":\"1\",\"rules\":[]}",
        "{\"seed\":1,\"rules\":[],\"more\":1}",
        "{\"seed\":1,\"rules\":[5]}",
        "{\"seed\":1,\"rules\":[{}]}",
        "{\"seed\":1,\"rules\":[{\"fault\":\"explode\"}]}",
        "{\"seed\":1,\"rules\":[{\"fault\":\"status\"}]}",
        "{\"seed\":1,\"rules\":[{\"fault\":\"status\",\"status\":200}]}",
        "{\"seed\":1,\"rules\":[{\"fault\":\"status\",\"status\":418}]}",
        "{\"seed\":1,\"rules\":[{\"fault\":\"drip\"}]}",
        "{\"seed\":1,\"rules\":[{\"fault\":\"late\"}]}",
        "{\"seed\":1,\"rules\":[{\"fault\":\"listShortPage\"}]}",
        "{\"seed\":1,\"rules\":[{\"fault\":\"listSwapPages\",\"entries\":0}]}",
        "{\"seed\":1,\"rules\":[{\"fault\":\"reset\",\"probability\":2}]}",
        "{\"seed\":1,\"rules\":[{\"fault\":\"reset\",\"nth\":0}]}",
        "{\"seed\":1,\"rules\":[{\"fault\":\"reset\",\"nth\":[]}]}",
        "{\"seed\":1,\"rules\":[{\"fault\":\"reset\",\"often\":1}]}",
        "{\"seed\":1,\"rules\":[{\"fault\":\"reset\",\"match\":{\"path\":\"x\"}}]}",
        "{\"seed\":1,\"rules\":[{\"fault\":\"reset\",\"match\":{\"range\":[5,4]}}]}",
        "{\"seed\":1,\"rules\":[{\"fault\":\"delay\",\"ms\":99999999}]}",
    };
    char why[300];

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        why[0] = '\0';
        cr_assert_null(fault_plan_parse(wrong[i], strlen(wrong[i]), why, sizeof why), "%s",
                       wrong[i]);
        cr_assert_str_not_empty(why);
    }
}
