/* catalog_accesses.c - see catalog_accesses.h. */
#include "tools/controld/catalog_accesses.h"

#include "tools/controld/catalog_row.h"

static const struct catalog_column columns[] = {
    {"resource_id", CATALOG_TEXT, offsetof(struct catalog_access, resource_id), NULL},
    {"region", CATALOG_TEXT, offsetof(struct catalog_access, region), NULL},
    {"container", CATALOG_TEXT, offsetof(struct catalog_access, container), NULL},
    {"blob", CATALOG_TEXT, offsetof(struct catalog_access, blob), NULL},
    {"snapshot", CATALOG_TEXT, offsetof(struct catalog_access, snapshot), NULL},
    {"policy", CATALOG_TEXT, offsetof(struct catalog_access, policy), NULL},
    {"permissions", CATALOG_TEXT, offsetof(struct catalog_access, permissions), NULL},
    {"begun_ns", CATALOG_INT, offsetof(struct catalog_access, begun_ns), NULL},
    {"expires_ns", CATALOG_INT, offsetof(struct catalog_access, expires_ns), NULL},
};

static const struct catalog_table table = {"accesses", "access", columns,
                                           sizeof columns / sizeof *columns,
                                           sizeof(struct catalog_access)};

void catalog_access_fini(struct catalog_access *row)
{
    catalog_row_fini(&table, row);
}

void catalog_access_list_fini(struct catalog_access_list *list)
{
    struct catalog_rows rows = {list->rows, list->count, list->more};

    catalog_rows_fini(&table, &rows);
    *list = (struct catalog_access_list){.rows = NULL};
}

static bool list_where(struct catalog *c, const char *where, const struct catalog_value *values,
                       unsigned count, const struct catalog_page *page,
                       struct catalog_access_list *out_list, struct err *e)
{
    struct catalog_rows rows = {.rows = NULL};

    if (!catalog_rows_list(c, &table, where, values, count, page, &rows, e))
        return false;
    *out_list = (struct catalog_access_list){rows.rows, rows.count, rows.more};
    return true;
}

bool catalog_access_get(struct catalog *c, const char *resource_id, struct catalog_access *out_row,
                        struct err *e)
{
    return catalog_row_get(c, &table, resource_id, out_row, e);
}

bool catalog_access_put(struct catalog *c, const struct catalog_access *row, struct err *e)
{
    return catalog_row_put(c, &table, row, e);
}

bool catalog_access_delete(struct catalog *c, const char *resource_id, struct err *e)
{
    return catalog_row_delete(c, &table, resource_id, e);
}

bool catalog_access_set_expiry(struct catalog *c, const char *resource_id, int64_t expires_ns,
                               struct err *e)
{
    return catalog_row_set(
        c, &table, "UPDATE accesses SET expires_ns = ?2 WHERE resource_id = ?1",
        (struct catalog_value[]){catalog_text(resource_id), catalog_int(expires_ns)}, 2, e);
}

bool catalog_access_list_of_container(struct catalog *c, const char *region, const char *container,
                                      const struct catalog_page *page,
                                      struct catalog_access_list *out_list, struct err *e)
{
    struct catalog_value values[] = {catalog_text(region), catalog_text(container)};

    return list_where(c, "region = ?1 AND container = ?2", values, 2, page, out_list, e);
}

bool catalog_access_list_expired(struct catalog *c, int64_t now_ns, const struct catalog_page *page,
                                 struct catalog_access_list *out_list, struct err *e)
{
    struct catalog_value value = catalog_int(now_ns);

    return list_where(c, "expires_ns <= ?1", &value, 1, page, out_list, e);
}

bool catalog_access_list(struct catalog *c, const char *under, const struct catalog_page *page,
                         struct catalog_access_list *out_list, struct err *e)
{
    struct catalog_rows rows = {.rows = NULL};

    if (!catalog_rows_list_under(c, &table, under, page, &rows, e))
        return false;
    *out_list = (struct catalog_access_list){rows.rows, rows.count, rows.more};
    return true;
}
