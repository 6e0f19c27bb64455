/* cut_raw.h - one raw disk (a file or block device) cut at a point in time: by reflink, LVM, or a
 * command.
 *
 * Knows:         the command of each means, the variables it is told, how a cut is dropped.
 * Must not know: the other disks, hooks, who reads the cut.
 * Threads:       the reactor's. Everything that could block runs in a process of its own.
 *
 * Variables of every command:SNAPFERRY_POINT, SNAPFERRY_DISK, SNAPFERRY_SOURCE (raw.path) and
 * SNAPFERRY_CUT (raw.cut_path: what is to hold the cut afterwards). A command that ends with 0 and leaves
 * no file or device of the source's size there has failed.
 */
#ifndef CONTROLD_CUT_RAW_H
#define CONTROLD_CUT_RAW_H

#include <stdbool.h>
#include <stdint.h>

#include "io/command.h"
#include "io/reactor.h"

#define CUT_RAW_VARIABLE "SNAPFERRY_CUT=" /* told to commands: cut_path, by which they are known */
#define CUT_RAW_LIMIT_NS (60 * NS_PER_S)  /* of a drop or a sync */

enum cut_means {
    CUT_MEANS_NONE,    /* refused: a running VM's disk must not be read while it changes */
    CUT_MEANS_REFLINK, /* cp --reflink=always: XFS, btrfs; cut_path in the same file system */
    CUT_MEANS_LVM, /* lvcreate --snapshot; cut_path: a new name in the same folder, /dev/VG/NAME */
    CUT_MEANS_COMMAND
};

struct cut_raw { /* texts borrowed */
    enum cut_means means;
    const char *path;         /* the disk */
    const char *cut_path;     /* absolute; nothing is there yet */
    const char *command;      /* CUT_MEANS_COMMAND */
    const char *drop_command; /* removes a cut; NULL: rm -f, lvremove */
    const char
        *lvm_extents; /* "20%ORIGIN", or a size, "10737418240b"; NULL: a thin volume needs none */
};

struct cut_raw_op;

struct cut_raw_setup {
    struct reactor *reactor;
    const char *point, *disk; /* borrowed */
    const struct cut_raw *raw;
    void (*done)(void *arg, struct cut_raw_op *op,
                 const struct err *error); /* of each verb, once */
    void *arg;
};

/* ---- Life ---- */
struct cut_raw_op *cut_raw_new(const struct cut_raw_setup *setup, struct err *e);
void cut_raw_free(struct cut_raw_op *op); /* NULL is fine; no verb under way */

/* ---- Use: one at a time ---- */
/* Before anything is frozen, and here and now: the disk's size; ERR_CONFLICT, code
 * "SnapshotMeansRequired", for one without means; ERR_CONFLICT when something is at cut_path, unless it
 * is known to be ours and will be dropped. */
bool cut_raw_look(struct cut_raw_op *op, bool ours, struct err *e);
void cut_raw_take(struct cut_raw_op *op, uint64_t limit_ns); /* the moment that counts */
void cut_raw_keep(struct cut_raw_op *op); /* afterwards: durable, its use known */
/* Removes a cut, also of another life of this program; not there is fine. */
void cut_raw_drop(struct cut_raw_op *op);
/* Ends the verb under way; done follows, with an error. Idle is fine. */
void cut_raw_stop(struct cut_raw_op *op);

/* ---- Look ---- */
uint64_t cut_raw_size_bytes(const struct cut_raw_op *op);
uint64_t cut_raw_used_bytes(const struct cut_raw_op *op); /* after keep; of a device: its size */

#endif
