/* vhd_test.c - footers against one that Azure wrote, the geometry table, and every other container.
 * Must not know: where a footer is read from. */
#include "blockmap/vhd.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define GIB (1ull << 30)

/* The footer of a real 5 GiB disk; what follows is zero. */
static const char azure_footer[] =
    "636f6e65637469780000000200010000ffffffffffffffff2ec79b96776100000007000057"
    "69326b0000000140000000000000014000000028a2103f00000002ffffe7478c54df94bd35"
    "714c945fe5444453921a0000000000000000";

static void azure_footer_bytes(unsigned char out_bytes[VHD_FOOTER_BYTES])
{
    memset(out_bytes, 0, VHD_FOOTER_BYTES);
    for (size_t i = 0; azure_footer[2 * i]; i++) {
        unsigned value;

        cr_assert_eq(sscanf(azure_footer + 2 * i, "%2x", &value), 1);
        out_bytes[i] = (unsigned char)value;
    }
}

/* Puts a 32-bit big-endian field and mends the checksum, as another writer would. */
static void patch(unsigned char footer[VHD_FOOTER_BYTES], size_t at, uint32_t value)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < 4; i++)
        footer[at + i] = (unsigned char)(value >> (24 - 8 * i));
    memset(footer + 64, 0, 4);
    for (size_t i = 0; i < VHD_FOOTER_BYTES; i++)
        sum += footer[i];
    for (size_t i = 0; i < 4; i++)
        footer[64 + i] = (unsigned char)(~sum >> (24 - 8 * i));
}

static void expect_judged(const unsigned char *first, const unsigned char *last,
                          uint64_t size_bytes, const char *reason)
{
    struct vhd_footer footer;
    struct err e = {0};
    bool accepted = vhd_judge(first, last, size_bytes, &footer, &e);

    cr_expect_eq(accepted, reason == NULL, "%s", e.text);
    if (reason)
        cr_expect(strstr(e.text, reason) != NULL, "'%s' does not say '%s'", e.text, reason);
}

Test(vhd, reads_the_footer_that_azure_wrote)
{
    unsigned char bytes[VHD_FOOTER_BYTES];
    struct vhd_footer footer;

    azure_footer_bytes(bytes);
    vhd_decode(bytes, &footer);
    cr_expect_eq(footer.kind, VHD_FIXED);
    cr_expect_eq(footer.disk_bytes, 5 * GIB);
    cr_expect_eq(footer.timestamp, 0x2ec79b96u);
    cr_expect_arr_eq(footer.uuid, bytes + 68, 16);
}

Test(vhd, writes_the_footer_that_azure_wrote)
{
    unsigned char expected[VHD_FOOTER_BYTES], bytes[VHD_FOOTER_BYTES];

    azure_footer_bytes(expected);
    memset(bytes, 0xee, sizeof bytes);
    vhd_encode(bytes, 5 * GIB, 0x2ec79b96, expected + 68);
    cr_expect_arr_eq(bytes, expected, sizeof bytes);
}

Test(vhd, geometry_follows_the_table)
{
    static const struct {
        uint64_t disk_bytes;
        uint32_t geometry;
    } table[] = {
        {GIB, 0x0820103f},        {4 * GIB, 0x2082103f},     {5 * GIB, 0x28a2103f},
        {8 * GIB, 0x4104103f},    {30 * GIB, 0xf3cf103f},    {32 * GIB, 0x404010ff},
        {64 * GIB, 0x808010ff},   {127 * GIB, 0xfefe10ff},   {128 * GIB, 0xffff10ff},
        {1024 * GIB, 0xffff10ff}, {32767 * GIB, 0xffff10ff}, {20u << 20, 0x025a0411},
        {143u << 20, 0x024e101f},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        unsigned char bytes[VHD_FOOTER_BYTES];
        uint32_t geometry = 0;

        vhd_encode(bytes, table[i].disk_bytes, 0, (const unsigned char[16]){0});
        for (size_t k = 0; k < 4; k++)
            geometry = geometry << 8 | bytes[56 + k];
        cr_expect_eq(geometry, table[i].geometry, "%llu bytes: %08x",
                     (unsigned long long)table[i].disk_bytes, geometry);
    }
}

Test(vhd, what_is_written_is_read_back)
{
    const unsigned char uuid[16] = "0123456789abcdef";
    unsigned char bytes[VHD_FOOTER_BYTES];
    struct vhd_footer footer;

    vhd_encode(bytes, 32767 * GIB, 12345, uuid);
    vhd_decode(bytes, &footer);
    cr_expect_eq(footer.kind, VHD_FIXED);
    cr_expect_eq(footer.disk_bytes, 32767 * GIB);
    cr_expect_eq(footer.timestamp, 12345u);
    cr_expect_arr_eq(footer.uuid, uuid, 16);
}

Test(vhd, any_changed_byte_is_noticed)
{
    unsigned char bytes[VHD_FOOTER_BYTES];
    struct vhd_footer footer;

    azure_footer_bytes(bytes);
    for (size_t i = 0; i < VHD_FOOTER_BYTES; i++) {
        bytes[i] ^= 0x10;
        vhd_decode(bytes, &footer);
        cr_expect_eq(footer.kind, i < 8 ? VHD_NONE : VHD_DAMAGED, "byte %zu", i);
        bytes[i] ^= 0x10;
    }
}

Test(vhd, kinds_are_told_apart)
{
    unsigned char bytes[VHD_FOOTER_BYTES];
    struct vhd_footer footer;
    const enum vhd_kind by_type[] = {VHD_DAMAGED, VHD_DAMAGED,      VHD_FIXED,
                                     VHD_DYNAMIC, VHD_DIFFERENCING, VHD_DAMAGED};

    azure_footer_bytes(bytes);
    for (uint32_t type = 0; type < 6; type++) {
        patch(bytes, 60, type);
        vhd_decode(bytes, &footer);
        cr_expect_eq(footer.kind, by_type[type], "type %u", type);
    }
    patch(bytes, 60, 2);
    patch(bytes, 12, 0x00020000);
    vhd_decode(bytes, &footer);
    cr_expect_eq(footer.kind, VHD_DAMAGED, "another version");
    memset(bytes, 0, sizeof bytes);
    vhd_decode(bytes, &footer);
    cr_expect_eq(footer.kind, VHD_NONE);
}

Test(vhd, raw_and_fixed_disks_are_accepted)
{
    unsigned char raw[VHD_FOOTER_BYTES] = {0xfa, 0x33};
    unsigned char footer[VHD_FOOTER_BYTES];
    struct vhd_footer found = {.kind = VHD_DAMAGED};
    struct err e = {0};

    azure_footer_bytes(footer);
    cr_expect(vhd_judge(raw, raw, 5 * GIB, &found, &e));
    cr_expect_eq(found.kind, VHD_NONE);
    cr_expect(vhd_judge(raw, footer, 5 * GIB + 512, &found, &e));
    cr_expect_eq(found.kind, VHD_FIXED);
    cr_expect_eq(found.disk_bytes, 5 * GIB);
}

Test(vhd, other_containers_are_refused_with_their_name)
{
    unsigned char raw[VHD_FOOTER_BYTES] = {0xfa, 0x33};
    unsigned char vhdx[VHD_FOOTER_BYTES] = "vhdxfile";
    unsigned char fixed[VHD_FOOTER_BYTES], dynamic[VHD_FOOTER_BYTES], child[VHD_FOOTER_BYTES];

    azure_footer_bytes(fixed);
    azure_footer_bytes(dynamic);
    azure_footer_bytes(child);
    patch(dynamic, 60, 3);
    patch(child, 60, 4);
    expect_judged(vhdx, raw, 5 * GIB, "VHDX");
    expect_judged(dynamic, dynamic, 5 * GIB, "dynamic");
    expect_judged(raw, dynamic, 5 * GIB, "dynamic");
    expect_judged(dynamic, raw, 5 * GIB, "dynamic");
    expect_judged(child, child, 5 * GIB, "differencing");
    expect_judged(raw, raw, 100, "too few");
    fixed[100] ^= 1;
    expect_judged(raw, fixed, 5 * GIB + 512, "damaged");
}

Test(vhd, a_footer_of_another_size_is_refused)
{
    unsigned char raw[VHD_FOOTER_BYTES] = {0xfa, 0x33};
    unsigned char footer[VHD_FOOTER_BYTES];

    azure_footer_bytes(footer);
    expect_judged(raw, footer, 5 * GIB, "5368709120 bytes");
    expect_judged(raw, footer, 6 * GIB + 512, "6442450944");
    expect_judged(footer, footer, 512, "0 stand before it");
}

/* Whoever can write the first sector of a disk must not be able to stop its backup. */
Test(vhd, a_sound_footer_outranks_what_the_first_sector_pretends)
{
    unsigned char vhdx[VHD_FOOTER_BYTES] = "vhdxfile";
    unsigned char footer[VHD_FOOTER_BYTES], dynamic[VHD_FOOTER_BYTES];

    azure_footer_bytes(footer);
    azure_footer_bytes(dynamic);
    patch(dynamic, 60, 3);
    expect_judged(vhdx, footer, 5 * GIB + 512, NULL);
    expect_judged(dynamic, footer, 5 * GIB + 512, NULL);
}
