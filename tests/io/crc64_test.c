/* crc64_test.c - the service's values, each implementation against bit by bit, each constant anew.
 * Must not know: how an implementation works. */
#include "io/crc64.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/crc64_table.h"

#define LARGE_BYTES (4u << 20)

static const char *const all_names[] = {"portable", "pclmul", "vpclmul_avx2", "vpclmul"};

#define NAMES_COUNT (sizeof all_names / sizeof all_names[0])

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static uint64_t times_x(uint64_t a)
{
    return (a >> 1) ^ ((a & 1) ? 0x9A6C9329AC4BC9B5ull : 0);
}

static uint64_t bit_by_bit(uint64_t crc, const unsigned char *at, size_t count)
{
    crc = ~crc;
    while (count-- > 0) {
        crc ^= *at++;
        for (int k = 0; k < 8; k++)
            crc = times_x(crc);
    }
    return ~crc;
}

static void fill_random(unsigned char *bytes, size_t count, uint64_t seed)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = (unsigned char)next_random(&seed);
}

/* All implementations of this machine, and the one that it chooses, give expected. */
static void expect_crc(const unsigned char *bytes, size_t count, uint64_t expected)
{
    cr_assert_eq(crc64_update(0, bytes, count), expected, "%zu bytes, chosen", count);
    for (size_t i = 0; i < NAMES_COUNT; i++)
        if (crc64_has(all_names[i]))
            cr_assert_eq(crc64_update_by(all_names[i], 0, bytes, count), expected, "%zu bytes, %s",
                         count, all_names[i]);
}

static void expect_filled(unsigned char *bytes, int fill, size_t count, uint64_t crc,
                          const char *header)
{
    char text[CRC64_HEADER_MAX_BYTES];
    uint64_t back = 0;

    memset(bytes, fill, count);
    expect_crc(bytes, count, crc);
    crc64_to_header(crc, text);
    cr_expect_str_eq(text, header);
    cr_expect(crc64_from_header(header, &back));
    cr_expect_eq(back, crc);
}

Test(crc64, gives_the_values_of_the_service)
{
    unsigned char *bytes = malloc(LARGE_BYTES);

    expect_filled(bytes, 0, 0, 0, "AAAAAAAAAAA=");
    expect_filled(bytes, 0, 512, 0x1DE60E2868A782E9ull, "6YKnaCgO5h0=");
    expect_filled(bytes, 0xff, 512, 0x5277682DDAEB44B6ull, "tkTr2i1od1I=");
    expect_filled(bytes, 'a', 512, 0x87F3902906B5AEBBull, "u661BimQ84c=");
    expect_filled(bytes, 'b', 4096, 0x24582EFBFAA39285ull, "hZKj+vsuWCQ=");
    expect_filled(bytes, 0, 4096, 0x6482D367EB22B64Eull, "TrYi62fTgmQ=");
    expect_filled(bytes, 0, LARGE_BYTES, 0x043257E6895EFCEDull, "7fxeieZXMgQ=");
    expect_crc((const unsigned char *)"123456789", 9, 0xAE8B14860A799888ull);
    for (size_t i = 0; i < 512; i++)
        bytes[i] = (unsigned char)i;
    expect_crc(bytes, 512, 0x65F48632094A1B07ull);
    free(bytes);
}

Test(crc64, every_short_length_and_alignment_agrees_with_bit_by_bit)
{
    unsigned char bytes[400];

    fill_random(bytes, sizeof bytes, 0x5eed0004);
    for (size_t start = 0; start < 64; start += start < 18 ? 1 : 15)
        for (size_t count = 0; count <= 300; count++)
            expect_crc(bytes + start, count, bit_by_bit(0, bytes + start, count));
}

Test(crc64, longer_lengths_agree_with_bit_by_bit)
{
    uint64_t seed = 0x5eed0005;
    unsigned char *bytes = malloc(10000);

    fill_random(bytes, 10000, seed);
    for (unsigned turn = 0; turn < 400; turn++) {
        size_t start = next_random(&seed) % 100;
        size_t count = next_random(&seed) % 4000;

        expect_crc(bytes + start, count, bit_by_bit(0, bytes + start, count));
    }
    for (size_t count = 480; count <= 1100; count++) /* around the widest step, and twice it */
        expect_crc(bytes, count, bit_by_bit(0, bytes, count));
    free(bytes);
}

Test(crc64, a_large_buffer_agrees_with_bit_by_bit)
{
    unsigned char *bytes = malloc(LARGE_BYTES);

    fill_random(bytes, LARGE_BYTES, 0x5eed0006);
    expect_crc(bytes, LARGE_BYTES, bit_by_bit(0, bytes, LARGE_BYTES));
    expect_crc(bytes + 1, LARGE_BYTES - 3, bit_by_bit(0, bytes + 1, LARGE_BYTES - 3));
    free(bytes);
}

Test(crc64, reads_no_byte_beyond_its_count)
{
    for (size_t count = 1; count < 1200; count += 7) {
        unsigned char *bytes = calloc(1, count); /* exact size: ASan sees one byte too far */

        expect_crc(bytes, count, bit_by_bit(0, bytes, count));
        free(bytes);
    }
}

Test(crc64, pieces_chain_and_combine_to_the_whole)
{
    uint64_t seed = 0x5eed0007;
    unsigned char *bytes = malloc(20000);

    fill_random(bytes, 20000, seed);
    for (unsigned turn = 0; turn < 300; turn++) {
        size_t count = next_random(&seed) % 20000;
        size_t cut = next_random(&seed) % (count + 1);
        uint64_t whole = crc64_update(0, bytes, count);
        uint64_t head = crc64_update(0, bytes, cut);
        uint64_t tail = crc64_update(0, bytes + cut, count - cut);

        cr_assert_eq(crc64_update(head, bytes + cut, count - cut), whole);
        cr_assert_eq(crc64_combine(head, tail, count - cut), whole);
        for (size_t i = 0; i < NAMES_COUNT; i++)
            if (crc64_has(all_names[i]))
                cr_assert_eq(crc64_update_by(all_names[i], head, bytes + cut, count - cut), whole);
    }
    free(bytes);
}

Test(crc64, combine_reaches_lengths_no_buffer_has)
{
    uint64_t zeros = crc64_update(0, (const unsigned char[1]){0}, 1);
    uint64_t power = zeros; /* CRC of 2^k zero bytes */
    const uint64_t some = 0x87F3902906B5AEBBull;

    for (unsigned k = 0; k < 22; k++)
        power = crc64_combine(power, power, 1ull << k);
    cr_assert_eq(power, 0x043257E6895EFCEDull, "4 MiB of zeros");
    for (unsigned k = 22; k < 45; k++)
        power = crc64_combine(power, power, 1ull << k);
    /* 2^45 bytes at once, and as two pieces of unequal length */
    cr_assert_eq(crc64_combine(crc64_combine(some, power, 1ull << 45), zeros, 1),
                 crc64_combine(some, crc64_combine(power, zeros, 1), (1ull << 45) + 1));
    cr_assert_eq(crc64_combine(some, 0, 0), some);
}

Test(crc64, the_chosen_implementation_is_the_best_one_there_is)
{
    cr_assert(crc64_has("portable"));
    cr_assert(crc64_has(crc64_name()));
    cr_assert_not(crc64_has("none of ours"));
    cr_assert_not(crc64_has(""));
    if (crc64_has("vpclmul"))
        cr_assert_str_eq(crc64_name(), "vpclmul");
}

Test(crc64, header_round_trips_any_value)
{
    uint64_t seed = 0x5eed0008;

    for (unsigned turn = 0; turn < 5000; turn++) {
        uint64_t crc = next_random(&seed);
        uint64_t back = 0;
        char text[CRC64_HEADER_MAX_BYTES];

        crc64_to_header(crc, text);
        cr_assert_eq(strlen(text), 12u);
        cr_assert(crc64_from_header(text, &back));
        cr_assert_eq(back, crc);
    }
}

Test(crc64, header_is_little_endian_as_azure_has_it)
{
    uint64_t crc = 0;

    cr_assert(crc64_from_header("iJh5CoYUi64=", &crc));
    cr_assert_eq(crc, 0xAE8B14860A799888ull);
    cr_assert(crc64_from_header("BxtKCTKG9GU=", &crc));
    cr_assert_eq(crc, 0x65F48632094A1B07ull);
}

Test(crc64, malformed_headers_are_refused)
{
    static const char *const malformed[] = {
        "",
        "=",
        "AAAAAAAAAAA",   /* no padding */
        "AAAAAAAAAA==",  /* seven bytes */
        "AAAAAAAAAAAA",  /* nine bytes */
        "AAAAAAAAAAA= ", /* more follows */
        " AAAAAAAAAAA=", /* something before */
        "AAAAAAAAAAA==", /* too much padding */
        "AAAA=AAAAAA=",  /* padding inside */
        "AAAAAAAAAAB=",  /* bits beyond the 64th */
        "AAAAAAAAAAD=",  /* both of them */
        "AAAAA-AAA_A=",  /* the alphabet for URLs */
        "AAAAAAA\nAAA=", /* folded */
        "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
        "A=",
    };

    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        uint64_t crc = 42;

        cr_expect_eq(crc64_from_header(malformed[i], &crc), 0, "accepted '%s'", malformed[i]);
        cr_expect_eq(crc, 42u, "written on failure");
    }
}

static uint64_t x_to_the(unsigned exponent)
{
    uint64_t power = 1ull << 63;

    while (exponent-- > 0)
        power = times_x(power);
    return power;
}

static void expect_fold(struct crc64_fold_by by, unsigned step_bytes)
{
    cr_expect_eq(by.low, x_to_the(8 * step_bytes + 63), "%u bytes", step_bytes);
    cr_expect_eq(by.high, x_to_the(8 * step_bytes - 1), "%u bytes", step_bytes);
}

Test(crc64, every_constant_is_what_it_claims)
{
    expect_fold(crc64_fold_16_bytes, 16);
    expect_fold(crc64_fold_32_bytes, 32);
    expect_fold(crc64_fold_64_bytes, 64);
    expect_fold(crc64_fold_128_bytes, 128);
    expect_fold(crc64_fold_256_bytes, 256);
    expect_fold(crc64_fold_512_bytes, 512);
    for (unsigned b = 0; b < 256; b++) {
        uint64_t reg = b;

        for (unsigned k = 0; k < CRC64_SLICES; k++) {
            for (int bit = 0; bit < 8; bit++)
                reg = times_x(reg);
            cr_assert_eq(crc64_table[k][b], reg, "row %u, byte %u", k, b);
        }
    }
}
