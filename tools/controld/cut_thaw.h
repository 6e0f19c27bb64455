/* cut_thaw.h - what this program, or an earlier life of it, froze and did not thaw, from its records.
 *
 * Knows:         the record of one freeze (a file NAME.frozen, mode 0600: commands may hold secrets).
 * Must not know: disks, snapshots.
 * Threads:       the reactor's.
 */
#ifndef CONTROLD_CUT_THAW_H
#define CONTROLD_CUT_THAW_H

#include "tools/controld/cut_hooks.h"

#define CUT_THAW_RECORD_MAX_BYTES (256u << 10)
#define CUT_RECORD_VARIABLE                                                                        \
    "SNAPFERRY_RECORD=" /* told to hooks: the record's file name, which is drawn */
#define CUT_THAW_RECORDS_MAX 1024u

struct cut_thaw_left;

struct cut_thaw_setup {
    struct reactor *reactor;
    const char *folder;     /* borrowed */
    const char *only_point; /* whose records; NULL: all of them. Borrowed */
    unsigned tries;         /* of each; 0: CUT_THAW_TRIES */
    /* For each record, error or not, in turn; a failed one stays where it is, for the next time. machine and
     * point are "" where a record does not tell. */
    void (*thawed)(void *arg, const char *machine, const char *point, const struct err *error);
    void (*done)(void *arg, struct cut_thaw_left *left); /* may be freed in here */
    void *arg;
};

/* Before anything is cut. NULL and an error when the folder cannot be read; one that is not there is
 * fine. */
struct cut_thaw_left *cut_thaw_left(const struct cut_thaw_setup *setup, struct err *e);
void cut_thaw_left_free(struct cut_thaw_left *left); /* NULL is fine; done ran */
/* What runs is ended, and failed; done follows. */
void cut_thaw_left_give_up(struct cut_thaw_left *left);

/* ---- For cut_hooks.c: one record ---- */
/* Durable when true. The path is malloc'd. */
bool cut_thaw_write(const char *point, const struct cut_hooks *hooks, char **out_path,
                    struct err *e);

#endif
