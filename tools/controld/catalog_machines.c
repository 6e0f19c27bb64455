/* catalog_machines.c - see catalog_machines.h. */
#include "tools/controld/catalog_machines.h"

#include "tools/controld/catalog_row.h"

static const struct catalog_column columns[] = {
    {"id", CATALOG_TEXT, offsetof(struct catalog_machine, id), NULL},
    {"guid", CATALOG_TEXT, offsetof(struct catalog_machine, guid), NULL},
    {"location", CATALOG_TEXT, offsetof(struct catalog_machine, location), NULL},
    {"doc", CATALOG_TEXT, offsetof(struct catalog_machine, doc), NULL},
    {"state", CATALOG_WORD, offsetof(struct catalog_machine, state), &catalog_state_words},
    {"created_ns", CATALOG_INT, offsetof(struct catalog_machine, created_ns), NULL},
};

static const struct catalog_table table = {"machines", "virtual machine", columns,
                                           sizeof columns / sizeof *columns,
                                           sizeof(struct catalog_machine)};

void catalog_machine_fini(struct catalog_machine *row)
{
    catalog_row_fini(&table, row);
}

void catalog_machine_list_fini(struct catalog_machine_list *list)
{
    struct catalog_rows rows = {list->rows, list->count, list->more};

    catalog_rows_fini(&table, &rows);
    *list = (struct catalog_machine_list){.rows = NULL};
}

bool catalog_machine_get(struct catalog *c, const char *id, struct catalog_machine *out_row,
                         struct err *e)
{
    return catalog_row_get(c, &table, id, out_row, e);
}

bool catalog_machine_put(struct catalog *c, const struct catalog_machine *row, struct err *e)
{
    return catalog_row_put(c, &table, row, e);
}

bool catalog_machine_delete(struct catalog *c, const char *id, struct err *e)
{
    return catalog_row_delete(c, &table, id, e);
}

bool catalog_machine_list(struct catalog *c, const char *under, const struct catalog_page *page,
                          struct catalog_machine_list *out_list, struct err *e)
{
    struct catalog_rows rows = {.rows = NULL};

    if (!catalog_rows_list_under(c, &table, under, page, &rows, e))
        return false;
    *out_list = (struct catalog_machine_list){rows.rows, rows.count, rows.more};
    return true;
}
