/* config.c - see config.h: the file as a whole, and what its parts say of each other. */
#include "tools/controld/config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/durable.h"
#include "io/secret.h"
#include "tools/controld/config_parts.h"
#include "tools/controld/restore_path.h"

#define CHILDREN_MAX 64u
#define DEADLINE_MAX 365u
#define RATE_MAX     (1ull << 50)
#define MEMORY_MIN   (16ull << 20)
#define MEMORY_MAX   (64ull << 30)
_Static_assert(CONFIG_CHILDREN_DEFAULT <= CHILDREN_MAX, "the default is allowed");

/* ---- Limits ---- */

enum { LIMIT_RATE, LIMIT_MEMORY, LIMIT_CHILDREN, LIMIT_DEADLINE };

static void read_limit(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct config_limits *limits = arg;
    struct err e = {0};

    switch (which) {
    case LIMIT_RATE:
        job_members_count(value, 0, RATE_MAX, &limits->bytes_per_second, &e);
        break;
    case LIMIT_MEMORY:
        job_members_count(value, MEMORY_MIN, MEMORY_MAX, &limits->memory_bytes, &e);
        break;
    case LIMIT_CHILDREN:
        config_read_unsigned(reading, value, 1, CHILDREN_MAX, &limits->children);
        break;
    default:
        config_read_unsigned(reading, value, 1, DEADLINE_MAX, &limits->deadline_days);
        break;
    }
    if (err_is_set(&e))
        job_reading_mistake(reading, &e);
}

static void read_limits(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    static const struct job_member members[] = {{"bytesPerSecond", read_limit, false, LIMIT_RATE},
                                                {"memoryBytes", read_limit, false, LIMIT_MEMORY},
                                                {"copiesAtOnce", read_limit, false, LIMIT_CHILDREN},
                                                {"replicationDeadlineDays", read_limit, false,
                                                 LIMIT_DEADLINE},
                                                {0}};

    (void)which;
    job_reading_object(reading, value, members, &((struct config *)arg)->limits);
}

/* ---- The whole ---- */

static void read_cacert(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    (void)which;
    config_read_path(reading, value, &((struct config *)arg)->cacert);
}

static void read_allow_http(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    (void)which;
    config_read_bool(reading, value, &((struct config *)arg)->allow_http);
}

static void read_restore_to(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct config *config = arg;
    unsigned count = 0;
    json_t *item;
    size_t i;

    (void)which;
    if (!json_is_array(value) || json_array_size(value) > CONFIG_RESTORE_MAX) {
        job_reading_wrong(reading, "must be an array of at most 64 folders and paths");
        return;
    }
    json_array_foreach(value, i, item)
    {
        size_t mark = job_reading_enter_item(reading, i);
        char *path = NULL;

        config_read_path(reading, item, &path);
        if (path && restore_path_is_entry(path)) {
            config->restore_to[count++] = path;
        } else if (path) {
            job_reading_wrong(reading, "must be a folder with / at its end, or a path, and neither "
                                       "/ nor /dev/; without //, . and ..");
            free(path);
        }
        job_reading_leave(reading, mark);
    }
}

static const struct job_member members[] = {{"regions", config_read_regions, true, 0},
                                            {"virtualMachines", config_read_machines, false, 0},
                                            {"limits", read_limits, false, 0},
                                            {"cacert", read_cacert, false, 0},
                                            {"allowHttp", read_allow_http, false, 0},
                                            {"restoreTo", read_restore_to, false, 0},
                                            {0}};

static void check_region(struct job_reading *reading, const struct config *config,
                         const struct config_region *region)
{
    struct secret_url url = {0};
    struct err ignored = {0};

    if (region->url && secret_url_parse(region->url, &url, &ignored) && !url.tls && !url.loopback &&
        !config->allow_http)
        config_wrong_member(reading, "url",
                            "must be https, unless \"allowHttp\" is true: keys would go in clear");
    secret_url_fini(&url);
}

/* What could not be checked before all was read: members come in any order. */
static void check_whole(struct job_reading *reading, const struct config *config)
{
    size_t mark = job_reading_enter(reading, "regions"), item;

    for (unsigned i = 0; i < config->region_count; i++) {
        item = job_reading_enter_item(reading, i);
        check_region(reading, config, &config->regions[i]);
        job_reading_leave(reading, item);
    }
    job_reading_leave(reading, mark);
    mark = job_reading_enter(reading, "virtualMachines");
    for (unsigned i = 0; i < config->machine_count; i++) {
        char *location = config->machines[i].location;
        const struct config_region *region = location ? config_region_of(config, location) : NULL;

        item = job_reading_enter_item(reading, i);
        if (location && !region)
            config_wrong_member(reading, "location", "is none of the regions");
        else if (location) /* in one spelling: places are compared as texts */
            memcpy(location, region->name, strlen(location));
        job_reading_leave(reading, item);
    }
    job_reading_leave(reading, mark);
}

struct telling {
    config_mistake_fn *told;
    void *arg;
    unsigned count;
};

/* A member that nobody knows is a mistake here: it is most likely a misspelt one. */
static void tell(void *arg, bool warning, const char *path, const char *sentence)
{
    struct telling *telling = arg;

    (void)warning;
    telling->count++;
    telling->told(telling->arg, path, sentence);
}

bool config_parse(const char *text, size_t bytes, struct config *out_config,
                  config_mistake_fn *told, void *arg)
{
    struct telling telling = {told, arg, 0};
    struct job_reading reading = {.told = tell, .arg = &telling, .path = "$"};
    struct config config = {
        .limits = {.children = CONFIG_CHILDREN_DEFAULT, .deadline_days = CONFIG_DEADLINE_DAYS}};
    json_error_t where;
    struct err e = {0};
    json_t *root = json_loadb(bytes ? text : "", bytes, JSON_REJECT_DUPLICATES, &where);

    if (root) {
        job_reading_object(&reading, root, members, &config);
        check_whole(&reading, &config);
    } else {
        job_members_no_json(&where, &e);
        job_reading_mistake(&reading, &e);
    }
    job_reading_conclude(&reading);
    job_members_wipe(root); /* somebody may have put a key into it */
    json_decref(root);
    *out_config = config;
    if (telling.count > 0)
        config_fini(out_config);
    return telling.count == 0;
}

bool config_load(const char *file, struct config *out_config, config_mistake_fn *told, void *arg)
{
    char *text = NULL;
    size_t bytes = 0;
    struct err e = {0};
    bool ok;

    *out_config = (struct config){0};
    if (!durable_read(file, CONFIG_FILE_MAX_BYTES, &text, &bytes, &e)) {
        told(arg, "", e.text);
        return false;
    }
    if (!text) {
        told(arg, "", "there is no such file");
        return false;
    }
    ok = config_parse(text, bytes, out_config, told, arg);
    explicit_bzero(text, bytes);
    free(text);
    return ok;
}

void config_fini(struct config *config)
{
    for (unsigned i = 0; i < config->region_count; i++)
        config_region_fini(&config->regions[i]);
    for (unsigned i = 0; i < config->machine_count; i++)
        config_machine_fini(&config->machines[i]);
    for (unsigned i = 0; i < CONFIG_RESTORE_MAX; i++)
        free(config->restore_to[i]);
    free(config->regions);
    free(config->machines);
    free(config->cacert);
    *config = (struct config){0};
}

/* ---- Look ---- */

const struct config_region *config_region_of(const struct config *config, const char *location)
{
    for (unsigned i = 0; i < config->region_count; i++)
        if (config->regions[i].name && strcasecmp(config->regions[i].name, location) == 0)
            return &config->regions[i];
    return NULL;
}

const struct config_machine *config_machine_of(const struct config *config, const char *id)
{
    for (unsigned i = 0; i < config->machine_count; i++)
        if (config->machines[i].id && strcasecmp(config->machines[i].id, id) == 0)
            return &config->machines[i];
    return NULL;
}
