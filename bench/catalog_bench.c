/* catalog_bench.c - what the catalog of snapferryd costs with many restore points in it: a look-up, what a
 * poll of an instanceView reads, pages of lists, the commit of a second's progress. Prints the median and
 * the extremes of each, and fails where a median is above what the control plane promises.
 *
 *     catalog_bench [POINTS] [FOLDER]      [10000] FOLDER: for the catalog [$TMPDIR or /tmp]; removed after
 *
 * Must not know: HTTP, JSON. The promises are for whole answers; what is measured here is a part of them.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/controld/catalog.h"
#include "tools/controld/catalog_collections.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/catalog_points.h"

#define COLLECTION_POINTS 500u /* restore points of one collection */
#define POINT_DISKS       3u
#define METADATA_BYTES    3000u
#define ROUNDS            1000u /* look-ups */
#define LIST_ROUNDS       50u
#define COMMIT_ROUNDS     200u
#define PAGE_ROWS         100u
#define GET_MAX_MS        5.0
#define LIST_MAX_MS       50.0
#define ID_BYTES          256u
#define GROUP                                                                                      \
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/restorePointCollections"

struct bench {
    struct catalog *catalog;
    unsigned points;
    uint64_t random;
    bool failed; /* a median is above its promise */
    double ms[ROUNDS];
};

static double clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void expect(bool ok, const struct err *e)
{
    if (ok)
        return;
    fprintf(stderr, "catalog_bench: %s\n", e->kind ? e->text : "a wrong answer");
    exit(1);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* max_ms 0: nothing is promised. */
static void print_ms(struct bench *b, const char *what, unsigned count, double max_ms)
{
    bool above;

    qsort(b->ms, count, sizeof *b->ms, by_size);
    above = max_ms > 0 && b->ms[count / 2] > max_ms;
    printf("%-56s %8.3f ms   (%.3f to %.3f)%s\n", what, b->ms[count / 2], b->ms[0],
           b->ms[count - 1], above ? "   ABOVE WHAT IS PROMISED" : "");
    b->failed |= above;
    fflush(stdout);
}

static unsigned any_point(struct bench *b)
{
    b->random ^= b->random << 13;
    b->random ^= b->random >> 7;
    b->random ^= b->random << 17;
    return (unsigned)(b->random % b->points);
}

static void collection_id(char out_id[ID_BYTES], unsigned collection)
{
    snprintf(out_id, ID_BYTES, GROUP "/collection-%04u", collection);
}

static void point_id(char out_id[ID_BYTES], unsigned point)
{
    snprintf(out_id, ID_BYTES, GROUP "/collection-%04u/restorePoints/point-%06u",
             point / COLLECTION_POINTS, point);
}

static void disk_point_id(char out_id[ID_BYTES], unsigned point, unsigned disk)
{
    snprintf(out_id, ID_BYTES,
             GROUP "/collection-%04u/restorePoints/point-%06u/diskRestorePoints/disk%u_%08x",
             point / COLLECTION_POINTS, point, disk, point * 2654435761u);
}

/* ---- What is in it ---- */

static void put_collection(struct bench *b, unsigned collection)
{
    struct err e = {0};
    char id[ID_BYTES];
    struct catalog_collection row = {.id = id,
                                     .location = "westus",
                                     .tags = "{\"owner\":\"bench\"}",
                                     .source_id = "/subscriptions/s/source",
                                     .guid = "c0ffee00-0000-4000-8000-000000000000",
                                     .state = CATALOG_SUCCEEDED};

    collection_id(id, collection);
    expect(catalog_collection_put(b->catalog, &row, &e), &e);
}

static void put_disk_point(struct bench *b, unsigned point, unsigned disk)
{
    struct err e = {0};
    char id[ID_BYTES], of[ID_BYTES];
    struct catalog_disk_point row = {.id = id,
                                     .point_id = of,
                                     .name = "disk",
                                     .disk_id = "/subscriptions/s/resourceGroups/g/disk",
                                     .role = disk ? CATALOG_ROLE_DATA : CATALOG_ROLE_OS,
                                     .lun = (int64_t)disk - 1,
                                     .region = "west",
                                     .container = "f-0123456789abcdef0123456789abcdef",
                                     .blob = "disk-1",
                                     .snapshot = "2026-11-21T17:00:00.0000000Z",
                                     .size_bytes = 64ll << 30,
                                     .code = "ReplicationState/succeeded",
                                     .percent = 100,
                                     .ended_ns = 1};

    point_id(of, point);
    disk_point_id(id, point, disk);
    expect(catalog_disk_point_put(b->catalog, &row, &e), &e);
}

static void put_point(struct bench *b, unsigned point, const char *metadata)
{
    struct err e = {0};
    char id[ID_BYTES], of[ID_BYTES];
    struct catalog_point row = {.id = id,
                                .collection_id = of,
                                .state = CATALOG_SUCCEEDED,
                                .created_ns = 1,
                                .asked = "{}",
                                .metadata = metadata,
                                .generation = 1};

    collection_id(of, point / COLLECTION_POINTS);
    point_id(id, point);
    expect(catalog_point_put(b->catalog, &row, &e), &e);
    for (unsigned disk = 0; disk < POINT_DISKS; disk++)
        put_disk_point(b, point, disk);
}

/* In transactions of one collection: how they are put does not matter to how they are read. */
static void fill(struct bench *b)
{
    struct err e = {0};
    char metadata[METADATA_BYTES];
    double begun_ms = clock_ms();

    memset(metadata, 'm', sizeof metadata - 1);
    metadata[sizeof metadata - 1] = '\0';
    for (unsigned point = 0; point < b->points; point++) {
        if (point % COLLECTION_POINTS == 0) {
            expect(point == 0 || catalog_commit(b->catalog, &e), &e);
            expect(catalog_begin(b->catalog, &e), &e);
            put_collection(b, point / COLLECTION_POINTS);
        }
        put_point(b, point, metadata);
    }
    expect(catalog_commit(b->catalog, &e), &e);
    printf("%u restore points of %u disks put in %.1f s\n", b->points, POINT_DISKS,
           (clock_ms() - begun_ms) / 1e3);
}

/* ---- What is measured ---- */

static void get_points(struct bench *b)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct catalog_point row = {.id = NULL};
        struct err e = {0};
        char id[ID_BYTES];
        double begun_ms;

        point_id(id, any_point(b));
        begun_ms = clock_ms();
        expect(catalog_point_get(b->catalog, id, &row, &e) && row.id, &e);
        b->ms[i] = clock_ms() - begun_ms;
        catalog_point_fini(&row);
    }
    print_ms(b, "get of a restore point", ROUNDS, GET_MAX_MS);
}

static void get_views(struct bench *b)
{
    static const struct catalog_page page = {.limit = CATALOG_PAGE_MAX};

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct catalog_disk_point_list disks = {.rows = NULL};
        struct catalog_collection collection = {.id = NULL};
        struct catalog_point row = {.id = NULL};
        struct err e = {0};
        double begun_ms;
        char id[ID_BYTES];

        point_id(id, any_point(b));
        begun_ms = clock_ms();
        expect(catalog_point_get(b->catalog, id, &row, &e) && row.id, &e);
        expect(catalog_collection_get(b->catalog, row.collection_id, &collection, &e) &&
                   collection.id,
               &e);
        expect(catalog_disk_point_list(b->catalog, id, &page, &disks, &e) &&
                   disks.count == POINT_DISKS,
               &e);
        b->ms[i] = clock_ms() - begun_ms;
        catalog_disk_point_list_fini(&disks);
        catalog_collection_fini(&collection);
        catalog_point_fini(&row);
    }
    print_ms(b, "get with its collection and its disks (instanceView)", ROUNDS, GET_MAX_MS);
}

/* A page of a collection's restore points, behind the first. */
static void list_points(struct bench *b, unsigned rows, const char *what)
{
    for (unsigned i = 0; i < LIST_ROUNDS; i++) {
        struct catalog_point_list list = {.rows = NULL};
        struct err e = {0};
        char of[ID_BYTES], after[ID_BYTES];
        struct catalog_page page = {.after = after, .limit = rows};
        double begun_ms;
        unsigned first;

        first = any_point(b) / COLLECTION_POINTS * COLLECTION_POINTS;
        collection_id(of, first / COLLECTION_POINTS);
        point_id(after, first);
        begun_ms = clock_ms();
        expect(catalog_point_list(b->catalog, of, &page, &list, &e) && list.count > 0, &e);
        b->ms[i] = clock_ms() - begun_ms;
        catalog_point_list_fini(&list);
    }
    print_ms(b, what, LIST_ROUNDS, LIST_MAX_MS);
}

/* A collection with $expand=restorePoints: each of a page with its disks. */
static void list_expanded(struct bench *b)
{
    static const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    static const struct catalog_page page = {.limit = PAGE_ROWS};

    for (unsigned i = 0; i < LIST_ROUNDS; i++) {
        struct catalog_point_list list = {.rows = NULL};
        struct err e = {0};
        char of[ID_BYTES];
        double begun_ms;

        collection_id(of, any_point(b) / COLLECTION_POINTS);
        begun_ms = clock_ms();
        expect(catalog_point_list(b->catalog, of, &page, &list, &e) && list.count > 0, &e);
        for (size_t j = 0; j < list.count; j++) {
            struct catalog_disk_point_list disks = {.rows = NULL};

            expect(catalog_disk_point_list(b->catalog, list.rows[j].id, &all, &disks, &e), &e);
            catalog_disk_point_list_fini(&disks);
        }
        b->ms[i] = clock_ms() - begun_ms;
        catalog_point_list_fini(&list);
    }
    print_ms(b, "page of 100 restore points, each with its disks", LIST_ROUNDS, LIST_MAX_MS);
}

static void list_collections(struct bench *b)
{
    static const struct catalog_page page = {.limit = PAGE_ROWS};

    for (unsigned i = 0; i < LIST_ROUNDS; i++) {
        struct catalog_collection_list list = {.rows = NULL};
        struct err e = {0};
        double begun_ms = clock_ms();

        expect(catalog_collection_list(b->catalog, "/subscriptions/S", &page, &list, &e) &&
                   list.count > 0,
               &e);
        b->ms[i] = clock_ms() - begun_ms;
        catalog_collection_list_fini(&list);
    }
    print_ms(b, "list of a subscription's collections", LIST_ROUNDS, LIST_MAX_MS);
}

/* What a second of one copy writes: the percent of each disk, in one transaction, synced. */
static void commit_progress(struct bench *b)
{
    for (unsigned i = 0; i < COMMIT_ROUNDS; i++) {
        struct err e = {0};
        unsigned point = any_point(b);
        double begun_ms = clock_ms();
        char id[ID_BYTES];

        expect(catalog_begin(b->catalog, &e), &e);
        for (unsigned disk = 0; disk < POINT_DISKS; disk++) {
            disk_point_id(id, point, disk);
            expect(catalog_disk_point_set_progress(b->catalog, id, "ReplicationState/inProgress", i,
                                                   CATALOG_INFO, NULL, &e),
                   &e);
        }
        expect(catalog_commit(b->catalog, &e), &e);
        b->ms[i] = clock_ms() - begun_ms;
    }
    print_ms(b, "progress of a restore point's disks, committed", COMMIT_ROUNDS, 0);
}

static void reopen(struct bench *b, const char *folder)
{
    struct err e = {0};
    double begun_ms;

    catalog_close(b->catalog);
    begun_ms = clock_ms();
    b->catalog = catalog_open(folder, &e);
    expect(b->catalog, &e);
    printf("%-56s %8.3f ms\n", "open, with its check of the whole file", clock_ms() - begun_ms);
}

static void remove_folder(const char *folder)
{
    static const char *const files[] = {"catalog.db", "catalog.db-wal", "catalog.db-shm",
                                        "catalog.lock"};
    struct stat about;
    char path[400];

    for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        if (i == 0 && stat(path, &about) == 0)
            printf("%-56s %8.1f MiB\n", "the file", (double)about.st_size / (1 << 20));
        unlink(path);
    }
    rmdir(folder);
}

int main(int argc, char **argv)
{
    const char *temp = argc > 2 ? argv[2] : getenv("TMPDIR");
    struct bench b = {.points = argc > 1 ? (unsigned)atoi(argv[1]) : 10000,
                      .random = 88172645463325252ull};
    struct err e = {0};
    char folder[300];

    if (b.points == 0) {
        fprintf(stderr, "usage: catalog_bench [POINTS] [FOLDER]\n");
        return 2;
    }
    snprintf(folder, sizeof folder, "%.250s/catalog_bench.XXXXXX", temp ? temp : "/tmp");
    if (!mkdtemp(folder)) {
        perror(folder);
        return 1;
    }
    b.catalog = catalog_open(folder, &e);
    expect(b.catalog, &e);
    fill(&b);
    reopen(&b, folder);
    get_points(&b);
    get_views(&b);
    list_points(&b, PAGE_ROWS, "page of 100 restore points of a collection");
    list_points(&b, COLLECTION_POINTS, "page of 499 restore points of a collection");
    list_expanded(&b);
    list_collections(&b);
    commit_progress(&b);
    catalog_close(b.catalog);
    remove_folder(folder);
    return b.failed;
}
