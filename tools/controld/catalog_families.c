/* catalog_families.c - see catalog_families.h. */
#include "tools/controld/catalog_families.h"

#include "tools/controld/catalog_row.h"

static const struct catalog_column columns[] = {
    {"guid", CATALOG_TEXT, offsetof(struct catalog_family, guid), NULL},
    {"region", CATALOG_TEXT, offsetof(struct catalog_family, region), NULL},
    {"source_disk", CATALOG_TEXT, offsetof(struct catalog_family, source_disk), NULL},
    {"collection_id", CATALOG_TEXT, offsetof(struct catalog_family, collection_id), NULL},
    {"container", CATALOG_TEXT, offsetof(struct catalog_family, container), NULL},
    {"live_blob", CATALOG_TEXT, offsetof(struct catalog_family, live_blob), NULL},
    {"blob_count", CATALOG_INT, offsetof(struct catalog_family, blob_count), NULL},
    {"held_disk_point_id", CATALOG_TEXT, offsetof(struct catalog_family, held_disk_point_id), NULL},
    {"held_source_id", CATALOG_TEXT, offsetof(struct catalog_family, held_source_id), NULL},
    {"held_place", CATALOG_TEXT, offsetof(struct catalog_family, held_place), NULL},
};

static const struct catalog_table table = {"families", "disk family", columns,
                                           sizeof columns / sizeof *columns,
                                           sizeof(struct catalog_family)};

void catalog_family_fini(struct catalog_family *row)
{
    catalog_row_fini(&table, row);
}

void catalog_family_list_fini(struct catalog_family_list *list)
{
    struct catalog_rows rows = {list->rows, list->count, list->more};

    catalog_rows_fini(&table, &rows);
    *list = (struct catalog_family_list){.rows = NULL};
}

static bool list_where(struct catalog *c, const char *where, const struct catalog_value *values,
                       unsigned count, const struct catalog_page *page,
                       struct catalog_family_list *out_list, struct err *e)
{
    struct catalog_rows rows = {.rows = NULL};

    if (!catalog_rows_list(c, &table, where, values, count, page, &rows, e))
        return false;
    *out_list = (struct catalog_family_list){rows.rows, rows.count, rows.more};
    return true;
}

bool catalog_family_get(struct catalog *c, const char *guid, struct catalog_family *out_row,
                        struct err *e)
{
    return catalog_row_get(c, &table, guid, out_row, e);
}

bool catalog_family_put(struct catalog *c, const struct catalog_family *row, struct err *e)
{
    return catalog_row_put(c, &table, row, e);
}

bool catalog_family_delete(struct catalog *c, const char *guid, struct err *e)
{
    return catalog_row_delete(c, &table, guid, e);
}

bool catalog_family_find(struct catalog *c, const char *region, const char *source_disk,
                         const char *collection_id, struct catalog_family *out_row, struct err *e)
{
    struct catalog_value values[] = {catalog_text(region), catalog_text(source_disk),
                                     catalog_text(collection_id)};

    /* The same expression as that of the unique index. */
    return catalog_row_find(c, &table,
                            "region = ?1 AND source_disk = ?2 AND "
                            "ifnull(collection_id, '') COLLATE NOCASE = ifnull(?3, '')",
                            values, 3, out_row, e);
}

bool catalog_family_set_held(struct catalog *c, const char *guid, const struct catalog_held *held,
                             struct err *e)
{
    const struct catalog_held nothing = {0}, *now = held ? held : &nothing;

    return catalog_row_set(
        c, &table,
        "UPDATE families SET held_disk_point_id = ?2, held_source_id = ?3, held_place = ?4 "
        "WHERE guid = ?1",
        (struct catalog_value[]){catalog_text(guid), catalog_text(now->disk_point_id),
                                 catalog_text(now->source_id), catalog_text(now->place)},
        4, e);
}

bool catalog_family_holds(struct catalog *c, const char *disk_point_id, bool *out_held,
                          struct err *e)
{
    struct catalog_value value = catalog_text(disk_point_id);
    int64_t number = 0;
    bool ok = catalog_row_ask(c,
                              "SELECT EXISTS (SELECT 1 FROM families "
                              "WHERE held_disk_point_id = ?1 OR held_source_id = ?1)",
                              &value, 1, &number, e);

    *out_held = number != 0;
    return ok;
}

bool catalog_family_list(struct catalog *c, const struct catalog_page *page,
                         struct catalog_family_list *out_list, struct err *e)
{
    return list_where(c, NULL, NULL, 0, page, out_list, e);
}

bool catalog_family_list_of_collection(struct catalog *c, const char *collection_id,
                                       const struct catalog_page *page,
                                       struct catalog_family_list *out_list, struct err *e)
{
    struct catalog_value value = catalog_text(collection_id);

    return list_where(c, "collection_id = ?1", &value, 1, page, out_list, e);
}
