/* crc64_bench.c - how fast each checksum implementation runs here, in GB/s, from caches and from
 * memory. Must not know: anything but crc64.h. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/crc64.h"

#define MEASURE_NS 200000000ull

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static double measure_gbps(const char *name, const unsigned char *bytes, size_t count)
{
    uint64_t began_ns = now_ns();
    uint64_t total_bytes = 0;
    uint64_t crc = 0;
    uint64_t spent_ns;

    do {
        for (unsigned i = 0; i < 16; i++, total_bytes += count)
            crc = crc64_update_by(name, crc, bytes, count);
        spent_ns = now_ns() - began_ns;
    } while (spent_ns < MEASURE_NS);
    return crc == 1 ? 0 : (double)total_bytes / (double)spent_ns;
}

int main(void)
{
    static const char *const names[] = {"vpclmul", "vpclmul_avx2", "pclmul", "portable"};
    static const size_t counts[] = {512, 4096, 64u << 10, 512u << 10, 4u << 20, 64u << 20};
    unsigned char *bytes = malloc(64u << 20);

    if (!bytes)
        return 1;
    for (size_t i = 0; i < 64u << 20; i++)
        bytes[i] = (unsigned char)(i * 2654435761u >> 13);
    printf("%-14s", "bytes");
    for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++)
        printf(" %9zu", counts[k]);
    printf("   (GB/s; chosen here: %s)\n", crc64_name());
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!crc64_has(names[i]))
            continue;
        printf("%-14s", names[i]);
        for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++)
            printf(" %9.2f", measure_gbps(names[i], bytes, counts[k]));
        printf("\n");
    }
    free(bytes);
    return 0;
}
