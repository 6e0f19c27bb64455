/* cut_hooks.h - what makes a VM's disks consistent while they are cut: a freeze command, frozen file
 * systems; and their thaw, which always runs.
 *
 * Knows:         the order (command, then mounts; back in reverse), time limits, which steps are to be
 *                undone.
 * Must not know: disks, snapshots.
 * Threads:       the reactor's. One freeze, then one thaw.
 *
 * Commands run as io/command.h says, with SNAPFERRY_POINT and SNAPFERRY_RECORD set. A mount is frozen
 * with fsfreeze(8): FIFREEZE may wait for the disk for long, so it runs in a process of its own. A freeze
 * command that failed or took too long is thawed like one that went well: who knows what it did. A mount
 * that somebody else froze is left alone.
 */
#ifndef CONTROLD_CUT_HOOKS_H
#define CONTROLD_CUT_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/reactor.h"

#define CUT_MOUNTS_MAX         16u
#define CUT_HOOK_LIMIT_NS      (20 * NS_PER_S) /* of one freeze step */
#define CUT_THAW_LIMIT_NS      (60 * NS_PER_S) /* of one try of a thaw step */
#define CUT_THAW_TRIES         4u              /* with 1, 2 and 4 s between */
#define CUT_HOOK_MESSAGE_BYTES 400u

enum cut_hook_status {
    CUT_HOOK_NONE,          /* there are no hooks: crash consistent */
    CUT_HOOK_SUCCEEDED,     /* frozen, and thawed */
    CUT_HOOK_FREEZE_FAILED, /* and thawed: nothing was cut */
    CUT_HOOK_TIMED_OUT,     /* the window was too short for freeze and cuts; thawed */
    CUT_HOOK_THAW_FAILED    /* LOUD: the VM may still be frozen; its record stays in thaw_folder */
};

struct cut_hook_news {
    enum cut_hook_status status;
    char message[CUT_HOOK_MESSAGE_BYTES]; /* one sentence; "" when all is well. No secret */
};

struct cut_hooks {                          /* zeroed = none; texts borrowed until cut_free */
    const char *machine;                    /* whose, for the record; NULL = not told */
    const char *freeze_command;             /* NULL = none */
    const char *thaw_command;               /* NULL = none */
    const char *mounts[CUT_MOUNTS_MAX + 1]; /* mounted file systems; ends with NULL */
    const char *thaw_folder; /* where the record stands while frozen; needed with hooks */
    const char *keep_awake
        [8]; /* paths that must stay writable (our data): a mount that holds one is refused */
    uint64_t freeze_limit_ns; /* of one step; 0 = CUT_HOOK_LIMIT_NS */
};

struct cut_freeze;

struct cut_freeze_setup {
    struct reactor *reactor;
    const char *point;
    const struct cut_hooks *hooks; /* borrowed until freed */
    void (*frozen)(void *arg,
                   const struct err *error); /* after cut_freeze_start; thaw is due in any case */
    void (*thawed)(
        void *arg,
        const struct err *error); /* after cut_freeze_thaw; error: some step failed for good */
    void *arg;
    const char
        *record; /* of cut_thaw_left: what an earlier life wrote; all steps are to be undone */
    unsigned thaw_tries; /* 0 = CUT_THAW_TRIES */
};

/* ---- Life ---- */
bool cut_hooks_any(const struct cut_hooks *hooks);
/* Checks what can be known before (ERR_USAGE); nothing is frozen yet. */
struct cut_freeze *cut_freeze_new(const struct cut_freeze_setup *setup, struct err *e);
void cut_freeze_free(struct cut_freeze *f); /* NULL is fine; not between start and thawed */

/* ---- Use ---- */
void cut_freeze_start(struct cut_freeze *f); /* not with a record */
/* Once, after start, also while it is still freezing: that is then ended. */
void cut_freeze_thaw(struct cut_freeze *f);
/* While it thaws, for the end of the program: what runs is ended, nothing is tried again, thawed follows. */
void cut_freeze_give_up(struct cut_freeze *f);

const char *cut_hook_status_name(enum cut_hook_status status); /* "None", "Succeeded", ... static */

#endif
