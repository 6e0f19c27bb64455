/* stage.h - what a command plays on: its session, its view, its ends opened.
 *
 * Knows:         how arguments become endpoints, where the user's state folder is.
 * Must not know: what the command does with them.
 * Threads:       the main thread.
 */
#ifndef SNAPFERRY_STAGE_H
#define SNAPFERRY_STAGE_H

#include <limits.h>
#include <stdbool.h>

#include "tools/snapferry/ends.h"
#include "tools/snapferry/options.h"
#include "tools/snapferry/renewal.h"
#include "tools/snapferry/session.h"
#include "tools/snapferry/view.h"

/* What is said at the first signal. */
#define STAGE_STOPPING "Stopping: what is in flight is let end. Once more ends at once."

struct stage {
    const struct options *options; /* borrowed */
    struct clock clock;            /* for the view, which speaks before there is a session */
    struct view view;
    struct session session;
    struct endpoint *source; /* NULL where TARGET stands alone */
    bool streamed;           /* it is a delta stream whose HEAD was read */
    struct endpoint *base;   /* NULL without --base */
    struct endpoint *target; /* of plan without TARGET: one that keeps nothing; NULL of many: */
    struct endpoint *targets[OPTIONS_TARGETS_MAX];
    uint32_t targets_count;         /* 0: there is one target */
    struct renewals renewals;       /* of their URLs */
    char *since;                    /* the base's URL; secret; NULL without base */
    const struct copy_found *found; /* borrowed; what changed since, where the command found it */
    struct copy_bound bound;        /* of borrowed texts; the copy that the base must be */
    char state_folder[PATH_MAX];    /* "" when there is none */
    uint64_t random_seed;
};

/* Parses and checks the ends, then opens them; nothing is sent or changed yet. Every failure before
 * the session is ERR_USAGE. A stage that failed to open still has its view, and must be closed. */
bool stage_open(struct stage *stage, const struct options *options, struct err *e);
void stage_close(struct stage *stage); /* nothing may be in flight */

/* Runs work; when the kernel interface fails there is no way on: reports and ends the process. */
void stage_run(struct stage *stage, const struct session_work *work);

/* Which millionths a sample or an audit takes: as asked, or drawn once. */
uint64_t stage_seed(const struct stage *stage);

/* $XDG_STATE_HOME/snapferry or ~/.local/state/snapferry; "" when neither variable is usable. */
void stage_default_state_folder(const char *xdg_state_home, const char *home,
                                char out_folder[PATH_MAX]);

/* ---- Commands ---- */
/* Fills *outcome; a status of STATUS_DONE with an error set means "as the error says". */
void command_copy(struct stage *stage, struct view_outcome *outcome);
void command_plan(struct stage *stage, struct view_outcome *outcome);
void command_verify(struct stage *stage, struct view_outcome *outcome);
void command_guard(struct stage *stage, struct view_outcome *outcome); /* verify, TARGET alone */
void command_snapshot(struct stage *stage, struct view_outcome *outcome);
void command_export(struct stage *stage, struct view_outcome *outcome);  /* the same to a stream */
void command_apply(struct stage *stage, struct view_outcome *outcome);   /* of a stream: a copy */
void command_receive(struct stage *stage, struct view_outcome *outcome); /* opens its session */
void command_run(struct stage *stage, struct view_outcome *outcome);     /* opens its session */
void command_ctl(struct stage *stage, struct view_outcome *outcome);     /* no session */
void command_bench(struct stage *stage, struct view_outcome *outcome);   /* opens its session */
void command_restore_point_list(struct stage *stage, struct view_outcome *outcome);
void command_restore_point_status(struct stage *stage, struct view_outcome *outcome);
void command_restore_point_verify(struct stage *stage, struct view_outcome *outcome);
void command_restore_point_access(struct stage *stage, struct view_outcome *outcome);
void command_restore_point_restore(struct stage *stage, struct view_outcome *outcome);
void command_restore_point_copy(struct stage *stage, struct view_outcome *outcome);
void command_map_build(struct stage *stage, struct view_outcome *outcome);
void command_map_diff(struct stage *stage, struct view_outcome *outcome); /* no session */
void command_map_show(struct stage *stage, struct view_outcome *outcome); /* no session */

#endif
