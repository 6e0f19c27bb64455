/* block_targets.c - see block_targets.h. */
#include "io/block_targets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "io/block_index.h"

#define BUCKETS_COUNT (2 * BLOCK_INDEX_TARGETS_MAX) /* of the names in memory; a power of two */
#define NO_SLOT       UINT32_MAX

struct slot { /* as in the file */
    uint64_t check;
    uint64_t order; /* a higher one is younger; 0: free */
    uint32_t born;
    uint32_t unused;
    char name[BLOCK_INDEX_TARGET_MAX_BYTES];
};
_Static_assert(sizeof(struct slot) == 24 + BLOCK_INDEX_TARGET_MAX_BYTES, "no holes");

struct named {
    char *name; /* NULL: free */
    uint32_t born;
    uint32_t next; /* in its bucket: slot + 1; 0: none */
};

struct block_targets {
    int fd;
    uint64_t salt;
    uint64_t order; /* of the youngest */
    uint32_t youngest_born;
    uint32_t next_slot; /* the free one, or the oldest */
    struct named named[BLOCK_INDEX_TARGETS_MAX];
    uint32_t buckets[BUCKETS_COUNT]; /* slot + 1; 0: none */
};

static uint64_t slot_check(const struct block_targets *targets, const struct slot *slot,
                           uint32_t number)
{
    return XXH3_64bits_withSeed(&slot->order, sizeof *slot - sizeof slot->check,
                                targets->salt + number);
}

static uint32_t *bucket_of(struct block_targets *targets, const char *name)
{
    return &targets->buckets[XXH3_64bits(name, strlen(name)) & (BUCKETS_COUNT - 1)];
}

static uint32_t slot_of(struct block_targets *targets, const char *name)
{
    uint32_t at = *bucket_of(targets, name);

    while (at && strcmp(targets->named[at - 1].name, name) != 0)
        at = targets->named[at - 1].next;
    return at ? at - 1 : NO_SLOT;
}

static void forget(struct block_targets *targets, uint32_t slot)
{
    struct named *named = &targets->named[slot];
    uint32_t *at;

    if (!named->name)
        return;
    for (at = bucket_of(targets, named->name); *at != slot + 1;)
        at = &targets->named[*at - 1].next;
    *at = named->next;
    free(named->name);
    *named = (struct named){0};
}

static bool remember(struct block_targets *targets, uint32_t slot, const char *name, uint32_t born)
{
    char *copy = strdup(name);
    uint32_t *bucket = bucket_of(targets, name);

    if (!copy)
        return false;
    forget(targets, slot);
    targets->named[slot] = (struct named){copy, born, *bucket};
    *bucket = slot + 1;
    return true;
}

/* Slots are filled one after another, then again from the first: the next is behind the youngest. */
static bool load(struct block_targets *targets)
{
    struct slot slot;

    for (uint32_t i = 0; i < BLOCK_INDEX_TARGETS_MAX; i++) {
        if (pread(targets->fd, &slot, sizeof slot, (off_t)(i * sizeof slot)) !=
            (ssize_t)sizeof slot)
            return true; /* the end, or what cannot be read: free from here on */
        if (slot.order == 0 || slot.check != slot_check(targets, &slot, i) ||
            slot.name[0] == '\0' || slot.name[sizeof slot.name - 1] != '\0' ||
            slot_of(targets, slot.name) != NO_SLOT)
            continue;
        if (!remember(targets, i, slot.name, slot.born))
            return false;
        if (slot.order > targets->order) {
            targets->order = slot.order;
            targets->youngest_born = slot.born;
            targets->next_slot = (i + 1) % BLOCK_INDEX_TARGETS_MAX;
        }
    }
    return true;
}

struct block_targets *block_targets_open(const char *path, uint64_t salt, struct err *e)
{
    struct block_targets *targets = calloc(1, sizeof *targets);

    if (!targets) {
        err_set_errno(e, ENOMEM, RETRY_NEVER, "no memory for the names of an index");
        return NULL;
    }
    targets->salt = salt;
    targets->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (targets->fd < 0 || fchmod(targets->fd, 0600) != 0) {
        err_set_errno(e, errno, RETRY_NEVER, "cannot open %s", path);
        block_targets_close(targets);
        return NULL;
    }
    if (!load(targets)) {
        err_set_errno(e, ENOMEM, RETRY_NEVER, "no memory for the names of an index");
        block_targets_close(targets);
        return NULL;
    }
    return targets;
}

void block_targets_close(struct block_targets *targets)
{
    if (!targets)
        return;
    for (uint32_t i = 0; i < BLOCK_INDEX_TARGETS_MAX; i++)
        free(targets->named[i].name);
    if (targets->fd >= 0)
        close(targets->fd);
    free(targets);
}

const char *block_targets_name(const struct block_targets *targets, uint32_t number,
                               uint32_t *out_born)
{
    if (number >= BLOCK_INDEX_TARGETS_MAX || !targets->named[number].name)
        return NULL;
    *out_born = targets->named[number].born;
    return targets->named[number].name;
}

uint32_t block_targets_youngest(const struct block_targets *targets)
{
    return targets->youngest_born;
}

bool block_targets_number(struct block_targets *targets, const char *name, uint32_t now,
                          uint32_t *out_number)
{
    uint32_t number = slot_of(targets, name);
    struct slot slot = {0};
    ssize_t written;

    if (number != NO_SLOT) {
        *out_number = number;
        return true;
    }
    number = targets->next_slot;
    if (name[0] == '\0' || strlen(name) >= sizeof slot.name ||
        !remember(targets, number, name, now))
        return false;
    targets->next_slot = (number + 1) % BLOCK_INDEX_TARGETS_MAX;
    slot.order = ++targets->order;
    targets->youngest_born = now;
    slot.born = now;
    memcpy(slot.name, name, strlen(name));
    slot.check = slot_check(targets, &slot, number);
    /* Where it cannot be written the name is known until the end, and its slot then does not check. */
    written = pwrite(targets->fd, &slot, sizeof slot, (off_t)(number * sizeof slot));
    (void)written;
    *out_number = number;
    return true;
}
