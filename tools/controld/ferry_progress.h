/* ferry_progress.h - how far one disk is, as the data plane last said: in memory, never back.
 *
 * Knows:         what an event of `snapferry run` tells of a disk; that children die and begin again.
 * Must not know: processes, JSON, the catalog.
 * Threads:       pure; one owner.
 *
 * A percentage is the greatest that was ever told, also by an earlier child or (seed) an earlier
 * snapferryd. It is 100 only when the disk has succeeded.
 */
#ifndef CONTROLD_FERRY_PROGRESS_H
#define CONTROLD_FERRY_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/digest.h"
#include "engine/event.h"

#define FERRY_MESSAGE_MAX_BYTES  512u
#define FERRY_PERCENT_UNENDED    99.9 /* the most of a disk that has not succeeded */
#define FERRY_WHY_FULL_MAX_BYTES 320u

enum ferry_level { FERRY_INFO, FERRY_WARNING, FERRY_ERROR };

/* What a disk's summary says; all zero until there is one. */
struct ferry_outcome {
    char root
        [DIGEST_TEXT_MAX_BYTES]; /* "sha256:..." of the disk; "" where a delta does not know it */
    char delta_digest[DIGEST_TEXT_MAX_BYTES]; /* "" of a full copy */
    char why_full[FERRY_WHY_FULL_MAX_BYTES]; /* a base was given and a full copy made: a sentence */
    bool delta;
    uint64_t disk_bytes; /* of the source, its footer included; 0: not told */
    uint64_t read_bytes, written_bytes, cleared_bytes, resumed_bytes;
};

struct ferry_disk_view {
    enum event_code code;
    enum ferry_level level;
    char message[FERRY_MESSAGE_MAX_BYTES]; /* a sentence, redacted; may be "" */
    double percent;                        /* 0 .. 100 */
    uint64_t changed_bytes, durable_bytes;
    uint64_t bytes_per_s; /* 0: not known, or not under way */
    uint64_t eta_s;       /* UINT64_MAX: not known */
    uint64_t heard_ns;    /* wall time of the last word, also of one that only repeats */
    struct ferry_outcome outcome;
};

/* "ReplicationState/pending" and that far. */
void ferry_progress_init(struct ferry_disk_view *view, double seed_percent, uint64_t wall_ns);
/* A disk that has ended takes no news any more: these are then without effect. */
void ferry_progress_state(struct ferry_disk_view *view, enum event_code code,
                          enum ferry_level level, const char *message, uint64_t wall_ns);
void ferry_progress_moved(struct ferry_disk_view *view, const struct progress_view *progress,
                          uint64_t wall_ns);
/* Its last word; outcome may be NULL. PAUSED: stopped, not ended. */
void ferry_progress_ended(struct ferry_disk_view *view, enum event_code code, const char *message,
                          const struct ferry_outcome *outcome, uint64_t wall_ns);

/* Succeeded, failed or canceled. */
bool ferry_code_is_last(enum event_code code);
const char *ferry_level_name(enum ferry_level level); /* "Info", ... */

#endif
