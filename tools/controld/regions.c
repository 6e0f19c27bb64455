/* regions.c - see regions.h. */
#include "tools/controld/regions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#define CONNECTIONS_MAX 32u

struct regions {
    struct http *http;
    struct region items[CONFIG_REGIONS_MAX];
    unsigned count;
};

static bool region_open(struct regions *regions, const struct config_region *config, struct err *e)
{
    struct region *region = &regions->items[regions->count++];
    struct region_account_setup setup = {
        .http = regions->http,
        .url = config->url,
        .name = config->account,
        .key = config->key,
        .sas = config->sas,
    };

    if (getrandom(&setup.seed, sizeof setup.seed, 0) != (ssize_t)sizeof setup.seed)
        return err_set_errno(e, errno, RETRY_NEVER, "no random bytes");
    region->config = config;
    region->account = region_account_new(&setup, e);
    region->access = region->account ? region_access_new(region->account, e) : NULL;
    return region->access != NULL;
}

struct regions *regions_new(struct reactor *reactor, const struct config *config,
                            const char *cacert, struct err *e)
{
    const struct http_options options = {.connections_max = CONNECTIONS_MAX,
                                         .ca_file = cacert,
                                         .allow_plain = config->allow_http};
    struct regions *regions = calloc(1, sizeof *regions);
    bool ok;

    if (!regions) {
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot open the regions");
        return NULL;
    }
    regions->http = http_new(reactor, &options, e);
    ok = regions->http != NULL;
    for (unsigned i = 0; ok && i < config->region_count; i++)
        ok = region_open(regions, &config->regions[i], e);
    if (ok)
        return regions;
    regions_free(regions);
    return NULL;
}

void regions_stop(struct regions *regions)
{
    for (unsigned i = 0; i < regions->count; i++)
        region_account_stop(regions->items[i].account);
    http_cancel_all(regions->http);
}

void regions_free(struct regions *regions)
{
    if (!regions)
        return;
    for (unsigned i = 0; i < regions->count; i++) {
        region_access_free(regions->items[i].access);
        region_account_free(regions->items[i].account);
    }
    http_free(regions->http);
    free(regions);
}

const struct region *regions_find(const struct regions *regions, const char *location)
{
    for (unsigned i = 0; i < regions->count; i++)
        if (strcasecmp(regions->items[i].config->name, location) == 0)
            return &regions->items[i];
    return NULL;
}
