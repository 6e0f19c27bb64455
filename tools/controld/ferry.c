/* ferry.c - see ferry.h: the restore points that were begun, their queue, and the end of all. */
#include "tools/controld/ferry.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/durable.h"
#include "tools/controld/ferry_internal.h"
#include "tools/controld/ferry_lock.h"

uint64_t ferry_wall_ns(const struct ferry *ferry)
{
    return reactor_wall_ns(ferry->setup.reactor);
}

void ferry_tell(struct ferry_life *life, struct ferry_leg *leg)
{
    const struct ferry_callbacks *callbacks = &life->ferry->setup.callbacks;

    callbacks->disk(callbacks->arg, life->id, leg->id, &leg->view);
}

/* ---- The queue ---- */

static void ferry_release(struct ferry *ferry);

static void pump(struct reactor_task *task)
{
    struct ferry *ferry = (struct ferry *)((char *)task - offsetof(struct ferry, pump_task));

    if (ferry->freed) {
        ferry_release(ferry);
        return;
    }
    for (struct ferry_life *life = ferry->first; life && !ferry->stopping; life = life->next) {
        if (ferry->places_count >= ferry->setup.children_max)
            return;
        if (life->phase == FERRY_QUEUED && !life->pause && !life->cancel &&
            !ferry_legs_settled(&life->legs))
            ferry_life_begin(life);
    }
}

void ferry_pump(struct ferry *ferry)
{
    if (!ferry->pump_task.posted)
        reactor_post(ferry->setup.reactor, &ferry->pump_task, pump);
}

static struct ferry_life *find(const struct ferry *ferry, const char *point)
{
    for (struct ferry_life *life = ferry->first; life; life = life->next)
        if (strcmp(life->id, point) == 0)
            return life;
    return NULL;
}

static void take_out(struct ferry_life *life)
{
    struct ferry *ferry = life->ferry;
    struct ferry_life **at = &ferry->first;

    while (*at != life)
        at = &(*at)->next;
    *at = life->next;
    if (ferry->last == &life->next)
        ferry->last = at;
    ferry->points_count--;
}

void ferry_forget(struct ferry_life *life, enum event_code code, const char *message)
{
    const struct ferry_callbacks *callbacks = &life->ferry->setup.callbacks;

    take_out(life);
    ferry_lock_remove(life->lock_path);
    callbacks->point_ended(callbacks->arg, life->id, code, message);
    ferry_life_free(life);
}

bool ferry_begin(struct ferry *ferry, const struct ferry_point *point, struct err *e)
{
    struct ferry_life *life;

    if (!ferry_id_is_good(point->id))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "a restore point's id may not be that");
    if (find(ferry, point->id))
        return err_set(e, ERR_CONFLICT, RETRY_LATER, "it is being copied already");
    if (ferry->stopping)
        return err_set(e, ERR_CANCELED, RETRY_LATER, "the service is being stopped");
    if (ferry->points_count >= FERRY_POINTS_MAX)
        return err_set(e, ERR_LIMIT, RETRY_LATER, "%u restore points are being copied already",
                       FERRY_POINTS_MAX);
    life = ferry_life_new(ferry, point, e);
    if (!life)
        return false;
    *ferry->last = life;
    ferry->last = &life->next;
    ferry->points_count++;
    ferry_life_nudge(life);
    ferry_pump(ferry);
    return true;
}

/* ---- Verbs ---- */

/* Of a point that can still be steered. */
static struct ferry_life *steered(struct ferry *ferry, const char *point, struct err *e)
{
    struct ferry_life *life = find(ferry, point);

    if (!life)
        err_set(e, ERR_GONE, RETRY_NEVER, "no such restore point is being copied");
    else if (life->phase == FERRY_OVER || life->cancel)
        err_set(e, ERR_CONFLICT, RETRY_NEVER,
                life->cancel ? "it is being canceled already" : "it has ended");
    else
        return life;
    return NULL;
}

/* Its child, if there is one, records what it did and goes; then it is looked at. */
static void interrupt(struct ferry_life *life)
{
    ferry_life_interrupt(life);
    ferry_life_nudge(life);
}

bool ferry_pause(struct ferry *ferry, const char *point, struct err *e)
{
    struct ferry_life *life = steered(ferry, point, e);

    if (!life)
        return false;
    if (life->pause)
        return err_set(e, ERR_CONFLICT, RETRY_NEVER, "it is paused already");
    life->pause = true;
    interrupt(life);
    return true;
}

bool ferry_resume(struct ferry *ferry, const char *point, struct err *e)
{
    struct ferry_life *life = steered(ferry, point, e);

    if (!life)
        return false;
    if (!life->pause)
        return err_set(e, ERR_CONFLICT, RETRY_NEVER, "it is not paused");
    life->pause = false;
    ferry_life_nudge(life);
    return true;
}

bool ferry_cancel(struct ferry *ferry, const char *point, struct err *e)
{
    struct ferry_life *life = steered(ferry, point, e);

    if (!life)
        return false;
    life->cancel = true;
    interrupt(life);
    return true;
}

/* ---- Look ---- */

bool ferry_has(const struct ferry *ferry, const char *point)
{
    return find(ferry, point) != NULL;
}

const struct ferry_disk_view *ferry_look(const struct ferry *ferry, const char *point,
                                         const char *disk)
{
    const struct ferry_life *life = find(ferry, point);
    const struct ferry_leg *leg = life ? ferry_legs_find(&life->legs, disk) : NULL;

    return leg ? &leg->view : NULL;
}

size_t ferry_points_count(const struct ferry *ferry)
{
    return ferry->points_count;
}

size_t ferry_children_count(const struct ferry *ferry)
{
    return ferry->children_count;
}

int ferry_child_pid(const struct ferry *ferry, const char *point)
{
    const struct ferry_life *life = find(ferry, point);

    return life && life->child ? ferry_child_process(life->child) : 0;
}

/* ---- The end of all ---- */

static void tell_stopped(struct reactor_task *task)
{
    struct ferry *ferry = (struct ferry *)((char *)task - offsetof(struct ferry, stop_task));

    if (ferry->freed)
        ferry_release(ferry);
    else
        ferry->stopped(ferry->stopped_arg);
}

void ferry_look_for_stop(struct ferry *ferry)
{
    if (ferry->children_count > 0 || ferry->stop_told)
        return;
    ferry->stop_told = true;
    reactor_post(ferry->setup.reactor, &ferry->stop_task, tell_stopped);
}

void ferry_stop(struct ferry *ferry, void (*stopped)(void *arg), void *arg)
{
    assert(!ferry->stopping);
    ferry->stopping = true;
    ferry->stopped = stopped;
    ferry->stopped_arg = arg;
    for (struct ferry_life *life = ferry->first; life; life = life->next)
        ferry_life_stop(life);
    ferry_look_for_stop(ferry);
}

/* ---- Life ---- */

static bool make_folders(struct ferry *ferry, struct err *e)
{
    static const char *const names[] = {"state", FERRY_JOURNALS, FERRY_LOCKS};
    bool ok = true;

    for (size_t i = 0; ok && i < sizeof names / sizeof names[0]; i++) {
        char *path = NULL;

        if (asprintf(&path, "%s/%s", ferry->folder, names[i]) < 0)
            return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a path");
        ok = durable_make_folder(path, e);
        if (i == 0)
            ferry->state_folder = path;
        else
            free(path);
    }
    return ok;
}

/* Two of us would not see each other's points, only their locks. */
static bool lock_folder(struct ferry *ferry, struct err *e)
{
    char *path = NULL;
    bool ok;

    if (asprintf(&path, "%s/lock", ferry->folder) < 0)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a path");
    ok = durable_lock(path, true, &ferry->lock_fd, e);
    free(path);
    return ok;
}

static void list_arguments(struct ferry *ferry)
{
    const char **at = ferry->arguments;

    *at++ = ferry->program;
    *at++ = "run";
    *at++ = "-";
    *at++ = "--json";
    *at++ = "--state-dir";
    *at++ = ferry->state_folder;
    if (ferry->cacert) {
        *at++ = "--cacert";
        *at++ = ferry->cacert;
    }
    if (ferry->setup.allow_http)
        *at++ = "--allow-http";
    *at = NULL;
}

static bool fill(struct ferry *ferry, const struct ferry_setup *setup, struct err *e)
{
    ferry->setup = *setup;
    ferry->lock_fd = -1;
    ferry->orphan_ns = FERRY_ORPHAN_NS;
    ferry->rest_ns = FERRY_REST_FIRST_NS;
    ferry->drain_ns = FERRY_DRAIN_NS;
    ferry->stop_ns = FERRY_STOP_NS;
    ferry->pulse_ns = FERRY_PULSE_NS;
    ferry->mute_ns = FERRY_MUTE_NS;
    ferry->last = &ferry->first;
    if (!ferry->setup.children_max)
        ferry->setup.children_max = FERRY_CHILDREN_DEFAULT;
    if (ferry->setup.children_max > FERRY_CHILDREN_MAX)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "there can be %u copying processes at most",
                       FERRY_CHILDREN_MAX);
    ferry->program = strdup(setup->program);
    ferry->folder = strdup(setup->folder);
    ferry->cacert = setup->cacert ? strdup(setup->cacert) : NULL;
    if (!ferry->program || !ferry->folder || (setup->cacert && !ferry->cacert))
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the data plane");
    if (!make_folders(ferry, e) || !lock_folder(ferry, e))
        return false;
    list_arguments(ferry);
    return true;
}

struct ferry *ferry_new(const struct ferry_setup *setup, struct err *e)
{
    struct ferry *ferry = calloc(1, sizeof *ferry);

    if (!ferry) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the data plane");
        return NULL;
    }
    if (fill(ferry, setup, e))
        return ferry;
    ferry_release(ferry);
    return NULL;
}

/* Once no task of it is posted; each that is comes back here. */
static void ferry_release(struct ferry *ferry)
{
    if (ferry->pump_task.posted || ferry->stop_task.posted)
        return;
    if (ferry->lock_fd >= 0)
        close(ferry->lock_fd);
    free(ferry->program);
    free(ferry->folder);
    free(ferry->state_folder);
    free(ferry->cacert);
    free(ferry);
}

void ferry_free(struct ferry *ferry)
{
    if (!ferry)
        return;
    while (ferry->first) {
        struct ferry_life *life = ferry->first;

        ferry->first = life->next;
        ferry_life_free(life);
    }
    ferry->freed = true;
    ferry_release(ferry);
}
