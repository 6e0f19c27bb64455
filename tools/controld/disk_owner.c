/* disk_owner.c - see disk_owner.h. Every machine is read: they are few, and it is asked rarely. */
#include "tools/controld/disk_owner.h"

#include <stdio.h>
#include <strings.h>

#include "tools/controld/catalog_machines.h"

static bool has_disk(const struct catalog_machine *machine, const char *id)
{
    json_t *doc = service_json(machine->doc), *member;
    json_t *profile = json_object_get(json_object_get(doc, "properties"), "storageProfile");
    const char *os = json_string_value(
        json_object_get(json_object_get(json_object_get(profile, "osDisk"), "managedDisk"), "id"));
    bool has = os && strcasecmp(os, id) == 0;
    size_t i;

    json_array_foreach(json_object_get(profile, "dataDisks"), i, member)
    {
        os = json_string_value(json_object_get(json_object_get(member, "managedDisk"), "id"));
        has = has || (os && strcasecmp(os, id) == 0);
    }
    json_decref(doc);
    return has;
}

bool disk_owner_find(struct service *service, const char *disk_id, const char *besides,
                     char out_machine_id[ARM_ID_MAX_BYTES], struct err *e)
{
    struct catalog_page page = {.limit = CATALOG_PAGE_MAX};
    struct catalog_machine_list list = {0};
    char after[ARM_ID_MAX_BYTES];
    bool ok = true, more = true;

    out_machine_id[0] = '\0';
    while (ok && more) {
        ok = catalog_machine_list(service->catalog, NULL, &page, &list, e);
        for (size_t i = 0; ok && !out_machine_id[0] && i < list.count; i++)
            if ((!besides || strcasecmp(list.rows[i].id, besides) != 0) &&
                has_disk(&list.rows[i], disk_id))
                snprintf(out_machine_id, ARM_ID_MAX_BYTES, "%s", list.rows[i].id);
        more = ok && list.more && !out_machine_id[0];
        if (more) {
            snprintf(after, sizeof after, "%s", list.rows[list.count - 1].id);
            page.after = after;
        }
        catalog_machine_list_fini(&list);
    }
    return ok;
}
