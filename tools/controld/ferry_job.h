/* ferry_job.h - what is written to a child's stdin: the job, then commands, each a line of JSON.
 *
 * Knows:         the members of a job and of commands (design "A job"); that URLs in them are secret.
 * Must not know: processes, who makes URLs.
 * Threads:       pure.
 *
 * A line is built by ourselves, not by a JSON library, because that leaves copies of a URL behind that
 * nobody wipes.
 */
#ifndef CONTROLD_FERRY_JOB_H
#define CONTROLD_FERRY_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/access.h"

struct ferry_line { /* zeroed = empty */
    char *bytes;    /* secret */
    size_t count, room;
    bool failed; /* memory ran out: what is there is not whole */
};

struct ferry_job_end {
    const char *url;      /* secret, or a path; NULL: there is none (a base) */
    const char *identity; /* NULL: none */
    uint64_t expires_s;   /* 0: not told */
};

struct ferry_job_disk {
    const char *id;
    struct ferry_job_end sides[ACCESS_SIDES];
    const char *map; /* NULL: none */
    const char *journal;
    bool verify;
    bool target_new, target_larger, raw;
};

struct ferry_job_limits { /* 0: not told */
    uint64_t memory_bytes, bytes_per_s;
};

/* Begins the job, adds disks, ends it. */
void ferry_job_begin(struct ferry_line *line, const char *point);
void ferry_job_add(struct ferry_line *line, const struct ferry_job_disk *disk);
void ferry_job_end(struct ferry_line *line, const struct ferry_job_limits *limits);

/* A whole line of its own. */
void ferry_job_renew(struct ferry_line *line, const char *disk, enum access_side side,
                     const struct ferry_job_end *end, const char *tag);

/* Asks for an answer, whatever it is. */
void ferry_job_status(struct ferry_line *line);

void ferry_line_fini(struct ferry_line *line); /* wipes */

#endif
