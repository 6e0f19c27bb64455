/* catalog.c - see catalog.h: the data folder's file and its lock. */
#include "tools/controld/catalog.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/durable.h"
#include "tools/controld/catalog_file.h"

struct catalog {
    struct catalog_sql *sql;
    int lock; /* held for as long as the catalog is open: one snapferryd a data folder */
};

static bool catalog_open_parts(struct catalog *c, const char *folder, struct err *e)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof path, "%s/catalog.lock", folder) >= (int)sizeof path)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "the data folder's name is too long");
    if (!durable_make_folder(folder, e))
        return false;
    if (!durable_lock(path, true, &c->lock, e)) {
        if (e->kind == ERR_CONFLICT)
            err_prefix(e, "another snapferryd uses this data folder: ");
        return false;
    }
    snprintf(path, sizeof path, "%s/catalog.db", folder);
    c->sql = catalog_sql_open(path, catalog_schema(), e);
    if (!c->sql)
        return false;
    durable_sync_folder_of(path);
    return true;
}

struct catalog *catalog_open(const char *folder, struct err *e)
{
    struct catalog *c = calloc(1, sizeof *c);

    if (!c) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a catalog");
        return NULL;
    }
    c->lock = -1;
    if (catalog_open_parts(c, folder, e))
        return c;
    catalog_close(c);
    return NULL;
}

void catalog_close(struct catalog *c)
{
    if (!c)
        return;
    catalog_sql_close(c->sql);
    if (c->lock >= 0)
        close(c->lock);
    free(c);
}

bool catalog_begin(struct catalog *c, struct err *e)
{
    return catalog_sql_begin(c->sql, e);
}

bool catalog_commit(struct catalog *c, struct err *e)
{
    return catalog_sql_commit(c->sql, e);
}

void catalog_rollback(struct catalog *c)
{
    catalog_sql_rollback(c->sql);
}

bool catalog_in_transaction(const struct catalog *c)
{
    return catalog_sql_begun(c->sql);
}

struct catalog_sql *catalog_file_sql(struct catalog *c)
{
    return c->sql;
}
