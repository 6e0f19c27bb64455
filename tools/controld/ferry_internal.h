/* ferry_internal.h - what the files of the ferry share: a restore point's life, and the ferry that holds
 * them.
 *
 * ferry.c keeps the points, their places and the end of all; ferry_life.c moves one point from phase to
 * phase; ferry_crossing.c speaks with the child that copies it.
 */
#ifndef CONTROLD_FERRY_INTERNAL_H
#define CONTROLD_FERRY_INTERNAL_H

#include "tools/controld/ferry.h"
#include "tools/controld/ferry_child.h"
#include "tools/controld/ferry_legs.h"

#define FERRY_REST_FIRST_NS (500ull * NS_PER_MS) /* before another child; doubles, */
#define FERRY_REST_MAX_NS   (60ull * NS_PER_S)   /* up to this */
#define FERRY_LOCK_LOOK_NS  (50ull * NS_PER_MS)  /* while an orphan ends: looked at so often, */
#define FERRY_ORPHAN_NS     (60ull * NS_PER_S)   /* and killed after this */
#define FERRY_RENEW_NS      (10ull * NS_PER_S) /* a URL that was not to be had, or refused: again */
#define FERRY_PULSE_NS      (15ull * NS_PER_S) /* a child is asked for a word so often, */
#define FERRY_MUTE_NS       (300ull * NS_PER_S) /* and killed when it says none for so long */
#define FERRY_DEATHS_MAX    16u /* of children in a row that copied nothing; then it has failed */
#define FERRY_ARGUMENTS_MAX 10u

enum ferry_phase {
    FERRY_QUEUED,  /* waits for a place */
    FERRY_LOCKING, /* has a place; an orphan of an earlier snapferryd may still end */
    FERRY_RUNNING, /* has a place and a child */
    FERRY_RESTING, /* another child follows, or its end */
    FERRY_HALTED,  /* paused: no child */
    FERRY_OVER,
    FERRY_PHASES
};

struct ferry_life {
    /* set once */
    struct ferry *ferry;
    char *id, *lock_path;
    struct ferry_legs legs;
    /* changes */
    struct ferry_life *next;
    enum ferry_phase phase;
    bool pause, cancel; /* wanted */
    struct ferry_child *child;
    struct timer timer; /* LOCKING, RESTING */
    uint64_t locking_since_ns;
    bool orphan_told;
    struct timer renew_timer; /* RUNNING: some URL is to be asked for again */
    struct reactor_task task;
    bool freed; /* goes when the task ran */
    /* of this child */
    bool interrupted; /* it was asked to go */
    bool mute;        /* it was killed for its silence */
    struct timer pulse_timer;
    uint64_t spoke_ns;                   /* its last line */
    bool moved;                          /* it made something durable */
    char words[FERRY_MESSAGE_MAX_BYTES]; /* why it refused the job */
    /* of all */
    uint32_t deaths, rests;                /* in a row, without anything moved */
    char refusal[FERRY_MESSAGE_MAX_BYTES]; /* nothing can help: why it fails */
};

#define FERRY_STOP_NS (2ull * NS_PER_S) /* as FERRY_DRAIN_NS, when all of snapferryd ends */

struct ferry {
    /* set once; texts are owned */
    struct ferry_setup setup;
    char *program, *folder, *state_folder, *cacert;
    const char *arguments[FERRY_ARGUMENTS_MAX];
    int lock_fd; /* the folder's */
    /* FERRY_ORPHAN_NS, FERRY_REST_FIRST_NS, ...; a test may be less patient */
    uint64_t orphan_ns, rest_ns, drain_ns, stop_ns, pulse_ns, mute_ns;
    /* changes */
    struct ferry_life *first, **last; /* in the order they were begun */
    size_t points_count, children_count, places_count;
    struct reactor_task pump_task, stop_task;
    bool stopping, stop_told, freed;
    void (*stopped)(void *arg);
    void *stopped_arg;
};

/* ---- ferry.c ---- */
void ferry_tell(struct ferry_life *life, struct ferry_leg *leg);
void ferry_pump(struct ferry *ferry); /* later: begins what has a place */
void ferry_look_for_stop(struct ferry *ferry);
/* Takes it out, tells, frees it. */
void ferry_forget(struct ferry_life *life, enum event_code code, const char *message);
uint64_t ferry_wall_ns(const struct ferry *ferry);

/* ---- ferry_life.c ---- */
struct ferry_life *ferry_life_new(struct ferry *ferry, const struct ferry_point *point,
                                  struct err *e);
void ferry_life_free(struct ferry_life *life);      /* kills its child; told nothing more */
void ferry_life_nudge(struct ferry_life *life);     /* looks later at what is wanted of it */
void ferry_life_begin(struct ferry_life *life);     /* it got a place */
void ferry_life_stop(struct ferry_life *life);      /* snapferryd ends */
void ferry_life_interrupt(struct ferry_life *life); /* its child is to record what it did and go */
void ferry_life_refuse(struct ferry_life *life, const char *why);
/* Its child is gone. */
void ferry_life_landed(struct ferry_life *life, const struct ferry_child_end *end);

/* ---- ferry_crossing.c ---- */
/* Takes lock_fd. RETRY_NEVER: no other try can help. */
bool ferry_crossing_start(struct ferry_life *life, int lock_fd, struct err *e);

#endif
