/* arm_resource_body.h - bodies of PUT disk and PUT machine; what arm_body.h says holds here too.
 *
 * Knows:         what restoring and registering need, and what must be refused by name (told as facts).
 * Must not know: which resources exist, where data lies.
 * Threads:       pure. Structs own what they point to: fini each, also one that could not be read.
 */
#ifndef CONTROLD_ARM_RESOURCE_BODY_H
#define CONTROLD_ARM_RESOURCE_BODY_H

#include "tools/controld/arm_body.h"

#define ARM_WORD_MAX_BYTES  64u /* of an enum's value, a SKU, an OS type */
#define ARM_PLACE_MAX_BYTES 4096u

enum arm_create {
    ARM_CREATE_EMPTY,
    ARM_CREATE_ATTACH,
    ARM_CREATE_COPY,
    ARM_CREATE_RESTORE,
    ARM_CREATE_UPLOAD,
    ARM_CREATE_OTHER /* known to the service, not served here */
};

struct arm_disk_body {
    char location[ARM_LOCATION_MAX_BYTES];
    json_t *doc; /* {"tags"?,"sku"?,"zones"?,"properties"?} in current form: what GET shows again */
    enum arm_create create;
    struct arm_id source;                /* what it is made from; ARM_NONE = nothing */
    uint64_t size_bytes;                 /* 0 = not given */
    char sku[ARM_WORD_MAX_BYTES];        /* as given, or empty */
    bool ultra;                          /* UltraSSD_LRS */
    bool shared;                         /* maxShares above 1 */
    char encryption[ARM_WORD_MAX_BYTES]; /* encryption.type, or empty */
    struct arm_id encryption_set;        /* ARM_NONE = none */
    char file[ARM_PLACE_MAX_BYTES]; /* properties.x-snapferry.file: where it shall lie, or empty */
    char blob[ARM_PLACE_MAX_BYTES]; /* properties.x-snapferry.blob: CONTAINER/BLOB, or empty */
};
bool arm_disk_read(const void *body, size_t bytes, struct arm_disk_body *out, struct arm_error *e);
void arm_disk_body_fini(struct arm_disk_body *body);

struct arm_machine_disk {
    bool os;
    uint32_t lun; /* data disks; no two the same */
    char name[ARM_NAME_MAX_BYTES];
    struct arm_id disk;                    /* managedDisk.id; ARM_NONE = none given */
    char storage_type[ARM_WORD_MAX_BYTES]; /* managedDisk.storageAccountType, or empty */
    uint32_t size_gib;                     /* diskSizeGB; 0 = not given */
    bool attach;                           /* createOption is Attach */
    bool ephemeral;                        /* diffDiskSettings */
    bool unmanaged;                        /* has a vhd instead of a managed disk */
    bool ultra;
};

struct arm_machine_body {
    char location[ARM_LOCATION_MAX_BYTES];
    json_t *doc; /* {"tags"?,"zones"?,"properties"?} in current form: no password, no custom data */
    struct arm_machine_disk *disks; /* the OS disk first, if there is one; then as given */
    size_t disk_count;
};
bool arm_machine_read(const void *body, size_t bytes, struct arm_machine_body *out,
                      struct arm_error *e);
void arm_machine_body_fini(struct arm_machine_body *body);

/* A machine's properties as they are given (a body, a config's `metadata`) -> the members that a restore
 * point's sourceMetadata has, in current form, without secrets: hardwareProfile, osProfile, storageProfile...
 * A new reference; NULL with *e set. `given` is only read. */
json_t *arm_metadata_read(const json_t *given, struct arm_error *e);

#endif
