/* disk_place.c - see disk_place.h. */
#include "tools/controld/disk_place.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/controld/catalog_disks.h"
#include "tools/controld/regions.h"

#define OWN_PREFIX       "d-" /* containers of single disks */
#define FAMILY_PREFIX    "f-" /* of restore points: nobody else writes there */
#define CONTAINER_MIN    3u
#define CONTAINER_DIGITS "abcdefghijklmnopqrstuvwxyz0123456789-"

/* ---- What is named ---- */

static bool is_container(const char *name, size_t bytes)
{
    return bytes >= CONTAINER_MIN && bytes < REGION_CONTAINER_MAX_BYTES &&
           strspn(name, CONTAINER_DIGITS) == bytes && name[0] != '-' && name[bytes - 1] != '-' &&
           !memmem(name, bytes, "--", 2);
}

/* A path of names, none of them empty, "." or "..". */
static bool is_blob(const char *name)
{
    const char *at = name;

    if (strlen(name) >= REGION_BLOB_MAX_BYTES)
        return false;
    for (;; at++) {
        size_t bytes = strcspn(at, "/");

        if (strspn(at, ".") >= bytes)
            return false;
        for (size_t i = 0; i < bytes; i++)
            if (!isgraph((unsigned char)at[i]) || at[i] == '\\' || at[i] == '?' || at[i] == '#')
                return false;
        at += bytes;
        if (!*at)
            return true;
    }
}

bool disk_place_named(const struct arm_disk_body *body, struct arm_error *why)
{
    const char *slash = strchr(body->blob, '/');

    if (strchr(body->file, '/') || body->file[0] == '.')
        return arm_error_bad(why, "properties.x-snapferry.file",
                             "A disk's file is a plain name: it is made in the folder '%s' of the "
                             "data folder.",
                             DISK_PLACE_FOLDER);
    for (const char *at = body->file; *at; at++)
        if (iscntrl((unsigned char)*at))
            return arm_error_bad(why, "properties.x-snapferry.file",
                                 "A disk's file is a plain name, without control characters.");
    if (strlen(body->file) > NAME_MAX)
        return arm_error_bad(why, "properties.x-snapferry.file", "The name is too long.");
    if (!body->blob[0])
        return true;
    if (!slash || !is_container(body->blob, (size_t)(slash - body->blob)) || !is_blob(slash + 1))
        return arm_error_bad(why, "properties.x-snapferry.blob",
                             "A disk's blob is named CONTAINER/BLOB.");
    return strncmp(body->blob, FAMILY_PREFIX, strlen(FAMILY_PREFIX)) != 0 ||
           arm_error_refused(why, "properties.x-snapferry.blob",
                             "Containers whose names begin with '%s' are those of restore points.",
                             FAMILY_PREFIX);
}

/* ---- A new one ---- */

json_t *disk_place_new(const struct service *service, const struct arm_disk_body *body,
                       const struct region *region)
{
    const char *slash = strchr(body->blob, '/');
    char path[PATH_MAX], container[REGION_CONTAINER_MAX_BYTES], guid[FRONT_GUID_BYTES];

    if (body->file[0]) {
        if (snprintf(path, sizeof path, "%s/" DISK_PLACE_FOLDER "/%s", service->data_folder,
                     body->file) >= (int)sizeof path)
            return NULL;
        return json_pack("{ss}", "file", path);
    }
    front_make_guid(guid);
    if (slash)
        snprintf(container, sizeof container, "%.*s", (int)(slash - body->blob), body->blob);
    else
        snprintf(container, sizeof container, OWN_PREFIX "%s", guid);
    return json_pack("{ssssss}", "region", region->config->name, "container", container, "blob",
                     slash ? slash + 1 : "disk");
}

static bool is_elsewhere(const struct catalog_disk *disk, const json_t *backing,
                         struct arm_error *why)
{
    json_t *other = service_json(disk->backing);
    bool same = other && json_equal(other, backing);

    json_decref(other);
    return !same || arm_error_set(why, 409, ARM_CONFLICT, "properties.x-snapferry",
                                  "It is the place of another disk: %.300s", disk->id);
}

bool disk_place_is_free(struct service *service, const json_t *backing, struct arm_error *why,
                        struct err *e)
{
    const char *file = json_string_value(json_object_get(backing, "file"));
    struct catalog_page page = {.limit = CATALOG_PAGE_MAX};
    struct catalog_disk_list list = {0};
    char after[ARM_ID_MAX_BYTES];
    bool ok = true, more = true;

    while (ok && more) {
        ok = catalog_disk_list(service->catalog, NULL, &page, &list, e);
        for (size_t i = 0; ok && i < list.count; i++)
            ok = is_elsewhere(&list.rows[i], backing, why);
        more = ok && list.more;
        if (more) {
            snprintf(after, sizeof after, "%s", list.rows[list.count - 1].id);
            page.after = after;
        }
        catalog_disk_list_fini(&list);
    }
    return ok && (!file || access(file, F_OK) != 0 ||
                  arm_error_set(why, 409, ARM_CONFLICT, "properties.x-snapferry.file",
                                "There is a file of that name."));
}

/* ---- One that is kept ---- */

bool disk_place_read(const struct service *service, const char *backing, struct disk_place *out,
                     struct err *e)
{
    json_t *read = service_json(backing);
    const char *file = json_string_value(json_object_get(read, "file"));
    const char *region = json_string_value(json_object_get(read, "region"));
    const char *container = json_string_value(json_object_get(read, "container"));
    const char *blob = json_string_value(json_object_get(read, "blob"));
    bool ok = true;

    *out = (struct disk_place){0};
    if (file && !(out->file = strdup(file)))
        ok = err_set_errno(e, ENOMEM, RETRY_LATER, "cannot look where a disk lies");
    if (region)
        out->region = regions_find(service->regions, region);
    snprintf(out->container, sizeof out->container, "%s", container ? container : "");
    snprintf(out->blob, sizeof out->blob, "%s", blob ? blob : "");
    json_decref(read);
    return ok;
}

bool disk_place_is_own(const struct disk_place *place)
{
    return !place->file && strncmp(place->container, OWN_PREFIX, strlen(OWN_PREFIX)) == 0 &&
           strlen(place->container) == strlen(OWN_PREFIX) + FRONT_GUID_BYTES - 1;
}

void disk_place_fini(struct disk_place *place)
{
    free(place->file);
    place->file = NULL;
}
