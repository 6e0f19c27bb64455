/* retention_case.c - see retention_case.h. */
#include "tests/support/retention_case.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/controld/catalog_collections.h"
#include "tools/controld/operation.h"
#include "tools/controld/regions.h"
#include "tools/controld/replication.h"
#include "tools/controld/spare_bases.h"

#define HERE(call)                                                                                 \
    do {                                                                                           \
        struct err here = {ERR_NONE};                                                              \
        struct err *e = &here;                                                                     \
        cr_assert((call), "%s", here.text);                                                        \
    } while (0)

/* ---- Rows ---- */

void retention_case_id(const struct retention_case *k, const char *name,
                       char out_id[ARM_ID_MAX_BYTES])
{
    snprintf(out_id, ARM_ID_MAX_BYTES, "%s/restorePoints/%s", k->machine.collection, name);
}

void retention_case_put_collection(struct retention_case *k, const char *source_id,
                                   enum catalog_state state)
{
    const struct catalog_collection row = {.id = k->machine.collection,
                                           .location = "eastus",
                                           .source_id = source_id,
                                           .source_kind = CATALOG_SOURCE_MACHINE,
                                           .guid = "6b1b7f0e-4c2f-4f8e-9c55-0d3b6b1f2a10",
                                           .state = state,
                                           .created_ns = 1};

    HERE(catalog_begin(k->files.catalog, e));
    HERE(catalog_collection_put(k->files.catalog, &row, e));
    HERE(catalog_commit(k->files.catalog, e));
}

static void put_point(struct retention_case *k, const char *id, int64_t created_ns,
                      enum catalog_origin origin, enum catalog_state state)
{
    const struct catalog_point row = {.id = id,
                                      .collection_id = k->machine.collection,
                                      .state = state,
                                      .created_ns = created_ns,
                                      .origin = origin,
                                      .asked = "{}",
                                      .failure_message =
                                          state == CATALOG_FAILED ? "the disk is not there" : NULL,
                                      .generation = 1};

    HERE(catalog_begin(k->files.catalog, e));
    HERE(catalog_point_put(k->files.catalog, &row, e));
    HERE(catalog_commit(k->files.catalog, e));
}

void retention_case_put(struct retention_case *k, const char *name, int64_t created_ns,
                        enum catalog_origin origin, enum catalog_state state)
{
    char id[ARM_ID_MAX_BYTES];

    retention_case_id(k, name, id);
    put_point(k, id, created_ns, origin, state);
}

void retention_case_put_disk(struct retention_case *k, const char *point_id, bool moves,
                             const char *source_disk_point_id, const char *family)
{
    char id[ARM_ID_MAX_BYTES + 32];
    const struct catalog_disk_point row = {.id = id,
                                           .point_id = point_id,
                                           .name = "os",
                                           .family = family,
                                           .source_disk_point_id = source_disk_point_id,
                                           .code = "ReplicationState/inProgress",
                                           .created_ns = 1,
                                           .ended_ns = moves ? 0 : 2};

    snprintf(id, sizeof id, "%s/diskRestorePoints/os", point_id);
    HERE(catalog_begin(k->files.catalog, e));
    HERE(catalog_disk_point_put(k->files.catalog, &row, e));
    HERE(catalog_commit(k->files.catalog, e));
}

bool retention_case_has(struct retention_case *k, const char *name)
{
    struct catalog_point row = {0};
    char id[ARM_ID_MAX_BYTES];
    bool there;

    retention_case_id(k, name, id);
    HERE(catalog_point_get(k->files.catalog, id, &row, e));
    there = row.id && row.state != CATALOG_DELETING;
    catalog_point_fini(&row);
    return there;
}

unsigned retention_case_count(struct retention_case *k)
{
    uint64_t count;

    HERE(catalog_point_count(k->files.catalog, k->machine.collection, &count, e));
    return (unsigned)count;
}

/* ---- Hands ---- */

static bool create(void *arg, const struct config_machine *machine, const char *point_id,
                   struct err *e)
{
    struct retention_case *k = arg;

    cr_assert_eq(machine, &k->machine);
    cr_assert_lt(k->creates, RETENTION_CREATES_MAX);
    k->created_ns[k->creates] = retention_case_now(k);
    snprintf(k->created_id[k->creates++], ARM_ID_MAX_BYTES, "%s", point_id);
    if (k->refuses)
        return err_set(e, ERR_CONFLICT, RETRY_LATER, "another one is being created");
    put_point(k, point_id, retention_case_now(k), CATALOG_ORIGIN_SCHEDULE, k->outcome);
    retention_case_put_disk(k, point_id, k->disk_moves, NULL, NULL);
    return true;
}

static bool prune(void *arg, const char *point_id, struct arm_error *why)
{
    struct retention_case *k = arg;

    return point_delete_begin(k->deletes, point_id, why);
}

static void hear(void *arg, const char *sentence)
{
    struct retention_case *k = arg;

    k->said++;
    snprintf(k->last_said, sizeof k->last_said, "%s", sentence);
}

/* ---- Life ---- */

static json_t *no_result(void *arg, const struct catalog_operation *row)
{
    (void)arg;
    (void)row;
    return NULL;
}

static void open_service(struct retention_case *k)
{
    const struct operation_setup operations = {.reactor = k->service.reactor,
                                               .catalog = k->files.catalog,
                                               .result = no_result};
    const struct replication_setup replication = {.service = &k->service, .snapferry = "/bin/true"};

    HERE(k->service.operations = operations_new(&operations, e));
    HERE(k->service.regions = regions_new(k->service.reactor, &k->config, NULL, e));
    HERE(k->service.bases = spare_bases_new(&k->service, e));
    HERE(k->service.replication = replication_new(&replication, e));
    HERE(k->deletes = point_delete_new(&k->service, e));
}

/* Texts of a configuration are not const. */
static void configure(struct retention_case *k)
{
    static char region[] = "eastus", url[] = "http://127.0.0.1:1/east", account[] = "east",
                key[] = "c2VjcmV0", id[] = CATALOG_CASE_VM, name[] = "web",
                collection[] = CATALOG_CASE_COLLECTION;

    /* Nothing is ever asked of it. */
    k->region = (struct config_region){.name = region, .url = url, .account = account, .key = key};
    k->machine = (struct config_machine){.id = id,
                                         .name = name,
                                         .location = region,
                                         .collection = collection,
                                         .schedule_minutes = 60};
}

void retention_case_begin(struct retention_case *k)
{
    const char *tmp = getenv("TMPDIR");

    memset(k, 0, sizeof *k);
    catalog_case_begin(&k->files);
    catalog_case_open(&k->files);
    snprintf(k->data_folder, sizeof k->data_folder, "%s/retention.XXXXXX", tmp ? tmp : "/tmp");
    cr_assert(mkdtemp(k->data_folder));
    configure(k);
    k->config = (struct config){
        .regions = &k->region, .region_count = 1, .machines = &k->machine, .machine_count = 1};
    k->config.limits.children = 1;
    clock_init_simulated(&k->clock, NS_PER_S, (uint64_t)RETENTION_START_NS);
    k->service = (struct service){.config = &k->config,
                                  .catalog = k->files.catalog,
                                  .data_folder = k->data_folder};
    HERE(k->service.reactor = reactor_new(REACTOR_AUTO, &k->clock, e));
    k->outcome = CATALOG_SUCCEEDED;
    open_service(k);
}

void retention_case_start(struct retention_case *k)
{
    const struct retention_hands hands = {.create = create, .prune = prune, .log = hear, .arg = k};

    if (k->retention)
        retention_stop(k->retention);
    retention_free(k->retention);
    HERE(k->retention = retention_new(&k->service, &hands, e));
    retention_begin(k->retention);
}

static void replication_ended(void *arg)
{
    ((struct retention_case *)arg)->replication_stopped = true;
}

void retention_case_end(struct retention_case *k)
{
    if (k->retention)
        retention_stop(k->retention);
    retention_free(k->retention);
    point_delete_stop(k->deletes);
    cr_assert(point_delete_idle(k->deletes));
    replication_stop(k->service.replication, replication_ended, k);
    while (!k->replication_stopped)
        HERE(reactor_turn(k->service.reactor, NS_PER_S, e));
    point_delete_free(k->deletes);
    replication_free(k->service.replication);
    spare_bases_stop(k->service.bases);
    spare_bases_free(k->service.bases);
    regions_free(k->service.regions);
    operations_free(k->service.operations);
    reactor_free(k->service.reactor);
    catalog_case_end(&k->files);
}

int64_t retention_case_now(const struct retention_case *k)
{
    return service_now_ns(&k->service);
}

void retention_case_run(struct retention_case *k, int64_t for_ns)
{
    int64_t until_ns = retention_case_now(k) + for_ns;

    while (retention_case_now(k) < until_ns)
        HERE(reactor_turn(k->service.reactor, (uint64_t)(until_ns - retention_case_now(k)), e));
}
