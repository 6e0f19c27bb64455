/* config.h - the configuration file: regions, virtual machines with their disks, limits (config.md).
 *
 * Knows:         its form; says every mistake at once, each with its JSON path.
 * Must not know: what is done with it. Threads: none; a value with one owner, constant once it was read.
 * Errors:        none shows a value that could be a secret.
 *
 * Keys and SAS stand in it only as env:NAME or @FILE, and are read with it. Absent texts are NULL.
 */
#ifndef CONTROLD_CONFIG_H
#define CONTROLD_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"

#define CONFIG_FILE_MAX_BYTES   (4u << 20)
#define CONFIG_REGIONS_MAX      64u
#define CONFIG_MACHINES_MAX     1024u
#define CONFIG_DISKS_MAX        64u /* of one machine */
#define CONFIG_MOUNTS_MAX       64u
#define CONFIG_RESTORE_MAX      64u
#define CONFIG_TEXT_MAX_BYTES   4095u
#define CONFIG_NAME_MAX_BYTES   80u
#define CONFIG_KEEP_MAX         10000u
#define CONFIG_DEADLINE_DAYS    14u
#define CONFIG_CHILDREN_DEFAULT 4u
#define CONFIG_HOOK_DEFAULT_S   30u

struct config_region {
    char *name;    /* its location: "eastus" */
    char *url;     /* of the page-blob account, without '/' at its end */
    char *account; /* its name */
    char *key;     /* base64; SECRET; or NULL, and then */
    char *sas;     /* a query without '?'; SECRET */
};

enum config_means {                       /* how a raw disk is cut */
                    CONFIG_MEANS_NONE,    /* it cannot be: 409 */
                    CONFIG_MEANS_REFLINK, /* into folder */
                    CONFIG_MEANS_LVM, /* a snapshot of lvm_bytes; 0: of a thin volume, which needs none */
                    CONFIG_MEANS_COMMAND
};

struct config_snapshot {
    enum config_means means;
    char *folder; /* absolute; of REFLINK, and where COMMAND is asked to put its file */
    char *command, *drop_command; /* drop: removes what command made; NULL: it is a file */
    uint64_t lvm_bytes;
};

struct config_disk {
    char *name; /* of the disk resource */
    char *id;   /* canonical ARM id */
    bool os;    /* else a data disk, at */
    unsigned lun;
    char *container, *blob, *path;          /* a page blob, or a raw file or block device */
    uint64_t size_bytes;                    /* 0: as large as it is */
    char *sku;                              /* "Premium_LRS"; managedDisk.storageAccountType */
    char *encryption_type, *encryption_set; /* set: ARM id */
    bool ephemeral, shared, unmanaged;      /* refused by name */
    struct config_snapshot snapshot;        /* its own, or else its machine's */
    json_t *metadata;                       /* more members of osDisk or of dataDisks[]; NULL */
};

struct config_hooks {
    char *freeze_command, *thaw_command; /* application consistent */
    char *mounts[CONFIG_MOUNTS_MAX];     /* absolute: file systems to freeze */
    unsigned mount_count;
    unsigned timeout_s; /* of each step */
};

struct config_keep {
    unsigned last, daily, weekly; /* 0: does not count */
};
struct config_machine {
    char *id, *name;           /* canonical ARM id, and its last part */
    char *location;            /* one of the regions */
    struct config_disk *disks; /* the OS disk first */
    unsigned disk_count;
    struct config_hooks hooks;
    json_t *metadata;          /* members of sourceMetadata; NULL */
    char *collection;          /* canonical id of where scheduled points go; NULL: no schedule */
    unsigned schedule_minutes; /* 0: none */
    bool crash_consistent;     /* scheduled points take no hooks */
    struct config_keep keep;   /* all 0: everything is kept */
};

struct config_limits {
    uint64_t bytes_per_second; /* of each restore point's copy; 0: none */
    uint64_t memory_bytes;     /* of each restore point's copy; 0: the data plane's default */
    unsigned children;         /* restore points that are copied at once */
    unsigned deadline_days;    /* a copy that takes longer has failed */
};

struct config {
    struct config_region *regions;
    struct config_machine *machines;
    unsigned region_count, machine_count;
    struct config_limits limits;
    char *cacert;    /* PEM file of authorities for the regions' https; NULL: the system's */
    bool allow_http; /* regions may be http:// also on other machines */
    char *restore_to[CONFIG_RESTORE_MAX + 1]; /* restore_path.h; NULL ends it */
};

typedef void config_mistake_fn(void *arg, const char *path, const char *sentence);

/* False: each mistake was told, and out_config is empty. */
bool config_parse(const char *text, size_t bytes, struct config *out_config,
                  config_mistake_fn *told, void *arg);
bool config_load(const char *file, struct config *out_config, config_mistake_fn *told, void *arg);
void config_fini(struct config *config); /* wipes secrets; a zeroed struct is fine */

/* ---- Look: NULL when there is none; names and ids in any case ---- */
const struct config_region *config_region_of(const struct config *config, const char *location);
const struct config_machine *config_machine_of(const struct config *config, const char *id);

#endif
