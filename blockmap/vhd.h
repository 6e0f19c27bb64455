/* vhd.h - the fixed VHD footer (protocol D.2), and telling other disk containers from it.
 *
 * Knows: 512 bytes at the end of a disk, the first bytes of VHDX and dynamic VHD.
 * Must not know: where they were read. Threads: any; pure.
 */
#ifndef BLOCKMAP_VHD_H
#define BLOCKMAP_VHD_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"

#define VHD_FOOTER_BYTES 512u

enum vhd_kind {
    VHD_NONE,         /* no cookie: a raw disk */
    VHD_FIXED,        /* a sound footer of a fixed disk */
    VHD_DYNAMIC,      /* disk type 3 */
    VHD_DIFFERENCING, /* disk type 4 */
    VHD_DAMAGED       /* the cookie is there, checksum, version or type is not right */
};

struct vhd_footer {
    enum vhd_kind kind;
    uint64_t disk_bytes; /* "current size" */
    uint32_t timestamp;  /* seconds since 2000-01-01 UTC */
    unsigned char uuid[16];
};

/* Reads the last 512 bytes of a disk. Never fails: the answer is in kind. */
void vhd_decode(const unsigned char bytes[VHD_FOOTER_BYTES], struct vhd_footer *out_footer);

/* Writes the footer of a fixed disk as Azure writes it. */
void vhd_encode(unsigned char out_bytes[VHD_FOOTER_BYTES], uint64_t disk_bytes, uint32_t timestamp,
                const unsigned char uuid[16]);

/* Looks at the first and the last 512 bytes of a disk of size_bytes and says, as an error with a
 * sentence, why snapferry does not copy it (VHDX, dynamic, differencing, damaged footer, a footer
 * whose size is not size_bytes - 512); true when it is a raw disk or a sound fixed VHD. */
bool vhd_judge(const unsigned char first[VHD_FOOTER_BYTES],
               const unsigned char last[VHD_FOOTER_BYTES], uint64_t size_bytes,
               struct vhd_footer *out_footer, struct err *e);

#endif
