/* arm_metadata.c - see arm_metadata.h. Passwords are in no table, and custom data is kept as an empty text:
 * neither is ever told. `pass` and `component` are the documents' names for passName and componentName; both
 * are kept. */
#include "tools/controld/arm_metadata.h"

#include "tools/controld/arm_resource_body.h"

#define TEXT(name)                                                                                 \
    {                                                                                              \
        name, ARM_SHAPE_TEXT, NULL, 0                                                              \
    }
#define BOOL(name)                                                                                 \
    {                                                                                              \
        name, ARM_SHAPE_BOOL, NULL, 0                                                              \
    }
#define INT(name)                                                                                  \
    {                                                                                              \
        name, ARM_SHAPE_INT, NULL, 0                                                               \
    }
#define END                                                                                        \
    {                                                                                              \
        NULL, ARM_SHAPE_TEXT, NULL, 0                                                              \
    }
#define OBJECT(name, members)                                                                      \
    {                                                                                              \
        name, ARM_SHAPE_OBJECT, members, 0                                                         \
    }
#define LIST(name, members)                                                                        \
    {                                                                                              \
        name, ARM_SHAPE_LIST, members, 0                                                           \
    }

static const struct arm_shape reference[] = {TEXT("id"), END};

/* ---- hardwareProfile ---- */
static const struct arm_shape size_properties[] = {INT("vCPUsAvailable"), INT("vCPUsPerCore"), END};
static const struct arm_shape hardware[] = {TEXT("vmSize"),
                                            OBJECT("vmSizeProperties", size_properties), END};

/* ---- osProfile ---- */
static const struct arm_shape certificate[] = {TEXT("certificateUrl"), TEXT("certificateStore"),
                                               END};
static const struct arm_shape secret[] = {OBJECT("sourceVault", reference),
                                          LIST("vaultCertificates", certificate), END};
static const struct arm_shape listener[] = {TEXT("protocol"), TEXT("certificateUrl"), END};
static const struct arm_shape win_rm[] = {LIST("listeners", listener), END};
static const struct arm_shape unattend[] = {TEXT("pass"),
                                            TEXT("component"),
                                            TEXT("passName"),
                                            TEXT("componentName"),
                                            TEXT("settingName"),
                                            TEXT("content"),
                                            END};
static const struct arm_shape patch[] = {TEXT("patchMode"), TEXT("assessmentMode"),
                                         BOOL("enableHotpatching"), END};
static const struct arm_shape windows[] = {BOOL("provisionVMAgent"),
                                           BOOL("enableAutomaticUpdates"),
                                           BOOL("enableVMAgentPlatformUpdates"),
                                           TEXT("timeZone"),
                                           OBJECT("winRM", win_rm),
                                           LIST("additionalUnattendContent", unattend),
                                           OBJECT("patchSettings", patch),
                                           END};
static const struct arm_shape public_key[] = {TEXT("path"), TEXT("keyData"), END};
static const struct arm_shape ssh[] = {LIST("publicKeys", public_key), END};
static const struct arm_shape linux_members[] = {
    BOOL("disablePasswordAuthentication"), BOOL("provisionVMAgent"),
    BOOL("enableVMAgentPlatformUpdates"),  OBJECT("ssh", ssh),
    OBJECT("patchSettings", patch),        END};
static const struct arm_shape os_profile[] = {TEXT("computerName"),
                                              TEXT("adminUsername"),
                                              {"customData", ARM_SHAPE_EMPTY, NULL, 0},
                                              OBJECT("windowsConfiguration", windows),
                                              OBJECT("linuxConfiguration", linux_members),
                                              LIST("secrets", secret),
                                              BOOL("allowExtensionOperations"),
                                              BOOL("requireGuestProvisionSignal"),
                                              END};

/* ---- storageProfile ---- */
static const struct arm_shape disk_security[] = {TEXT("securityEncryptionType"),
                                                 OBJECT("diskEncryptionSet", reference), END};
static const struct arm_shape managed_disk[] = {TEXT("id"), TEXT("storageAccountType"),
                                                OBJECT("diskEncryptionSet", reference),
                                                OBJECT("securityProfile", disk_security), END};
static const struct arm_shape key_secret[] = {TEXT("secretUrl"), OBJECT("sourceVault", reference),
                                              END};
static const struct arm_shape key_url[] = {TEXT("keyUrl"), OBJECT("sourceVault", reference), END};
static const struct arm_shape encryption[] = {BOOL("enabled"),
                                              OBJECT("diskEncryptionKey", key_secret),
                                              OBJECT("keyEncryptionKey", key_url), END};

/* What an OS disk and a data disk have, in a machine and in what a restore point keeps of it. */
#define DISK_COMMON                                                                                \
    TEXT("name"), TEXT("caching"), INT("diskSizeGB"), BOOL("writeAcceleratorEnabled"),             \
        OBJECT("managedDisk", managed_disk)

static const struct arm_shape diff_disk[] = {TEXT("option"), TEXT("placement"), END};
const struct arm_shape arm_machine_disk_members[] = {TEXT("osType"),
                                                     INT("lun"),
                                                     DISK_COMMON,
                                                     TEXT("createOption"),
                                                     TEXT("deleteOption"),
                                                     OBJECT("encryptionSettings", encryption),
                                                     OBJECT("diffDiskSettings", diff_disk),
                                                     BOOL("toBeDetached"),
                                                     TEXT("detachOption"),
                                                     END};
static const struct arm_shape image[] = {TEXT("id"),  TEXT("publisher"), TEXT("offer"),
                                         TEXT("sku"), TEXT("version"),   TEXT("exactVersion"),
                                         END};
static const struct arm_shape machine_storage[] = {OBJECT("imageReference", image),
                                                   TEXT("diskControllerType"),
                                                   OBJECT("osDisk", arm_machine_disk_members),
                                                   {"dataDisks", ARM_SHAPE_LIST,
                                                    arm_machine_disk_members, ARM_EXCLUDED_MAX - 1},
                                                   END};

static const struct arm_shape kept_os_disk[] = {TEXT("osType"), DISK_COMMON,
                                                OBJECT("encryptionSettings", encryption), END};
static const struct arm_shape kept_data_disk[] = {INT("lun"), DISK_COMMON, END};
static const struct arm_shape kept_storage[] = {TEXT("diskControllerType"),
                                                OBJECT("osDisk", kept_os_disk),
                                                {"dataDisks", ARM_SHAPE_LIST, kept_data_disk,
                                                 ARM_EXCLUDED_MAX - 1},
                                                END};

/* ---- The rest ---- */
static const struct arm_shape boot[] = {BOOL("enabled"), TEXT("storageUri"), END};
static const struct arm_shape diagnostics[] = {OBJECT("bootDiagnostics", boot), END};
static const struct arm_shape uefi[] = {BOOL("secureBootEnabled"), BOOL("vTpmEnabled"), END};
static const struct arm_shape proxy_agent[] = {BOOL("enabled"), TEXT("mode"),
                                               INT("keyIncarnationId"), END};
static const struct arm_shape identity[] = {TEXT("userAssignedIdentityResourceId"), END};
static const struct arm_shape security[] = {TEXT("securityType"),
                                            BOOL("encryptionAtHost"),
                                            OBJECT("uefiSettings", uefi),
                                            OBJECT("encryptionIdentity", identity),
                                            OBJECT("proxyAgentSettings", proxy_agent),
                                            END};
static const struct arm_shape interface_properties[] = {BOOL("primary"), TEXT("deleteOption"), END};
static const struct arm_shape interface[] = {TEXT("id"), OBJECT("properties", interface_properties),
                                             END};
static const struct arm_shape network[] = {LIST("networkInterfaces", interface), END};

#define MACHINE_COMMON                                                                             \
    TEXT("licenseType"), TEXT("userData"), OBJECT("hardwareProfile", hardware),                    \
        OBJECT("osProfile", os_profile), OBJECT("diagnosticsProfile", diagnostics),                \
        OBJECT("securityProfile", security)

const struct arm_shape arm_machine_properties[] = {MACHINE_COMMON,
                                                   OBJECT("storageProfile", machine_storage),
                                                   OBJECT("networkProfile", network),
                                                   OBJECT("availabilitySet", reference),
                                                   OBJECT("proximityPlacementGroup", reference),
                                                   TEXT("priority"),
                                                   TEXT("evictionPolicy"),
                                                   END};
const struct arm_shape arm_metadata_members[] = {MACHINE_COMMON,
                                                 OBJECT("storageProfile", kept_storage),
                                                 TEXT("vmId"),
                                                 TEXT("location"),
                                                 TEXT("hyperVGeneration"),
                                                 END};

json_t *arm_metadata_read(const json_t *given, struct arm_error *e)
{
    return arm_shape_read(given, arm_metadata_members, "", e);
}
