/* xxh3_wide.c - see xxh3_wide.h. The CPU is asked each time: that is one load, and no state of ours. */
#include "blockmap/xxh3_wide.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>

_Static_assert(XXH3_SECRET_MIN_BYTES == XXH3_SECRET_SIZE_MIN, "as the library wants it");
_Static_assert(sizeof(XXH128_canonical_t) == XXH3_HASH_BYTES, "canonical form is the hash");

static void xxh3_library(const void *bytes, size_t count, unsigned char out_hash[XXH3_HASH_BYTES])
{
    XXH128_canonical_t canonical;

    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, count));
    memcpy(out_hash, canonical.digest, XXH3_HASH_BYTES);
}

int xxh3_has(enum xxh3_kind kind)
{
#if defined(__x86_64__)
    if (kind == XXH3_AVX512)
        return __builtin_cpu_supports("avx512f") != 0;
    if (kind == XXH3_AVX2)
        return __builtin_cpu_supports("avx2") != 0;
#endif
    return kind == XXH3_LIBRARY;
}

void xxh3_by(enum xxh3_kind kind, const void *bytes, size_t count,
             unsigned char out_hash[XXH3_HASH_BYTES])
{
    assert(xxh3_has(kind));
#if defined(__x86_64__)
    if (kind == XXH3_AVX512) {
        xxh3_avx512(bytes, count, out_hash);
        return;
    }
    if (kind == XXH3_AVX2) {
        xxh3_avx2(bytes, count, out_hash);
        return;
    }
#endif
    xxh3_library(bytes, count, out_hash);
}

void xxh3_by_keyed(enum xxh3_kind kind, const void *bytes, size_t count, const void *secret,
                   size_t secret_bytes, unsigned char out_hash[XXH3_HASH_BYTES])
{
    XXH128_canonical_t canonical;

    assert(xxh3_has(kind) && secret_bytes >= XXH3_SECRET_MIN_BYTES);
#if defined(__x86_64__)
    if (kind == XXH3_AVX512) {
        xxh3_avx512_keyed(bytes, count, secret, secret_bytes, out_hash);
        return;
    }
    if (kind == XXH3_AVX2) {
        xxh3_avx2_keyed(bytes, count, secret, secret_bytes, out_hash);
        return;
    }
#endif
    XXH128_canonicalFromHash(&canonical,
                             XXH3_128bits_withSecret(bytes, count, secret, secret_bytes));
    memcpy(out_hash, canonical.digest, XXH3_HASH_BYTES);
}

static enum xxh3_kind xxh3_widest(void)
{
    enum xxh3_kind kind = XXH3_KINDS - 1;

    while (!xxh3_has(kind))
        kind--;
    return kind;
}

void xxh3_wide(const void *bytes, size_t count, unsigned char out_hash[XXH3_HASH_BYTES])
{
    xxh3_by(xxh3_widest(), bytes, count, out_hash);
}

void xxh3_wide_keyed(const void *bytes, size_t count, const void *secret, size_t secret_bytes,
                     unsigned char out_hash[XXH3_HASH_BYTES])
{
    xxh3_by_keyed(xxh3_widest(), bytes, count, secret, secret_bytes, out_hash);
}
