/* embedded_site.c - see embedded_site.h. The regions begin together; the disks follow one by one, as soon as
 * the first region serves. */
#include "tools/controld/embedded_site.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/auth.h"
#include "io/clock.h"
#include "io/durable.h"
#include "io/secret.h"
#include "tools/controld/embedded_disk.h"
#include "tools/controld/region_acl.h"
#include "tools/controld/region_child.h"

#define CONTAINER   "vhds"
#define SAS_VERSION "2020-12-06"
#define SAS_LIFE_NS (3600 * NS_PER_S) /* of a sample disk's copy */
#define VM_SIZE     "Standard_D2s_v5"
#define REGIONS     2u
#define DISKS       2u

static const char *const region_names[REGIONS] = {"westus",
                                                  "eastus"}; /* the machine is in the first */
static const char *const disk_names[DISKS] = {"os", "data"};

struct embedded_site {
    struct embedded_site_setup setup;
    struct embedded_ca ca;
    char *sample_folder;
    struct region_child *regions[REGIONS];
    unsigned disks_made;
    struct embedded_disk *disk; /* in the making */
    enum embedded_state state;
    struct err error;
};

static void fail(struct embedded_site *site, const struct err *why)
{
    if (site->state == EMBEDDED_FAILED)
        return;
    site->state = EMBEDDED_FAILED;
    site->error = *why;
}

/* ---- Disks ---- */

static void next_disk(struct embedded_site *site);

/* "ADDRESS?SAS" of a disk's blob, to read, create and write it. */
static char *sign(const struct embedded_site *site, const char *disk, const struct auth_key *key)
{
    char expiry[REGION_TIME_MAX_BYTES], resource[200];
    const struct auth_sas fields = {.version = SAS_VERSION,
                                    .resource = resource,
                                    .kind = "b",
                                    .permissions = "rcw",
                                    .expiry = expiry};
    char *query, *url = NULL;

    region_time_format(reactor_wall_ns(site->setup.reactor) + SAS_LIFE_NS, expiry);
    snprintf(resource, sizeof resource, "/blob/%s/" CONTAINER "/%s", region_names[0], disk);
    query = auth_sas_query(&fields, key);
    if (query && asprintf(&url, "%s/" CONTAINER "/%s?%s", region_child_url(site->regions[0]), disk,
                          query) < 0)
        url = NULL;
    secret_wipe_free(query);
    return url;
}

static char *target_of(void *arg, struct embedded_disk *disk)
{
    const struct embedded_site *site = arg;
    struct auth_key key = {0};
    struct err ignored = {0};
    char *argument, *text = NULL, *url = NULL;

    if (asprintf(&argument, "@%s", region_child_key_file(site->regions[0])) < 0)
        return NULL;
    if (secret_resolve(argument, &text, &ignored) && auth_key_parse(text, &key, &ignored))
        url = sign(site, embedded_disk_name(disk), &key);
    explicit_bzero(&key, sizeof key);
    secret_wipe_free(text);
    free(argument);
    return url;
}

static void on_disk_done(void *arg, const struct err *error)
{
    struct embedded_site *site = arg;
    struct err why = *error;

    embedded_disk_free(site->disk);
    site->disk = NULL;
    if (err_is_set(&why)) {
        fail(site, &why);
        return;
    }
    site->disks_made++;
    next_disk(site);
}

static bool all_served(const struct embedded_site *site)
{
    for (unsigned i = 0; i < REGIONS; i++)
        if (!region_child_served(site->regions[i]))
            return false;
    return true;
}

static void next_disk(struct embedded_site *site)
{
    struct err e = {0};

    if (site->state != EMBEDDED_BEGINS || site->disk || !all_served(site))
        return;
    if (site->disks_made == DISKS) {
        site->state = EMBEDDED_READY;
        return;
    }
    const struct embedded_disk_setup setup = {.reactor = site->setup.reactor,
                                              .snapferry = site->setup.snapferry,
                                              .folder = site->sample_folder,
                                              .name = disk_names[site->disks_made],
                                              .target = target_of,
                                              .done = on_disk_done,
                                              .arg = site};

    site->disk = embedded_disk_start(&setup, &e);
    if (!site->disk)
        fail(site, &e);
}

/* ---- Regions ---- */

static void on_serves(void *arg, struct region_child *child)
{
    (void)child;
    next_disk(arg);
}

static void on_region_failed(void *arg, const struct err *error)
{
    fail(arg, error);
}

static void on_region_log(void *arg, const char *sentence)
{
    struct embedded_site *site = arg;

    site->setup.log(site->setup.arg, sentence);
}

static bool start_region(struct embedded_site *site, unsigned index, struct err *e)
{
    char *folder = NULL;
    struct region_child_setup setup = {.reactor = site->setup.reactor,
                                       .program = site->setup.regiond,
                                       .name = region_names[index],
                                       .container = CONTAINER,
                                       .serves = on_serves,
                                       .failed = on_region_failed,
                                       .log = on_region_log,
                                       .arg = site};

    if (asprintf(&folder, "%s/regions/%s", site->setup.folder, region_names[index]) < 0)
        return err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot begin a region");
    setup.folder = folder;
    site->regions[index] = region_child_start(&setup, e);
    free(folder);
    return site->regions[index] != NULL;
}

/* ---- Life ---- */

static bool begin(struct embedded_site *site, struct err *e)
{
    const struct embedded_site_setup *setup = &site->setup;

    if (asprintf(&site->sample_folder, "%s/sample", setup->folder) < 0)
        site->sample_folder = NULL;
    if (!site->sample_folder)
        return err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot begin");
    if (!durable_make_folder(site->sample_folder, e) ||
        !embedded_ca_keep(setup->folder, reactor_wall_ns(setup->reactor) / NS_PER_S, &site->ca, e))
        return false;
    for (unsigned i = 0; i < REGIONS; i++)
        if (!start_region(site, i, e))
            return false;
    return true;
}

struct embedded_site *embedded_site_new(const struct embedded_site_setup *setup, struct err *e)
{
    struct embedded_site *site = calloc(1, sizeof *site);

    if (!site) {
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot begin");
        return NULL;
    }
    site->setup = *setup;
    if (begin(site, e))
        return site;
    embedded_site_free(site);
    return NULL;
}

void embedded_site_free(struct embedded_site *site)
{
    if (!site)
        return;
    embedded_disk_free(site->disk);
    for (unsigned i = 0; i < REGIONS; i++)
        if (site->regions[i])
            region_child_end(site->regions[i]); /* together */
    for (unsigned i = 0; i < REGIONS; i++)
        region_child_free(site->regions[i]);
    free(site->sample_folder);
    free(site);
}

/* ---- Look ---- */

enum embedded_state embedded_site_state(const struct embedded_site *site, struct err *e)
{
    if (site->state == EMBEDDED_FAILED)
        *e = site->error;
    return site->state;
}

const struct embedded_ca *embedded_site_ca(const struct embedded_site *site)
{
    return &site->ca;
}

static json_t *describe_region(const struct region_child *region, const char *name)
{
    char *key;
    json_t *described;

    if (asprintf(&key, "@%s", region_child_key_file(region)) < 0)
        return NULL;
    described = json_pack("{ssssssss}", "name", name, "url", region_child_url(region), "account",
                          name, "key", key);
    free(key);
    return described;
}

static json_t *describe(const struct embedded_site *site)
{
    json_t *regions = json_array();

    for (unsigned i = 0; i < REGIONS; i++)
        json_array_append_new(regions, describe_region(site->regions[i], region_names[i]));
    return json_pack("{so s[{ss ss s[{ss ss ss sI}{ss si ss sI}] s{s{ss}s{ss}}}]}", "regions",
                     regions, "virtualMachines", "id", EMBEDDED_MACHINE, "location",
                     region_names[0], "disks", "name", "sample-vm-os", "role", "os", "blob",
                     CONTAINER "/os", "sizeBytes", (json_int_t)EMBEDDED_DISK_BYTES, "name",
                     "sample-vm-data", "lun", 0, "blob", CONTAINER "/data", "sizeBytes",
                     (json_int_t)EMBEDDED_DISK_BYTES, "metadata", "hardwareProfile", "vmSize",
                     VM_SIZE, "osProfile", "computerName", "sample-vm");
}

static void keep_mistake(void *arg, const char *path, const char *sentence)
{
    struct err *e = arg;

    if (!err_is_set(e))
        err_set(e, ERR_IO, RETRY_NEVER, "the embedded configuration: %.100s: %.200s", path,
                sentence);
}

bool embedded_site_config(const struct embedded_site *site, struct config *out_config,
                          struct err *e)
{
    json_t *described = describe(site);
    char *text = described ? json_dumps(described, JSON_COMPACT) : NULL;
    bool ok = text ? config_parse(text, strlen(text), out_config, keep_mistake, e)
                   : err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot describe the regions");

    free(text);
    json_decref(described);
    return ok;
}
