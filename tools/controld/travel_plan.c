/* travel_plan.c - where each disk of a travel goes: into which blob of its family, as a delta of what,
 * or in full; see replication_internal.h.
 *
 * Knows:         families. A live blob whose content is known is gone on with, as a delta, if the
 *                service can tell the difference: the snapshot that it was copied from is there, older,
 *                and of the same blob. Else a new blob is begun, so that nobody's snapshots ever depend
 *                on a guess.
 * Must not know: containers' making, children.
 * Threads:       the reactor's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/controld/catalog_bases.h"
#include "tools/controld/catalog_points.h"
#include "tools/controld/cut_place.h"
#include "tools/controld/family_place.h"
#include "tools/controld/replication_internal.h"

#define FAMILY_BLOB_BYTES 32u

struct
    family_draft { /* what may be new about a family; texts of row point here, or are the read row's */
    struct catalog_family read, row;
    char guid[FRONT_GUID_BYTES], container[FAMILY_CONTAINER_BYTES], blob[FAMILY_BLOB_BYTES];
};

static bool no_memory(struct err *e)
{
    return err_set_errno(e, ENOMEM, RETRY_LATER, "cannot plan a copy");
}

static bool keep(char **out, const char *text, struct err *e)
{
    free(*out);
    *out = text ? strdup(text) : NULL;
    return *out || !text || no_memory(e);
}

/* ---- The family ---- */

/* What was begun goes on where it was begun. A disk that was a page blob when its chain began lies in a
 * container that is not ours: what is carried for it now is written elsewhere. */
static bool find_family(struct catalog *catalog, const struct catalog_disk_point *row,
                        const char *collection, struct catalog_family *out_family, struct err *e)
{
    bool ok = row->blob && row->family ? catalog_family_get(catalog, row->family, out_family, e)
                                       : catalog_family_find(catalog, row->location, row->disk_id,
                                                             collection, out_family, e);

    if (!ok || !out_family->guid || family_place_is_own(out_family))
        return ok;
    ok = family_place_close(catalog, out_family, e);
    catalog_family_fini(out_family);
    return ok;
}

static bool family_of(struct travel_disk *disk, const struct catalog_disk_point *row,
                      const char *collection, struct family_draft *draft, struct err *e)
{
    struct catalog *catalog = disk->travel->replication->service->catalog;

    if (!find_family(catalog, row, collection, &draft->read, e))
        return false;
    draft->row = draft->read;
    if (draft->row.guid)
        return true;
    front_make_guid(draft->guid);
    family_place_name(draft->guid, draft->container);
    draft->row.guid = draft->guid;
    draft->row.region = row->location;
    draft->row.source_disk = row->disk_id;
    draft->row.collection_id = collection;
    draft->row.container = draft->container;
    return true;
}

static void begin_blob(struct family_draft *draft)
{
    draft->row.blob_count++;
    snprintf(draft->blob, sizeof draft->blob, "disk-%lld", (long long)draft->row.blob_count);
    draft->row.live_blob = draft->blob;
}

/* ---- The base ---- */

/* An older snapshot of the very blob that is copied now: of these the service tells the difference. */
static bool may_be_base(const struct travel_disk *disk, const struct cut_place *place)
{
    const struct travel_place *source = &disk->source;

    return place->region && source->region &&
           regions_find(disk->travel->replication->service->regions, place->region) ==
               source->region &&
           strcmp(place->container, source->container) == 0 &&
           strcmp(place->blob, source->blob) == 0 && strcmp(place->snapshot, source->snapshot) < 0;
}

/* Kept as a base, or the snapshot of a restore point that is not on its way out. */
static bool stays(struct catalog *catalog, const struct catalog_family *family,
                  const struct cut_place *place, bool *out_stays, struct err *e)
{
    struct catalog_disk_point row = {0};
    struct catalog_point point = {0};
    bool ok = catalog_base_is_kept(catalog, family->held_place, out_stays, e);

    if (ok && !*out_stays && family->held_source_id) {
        ok = catalog_disk_point_get(catalog, family->held_source_id, &row, e) &&
             (!row.id || catalog_point_get(catalog, row.point_id, &point, e));
        *out_stays = ok && point.id && point.state != CATALOG_DELETING && row.snapshot &&
                     strcmp(row.snapshot, place->snapshot) == 0;
    }
    catalog_disk_point_fini(&row);
    catalog_point_fini(&point);
    return ok;
}

static bool use_base(struct travel_disk *disk, const char *source_id, const char *text,
                     const struct cut_place *place, struct err *e)
{
    disk->base.region = regions_find(disk->travel->replication->service->regions, place->region);
    return !disk->base.region ||
           (keep(&disk->base_id, source_id, e) && keep(&disk->base_place, text, e) &&
            keep(&disk->base.container, place->container, e) &&
            keep(&disk->base.blob, place->blob, e) &&
            keep(&disk->base.snapshot, place->snapshot, e));
}

/* What the live blob holds is the base, where it can be one; else disk->base stays nowhere. */
static bool look_for_base(struct travel_disk *disk, const struct catalog_family *family,
                          struct err *e)
{
    struct cut_place place;
    bool ok = true, is_there;

    if (!family->held_place || !cut_place_read(family->held_place, &place))
        return true;
    if (may_be_base(disk, &place))
        ok = stays(disk->travel->replication->service->catalog, family, &place, &is_there, e) &&
             (!is_there || use_base(disk, family->held_source_id, family->held_place, &place, e));
    cut_place_fini(&place);
    return ok;
}

/* Begun in an earlier life: the same again. Whether the base is still there the copy itself finds out: it
 * may have read its list already, and need it no more. */
static bool same_base(struct travel_disk *disk, const struct catalog_disk_point *row, struct err *e)
{
    struct cut_place place;
    bool ok;

    if (!row->base_place || !cut_place_read(row->base_place, &place))
        return true;
    ok = use_base(disk, row->base_source_id, row->base_place, &place, e);
    cut_place_fini(&place);
    return ok;
}

/* A file's cut has no difference that a service could tell, but a map of what the live blob holds; so has
 * the cut of a blob, should its base be gone. */
static bool choose(struct travel_disk *disk, const struct catalog_disk_point *row,
                   struct family_draft *draft, struct err *e)
{
    const char *held = draft->row.held_disk_point_id;

    if (row->blob)
        return same_base(disk, row, e);
    if (held && draft->row.live_blob && !look_for_base(disk, &draft->row, e))
        return false;
    if (!held || !draft->row.live_blob || (!disk->base.region && !disk->cut_path))
        begin_blob(draft);
    return true;
}

static bool put_rows(struct travel_disk *disk, const struct catalog_disk_point *row,
                     const struct family_draft *draft, struct err *e)
{
    struct service *service = disk->travel->replication->service;
    struct catalog_family family = draft->row;
    struct catalog_disk_point planned = *row;

    if (row->blob)
        family.live_blob = row->blob;
    planned.family = family.guid;
    planned.region = family.region;
    planned.container = family.container;
    if (!row->blob) {
        planned.blob = family.live_blob;
        planned.base_disk_point_id = disk->base.region ? draft->row.held_disk_point_id : NULL;
        planned.base_source_id = disk->base_id;
        planned.base_place = disk->base_place;
        planned.begun_ns = service_now_ns(service);
    }
    /* From here on nobody knows, until it is complete. */
    family.held_disk_point_id = family.held_source_id = family.held_place = NULL;
    return catalog_family_put(service->catalog, &family, e) &&
           catalog_disk_point_put(service->catalog, &planned, e) &&
           keep(&disk->family, family.guid, e) &&
           keep(&disk->target.container, planned.container, e) &&
           keep(&disk->target.blob, planned.blob, e);
}

static bool plan_disk(struct travel_disk *disk, const char *collection, struct err *e)
{
    struct replication *replication = disk->travel->replication;
    struct catalog_disk_point row = {0};
    struct family_draft draft = {0};
    bool ok = catalog_disk_point_get(replication->service->catalog, disk->id, &row, e) &&
              (row.id || err_set(e, ERR_GONE, RETRY_NEVER, "there is no disk restore point %.300s",
                                 disk->id));

    ok = ok && family_of(disk, &row, collection, &draft, e) && choose(disk, &row, &draft, e) &&
         put_rows(disk, &row, &draft, e);
    if (ok && !(disk->target.region = regions_find(replication->service->regions, row.location)))
        ok = err_set(e, ERR_USAGE, RETRY_NEVER,
                     "there is no region '%.64s' in the configuration any more", row.location);
    free(disk->map); /* of a plan that the catalog did not take */
    disk->map = NULL;
    if (ok && disk->cut_path &&
        asprintf(&disk->map, "%s/%s-%s.map", replication->maps_folder, disk->family,
                 disk->target.blob) < 0) {
        disk->map = NULL;
        ok = no_memory(e);
    }
    catalog_disk_point_fini(&row);
    catalog_family_fini(&draft.read);
    return ok;
}

bool travel_plan(struct travel *travel, struct err *e)
{
    struct catalog *catalog = travel->replication->service->catalog;
    struct catalog_point point = {0};
    bool ok = catalog_begin(catalog, e);

    if (!ok)
        return false;
    ok = catalog_point_get(catalog, travel->id, &point, e);
    for (size_t i = 0; ok && i < travel->count; i++)
        ok = plan_disk(&travel->disks[i], point.source_point_id ? point.collection_id : NULL, e);
    catalog_point_fini(&point);
    if (ok)
        return catalog_commit(catalog, e);
    catalog_rollback(catalog);
    return false;
}
