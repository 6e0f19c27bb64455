/* manifest_section.h - the frame of a section, shared by manifest_encode.c and manifest_decode.c.
 *
 * Knows:         manifest_format.md, "Sections". Included by those files alone.
 * Must not know: what a section holds.
 */
#ifndef BLOCKMAP_MANIFEST_SECTION_H
#define BLOCKMAP_MANIFEST_SECTION_H

#include "blockmap/manifest_format.h"

#define SECTION_MAGIC_BYTES 4u
#define SECTION_FRONT_BYTES 8u /* magic, u32 length of the body */
#define SECTION_CHECK_BYTES DIGEST_HASH_BYTES
#define SECTION_HEAD        "SFMH"
#define SECTION_BLOCKS      "SFMB"
#define SECTION_END         "SFME"

#define SECTION_BLOCKS_FRONT_BYTES 20u /* u64 first block, u64 count, u32 bytes of runs */
#define RUN_HOLE                   (1u << 31)
#define RUN_COUNT_MAX              (RUN_HOLE - 1)

/* The longest of each kind, without front and check. */
#define SECTION_HEAD_BODY_MAX (1024u + 2 * MARKER_SOURCE_MAX_BYTES)
#define SECTION_END_BODY_MAX  256u
#define SECTION_BLOCKS_BODY_MAX                                                                    \
    (MANIFEST_SECTION_MAX_BYTES - SECTION_FRONT_BYTES - SECTION_CHECK_BYTES)

_Static_assert(MANIFEST_DISK_MAX_BYTES / DIGEST_BLOCK_BYTES <= RUN_COUNT_MAX,
               "a run holds any disk");
_Static_assert(MANIFEST_RAW_MAX_BYTES + (MANIFEST_RAW_MAX_BYTES >> 8) +
                       SECTION_BLOCKS_FRONT_BYTES <=
                   SECTION_BLOCKS_BODY_MAX,
               "what does not compress fits too: zstd adds a 256th part at most");

#endif
