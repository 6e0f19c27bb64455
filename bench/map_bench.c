/* map_bench.c - what block maps cost: CPU seconds a GiB for hashing each block and looking it up, and
 * how much disk a second a comparison of two maps covers. Prints the median and the extremes of each.
 *
 *     map_bench [FOLDER]        FOLDER: for its maps [$TMPDIR or /tmp]; they are removed
 *
 * Must not know: copies. The data is larger than the caches; it is hashed as a copy would, 4 MiB at a time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/map_diff.h"

#define ROUNDS        9u
#define DATA_BYTES    (512u << 20)
#define RANGE_BYTES   (4u << 20)
#define RANGE_BLOCKS  (RANGE_BYTES / MAP_BLOCK_BYTES)
#define PASSES        2u /* over the data: a GiB a round */
#define COMPARE_BYTES (512ull << 30)
#define CHANGED_EACH  100u /* every so many blocks differ */

static double clock_s(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void print_median(const char *what, double values[ROUNDS], const char *unit)
{
    qsort(values, ROUNDS, sizeof *values, by_size);
    printf("%-44s %8.4f %s   (%.4f to %.4f)\n", what, values[ROUNDS / 2], unit, values[0],
           values[ROUNDS - 1]);
    fflush(stdout);
}

static void expect(bool ok, const struct err *e)
{
    if (ok)
        return;
    fprintf(stderr, "map_bench: %s\n", e->kind ? e->text : "a wrong answer");
    exit(1);
}

static void fill(unsigned char *bytes, size_t count)
{
    uint64_t x = 88172645463325252ull;

    for (size_t i = 0; i < count; i += sizeof x) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(bytes + i, &x, sizeof x);
    }
}

static struct map_making *begin(const char *path, enum map_strength strength, uint64_t disk_bytes)
{
    struct map_head head = {
        .strength = strength, .disk_bytes = disk_bytes, .seed = "not so secret", .target = "bench"};
    struct err e = {0};
    struct map_making *making;

    unlink(path);
    making = map_making_open(path, &head, NULL, &e);
    expect(making != NULL, &e);
    return making;
}

static struct map_file *finish(struct map_making *making, const char *path)
{
    struct map_file *map = NULL;
    struct err e = {0};

    expect(map_making_commit(making, "", 1, &e), &e);
    map_making_close(making);
    expect(map_file_open(path, &map, &e) && map, &e);
    return map;
}

/* ---- Hashing and looking up ---- */

static struct map_file *make_of(const char *path, const struct map_hasher *hasher,
                                enum map_strength strength, const unsigned char *bytes)
{
    struct map_making *making = begin(path, strength, DATA_BYTES);
    struct map_entry entries[RANGE_BLOCKS];
    struct err e = {0};

    for (size_t at = 0; at < DATA_BYTES; at += RANGE_BYTES) {
        map_hash_blocks(hasher, bytes + at, RANGE_BYTES, entries);
        expect(map_making_put(making, at / MAP_BLOCK_BYTES, RANGE_BLOCKS, entries, &e), &e);
    }
    return finish(making, path);
}

static void pass(const struct map_hasher *hasher, struct map_file *map, const unsigned char *bytes)
{
    struct map_entry fresh[RANGE_BLOCKS], known[RANGE_BLOCKS];
    struct err e = {0};

    for (size_t at = 0; at < DATA_BYTES; at += RANGE_BYTES) {
        map_hash_blocks(hasher, bytes + at, RANGE_BYTES, fresh);
        expect(map_file_look(map, at / MAP_BLOCK_BYTES, RANGE_BLOCKS, known, &e), &e);
        for (uint32_t i = 0; i < RANGE_BLOCKS; i++)
            expect(map_entry_same(&fresh[i], &known[i]), &e);
    }
}

static void measure_hash(const char *what, const char *path, enum map_strength strength,
                         const unsigned char *bytes)
{
    const double gib = (double)DATA_BYTES * PASSES / (1u << 30);
    unsigned char seed[MAP_SEED_BYTES] = "not so secret";
    double seconds[ROUNDS];
    struct err e = {0};
    struct map_hasher *hasher = map_hasher_new(strength, seed, &e);
    struct map_file *map;

    expect(hasher != NULL, &e);
    map = make_of(path, hasher, strength, bytes);
    for (unsigned round = 0; round < ROUNDS; round++) {
        double began = clock_s(CLOCK_PROCESS_CPUTIME_ID);

        for (unsigned i = 0; i < PASSES; i++)
            pass(hasher, map, bytes);
        seconds[round] = (clock_s(CLOCK_PROCESS_CPUTIME_ID) - began) / gib;
    }
    print_median(what, seconds, "CPU s/GiB");
    map_file_close(map);
    map_hasher_free(hasher);
    unlink(path);
}

/* ---- Comparing ---- */

static struct map_file *make_full(const char *path, enum map_strength strength, unsigned variant)
{
    struct map_making *making = begin(path, strength, COMPARE_BYTES);
    uint64_t blocks = map_block_count(COMPARE_BYTES);
    static struct map_entry entries[1024];
    struct err e = {0};

    for (uint64_t at = 0; at < blocks; at += 1024) {
        for (uint32_t i = 0; i < 1024; i++) {
            uint64_t name = (at + i) * 0x9E3779B97F4A7C15ull;

            entries[i] = (struct map_entry){.state = MAP_HASHED};
            memcpy(entries[i].hash, &name, sizeof name);
            entries[i].hash[9] = (unsigned char)((at + i) % CHANGED_EACH == 0 ? variant : 0);
        }
        expect(map_making_put(making, at, 1024, entries, &e), &e);
    }
    return finish(making, path);
}

static void measure_diff(const char *what, const char *path, const char *other,
                         enum map_strength strength)
{
    struct map_file *a = make_full(path, strength, 1), *b = make_full(other, strength, 2);
    double rates[ROUNDS];
    struct map_diff_totals totals;
    struct err e = {0};

    for (unsigned round = 0; round < ROUNDS; round++) {
        double began = clock_s(CLOCK_MONOTONIC);

        expect(map_diff(a, b, NULL, &totals, &e), &e);
        rates[round] = (double)COMPARE_BYTES / (clock_s(CLOCK_MONOTONIC) - began) / 1e9;
        expect(totals.blocks[MAP_DIFFERENT] ==
                   (map_block_count(COMPARE_BYTES) + CHANGED_EACH - 1) / CHANGED_EACH,
               &e);
    }
    print_median(what, rates, "GB/s of disk");
    map_file_close(a);
    map_file_close(b);
    unlink(path);
    unlink(other);
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : getenv("TMPDIR");
    unsigned char *bytes = malloc(DATA_BYTES);
    char path[512], other[520];

    if (!bytes)
        return 1;
    snprintf(path, sizeof path, "%s/map_bench.%ld", folder ? folder : "/tmp", (long)getpid());
    snprintf(other, sizeof other, "%s.b", path);
    fill(bytes, DATA_BYTES);
    measure_hash("hash and look up, XXH3-128", path, MAP_XXH3_128, bytes);
    measure_hash("hash and look up, SHA-256", path, MAP_SHA_256, bytes);
    free(bytes);
    measure_diff("compare two full maps, 1 % differs, XXH3-128", path, other, MAP_XXH3_128);
    measure_diff("compare two full maps, 1 % differs, SHA-256", path, other, MAP_SHA_256);
    return 0;
}
