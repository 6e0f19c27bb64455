/* crc64_pclmul.h - folding a run of bytes into 16 by carry-less products.
 *
 * Knows:         PCLMULQDQ and VPCLMULQDQ. On other machines there is no implementation.
 * Must not know: who asks whether this CPU can; only crc64.c includes this.
 * Threads:       any; pure.
 */
#ifndef IO_CRC64_PCLMUL_H
#define IO_CRC64_PCLMUL_H

#include <stddef.h>
#include <stdint.h>

/* Takes all whole 16-byte pieces of bytes, and writes 16 bytes that leave a register of zero in the
 * state in which those pieces leave reg. Returns how many bytes it took: 0 when count is below the
 * folder's least_bytes. */
typedef size_t crc64_fold_fn(uint64_t reg, const unsigned char *bytes, size_t count,
                             unsigned char out_rest[16]);

#define CRC64_FOLD_COUNT 3 /* best first */

struct crc64_folder {
    const char *name;
    crc64_fold_fn *fold; /* NULL on machines of another kind */
    size_t least_bytes;  /* fewer are faster in the next one */
};

extern const struct crc64_folder crc64_folders[CRC64_FOLD_COUNT];

/* 1 when this CPU, under this kernel, can run folders[i]. */
int crc64_folder_runs(size_t i);

#endif
