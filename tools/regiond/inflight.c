/* inflight.c - a mapped array of slots and a stack of the free ones. */
#include "tools/regiond/inflight.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct slot {
    _Atomic uint64_t blob; /* 0: empty. Written last, emptied first */
    uint64_t start, end;
    uint64_t unused;
};
_Static_assert(sizeof(struct slot) == 32, "slots never cross a memory page");

struct inflight {
    struct slot *slots;
    size_t bytes;
    bool sync;
    pthread_mutex_t lock; /* guards the stack */
    uint32_t *free_slots;
    uint32_t free_count;
};

struct inflight *inflight_open(int folder_fd, uint32_t slot_count, bool sync)
{
    struct inflight *table = calloc(1, sizeof *table);
    size_t bytes = (size_t)slot_count * sizeof(struct slot);
    int fd = -1;

    if (!table)
        return NULL;
    table->free_slots = calloc(slot_count, sizeof *table->free_slots);
    if (!table->free_slots)
        goto fail;
    fd = openat(folder_fd, "inflight", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        goto fail;
    /* Really allocated: a full disk would otherwise be a SIGBUS at some later fill. */
    errno = posix_fallocate(fd, 0, (off_t)bytes);
    if (errno != 0)
        goto fail;
    table->slots = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (table->slots == MAP_FAILED)
        goto fail;
    close(fd);
    table->bytes = bytes;
    table->sync = sync;
    pthread_mutex_init(&table->lock, NULL);
    while (table->free_count < slot_count) { /* the lowest on top: few memory pages in use */
        table->free_slots[table->free_count] = slot_count - 1 - table->free_count;
        table->free_count++;
    }
    return table;
fail:
    if (fd >= 0)
        close(fd);
    free(table->free_slots);
    free(table);
    return NULL;
}

void inflight_close(struct inflight *table)
{
    if (!table)
        return;
    munmap(table->slots, table->bytes);
    pthread_mutex_destroy(&table->lock);
    free(table->free_slots);
    free(table);
}

bool inflight_left(const struct inflight *table, uint32_t slot, uint64_t *out_blob,
                   uint64_t *out_start, uint64_t *out_end)
{
    const struct slot *s = &table->slots[slot];

    *out_blob = atomic_load(&s->blob);
    *out_start = s->start;
    *out_end = s->end;
    return *out_blob != 0;
}

bool inflight_take(struct inflight *table, uint32_t *out_slot)
{
    bool taken = false;

    pthread_mutex_lock(&table->lock);
    if (table->free_count > 0) {
        *out_slot = table->free_slots[--table->free_count];
        taken = true;
    }
    pthread_mutex_unlock(&table->lock);
    return taken;
}

void inflight_give(struct inflight *table, uint32_t slot)
{
    inflight_empty(table, slot);
    pthread_mutex_lock(&table->lock);
    table->free_slots[table->free_count++] = slot;
    pthread_mutex_unlock(&table->lock);
}

bool inflight_fill(struct inflight *table, uint32_t slot, uint64_t blob, uint64_t start,
                   uint64_t end)
{
    struct slot *s = &table->slots[slot];
    uintptr_t page = (uintptr_t)s & ~(uintptr_t)4095;

    assert(blob != 0);
    atomic_store(&s->blob, 0);
    s->start = start;
    s->end = end;
    atomic_store(&s->blob, blob);
    return !table->sync || msync((void *)page, 4096, MS_SYNC) == 0;
}

void inflight_empty(struct inflight *table, uint32_t slot)
{
    atomic_store(&table->slots[slot].blob, 0);
}
