/* cut_raw.c - see cut_raw.h. Every means is a command: cp, lvcreate, or what the config says. */
#include "tools/controld/cut_raw.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/controld/cut_strays.h"

#define SBIN "PATH=$PATH:/usr/sbin:/sbin; "

/* FICLONE of the whole file or nothing; never a slow copy of bytes that change meanwhile. */
#define REFLINK "umask 077; exec cp --reflink=always -- \"$SNAPFERRY_SOURCE\" \"$SNAPFERRY_CUT\""
#define LVM_TAKE                                                                                   \
    SBIN "case $SNAPFERRY_EXTENTS in *%*) SNAPFERRY_ROOM=--extents ;; ?*) SNAPFERRY_ROOM=--size "  \
         ";; "                                                                                     \
         "*) SNAPFERRY_ROOM= ;; esac; exec lvcreate --yes --snapshot --setactivationskip n "       \
         "--name \"${SNAPFERRY_CUT##*/}\" "                                                        \
         "${SNAPFERRY_ROOM:+\"$SNAPFERRY_ROOM=$SNAPFERRY_EXTENTS\"} "                              \
         "\"$SNAPFERRY_SOURCE\""
#define KEEP     "exec sync \"$SNAPFERRY_CUT\" \"${SNAPFERRY_CUT%/*}/\""
#define DROP     "exec rm -f -- \"$SNAPFERRY_CUT\""
#define LVM_DROP SBIN "exec lvremove --yes \"$SNAPFERRY_CUT\""

enum raw_verb { RAW_IDLE, RAW_TAKE, RAW_KEEP, RAW_DROP };

struct cut_raw_op {
    struct cut_raw_setup setup;
    const struct cut_raw *raw;
    enum raw_verb verb; /* under way */
    struct command *command;
    struct reactor_task task;
    struct err error; /* to be told by the task */
    uint64_t size_bytes, used_bytes;
};

/* ---- Life ---- */

struct cut_raw_op *cut_raw_new(const struct cut_raw_setup *setup, struct err *e)
{
    struct cut_raw_op *op = calloc(1, sizeof *op);

    if (!op) {
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory to cut a disk");
        return NULL;
    }
    op->setup = *setup;
    op->raw = setup->raw;
    return op;
}

void cut_raw_free(struct cut_raw_op *op)
{
    assert(!op || op->verb == RAW_IDLE);
    free(op);
}

/* ---- Look ---- */

/* Of a file or device; the size of a device is where it ends. */
static bool look_at(const char *path, struct stat *out_stat, uint64_t *out_bytes, struct err *e)
{
    off_t end;
    int fd;

    if (stat(path, out_stat) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot look at %.200s", path);
    if (S_ISREG(out_stat->st_mode)) {
        *out_bytes = (uint64_t)out_stat->st_size;
        return true;
    }
    if (!S_ISBLK(out_stat->st_mode))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%.200s is neither a file nor a block device",
                       path);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    end = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
    if (end < 0)
        err_set_errno(e, errno, RETRY_NEVER, "cannot look at %.200s", path);
    if (fd >= 0)
        close(fd);
    if (end < 0)
        return false;
    *out_bytes = (uint64_t)end;
    return true;
}

bool cut_raw_look(struct cut_raw_op *op, bool ours, struct err *e)
{
    const struct cut_raw *raw = op->raw;
    struct stat found;

    if (!look_at(raw->path, &found, &op->size_bytes, e))
        return false;
    if (raw->means == CUT_MEANS_NONE) {
        err_set(
            e, ERR_CONFLICT, RETRY_NEVER,
            "%.160s is a raw disk without a means of a point in time (reflink, LVM or a snapshot "
            "command): read while it changes it would be no disk",
            raw->path);
        e->http_status = 409;
        strcpy(e->code, "SnapshotMeansRequired");
        return false;
    }
    if (!raw->cut_path || raw->cut_path[0] != '/' ||
        (raw->means == CUT_MEANS_COMMAND && (!raw->command || !*raw->command)))
        return err_set(
            e, ERR_USAGE, RETRY_NEVER,
            "the cut of %.160s needs an absolute path, and a command where that is its means",
            raw->path);
    if (!ours && lstat(raw->cut_path, &found) == 0)
        return err_set(e, ERR_CONFLICT, RETRY_NEVER, "%.200s is there already", raw->cut_path);
    return true;
}

/* ---- Commands ---- */

static void tell(struct cut_raw_op *op, const struct err *error)
{
    op->verb = RAW_IDLE;
    op->setup.done(op->setup.arg, op, error);
}

/* Is there now what was asked for? */
static void judge_cut(struct cut_raw_op *op, struct err *e)
{
    struct stat found;
    uint64_t bytes = 0;

    if (!look_at(op->raw->cut_path, &found, &bytes, e)) {
        err_prefix(e, "the command said that the disk is cut, but: ");
        return;
    }
    if (bytes != op->size_bytes)
        err_set(e, ERR_IO, RETRY_NEVER, "the cut %.160s has %llu bytes, and its disk had %llu",
                op->raw->cut_path, (unsigned long long)bytes, (unsigned long long)op->size_bytes);
    op->used_bytes = S_ISREG(found.st_mode) ? (uint64_t)found.st_blocks * 512 : bytes;
}

/* Gone is gone, whoever did it: a command of an earlier life may still have run. */
static void judge_drop(struct cut_raw_op *op, struct err *e)
{
    struct stat found;

    if (lstat(op->raw->cut_path, &found) != 0 && errno == ENOENT)
        err_clear(e);
    else if (!err_is_set(e))
        err_set(e, ERR_IO, RETRY_LATER, "the command said that %.160s is gone, but it is not",
                op->raw->cut_path);
}

static void on_ended(void *arg, struct command *command)
{
    struct cut_raw_op *op = arg;
    struct err error = *command_error(command);

    command_free(command);
    op->command = NULL;
    if (op->verb == RAW_DROP)
        judge_drop(op, &error);
    else if (!err_is_set(&error))
        judge_cut(op, &error);
    tell(op, &error);
}

static void on_task(struct reactor_task *task)
{
    struct cut_raw_op *op = (struct cut_raw_op *)((char *)task - offsetof(struct cut_raw_op, task));

    tell(op, &op->error);
}

/* What is known without a command is told in the next turn. */
static void tell_later(struct cut_raw_op *op)
{
    reactor_post(op->setup.reactor, &op->task, on_task);
}

static void run(struct cut_raw_op *op, enum raw_verb verb, const char *text, uint64_t limit_ns)
{
    const struct cut_raw *raw = op->raw;
    char *guarded = cut_strays_guard(text);
    struct command_setup setup = {.text = guarded,
                                  .limit_ns = limit_ns,
                                  .done = on_ended,
                                  .arg = op,
                                  .variables = {"LC_ALL=C"}};
    const char *const names[] = {"POINT", "DISK", "SOURCE", "CUT", "EXTENTS"};
    const char *const values[] = {op->setup.point, op->setup.disk, raw->path, raw->cut_path,
                                  raw->lvm_extents};
    char *texts[5] = {0};
    bool ok = guarded != NULL;

    assert(op->verb == RAW_IDLE);
    op->verb = verb;
    err_clear(&op->error);
    for (size_t i = 0; i < 5; i++) {
        ok = ok && asprintf(&texts[i], "SNAPFERRY_%s=%s", names[i], values[i] ? values[i] : "") > 0;
        setup.variables[i + 1] = ok ? texts[i] : NULL;
        if (!ok)
            texts[i] = NULL;
    }
    if (ok)
        op->command = command_start(op->setup.reactor, &setup, &op->error);
    else
        err_set(&op->error, ERR_LIMIT, RETRY_LATER, "no memory to cut a disk");
    for (size_t i = 0; i < 5; i++)
        free(texts[i]);
    free(guarded);
    if (!op->command)
        tell_later(op);
}

/* ---- Verbs ---- */

void cut_raw_take(struct cut_raw_op *op, uint64_t limit_ns)
{
    const char *text = op->raw->command;

    if (op->raw->means == CUT_MEANS_REFLINK)
        text = REFLINK;
    else if (op->raw->means == CUT_MEANS_LVM)
        text = LVM_TAKE;
    run(op, RAW_TAKE, text, limit_ns);
}

void cut_raw_keep(struct cut_raw_op *op)
{
    run(op, RAW_KEEP, KEEP, CUT_RAW_LIMIT_NS);
}

void cut_raw_drop(struct cut_raw_op *op)
{
    const char *text = op->raw->drop_command;
    struct stat found;

    err_clear(&op->error);
    if (!text && op->raw->means != CUT_MEANS_LVM && stat(op->raw->cut_path, &found) == 0 &&
        !S_ISREG(found.st_mode))
        err_set(&op->error, ERR_USAGE, RETRY_NEVER,
                "%.160s is no file, and there is no command that removes it", op->raw->cut_path);
    if (err_is_set(&op->error) || (lstat(op->raw->cut_path, &found) != 0 && errno == ENOENT)) {
        op->verb = RAW_DROP;
        tell_later(op);
        return;
    }
    if (!text)
        text = op->raw->means == CUT_MEANS_LVM ? LVM_DROP : DROP;
    run(op, RAW_DROP, text, CUT_RAW_LIMIT_NS);
}

void cut_raw_stop(struct cut_raw_op *op)
{
    if (op->command)
        command_stop(op->command);
}

uint64_t cut_raw_size_bytes(const struct cut_raw_op *op)
{
    return op->size_bytes;
}

uint64_t cut_raw_used_bytes(const struct cut_raw_op *op)
{
    return op->used_bytes;
}
