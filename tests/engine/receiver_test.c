/* receiver_test.c - a sender's requests over HTTP: what is written, told, and refused. */
#include "engine/receiver.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/copy_case.h"
#include "tests/support/receiver_bench.h"

#define NAME   "client/disk"
#define SIZE   (4u << 20)
#define BLOCK  STREAM_BLOCK_BYTES
#define KIB(n) ((n)*1024u)

static unsigned char *some_bytes(size_t count, unsigned seed)
{
    unsigned char *bytes = malloc(count);

    cr_assert(bytes);
    endpoint_pattern_fill(seed, 0, 0, bytes, count);
    return bytes;
}

static void expect_bytes(const struct endpoint *ep, uint64_t offset, const void *bytes,
                         size_t count)
{
    cr_assert_eq(memcmp(endpoint_mem_bytes(ep) + offset, bytes, count), 0);
}

/* ---- What is no request of this protocol, or of this client ---- */

TEST_BOTH(receiver, without_a_certificate_no_name_is_anybodys)
{
    struct bench_sender sender = receiver_bench_sender(1);
    struct receiver_bench b;
    struct bench_ask ask;

    receiver_bench_begin(&b, backend);
    receiver_bench_mem(&b, NAME, SIZE);
    b.setup.any_peer = false;
    receiver_bench_restart(&b);
    for (unsigned verb = 0; verb < RELAY_VERBS; verb++) {
        cr_assert_eq(
            receiver_bench_ask(&b, &sender, &ask, (enum relay_verb)verb, NAME, NULL, "", 0), 403);
        cr_assert_eq(ask.refusal.kind, ERR_AUTH);
        receiver_bench_fini(&ask);
    }
    cr_assert_eq(b.opened, 0);
    receiver_bench_end(&b);
}

TEST_BOTH(receiver, a_change_without_a_sender_or_a_size_is_refused)
{
    struct bench_sender nobody = {0}, sender = receiver_bench_sender(1);
    struct receiver_bench b;
    struct bench_ask ask;

    receiver_bench_begin(&b, backend);
    receiver_bench_mem(&b, NAME, SIZE);
    cr_assert_eq(receiver_bench_ask(&b, &nobody, &ask, RELAY_SETUP, NAME, NULL, "{}", 2), 400);
    cr_assert(strstr(ask.refusal.text, RELAY_HEADER_SENDER) != NULL);
    receiver_bench_fini(&ask);
    cr_assert_eq(receiver_bench_ask(&b, &sender, &ask, RELAY_WRITE, NAME, NULL, "", 0), 400);
    cr_assert(strstr(ask.refusal.text, RELAY_HEADER_SIZE) != NULL);
    receiver_bench_fini(&ask);
    cr_assert_eq(receiver_bench_ask(&b, &sender, &ask, RELAY_SETUP, NAME, NULL, "{}", 2), 400);
    cr_assert_eq(ask.refusal.kind, ERR_CORRUPT);
    receiver_bench_fini(&ask);
    cr_assert_eq(receiver_bench_ask(&b, &sender, &ask, RELAY_STAT, "a/.b", NULL, NULL, 0), 404);
    receiver_bench_fini(&ask);
    cr_assert_eq(receiver_bench_ask(&b, &sender, &ask, RELAY_HAVE, NAME, NULL, "short", 5), 400);
    receiver_bench_fini(&ask);
    receiver_bench_end(&b);
}

/* ---- stat, setup, list, read ---- */

TEST_BOTH(receiver, tells_what_is_there)
{
    struct bench_sender sender = receiver_bench_sender(1);
    struct relay_nature nature = {0};
    struct stat_req stat = {0};
    struct receiver_bench b;
    struct bench_ask ask;
    struct err e = {0};

    receiver_bench_begin(&b, backend);
    receiver_bench_mem(&b, NAME, SIZE);
    cr_assert_eq(receiver_bench_ask(&b, &sender, &ask, RELAY_STAT, NAME, NULL, NULL, 0), 200);
    cr_assert(relay_stat_parse((char *)ask.answer, ask.answer_bytes, &stat, &nature, &e));
    cr_assert(stat.exists);
    cr_assert_eq(stat.size_bytes, SIZE);
    cr_assert(nature.capabilities & ENDPOINT_CAN_LEASE, "leases are everywhere");
    cr_assert_not(nature.capabilities & ENDPOINT_BUFFERS, "what is answered is durable");
    cr_assert_neq(ask.req.answer.request_id[0], '\0');
    receiver_bench_fini(&ask);
    receiver_bench_end(&b);
}

TEST_BOTH(receiver, makes_a_target_marks_it_and_takes_it_to_the_end)
{
    struct bench_sender sender = receiver_bench_sender(1);
    struct setup_req create = {.verb = SETUP_CREATE, .size_bytes = SIZE};
    struct setup_req mark = {.verb = SETUP_MARK};
    struct setup_req unlease = {.verb = SETUP_UNLEASE};
    unsigned char *bytes = some_bytes(KIB(256), 3);
    struct bench_batch batch;
    struct receiver_bench b;
    struct endpoint *ep;
    struct marker marker;
    uint32_t missing = 9;

    receiver_bench_begin(&b, backend);
    bench_batch_begin(&batch);
    ep = receiver_bench_mem(&b, NAME, 0);
    cr_assert_eq(receiver_bench_setup(&b, &sender, NAME, &create, NULL), 200);
    receiver_bench_open(&b, &sender, NAME, 1);
    bench_batch_zero(&batch, SIZE - 512, 512);
    bench_batch_data(&batch, KIB(64), bytes, KIB(256));
    cr_assert_eq(bench_batch_write(&b, &sender, NAME, &batch, &missing, NULL), 200);
    cr_assert_eq(missing, 0);
    expect_bytes(ep, KIB(64), bytes, KIB(256));
    marker = receiver_bench_marker(&sender, MARKER_COMPLETE);
    mark.marker = &marker;
    cr_assert_eq(receiver_bench_setup(&b, &sender, NAME, &mark, NULL), 200);
    unlease.lease_id = sender.lease;
    cr_assert_eq(receiver_bench_setup(&b, &sender, NAME, &unlease, NULL), 200);
    cr_assert_eq(endpoint_mem_marker(ep)->state, MARKER_COMPLETE);
    cr_assert_str_eq(endpoint_mem_marker(ep)->copy_uuid, sender.copy);
    cr_assert_eq(receiver_count(b.receiver)->written_bytes, KIB(256));
    free(bytes);
    bench_batch_end(&batch);
    receiver_bench_end(&b);
}

TEST_BOTH(receiver, reads_back_what_is_there_with_its_checksum)
{
    struct bench_sender sender = receiver_bench_sender(1);
    struct receiver_bench b;
    struct endpoint *ep;
    struct bench_ask ask;

    receiver_bench_begin(&b, backend);
    ep = receiver_bench_mem(&b, NAME, SIZE);
    copy_case_fill(ep, (struct extent){0, KIB(128)}, 5);
    cr_assert_eq(receiver_bench_ask(&b, &sender, &ask, RELAY_READ, NAME, "offset=512&length=65536",
                                    NULL, 0),
                 200);
    cr_assert_eq(ask.answer_bytes, KIB(64));
    expect_bytes(ep, 512, ask.answer, KIB(64));
    receiver_bench_fini(&ask);
    cr_assert_eq(receiver_bench_ask(&b, &sender, &ask, RELAY_READ, NAME, "offset=0&length=4194304",
                                    NULL, 0),
                 200);
    cr_assert_eq(ask.answer_bytes, SIZE);
    receiver_bench_fini(&ask);
    receiver_bench_end(&b);
}

TEST_BOTH(receiver, refuses_what_lies_outside_or_between_pages)
{
    static const char *const bad[] = {
        "offset=0&length=0",
        "offset=1&length=512",
        "offset=0&length=100",
        "offset=4194304&length=512",
        "offset=4193792&length=1024",
        "offset=-512&length=512",
        "offset=0",
        "length=512",
        "offset=0&length=18446744073709551615",
    };
    struct bench_sender sender = receiver_bench_sender(1);
    struct receiver_bench b;
    struct bench_ask ask;

    receiver_bench_begin(&b, backend);
    receiver_bench_mem(&b, NAME, SIZE);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(receiver_bench_ask(&b, &sender, &ask, RELAY_READ, NAME, bad[i], NULL, 0), 400,
                     "%s", bad[i]);
        cr_assert_eq(ask.refusal.kind, ERR_USAGE);
        receiver_bench_fini(&ask);
        cr_assert_eq(receiver_bench_ask(&b, &sender, &ask, RELAY_LIST, NAME, bad[i], NULL, 0), 400,
                     "%s", bad[i]);
        receiver_bench_fini(&ask);
    }
    receiver_bench_end(&b);
}

TEST_BOTH(receiver, a_long_list_comes_page_by_page_from_one_look)
{
    const uint64_t size = 32u << 20;
    struct bench_sender sender = receiver_bench_sender(1);
    struct extent_set all = {0};
    struct receiver_bench b;
    struct endpoint *ep;
    uint64_t at = 0, pages = 0;
    unsigned char page[512];

    receiver_bench_begin(&b, backend);
    ep = receiver_bench_mem(&b, NAME, size);
    memset(page, 7, sizeof page);
    for (uint64_t offset = 0; offset < size; offset += 2048) /* 16384 extents */
        endpoint_mem_poke(ep, offset, page, sizeof page);
    while (at < size) {
        struct list_req list = {.within = {at, size - at}, .out_data = &all};
        char query[80];
        struct bench_ask ask;
        struct err e = {0};

        snprintf(query, sizeof query, "offset=%llu&length=%llu", (unsigned long long)at,
                 (unsigned long long)(size - at));
        cr_assert_eq(receiver_bench_ask(&b, &sender, &ask, RELAY_LIST, NAME, query, NULL, 0), 200);
        cr_assert(relay_list_parse((char *)ask.answer, ask.answer_bytes, &list, &at, &e), "%s",
                  e.text);
        receiver_bench_fini(&ask);
        pages++;
    }
    cr_assert_eq(pages, 2);
    cr_assert(extent_set_equal(&all, endpoint_mem_allocated(ep)));
    cr_assert_eq(endpoint_mem_traffic(ep)->lists_count, 1);
    extent_set_fini(&all);
    receiver_bench_end(&b);
}

TEST_BOTH(receiver, lists_a_difference_by_time_and_never_by_url)
{
    struct bench_sender sender = receiver_bench_sender(1);
    struct setup_req snapshot = {.verb = SETUP_SNAPSHOT};
    struct extent_set data = {0}, clears = {0};
    struct receiver_bench b;
    struct setup_req got = {0};
    struct endpoint *ep;
    struct bench_ask ask;
    struct err e = {0};
    uint64_t up_to;
    char query[160];
    char *json = relay_setup_json(&snapshot);
    struct list_req list = {
        .within = {0, SIZE}, .since = "x", .out_data = &data, .out_clears = &clears};

    receiver_bench_begin(&b, backend);
    ep = receiver_bench_mem(&b, NAME, SIZE);
    copy_case_fill(ep, (struct extent){0, KIB(64)}, 5);
    cr_assert_eq(receiver_bench_ask(&b, &sender, &ask, RELAY_SETUP, NAME, NULL, json, strlen(json)),
                 200);
    cr_assert(relay_setup_answer_parse((char *)ask.answer, ask.answer_bytes, &got, &e));
    receiver_bench_fini(&ask);
    copy_case_fill(ep, (struct extent){KIB(128), KIB(64)}, 6);
    endpoint_mem_poke_clear(ep, (struct extent){0, 512});
    snprintf(query, sizeof query, "offset=0&length=%u&since=%s", SIZE, got.out_snapshot);
    cr_assert_eq(receiver_bench_ask(&b, &sender, &ask, RELAY_LIST, NAME, query, NULL, 0), 200);
    cr_assert(relay_list_parse((char *)ask.answer, ask.answer_bytes, &list, &up_to, &e), "%s",
              e.text);
    receiver_bench_fini(&ask);
    cr_assert_eq(data.total_bytes, KIB(64));
    cr_assert_eq(clears.total_bytes, 512);
    cr_assert_eq(receiver_bench_ask(&b, &sender, &ask, RELAY_LIST, NAME,
                                    "offset=0&length=512&since=http%3A%2F%2Fh%2Fb", NULL, 0),
                 400);
    receiver_bench_fini(&ask);
    free(json);
    extent_set_fini(&data);
    extent_set_fini(&clears);
    receiver_bench_end(&b);
}
