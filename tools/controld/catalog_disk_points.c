/* catalog_disk_points.c - see catalog_disk_points.h. */
#include "tools/controld/catalog_disk_points.h"

#include "tools/controld/catalog_row.h"

static const struct catalog_column columns[] = {
    {"id", CATALOG_TEXT, offsetof(struct catalog_disk_point, id), NULL},
    {"point_id", CATALOG_TEXT, offsetof(struct catalog_disk_point, point_id), NULL},
    {"name", CATALOG_TEXT, offsetof(struct catalog_disk_point, name), NULL},
    {"disk_id", CATALOG_TEXT, offsetof(struct catalog_disk_point, disk_id), NULL},
    {"role", CATALOG_WORD, offsetof(struct catalog_disk_point, role), &catalog_role_words},
    {"lun", CATALOG_INT, offsetof(struct catalog_disk_point, lun), NULL},
    {"facts", CATALOG_TEXT, offsetof(struct catalog_disk_point, facts), NULL},
    {"family", CATALOG_TEXT, offsetof(struct catalog_disk_point, family), NULL},
    {"location", CATALOG_TEXT, offsetof(struct catalog_disk_point, location), NULL},
    {"source_location", CATALOG_TEXT, offsetof(struct catalog_disk_point, source_location), NULL},
    {"region", CATALOG_TEXT, offsetof(struct catalog_disk_point, region), NULL},
    {"container", CATALOG_TEXT, offsetof(struct catalog_disk_point, container), NULL},
    {"blob", CATALOG_TEXT, offsetof(struct catalog_disk_point, blob), NULL},
    {"snapshot", CATALOG_TEXT, offsetof(struct catalog_disk_point, snapshot), NULL},
    {"cut_path", CATALOG_TEXT, offsetof(struct catalog_disk_point, cut_path), NULL},
    {"size_bytes", CATALOG_INT, offsetof(struct catalog_disk_point, size_bytes), NULL},
    {"code", CATALOG_TEXT, offsetof(struct catalog_disk_point, code), NULL},
    {"percent", CATALOG_REAL, offsetof(struct catalog_disk_point, percent), NULL},
    {"level", CATALOG_WORD, offsetof(struct catalog_disk_point, level), &catalog_level_words},
    {"message", CATALOG_TEXT, offsetof(struct catalog_disk_point, message), NULL},
    {"source_disk_point_id", CATALOG_TEXT,
     offsetof(struct catalog_disk_point, source_disk_point_id), NULL},
    {"base_disk_point_id", CATALOG_TEXT, offsetof(struct catalog_disk_point, base_disk_point_id),
     NULL},
    {"base_source_id", CATALOG_TEXT, offsetof(struct catalog_disk_point, base_source_id), NULL},
    {"base_place", CATALOG_TEXT, offsetof(struct catalog_disk_point, base_place), NULL},
    {"encryption_type", CATALOG_TEXT, offsetof(struct catalog_disk_point, encryption_type), NULL},
    {"encryption_set_id", CATALOG_TEXT, offsetof(struct catalog_disk_point, encryption_set_id),
     NULL},
    {"root", CATALOG_TEXT, offsetof(struct catalog_disk_point, root), NULL},
    {"verified", CATALOG_TEXT, offsetof(struct catalog_disk_point, verified), NULL},
    {"changed_bytes", CATALOG_INT, offsetof(struct catalog_disk_point, changed_bytes), NULL},
    {"wire_bytes", CATALOG_INT, offsetof(struct catalog_disk_point, wire_bytes), NULL},
    {"created_ns", CATALOG_INT, offsetof(struct catalog_disk_point, created_ns), NULL},
    {"begun_ns", CATALOG_INT, offsetof(struct catalog_disk_point, begun_ns), NULL},
    {"ended_ns", CATALOG_INT, offsetof(struct catalog_disk_point, ended_ns), NULL},
};

static const struct catalog_table table = {"disk_points", "disk restore point", columns,
                                           sizeof columns / sizeof *columns,
                                           sizeof(struct catalog_disk_point)};

void catalog_disk_point_fini(struct catalog_disk_point *row)
{
    catalog_row_fini(&table, row);
}

void catalog_disk_point_list_fini(struct catalog_disk_point_list *list)
{
    struct catalog_rows rows = {list->rows, list->count, list->more};

    catalog_rows_fini(&table, &rows);
    *list = (struct catalog_disk_point_list){.rows = NULL};
}

static bool list_where(struct catalog *c, const char *where, const struct catalog_value *values,
                       unsigned count, const struct catalog_page *page,
                       struct catalog_disk_point_list *out_list, struct err *e)
{
    struct catalog_rows rows = {.rows = NULL};

    if (!catalog_rows_list(c, &table, where, values, count, page, &rows, e))
        return false;
    *out_list = (struct catalog_disk_point_list){rows.rows, rows.count, rows.more};
    return true;
}

bool catalog_disk_point_get(struct catalog *c, const char *id, struct catalog_disk_point *out_row,
                            struct err *e)
{
    return catalog_row_get(c, &table, id, out_row, e);
}

bool catalog_disk_point_put(struct catalog *c, const struct catalog_disk_point *row, struct err *e)
{
    return catalog_row_put(c, &table, row, e);
}

bool catalog_disk_point_delete(struct catalog *c, const char *id, struct err *e)
{
    return catalog_row_delete(c, &table, id, e);
}

bool catalog_disk_point_set_progress(struct catalog *c, const char *id, const char *code,
                                     double percent, enum catalog_level level, const char *message,
                                     struct err *e)
{
    return catalog_row_set(
        c, &table,
        "UPDATE disk_points SET code = ?2, percent = max(percent, ?3), level = ?4, message = ?5 "
        "WHERE id = ?1",
        (struct catalog_value[]){catalog_text(id), catalog_text(code), catalog_real(percent),
                                 catalog_text(catalog_level_name(level)), catalog_text(message)},
        5, e);
}

bool catalog_disk_point_set_snapshot(struct catalog *c, const char *id, const char *snapshot,
                                     const char *root, int64_t ended_ns, struct err *e)
{
    return catalog_row_set(
        c, &table,
        "UPDATE disk_points SET snapshot = ?2, root = ?3, ended_ns = ?4, cut_path = NULL, "
        "verified = NULL WHERE id = ?1",
        (struct catalog_value[]){catalog_text(id), catalog_text(snapshot), catalog_text(root),
                                 catalog_int(ended_ns)},
        4, e);
}

bool catalog_disk_point_set_verified(struct catalog *c, const char *id, const char *verified,
                                     const char *root, struct err *e)
{
    return catalog_row_set(
        c, &table, "UPDATE disk_points SET verified = ?2, root = coalesce(root, ?3) WHERE id = ?1",
        (struct catalog_value[]){catalog_text(id), catalog_text(verified), catalog_text(root)}, 3,
        e);
}

bool catalog_disk_point_set_cut(struct catalog *c, const char *id, const char *cut_path,
                                struct err *e)
{
    return catalog_row_set(c, &table, "UPDATE disk_points SET cut_path = ?2 WHERE id = ?1",
                           (struct catalog_value[]){catalog_text(id), catalog_text(cut_path)}, 2,
                           e);
}

bool catalog_disk_point_list(struct catalog *c, const char *point_id,
                             const struct catalog_page *page,
                             struct catalog_disk_point_list *out_list, struct err *e)
{
    struct catalog_value value = catalog_text(point_id);

    return list_where(c, "point_id = ?1", &value, 1, page, out_list, e);
}

bool catalog_disk_point_list_of_family(struct catalog *c, const char *family,
                                       const struct catalog_page *page,
                                       struct catalog_disk_point_list *out_list, struct err *e)
{
    struct catalog_value value = catalog_text(family);

    return list_where(c, "family = ?1", &value, 1, page, out_list, e);
}

bool catalog_disk_point_list_of_source(struct catalog *c, const char *source_disk_point_id,
                                       const struct catalog_page *page,
                                       struct catalog_disk_point_list *out_list, struct err *e)
{
    struct catalog_value value = catalog_text(source_disk_point_id);

    return list_where(c, "source_disk_point_id = ?1", &value, 1, page, out_list, e);
}

bool catalog_disk_point_list_of_base(struct catalog *c, const char *base_disk_point_id,
                                     const struct catalog_page *page,
                                     struct catalog_disk_point_list *out_list, struct err *e)
{
    struct catalog_value value = catalog_text(base_disk_point_id);

    return list_where(c, "base_disk_point_id = ?1", &value, 1, page, out_list, e);
}

bool catalog_disk_point_list_unended(struct catalog *c, const struct catalog_page *page,
                                     struct catalog_disk_point_list *out_list, struct err *e)
{
    return list_where(c, "ended_ns = 0", NULL, 0, page, out_list, e);
}

bool catalog_disk_point_list_left_cuts(struct catalog *c, const struct catalog_page *page,
                                       struct catalog_disk_point_list *out_list, struct err *e)
{
    return list_where(c, "cut_path IS NOT NULL AND snapshot IS NOT NULL", NULL, 0, page, out_list,
                      e);
}

bool catalog_disk_point_list_of_blob(struct catalog *c, const char *region, const char *container,
                                     const char *blob, const struct catalog_page *page,
                                     struct catalog_disk_point_list *out_list, struct err *e)
{
    struct catalog_value values[] = {catalog_text(region), catalog_text(container),
                                     catalog_text(blob)};

    /* No index: it is asked before a disk is deleted, and reads all rows. */
    return list_where(
        c,
        "((region = ?1 COLLATE NOCASE AND container = ?2 AND blob = ?3) OR "
        "instr(lower(cut_path), lower('blob:' || ?1 || '/' || ?2 || '/' || ?3 || '@')) = 1)",
        values, 3, page, out_list, e);
}
