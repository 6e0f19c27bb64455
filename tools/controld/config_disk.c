/* config_disk.c - "disks" of a machine: where each lies, and how it is cut. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/controld/arm_metadata.h"
#include "tools/controld/config_parts.h"

#define LUN_MAX 63u

/* ---- How it is cut ---- */

enum { SNAPSHOT_MEANS, SNAPSHOT_FOLDER, SNAPSHOT_COMMAND, SNAPSHOT_DROP, SNAPSHOT_SIZE };

static void read_snapshot_member(struct job_reading *reading, json_t *value, void *arg,
                                 unsigned which)
{
    struct config_snapshot *snapshot = arg;
    unsigned means = 0;

    switch (which) {
    case SNAPSHOT_MEANS:
        config_read_word(reading, value, "reflink lvm command ", &means);
        snapshot->means = (enum config_means)(CONFIG_MEANS_REFLINK + means);
        break;
    case SNAPSHOT_FOLDER:
        config_read_path(reading, value, &snapshot->folder);
        break;
    case SNAPSHOT_COMMAND:
        job_reading_text(reading, value, CONFIG_TEXT_MAX_BYTES, &snapshot->command);
        break;
    case SNAPSHOT_DROP:
        job_reading_text(reading, value, CONFIG_TEXT_MAX_BYTES, &snapshot->drop_command);
        break;
    default:
        config_read_bytes(reading, value, 1, &snapshot->lvm_bytes);
        break;
    }
}

/* The order is that of enum config_means. */
static const char *const needed[][2] = {
    {NULL, NULL}, {"folder", NULL}, {NULL, NULL}, {"command", "folder"}};

void config_read_snapshot(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    static const struct job_member members[] = {
        {"means", read_snapshot_member, true, SNAPSHOT_MEANS},
        {"folder", read_snapshot_member, false, SNAPSHOT_FOLDER},
        {"command", read_snapshot_member, false, SNAPSHOT_COMMAND},
        {"dropCommand", read_snapshot_member, false, SNAPSHOT_DROP},
        {"sizeBytes", read_snapshot_member, false, SNAPSHOT_SIZE},
        {0}};
    struct config_snapshot *snapshot = arg;

    (void)which;
    job_reading_object(reading, value, members, snapshot);
    for (unsigned i = 0; json_is_object(value) && i < 2; i++)
        if (needed[snapshot->means][i] && !json_object_get(value, needed[snapshot->means][i]))
            config_wrong_member(reading, needed[snapshot->means][i],
                                "is missing: these means need it");
}

void config_snapshot_fini(struct config_snapshot *snapshot)
{
    free(snapshot->folder);
    free(snapshot->command);
    free(snapshot->drop_command);
}

/* ---- Members ---- */

enum {
    DISK_NAME,
    DISK_ID,
    DISK_ROLE,
    DISK_LUN,
    DISK_BLOB,
    DISK_FILE,
    DISK_SIZE,
    DISK_SKU,
    DISK_EPHEMERAL,
    DISK_SHARED,
    DISK_UNMANAGED,
    DISK_METADATA
};

/* "CONTAINER/BLOB" */
static void read_blob(struct job_reading *reading, json_t *value, struct config_disk *disk)
{
    char *text = NULL, *slash;

    job_reading_text(reading, value, CONFIG_TEXT_MAX_BYTES, &text);
    slash = text ? strchr(text, '/') : NULL;
    if (slash && slash > text && slash[1] && !strchr(text, '?')) {
        disk->container = strndup(text, (size_t)(slash - text));
        disk->blob = strdup(slash + 1);
    } else if (text) {
        job_reading_wrong(reading, "must be CONTAINER/BLOB, in the account of the region");
    }
    free(text);
}

static void read_name(struct job_reading *reading, json_t *value, struct config_disk *disk)
{
    struct arm_error why = {0};

    job_reading_text(reading, value, ARM_NAME_MAX_CHARS, &disk->name);
    if (disk->name && !arm_name_check(ARM_DISK, disk->name, &why))
        job_reading_wrong(reading, "must be letters, digits, '_', '-' and '.'");
}

static void read_member(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct config_disk *disk = arg;
    unsigned role = 0;

    switch (which) {
    case DISK_NAME:
        read_name(reading, value, disk);
        break;
    case DISK_ID:
        config_read_id(reading, value, ARM_DISK, &disk->id);
        break;
    case DISK_ROLE:
        config_read_word(reading, value, "data os ", &role);
        disk->os = role == 1;
        break;
    case DISK_LUN:
        config_read_unsigned(reading, value, 0, LUN_MAX, &disk->lun);
        break;
    case DISK_BLOB:
        read_blob(reading, value, disk);
        break;
    case DISK_FILE:
        config_read_path(reading, value, &disk->path);
        break;
    case DISK_SIZE:
        config_read_bytes(reading, value, 512, &disk->size_bytes);
        break;
    case DISK_SKU:
        job_reading_text(reading, value, CONFIG_NAME_MAX_BYTES, &disk->sku);
        break;
    default:
        config_read_shaped(reading, value, arm_machine_disk_members, &disk->metadata);
        break;
    }
}

static void read_flag(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct config_disk *disk = arg;

    config_read_bool(reading, value,
                     which == DISK_EPHEMERAL ? &disk->ephemeral
                     : which == DISK_SHARED  ? &disk->shared
                                             : &disk->unmanaged);
}

static void read_cut(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    config_read_snapshot(reading, value, &((struct config_disk *)arg)->snapshot, which);
}

static void read_encryption_member(struct job_reading *reading, json_t *value, void *arg,
                                   unsigned set)
{
    struct config_disk *disk = arg;

    if (set)
        config_read_id(reading, value, ARM_ENCRYPTION_SET, &disk->encryption_set);
    else
        job_reading_text(reading, value, CONFIG_NAME_MAX_BYTES, &disk->encryption_type);
}

static void read_encryption(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    static const struct job_member members[] = {{"type", read_encryption_member, true, false},
                                                {"diskEncryptionSetId", read_encryption_member,
                                                 false, true},
                                                {0}};

    (void)which;
    job_reading_object(reading, value, members, arg);
}

static const struct job_member disk_members[] = {{"name", read_member, true, DISK_NAME},
                                                 {"id", read_member, false, DISK_ID},
                                                 {"role", read_member, false, DISK_ROLE},
                                                 {"lun", read_member, false, DISK_LUN},
                                                 {"blob", read_member, false, DISK_BLOB},
                                                 {"file", read_member, false, DISK_FILE},
                                                 {"sizeBytes", read_member, false, DISK_SIZE},
                                                 {"storageAccountType", read_member, false,
                                                  DISK_SKU},
                                                 {"encryption", read_encryption, false, 0},
                                                 {"ephemeral", read_flag, false, DISK_EPHEMERAL},
                                                 {"shared", read_flag, false, DISK_SHARED},
                                                 {"unmanaged", read_flag, false, DISK_UNMANAGED},
                                                 {"snapshot", read_cut, false, 0},
                                                 {"metadata", read_member, false, DISK_METADATA},
                                                 {0}};

/* ---- A disk among its machine's ---- */

static void check_places(struct job_reading *reading, const json_t *value,
                         const struct config_machine *machine, const struct config_disk *disk)
{
    if (!json_object_get(value, "blob") == !json_object_get(value, "file"))
        job_reading_wrong(reading, "must have either \"blob\" or \"file\"");
    if (!disk->os && !json_object_get(value, "lun"))
        config_wrong_member(reading, "lun", "is missing: a data disk has one");
    for (const struct config_disk *other = machine->disks; other < disk; other++) {
        if (disk->name && other->name && strcasecmp(disk->name, other->name) == 0)
            config_wrong_member(reading, "name", "is the name of another disk, too");
        if (disk->os && other->os)
            config_wrong_member(reading, "role", "must not be os: another disk is the OS disk");
        if (!disk->os && !other->os && disk->lun == other->lun)
            config_wrong_member(reading, "lun", "is the lun of another disk, too");
    }
}

/* A disk that does not say its id lies in its machine's group. */
static void give_id(struct job_reading *reading, const struct config_machine *machine,
                    struct config_disk *disk)
{
    char text[ARM_ID_MAX_BYTES];
    struct arm_error why = {0};
    struct err e = {0};
    struct arm_id owner, id;

    if (disk->id || !disk->name || !machine->id || !arm_id_parse(machine->id, "id", &owner, &why))
        return;
    if (!arm_id_make(ARM_DISK, owner.subscription, owner.group, disk->name, &id, &why))
        return; /* its name has been told */
    arm_id_text(&id, text);
    if (!job_reading_keep(text, &disk->id, &e))
        job_reading_mistake(reading, &e);
}

static void put_os_first(struct config_machine *machine)
{
    struct config_disk os;

    for (unsigned i = 1; i < machine->disk_count; i++)
        if (machine->disks[i].os) {
            os = machine->disks[i];
            memmove(&machine->disks[1], machine->disks, i * sizeof os);
            machine->disks[0] = os;
            return;
        }
}

void config_read_disks(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct config_machine *machine = arg;
    json_t *item;
    size_t i;

    (void)which;
    machine->disks = config_room(reading, value, CONFIG_DISKS_MAX, sizeof *machine->disks);
    if (!machine->disks)
        return;
    if (json_array_size(value) == 0)
        job_reading_wrong(reading, "must have at least one disk");
    machine->disk_count = (unsigned)json_array_size(value);
    json_array_foreach(value, i, item)
    {
        size_t mark = job_reading_enter_item(reading, i);

        job_reading_object(reading, item, disk_members, &machine->disks[i]);
        if (json_is_object(item))
            check_places(reading, item, machine, &machine->disks[i]);
        job_reading_leave(reading, mark);
    }
    put_os_first(machine);
}

static void give_snapshot(struct job_reading *reading, const struct config_snapshot *given,
                          struct config_snapshot *snapshot)
{
    struct err e = {0};

    config_snapshot_fini(snapshot); /* it may have a part, but no means */
    *snapshot = (struct config_snapshot){.means = given->means, .lvm_bytes = given->lvm_bytes};
    if ((given->folder && !job_reading_keep(given->folder, &snapshot->folder, &e)) ||
        (given->command && !job_reading_keep(given->command, &snapshot->command, &e)) ||
        (given->drop_command &&
         !job_reading_keep(given->drop_command, &snapshot->drop_command, &e)))
        job_reading_mistake(reading, &e);
}

void config_complete_disks(struct job_reading *reading, struct config_machine *machine,
                           const struct config_snapshot *snapshot)
{
    for (unsigned i = 0; i < machine->disk_count; i++) {
        struct config_disk *disk = &machine->disks[i];

        give_id(reading, machine, disk);
        if (disk->snapshot.means == CONFIG_MEANS_NONE)
            give_snapshot(reading, snapshot, &disk->snapshot);
    }
}

void config_disk_fini(struct config_disk *disk)
{
    free(disk->name);
    free(disk->id);
    free(disk->container);
    free(disk->blob);
    free(disk->path);
    free(disk->sku);
    free(disk->encryption_type);
    free(disk->encryption_set);
    config_snapshot_fini(&disk->snapshot);
    json_decref(disk->metadata);
}
