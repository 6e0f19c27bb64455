/* config_region.c - "regions" of a configuration: accounts and where their secrets stand. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/secret.h"
#include "tools/controld/config_parts.h"

enum { REGION_NAME, REGION_URL, REGION_ACCOUNT, REGION_KEY, REGION_SAS };

static void read_name(struct job_reading *reading, json_t *value, struct config_region *region)
{
    job_reading_text(reading, value, ARM_NAME_MAX_CHARS, &region->name);
    if (region->name &&
        strspn(region->name, "abcdefghijklmnopqrstuvwxyz0123456789") != strlen(region->name))
        job_reading_wrong(reading, "must be small letters and digits, as in eastus");
}

static void read_url(struct job_reading *reading, json_t *value, struct config_region *region)
{
    struct secret_url url = {0};
    struct err e = {0};
    const char *text;
    size_t bytes;

    if (!job_members_text(value, CONFIG_TEXT_MAX_BYTES, &text, &e) ||
        !secret_url_parse(text, &url, &e)) {
        job_reading_mistake(reading, &e);
        return;
    }
    if (*url.query)
        job_reading_wrong(reading, "must have no query: a SAS is given as \"sas\"");
    else if (job_reading_keep(url.address, &region->url, &e) &&
             (region->account || job_reading_keep(url.account, &region->account, &e)))
        for (bytes = strlen(region->url); bytes > 0 && region->url[bytes - 1] == '/';)
            region->url[--bytes] = 0;
    if (err_is_set(&e))
        job_reading_mistake(reading, &e);
    secret_url_fini(&url);
}

static void read_account(struct job_reading *reading, json_t *value, struct config_region *region)
{
    free(region->account); /* what the URL says */
    region->account = NULL;
    job_reading_text(reading, value, CONFIG_NAME_MAX_BYTES, &region->account);
}

static void read_secret(struct job_reading *reading, json_t *value, bool sas, char **out_secret)
{
    struct err e = {0};
    const char *text;
    char *found = NULL, *mark;

    if (!job_members_text(value, CONFIG_TEXT_MAX_BYTES, &text, &e)) {
        job_reading_mistake(reading, &e);
        return;
    }
    if (text[0] != '@' && strncmp(text, "env:", 4) != 0) {
        job_reading_wrong(reading, "must be env:NAME or @FILE: a secret does not stand in here");
        return;
    }
    if (!secret_resolve(text, &found, &e)) {
        job_reading_mistake(reading, &e);
        return;
    }
    mark = sas && found[0] == '?' ? found + 1 : found;
    *out_secret = strdup(mark);
    if (!*out_secret)
        job_reading_wrong(reading, "no memory for it");
    else if (sas && !strstr(mark, "sig="))
        job_reading_wrong(reading, "holds no SAS");
    secret_wipe_free(found);
}

static void read_member(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct config_region *region = arg;

    switch (which) {
    case REGION_NAME:
        read_name(reading, value, region);
        break;
    case REGION_URL:
        read_url(reading, value, region);
        break;
    case REGION_ACCOUNT:
        read_account(reading, value, region);
        break;
    case REGION_KEY:
        read_secret(reading, value, false, &region->key);
        break;
    default:
        read_secret(reading, value, true, &region->sas);
        break;
    }
}

static void read_region(struct job_reading *reading, json_t *value, const struct config *config,
                        struct config_region *region)
{
    static const struct job_member members[] = {
        {"name", read_member, true, REGION_NAME},        {"url", read_member, true, REGION_URL},
        {"account", read_member, false, REGION_ACCOUNT}, {"key", read_member, false, REGION_KEY},
        {"sas", read_member, false, REGION_SAS},         {0}};

    job_reading_object(reading, value, members, region);
    if (!json_is_object(value))
        return;
    if (!json_object_get(value, "key") == !json_object_get(value, "sas"))
        job_reading_wrong(reading, "must have either \"key\" or \"sas\"");
    if (region->name && config_region_of(config, region->name))
        config_wrong_member(reading, "name", "is the name of another region, too");
}

void config_read_regions(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct config *config = arg;
    json_t *item;
    size_t i;

    (void)which;
    config->regions = config_room(reading, value, CONFIG_REGIONS_MAX, sizeof *config->regions);
    if (!config->regions)
        return;
    if (json_array_size(value) == 0)
        job_reading_wrong(reading, "must have at least one region");
    json_array_foreach(value, i, item)
    {
        size_t mark = job_reading_enter_item(reading, i);

        read_region(reading, item, config, &config->regions[i]);
        job_reading_leave(reading, mark);
        config->region_count++; /* from here on others are compared with it */
    }
}

void config_region_fini(struct config_region *region)
{
    free(region->name);
    free(region->url);
    free(region->account);
    secret_wipe_free(region->key);
    secret_wipe_free(region->sas);
}
