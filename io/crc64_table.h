/* crc64_table.h - constants of the CRC64, all of them powers of x modulo its polynomial.
 *
 * Knows:         numbers. Each stands for a polynomial in reflected form: bit 63 is x^0. They are
 *                computed again by tests/io/crc64_test.c.
 * Must not know: who multiplies by them. Only crc64.c and crc64_pclmul.c include this.
 * Threads:       any; constants.
 */
#ifndef IO_CRC64_TABLE_H
#define IO_CRC64_TABLE_H

#include <stdint.h>

#define CRC64_POLY   0x9A6C9329AC4BC9B5ull
#define CRC64_SLICES 16

/* ---- Folding: 128 bits moved D bits ahead of themselves are their low half (which comes first)
 *      times x^(D+63) plus their high half times x^(D-1); the missing one is what a carry-less
 *      product of reflected numbers shifts. ---- */
struct crc64_fold_by {
    uint64_t low;  /* x^(D+63) */
    uint64_t high; /* x^(D-1) */
};

static const struct crc64_fold_by crc64_fold_16_bytes = {0xEADC41FD2BA3D420ull,
                                                         0x21E9761E252621ACull};
static const struct crc64_fold_by crc64_fold_32_bytes = {0xB0BC2E589204F500ull,
                                                         0xE1E0BB9D45D7A44Cull};
static const struct crc64_fold_by crc64_fold_64_bytes = {0x0C32CDB31E18A84Aull,
                                                         0x62242240ACE5045Aull};
static const struct crc64_fold_by crc64_fold_128_bytes = {0xA1CA681E733F9C40ull,
                                                          0x5F852FB61E8D92DCull};
static const struct crc64_fold_by crc64_fold_256_bytes = {0x37CCD3E14069CABCull,
                                                          0xA043808C0F782663ull};
static const struct crc64_fold_by crc64_fold_512_bytes = {0xD0B3AA0ED6D54AE0ull,
                                                          0xC2409E2537AA5EB1ull};

/* ---- Slicing: row k, entry b is the CRC register after byte b and k zero bytes. An entry is the
 *      sum of the entries of its bits, so eight numbers make a row: the macros below spell out all
 *      sums of a subset, in the order of b. ---- */
#define CRC64_SUMS_1(s, a)          (s), (s) ^ (a)
#define CRC64_SUMS_2(s, a, b)       CRC64_SUMS_1(s, a), CRC64_SUMS_1((s) ^ (b), a)
#define CRC64_SUMS_3(s, a, b, c)    CRC64_SUMS_2(s, a, b), CRC64_SUMS_2((s) ^ (c), a, b)
#define CRC64_SUMS_4(s, a, b, c, d) CRC64_SUMS_3(s, a, b, c), CRC64_SUMS_3((s) ^ (d), a, b, c)
#define CRC64_SUMS_5(s, a, b, c, d, e)                                                             \
    CRC64_SUMS_4(s, a, b, c, d), CRC64_SUMS_4((s) ^ (e), a, b, c, d)
#define CRC64_SUMS_6(s, a, b, c, d, e, f)                                                          \
    CRC64_SUMS_5(s, a, b, c, d, e), CRC64_SUMS_5((s) ^ (f), a, b, c, d, e)
#define CRC64_SUMS_7(s, a, b, c, d, e, f, g)                                                       \
    CRC64_SUMS_6(s, a, b, c, d, e, f), CRC64_SUMS_6((s) ^ (g), a, b, c, d, e, f)
#define CRC64_ROW(a, b, c, d, e, f, g, h)                                                          \
    {                                                                                              \
        CRC64_SUMS_7(0, a, b, c, d, e, f, g), CRC64_SUMS_7(h, a, b, c, d, e, f, g)                 \
    }

static const uint64_t crc64_table[CRC64_SLICES][256] = {
    CRC64_ROW(0x7F6EF0C830358979ull, 0xFEDDE190606B12F2ull, 0xC962E5739841B68Full,
              0xA61CECB46814FE75ull, 0x78E0FF3B88BE6F81ull, 0xF1C1FE77117CDF02ull,
              0xD75ADABD7A6E2D6Full, 0x9A6C9329AC4BC9B5ull),
    CRC64_ROW(0x8776A97D73BDDF69ull, 0x3A3474A9BFEC2DB9ull, 0x7468E9537FD85B72ull,
              0xE8D1D2A6FFB0B6E4ull, 0xE57A831EA7F6FEA3ull, 0xFE2C206E177A6E2Dull,
              0xC881668F76634F31ull, 0xA5DBEB4DB4510D09ull),
    CRC64_ROW(0xFF6E4E1F4E4038BEull, 0xCA05BA6DC417E217ull, 0xA0D25288D0B85745ull,
              0x757D8342F9E73DE1ull, 0xEAFB0685F3CE7BC2ull, 0xE12F2B58BF0B64EFull,
              0xF68770E226815AB5ull, 0xD9D7C79715952601ull),
    CRC64_ROW(0x8211147CBAF96306ull, 0x30FB0EAA2D655567ull, 0x61F61D545ACAAACEull,
              0xC3EC3AA8B595559Cull, 0xB301530233BD3853ull, 0x52DB80573FEDE3CDull,
              0xA5B700AE7FDBC79Aull, 0x7FB7270FA7201C5Full),
    CRC64_ROW(0x373D15F784905D1Eull, 0x6E7A2BEF0920BA3Cull, 0xDCF457DE12417478ull,
              0x8D3189EF7C157B9Bull, 0x2EBA358DA0BD645Dull, 0x5D746B1B417AC8BAull,
              0xBAE8D63682F59174ull, 0x41088A3E5D7CB183ull),
    CRC64_ROW(0xE9742A79EF04A5D4ull, 0xE63172A0869ED8C3ull, 0xF8BBC31255AA22EDull,
              0xC5AEA077F3C3D6B1ull, 0xBF8466BCBF103E09ull, 0x4BD1EB2A26B7EF79ull,
              0x97A3D6544D6FDEF2ull, 0x1B9E8AFBC2482E8Full),
    CRC64_ROW(0xFC5D27F6BF353971ull, 0xCC6369BE26FDE189ull, 0xAC1FF52F156C5079ull,
              0x6CE6CC0D724F3399ull, 0xD9CD981AE49E6732ull, 0x8742166691AB5D0Full,
              0x3A5D0A9E7BC12975ull, 0x74BA153CF78252EAull),
    CRC64_ROW(0x21E9761E252621ACull, 0x43D2EC3C4A4C4358ull, 0x87A5D878949886B0ull,
              0x3B9296A271A69E0Bull, 0x77252D44E34D3C16ull, 0xEE4A5A89C69A782Cull,
              0xE84D9340D5A36333ull, 0xE44200D2F3D1550Dull),
    CRC64_ROW(0x04F28DEF5347786Cull, 0x09E51BDEA68EF0D8ull, 0x13CA37BD4D1DE1B0ull,
              0x27946F7A9A3BC360ull, 0x4F28DEF5347786C0ull, 0x9E51BDEA68EF0D80ull,
              0x087A5D878949886Bull, 0x10F4BB0F129310D6ull),
    CRC64_ROW(0x49E1DF807414FDEFull, 0x93C3BF00E829FBDEull, 0x135E585288C464D7ull,
              0x26BCB0A51188C9AEull, 0x4D79614A2311935Cull, 0x9AF2C294462326B8ull,
              0x013CA37BD4D1DE1Bull, 0x027946F7A9A3BC36ull),
    CRC64_ROW(0x52734EA3E726FC54ull, 0xA4E69D47CE4DF8A8ull, 0x7D141CDCC40C623Bull,
              0xFA2839B98818C476ull, 0xC089552048A61B87ull, 0xB5CB8C13C9DBA465ull,
              0x5F4E3E74CB20DBA1ull, 0xBE9C7CE99641B742ull),
    CRC64_ROW(0x668AB3BBC976D29Dull, 0xCD15677792EDA53Aull, 0xAEF3E8BC7D4CD91Full,
              0x693EF72BA20E2155ull, 0xD27DEE57441C42AAull, 0x9022FAFDD0AF163Full,
              0x149CD3A8F9C9BF15ull, 0x2939A751F3937E2Aull),
    CRC64_ROW(0xF2FA1FAE5F5C1165ull, 0xD12D190FE62FB1A1ull, 0x9683144C94C8F029ull,
              0x19DF0ECA71067339ull, 0x33BE1D94E20CE672ull, 0x677C3B29C419CCE4ull,
              0xCEF87653883399C8ull, 0xA929CAF448F0A0FBull),
    CRC64_ROW(0x9065CB6E6D39918Aull, 0x1412B08F82E4B07Full, 0x2825611F05C960FEull,
              0x504AC23E0B92C1FCull, 0xA095847C172583F8ull, 0x75F22EAB76DC949Bull,
              0xEBE45D56EDB92936ull, 0xE3119CFE83E5C107ull),
    CRC64_ROW(0xC23DFBC6CA591CA3ull, 0xB0A2D1DECC25AA2Dull, 0x559C85EEC0DCC731ull,
              0xAB390BDD81B98E62ull, 0x62AB31E85BE48FAFull, 0xC55663D0B7C91F5Eull,
              0xBE75E1F23705ADD7ull, 0x4832E5B7369CC8C5ull),
    CRC64_ROW(0xEADC41FD2BA3D420ull, 0xE161A5A90FD03B2Bull, 0xF61A6D014737E53Dull,
              0xD8EDFC51D6F85911ull, 0x8502DEF0F5672149ull, 0x3EDC9BB2B259D1F9ull,
              0x7DB9376564B3A3F2ull, 0xFB726ECAC96747E4ull),
};

#endif
