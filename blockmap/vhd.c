/* vhd.c - see vhd.h. All numbers of a footer are big-endian. */
#include "blockmap/vhd.h"

#include <string.h>

#define FORMAT_VERSION  0x00010000u
#define FEATURES_ALWAYS 2u /* a reserved bit that must be set */
#define CREATOR_VERSION 0x00070000u
#define TYPE_FIXED      2u
#define TYPE_DYNAMIC    3u
#define TYPE_DIFFERENCE 4u
#define SECTOR_BYTES    512u
#define CYLINDERS_MAX   65535u

static const unsigned char vhd_cookie[] = {'c', 'o', 'n', 'e', 'c', 't', 'i', 'x'};
static const unsigned char vhdx_cookie[] = {'v', 'h', 'd', 'x', 'f', 'i', 'l', 'e'};
static const unsigned char creator_azure[] = {'w', 'a', 0, 0};
static const unsigned char creator_os_windows[] = {'W', 'i', '2', 'k'};

enum field_at {
    AT_COOKIE = 0,
    AT_FEATURES = 8,
    AT_VERSION = 12,
    AT_DATA_OFFSET = 16,
    AT_TIMESTAMP = 24,
    AT_CREATOR = 28,
    AT_CREATOR_VERSION = 32,
    AT_CREATOR_OS = 36,
    AT_ORIGINAL_SIZE = 40,
    AT_CURRENT_SIZE = 48,
    AT_GEOMETRY = 56,
    AT_TYPE = 60,
    AT_CHECKSUM = 64,
    AT_UUID = 68
};

static uint32_t get_be32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t get_be64(const unsigned char *at)
{
    return (uint64_t)get_be32(at) << 32 | get_be32(at + 4);
}

static void put_be32(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (24 - 8 * i));
}

static void put_be64(unsigned char *at, uint64_t value)
{
    put_be32(at, (uint32_t)(value >> 32));
    put_be32(at + 4, (uint32_t)value);
}

static uint32_t checksum_of(const unsigned char bytes[VHD_FOOTER_BYTES])
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < VHD_FOOTER_BYTES; i++)
        if (i < AT_CHECKSUM || i >= AT_CHECKSUM + 4)
            sum += bytes[i];
    return ~sum;
}

/* Cylinders, heads and sectors a track by the rule of the format's appendix. Nobody takes a size
 * from it, but a footer with another geometry is not the one Azure would have written. */
static uint32_t geometry_of(uint64_t disk_bytes)
{
    uint64_t sectors = disk_bytes / SECTOR_BYTES;
    uint64_t track, heads, cylinders_by_heads;

    if (sectors > CYLINDERS_MAX * 16ull * 255)
        sectors = CYLINDERS_MAX * 16ull * 255;
    if (sectors >= CYLINDERS_MAX * 16ull * 63) {
        track = 255;
        heads = 16;
        cylinders_by_heads = sectors / track;
    } else {
        track = 17;
        cylinders_by_heads = sectors / track;
        heads = (cylinders_by_heads + 1023) / 1024;
        if (heads < 4)
            heads = 4;
        if (cylinders_by_heads >= heads * 1024 || heads > 16) {
            track = 31;
            heads = 16;
            cylinders_by_heads = sectors / track;
        }
        if (cylinders_by_heads >= heads * 1024) {
            track = 63;
            heads = 16;
            cylinders_by_heads = sectors / track;
        }
    }
    return (uint32_t)(cylinders_by_heads / heads << 16 | heads << 8 | track);
}

static enum vhd_kind kind_of(const unsigned char bytes[VHD_FOOTER_BYTES])
{
    if (memcmp(bytes + AT_COOKIE, vhd_cookie, sizeof vhd_cookie) != 0)
        return VHD_NONE;
    if (get_be32(bytes + AT_CHECKSUM) != checksum_of(bytes))
        return VHD_DAMAGED;
    if (get_be32(bytes + AT_VERSION) != FORMAT_VERSION)
        return VHD_DAMAGED;
    switch (get_be32(bytes + AT_TYPE)) {
    case TYPE_FIXED:
        return VHD_FIXED;
    case TYPE_DYNAMIC:
        return VHD_DYNAMIC;
    case TYPE_DIFFERENCE:
        return VHD_DIFFERENCING;
    default:
        return VHD_DAMAGED;
    }
}

void vhd_decode(const unsigned char bytes[VHD_FOOTER_BYTES], struct vhd_footer *out_footer)
{
    *out_footer = (struct vhd_footer){.kind = kind_of(bytes)};
    if (out_footer->kind == VHD_NONE)
        return;
    out_footer->disk_bytes = get_be64(bytes + AT_CURRENT_SIZE);
    out_footer->timestamp = get_be32(bytes + AT_TIMESTAMP);
    memcpy(out_footer->uuid, bytes + AT_UUID, sizeof out_footer->uuid);
}

void vhd_encode(unsigned char out_bytes[VHD_FOOTER_BYTES], uint64_t disk_bytes, uint32_t timestamp,
                const unsigned char uuid[16])
{
    memset(out_bytes, 0, VHD_FOOTER_BYTES);
    memcpy(out_bytes + AT_COOKIE, vhd_cookie, sizeof vhd_cookie);
    put_be32(out_bytes + AT_FEATURES, FEATURES_ALWAYS);
    put_be32(out_bytes + AT_VERSION, FORMAT_VERSION);
    put_be64(out_bytes + AT_DATA_OFFSET, UINT64_MAX); /* no header follows: fixed */
    put_be32(out_bytes + AT_TIMESTAMP, timestamp);
    memcpy(out_bytes + AT_CREATOR, creator_azure, sizeof creator_azure);
    put_be32(out_bytes + AT_CREATOR_VERSION, CREATOR_VERSION);
    memcpy(out_bytes + AT_CREATOR_OS, creator_os_windows, sizeof creator_os_windows);
    put_be64(out_bytes + AT_ORIGINAL_SIZE, disk_bytes);
    put_be64(out_bytes + AT_CURRENT_SIZE, disk_bytes);
    put_be32(out_bytes + AT_GEOMETRY, geometry_of(disk_bytes));
    put_be32(out_bytes + AT_TYPE, TYPE_FIXED);
    memcpy(out_bytes + AT_UUID, uuid, 16);
    put_be32(out_bytes + AT_CHECKSUM, checksum_of(out_bytes));
}

static bool refuse_kind(enum vhd_kind kind, struct err *e)
{
    if (kind == VHD_DYNAMIC)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "this is a dynamic VHD; only fixed VHD and raw disks are copied: convert it "
                       "first");
    if (kind == VHD_DIFFERENCING)
        return err_set(
            e, ERR_USAGE, RETRY_NEVER,
            "this is a differencing VHD, which is nothing without its parent; only fixed "
            "VHD and raw disks are copied");
    return err_set(e, ERR_CORRUPT, RETRY_NEVER,
                   "the VHD footer is damaged: its checksum, version or disk type is not right");
}

bool vhd_judge(const unsigned char first[VHD_FOOTER_BYTES],
               const unsigned char last[VHD_FOOTER_BYTES], uint64_t size_bytes,
               struct vhd_footer *out_footer, struct err *e)
{
    struct vhd_footer footer, header;

    if (size_bytes < VHD_FOOTER_BYTES)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%llu bytes are too few for a disk",
                       (unsigned long long)size_bytes);
    vhd_decode(last, &footer);
    if (footer.kind == VHD_FIXED && footer.disk_bytes != size_bytes - VHD_FOOTER_BYTES)
        return err_set(e, ERR_CORRUPT, RETRY_NEVER,
                       "the VHD footer tells of a disk of %llu bytes, but %llu stand before it",
                       (unsigned long long)footer.disk_bytes,
                       (unsigned long long)(size_bytes - VHD_FOOTER_BYTES));
    if (footer.kind != VHD_FIXED && footer.kind != VHD_NONE)
        return refuse_kind(footer.kind, e);
    /* A sound footer of the right size settles it: whoever wrote the first sector of that disk,
     * perhaps to look like another container, cannot stop its copy. */
    if (footer.kind == VHD_NONE) {
        if (memcmp(first, vhdx_cookie, sizeof vhdx_cookie) == 0)
            return err_set(e, ERR_USAGE, RETRY_NEVER,
                           "this is a VHDX; only fixed VHD and raw disks are copied: ask for a VHD "
                           "export, or convert it first");
        vhd_decode(first, &header);
        if (header.kind == VHD_DYNAMIC || header.kind == VHD_DIFFERENCING)
            return refuse_kind(header.kind, e);
    }
    *out_footer = footer;
    return true;
}
