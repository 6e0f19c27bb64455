/* map_bytes.c - see map_bytes.h. */
#include "tests/support/map_bytes.h"

#include <stdlib.h>
#include <string.h>

#define TOTALS_AT    8112u
#define DIRECTORY_AT 8144u
#define SEALED_BYTES 8176u

unsigned char *map_bytes_make(const struct map_head *head, const struct map_entry *entries,
                              size_t *out_count)
{
    uint64_t pages = map_page_count(head->disk_bytes), salt = map_salt(head);
    size_t at = MAP_HEAD_BYTES + (size_t)pages * MAP_SLOT_BYTES;
    unsigned char *bytes = calloc(1, at + (size_t)pages * MAP_PAGE_MAX_BYTES);
    struct map_totals totals = {0};

    if (!bytes)
        return NULL;
    for (uint64_t page = 0; page < pages; page++) {
        uint32_t blocks = map_page_blocks(head->disk_bytes, page);
        struct map_slot slot;
        uint32_t page_bytes =
            map_page_encode(head->strength, salt, page, entries + page * MAP_PAGE_BLOCKS, blocks,
                            bytes + at, &slot);

        slot.offset = page_bytes ? at : 0;
        at += page_bytes;
        totals.hashed_blocks += slot.hashed_blocks;
        totals.zero_blocks += slot.zero_blocks;
        map_slot_encode(&slot, bytes + MAP_HEAD_BYTES + page * MAP_SLOT_BYTES);
    }
    totals.unknown_blocks =
        map_block_count(head->disk_bytes) - totals.hashed_blocks - totals.zero_blocks;
    totals.file_bytes = at;
    map_checksum(bytes + MAP_HEAD_BYTES, (size_t)pages * MAP_SLOT_BYTES, salt, totals.directory);
    map_head_encode(head, &totals, bytes);
    *out_count = at;
    return bytes;
}

static uint64_t get_u64(const unsigned char *bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 8; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

static void mend_pages(unsigned char *bytes, size_t count, uint64_t pages, uint64_t salt,
                       enum map_strength strength)
{
    for (uint64_t page = 0; page < pages; page++) {
        struct map_slot slot;
        uint64_t page_bytes;

        map_slot_decode(bytes + MAP_HEAD_BYTES + page * MAP_SLOT_BYTES, &slot);
        page_bytes = map_page_bytes(strength, slot.hashed_blocks % (MAP_PAGE_BLOCKS + 1));
        if (slot.offset < MAP_HEAD_BYTES || slot.offset > count || page_bytes > count - slot.offset)
            continue;
        map_checksum(bytes + slot.offset, (size_t)page_bytes - MAP_CHECKSUM_BYTES, salt,
                     bytes + slot.offset + page_bytes - MAP_CHECKSUM_BYTES);
    }
}

void map_bytes_mend(unsigned char *bytes, size_t count)
{
    uint64_t disk_bytes, pages, salt;
    struct map_head head;
    struct map_totals totals;
    struct err e = {0};

    if (count < MAP_HEAD_BYTES)
        return;
    disk_bytes = get_u64(bytes + 56);
    pages = disk_bytes <= MAP_DISK_MAX_BYTES ? map_page_count(disk_bytes) : 0;
    if (pages > (count - MAP_HEAD_BYTES) / MAP_SLOT_BYTES)
        pages = 0;
    for (unsigned i = 0; i < 8; i++) /* the size that is easily told */
        bytes[TOTALS_AT + 24 + i] = (unsigned char)((uint64_t)count >> (8 * i));
    map_checksum(bytes, SEALED_BYTES, 0, bytes + SEALED_BYTES);
    if (!map_head_decode(bytes, count, &head, &totals, &e))
        return;
    salt = map_salt(&head);
    mend_pages(bytes, count, pages, salt, head.strength);
    map_checksum(bytes + MAP_HEAD_BYTES, (size_t)pages * MAP_SLOT_BYTES, salt,
                 bytes + DIRECTORY_AT);
    map_checksum(bytes, SEALED_BYTES, 0, bytes + SEALED_BYTES);
}
