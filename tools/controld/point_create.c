/* point_create.c - see point_create.h: what is asked, whether it may be, and the answer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/reactor.h"
#include "tools/controld/operation.h"
#include "tools/controld/point_create_internal.h"
#include "tools/controld/point_end.h"
#include "tools/controld/points.h"
#include "tools/controld/regions.h"
#include "tools/controld/replication.h"

/* ---- What is asked, as one text ---- */

static int compare_ids(const void *one, const void *other)
{
    return strcasecmp(*(char *const *)one, *(char *const *)other);
}

static json_t *excluded(const struct arm_point_body *body)
{
    char texts[ARM_EXCLUDED_MAX][ARM_ID_MAX_BYTES], *sorted[ARM_EXCLUDED_MAX];
    json_t *all = json_array();

    for (size_t i = 0; i < body->exclude_count; i++) {
        arm_id_text(&body->exclude[i], texts[i]);
        sorted[i] = texts[i];
    }
    qsort(sorted, body->exclude_count, sizeof sorted[0], compare_ids);
    for (size_t i = 0; i < body->exclude_count; i++)
        json_array_append_new(all, json_string(sorted[i]));
    return all;
}

static char *canonical(const struct arm_point_body *body)
{
    char source[ARM_ID_MAX_BYTES] = "";
    json_t *all;
    char *text;

    if (body->source.type != ARM_NONE)
        arm_id_text(&body->source, source);
    all = json_pack("{sbsoss}", "crashConsistent", body->crash_consistent, "exclude",
                    excluded(body), "source", source);
    text = all ? json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(all);
    return text;
}

/* ---- Parts of rows ---- */

bool point_excludes(const struct asking *asking, const char *id)
{
    char text[ARM_ID_MAX_BYTES];

    for (size_t i = 0; i < asking->body->exclude_count; i++) {
        arm_id_text(&asking->body->exclude[i], text);
        if (strcasecmp(text, id) == 0)
            return true;
    }
    return false;
}

bool point_disk_id(const struct asking *asking, const char *disk_name,
                   char out_id[ARM_ID_MAX_BYTES], struct arm_error *why)
{
    char name[ARM_NAME_MAX_BYTES], guid[FRONT_GUID_BYTES];
    struct arm_id id;

    front_make_guid(guid);
    if (snprintf(name, sizeof name, "%s_%s", disk_name, guid) >= (int)sizeof name)
        return arm_error_bad(why, NULL, "The name of the disk '%.80s' is too long.", disk_name);
    if (!arm_id_child(asking->id, ARM_DISK_POINT, name, &id, why))
        return false;
    arm_id_text(&id, out_id);
    return true;
}

bool point_row_put(struct asking *asking, const char *source_id,
                   enum catalog_consistency consistency, const char *metadata, struct err *e)
{
    struct service *service = asking->service;
    const struct catalog_point *old = &asking->old;
    int64_t now_ns = service_now_ns(service);
    int64_t day_ns = 24ll * 3600 * (int64_t)NS_PER_S;
    json_t *exclude = excluded(asking->body);
    char *exclude_text = exclude ? service_text(exclude) : NULL;
    const struct catalog_point row = {
        .id = asking->point_id,
        .collection_id = asking->collection.id,
        .state = CATALOG_CREATING,
        .created_ns = old->id ? old->created_ns : now_ns,
        .consistency = consistency,
        .origin = asking->origin,
        .asked = asking->asked,
        .exclude = exclude_text,
        .source_point_id = source_id,
        .metadata = metadata,
        .used_bytes = old->used_bytes,
        .deadline_ns = now_ns + service->config->limits.deadline_days * day_ns,
        .generation = old->generation + 1,
    };
    bool ok =
        (exclude_text || err_set_errno(e, ENOMEM, RETRY_LATER, "cannot keep a restore point")) &&
        catalog_point_put(service->catalog, &row, e);

    json_decref(exclude);
    free(exclude_text);
    return ok;
}

/* The cut is its source; one that was not cut is cut anew, and copies go on where they were. */
bool point_rows_again(struct asking *asking, struct err *e)
{
    struct catalog *catalog = asking->service->catalog;
    const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    struct catalog_disk_point_list list = {0};
    bool ok = catalog_disk_point_list(catalog, asking->point_id, &all, &list, e);

    for (size_t i = 0; ok && i < list.count; i++) {
        struct catalog_disk_point row = list.rows[i];

        if (row.snapshot)
            continue;
        row.ended_ns = 0;
        row.code = "ReplicationState/pending";
        row.level = CATALOG_INFO;
        row.message = NULL;
        ok = catalog_disk_point_put(catalog, &row, e);
    }
    catalog_disk_point_list_fini(&list);
    return ok && point_row_put(asking, asking->old.source_point_id, asking->old.consistency,
                               asking->old.metadata, e);
}

/* ---- May it be? ---- */

static bool may_go_on(const struct asking *asking, struct arm_error *why)
{
    const struct catalog_point *old = &asking->old;

    if (asking->collection.state == CATALOG_DELETING || (old->id && old->state == CATALOG_DELETING))
        return arm_error_set(why, 409, ARM_CONFLICT, NULL, "It is being deleted.");
    if (old->id && (!old->asked || strcmp(old->asked, asking->asked) != 0))
        return arm_error_set(
            why, 409, ARM_OPERATION_REFUSED, NULL,
            "A restore point of this name was made of another request: properties of a restore "
            "point cannot be changed. Choose another name, or delete it first.");
    if (!asking->is_cut && asking->collection.source_kind != CATALOG_SOURCE_COLLECTION)
        return arm_error_bad(why, "properties.sourceRestorePoint.id",
                             "This collection is of a virtual machine: its restore points are not "
                             "copied from others.");
    if (asking->is_cut && asking->collection.source_kind != CATALOG_SOURCE_MACHINE)
        return arm_error_set(
            why, 400, ARM_INVALID_PARAMETER, "properties.sourceRestorePoint.id",
            "This collection is of another collection: sourceRestorePoint must name one of its "
            "restore points.");
    return true;
}

static bool rows(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    struct asking *asking = arg;
    struct operation_spec spec = {.kind = arm_verb_name(ARM_VERB_PUT),
                                  .resource = asking->point_id};
    bool ok = true;

    if (!asking->old.id)
        ok = asking->is_cut ? point_cut_rows(asking, why, e) : point_copy_rows(asking, why, e);
    else if (asking->old.state == CATALOG_FAILED)
        ok = (!asking->is_cut || point_cut_alone(asking, why, e)) && point_rows_again(asking, e);
    spec.subscription = asking->id->subscription;
    spec.location = asking->collection.location;
    return ok && operation_begin(service->operations, &spec, asking->operation, e);
}

/* What was not begun in this life of the program, or has failed before. */
static bool set_going(struct point_create *create, const struct asking *asking, struct err *e)
{
    struct service *service = create->service;
    struct catalog_disk_point_list list = {0};
    const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    bool cut = true, ok;

    if (!asking->is_cut)
        return replication_begin(service->replication, asking->point_id, e);
    if (create->thawing) /* all that is Creating is begun then */
        return true;
    ok = catalog_disk_point_list(service->catalog, asking->point_id, &all, &list, e);
    for (size_t i = 0; ok && i < list.count; i++)
        cut = cut && (list.rows[i].snapshot || list.rows[i].cut_path);
    catalog_disk_point_list_fini(&list);
    if (!ok)
        return false;
    return cut && asking->old.id ? replication_begin(service->replication, asking->point_id, e)
                                 : point_cut_begin(create, asking->point_id, e);
}

struct failing {
    struct asking *asking;
    struct arm_error why;
};

static bool fail_row(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    struct failing *failing = arg;

    (void)why;
    return point_end_fail(service, failing->asking->point_id, &failing->why, e);
}

/* Rows, then the work itself. A point whose work cannot begin is there, and has failed. */
static bool create_point(struct point_create *create, struct asking *asking, struct arm_error *why)
{
    struct service *service = create->service;
    bool again = !asking->old.id || asking->old.state == CATALOG_FAILED;
    struct err e = {0};

    if (!may_go_on(asking, why) || !service_change(service, rows, asking, why))
        return false;
    if (again && !set_going(create, asking, &e)) {
        struct failing failing = {.asking = asking};

        arm_error_of(&failing.why, &e);
        return service_change(service, fail_row, &failing, why);
    }
    return true;
}

/* ---- PUT ---- */

static bool read_rows(struct asking *asking, struct arm_error *why)
{
    struct arm_id parent;
    char collection[ARM_ID_MAX_BYTES];
    struct err e = {0};

    arm_id_parent(asking->id, &parent);
    arm_id_text(&parent, collection);
    arm_id_text(asking->id, asking->point_id);
    if (!catalog_collection_get(asking->service->catalog, collection, &asking->collection, &e) ||
        !catalog_point_get(asking->service->catalog, asking->point_id, &asking->old, &e))
        return arm_error_of(why, &e);
    return asking->collection.id || arm_id_parent_not_found(asking->id, why);
}

static void asking_fini(struct asking *asking)
{
    catalog_collection_fini(&asking->collection);
    catalog_point_fini(&asking->old);
    free(asking->asked);
}

static void answer(struct asking *asking, struct front_ask *ask)
{
    struct service *service = asking->service;
    const struct operation_spec spec = {
        .kind = arm_verb_name(ARM_VERB_PUT),
        .subscription = asking->id->subscription,
        .location = asking->collection.location,
        .resource = asking->point_id,
    };
    struct err e = {0};
    json_t *shown = points_render(service, asking->point_id, false, &e);

    operation_answer(service->operations, ask->call, 201, shown, &spec, asking->operation);
}

static void put(void *arg, struct front_ask *ask)
{
    struct point_create *create = arg;
    struct arm_point_body body = {0};
    struct asking asking = {.service = create->service, .id = &ask->route.id, .body = &body};
    struct arm_error why = {0};
    struct err e = {0};
    json_t *shown;
    bool ok = arm_point_read(ask->call->body, ask->call->body_bytes, &body, &why);

    asking.is_cut = body.source.type == ARM_NONE;
    if (ok && !(asking.asked = canonical(&body)))
        ok = arm_error_memory(&why);
    ok = ok && read_rows(&asking, &why);
    if (ok && asking.old.id && asking.old.state == CATALOG_SUCCEEDED && may_go_on(&asking, &why) &&
        (shown = points_render(create->service, asking.point_id, false, &e)))
        front_answer(ask->call, 200, shown, NULL, 0);
    else if (ok && !arm_error_is_set(&why) && create_point(create, &asking, &why))
        answer(&asking, ask);
    else
        service_refuse(ask, &why);
    asking_fini(&asking);
    arm_point_body_fini(&body);
}

void point_create_serve(struct point_create *create, struct front_table *table)
{
    static const struct front_handler handlers[] = {{ARM_POINT, ARM_VERB_PUT, put}};

    front_table_add(table, handlers, sizeof handlers / sizeof handlers[0], create);
}

/* ---- By a schedule ---- */

bool point_create_scheduled(struct point_create *create, const char *machine_id,
                            const char *point_id, bool crash_consistent, struct err *e)
{
    const struct arm_point_body body = {.crash_consistent = crash_consistent};
    struct arm_id id;
    struct asking asking = {.service = create->service,
                            .id = &id,
                            .body = &body,
                            .origin = CATALOG_ORIGIN_SCHEDULE,
                            .is_cut = true};
    struct arm_error why = {0};
    bool ok = arm_id_parse(point_id, "schedule", &id, &why);

    (void)machine_id; /* the collection's source */
    if (ok && !(asking.asked = canonical(&body)))
        ok = arm_error_memory(&why);
    ok = ok && read_rows(&asking, &why) && create_point(create, &asking, &why);
    asking_fini(&asking);
    return ok || err_set(e, ERR_CONFLICT, RETRY_LATER, "%s", why.message);
}
