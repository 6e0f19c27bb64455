/* verify_finding_test.c - what a child says of a comparison, and what is made of it. */
#include "tools/controld/verify_finding.h"

#include <criterion/criterion.h>
#include <string.h>

#define ROOT_A "sha256:b901a3efb994231f55767788e0384c484a71e52855ded90f891f2eb4aafbd1e4"
#define ROOT_B "sha256:0000000000000000000000000000000000000000000000000000000000000000"

#define EQUAL                                                                                      \
    "{\"event\":\"summary\",\"equal\":true,\"comparedBytes\":4096,\"resumedBytes\":512,"           \
    "\"differentBytes\":0,\"differentRanges\":0,\"root\":\"" ROOT_A "\",\"seconds\":1.5}"
#define DIFFERENT                                                                                  \
    "{\"event\":\"summary\",\"equal\":false,\"comparedBytes\":4096,\"differentBytes\":1024,"       \
    "\"differentRanges\":2,\"differentRangesCut\":false,\"root\":\"" ROOT_A "\"}"
#define RANGE_1 "{\"event\":\"difference\",\"offset\":512,\"length\":512}"
#define RANGE_2 "{\"event\":\"difference\",\"offset\":8192,\"length\":512}"
#define COPIED  "{\"event\":\"summary\",\"mode\":\"full\",\"readBytes\":777,\"root\":\"" ROOT_A "\"}"

#define EXITED(code) ((code) << 8)
#define KILLED(sig)  (sig)

static struct verify_finding f;
static char sentence[VERIFY_SENTENCE_MAX_BYTES];

static void hear(enum verify_against against, const char *kept, const char *const *lines,
                 size_t count, int status)
{
    verify_finding_begin(&f, against, kept);
    for (size_t i = 0; i < count; i++)
        verify_finding_hear(&f, lines[i]);
    verify_finding_end(&f, status);
    verify_finding_sentence(&f, sentence);
}

#define HEAR(against, kept, status, ...)                                                           \
    hear((against), (kept), (const char *const[]){__VA_ARGS__},                                    \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), (status))

/* NULL: there must be none. */
static void expect_member(const char *name, json_t *wanted)
{
    json_t *told = verify_finding_json(&f), *member = json_object_get(told, name);

    cr_assert(wanted ? json_equal(member, wanted) : !member, "%s", name);
    json_decref(wanted);
    json_decref(told);
}

Test(verify_finding, both_are_equal)
{
    HEAR(VERIFY_AGAINST_SOURCE, NULL, EXITED(0),
         "{\"event\":\"progress\",\"completionPercent\":40.5,\"durableBytes\":99}", EQUAL);
    cr_assert_eq(f.outcome, VERIFY_EQUAL);
    cr_assert_eq(f.percent, 40.5);
    cr_assert_eq(f.moved_bytes, 99);
    cr_assert_str_eq(f.root, ROOT_A);
    expect_member("outcome", json_string("equal"));
    expect_member("against", json_string("source"));
    expect_member("comparedBytes", json_integer(4608));
    expect_member("seconds", json_real(1.5));
    expect_member("message", NULL);
}

Test(verify_finding, the_first_range_that_differs_is_told)
{
    HEAR(VERIFY_AGAINST_SOURCE, NULL, EXITED(4), RANGE_1, RANGE_2, DIFFERENT);
    cr_assert_eq(f.outcome, VERIFY_DIFFERENT);
    expect_member("firstDifference", json_pack("{s:i, s:i}", "offset", 512, "length", 512));
    expect_member("differentRanges", json_integer(2));
    cr_assert(strstr(sentence, "1024 bytes in 2 ranges, the first at offset 512, 512 bytes long"),
              "%s", sentence);
}

Test(verify_finding, sizes_may_be_all_that_differs)
{
    HEAR(VERIFY_AGAINST_SOURCE, NULL, EXITED(4),
         "{\"event\":\"summary\",\"equal\":false,\"sizesDiffer\":true}");
    cr_assert_eq(f.outcome, VERIFY_DIFFERENT);
    expect_member("sizesDiffer", json_true());
    expect_member("firstDifference", NULL);
    cr_assert(strstr(sentence, "in size"), "%s", sentence);
}

Test(verify_finding, two_that_are_alike_and_not_what_was_copied_are_different)
{
    HEAR(VERIFY_AGAINST_SOURCE, ROOT_B, EXITED(0), EQUAL);
    cr_assert_eq(f.outcome, VERIFY_DIFFERENT);
    expect_member("expectedRoot", json_string(ROOT_B));
    cr_assert(strstr(sentence, "neither is what was copied"), "%s", sentence);
    HEAR(VERIFY_AGAINST_SOURCE, ROOT_A, EXITED(0), EQUAL);
    cr_assert_eq(f.outcome, VERIFY_EQUAL);
}

Test(verify_finding, a_digest_is_compared_where_there_is_no_source)
{
    HEAR(VERIFY_AGAINST_ROOT, ROOT_A, EXITED(0), COPIED);
    cr_assert_eq(f.outcome, VERIFY_EQUAL);
    expect_member("comparedBytes", json_integer(777));
    expect_member("against", json_string("root"));
    expect_member("differentRanges", NULL);
    HEAR(VERIFY_AGAINST_ROOT, ROOT_B, EXITED(0), COPIED);
    cr_assert_eq(f.outcome, VERIFY_DIFFERENT);
    expect_member("expectedRoot", json_string(ROOT_B));
    cr_assert(strstr(sentence, "not what was copied"), "%s", sentence);
}

/* None of these may be taken for an answer. */
Test(verify_finding, what_does_not_say_that_it_is_equal_has_found_nothing)
{
    static const struct {
        const char *line;
        int status;
    } odd[] = {
        {"", EXITED(0)},
        {"equal", EXITED(0)},
        {"[]", EXITED(0)},
        {"{\"event\":\"summary\"}", EXITED(0)},
        {"{\"event\":\"summary\",\"equal\":\"true\"}", EXITED(0)},
        {"{\"event\":\"summary\",\"equal\":1}", EXITED(0)},
        {"{\"event\":\"end\",\"exit\":0}", EXITED(0)},
        {EQUAL, EXITED(1)},
        {EQUAL, EXITED(3)},
        {EQUAL, EXITED(4)},
        {EQUAL, KILLED(9)},
        {DIFFERENT, EXITED(0)},
        {RANGE_1, EXITED(4)},
    };

    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        HEAR(VERIFY_AGAINST_SOURCE, NULL, odd[i].status, odd[i].line);
        cr_assert_eq(f.outcome, VERIFY_UNFINISHED, "%s", odd[i].line);
        cr_assert(f.trouble[0]);
        expect_member("outcome", json_string("unfinished"));
        expect_member("comparedBytes", NULL);
    }
    HEAR(VERIFY_AGAINST_ROOT, NULL, EXITED(0), COPIED);
    cr_assert_eq(f.outcome, VERIFY_UNFINISHED, "nothing to compare with");
    HEAR(VERIFY_AGAINST_ROOT, ROOT_A, EXITED(0), "{\"event\":\"summary\",\"root\":\"sha256:1\"}");
    cr_assert_eq(f.outcome, VERIFY_UNFINISHED, "that is no root");
    HEAR(VERIFY_AGAINST_ROOT, ROOT_A, EXITED(3), COPIED);
    cr_assert_eq(f.outcome, VERIFY_UNFINISHED, "it did not end well");
}

Test(verify_finding, says_why_it_could_not_be_found_out)
{
    HEAR(VERIFY_AGAINST_SOURCE, NULL, EXITED(1),
         "{\"event\":\"state\",\"level\":\"Info\",\"displayStatus\":\"inProgress\"}",
         "{\"event\":\"state\",\"level\":\"Error\",\"displayStatus\":\"the target is away\"}");
    cr_assert(strstr(sentence, "could not be verified: the target is away"), "%s", sentence);
    HEAR(VERIFY_AGAINST_SOURCE, NULL, KILLED(9), "");
    cr_assert(strstr(sentence, "signal 9"), "%s", sentence);
    verify_finding_fail(&f, "no memory");
    verify_finding_sentence(&f, sentence);
    cr_assert(strstr(sentence, "no memory"), "%s", sentence);
}

Test(verify_finding, a_snapshot_that_is_gone_is_a_difference)
{
    verify_finding_begin(&f, VERIFY_AGAINST_SOURCE, NULL);
    verify_finding_miss(&f);
    verify_finding_sentence(&f, sentence);
    cr_assert_eq(f.outcome, VERIFY_DIFFERENT);
    expect_member("missing", json_true());
    cr_assert(strstr(sentence, "not in its region any more"), "%s", sentence);
}

Test(verify_finding, numbers_out_of_range_are_none)
{
    HEAR(VERIFY_AGAINST_SOURCE, NULL, EXITED(4),
         "{\"event\":\"progress\",\"completionPercent\":1e300,\"durableBytes\":-5}",
         "{\"event\":\"difference\",\"offset\":-512,\"length\":-1}", DIFFERENT);
    cr_assert_eq(f.percent, 100);
    cr_assert_eq(f.moved_bytes, 0);
    cr_assert_eq(f.first_length, 0);
    expect_member("firstDifference", NULL);
}
