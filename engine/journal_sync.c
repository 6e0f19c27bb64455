/* journal_sync.c - when what was written to a journal survives a power loss: each second, and when
 * somebody waits for it. See journal.h. The reactor syncs, so that many journals share their disk's waits.
 */
#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "engine/journal_internal.h"
#include "io/durable.h"

/* ---- Each second ---- */

static void journal_sync_due(struct timer *timer);

static void journal_sync_in_a_while(struct journal *j)
{
    reactor_arm(j->reactor, &j->sync_timer, reactor_now_ns(j->reactor) + JOURNAL_SYNC_NS,
                journal_sync_due);
}

static void journal_sync_end(struct journal *j);

static void journal_sync_done(struct reactor_op *op)
{
    struct journal *j = (struct journal *)((char *)op - offsetof(struct journal, sync_op));
    struct err e = {0};

    j->syncing = false;
    if (op->result < 0)
        (void)journal_fail_errno(j, (int)-op->result, "synced", &e);
    else if (j->dirty)
        journal_sync_in_a_while(j);
    if (j->sync_joins) {
        j->sync_joins = false;
        journal_sync_end(j);
    }
}

static void journal_sync_due(struct timer *timer)
{
    struct journal *j = (struct journal *)((char *)timer - offsetof(struct journal, sync_timer));

    assert(!j->syncing);
    j->dirty = false;
    j->syncing = true;
    reactor_fsync(j->reactor, &j->sync_op, j->fd, journal_sync_done);
}

void journal_touched(struct journal *j)
{
    if (!j->dirty && !j->syncing)
        journal_sync_in_a_while(j);
    j->dirty = true;
}

/* ---- Waited for ---- */

static void journal_sync_end(struct journal *j)
{
    void (*done)(void *arg, const struct err *error) = j->sync_waits;
    struct err error = {0};

    if (--j->sync_parts)
        return;
    if (j->folder_fd >= 0)
        close(j->folder_fd);
    j->folder_fd = -1;
    j->sync_waits = NULL;
    if (j->sync_errno)
        (void)journal_fail_errno(j, j->sync_errno, "synced", &error);
    else if (err_is_set(&j->failed))
        error = j->failed;
    done(j->sync_arg, &error);
}

static void journal_file_synced(struct reactor_op *op)
{
    struct journal *j = (struct journal *)((char *)op - offsetof(struct journal, file_op));

    if (op->result < 0)
        j->sync_errno = (int)-op->result;
    journal_sync_end(j);
}

static void journal_folder_synced(struct reactor_op *op)
{
    struct journal *j = (struct journal *)((char *)op - offsetof(struct journal, folder_op));

    if (op->result < 0)
        j->sync_errno = (int)-op->result;
    journal_sync_end(j);
}

void journal_sync(struct journal *j, enum journal_sync what,
                  void (*done)(void *arg, const struct err *error), void *arg)
{
    assert(!j->sync_waits && j->folder_fd < 0);
    j->sync_waits = done;
    j->sync_arg = arg;
    j->sync_errno = 0;
    /* The one under way may take the kernel's only word of a write that failed: both must be good. */
    j->sync_joins = j->syncing;
    j->sync_parts = j->sync_joins ? 2 : 1;
    if (!j->syncing) { /* what is dirty is synced now */
        reactor_disarm(j->reactor, &j->sync_timer);
        j->dirty = false;
    }
    if (what == JOURNAL_SYNC_NAME) {
        j->folder_fd = durable_open_folder_of(j->path);
        if (j->folder_fd < 0) {
            j->sync_errno = errno;
        } else {
            j->sync_parts++;
            reactor_fsync(j->reactor, &j->folder_op, j->folder_fd, journal_folder_synced);
        }
    }
    reactor_fsync(j->reactor, &j->file_op, j->fd, journal_file_synced);
}

bool journal_busy(const struct journal *j)
{
    return j->syncing || j->sync_waits;
}
