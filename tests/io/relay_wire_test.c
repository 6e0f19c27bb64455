/* relay_wire_test.c - what one end of a relay writes the other reads as it was; all else is refused. */
#include "io/relay_wire.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UUID "0f8fad5b-d9cb-469f-a165-70867728950e"

static void expect_refused(const struct err *e, enum err_kind kind, const char *words)
{
    cr_assert_eq(e->kind, kind, "%s", e->text);
    cr_assert(strstr(e->text, words) != NULL, "'%s' does not say '%s'", e->text, words);
}

/* ---- Names and paths ---- */

Test(relay_wire, takes_names_within_the_rules)
{
    char name[RELAY_NAME_MAX_BYTES + 2];

    cr_assert(relay_name_ok("client/disk-1.vhd"));
    cr_assert(relay_name_ok("a"));
    cr_assert(relay_name_ok("a/b/c/d/e/f/g/H_9"));
    cr_assert(relay_name_ok("a/b..c"));
    memset(name, 'x', sizeof name);
    name[RELAY_NAME_MAX_BYTES] = '\0';
    cr_assert(relay_name_ok(name));
    name[RELAY_NAME_MAX_BYTES] = 'x';
    name[RELAY_NAME_MAX_BYTES + 1] = '\0';
    cr_assert_not(relay_name_ok(name));
}

Test(relay_wire, a_scratch_is_told_by_its_last_segment)
{
    cr_assert(relay_name_is_scratch("client/snapferry-bench-0"));
    cr_assert(relay_name_is_scratch("client/x/snapferry-bench-"));
    cr_assert_not(relay_name_is_scratch("client/snapferry-bench"));
    cr_assert_not(relay_name_is_scratch("client/snapferry-bench-0/disk"));
    cr_assert_not(relay_name_is_scratch("snapferry-bench-0")); /* a client's whole place */
    cr_assert_not(relay_name_is_scratch("client/my-snapferry-bench-0"));
}

Test(relay_wire, refuses_names_that_leave_their_place)
{
    static const char *const bad[] = {"",
                                      "/",
                                      "/a",
                                      "a/",
                                      "a//b",
                                      "..",
                                      "a/..",
                                      "a/../b",
                                      ".hidden",
                                      "a/.b",
                                      "a b",
                                      "a\\b",
                                      "a%2fb",
                                      "a\nb",
                                      "\xc3\xa9",
                                      "a:b",
                                      "a?b",
                                      "a#b",
                                      "a*",
                                      "a~",
                                      ".snapferry",
                                      "a.snapferry",
                                      "d.snapferry/x",
                                      "d.snapferry.7.new",
                                      "a/b/c/d/e/f/g/h/i"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(relay_name_ok(bad[i]), "%s", bad[i]);
}

Test(relay_wire, parts_paths_into_verb_and_name)
{
    enum relay_verb verb = RELAY_VERBS;
    const char *name = NULL;
    char path[256];

    for (unsigned i = 0; i < RELAY_VERBS; i++) {
        snprintf(path, sizeof path, "/v1/%s/c/d.vhd", relay_verb_name((enum relay_verb)i));
        cr_assert(relay_path_parse(path, &verb, &name));
        cr_assert_eq(verb, i);
        cr_assert_str_eq(name, "c/d.vhd");
    }
    cr_assert_not(relay_path_parse("/v2/stat/c", &verb, &name));
    cr_assert_not(relay_path_parse("/v1/stats/c", &verb, &name));
    cr_assert_not(relay_path_parse("/v1/stat", &verb, &name));
    cr_assert_not(relay_path_parse("/v1/stat/", &verb, &name));
    cr_assert_not(relay_path_parse("/v1/stat/../c", &verb, &name));
    cr_assert_not(relay_path_parse("v1/stat/c", &verb, &name));
    cr_assert_not(relay_path_parse("", &verb, &name));
}

Test(relay_wire, a_name_belongs_to_its_first_segment_whole)
{
    cr_assert(relay_name_belongs("acme/d", "acme"));
    cr_assert(relay_name_belongs("acme", "acme"));
    cr_assert_not(relay_name_belongs("acme2/d", "acme"));
    cr_assert_not(relay_name_belongs("acm/d", "acme"));
    cr_assert_not(relay_name_belongs("acme/d", ""));
    cr_assert_not(relay_name_belongs("acme/d", "acme/d"));
    cr_assert_not(relay_name_belongs("Acme/d", "acme"));
}

Test(relay_wire, numbers_are_digits_within_a_bound)
{
    uint64_t n = 7;

    cr_assert(relay_number_parse("18446744073709551615", UINT64_MAX, &n));
    cr_assert_eq(n, UINT64_MAX);
    cr_assert(relay_number_parse("0", 0, &n));
    cr_assert_eq(n, 0);
    cr_assert_not(relay_number_parse("18446744073709551616", UINT64_MAX, &n));
    cr_assert_not(relay_number_parse("6", 5, &n));
    cr_assert_not(relay_number_parse("", 5, &n));
    cr_assert_not(relay_number_parse("-1", 5, &n));
    cr_assert_not(relay_number_parse("1 ", 5, &n));
    cr_assert_not(relay_number_parse("0x1", 5, &n));
}

Test(relay_wire, knows_a_uuid)
{
    cr_assert(relay_uuid_ok(UUID));
    cr_assert_not(relay_uuid_ok(""));
    cr_assert_not(relay_uuid_ok(UUID "0"));
    cr_assert_not(relay_uuid_ok("0f8fad5b+d9cb-469f-a165-70867728950e"));
    cr_assert_not(relay_uuid_ok("zf8fad5b-d9cb-469f-a165-70867728950e"));
}

/* ---- Stat ---- */

static struct marker full_marker(void)
{
    struct marker m = {.state = MARKER_COMPLETE,
                       .size_bytes = 512 * 7,
                       .footer = MARKER_FOOTER_VHD};

    snprintf(m.copy_uuid, sizeof m.copy_uuid, "%s", UUID);
    snprintf(m.source, sizeof m.source, "https://h/p q?\"\xc3\xa9%%\n");
    snprintf(m.root, sizeof m.root, "sha256:%064d", 1);
    snprintf(m.base_root, sizeof m.base_root, "sha256:%064d", 2);
    snprintf(m.delta, sizeof m.delta, "sha256:%064d", 3);
    return m;
}

static void expect_same_marker(const struct marker *a, const struct marker *b)
{
    cr_assert_eq(a->state, b->state);
    cr_assert_eq(a->size_bytes, b->size_bytes);
    cr_assert_eq(a->footer, b->footer);
    cr_assert_str_eq(a->copy_uuid, b->copy_uuid);
    cr_assert_str_eq(a->source, b->source);
    cr_assert_str_eq(a->root, b->root);
    cr_assert_str_eq(a->base_root, b->base_root);
    cr_assert_str_eq(a->delta, b->delta);
}

Test(relay_wire, a_stat_arrives_as_it_was_sent)
{
    struct stat_req sent = {.exists = true, .size_bytes = 1ull << 45, .marker_is_older = true};
    struct relay_nature nature = {.align_bytes = 4096,
                                  .request_cost_bytes = 125952,
                                  .clear_max_bytes = UINT64_MAX,
                                  .capabilities = (1u << 14) - 1};
    struct stat_req got = {0};
    struct relay_nature got_nature = {0};
    struct err e = {0};
    char *json;

    snprintf(sent.etag, sizeof sent.etag, "\"0x8D\"");
    snprintf(sent.last_modified, sizeof sent.last_modified, "Sat, 21 Nov 2026 10:00:00 GMT");
    sent.marker = full_marker();
    json = relay_stat_json(&sent, &nature);
    cr_assert(relay_stat_parse(json, strlen(json), &got, &got_nature, &e), "%s", e.text);
    free(json);
    cr_assert(got.exists && got.marker_is_older);
    cr_assert_eq(got.size_bytes, sent.size_bytes);
    cr_assert_str_eq(got.etag, sent.etag);
    cr_assert_str_eq(got.last_modified, sent.last_modified);
    expect_same_marker(&got.marker, &sent.marker);
    cr_assert_eq(got_nature.align_bytes, nature.align_bytes);
    cr_assert_eq(got_nature.clear_max_bytes, UINT64_MAX);
    cr_assert_eq(got_nature.request_cost_bytes, nature.request_cost_bytes);
    cr_assert_eq(got_nature.capabilities, nature.capabilities);
}

Test(relay_wire, an_absent_target_arrives_without_marker)
{
    struct stat_req sent = {0}, got = {.marker = full_marker()};
    struct relay_nature nature = {.align_bytes = 512, .clear_max_bytes = 4u << 20};
    struct err e = {0};
    char *json = relay_stat_json(&sent, &nature);

    cr_assert(relay_stat_parse(json, strlen(json), &got, &nature, &e), "%s", e.text);
    free(json);
    cr_assert_not(got.exists);
    cr_assert_eq(got.marker.state, MARKER_NONE);
    cr_assert_eq(nature.clear_max_bytes, 4u << 20);
    cr_assert_eq(nature.capabilities, 0);
}

#define STAT(exists, size, align, clear, marker)                                                   \
    "{\"exists\":" exists ",\"sizeBytes\":" size ",\"etag\":\"\",\"lastModified\":\"\","           \
    "\"marker\":" marker ",\"markerIsOlder\":false,\"alignBytes\":" align                          \
    ",\"clearMaxBytes\":" clear ",\"requestCostBytes\":0,\"capabilities\":[\"list\",\"new\"]}"

Test(relay_wire, refuses_a_stat_that_cannot_be)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        STAT("true", "513", "512", "null", "null"),
        STAT("true", "-512", "512", "null", "null"),
        STAT("true", "9223372036854775807", "512", "null", "null"),
        STAT("true", "1e3", "512", "null", "null"),
        STAT("false", "512", "512", "null", "null"),
        STAT("1", "512", "512", "null", "null"),
        STAT("true", "512", "0", "null", "null"),
        STAT("true", "512", "1536", "null", "null"),
        STAT("true", "512", "8388608", "null", "null"),
        STAT("true", "512", "4096", "512", "null"),
        STAT("true", "512", "512", "-1", "null"),
        STAT("true", "512", "512", "null", "7"),
        STAT("true", "512", "512", "null", "{\"snapferry_state\":\"done\"}"),
        STAT("true", "512", "512", "null", "{\"snapferry_state\":\"complete\"}"),
        STAT("true", "512", "512", "null", "{\"snapferry_state\":7}"),
        STAT("true", "512,\"sizeBytes\":512", "512", "null", "null"),
    };
    struct stat_req stat = {0};
    struct relay_nature nature = {0};
    const char *good = STAT("true", "512", "512", "512", "{\"other\":\"x\"}");
    struct err e = {0};

    cr_assert(relay_stat_parse(good, strlen(good), &stat, &nature, &e), "%s", e.text);
    cr_assert_eq(nature.capabilities, ENDPOINT_CAN_LIST); /* what we do not know we cannot use */
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        e = (struct err){0};
        cr_assert_not(relay_stat_parse(bad[i], strlen(bad[i]), &stat, &nature, &e), "%s", bad[i]);
        cr_assert_eq(e.kind, ERR_CORRUPT);
    }
    cr_assert_eq(stat.size_bytes, 512, "a refusal leaves no trace");
}

/* ---- Setup ---- */

static struct relay_setup over_the_wire(const struct setup_req *req, struct relay_setup *got)
{
    struct err e = {0};
    char *json = relay_setup_json(req);

    cr_assert(relay_setup_parse(json, strlen(json), got, &e), "%s: %s", json, e.text);
    free(json);
    return *got;
}

Test(relay_wire, a_setup_arrives_with_all_it_needs)
{
    struct marker marker = full_marker();
    struct setup_req mark = {.verb = SETUP_MARK, .marker = &marker, .expect_etag = "\"e\""};
    struct setup_req create = {.verb = SETUP_CREATE, .size_bytes = 1ull << 40};
    struct setup_req lease = {.verb = SETUP_LEASE, .lease_id = UUID};
    struct setup_req fence = {.verb = SETUP_FENCE};
    struct setup_req removal = {.verb = SETUP_REMOVE, .marker = &marker};
    struct relay_setup *got = malloc(sizeof *got);

    cr_assert(got);
    over_the_wire(&mark, got);
    cr_assert_eq(got->req.verb, SETUP_MARK);
    cr_assert_str_eq(got->req.expect_etag, "\"e\"");
    expect_same_marker(got->req.marker, &marker);
    cr_assert_null(got->req.lease_id);
    over_the_wire(&create, got);
    cr_assert_eq(got->req.verb, SETUP_CREATE);
    cr_assert_eq(got->req.size_bytes, 1ull << 40);
    cr_assert_null(got->req.marker);
    cr_assert_null(got->req.expect_etag);
    over_the_wire(&lease, got);
    cr_assert_str_eq(got->req.lease_id, UUID);
    over_the_wire(&fence, got);
    cr_assert_eq(got->req.verb, SETUP_FENCE);
    over_the_wire(&removal, got);
    cr_assert_eq(got->req.verb, SETUP_REMOVE);
    expect_same_marker(got->req.marker, &marker);
    free(got);
}

Test(relay_wire, refuses_a_setup_that_no_endpoint_would_take)
{
    static const struct {
        const char *json, *words;
    } bad[] = {
        {"{\"verb\":\"erase\",\"sizeBytes\":0}", "verb"},
        {"{\"verb\":\"expect\",\"sizeBytes\":0}", "verb"},
        {"{\"sizeBytes\":0}", "verb"},
        {"{\"verb\":\"mark\",\"sizeBytes\":0}", "marker"},
        {"{\"verb\":\"remove\",\"sizeBytes\":0}", "marker"},
        {"{\"verb\":\"lease\",\"sizeBytes\":0}", "leaseId"},
        {"{\"verb\":\"unlease\",\"sizeBytes\":0,\"leaseId\":\"mine\"}", "UUID"},
        {"{\"verb\":\"create\",\"sizeBytes\":0}", "sizeBytes"},
        {"{\"verb\":\"resize\",\"sizeBytes\":100}", "sizeBytes"},
        {"{\"verb\":\"fence\"}", "sizeBytes"},
        {"{\"verb\":\"fence\",\"sizeBytes\":0", "no JSON"},
    };
    struct relay_setup *got = malloc(sizeof *got);

    cr_assert(got);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err e = {0};

        cr_assert_not(relay_setup_parse(bad[i].json, strlen(bad[i].json), got, &e));
        expect_refused(&e, ERR_CORRUPT, bad[i].words);
    }
    free(got);
}

Test(relay_wire, the_answer_to_a_setup_arrives)
{
    struct setup_req sent = {.verb = SETUP_SNAPSHOT}, got = {.verb = SETUP_SNAPSHOT};
    struct err e = {0};
    char *json;

    snprintf(sent.out_etag, sizeof sent.out_etag, "\"0x1\"");
    snprintf(sent.out_snapshot, sizeof sent.out_snapshot, "2026-11-21T10:00:00.0000000Z");
    json = relay_setup_answer_json(&sent);
    cr_assert(relay_setup_answer_parse(json, strlen(json), &got, &e));
    free(json);
    cr_assert_str_eq(got.out_etag, sent.out_etag);
    cr_assert_str_eq(got.out_snapshot, sent.out_snapshot);
}

/* ---- List ---- */

Test(relay_wire, pages_of_a_list_add_up)
{
    struct extent_set data = {0}, clears = {0}, got_data = {0}, got_clears = {0};
    struct list_req sent = {.out_data = &data, .out_clears = &clears, .size_bytes = 1u << 20};
    struct list_req got = {
        .within = {0, 1u << 20}, .since = "s", .out_data = &got_data, .out_clears = &got_clears};
    struct err e = {0};
    uint64_t up_to = 0;
    char *json;

    extent_set_append(&data, (struct extent){0, 1024});
    extent_set_append(&data, (struct extent){4096, 512});
    extent_set_append(&clears, (struct extent){1024, 512});
    json = relay_list_json(&sent, 8192);
    cr_assert(relay_list_parse(json, strlen(json), &got, &up_to, &e), "%s", e.text);
    free(json);
    cr_assert_eq(up_to, 8192);
    cr_assert(extent_set_equal(&data, &got_data) && extent_set_equal(&clears, &got_clears));
    extent_set_clear(&data);
    extent_set_clear(&clears);
    extent_set_append(&data, (struct extent){8192, 512});
    json = relay_list_json(&sent, 1u << 20);
    cr_assert(relay_list_parse(json, strlen(json), &got, &up_to, &e), "%s", e.text);
    /* The same page again would go back behind what was taken. */
    cr_assert_not(relay_list_parse(json, strlen(json), &got, &up_to, &e));
    free(json);
    cr_assert_eq(got_data.count, 3);
    extent_set_fini(&data);
    extent_set_fini(&clears);
    extent_set_fini(&got_data);
    extent_set_fini(&got_clears);
}

Test(relay_wire, refuses_lists_out_of_order_or_bounds)
{
    static const char *const bad[] = {
        "{\"sizeBytes\":8192,\"upTo\":8192,\"data\":[[512,512],[0,512]],\"clears\":[]}",
        "{\"sizeBytes\":8192,\"upTo\":8192,\"data\":[[0,1024],[512,512]],\"clears\":[]}",
        "{\"sizeBytes\":8192,\"upTo\":8192,\"data\":[[0,100]],\"clears\":[]}",
        "{\"sizeBytes\":8192,\"upTo\":8192,\"data\":[[0,0]],\"clears\":[]}",
        "{\"sizeBytes\":8192,\"upTo\":8192,\"data\":[[7680,1024]],\"clears\":[]}",
        "{\"sizeBytes\":4096,\"upTo\":8192,\"data\":[[4096,512]],\"clears\":[]}",
        "{\"sizeBytes\":8192,\"upTo\":4096,\"data\":[[4096,512]],\"clears\":[]}",
        "{\"sizeBytes\":8192,\"upTo\":16384,\"data\":[],\"clears\":[]}",
        "{\"sizeBytes\":8192,\"upTo\":100,\"data\":[],\"clears\":[]}",
        "{\"sizeBytes\":8192,\"upTo\":8192,\"data\":[[0,512]],\"clears\":[[0,512]]}",
        "{\"sizeBytes\":8192,\"upTo\":8192,\"data\":[[0]],\"clears\":[]}",
        "{\"sizeBytes\":8192,\"upTo\":8192,\"data\":[[0,4611686018427387904]],\"clears\":[]}",
        "{\"sizeBytes\":8192,\"upTo\":8192,\"data\":7,\"clears\":[]}",
        "{\"sizeBytes\":8192,\"upTo\":8192,\"data\":[]}",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct extent_set data = {0}, clears = {0};
        struct list_req list = {
            .within = {0, 8192}, .since = "s", .out_data = &data, .out_clears = &clears};
        struct err e = {0};
        uint64_t up_to = 0;

        cr_assert_not(relay_list_parse(bad[i], strlen(bad[i]), &list, &up_to, &e), "%s", bad[i]);
        cr_assert_eq(e.kind, ERR_CORRUPT);
        cr_assert_eq(data.count + clears.count, 0, "a refused page leaves no trace");
    }
}

Test(relay_wire, refuses_clears_that_nobody_asked_for)
{
    const char *json = "{\"sizeBytes\":8192,\"upTo\":8192,\"data\":[],\"clears\":[[0,512]]}";
    struct extent_set data = {0};
    struct list_req list = {.within = {0, 8192}, .out_data = &data};
    struct err e = {0};
    uint64_t up_to = 0;

    cr_assert_not(relay_list_parse(json, strlen(json), &list, &up_to, &e));
    expect_refused(&e, ERR_CORRUPT, "clears");
}

/* ---- Missing ---- */

Test(relay_wire, what_is_missing_arrives)
{
    struct relay_missing *sent = calloc(RELAY_MISSING_MAX, sizeof *sent);
    struct relay_missing *got = calloc(RELAY_MISSING_MAX, sizeof *got);
    struct err e = {0};
    uint32_t count = 7;
    char *json = relay_missing_json(NULL, 0);

    cr_assert(sent && got);
    cr_assert(relay_missing_parse(json, strlen(json), got, RELAY_MISSING_MAX, &count, &e));
    cr_assert_eq(count, 0);
    free(json);
    for (uint32_t i = 0; i < RELAY_MISSING_MAX; i++)
        sent[i] = (struct relay_missing){i / 4, i % 4096};
    json = relay_missing_json(sent, RELAY_MISSING_MAX);
    cr_assert_leq(strlen(json), RELAY_JSON_MAX_BYTES);
    cr_assert(relay_missing_parse(json, strlen(json), got, RELAY_MISSING_MAX, &count, &e));
    cr_assert_eq(count, RELAY_MISSING_MAX);
    cr_assert_arr_eq(sent, got, RELAY_MISSING_MAX * sizeof *sent);
    cr_assert_not(relay_missing_parse(json, strlen(json), got, RELAY_MISSING_MAX - 1, &count, &e));
    free(json);
    free(sent);
    free(got);
}

/* A service's headers may hold any byte; what cannot be told must not end the receiver of all. */
Test(relay_wire, tells_what_no_text_can_hold_as_question_marks)
{
    struct relay_nature nature = {.align_bytes = 512, .clear_max_bytes = 512};
    struct stat_req stat = {.exists = true, .size_bytes = 512, .etag = "\"\xff\"\x1b"}, got = {0};
    struct setup_req setup = {.out_etag = "\xc3", .out_snapshot = "\x80"}, told = {0};
    struct err e = {0};
    char *json = relay_stat_json(&stat, &nature);

    cr_assert(relay_stat_parse(json, strlen(json), &got, &nature, &e), "%s", e.text);
    cr_assert_str_eq(got.etag, "\"?\"?");
    free(json);
    json = relay_setup_answer_json(&setup);
    cr_assert(relay_setup_answer_parse(json, strlen(json), &told, &e), "%s", e.text);
    cr_assert_str_eq(told.out_etag, "?");
    cr_assert_str_eq(told.out_snapshot, "?");
    free(json);
}
