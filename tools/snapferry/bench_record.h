/* bench_record.h - which scratch blobs this user's benches have made, so that a left one is found again.
 *
 * Knows:         a folder with one file a bench that runs or ended badly: its name is the blob's id, it
 *                holds the container's address (no SAS), and it is locked while its bench lives.
 * Must not know: how a blob is removed.
 * Threads:       the main thread.
 *
 * The file is there before the blob is, and goes after it: a bench that was killed leaves it unlocked.
 */
#ifndef SNAPFERRY_BENCH_RECORD_H
#define SNAPFERRY_BENCH_RECORD_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "engine/bench.h"
#include "engine/bench_scratch.h"

struct bench_record_file {
    char id[BENCH_SCRATCH_ID_BYTES];
    int fd; /* holds the lock; -1: there is no file */
};

struct bench_record {
    char folder[PATH_MAX]; /* "": nothing is kept */
    struct bench_record_file own;
    struct bench_record_file left[BENCH_LEFT_MAX];
    uint32_t left_count;
};

/* Draws an id, and writes it down unless state_folder is "". address: the container's. */
bool bench_record_open(struct bench_record *record, const char *state_folder, const char *address,
                       struct err *e);
/* What earlier benches left in that container; they are ours until the record is closed. */
void bench_record_find_left(struct bench_record *record, const char *address);
/* The blob of that id is gone: forget it. */
void bench_record_forget(struct bench_record *record, const char *id);
/* What was not forgotten stays on disk, for the next bench. */
void bench_record_close(struct bench_record *record);

#endif
