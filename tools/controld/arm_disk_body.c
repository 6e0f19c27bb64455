/* arm_disk_body.c - the body of PUT disk; see arm_resource_body.h. */
#include <string.h>

#include "tools/controld/arm_body_parts.h"
#include "tools/controld/arm_resource_body.h"

#define CREATE_PATH "properties.creationData.createOption"
#define SOURCE_PATH "properties.creationData.sourceResourceId"
#define SIZE_MAX_GB 65536       /* the largest disk of the service is 64 TiB */
#define BYTES_MAX   (1ll << 46) /* the same in bytes */
#define GIB         (1024ull << 20)

#define TEXT(name)                                                                                 \
    {                                                                                              \
        name, ARM_SHAPE_TEXT, NULL, 0                                                              \
    }
#define BOOL(name)                                                                                 \
    {                                                                                              \
        name, ARM_SHAPE_BOOL, NULL, 0                                                              \
    }
#define INT(name, max)                                                                             \
    {                                                                                              \
        name, ARM_SHAPE_INT, NULL, max                                                             \
    }
#define OBJECT(name, members)                                                                      \
    {                                                                                              \
        name, ARM_SHAPE_OBJECT, members, 0                                                         \
    }
#define END                                                                                        \
    {                                                                                              \
        NULL, ARM_SHAPE_TEXT, NULL, 0                                                              \
    }

static const struct arm_shape sku_members[] = {TEXT("name"), TEXT("tier"), END};
static const struct arm_shape creation_members[] = {TEXT("createOption"),
                                                    TEXT("sourceResourceId"),
                                                    INT("uploadSizeBytes", BYTES_MAX + 512),
                                                    INT("logicalSectorSize", 4096),
                                                    BOOL("performancePlus"),
                                                    END};
static const struct arm_shape encryption_members[] = {TEXT("type"), TEXT("diskEncryptionSetId"),
                                                      END};
static const struct arm_shape plan_members[] = {TEXT("name"), TEXT("publisher"), TEXT("product"),
                                                TEXT("promotionCode"), END};
static const struct arm_shape capability_members[] = {TEXT("diskControllerTypes"),
                                                      BOOL("acceleratedNetwork"),
                                                      TEXT("architecture"), END};
static const struct arm_shape security_members[] = {TEXT("securityType"), END};
static const struct arm_shape place_members[] = {TEXT("file"), TEXT("blob"), END};
static const struct arm_shape property_members[] = {TEXT("osType"),
                                                    TEXT("hyperVGeneration"),
                                                    OBJECT("creationData", creation_members),
                                                    INT("diskSizeGB", SIZE_MAX_GB),
                                                    OBJECT("encryption", encryption_members),
                                                    TEXT("networkAccessPolicy"),
                                                    TEXT("publicNetworkAccess"),
                                                    TEXT("diskAccessId"),
                                                    INT("maxShares", 64),
                                                    TEXT("tier"),
                                                    BOOL("burstingEnabled"),
                                                    BOOL("supportsHibernation"),
                                                    INT("diskIOPSReadWrite", 0),
                                                    INT("diskMBpsReadWrite", 0),
                                                    OBJECT("purchasePlan", plan_members),
                                                    OBJECT("supportedCapabilities",
                                                           capability_members),
                                                    OBJECT("securityProfile", security_members),
                                                    OBJECT("x-snapferry", place_members),
                                                    END};
static const struct arm_shape disk_members[] = {TEXT("location"),
                                                {"tags", ARM_SHAPE_TAGS, NULL, 0},
                                                OBJECT("sku", sku_members),
                                                {"zones", ARM_SHAPE_TEXTS, NULL, 3},
                                                OBJECT("properties", property_members),
                                                END};

static bool take_create(const json_t *read, struct arm_disk_body *out, struct arm_error *e)
{
    static const struct {
        const char *word;
        enum arm_create create;
    } words[] = {{"Empty", ARM_CREATE_EMPTY},
                 {"Attach", ARM_CREATE_ATTACH},
                 {"Copy", ARM_CREATE_COPY},
                 {"Restore", ARM_CREATE_RESTORE},
                 {"Upload", ARM_CREATE_UPLOAD},
                 {"FromImage", ARM_CREATE_OTHER},
                 {"Import", ARM_CREATE_OTHER},
                 {"CopyStart", ARM_CREATE_OTHER},
                 {"ImportSecure", ARM_CREATE_OTHER},
                 {"UploadPreparedSecure", ARM_CREATE_OTHER},
                 {"CopyFromSanSnapshot", ARM_CREATE_OTHER}};
    const char *word = arm_shape_text(read, CREATE_PATH);

    if (!word)
        return arm_body_missing(CREATE_PATH, e);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(word, words[i].word) == 0) {
            out->create = words[i].create;
            return true;
        }
    return arm_body_unknown(CREATE_PATH, word, e);
}

/* Another kind of source (an image, a snapshot) is somebody's who cannot be restored here: no id of ours. */
static bool take_source(const json_t *read, struct arm_disk_body *out, struct arm_error *e)
{
    if (out->create == ARM_CREATE_OTHER)
        return true;
    if (!arm_body_id(read, SOURCE_PATH, 1u << ARM_DISK_POINT | 1u << ARM_DISK, &out->source, e))
        return false;
    if ((out->create == ARM_CREATE_RESTORE || out->create == ARM_CREATE_COPY) &&
        out->source.type == ARM_NONE)
        return arm_body_missing(SOURCE_PATH, e);
    return true;
}

static uint64_t int_at(const json_t *read, const char *path)
{
    return (uint64_t)json_integer_value(arm_shape_at(read, path));
}

static bool take_properties(const json_t *read, struct arm_disk_body *out, struct arm_error *e)
{
    out->size_bytes = int_at(read, "properties.diskSizeGB") * GIB;
    out->shared = int_at(read, "properties.maxShares") > 1;
    if (!arm_body_copy(read, "sku.name", out->sku, sizeof out->sku, e) ||
        !arm_body_copy(read, "properties.encryption.type", out->encryption, sizeof out->encryption,
                       e) ||
        !arm_body_id(read, "properties.encryption.diskEncryptionSetId", 1u << ARM_ENCRYPTION_SET,
                     &out->encryption_set, e) ||
        !arm_body_copy(read, "properties.x-snapferry.file", out->file, sizeof out->file, e) ||
        !arm_body_copy(read, "properties.x-snapferry.blob", out->blob, sizeof out->blob, e))
        return false;
    out->ultra = strcasecmp(out->sku, "UltraSSD_LRS") == 0;
    if (out->file[0] && out->blob[0])
        return arm_error_bad(e, "properties.x-snapferry", "A disk lies in a file or in a blob.");
    return true;
}

bool arm_disk_read(const void *body, size_t bytes, struct arm_disk_body *out, struct arm_error *e)
{
    json_t *read = arm_body_read(body, bytes, disk_members, e);
    bool ok;

    *out = (struct arm_disk_body){0};
    ok = read && arm_body_location(read, out->location, e) && take_create(read, out, e) &&
         take_source(read, out, e) && take_properties(read, out, e);
    if (!ok) {
        json_decref(read);
        *out = (struct arm_disk_body){0};
        return false;
    }
    json_object_del(read, "location");
    out->doc = read;
    return true;
}

void arm_disk_body_fini(struct arm_disk_body *body)
{
    json_decref(body->doc);
    *body = (struct arm_disk_body){0};
}
