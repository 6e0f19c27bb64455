/* delta_order_test.c - a delta's digest does not depend on the order in which its records come. */
#include "engine/delta_order.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/page_model.h"

#define DISK_BYTES (1ull << 40)
#define RECORDS    500u

static struct extent extent_of(uint64_t number)
{
    struct extent e = {number * 65536, 512 + number % 64 * 512};

    return e;
}

/* Every seventh record is a clear. */
static struct block_hash hash_of(uint64_t number)
{
    struct block_hash hash = {{0}};

    if (number % 7)
        hash = digest_bytes(&number, sizeof number);
    return hash;
}

static void digest_in_order(uint64_t count, char out_text[DIGEST_TEXT_MAX_BYTES])
{
    struct err e = {0};
    struct digest_delta *delta = digest_delta_new(DISK_BYTES, &e);

    cr_assert_not_null(delta, "%s", e.text);
    for (uint64_t i = 0; i < count; i++) {
        struct block_hash hash = hash_of(i);

        digest_delta_record(delta, extent_of(i).offset, extent_of(i).length, &hash);
    }
    digest_delta_end(delta, out_text);
    digest_delta_free(delta);
}

static struct extent_set reads, clears;

/* The first count records as the sets a delta is made for. */
static struct delta_order *order_of(uint64_t count)
{
    struct err e = {0};
    struct delta_order *order;

    for (uint64_t i = 0; i < count; i++)
        cr_assert(extent_set_append(i % 7 ? &reads : &clears, extent_of(i)));
    order = delta_order_new(DISK_BYTES, &reads, &clears, &e);
    cr_assert_not_null(order, "%s", e.text);
    return order;
}

static void fini(void)
{
    extent_set_fini(&reads);
    extent_set_fini(&clears);
}

TestSuite(delta_order, .fini = fini);

static void take(struct delta_order *order, uint64_t number)
{
    struct block_hash hash = hash_of(number);
    struct err e = {0};

    cr_assert(delta_order_take(order, extent_of(number), &hash, &e), "%s", e.text);
}

static void end_and_expect(struct delta_order *order, const char *expected)
{
    char text[DIGEST_TEXT_MAX_BYTES];

    delta_order_end(order, text);
    cr_expect_str_eq(text, expected);
    delta_order_free(order);
}

Test(delta_order, a_delta_without_records_has_a_digest)
{
    char expected[DIGEST_TEXT_MAX_BYTES];

    digest_in_order(0, expected);
    end_and_expect(order_of(0), expected);
}

Test(delta_order, records_in_any_order_give_the_same_digest)
{
    char expected[DIGEST_TEXT_MAX_BYTES];
    uint64_t seed = 99;

    digest_in_order(RECORDS, expected);
    for (uint32_t turn = 0; turn < 20; turn++) {
        struct delta_order *order = order_of(RECORDS);
        uint64_t left[RECORDS];
        uint64_t reach = 1 + page_random_below(&seed, turn == 0 ? RECORDS : 64);

        for (uint64_t i = 0; i < RECORDS; i++)
            left[i] = i;
        for (uint64_t i = 0; i < RECORDS; i++) {
            uint64_t ahead = RECORDS - i < reach ? RECORDS - i : reach;
            uint64_t pick = i + page_random_below(&seed, ahead);
            uint64_t number = left[pick];

            left[pick] = left[i];
            take(order, number);
        }
        end_and_expect(order, expected);
        fini();
        reads = clears = (struct extent_set){0};
    }
}

/* What touches is one extent of the set, and several records. */
Test(delta_order, records_that_touch_each_other_follow_each_other)
{
    const struct extent parts[] = {
        {4096, 512}, {4608, 1024}, {5632, 512}, {6144, 2048}, {8192, 512}};
    char expected[DIGEST_TEXT_MAX_BYTES];
    struct block_hash hash = hash_of(1);
    struct err e = {0};
    struct digest_delta *plain = digest_delta_new(DISK_BYTES, &e);

    cr_assert_not_null(plain, "%s", e.text);
    for (size_t i = 0; i < 5; i++)
        digest_delta_record(plain, parts[i].offset, parts[i].length, &hash);
    digest_delta_end(plain, expected);
    digest_delta_free(plain);
    for (size_t first = 0; first < 5; first++) {
        struct delta_order *order;

        for (size_t i = 0; i < 5; i++)
            cr_assert(extent_set_append(i == 2 ? &clears : &reads, parts[i]));
        order = delta_order_new(DISK_BYTES, &reads, &clears, &e);
        cr_assert_not_null(order, "%s", e.text);
        for (size_t i = 0; i < 5; i++)
            cr_assert(delta_order_take(order, parts[(first + 2 * i) % 5], &hash, &e));
        end_and_expect(order, expected);
        fini();
        reads = clears = (struct extent_set){0};
    }
}

Test(delta_order, is_full_while_an_early_record_is_slow_and_not_afterwards)
{
    char expected[DIGEST_TEXT_MAX_BYTES];
    const uint64_t count = DELTA_ORDER_OPEN_MAX + 10;
    struct delta_order *order = order_of(count);

    digest_in_order(count, expected);
    for (uint64_t i = DELTA_ORDER_OPEN_MAX; i > 0; i--) {
        cr_assert_not(delta_order_full(order));
        take(order, i);
    }
    cr_expect(delta_order_full(order));
    take(order, DELTA_ORDER_OPEN_MAX + 1); /* what was under way may still come */
    take(order, 0);
    cr_expect_not(delta_order_full(order));
    for (uint64_t i = DELTA_ORDER_OPEN_MAX + 2; i < count; i++)
        take(order, i);
    end_and_expect(order, expected);
}

Test(delta_order, one_byte_of_one_record_changes_the_digest)
{
    char expected[DIGEST_TEXT_MAX_BYTES], text[DIGEST_TEXT_MAX_BYTES];
    struct delta_order *order = order_of(2);
    struct block_hash hash = hash_of(1);
    struct err e = {0};

    digest_in_order(2, expected);
    take(order, 0);
    hash.bytes[DIGEST_HASH_BYTES - 1] ^= 1;
    cr_assert(delta_order_take(order, extent_of(1), &hash, &e));
    delta_order_end(order, text);
    cr_expect_str_neq(text, expected);
    delta_order_free(order);
}

Test(delta_order, may_be_freed_while_records_wait)
{
    struct delta_order *order = order_of(4);

    take(order, 3);
    take(order, 2);
    delta_order_free(order);
    delta_order_free(NULL);
}
