/* embedded_disk.c - see embedded_disk.h. */
#include "tools/controld/embedded_disk.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/durable.h"
#include "io/secret.h"
#include "tools/controld/bound_process.h"

#define TARGET_VARIABLE "SNAPFERRY_SAMPLE_TARGET"
#define TRIES_MAX       5u
#define PAUSE_NS        NS_PER_S
#define END_LIMIT_NS    (5 * NS_PER_S)

/* In the folder, with $DISK and $PROGRAM. Says what the copy is to read: $DISK.raw exists only whole. */
static const char recipe[] =
    "set -eu\n"
    "PATH=$PATH:/usr/sbin:/sbin\n"
    "rm -rf \"$DISK.tree\" \"$DISK.making\"\n"
    "[ ! -e \"$DISK.raw\" ] || { echo \"$DISK.raw\"; exit; }\n"
    "command -v mkfs.ext4 >/dev/null || { echo pattern:64M,7,700; exit; }\n"
    "mkdir \"$DISK.tree\"\n"
    "cd \"$DISK.tree\"\n"
    "case $DISK in\n"
    "os) mkdir -p etc usr/bin\n"
    "    echo sample-vm >etc/hostname\n"
    "    [ ! -r /etc/os-release ] || cp -L /etc/os-release etc/\n"
    "    head -c 8388608 \"$PROGRAM\" >usr/bin/snapferry ;;\n"
    "*)  mkdir orders\n"
    "    seq -f 'order %g, 3 pieces' 1 300000 >orders/this-year.txt\n"
    "    seq -f 'order %g, 5 pieces' 1 200000 >orders/last-year.txt ;;\n"
    "esac\n"
    "cd ..\n"
    "mkfs.ext4 -q -F -d \"$DISK.tree\" \"$DISK.making\" 64M >/dev/null\n"
    "rm -rf \"$DISK.tree\"\n"
    "mv \"$DISK.making\" \"$DISK.raw\"\n"
    "echo \"$DISK.raw\"\n";

enum step { STEP_MAKE, STEP_COPY };

struct embedded_disk {
    struct embedded_disk_setup setup;
    enum step step;
    char *source;
    char *made_file, *raw_file, *state_folder;
    unsigned tries;
    struct bound_process *process;
    struct timer pause;
    bool paused, concluded;
    struct err error;
};

static void step_on(struct embedded_disk *disk);
static void on_pause_over(struct timer *timer);

/* ---- Done ---- */

/* done is never called from inside a call of ours: the timer brings it. */
static void wake(struct embedded_disk *disk, uint64_t pause_ns)
{
    disk->paused = true;
    reactor_arm(disk->setup.reactor, &disk->pause, reactor_now_ns(disk->setup.reactor) + pause_ns,
                on_pause_over);
}

static void conclude(struct embedded_disk *disk)
{
    disk->concluded = true;
    wake(disk, 0);
}

static void give_up(struct embedded_disk *disk, const char *why)
{
    err_set(&disk->error, ERR_IO, RETRY_NEVER, "the sample disk '%s' could not be made: %s",
            disk->setup.name, why);
    conclude(disk);
}

static void note_made(struct embedded_disk *disk)
{
    if (durable_write(disk->made_file, "1\n", 2, &disk->error) && unlink(disk->raw_file) != 0 &&
        errno != ENOENT)
        err_set_errno(&disk->error, errno, RETRY_NEVER, "cannot remove %.200s", disk->raw_file);
    conclude(disk);
}

/* ---- The two programs ---- */

static void on_pause_over(struct timer *timer)
{
    struct embedded_disk *disk =
        (struct embedded_disk *)((char *)timer - offsetof(struct embedded_disk, pause));

    disk->paused = false;
    if (disk->concluded)
        disk->setup.done(disk->setup.arg, &disk->error);
    else
        step_on(disk);
}

static void on_line(void *arg, const char *line)
{
    struct embedded_disk *disk = arg;
    const char *folder = disk->setup.folder;

    if (disk->step != STEP_MAKE)
        return;
    free(disk->source);
    if (strncmp(line, "pattern:", 8) == 0)
        disk->source = strdup(line);
    else if (asprintf(&disk->source, "%s/%s", folder, line) < 0)
        disk->source = NULL;
}

static void on_ended(void *arg, int status)
{
    struct embedded_disk *disk = arg;
    bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;

    bound_process_free(disk->process, 0);
    disk->process = NULL;
    if (well && disk->step == STEP_COPY) {
        note_made(disk);
    } else if (well && disk->source) {
        disk->step = STEP_COPY;
        disk->tries = 0;
        step_on(disk);
    } else if (++disk->tries < TRIES_MAX) {
        wake(disk, PAUSE_NS);
    } else {
        give_up(disk, "what was said before is why");
    }
}

static bool start_making(struct embedded_disk *disk, struct err *e)
{
    static const char enter[] = "cd \"$FOLDER\"\n";
    char *text, *folder = NULL, *name = NULL, *program = NULL;

    if (asprintf(&text, "%s%s", enter, recipe) < 0)
        text = NULL;
    if (asprintf(&folder, "FOLDER=%s", disk->setup.folder) < 0)
        folder = NULL;
    if (asprintf(&name, "DISK=%s", disk->setup.name) < 0)
        name = NULL;
    if (asprintf(&program, "PROGRAM=%s", disk->setup.snapferry) < 0)
        program = NULL;
    if (text && folder && name && program) {
        const char *arguments[] = {"/bin/sh", "-c", text, NULL};
        const char *variables[] = {folder, name, program, NULL};
        const struct bound_process_setup setup = {.reactor = disk->setup.reactor,
                                                  .arguments = arguments,
                                                  .variables = variables,
                                                  .line = on_line,
                                                  .ended = on_ended,
                                                  .arg = disk};

        disk->process = bound_process_start(&setup, e);
    }
    free(text);
    free(folder);
    free(name);
    free(program);
    return disk->process != NULL;
}

/* Anew each time: the source may be another one than that of a start which was killed. */
static bool start_copying(struct embedded_disk *disk, struct err *e)
{
    char *url = disk->setup.target(disk->setup.arg, disk), *variable = NULL;
    const char *arguments[] = {disk->setup.snapferry,
                               "copy",
                               "--quiet",
                               "--restart",
                               "--state-dir",
                               disk->state_folder,
                               disk->source,
                               "env:" TARGET_VARIABLE,
                               NULL};

    if (url && asprintf(&variable, TARGET_VARIABLE "=%s", url) < 0)
        variable = NULL;
    secret_wipe_free(url);
    if (variable) {
        const char *variables[] = {variable, NULL};
        const struct bound_process_setup setup = {.reactor = disk->setup.reactor,
                                                  .arguments = arguments,
                                                  .variables = variables,
                                                  .ended = on_ended,
                                                  .arg = disk};

        disk->process = bound_process_start(&setup, e);
    }
    secret_wipe_free(variable);
    return disk->process != NULL;
}

static void step_on(struct embedded_disk *disk)
{
    struct err e = {0};

    if (!(disk->step == STEP_MAKE ? start_making(disk, &e) : start_copying(disk, &e)))
        give_up(disk, err_is_set(&e) ? e.text : "no memory");
}

/* ---- Life ---- */

static bool name_files(struct embedded_disk *disk)
{
    const char *folder = disk->setup.folder, *name = disk->setup.name;

    if (asprintf(&disk->made_file, "%s/%s.made", folder, name) < 0)
        disk->made_file = NULL;
    if (asprintf(&disk->raw_file, "%s/%s.raw", folder, name) < 0)
        disk->raw_file = NULL;
    if (asprintf(&disk->state_folder, "%s/state", folder) < 0)
        disk->state_folder = NULL;
    return disk->made_file && disk->raw_file && disk->state_folder;
}

struct embedded_disk *embedded_disk_start(const struct embedded_disk_setup *setup, struct err *e)
{
    struct embedded_disk *disk = calloc(1, sizeof *disk);
    struct stat st;

    if (disk)
        disk->setup = *setup;
    if (!disk || !name_files(disk)) {
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot make a disk");
        embedded_disk_free(disk);
        return NULL;
    }
    if (stat(disk->made_file, &st) == 0)
        note_made(disk); /* and what a kill left beside it goes */
    else
        step_on(disk);
    return disk;
}

void embedded_disk_free(struct embedded_disk *disk)
{
    if (!disk)
        return;
    if (disk->paused)
        reactor_disarm(disk->setup.reactor, &disk->pause);
    bound_process_free(disk->process, END_LIMIT_NS);
    free(disk->source);
    free(disk->made_file);
    free(disk->raw_file);
    free(disk->state_folder);
    free(disk);
}

const char *embedded_disk_name(const struct embedded_disk *disk)
{
    return disk->setup.name;
}
