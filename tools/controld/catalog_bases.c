/* catalog_bases.c - see catalog_bases.h. */
#include "tools/controld/catalog_bases.h"

#include "tools/controld/catalog_row.h"

#define NEEDED(place)                                                                              \
    "(EXISTS (SELECT 1 FROM families WHERE held_place = " place ") OR "                            \
    "EXISTS (SELECT 1 FROM disk_points WHERE base_place = " place " AND snapshot IS NULL))"

static const struct catalog_column columns[] = {
    {"place", CATALOG_TEXT, offsetof(struct catalog_base, place), NULL},
    {"disk_point_id", CATALOG_TEXT, offsetof(struct catalog_base, disk_point_id), NULL},
};

static const struct catalog_table table = {"bases", "base", columns,
                                           sizeof columns / sizeof *columns,
                                           sizeof(struct catalog_base)};

void catalog_base_fini(struct catalog_base *row)
{
    catalog_row_fini(&table, row);
}

void catalog_base_list_fini(struct catalog_base_list *list)
{
    struct catalog_rows rows = {list->rows, list->count, list->more};

    catalog_rows_fini(&table, &rows);
    *list = (struct catalog_base_list){.rows = NULL};
}

bool catalog_base_put(struct catalog *c, const struct catalog_base *row, struct err *e)
{
    return catalog_row_put(c, &table, row, e);
}

bool catalog_base_delete(struct catalog *c, const char *place, struct err *e)
{
    return catalog_row_delete(c, &table, place, e);
}

static bool ask(struct catalog *c, const char *sql, const char *place, bool *out_yes, struct err *e)
{
    struct catalog_value value = catalog_text(place);
    int64_t number = 0;
    bool ok = catalog_row_ask(c, sql, &value, 1, &number, e);

    *out_yes = number != 0;
    return ok;
}

bool catalog_base_is_kept(struct catalog *c, const char *place, bool *out_kept, struct err *e)
{
    return ask(c, "SELECT EXISTS (SELECT 1 FROM bases WHERE place = ?1)", place, out_kept, e);
}

bool catalog_base_is_needed(struct catalog *c, const char *place, bool *out_needed, struct err *e)
{
    return ask(c, "SELECT " NEEDED("?1"), place, out_needed, e);
}

bool catalog_base_list_spare(struct catalog *c, const struct catalog_page *page,
                             struct catalog_base_list *out_list, struct err *e)
{
    struct catalog_rows rows = {.rows = NULL};

    if (!catalog_rows_list(c, &table, "NOT " NEEDED("bases.place"), NULL, 0, page, &rows, e))
        return false;
    *out_list = (struct catalog_base_list){rows.rows, rows.count, rows.more};
    return true;
}
