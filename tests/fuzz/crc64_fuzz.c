/* crc64_fuzz.c - header values from outside: at most one text for each CRC; and all implementations
 * agree on any bytes, however they are cut. Must not know: how an implementation works. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "io/crc64.h"

#define TEXT_MAX_BYTES 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const uint8_t *data, size_t size)
{
    char text[TEXT_MAX_BYTES];
    char back[CRC64_HEADER_MAX_BYTES];
    size_t length = size < sizeof text ? size : sizeof text - 1;
    uint64_t crc = 7;

    memcpy(text, data, length);
    text[length] = '\0';
    if (!crc64_from_header(text, &crc)) {
        assert(crc == 7);
        return;
    }
    crc64_to_header(crc, back);
    assert(strcmp(back, text) == 0);
}

static void sum(const uint8_t *data, size_t size, size_t cut)
{
    static const char *const names[] = {"portable", "pclmul", "vpclmul_avx2", "vpclmul"};
    uint64_t whole = crc64_update(0, data, size);
    uint64_t head = crc64_update(0, data, cut);
    uint64_t tail = crc64_update(0, data + cut, size - cut);

    assert(crc64_combine(head, tail, size - cut) == whole);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (crc64_has(names[i]))
            assert(crc64_update_by(names[i], head, data + cut, size - cut) == whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    parse(data, size);
    if (size >= 2)
        sum(data + 2, size - 2, (data[0] | (size_t)data[1] << 8) % (size - 1));
    return 0;
}
