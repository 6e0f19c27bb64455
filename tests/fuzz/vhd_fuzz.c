/* vhd_fuzz.c - any first and last 512 bytes: a verdict that agrees with itself, never a crash.
 * Must not know: how a footer is read. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "blockmap/vhd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Checksums rarely come about by chance: every second input gets a right one. */
static void mend_checksum(unsigned char bytes[VHD_FOOTER_BYTES])
{
    uint32_t sum = 0;

    memset(bytes + 64, 0, 4);
    for (size_t i = 0; i < VHD_FOOTER_BYTES; i++)
        sum += bytes[i];
    for (size_t i = 0; i < 4; i++)
        bytes[64 + i] = (unsigned char)(~sum >> (24 - 8 * i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char first[VHD_FOOTER_BYTES] = {0}, last[VHD_FOOTER_BYTES] = {0};
    struct vhd_footer footer, found = {.kind = VHD_DAMAGED};
    struct err e = {0};
    uint64_t size_bytes = 0;
    size_t half;

    if (size < 10)
        return 0;
    memcpy(&size_bytes, data + 1, sizeof size_bytes);
    half = (size - 9) / 2;
    memcpy(last, data + 9, half < sizeof last ? half : sizeof last);
    memcpy(first, data + 9 + half, half < sizeof first ? half : sizeof first);
    if (data[0] & 1)
        memcpy(last, "conectix", 8);
    if (data[0] & 2)
        mend_checksum(last);
    vhd_decode(last, &footer);
    if (data[0] & 4)
        size_bytes = footer.disk_bytes + VHD_FOOTER_BYTES;
    if (vhd_judge(first, last, size_bytes, &found, &e)) {
        assert(!err_is_set(&e));
        assert(found.kind == VHD_NONE || found.kind == VHD_FIXED);
        assert(found.kind == footer.kind);
        assert(found.kind == VHD_NONE || found.disk_bytes == size_bytes - VHD_FOOTER_BYTES);
    } else {
        assert(err_is_set(&e) && e.text[0]);
    }
    vhd_encode(first, size_bytes, (uint32_t)half, last);
    vhd_decode(first, &found);
    assert(found.kind == VHD_FIXED && found.disk_bytes == size_bytes);
    assert(memcmp(found.uuid, last, sizeof found.uuid) == 0);
    return 0;
}
