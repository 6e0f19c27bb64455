/* crc64.c - see crc64.h. The tables and constants stand in crc64_table.h, the wide instructions in
 * crc64_pclmul.c; here is what every machine can do, and the choice. */
#include "io/crc64.h"

#include <assert.h>
#include <string.h>

#include "io/crc64_pclmul.h"
#include "io/crc64_table.h"

#define PORTABLE_NAME "portable"
#define BASE64_CHARS  12u
#define CRC_BYTES     8u

_Static_assert(CRC64_HEADER_MAX_BYTES == BASE64_CHARS + 1, "eight bytes in padded base64");

static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static uint64_t load_le64(const unsigned char *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

/* Sixteen bytes a step: the lookups do not wait for each other. */
static uint64_t portable(uint64_t reg, const unsigned char *at, size_t count)
{
    for (; count >= 16; at += 16, count -= 16) {
        uint64_t first = load_le64(at) ^ reg;
        uint64_t second = load_le64(at + 8);

        reg = 0;
#pragma GCC unroll 8
        for (unsigned i = 0; i < 8; i++) {
            reg ^= crc64_table[15 - i][(first >> (8 * i)) & 0xff];
            reg ^= crc64_table[7 - i][(second >> (8 * i)) & 0xff];
        }
    }
    while (count-- > 0)
        reg = crc64_table[0][(reg ^ *at++) & 0xff] ^ (reg >> 8);
    return reg;
}

static uint64_t folded(const struct crc64_folder *folder, uint64_t reg, const unsigned char *at,
                       size_t count)
{
    unsigned char rest[16];
    size_t done = folder->fold(reg, at, count, rest);

    if (done > 0)
        reg = portable(0, rest, sizeof rest);
    return portable(reg, at + done, count - done);
}

uint64_t crc64_update(uint64_t crc, const void *bytes, size_t count)
{
    for (size_t i = 0; i < CRC64_FOLD_COUNT; i++)
        if (count >= crc64_folders[i].least_bytes && crc64_folder_runs(i))
            return ~folded(&crc64_folders[i], ~crc, bytes, count);
    return ~portable(~crc, bytes, count);
}

const char *crc64_name(void)
{
    for (size_t i = 0; i < CRC64_FOLD_COUNT; i++)
        if (crc64_folder_runs(i))
            return crc64_folders[i].name;
    return PORTABLE_NAME;
}

/* NULL: the portable one, or none of that name that runs here. */
static const struct crc64_folder *folder_named(const char *name)
{
    for (size_t i = 0; i < CRC64_FOLD_COUNT; i++)
        if (strcmp(name, crc64_folders[i].name) == 0 && crc64_folder_runs(i))
            return &crc64_folders[i];
    return NULL;
}

int crc64_has(const char *name)
{
    return strcmp(name, PORTABLE_NAME) == 0 || folder_named(name) != NULL;
}

uint64_t crc64_update_by(const char *name, uint64_t crc, const void *bytes, size_t count)
{
    const struct crc64_folder *folder = folder_named(name);

    assert(crc64_has(name));
    return folder ? ~folded(folder, ~crc, bytes, count) : ~portable(~crc, bytes, count);
}

static uint64_t times_x(uint64_t a)
{
    return (a >> 1) ^ ((a & 1) ? CRC64_POLY : 0);
}

/* The product modulo the polynomial, both in reflected form (bit 63 is x^0). */
static uint64_t product(uint64_t a, uint64_t b)
{
    uint64_t sum = 0;

    for (; a != 0; a <<= 1, b = times_x(b))
        if (a >> 63)
            sum ^= b;
    return sum;
}

/* A register in which B follows is A's times x^(8 * length): square and multiply. */
uint64_t crc64_combine(uint64_t crc_a, uint64_t crc_b, uint64_t length_b_bytes)
{
    uint64_t power = 1ull << 55; /* x^8: one byte */

    for (; length_b_bytes != 0; length_b_bytes >>= 1) {
        if (length_b_bytes & 1)
            crc_a = product(crc_a, power);
        power = product(power, power);
    }
    return crc_a ^ crc_b;
}

void crc64_to_header(uint64_t crc, char out_text[CRC64_HEADER_MAX_BYTES])
{
    for (unsigned group = 0; group < 3; group++) {
        uint32_t bits = 0;

        for (unsigned i = 3 * group; i < 3 * group + 3; i++)
            bits = bits << 8 | (i < CRC_BYTES ? (uint32_t)(crc >> (8 * i)) & 0xff : 0);
        for (unsigned i = 0; i < 4; i++)
            out_text[4 * group + i] = base64_alphabet[(bits >> (18 - 6 * i)) & 63];
    }
    out_text[BASE64_CHARS - 1] = '=';
    out_text[BASE64_CHARS] = '\0';
}

/* Eleven digits hold 66 bits; the last two must be zero, or several texts would mean the same. */
int crc64_from_header(const char *text, uint64_t *out_crc)
{
    unsigned char bytes[9];
    uint64_t crc = 0;

    if (strnlen(text, BASE64_CHARS + 1) != BASE64_CHARS || text[BASE64_CHARS - 1] != '=')
        return 0;
    for (unsigned group = 0; group < 3; group++) {
        uint32_t bits = 0;

        for (unsigned i = 4 * group; i < 4 * group + 4; i++) {
            const char *digit = strchr(base64_alphabet, i < BASE64_CHARS - 1 ? text[i] : 'A');

            if (!digit)
                return 0;
            bits = bits << 6 | (uint32_t)(digit - base64_alphabet);
        }
        for (unsigned i = 0; i < 3; i++)
            bytes[3 * group + i] = (unsigned char)(bits >> (16 - 8 * i));
    }
    if (bytes[CRC_BYTES] != 0)
        return 0;
    for (unsigned i = 0; i < CRC_BYTES; i++)
        crc |= (uint64_t)bytes[i] << (8 * i);
    *out_crc = crc;
    return 1;
}
