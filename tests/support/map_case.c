/* map_case.c - see map_case.h. */
#include "tests/support/map_case.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void map_case_open(struct map_case *c, enum map_strength strength, uint64_t disk_bytes)
{
    memset(c, 0, sizeof *c);
    test_temp_path(c->folder, "map-XXXXXX");
    cr_assert(mkdtemp(c->folder));
    snprintf(c->path, sizeof c->path, "%s/map", c->folder);
    snprintf(c->making, sizeof c->making, "%s.making", c->path);
    c->head = (struct map_head){.strength = strength,
                                .disk_bytes = disk_bytes,
                                .copy_uuid = "11111111-2222-3333-4444-555555555555",
                                .target = "file:/some/target",
                                .source = "https://host/container/disk",
                                .etag = "\"0x1\"",
                                .made_ms = 1};
    for (unsigned i = 0; i < MAP_SEED_BYTES; i++)
        c->head.seed[i] = (unsigned char)(i * 7 + 1);
}

void map_case_close(struct map_case *c)
{
    unlink(c->path);
    unlink(c->making);
    cr_assert_eq(rmdir(c->folder), 0, "something is left in the folder");
}

struct map_entry map_case_of(enum map_strength strength, enum map_state state, uint64_t block,
                             unsigned seed)
{
    struct map_entry entry = {.state = state};

    for (uint32_t i = 0; state == MAP_HASHED && i < map_hash_bytes(strength); i++)
        entry.hash[i] =
            (unsigned char)((block + 1) * 2654435761u >> (i % 24)) ^ (unsigned char)(seed * 31 + i);
    return entry;
}

struct map_entry map_case_entry(enum map_strength strength, uint64_t block, unsigned seed)
{
    uint64_t stir = (block / 5 + seed) * 0x9E3779B97F4A7C15ull >> 60;
    enum map_state state = stir < 3 ? MAP_UNKNOWN : stir < 7 ? MAP_ZERO : MAP_HASHED;

    return map_case_of(strength, state, block, seed);
}

struct map_file *map_case_look_up(const struct map_case *c)
{
    struct map_file *map = NULL;
    struct err e = {0};

    cr_assert(map_file_open(c->path, &map, &e), "%s", e.text);
    cr_assert_not_null(map);
    return map;
}

struct map_file *map_case_make(struct map_case *c, unsigned seed)
{
    struct err e = {0};
    struct map_making *making = map_making_open(c->path, &c->head, NULL, &e);
    uint64_t blocks = map_block_count(c->head.disk_bytes);

    cr_assert_not_null(making, "%s", e.text);
    for (uint64_t block = 0; block < blocks; block++) {
        struct map_entry entry = map_case_entry(c->head.strength, block, seed);

        cr_assert(map_making_put(making, block, 1, &entry, &e), "%s", e.text);
    }
    cr_assert(map_making_commit(making, c->head.etag, c->head.made_ms, &e), "%s", e.text);
    map_making_close(making);
    return map_case_look_up(c);
}

void map_case_expect(struct map_file *map, uint64_t block, const struct map_entry *wanted)
{
    struct map_entry found;
    struct err e = {0};

    cr_assert(map_file_look(map, block, 1, &found, &e), "%s", e.text);
    cr_assert_eq(found.state, wanted->state, "block %llu is %d, not %d", (unsigned long long)block,
                 (int)found.state, (int)wanted->state);
    cr_assert_eq(memcmp(found.hash, wanted->hash, sizeof found.hash), 0, "hash of block %llu",
                 (unsigned long long)block);
}
