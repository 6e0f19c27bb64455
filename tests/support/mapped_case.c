/* mapped_case.c - see mapped_case.h. */
#include "tests/support/mapped_case.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_BLOCKS 64u

void mapped_case_open(struct mapped_case *m)
{
    char making[TEST_PATH_MAX_BYTES + 8];

    memset(m, 0, sizeof *m);
    copy_case_open(&m->c);
    copy_case_keep_state(&m->c);
    test_temp_path(m->map_path, "map");
    test_temp_path(m->journal_path, "journal");
    snprintf(making, sizeof making, "%s.making", m->map_path);
    unlink(making);
    unlink(m->map_path);
    unlink(m->journal_path);
    m->c.options.map.path = m->map_path;
    memset(m->c.options.map.seed, 0x5E, sizeof m->c.options.map.seed);
    m->c.options.journal_path = m->journal_path;
}

void mapped_case_close(struct mapped_case *m)
{
    copy_case_close(&m->c);
    unlink(m->map_path);
    unlink(m->journal_path);
}

/* ---- Run ---- */

static void note_moved(void *arg, struct extent extent, enum range_state from, enum range_state to)
{
    struct mapped_case *m = arg; /* the copy case is its first member */

    (void)extent;
    (void)from;
    if (to == RANGE_DONE && m->stop_after && --m->stop_after == 0)
        copy_stop(m->running);
}

void mapped_case_run(struct mapped_case *m)
{
    uint32_t cut_source = m->c.source->request_max_bytes;
    uint32_t cut_target = m->c.target->request_max_bytes;

    endpoint_mem_reopen(m->c.source, m->c.rig.r);
    endpoint_mem_reopen(m->c.target, m->c.rig.r);
    copy_case_cut(m->c.source, cut_source);
    copy_case_cut(m->c.target, cut_target);
    m->c.options.random_seed++;
    m->c.options.map.seed[0]++;
    m->c.moved = note_moved;
    m->running = copy_case_start(&m->c);
    copy_case_finish(&m->c, m->running);
}

void mapped_case_stop(struct mapped_case *m, uint32_t ranges)
{
    m->stop_after = ranges;
    mapped_case_run(m);
    cr_assert_eq(m->c.err.kind, ERR_CANCELED, "it was not stopped: %s", m->c.err.text);
    cr_assert(m->c.summary.journal_kept);
}

uint64_t mapped_case_copy(struct mapped_case *m)
{
    struct copy_case *c = &m->c;

    mapped_case_run(m);
    cr_assert_not(err_is_set(&c->err), "%s", c->err.text);
    cr_assert(c->summary.committed);
    cr_assert_eq(c->target->size_bytes, c->source->size_bytes);
    copy_case_expect_same(c->source, c->target, c->source->size_bytes);
    if (!c->options.map.path)
        return 0;
    cr_assert(c->summary.has_map, "%s", c->said);
    return mapped_case_expect_true(c->options.map.path, endpoint_mem_bytes(c->target),
                                   c->summary.disk.length,
                                   endpoint_mem_marker(c->target)->copy_uuid, c->target->identity);
}

/* ---- Look ---- */

static uint64_t expect_blocks(struct map_file *map, const struct map_hasher *hasher,
                              const unsigned char *bytes, uint64_t disk_bytes, uint64_t first,
                              uint32_t count)
{
    struct map_entry found[LOOK_BLOCKS], wanted[LOOK_BLOCKS];
    uint64_t at = first * MAP_BLOCK_BYTES, unknown = 0;
    uint64_t part = (uint64_t)count * MAP_BLOCK_BYTES;
    struct err e = {0};

    if (part > disk_bytes - at)
        part = disk_bytes - at;
    map_hash_blocks(hasher, bytes + at, (size_t)part, wanted);
    cr_assert(map_file_look(map, first, count, found, &e), "%s", e.text);
    for (uint32_t i = 0; i < count; i++) {
        if (found[i].state == MAP_UNKNOWN)
            unknown++;
        else
            cr_assert(map_entry_same(&found[i], &wanted[i]), "block %llu is wrong in the map",
                      (unsigned long long)(first + i));
    }
    return unknown;
}

uint64_t mapped_case_expect_true(const char *path, const unsigned char *bytes, uint64_t disk_bytes,
                                 const char *copy_uuid, const char *target)
{
    struct map_file *map = NULL;
    const struct map_head *head;
    struct map_hasher *hasher;
    uint64_t unknown = 0;
    struct err e = {0};

    cr_assert(map_file_open(path, &map, &e), "%s", e.text);
    cr_assert_not_null(map);
    head = map_file_head(map);
    cr_assert_eq(head->disk_bytes, disk_bytes);
    cr_assert_str_eq(head->copy_uuid, copy_uuid);
    cr_assert_str_eq(head->target, target);
    cr_assert_str_not_empty(head->etag);
    hasher = map_hasher_new(head->strength, head->seed, &e);
    cr_assert_not_null(hasher, "%s", e.text);
    for (uint64_t first = 0; first < map_block_count(disk_bytes); first += LOOK_BLOCKS) {
        uint64_t left = map_block_count(disk_bytes) - first;

        unknown += expect_blocks(map, hasher, bytes, disk_bytes, first,
                                 left < LOOK_BLOCKS ? (uint32_t)left : LOOK_BLOCKS);
    }
    map_hasher_free(hasher);
    map_file_close(map);
    return unknown;
}

void mapped_case_damage(const char *path, uint64_t offset)
{
    int fd = open(path, O_RDWR);
    unsigned char byte;

    cr_assert_geq(fd, 0);
    cr_assert_eq(pread(fd, &byte, 1, (off_t)offset), 1);
    byte ^= 0x10;
    cr_assert_eq(pwrite(fd, &byte, 1, (off_t)offset), 1);
    close(fd);
}

uint64_t mapped_case_file_bytes(const char *path)
{
    struct stat st;

    cr_assert_eq(stat(path, &st), 0, "%s is not there", path);
    return (uint64_t)st.st_size;
}
