/* ferry_case.h - the data plane of snapferryd for tests: the real program, a real region, and all that is
 * told kept.
 *
 * Knows:         tools/controld/ferry.h, SNAPFERRY_BIN, blobs of a job_case's region.
 * Must not know: what a test expects.
 * Threads:       one test's.
 *
 * Of whatever is told: no secret in it, a percentage that never goes back, nothing of a disk after it
 * ended.
 */
#ifndef SUPPORT_FERRY_CASE_H
#define SUPPORT_FERRY_CASE_H

#include "tests/support/job_case.h"
#include "tools/controld/ferry.h"

#define FERRY_CASE_DISKS_MAX  64u
#define FERRY_CASE_POINTS_MAX 64u
#define FERRY_CASE_TOLD_MAX   20000u

struct ferry_case_disk {
    const char *id, *source, *target; /* names of blobs; borrowed */
    char snapshot[64], base[64];      /* of the source; base "": none */
    double percent;                   /* told last */
    bool ended;
};

struct ferry_case_told {
    const char *disk; /* of ferry_case_disk */
    enum event_code code;
    double percent;
    char message[FERRY_MESSAGE_MAX_BYTES];
    struct ferry_outcome outcome;
};

struct ferry_case_end {
    char point[JOB_CASE_ID_BYTES];
    enum event_code code;
    char message[FERRY_MESSAGE_MAX_BYTES];
};

struct ferry_case {
    struct job_case job; /* the region, the folder, the reactor */
    char folder[TEST_PATH_MAX_BYTES + 16];
    struct ferry_setup setup;
    struct ferry *ferry;
    struct ferry_case_disk disks[FERRY_CASE_DISKS_MAX];
    size_t disks_count;
    struct ferry_case_told *told;
    size_t told_count;
    struct ferry_case_end ends[FERRY_CASE_POINTS_MAX];
    size_t ends_count;
    int64_t life_s;               /* of the URLs that are given; 3600 */
    uint32_t asked[ACCESS_SIDES]; /* how often */
    uint32_t refuse;              /* so many questions are first answered with an error, */
    enum err_retry refuse_retry;  /* of this kind */
    bool stopped;
    /* Also told; may be NULL. */
    void (*watch)(struct ferry_case *c, const char *point, const char *disk,
                  const struct ferry_disk_view *view);
};

/* ---- Life ---- */
void ferry_case_open(struct ferry_case *c); /* a region; setup is ready to be changed */
void ferry_case_start(struct ferry_case *c);
void ferry_case_stop(struct ferry_case *c); /* in order */
void ferry_case_drop(struct ferry_case *c); /* at once */
void ferry_case_close(struct ferry_case *c);

/* ---- Use ---- */
/* Makes the blobs: the source with what the seed gives, a snapshot of it, the target's name. */
struct ferry_case_disk *ferry_case_make(struct ferry_case *c, const char *id, const char *source,
                                        const char *target, uint64_t bytes, uint64_t seed);
/* A later snapshot of the same blobs, on the base of the earlier one. */
struct ferry_case_disk *ferry_case_again(struct ferry_case *c, const char *id,
                                         const struct ferry_case_disk *earlier);
struct ferry_disk ferry_case_disk(const struct ferry_case_disk *disk);
/* Begins a point of the disks with these ids ("one two"). */
void ferry_case_begin(struct ferry_case *c, const char *point, const char *ids);
void ferry_case_begin_one(struct ferry_case *c, const char *point, const struct ferry_disk *disk);

/* ---- Wait; each fails the test after a minute ---- */
void ferry_case_turn(struct ferry_case *c);
const struct ferry_case_end *ferry_case_await_end(struct ferry_case *c, const char *point);
void ferry_case_await_percent(struct ferry_case *c, const char *disk, double percent);
/* Told after the first `after` words; its index. */
size_t ferry_case_await(struct ferry_case *c, size_t after, const char *disk, enum event_code code,
                        const char *words);
void ferry_case_await_gone(struct ferry_case *c, int pid);

/* ---- Look ---- */
const struct ferry_case_told *ferry_case_last(const struct ferry_case *c, const char *disk);
/* Bytes that PUT requests carried to this blob and the region took. */
uint64_t ferry_case_put_bytes(const struct ferry_case *c, const char *blob);
/* Kills this process with -9. */
void ferry_case_kill(struct ferry_case *c, const char *point);

#endif
