/* crc64.c - see crc64.h. */
#include "io/crc64.h"

#define POLY 0x9A6C9329AC4BC9B5ull

uint64_t crc64_update(uint64_t crc, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;

    crc = ~crc;
    while (count--) {
        crc ^= *at++;
        for (int k = 0; k < 8; k++)
            crc = (crc >> 1) ^ ((crc & 1) ? POLY : 0);
    }
    return ~crc;
}
