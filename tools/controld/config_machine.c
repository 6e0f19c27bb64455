/* config_machine.c - "virtualMachines" of a configuration: who they are, how they are frozen, when points of
 * them are made and how long they are kept. Their disks are read in config_disk.c. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/controld/arm_metadata.h"
#include "tools/controld/config_parts.h"

#define HOOK_MAX_S           3600u
#define SCHEDULE_MIN_MINUTES 1u
#define SCHEDULE_MAX_MINUTES (366u * 24 * 60)

struct machine_reading { /* and what is given on to its disks */
    struct config_machine *machine;
    struct config_snapshot snapshot;
};

/* ---- Hooks ---- */

enum { HOOK_FREEZE, HOOK_THAW, HOOK_TIMEOUT };

static void read_hook(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct config_hooks *hooks = arg;

    if (which == HOOK_TIMEOUT)
        config_read_unsigned(reading, value, 1, HOOK_MAX_S, &hooks->timeout_s);
    else
        job_reading_text(reading, value, CONFIG_TEXT_MAX_BYTES,
                         which == HOOK_FREEZE ? &hooks->freeze_command : &hooks->thaw_command);
}

static void read_mounts(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct config_hooks *hooks = arg;
    json_t *item;
    size_t i;

    (void)which;
    if (!json_is_array(value) || json_array_size(value) > CONFIG_MOUNTS_MAX) {
        job_reading_wrong(reading, "must be an array of at most 64 mount points");
        return;
    }
    json_array_foreach(value, i, item)
    {
        size_t mark = job_reading_enter_item(reading, i);

        config_read_path(reading, item, &hooks->mounts[hooks->mount_count]);
        if (hooks->mounts[hooks->mount_count])
            hooks->mount_count++;
        job_reading_leave(reading, mark);
    }
}

static void read_hooks(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    static const struct job_member members[] = {{"freezeCommand", read_hook, false, HOOK_FREEZE},
                                                {"thawCommand", read_hook, false, HOOK_THAW},
                                                {"fileSystems", read_mounts, false, 0},
                                                {"timeoutSeconds", read_hook, false, HOOK_TIMEOUT},
                                                {0}};
    struct config_hooks *hooks = &((struct machine_reading *)arg)->machine->hooks;

    (void)which;
    job_reading_object(reading, value, members, hooks);
    if (json_is_object(value) && hooks->freeze_command && !hooks->thaw_command)
        config_wrong_member(reading, "thawCommand", "is missing: what is frozen must be thawed");
}

/* ---- Schedule and retention ---- */

enum { SCHEDULE_EVERY, SCHEDULE_COLLECTION, SCHEDULE_CONSISTENCY };

static void read_schedule_member(struct job_reading *reading, json_t *value, void *arg,
                                 unsigned which)
{
    struct config_machine *machine = arg;
    unsigned crash = 0;

    switch (which) {
    case SCHEDULE_EVERY:
        config_read_unsigned(reading, value, SCHEDULE_MIN_MINUTES, SCHEDULE_MAX_MINUTES,
                             &machine->schedule_minutes);
        break;
    case SCHEDULE_COLLECTION:
        config_read_id(reading, value, ARM_COLLECTION, &machine->collection);
        break;
    default:
        config_read_word(reading, value, "CrashConsistent ", &crash);
        machine->crash_consistent = true;
        break;
    }
}

static void read_schedule(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    static const struct job_member members[] = {
        {"everyMinutes", read_schedule_member, true, SCHEDULE_EVERY},
        {"collection", read_schedule_member, true, SCHEDULE_COLLECTION},
        {"consistencyMode", read_schedule_member, false, SCHEDULE_CONSISTENCY},
        {0}};

    (void)which;
    job_reading_object(reading, value, members, ((struct machine_reading *)arg)->machine);
}

enum { KEEP_LAST, KEEP_DAILY, KEEP_WEEKLY };

static void read_keep_member(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct config_keep *keep = arg;

    config_read_unsigned(reading, value, 1, CONFIG_KEEP_MAX,
                         which == KEEP_LAST    ? &keep->last
                         : which == KEEP_DAILY ? &keep->daily
                                               : &keep->weekly);
}

static void read_keep(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    static const struct job_member members[] = {{"last", read_keep_member, false, KEEP_LAST},
                                                {"daily", read_keep_member, false, KEEP_DAILY},
                                                {"weekly", read_keep_member, false, KEEP_WEEKLY},
                                                {0}};

    (void)which;
    job_reading_object(reading, value, members, &((struct machine_reading *)arg)->machine->keep);
}

/* ---- A machine ---- */

enum { MACHINE_ID, MACHINE_LOCATION, MACHINE_METADATA };

static void keep_name(struct job_reading *reading, struct config_machine *machine)
{
    const char *slash = machine->id ? strrchr(machine->id, '/') : NULL;
    struct err e = {0};

    if (slash && !job_reading_keep(slash + 1, &machine->name, &e))
        job_reading_mistake(reading, &e);
}

static void read_member(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct config_machine *machine = ((struct machine_reading *)arg)->machine;

    switch (which) {
    case MACHINE_ID:
        config_read_id(reading, value, ARM_MACHINE, &machine->id);
        keep_name(reading, machine);
        break;
    case MACHINE_LOCATION:
        job_reading_text(reading, value, CONFIG_NAME_MAX_BYTES, &machine->location);
        break;
    default:
        config_read_shaped(reading, value, arm_metadata_members, &machine->metadata);
        break;
    }
}

static void read_disks(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    config_read_disks(reading, value, ((struct machine_reading *)arg)->machine, which);
}

static void read_snapshot(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    config_read_snapshot(reading, value, &((struct machine_reading *)arg)->snapshot, which);
}

static void read_machine(struct job_reading *reading, json_t *value, const struct config *config,
                         struct config_machine *machine)
{
    static const struct job_member members[] = {{"id", read_member, true, MACHINE_ID},
                                                {"location", read_member, true, MACHINE_LOCATION},
                                                {"disks", read_disks, true, 0},
                                                {"snapshot", read_snapshot, false, 0},
                                                {"hooks", read_hooks, false, 0},
                                                {"metadata", read_member, false, MACHINE_METADATA},
                                                {"schedule", read_schedule, false, 0},
                                                {"keep", read_keep, false, 0},
                                                {0}};
    struct machine_reading parts = {.machine = machine};

    machine->hooks.timeout_s = CONFIG_HOOK_DEFAULT_S;
    job_reading_object(reading, value, members, &parts);
    config_complete_disks(reading, machine, &parts.snapshot);
    config_snapshot_fini(&parts.snapshot);
    if (machine->id && config_machine_of(config, machine->id))
        config_wrong_member(reading, "id", "is the id of another machine, too");
}

void config_read_machines(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct config *config = arg;
    json_t *item;
    size_t i;

    (void)which;
    config->machines = config_room(reading, value, CONFIG_MACHINES_MAX, sizeof *config->machines);
    if (!config->machines)
        return;
    json_array_foreach(value, i, item)
    {
        size_t mark = job_reading_enter_item(reading, i);

        read_machine(reading, item, config, &config->machines[i]);
        job_reading_leave(reading, mark);
        config->machine_count++; /* from here on others are compared with it */
    }
}

void config_machine_fini(struct config_machine *machine)
{
    free(machine->id);
    free(machine->name);
    free(machine->location);
    for (unsigned i = 0; i < machine->disk_count; i++)
        config_disk_fini(&machine->disks[i]);
    free(machine->disks);
    free(machine->hooks.freeze_command);
    free(machine->hooks.thaw_command);
    for (unsigned i = 0; i < machine->hooks.mount_count; i++)
        free(machine->hooks.mounts[i]);
    json_decref(machine->metadata);
    free(machine->collection);
}
