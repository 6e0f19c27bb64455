/* scattered_disk.c - makes a blob of many scattered ranges in a region's folder, no server running.
 *
 *   scattered_disk FOLDER ACCOUNT CONTAINER/BLOB SIZE_BYTES RANGES [hollow]
 *
 * Each range is 4 KiB, somewhere in its own slice of the disk; the positions follow from a fixed seed.
 * Through HTTP a million writes would take minutes; here they take seconds, through the same store.
 * hollow: what was written is given back to the file system while it goes on, so that ten million ranges
 * need no 40 GiB. The region lists them as before, and reads zeros.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/regiond/store.h"
#include "tools/regiond/store_verbs.h"

#define SCATTERED_RANGE_BYTES 4096u
#define SCATTERED_HOLLOW_EACH 65536u /* ranges */
#define SCATTERED_FOLDERS_MAX 16     /* open at once */

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15ull);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

/* A blob's segments hold bytes and nothing else; they lie in blobs/NUMBER/, beside its log. */
static int hollow_out(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    const char *name = path + at->base;
    int fd, failed;

    if (kind != FTW_F || at->level != 3 || strcmp(name, "log") == 0)
        return 0;
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    failed = status->st_blocks &&
             fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, status->st_size);
    close(fd);
    return failed;
}

static int fill(struct store *store, const struct store_key *key, uint64_t size_bytes,
                uint64_t ranges, const char *hollow_folder)
{
    struct store_conditions when = {0};
    struct store_new_blob blob = {.kind = STORE_PAGE_BLOB, .size_bytes = size_bytes};
    struct store_stamp stamp;
    unsigned char page[SCATTERED_RANGE_BYTES];
    uint64_t slice = size_bytes / ranges / SCATTERED_RANGE_BYTES, random = 42;
    enum store_result result;

    result = store_container_create(store, key->account, key->container, NULL, &stamp);
    if (result != STORE_OK && result != STORE_CONTAINER_EXISTS)
        return (int)result;
    result = store_blob_put(store, key, &when, &blob, &stamp);
    memset(page, 'x', sizeof page);
    for (uint64_t i = 0; i < ranges && result == STORE_OK; i++) {
        uint64_t at = i * slice + next_random(&random) % (slice - 1);

        memcpy(page, &i, sizeof i);
        result = store_pages_write(store, key, &when, at * SCATTERED_RANGE_BYTES, page, sizeof page,
                                   &stamp);
        if (hollow_folder && (i % SCATTERED_HOLLOW_EACH == 0 || i + 1 == ranges) &&
            nftw(hollow_folder, hollow_out, SCATTERED_FOLDERS_MAX, FTW_PHYS) != 0)
            result = STORE_IO;
    }
    return (int)result;
}

int main(int argc, char **argv)
{
    struct store_config config = {.folder = argc > 1 ? argv[1] : NULL};
    char why[300] = "", container[64];
    const char *slash = argc > 3 ? strchr(argv[3], '/') : NULL;
    struct store_key key = {.account = argc > 2 ? argv[2] : NULL, .container = container};
    struct store *store;
    int result;

    if (argc < 6 || argc > 7 || (argc == 7 && strcmp(argv[6], "hollow") != 0) || !slash ||
        strtoull(argv[5], NULL, 10) == 0) {
        fprintf(stderr, "usage: scattered_disk FOLDER ACCOUNT CONTAINER/BLOB SIZE_BYTES RANGES "
                        "[hollow]\n");
        return 2;
    }
    snprintf(container, sizeof container, "%.*s", (int)(slash - argv[3]), argv[3]);
    key.blob = slash + 1;
    store = store_open(&config, why, sizeof why);
    if (!store) {
        fprintf(stderr, "scattered_disk: %s\n", why);
        return 1;
    }
    result = fill(store, &key, strtoull(argv[4], NULL, 10), strtoull(argv[5], NULL, 10),
                  argc == 7 ? argv[1] : NULL);
    store_close(store);
    if (result != 0)
        fprintf(stderr, "scattered_disk: the store refused (%d)\n", result);
    return result != 0;
}
