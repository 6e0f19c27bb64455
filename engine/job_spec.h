/* job_spec.h - what `snapferry run` is asked for: restore points, their disks, limits, where to report.
 *
 * Knows:         the members of a job (design "A job"), their defaults and bounds. A value.
 * Must not know: JSON (job_parse.h), how a disk is copied (job.h).
 * Threads:       none; one owner. job_spec_fini wipes what is secret.
 */
#ifndef ENGINE_JOB_SPEC_H
#define ENGINE_JOB_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/copy.h"

#define JOB_TEXT_MAX_BYTES   (64u << 20) /* of the whole job as JSON */
#define JOB_DISKS_MAX        16384u      /* of all restore points together */
#define JOB_POINTS_MAX       4096u
#define JOB_ID_MAX_BYTES     1024u
#define JOB_PRIORITY_MAX     1000u
#define JOB_PRIORITY_DEFAULT 1u
#define JOB_INTERVAL_MIN_MS  100u
#define JOB_INTERVAL_MAX_MS  3600000u
#define JOB_INTERVAL_MS      1000u

#define JOB_MEMORY_BYTES        (512ull << 20)
#define JOB_BLOB_REQUESTS_PER_S 500u          /* of one standard page blob */
#define JOB_BLOB_BYTES_PER_S    (60ull << 20) /* the same */
#define JOB_RATE_MIN_BYTES      65536u        /* a cap below it cannot be held: refused */

/* All per second; 0: none. */
struct job_limits {
    uint64_t memory_bytes;
    uint64_t bytes_per_s; /* of the whole process: what is read, and what is written, each */
    uint64_t account_bytes_per_s; /* of each storage account, likewise */
    uint64_t account_requests_per_s;
    uint64_t blob_bytes_per_s; /* of each page blob */
    uint64_t blob_requests_per_s;
};

/* One side of a disk. All zero: not given. Texts are owned. */
struct job_end {
    char *text;         /* secret: a URL with its SAS, a path, file:PATH, env:NAME, @FILE, null: */
    char *identity;     /* NULL: its own */
    uint64_t expires_s; /* wall time; 0: what its se= says */
};

struct job_disk {
    char *id;       /* unique in the job */
    uint32_t point; /* index into job_spec.points */
    uint32_t priority;
    struct job_end source, base, target;
    char *map, *journal; /* paths; NULL: none, and the state folder's */
    enum copy_footer footer;
    bool verify;
    bool target_new, target_larger; /* as in copy.h */
};

struct job_point {
    char *id;                        /* unique in the job */
    uint32_t first_disk, disk_count; /* into job_spec.disks */
};

struct job_report {
    char *url;            /* secret; NULL: nobody upstream */
    char *token_env;      /* name of the variable with the bearer token; NULL: none */
    uint32_t interval_ms; /* between two progress events of a disk, also on stdout */
};

struct job_spec {
    struct job_point *points; /* owned */
    uint32_t points_count;
    struct job_disk *disks; /* owned; those of one point stand together */
    uint32_t disks_count;
    struct job_limits limits;
    struct job_report report;
};

/* Defaults, and nothing to copy. */
void job_spec_init(struct job_spec *spec);
void job_spec_fini(struct job_spec *spec); /* a zeroed struct is fine */

#endif
