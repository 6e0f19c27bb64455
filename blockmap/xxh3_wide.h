/* xxh3_wide.h - XXH3-128 with the widest vectors this CPU has: the same hash, several times the speed of
 * a library that is built for the oldest CPU of its kind.
 *
 * Knows: which instructions are here. Must not know: what is hashed. Threads: any; pure.
 */
#ifndef BLOCKMAP_XXH3_WIDE_H
#define BLOCKMAP_XXH3_WIDE_H

#include <stddef.h>

#define XXH3_HASH_BYTES 16u

/* The canonical form of XXH3-128 of the bytes, seed 0. */
void xxh3_wide(const void *bytes, size_t count, unsigned char out_hash[XXH3_HASH_BYTES]);

/* The same, keyed by secret_bytes (at least XXH3_SECRET_MIN_BYTES) that look random. */
#define XXH3_SECRET_MIN_BYTES 136u
void xxh3_wide_keyed(const void *bytes, size_t count, const void *secret, size_t secret_bytes,
                     unsigned char out_hash[XXH3_HASH_BYTES]);

/* Each implementation by itself, for tests; call it only where xxh3_has says so. */
enum xxh3_kind { XXH3_LIBRARY, XXH3_AVX2, XXH3_AVX512, XXH3_KINDS };
int xxh3_has(enum xxh3_kind kind);
void xxh3_by(enum xxh3_kind kind, const void *bytes, size_t count,
             unsigned char out_hash[XXH3_HASH_BYTES]);
void xxh3_by_keyed(enum xxh3_kind kind, const void *bytes, size_t count, const void *secret,
                   size_t secret_bytes, unsigned char out_hash[XXH3_HASH_BYTES]);

/* xxh3_avx2.c and xxh3_avx512.c: xxHash's own code, compiled once for each. */
void xxh3_avx2(const void *bytes, size_t count, unsigned char out_hash[XXH3_HASH_BYTES]);
void xxh3_avx2_keyed(const void *bytes, size_t count, const void *secret, size_t secret_bytes,
                     unsigned char out_hash[XXH3_HASH_BYTES]);
void xxh3_avx512(const void *bytes, size_t count, unsigned char out_hash[XXH3_HASH_BYTES]);
void xxh3_avx512_keyed(const void *bytes, size_t count, const void *secret, size_t secret_bytes,
                       unsigned char out_hash[XXH3_HASH_BYTES]);

#endif
