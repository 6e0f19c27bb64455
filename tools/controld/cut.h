/* cut.h - a point in time of a VM's disks: frozen, every disk cut, thawed; the data moves afterwards.
 *
 * Knows:         the order of a cut: everything looked at first; hooks; all disks at once inside one
 *                window; thaw, whatever happened; then the tidying. All disks or none.
 * Must not know: the catalog, restore points' states, how a cut is copied.
 * Threads:       the reactor's. `done` runs once, from the reactor. Nothing here blocks it: hooks and the
 *                means of raw disks are commands.
 *
 * A cut that fails leaves nothing but what cut_left tells of: snapshots that name their point
 * (region_snapshot.h). A frozen VM is written to thaw_folder before anything freezes, and is thawed from
 * there after a crash: cut_thaw.h.
 */
#ifndef CONTROLD_CUT_H
#define CONTROLD_CUT_H

#include "tools/controld/cut_hooks.h"
#include "tools/controld/cut_raw.h"
#include "tools/controld/region_snapshot.h"

#define CUT_DISKS_MAX  65u /* one of the system, 64 of data */
#define CUT_WINDOW_NS  (30 * NS_PER_S)
#define CUT_PREPARE_NS (60 * NS_PER_S)
#define CUT_TIDY_NS    (120 * NS_PER_S)
#define CUT_MEASURE_NS (2 * NS_PER_S) /* after the thaw; so much later a cut may end for it */

struct cut;

struct cut_disk {   /* texts are borrowed until cut_free */
    const char *id; /* the disk restore point's id: in metadata, to commands, in errors */
    /* a page blob, when account is set: */
    struct region_account *account;
    const char *container, *blob;
    /* a raw disk otherwise: */
    struct cut_raw raw;
};

struct cut_setup {
    struct reactor *reactor;
    const char *point; /* the restore point's id, for commands and errors; borrowed */
    const struct cut_disk *disks;
    size_t count;
    struct cut_hooks hooks;
    uint64_t
        window_ns; /* from the first freeze to the beginning of the thaw at most; 0 = CUT_WINDOW_NS */
    /* An earlier life may have begun this very cut: what names it, and what lies at cut_path, is dropped
     * before anything is frozen. */
    bool again;
    void (*done)(void *arg, struct cut *cut); /* the cut may be freed in here */
    void *arg;
};

struct cut_result {       /* of one disk; zero after a failure */
    const char *snapshot; /* of a blob: its time; a view, until cut_free; "" for a raw disk */
    const char *path;     /* of a raw disk: the file or device that holds the cut; "" for a blob */
    uint64_t size_bytes;
    uint64_t used_bytes; /* what it occupies; 0: not found out within CUT_MEASURE_NS */
};

/* ---- Life ---- */
/* NULL and an error where nothing was begun:ERR_CONFLICT, code "SnapshotMeansRequired", for a raw disk
 *                                           without
 * means; ERR_USAGE for what cannot be. done is not called then. */
struct cut *cut_begin(const struct cut_setup *setup, struct err *e);
void cut_free(struct cut *cut); /* NULL is fine; done ran */
/* Gives up as soon as it can: thaws, tidies, and ends with ERR_CANCELED. */
void cut_cancel(struct cut *cut);

/* ---- Look, in done ---- */
const struct err *cut_error(const struct cut *cut); /* ERR_NONE: every disk is cut */
struct cut_result cut_result(const struct cut *cut, size_t disk);
const struct cut_hook_news *
cut_hook(const struct cut *cut); /* what became of the hooks, and their words */
uint64_t
cut_window_ns(const struct cut *cut); /* frozen for so long; without hooks: the time of the cuts */
uint64_t
cut_moment_ns(const struct cut *cut); /* wall clock: when the first disk was asked to be cut */
bool cut_left(const struct cut *cut); /* some snapshot may have been left: sweep, now and later */

#endif
