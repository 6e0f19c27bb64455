/* job_reading.h - a job while it is read: where in it we are, what was wrong so far. Private to job_parse.
 *
 * Knows:         JSON paths, tables of members, which of them must be there.
 * Must not know: what a member means; its reader does.
 * Threads:       pure.
 */
#ifndef ENGINE_JOB_READING_H
#define ENGINE_JOB_READING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "blockmap/err.h"
#include "engine/job_members.h"
#include "engine/job_parse.h"
#include "engine/job_spec.h"

#define JOB_UNKNOWN_MAX                                                                            \
    64u /* names of members nobody knows, told once each; then one more for the rest */

struct job_reading {
    struct job_spec *spec; /* being filled; borrowed */
    job_mistake_fn *told;
    void *arg;
    char path[JOB_PATH_MAX_BYTES]; /* of what is read now */
    uint32_t mistakes;
    struct {
        char name[JOB_NAME_SHOWN_SIZE];
        char path[JOB_PATH_MAX_BYTES]; /* where it was first */
        uint32_t count;
    } unknown[JOB_UNKNOWN_MAX];
    uint32_t unknown_count, unknown_more;
};

typedef void job_member_fn(struct job_reading *reading, json_t *value, void *arg, unsigned which);

/* A table of them ends with one that has no name. */
struct job_member {
    const char *name;
    job_member_fn *read; /* path is the member's; arg as given to job_reading_object */
    bool needed;
    unsigned which; /* given to read */
};

/* ---- Where ---- */
/* What they return goes to leave. */
size_t job_reading_enter(struct job_reading *reading, const char *member);
size_t job_reading_enter_item(struct job_reading *reading, size_t index);
void job_reading_leave(struct job_reading *reading, size_t mark);

/* ---- What is wrong, with what is read now ---- */
void job_reading_mistake(struct job_reading *reading, const struct err *e);
void job_reading_wrong(struct job_reading *reading, const char *sentence);
void job_reading_tell(struct job_reading *reading, bool warning, const char *path,
                      const char *sentence);
/* What was counted instead of told. */
void job_reading_conclude(struct job_reading *reading);

/* ---- Read ---- */
void job_reading_object(struct job_reading *reading, json_t *value,
                        const struct job_member *members, void *arg);
bool job_reading_keep(const char *text, char **out_text, struct err *e);
/* A name, which events tell. */
void job_reading_id(struct job_reading *reading, json_t *value, char **out_text);
/* As job_members_text, and kept. */
void job_reading_text(struct job_reading *reading, json_t *value, size_t max_bytes,
                      char **out_text);
void job_reading_disk(struct job_reading *reading, json_t *value, struct job_disk *disk);

#endif
