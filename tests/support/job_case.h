/* job_case.h - a job for tests: disks that are files or blobs of a region, its events kept and held to what
 * must be true of all of them.
 *
 * Knows:         engine/job.h, regiond, how to wait for an event.
 * Must not know: what a test expects of its job.
 * Threads:       one test's.
 *
 * Of every event: no secret in it, a percentage that never goes back, nothing of a disk after its summary.
 */
#ifndef SUPPORT_JOB_CASE_H
#define SUPPORT_JOB_CASE_H

#include "engine/job.h"
#include "tests/support/blob_bench.h"
#include "tests/support/test_reactor.h"

#define JOB_CASE_KIB        1024ull
#define JOB_CASE_MIB        (1024ull * 1024)
#define JOB_CASE_DISKS_MAX  128u
#define JOB_CASE_WAIT_NS    (60 * NS_PER_S) /* for one event */
#define JOB_CASE_ID_BYTES   48u
#define JOB_CASE_EVENTS_MAX 65536u

struct job_case_event {
    enum event_kind kind;
    enum event_code code;
    enum access_side side;
    char disk[JOB_CASE_ID_BYTES], point[JOB_CASE_ID_BYTES];
    char message[600];
    struct progress_view progress;
    struct err error;
    bool has_copy, accepted;
    struct copy_summary copy;
    uint32_t attempts, statuses_count;
    uint64_t ticket;
    enum event_code status_code; /* of the first status */
};

struct job_case {
    struct blob_bench region; /* pool, reactor and client too */
    struct share *share;
    char folder[TEST_PATH_MAX_BYTES], state[TEST_PATH_MAX_BYTES + 16];
    bool stateless; /* set by the test: no state folder */
    struct job_spec spec;
    struct job_setup setup;
    struct job *job;
    bool ended;
    struct job_case_event *events;
    uint32_t events_count;
    void (*watch)(struct job_case *c, const struct event *event); /* also told; NULL: nobody */
};

/* ---- Life ---- */
void job_case_open(struct job_case *c, const char *faults); /* as blob_bench_begin */
void job_case_close(struct job_case *c);
/* As another process would find it: no disks, no events; files, blobs and the state folder stay. */
void job_case_forget(struct job_case *c);

/* ---- Disks ---- */
void job_case_point(struct job_case *c, const char *id); /* those that follow are its */
/* A view until the next disk. */
struct job_disk *job_case_disk(struct job_case *c, const char *id, const char *source,
                               const char *target);
/* The path of a file in the case's folder; static. With bytes: made, full of what the seed gives. */
const char *job_case_path(const struct job_case *c, const char *name);
const char *job_case_file(const struct job_case *c, const char *name, uint64_t bytes,
                          uint64_t seed);
/* Makes a blob with such bytes. */
void job_case_blob(struct job_case *c, const char *name, uint64_t bytes, uint64_t seed);
void job_case_snapshot(struct job_case *c, const char *name, char out_snapshot[64]);
/* A SAS URL of it; static. snapshot NULL: the blob itself. life_s: from now on, may be negative. */
const char *job_case_url(struct job_case *c, const char *name, const char *snapshot,
                         const char *permissions, int64_t life_s);
/* Of a snapshot made now, for an hour. */
const char *job_case_snapshot_url(struct job_case *c, const char *name);
/* As a foreign writer would: a page of ones. */
void job_case_spoil(struct job_case *c, const char *name, uint64_t offset);
/* The blob holds what job_case_blob would make. */
void job_case_expect_blob(struct job_case *c, const char *name, uint64_t bytes, uint64_t seed);
void job_case_same_files(const struct job_case *c, const char *one, const char *other);

/* ---- Run ---- */
void job_case_start(struct job_case *c);
int job_case_finish(struct job_case *c); /* until it ended; frees it; its exit */
int job_case_run(struct job_case *c);    /* both */
/* The same job in a process of its own, until watch ends that; true when kill -9 did. */
bool job_case_run_apart(struct job_case *c);
/* Turns until such an event is there that came after the first `after` events; its index. code is
 * looked at for STATE and SUMMARY. disk NULL: of a restore point, or of none. */
uint32_t job_case_await(struct job_case *c, uint32_t after, enum event_kind kind, const char *disk,
                        enum event_code code);
/* Until it is told to be that far. */
void job_case_await_percent(struct job_case *c, const char *disk, double percent);
/* Sends a command and waits for its answer, a view. */
const struct job_case_event *job_case_control(struct job_case *c, const struct control *control);
const struct job_case_event *job_case_verb(struct job_case *c, enum control_verb verb,
                                           const char *disk);

/* ---- Look ---- */
uint32_t job_case_count(const struct job_case *c, enum event_kind kind, const char *disk,
                        enum event_code code);
const struct job_case_event *job_case_summary(const struct job_case *c, const char *disk);
const struct job_case_event *job_case_point_summary(const struct job_case *c, const char *point);

#endif
