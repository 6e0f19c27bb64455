/* block_index_fuzz.c - a bucket and a slot of names as a broken disk may give them back. What is found is
 * within bounds, and what is noted after it is found. Must not know: where the index keeps what. */
#include <assert.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blockmap/stream.h"
#include "io/block_index.h"

#define PATH_MAX_BYTES 256u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct block_index *open_index(const char *path)
{
    struct err e = {0};
    struct block_index *index = block_index_open(path, BLOCK_INDEX_MIN_BYTES, &e);

    assert(index);
    return index;
}

/* Behind the head, which a checksum guards; or all of it, where the input says so. */
static void spoil(const char *path, const uint8_t *data, size_t size, off_t at)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    ssize_t written = pwrite(fd, data, size, at);

    assert(fd >= 0 && written == (ssize_t)size);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *folder = getenv("TMPDIR");
    char path[PATH_MAX_BYTES], beside[PATH_MAX_BYTES + 16];
    struct block_index *index;
    struct block_place place;
    struct block_id id = {{0}};

    if (size < 2)
        return 0;
    snprintf(path, sizeof path, "%s/fuzz-%d", folder ? folder : "/tmp", (int)getpid());
    snprintf(beside, sizeof beside, "%s.targets", path);
    index = open_index(path);
    memcpy(id.bytes, data, size < sizeof id.bytes ? size : sizeof id.bytes);
    block_index_note(index, &id, "a", 512);
    block_index_close(index);
    spoil(path, data, size < 4096 ? size : 4096, data[0] % 8 ? 4096 : 0);
    spoil(beside, data, size, data[1] % 2 ? 0 : 8);
    index = open_index(path);
    if (block_index_find(index, &id, &place))
        assert(place.offset < STREAM_DISK_MAX_BYTES && place.offset % 512 == 0 &&
               strcmp(place.target, "a") == 0);
    block_index_forget(index, &id);
    block_index_note(index, &id, "b", 1024);
    assert(block_index_find(index, &id, &place) && strcmp(place.target, "b") == 0 &&
           place.offset == 1024);
    block_index_close(index);
    unlink(path);
    unlink(beside);
    return 0;
}
