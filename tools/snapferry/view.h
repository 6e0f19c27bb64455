/* view.h - what a person or a program sees of a command while it runs and when it ended.
 *
 * Knows:         progress, sentences, a summary, an outcome.
 * Must not know: endpoints, how a copy works, what a secret is for: every text that passes is redacted.
 * Threads:       the main thread.
 *
 * Four kinds behind one table: a live line (terminal), a line now and then (plain), events (JSON),
 * and silence. Progress and errors go to stderr, results and events to stdout.
 */
#ifndef SNAPFERRY_VIEW_H
#define SNAPFERRY_VIEW_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "engine/copy.h"
#include "engine/progress.h"
#include "io/clock.h"
#include "io/endpoint.h"
#include "io/endpoint_relay.h"
#include "tools/snapferry/exit_status.h"

#define VIEW_TICK_NS       250000000ull /* a live line is drawn at most so often */
#define VIEW_ROWS_MAX      8u
#define VIEW_ROW_MAX_BYTES 512u

enum view_kind { VIEW_TERMINAL, VIEW_PLAIN, VIEW_JSON, VIEW_QUIET };

/* How things stand now. */
struct view_moment {
    const char *phase; /* static text */
    struct progress_view progress;
};

/* How things ended. */
struct view_outcome {
    enum exit_status status;
    struct err error; /* kind ERR_NONE when there was none */
    /* Of what was stopped and can be gone on with: */
    char journal[PATH_MAX];  /* "": nothing is recorded */
    double recorded_percent; /* in it */
};

/* What a copy did, with what only the tool knows: what its endpoints and the process spent. */
struct view_copy {
    const struct copy_summary *copy;
    struct view_outcome outcome;
    bool verified; /* read back and found equal */
    uint64_t requests_count;
    uint64_t wire_bytes; /* over the network, both ends; with a relay: between the regions */
    const struct endpoint_relay_counts *relay; /* NULL: none */
    uint64_t cpu_ns;
    const struct http *http; /* NULL: none; whose threads shared the work */
};

struct view;
struct view_ops {
    void (*moment)(struct view *, const struct view_moment *, uint64_t now_ns);
    void (*state)(struct view *, const char *code, const char *level, const char *sentence);
    void (*copy)(struct view *, const struct view_copy *);
    void (*clear_line)(struct view *); /* NULL: nothing to clear */
    void (*end)(struct view *, const struct view_outcome *);
};

/* The lines of several targets on a terminal, below each other. */
struct view_rows {
    uint32_t count;
    bool open; /* they stand on the screen, the cursor below them */
    char line[VIEW_ROWS_MAX][VIEW_ROW_MAX_BYTES];
};

struct view {
    /* set once */
    const struct view_ops *ops;
    enum view_kind kind;
    const struct clock *clock; /* borrowed */
    char disk[ENDPOINT_NAME_MAX_BYTES];
    char target[ENDPOINT_NAME_MAX_BYTES]; /* of several; "" = there is one */
    struct view_rows *rows;               /* borrowed; NULL: a line of its own */
    uint32_t row;
    /* changes */
    uint64_t due_ns;         /* the next progress is shown then */
    const char *phase_shown; /* static text; NULL before the first */
    bool line_open;          /* TERMINAL: a live line stands on the screen */
};

/* ---- Life ---- */
/* Picks JSON or silence when asked for, else by what stderr is. */
enum view_kind view_pick(bool json, bool quiet);
/* The clock is borrowed. The disk's name is cut to what fits. */
void view_init(struct view *view, enum view_kind kind, const struct clock *clock);
void view_name_disk(struct view *view, const char *disk);
/* This view is of one of several targets: all it tells names that. rows: that it shares with the others. */
void view_name_target(struct view *view, const char *target, struct view_rows *rows, uint32_t row);

/* ---- Use ---- */
void view_moment(struct view *view, const struct view_moment *moment);
void view_begin(struct view *view);                       /* the state "in progress" */
void view_say(struct view *view, const char *sentence);   /* a warning, or something to know */
void view_wait(struct view *view, const char *sentence);  /* the state "waiting for access" */
void view_go_on(struct view *view, const char *sentence); /* "in progress" again */
void view_copy(struct view *view, const struct view_copy *done);
/* Text from outside, such as a marker's, as it may be shown: without control characters of a terminal,
 * and without a SAS, should one have got there. In place. */
void view_clean(char *text);
/* Before a command prints results of its own. */
void view_clear_line(struct view *view);
/* The last word of one of several targets. */
void view_end_target(struct view *view, const struct view_outcome *outcome);
/* The last word: the error if there is one, and what to do. Call once. */
void view_end(struct view *view, const struct view_outcome *outcome);

/* ---- For the kinds ---- */
/* Time for another progress: a new phase, or the last one is interval_ns old. Notes that it is told. */
bool view_is_due(struct view *view, const char *phase, uint64_t interval_ns, uint64_t now_ns);
extern const struct view_ops view_terminal_ops, view_plain_ops, view_json_ops, view_quiet_ops;

#endif
