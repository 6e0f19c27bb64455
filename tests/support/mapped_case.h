/* mapped_case.h - copies that keep a map, one after the other, and whether the map they leave is true.
 *
 * Knows:         copy_case.h, the map's file, how a block is hashed.
 * Must not know: what a copy should have skipped.
 * Threads:       the reactor's.
 */
#ifndef SUPPORT_MAPPED_CASE_H
#define SUPPORT_MAPPED_CASE_H

#include "io/map_file.h"
#include "tests/support/copy_case.h"

struct mapped_case {
    struct copy_case
        c; /* with state folder, map and journal; random_seed is that of the next copy */
    char map_path[TEST_PATH_MAX_BYTES], journal_path[TEST_PATH_MAX_BYTES];
    uint32_t stop_after; /* ranges done; 0: it is not stopped */
    struct copy *running;
};

/* ---- Life ---- */
void mapped_case_open(struct mapped_case *m);
void mapped_case_close(struct mapped_case *m);

/* ---- Run ---- */
/* As if by a new process: asserts that it committed, that the target holds the source, and that the map is
 * that of the target, no block of it wrong. Returns how many are unknown. */
uint64_t mapped_case_copy(struct mapped_case *m);
/* The same without the assertions about its end. */
void mapped_case_run(struct mapped_case *m);
/* Stopped after so many ranges; asserts that it can go on. */
void mapped_case_stop(struct mapped_case *m, uint32_t ranges);

/* ---- Look ---- */
/* Asserts that no entry is wrong of these bytes, and whose the map is; returns how many are unknown. */
uint64_t mapped_case_expect_true(const char *path, const unsigned char *bytes, uint64_t disk_bytes,
                                 const char *copy_uuid, const char *target);
/* Flips a bit of a file. */
void mapped_case_damage(const char *path, uint64_t offset);
uint64_t mapped_case_file_bytes(const char *path);

#endif
