/* churned_disk.c - makes a sparse disk in a region's folder, a snapshot of it, changes, and a second
 * snapshot; no server running.
 *
 *   churned_disk FOLDER ACCOUNT CONTAINER/BLOB SIZE_BYTES ALLOCATED_BYTES CHURN_PERMILLE
 *                scattered|clustered
 *
 * Data stands in extents of 1 MiB, evenly over the disk; so many thousandths of it change: pages of
 * 4 KiB, each somewhere in its own part of the data, or whole extents. No byte compresses, and all
 * follow from a fixed seed. Prints one JSON line: both snapshots' times and what changed between
 * them, in bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/regiond/store.h"
#include "tools/regiond/store_verbs.h"

#define CHURNED_EXTENT_BYTES (UINT64_C(1) << 20)
#define CHURNED_PAGE_BYTES   4096u

struct churned {
    struct store *store;
    struct store_key key;
    uint64_t extents_count, apart_bytes; /* from one extent's start to the next one's */
    uint64_t random;
    unsigned char bytes[CHURNED_EXTENT_BYTES];
};

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15ull);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

static enum store_result write_random(struct churned *disk, uint64_t offset, size_t length_bytes)
{
    struct store_conditions when = {0};
    struct store_stamp stamp;

    for (size_t i = 0; i < length_bytes; i += sizeof(uint64_t)) {
        uint64_t word = next_random(&disk->random);

        memcpy(disk->bytes + i, &word, sizeof word);
    }
    return store_pages_write(disk->store, &disk->key, &when, offset, disk->bytes, length_bytes,
                             &stamp);
}

static enum store_result make_base(struct churned *disk, uint64_t size_bytes)
{
    struct store_conditions when = {0};
    struct store_new_blob blob = {.kind = STORE_PAGE_BLOB, .size_bytes = size_bytes};
    struct store_stamp stamp;
    enum store_result result =
        store_container_create(disk->store, disk->key.account, disk->key.container, NULL, &stamp);

    if (result != STORE_OK && result != STORE_CONTAINER_EXISTS)
        return result;
    result = store_blob_put(disk->store, &disk->key, &when, &blob, &stamp);
    for (uint64_t i = 0; i < disk->extents_count && result == STORE_OK; i++)
        result = write_random(disk, i * disk->apart_bytes, CHURNED_EXTENT_BYTES);
    return result;
}

static enum store_result churn_extents(struct churned *disk, uint64_t count)
{
    enum store_result result = STORE_OK;

    for (uint64_t i = 0; i < count && result == STORE_OK; i++)
        result = write_random(disk, i * disk->extents_count / count * disk->apart_bytes,
                              CHURNED_EXTENT_BYTES);
    return result;
}

static enum store_result churn_pages(struct churned *disk, uint64_t count)
{
    uint64_t pages_an_extent = CHURNED_EXTENT_BYTES / CHURNED_PAGE_BYTES;
    uint64_t part_pages = disk->extents_count * pages_an_extent / count;
    enum store_result result = STORE_OK;

    for (uint64_t i = 0; i < count && result == STORE_OK; i++) {
        uint64_t page = i * part_pages + next_random(&disk->random) % part_pages;

        result = write_random(disk,
                              page / pages_an_extent * disk->apart_bytes +
                                  page % pages_an_extent * CHURNED_PAGE_BYTES,
                              CHURNED_PAGE_BYTES);
    }
    return result;
}

static enum store_result snapshot(struct churned *disk, char out_time[STORE_SNAPSHOT_BYTES])
{
    struct store_conditions when = {0};
    struct store_stamp stamp;

    return store_blob_snapshot(disk->store, &disk->key, &when, NULL, out_time, &stamp);
}

static int make(struct churned *disk, char **argv)
{
    uint64_t size_bytes = strtoull(argv[4], NULL, 10);
    uint64_t allocated_bytes = strtoull(argv[5], NULL, 10);
    uint64_t unit_bytes =
        strcmp(argv[7], "clustered") == 0 ? CHURNED_EXTENT_BYTES : CHURNED_PAGE_BYTES;
    uint64_t count;
    char base[STORE_SNAPSHOT_BYTES], later[STORE_SNAPSHOT_BYTES];
    enum store_result result;

    disk->extents_count = allocated_bytes / CHURNED_EXTENT_BYTES;
    count = disk->extents_count * CHURNED_EXTENT_BYTES / 1000 * strtoull(argv[6], NULL, 10) /
            unit_bytes;
    if (count == 0 || allocated_bytes > size_bytes)
        return fprintf(stderr,
                       "churned_disk: nothing would change, or the data is larger than the disk\n");
    disk->apart_bytes = size_bytes / disk->extents_count / CHURNED_PAGE_BYTES * CHURNED_PAGE_BYTES;
    result = make_base(disk, size_bytes);
    if (result == STORE_OK)
        result = snapshot(disk, base);
    if (result == STORE_OK)
        result = unit_bytes == CHURNED_EXTENT_BYTES ? churn_extents(disk, count)
                                                    : churn_pages(disk, count);
    if (result == STORE_OK)
        result = snapshot(disk, later);
    if (result != STORE_OK)
        return fprintf(stderr, "churned_disk: the store refused (%d)\n", (int)result);
    printf("{\"base\":\"%s\",\"snapshot\":\"%s\",\"changedBytes\":%llu}\n", base, later,
           (unsigned long long)(count * unit_bytes));
    return 0;
}

int main(int argc, char **argv)
{
    struct store_config config = {.folder = argc > 1 ? argv[1] : NULL};
    struct churned *disk = calloc(1, sizeof *disk);
    char why[300] = "", container[64];
    const char *slash = argc > 3 ? strchr(argv[3], '/') : NULL;
    int status;

    if (argc != 8 || !slash || !disk) {
        fprintf(stderr,
                "usage: churned_disk FOLDER ACCOUNT CONTAINER/BLOB SIZE_BYTES ALLOCATED_BYTES "
                "CHURN_PERMILLE scattered|clustered\n");
        free(disk);
        return 2;
    }
    snprintf(container, sizeof container, "%.*s", (int)(slash - argv[3]), argv[3]);
    disk->key = (struct store_key){.account = argv[2], .container = container, .blob = slash + 1};
    disk->random = 42;
    disk->store = store_open(&config, why, sizeof why);
    if (!disk->store) {
        fprintf(stderr, "churned_disk: %s\n", why);
        free(disk);
        return 1;
    }
    status = make(disk, argv);
    store_close(disk->store);
    free(disk);
    return status != 0;
}
