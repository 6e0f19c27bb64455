/* region_sas.c - see region_sas.h. */
#include "tools/controld/region_sas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/percent.h"
#include "tools/controld/region_account_call.h"

#define SAS_VERSION "2020-12-06"

/* The query of a SAS for this alone. */
static char *signed_query(const struct region_account *account, const struct region_sas *sas)
{
    char expiry[REGION_TIME_MAX_BYTES];
    bool of_snapshot = sas->snapshot && *sas->snapshot;
    struct auth_sas fields = {
        .version = SAS_VERSION,
        .kind = of_snapshot ? "bs" : "b",
        .snapshot = of_snapshot ? sas->snapshot : NULL,
        .permissions = sas->policy ? NULL : sas->permissions,
        .expiry = sas->policy ? NULL : expiry,
        .identifier = sas->policy,
        .protocols = account->tls ? "https" : NULL,
    };
    char *resource, *query;

    region_time_format(sas->expiry_ns, expiry);
    if (asprintf(&resource, "/blob/%s/%s/%s", account->name, sas->container, sas->blob) < 0)
        return NULL;
    fields.resource = resource;
    query = auth_sas_query(&fields, &account->key);
    free(resource);
    return query;
}

/* The account's own, with the snapshot's time before it. */
static char *given_query(const struct region_account *account, const struct region_sas *sas)
{
    char *time, *query;

    if (!sas->snapshot || !*sas->snapshot)
        return strdup(account->sas);
    time = percent_encode(sas->snapshot);
    if (!time || asprintf(&query, "snapshot=%s&%s", time, account->sas) < 0)
        query = NULL;
    free(time);
    return query;
}

bool region_sas_url(const struct region_account *account, const struct region_sas *sas,
                    char **out_url, struct err *e)
{
    char *address, *query, *url = NULL;

    if (sas->policy && !account->has_key) {
        err_set(e, ERR_CONFLICT, RETRY_NEVER,
                "access that can be revoked needs the key of the account %.64s, and it has a SAS",
                account->name);
        e->http_status = 409;
        strcpy(e->code, "AccountKeyRequired");
        return false;
    }
    address = region_account_address(account, sas->container, sas->blob, e);
    if (!address)
        return false;
    query = account->has_key ? signed_query(account, sas) : given_query(account, sas);
    if (query && asprintf(&url, "%s?%s", address, query) < 0)
        url = NULL;
    free(address);
    secret_wipe_free(query);
    if (!url)
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a URL");
    *out_url = url;
    return true;
}

char *region_sas_address(const struct region_account *account, const char *container,
                         const char *blob, const char *snapshot)
{
    struct err e = {0};
    char *address = region_account_address(account, container, blob, &e);
    char *time = snapshot && *snapshot ? percent_encode(snapshot) : NULL;
    char *whole = address;

    if (address && snapshot && *snapshot) {
        if (!time || asprintf(&whole, "%s?snapshot=%s", address, time) < 0)
            whole = NULL;
        free(address);
    }
    free(time);
    return whole;
}
