/* xxh3_avx2.c - xxHash's own XXH3 for AVX2, inlined here and compiled for it alone. See xxh3_wide.h. */
#if defined(__x86_64__)
#define XXH_INLINE_ALL
#define XXH_VECTOR 2 /* XXH_AVX2 */
#include <string.h>
#include <xxhash.h>

#include "blockmap/xxh3_wide.h"

void xxh3_avx2(const void *bytes, size_t count, unsigned char out_hash[XXH3_HASH_BYTES])
{
    XXH128_canonical_t canonical;

    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, count));
    memcpy(out_hash, canonical.digest, XXH3_HASH_BYTES);
}

void xxh3_avx2_keyed(const void *bytes, size_t count, const void *secret, size_t secret_bytes,
                     unsigned char out_hash[XXH3_HASH_BYTES])
{
    XXH128_canonical_t canonical;

    XXH128_canonicalFromHash(&canonical,
                             XXH3_128bits_withSecret(bytes, count, secret, secret_bytes));
    memcpy(out_hash, canonical.digest, XXH3_HASH_BYTES);
}
#else
typedef int xxh3_avx2_is_for_x86_64_only;
#endif
