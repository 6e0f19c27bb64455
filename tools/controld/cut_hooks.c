/* cut_hooks.c - see cut_hooks.h. Steps are numbered: the freeze command is 0, mounts follow. Each pass of
 * a thaw goes through what is to be undone in reverse; a freeze that is stuck in the kernel is undone
 * when it ends, and holds up none of the others. */
#include "tools/controld/cut_hooks.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/command.h"
#include "tools/controld/cut_strays.h"
#include "tools/controld/cut_thaw.h"

#define STEPS_MAX   (CUT_MOUNTS_MAX + 1u)
#define NOT_FROZEN  "Invalid argument"          /* what fsfreeze says of a mount that is not */
#define NOT_THERE   "No such file or directory" /* ... or that is gone */
#define FROZEN_ELSE "Device or resource busy"   /* ... or that somebody else froze */

#define FREEZE_MOUNT "PATH=$PATH:/usr/sbin:/sbin; exec fsfreeze --freeze \"$SNAPFERRY_MOUNT\""
#define THAW_MOUNT   "PATH=$PATH:/usr/sbin:/sbin; exec fsfreeze --unfreeze \"$SNAPFERRY_MOUNT\""

enum step_state {
    STEP_IDLE,    /* nothing to undo */
    STEP_RUNNING, /* its freeze runs */
    STEP_TO_UNDO
};

struct freeze_step {
    struct cut_freeze *freeze;
    enum step_state state;
    struct command *command;
    unsigned tried_in_pass;
};

struct cut_freeze {
    struct cut_freeze_setup setup;
    const struct cut_hooks *hooks;
    char *record; /* NULL: nothing was written, or it is gone */
    struct freeze_step steps[STEPS_MAX];
    size_t step_count;
    size_t next; /* to freeze */
    bool started, thawing, given_up;
    struct command *thaw;       /* runs */
    struct freeze_step *undone; /* by it */
    unsigned pass;
    struct err error; /* of the freeze, until told; then of the last thaw that failed */
    struct reactor_task task;
    struct timer pause;
};

const char *cut_hook_status_name(enum cut_hook_status status)
{
    static const char *const names[] = {[CUT_HOOK_NONE] = "None",
                                        [CUT_HOOK_SUCCEEDED] = "Succeeded",
                                        [CUT_HOOK_FREEZE_FAILED] = "FreezeFailed",
                                        [CUT_HOOK_TIMED_OUT] = "TimedOut",
                                        [CUT_HOOK_THAW_FAILED] = "ThawFailed"};

    return names[status];
}

/* ---- Before ---- */

bool cut_hooks_any(const struct cut_hooks *hooks)
{
    return hooks->freeze_command || hooks->thaw_command || hooks->mounts[0];
}

/* A frozen file system that holds our own data would freeze us, and nobody would thaw it. */
static bool check_awake(const char *mount, const struct stat *of_mount, const char *path,
                        struct err *e)
{
    struct stat ours;

    if (!path || stat(path, &ours) != 0 || ours.st_dev != of_mount->st_dev)
        return true;
    return err_set(e, ERR_USAGE, RETRY_NEVER,
                   "%.120s must not be frozen: %.120s, which has to be written meanwhile, is on it",
                   mount, path);
}

static bool check_mount(const struct cut_hooks *hooks, const char *mount, struct err *e)
{
    struct stat here, above;
    char *parent = NULL;
    bool ok;

    if (mount[0] != '/')
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%.200s is no absolute path of a mount", mount);
    if (asprintf(&parent, "%s/..", mount) < 0)
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory to freeze");
    ok = stat(mount, &here) == 0 && stat(parent, &above) == 0;
    free(parent);
    if (!ok)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot look at the mount %.200s", mount);
    if (here.st_dev == above.st_dev && here.st_ino != above.st_ino)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "nothing is mounted at %.200s: what is above it would be frozen", mount);
    ok = check_awake(mount, &here, hooks->thaw_folder, e);
    for (size_t i = 0; ok && i < sizeof hooks->keep_awake / sizeof hooks->keep_awake[0]; i++)
        ok = check_awake(mount, &here, hooks->keep_awake[i], e);
    return ok;
}

struct cut_freeze *cut_freeze_new(const struct cut_freeze_setup *setup, struct err *e)
{
    const struct cut_hooks *hooks = setup->hooks;
    struct cut_freeze *f;
    size_t count = 1;

    assert(setup->record || hooks->thaw_folder);
    for (; hooks->mounts[count - 1]; count++)
        if (!setup->record && !check_mount(hooks, hooks->mounts[count - 1], e))
            return NULL;
    f = calloc(1, sizeof *f);
    if (f && setup->record)
        f->record = strdup(setup->record);
    if (!f || (setup->record && !f->record)) {
        free(f);
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory to freeze");
        return NULL;
    }
    f->setup = *setup;
    if (!f->setup.thaw_tries)
        f->setup.thaw_tries = CUT_THAW_TRIES;
    f->hooks = hooks;
    f->step_count = count;
    for (size_t i = 0; i < count; i++) {
        f->steps[i].freeze = f;
        f->steps[i].state = setup->record ? STEP_TO_UNDO : STEP_IDLE;
    }
    f->started = setup->record != NULL;
    return f;
}

void cut_freeze_free(struct cut_freeze *f)
{
    if (!f)
        return;
    assert(!f->thaw && !f->task.posted && !f->pause.slot);
    free(f->record);
    free(f);
}

/* ---- One command of a step ---- */

static bool start_command(struct cut_freeze *f, const struct freeze_step *step, bool freezes,
                          void (*done)(void *, struct command *), void *arg,
                          struct command **out_command)
{
    size_t at = (size_t)(step - f->steps);
    const char *text = freezes ? FREEZE_MOUNT : THAW_MOUNT;
    struct command_setup setup = {.done = done, .arg = arg, .variables = {"LC_ALL=C"}};
    char *point = NULL, *mount = NULL, *record = NULL, *guarded;

    if (at == 0)
        text = freezes ? f->hooks->freeze_command : f->hooks->thaw_command;
    guarded = cut_strays_guard(text);
    setup.text = guarded;
    setup.limit_ns = freezes ? f->hooks->freeze_limit_ns : CUT_THAW_LIMIT_NS;
    if (!setup.limit_ns)
        setup.limit_ns = CUT_HOOK_LIMIT_NS;
    if (asprintf(&point, "SNAPFERRY_POINT=%s", f->setup.point) < 0)
        point = NULL;
    if (asprintf(&mount, "SNAPFERRY_MOUNT=%s", at ? f->hooks->mounts[at - 1] : "") < 0)
        mount = NULL;
    if (asprintf(&record, CUT_RECORD_VARIABLE "%s", f->record ? strrchr(f->record, '/') + 1 : "") <
        0)
        record = NULL;
    setup.variables[1] = point;
    setup.variables[2] = mount;
    setup.variables[3] = record;
    err_clear(&f->error);
    if (guarded && point && mount && record)
        *out_command = command_start(f->setup.reactor, &setup, &f->error);
    else
        err_set(&f->error, ERR_LIMIT, RETRY_LATER, "no memory to run a hook");
    free(point);
    free(mount);
    free(record);
    free(guarded);
    return *out_command != NULL;
}

static const char *step_name(const struct cut_freeze *f, const struct freeze_step *step)
{
    return step == f->steps ? "command" : f->hooks->mounts[step - f->steps - 1];
}

/* ---- Freeze ---- */

static void freeze_next(struct cut_freeze *f);
static void thaw_next(struct cut_freeze *f);

static void on_told(struct reactor_task *task)
{
    struct cut_freeze *f = (struct cut_freeze *)((char *)task - offsetof(struct cut_freeze, task));

    if (f->thawing) /* nobody waits for it any more */
        thaw_next(f);
    else
        f->setup.frozen(f->setup.arg, &f->error);
}

static void on_freeze_ended(void *arg, struct command *command)
{
    struct freeze_step *step = arg;
    struct cut_freeze *f = step->freeze;
    struct err error = *command_error(command);

    command_free(command);
    step->command = NULL;
    step->state = STEP_TO_UNDO;
    if (step > f->steps && strstr(error.text, FROZEN_ELSE))
        step->state = STEP_IDLE;
    if (f->thawing) {
        thaw_next(f);
        return;
    }
    f->error = error;
    if (err_is_set(&f->error)) {
        err_prefix(&f->error, "cannot freeze (%.160s): ", step_name(f, step));
        f->setup.frozen(f->setup.arg, &f->error);
        return;
    }
    f->next++;
    freeze_next(f);
}

static void freeze_next(struct cut_freeze *f)
{
    struct freeze_step *step;

    if (f->next == 0 && !f->hooks->freeze_command) {
        f->steps[0].state = f->hooks->thaw_command ? STEP_TO_UNDO : STEP_IDLE;
        f->next++;
    }
    if (f->next == f->step_count) {
        reactor_post(f->setup.reactor, &f->task, on_told);
        return;
    }
    step = &f->steps[f->next];
    if (start_command(f, step, true, on_freeze_ended, step, &step->command))
        step->state = STEP_RUNNING;
    else
        reactor_post(f->setup.reactor, &f->task, on_told);
}

void cut_freeze_start(struct cut_freeze *f)
{
    assert(!f->started);
    f->started = true;
    if (cut_thaw_write(f->setup.point, f->hooks, &f->record, &f->error))
        freeze_next(f);
    else
        reactor_post(f->setup.reactor, &f->task, on_told);
}

/* ---- Thaw ---- */

static bool is_good_enough(const struct cut_freeze *f, const struct freeze_step *step,
                           const struct err *error)
{
    if (!err_is_set(error))
        return true;
    return step > f->steps && (strstr(error->text, NOT_FROZEN) || strstr(error->text, NOT_THERE));
}

static void on_thaw_ended(void *arg, struct command *command)
{
    struct cut_freeze *f = arg;
    struct freeze_step *step = f->undone;
    struct err error = *command_error(command);

    command_free(command);
    f->thaw = NULL;
    if (is_good_enough(f, step, &error)) {
        step->state = STEP_IDLE;
    } else {
        f->error = error;
        err_prefix(&f->error, "cannot thaw (%.160s): ", step_name(f, step));
    }
    thaw_next(f);
}

static void on_pause(struct timer *timer)
{
    thaw_next((struct cut_freeze *)((char *)timer - offsetof(struct cut_freeze, pause)));
}

static void thawed(struct cut_freeze *f, bool all)
{
    if (all) {
        err_clear(&f->error);
        if (f->record)
            unlink(f->record);
    } else if (!err_is_set(&f->error)) {
        err_set(&f->error, ERR_CANCELED, RETRY_LATER, "the thaw was given up before it was tried");
    }
    f->setup.thawed(f->setup.arg, &f->error);
}

static void begin_pass(struct cut_freeze *f)
{
    reactor_arm(f->setup.reactor, &f->pause,
                reactor_now_ns(f->setup.reactor) + (NS_PER_S << (f->pass - 1)), on_pause);
    f->pass++;
}

/* The last of those that were not tried in this pass; or whether any is left, any runs. */
static struct freeze_step *find_step(struct cut_freeze *f, bool *out_left, bool *out_running)
{
    *out_left = *out_running = false;
    for (size_t i = f->step_count; i-- > 0;) {
        struct freeze_step *step = &f->steps[i];

        *out_running = *out_running || step->state == STEP_RUNNING;
        if (step->state != STEP_TO_UNDO)
            continue;
        if (i == 0 && !f->hooks->thaw_command) {
            step->state = STEP_IDLE;
            continue;
        }
        *out_left = true;
        if (step->tried_in_pass < f->pass)
            return step;
    }
    return NULL;
}

static void thaw_next(struct cut_freeze *f)
{
    bool left, running;
    struct freeze_step *step;

    if (f->thaw || f->pause.slot || f->task.posted) /* each comes back here */
        return;
    while ((step = find_step(f, &left, &running)) != NULL && !f->given_up) {
        step->tried_in_pass = f->pass;
        f->undone = step;
        if (start_command(f, step, false, on_thaw_ended, f, &f->thaw))
            return;
    }
    if (left && !f->given_up && f->pass < f->setup.thaw_tries)
        begin_pass(f);
    else if (!running)
        thawed(f, !left);
}

void cut_freeze_thaw(struct cut_freeze *f)
{
    assert(f->started && !f->thawing);
    f->thawing = true;
    f->pass = 1;
    for (size_t i = 0; i < f->step_count; i++)
        if (f->steps[i].state == STEP_RUNNING)
            command_stop(f->steps[i].command);
    reactor_arm(f->setup.reactor, &f->pause, reactor_now_ns(f->setup.reactor), on_pause);
}

void cut_freeze_give_up(struct cut_freeze *f)
{
    assert(f->thawing);
    f->given_up = true;
    if (f->thaw)
        command_stop(f->thaw);
    else if (f->pause.slot)
        reactor_arm(f->setup.reactor, &f->pause, reactor_now_ns(f->setup.reactor), on_pause);
}
