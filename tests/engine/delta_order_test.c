/* delta_order_test.c - a delta's digest does not depend on the order in which its records end. */
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

static struct delta_order *order_new(void)
{
    struct err e = {0};
    struct delta_order *order = delta_order_new(DISK_BYTES, &e);

    cr_assert_not_null(order, "%s", e.text);
    return order;
}

static void end_record(struct delta_order *order, uint64_t number)
{
    struct block_hash hash = hash_of(number);

    delta_order_end_record(order, number, extent_of(number), &hash);
}

Test(delta_order, a_delta_without_records_has_a_digest)
{
    char expected[DIGEST_TEXT_MAX_BYTES], text[DIGEST_TEXT_MAX_BYTES];
    struct delta_order *order = order_new();

    digest_in_order(0, expected);
    delta_order_end(order, text);
    cr_expect_str_eq(text, expected);
    delta_order_free(order);
}

Test(delta_order, records_that_end_in_any_order_give_the_same_digest)
{
    char expected[DIGEST_TEXT_MAX_BYTES], text[DIGEST_TEXT_MAX_BYTES];
    uint64_t seed = 99;

    digest_in_order(RECORDS, expected);
    for (uint32_t turn = 0; turn < 20; turn++) {
        struct delta_order *order = order_new();
        uint64_t open[64], begun = 0, ended = 0;
        size_t open_count = 0;
        size_t open_max = 1 + (size_t)page_random_below(&seed, 64);

        while (ended < RECORDS) {
            size_t pick;

            while (open_count < open_max && begun < RECORDS) {
                cr_assert_eq(delta_order_begin(order), begun);
                open[open_count++] = begun++;
            }
            pick = (size_t)page_random_below(&seed, open_count);
            end_record(order, open[pick]);
            open[pick] = open[--open_count];
            ended++;
        }
        delta_order_end(order, text);
        cr_expect_str_eq(text, expected);
        delta_order_free(order);
    }
}

Test(delta_order, is_full_while_an_early_record_is_slow_and_takes_more_afterwards)
{
    char expected[DIGEST_TEXT_MAX_BYTES], text[DIGEST_TEXT_MAX_BYTES];
    const uint64_t count = DELTA_ORDER_OPEN_MAX + 10;
    struct delta_order *order = order_new();

    digest_in_order(count, expected);
    for (uint64_t i = 0; i < DELTA_ORDER_OPEN_MAX; i++) {
        cr_assert_not(delta_order_full(order));
        cr_assert_eq(delta_order_begin(order), i);
        if (i > 0)
            end_record(order, i);
    }
    cr_expect(delta_order_full(order));
    end_record(order, 0);
    for (uint64_t i = DELTA_ORDER_OPEN_MAX; i < count; i++) {
        cr_assert_not(delta_order_full(order));
        cr_assert_eq(delta_order_begin(order), i);
        end_record(order, i);
    }
    delta_order_end(order, text);
    cr_expect_str_eq(text, expected);
    delta_order_free(order);
}

Test(delta_order, one_byte_of_one_record_changes_the_digest)
{
    char expected[DIGEST_TEXT_MAX_BYTES], text[DIGEST_TEXT_MAX_BYTES];
    struct delta_order *order = order_new();
    struct block_hash hash = hash_of(1);

    digest_in_order(2, expected);
    (void)delta_order_begin(order);
    (void)delta_order_begin(order);
    end_record(order, 0);
    hash.bytes[DIGEST_HASH_BYTES - 1] ^= 1;
    delta_order_end_record(order, 1, extent_of(1), &hash);
    delta_order_end(order, text);
    cr_expect_str_neq(text, expected);
    delta_order_free(order);
}

Test(delta_order, may_be_freed_with_records_open)
{
    struct delta_order *order = order_new();

    (void)delta_order_begin(order);
    (void)delta_order_begin(order);
    end_record(order, 1);
    delta_order_free(order);
    delta_order_free(NULL);
}
