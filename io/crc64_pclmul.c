/* crc64_pclmul.c - see crc64_pclmul.h. Each folder keeps several accumulators, so that the products
 * of one step need not wait for those of the step before; then it folds them into each other. */
#include "io/crc64_pclmul.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "io/crc64_table.h"

#define ON_SSE    __attribute__((target("sse4.1,pclmul")))
#define ON_AVX2   __attribute__((target("avx2,pclmul,vpclmulqdq")))
#define ON_AVX512 __attribute__((target("avx512f,avx512vl,avx512dq,avx2,pclmul,vpclmulqdq")))
#define INLINE    static inline __attribute__((always_inline))

#define ACCUMULATORS 8 /* registers, of whatever width */

enum {
    SSE_STEP = ACCUMULATORS * 16,
    AVX2_STEP = ACCUMULATORS * 32,
    AVX512_STEP = ACCUMULATORS * 64
};

_Static_assert(SSE_STEP == 128 && AVX2_STEP == 256 && AVX512_STEP == 512,
               "crc64_table.h has a constant for each step");

/* ---- 128 bits ---- */

INLINE ON_SSE __m128i by_128(const struct crc64_fold_by *by)
{
    return _mm_set_epi64x((long long)by->high, (long long)by->low);
}

INLINE ON_SSE __m128i load_128(const unsigned char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

INLINE ON_SSE __m128i fold_128(__m128i moved, __m128i by, __m128i onto)
{
    __m128i low = _mm_clmulepi64_si128(moved, by, 0x00);
    __m128i high = _mm_clmulepi64_si128(moved, by, 0x11);

    return _mm_xor_si128(_mm_xor_si128(low, high), onto);
}

/* The common end: one 128-bit accumulator and less than a wide step left. */
INLINE ON_SSE size_t finish_128(__m128i sum, const unsigned char *bytes, size_t done, size_t count,
                                unsigned char out_rest[16])
{
    __m128i by = by_128(&crc64_fold_16_bytes);

    for (; count - done >= 16; done += 16)
        sum = fold_128(sum, by, load_128(bytes + done));
    _mm_storeu_si128((__m128i *)(void *)out_rest, sum);
    return done;
}

ON_SSE static size_t fold_pclmul(uint64_t reg, const unsigned char *bytes, size_t count,
                                 unsigned char out_rest[16])
{
    __m128i by = by_128(&crc64_fold_128_bytes);
    __m128i sums[ACCUMULATORS];
    size_t done = SSE_STEP;

    if (count < SSE_STEP)
        return 0;
    for (size_t i = 0; i < ACCUMULATORS; i++)
        sums[i] = load_128(bytes + 16 * i);
    sums[0] = _mm_xor_si128(sums[0], _mm_cvtsi64_si128((long long)reg));
    for (; count - done >= SSE_STEP; done += SSE_STEP) {
#pragma GCC unroll 8
        for (size_t i = 0; i < ACCUMULATORS; i++)
            sums[i] = fold_128(sums[i], by, load_128(bytes + done + 16 * i));
    }
    by = by_128(&crc64_fold_16_bytes);
    for (size_t i = 1; i < ACCUMULATORS; i++)
        sums[i] = fold_128(sums[i - 1], by, sums[i]);
    return finish_128(sums[ACCUMULATORS - 1], bytes, done, count, out_rest);
}

/* ---- 256 bits ---- */

INLINE ON_AVX2 __m256i by_256(const struct crc64_fold_by *by)
{
    return _mm256_set_epi64x((long long)by->high, (long long)by->low, (long long)by->high,
                             (long long)by->low);
}

INLINE ON_AVX2 __m256i load_256(const unsigned char *at)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)at);
}

INLINE ON_AVX2 __m256i fold_256(__m256i moved, __m256i by, __m256i onto)
{
    __m256i low = _mm256_clmulepi64_epi128(moved, by, 0x00);
    __m256i high = _mm256_clmulepi64_epi128(moved, by, 0x11);

    return _mm256_xor_si256(_mm256_xor_si256(low, high), onto);
}

ON_AVX2 static size_t fold_vpclmul_avx2(uint64_t reg, const unsigned char *bytes, size_t count,
                                        unsigned char out_rest[16])
{
    __m256i by = by_256(&crc64_fold_256_bytes);
    __m256i sums[ACCUMULATORS];
    __m256i sum;
    size_t done = AVX2_STEP;

    if (count < AVX2_STEP)
        return 0;
    for (size_t i = 0; i < ACCUMULATORS; i++)
        sums[i] = load_256(bytes + 32 * i);
    sums[0] = _mm256_xor_si256(sums[0], _mm256_set_epi64x(0, 0, 0, (long long)reg));
    for (; count - done >= AVX2_STEP; done += AVX2_STEP) {
#pragma GCC unroll 8
        for (size_t i = 0; i < ACCUMULATORS; i++)
            sums[i] = fold_256(sums[i], by, load_256(bytes + done + 32 * i));
    }
    by = by_256(&crc64_fold_32_bytes);
    for (size_t i = 1; i < ACCUMULATORS; i++)
        sums[i] = fold_256(sums[i - 1], by, sums[i]);
    sum = sums[ACCUMULATORS - 1];
    for (; count - done >= 32; done += 32)
        sum = fold_256(sum, by, load_256(bytes + done));
    return finish_128(fold_128(_mm256_castsi256_si128(sum), by_128(&crc64_fold_16_bytes),
                               _mm256_extracti128_si256(sum, 1)),
                      bytes, done, count, out_rest);
}

/* ---- 512 bits ---- */

INLINE ON_AVX512 __m512i by_512(const struct crc64_fold_by *by)
{
    return _mm512_broadcast_i64x2(by_128(by));
}

INLINE ON_AVX512 __m512i load_512(const unsigned char *at)
{
    return _mm512_loadu_si512((const void *)at);
}

INLINE ON_AVX512 __m512i fold_512(__m512i moved, __m512i by, __m512i onto)
{
    __m512i low = _mm512_clmulepi64_epi128(moved, by, 0x00);
    __m512i high = _mm512_clmulepi64_epi128(moved, by, 0x11);

    return _mm512_ternarylogic_epi64(low, high, onto, 0x96); /* the xor of three */
}

INLINE ON_AVX512 __m128i narrow_512(__m512i sum)
{
    __m128i by = by_128(&crc64_fold_16_bytes);
    __m128i narrow = _mm512_castsi512_si128(sum);

    narrow = fold_128(narrow, by, _mm512_extracti64x2_epi64(sum, 1));
    narrow = fold_128(narrow, by, _mm512_extracti64x2_epi64(sum, 2));
    return fold_128(narrow, by, _mm512_extracti64x2_epi64(sum, 3));
}

ON_AVX512 static size_t fold_vpclmul(uint64_t reg, const unsigned char *bytes, size_t count,
                                     unsigned char out_rest[16])
{
    __m512i by = by_512(&crc64_fold_512_bytes);
    __m512i sums[ACCUMULATORS];
    __m512i sum;
    size_t done = AVX512_STEP;

    if (count < AVX512_STEP)
        return 0;
    for (size_t i = 0; i < ACCUMULATORS; i++)
        sums[i] = load_512(bytes + 64 * i);
    sums[0] = _mm512_xor_si512(sums[0], _mm512_set_epi64(0, 0, 0, 0, 0, 0, 0, (long long)reg));
    for (; count - done >= AVX512_STEP; done += AVX512_STEP) {
#pragma GCC unroll 8
        for (size_t i = 0; i < ACCUMULATORS; i++)
            sums[i] = fold_512(sums[i], by, load_512(bytes + done + 64 * i));
    }
    by = by_512(&crc64_fold_64_bytes);
    for (size_t i = 1; i < ACCUMULATORS; i++)
        sums[i] = fold_512(sums[i - 1], by, sums[i]);
    sum = sums[ACCUMULATORS - 1];
    for (; count - done >= 64; done += 64)
        sum = fold_512(sum, by, load_512(bytes + done));
    return finish_128(narrow_512(sum), bytes, done, count, out_rest);
}

const struct crc64_folder crc64_folders[CRC64_FOLD_COUNT] = {
    {"vpclmul", fold_vpclmul, AVX512_STEP},
    {"vpclmul_avx2", fold_vpclmul_avx2, AVX2_STEP},
    {"pclmul", fold_pclmul, SSE_STEP},
};

/* The answers were found by the compiler's runtime before main; asking reads one word. It counts a
 * register width only if the kernel saves it. */
int crc64_folder_runs(size_t i)
{
    int pclmul = __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
    int wide = pclmul && __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("avx2");

    switch (i) {
    case 0:
        return wide && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512dq");
    case 1:
        return wide;
    case 2:
        return pclmul;
    default:
        return 0;
    }
}

#else

const struct crc64_folder crc64_folders[CRC64_FOLD_COUNT] = {
    {"vpclmul", NULL, 0},
    {"vpclmul_avx2", NULL, 0},
    {"pclmul", NULL, 0},
};

int crc64_folder_runs(size_t i)
{
    (void)i;
    return 0;
}

#endif
