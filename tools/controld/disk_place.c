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
#include "tools/controld/device_kin.h"
#include "tools/controld/regions.h"
#include "tools/controld/restore_path.h"
#include "tools/controld/restore_place.h"

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

    if (body->file[0] == '/')
        return restore_path_is_sound(body->file) ||
               arm_error_bad(why, "properties.x-snapferry.file",
                             "A path is of names without '.', '..' and control characters, has at "
                             "most %u bytes, and does not end in '" RESTORE_PATH_SIDECAR "'.",
                             RESTORE_PATH_MAX_BYTES - 1);
    if (strchr(body->file, '/') || body->file[0] == '.' || restore_path_is_sidecar(body->file))
        return arm_error_bad(why, "properties.x-snapferry.file",
                             "A disk's file is a plain name, made in the folder '%s' of the data "
                             "folder, or an absolute path; it does not end in "
                             "'" RESTORE_PATH_SIDECAR "'.",
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

static json_t *new_outside(const struct service *service, const char *path, uint64_t size_bytes,
                           struct arm_error *why)
{
    struct restore_place place;
    json_t *backing = NULL;

    if (!restore_place_look(service->config, service->data_folder, path, size_bytes, &place, why))
        return NULL;
    backing = json_pack("{ssss}", "file", place.path, "outside", place.token);
    restore_place_fini(&place);
    if (!backing)
        arm_error_memory(why);
    return backing;
}

static json_t *new_inside(const struct service *service, const char *name, struct arm_error *why)
{
    char path[PATH_MAX];
    json_t *backing;

    if (snprintf(path, sizeof path, "%s/" DISK_PLACE_FOLDER "/%s", service->data_folder, name) >=
        (int)sizeof path) {
        arm_error_bad(why, "properties.x-snapferry.file", "The name is too long.");
        return NULL;
    }
    backing = json_pack("{ss}", "file", path);
    if (!backing)
        arm_error_memory(why);
    return backing;
}

static json_t *new_blob(const struct arm_disk_body *body, const struct region *region,
                        struct arm_error *why)
{
    const char *slash = strchr(body->blob, '/');
    char container[REGION_CONTAINER_MAX_BYTES], guid[FRONT_GUID_BYTES];
    json_t *backing;

    front_make_guid(guid);
    if (slash)
        snprintf(container, sizeof container, "%.*s", (int)(slash - body->blob), body->blob);
    else
        snprintf(container, sizeof container, OWN_PREFIX "%s", guid);
    backing = json_pack("{ssssss}", "region", region->config->name, "container", container, "blob",
                        slash ? slash + 1 : "disk");
    if (!backing)
        arm_error_memory(why);
    return backing;
}

json_t *disk_place_new(const struct service *service, const struct arm_disk_body *body,
                       const struct region *region, uint64_t size_bytes, struct arm_error *why)
{
    if (body->file[0] == '/')
        return new_outside(service, body->file, size_bytes, why);
    return body->file[0] ? new_inside(service, body->file, why) : new_blob(body, region, why);
}

static bool is_elsewhere(const struct catalog_disk *disk, const json_t *backing,
                         struct arm_error *why)
{
    json_t *other = service_json(disk->backing);
    const char *file = json_string_value(json_object_get(backing, "file"));
    const char *its = json_string_value(json_object_get(other, "file"));
    bool same = file && its ? strcmp(file, its) == 0 || device_kin_share(file, its)
                            : other && json_equal(other, backing);

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
    /* Outside of the data folder it was looked at more closely, and may be a device. */
    return ok && (!file || json_object_get(backing, "outside") || access(file, F_OK) != 0 ||
                  arm_error_set(why, 409, ARM_CONFLICT, "properties.x-snapferry.file",
                                "There is a file of that name."));
}

/* ---- One that is kept ---- */

bool disk_place_read(const struct service *service, const char *backing, struct disk_place *out,
                     struct err *e)
{
    json_t *read = service_json(backing);
    const char *file = json_string_value(json_object_get(read, "file"));
    const char *token = json_string_value(json_object_get(read, "outside"));
    const char *region = json_string_value(json_object_get(read, "region"));
    const char *container = json_string_value(json_object_get(read, "container"));
    const char *blob = json_string_value(json_object_get(read, "blob"));
    bool ok = true;

    *out = (struct disk_place){0};
    out->outside = token != NULL;
    if ((file && !(out->file = strdup(file))) || (token && !(out->token = strdup(token))))
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
    free(place->token);
    place->file = place->token = NULL;
}
