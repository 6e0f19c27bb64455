/* crash_case.h - a copy, or a verify, in a process of its own that ends itself, by kill -9, right after a
 * record of its journal was written; and what the regions saw of it.
 *
 * Knows:         regiond, its request log, how a copy with a journal is begun.
 * Must not know: what a resumed copy should have done.
 * Threads:       one test's. The copies run in children, which share nothing with it but a page of memory.
 */
#ifndef SUPPORT_CRASH_CASE_H
#define SUPPORT_CRASH_CASE_H

#include <limits.h>

#include "engine/copy.h"
#include "tests/support/blob_bench.h"

#define CRASH_CUT_BYTES  (64u << 10) /* of a range */
#define CRASH_WINDOW_MAX 4u          /* ranges in flight */
#define CRASH_NEVER      UINT64_MAX

/* Written by the child; what a killed one wrote is nothing. */
struct crash_result {
    bool ended, committed, delta;
    bool equal; /* of a verify */
    uint64_t different_bytes;
    enum err_kind kind;
    char text[ERR_TEXT_MAX_BYTES];
    char root[DIGEST_TEXT_MAX_BYTES], digest[DIGEST_TEXT_MAX_BYTES];
    uint64_t total_bytes, resumed_bytes, read_bytes;
    double percent_first; /* the first that was told */
    uint64_t records;     /* written to the journal, by this process */
    bool has_map;
    uint64_t proof_bytes;
    char copy_uuid[40], target[1024]; /* of the copy; the target's identity */
};

enum crash_target { CRASH_TO_BLOB, CRASH_TO_FILE, CRASH_FILE_TO_FILE };

struct crash_case {
    enum crash_target target;
    bool verify;                  /* from now on, what runs is a verify of the target */
    struct blob_bench west, east; /* of the source, of the target */
    char folder[PATH_MAX / 2];
    char source_file[PATH_MAX], target_file[PATH_MAX], journal[PATH_MAX], state[PATH_MAX];
    char map[PATH_MAX];    /* copies keep it there; empty: none */
    const char *kill_when; /* also killed as soon as copy_phase is that; NULL: no matter */
    unsigned char *image;  /* what the source holds now; owned */
    uint64_t image_bytes;
    char snapshots[2][64];
    uint32_t snapshots_count;
    uint64_t processes_count;
    struct crash_result *result; /* shared with the child */
    /* what the journal said after a kill */
    struct extent_set recorded;
    uint64_t mark_west, mark_east; /* connections up to these are of earlier processes */
};

/* ---- Life ---- */
/* short_lists: the regions list so few ranges a page. */
void crash_case_open(struct crash_case *c, enum crash_target target, bool short_lists);
void crash_case_close(struct crash_case *c);

/* ---- Disks ---- */
/* The source becomes these bytes, with that snapshot; image is taken. */
void crash_case_source(struct crash_case *c, unsigned char *take_image, uint64_t bytes);
/* No target, no journal, no state: as before the first copy. */
void crash_case_reset(struct crash_case *c);

/* The target blob is there, as large as the image, and holds something else here and there. */
void crash_case_old_target(struct crash_case *c);
/* Flips a bit of the target blob in the page at offset. */
void crash_case_damage(struct crash_case *c, uint64_t offset);

/* ---- Run ---- */
/* Copies snapshot `which` (0, 1), with the one before as base, in a child that is killed after its kill_at-th
 * record. False: it was killed. */
bool crash_case_run(struct crash_case *c, uint32_t which, uint64_t kill_at);
/* The same, and asserts that it ended well. */
void crash_case_run_ok(struct crash_case *c, uint32_t which);

/* ---- Look ---- */
/* After a kill: reads the journal into recorded, and remembers what the regions have seen. */
void crash_case_note(struct crash_case *c);
/* Asserts that the target holds the image. */
void crash_case_expect_copied(struct crash_case *c);
/* Bytes of recorded that the source was asked for, or the target was given, since the note. */
uint64_t crash_case_read_again_bytes(const struct crash_case *c);
uint64_t crash_case_written_again_bytes(const struct crash_case *c);

#endif
