/* bytes.c - see bytes.h. */
#include "blockmap/bytes.h"

#include <assert.h>
#include <string.h>

void bytes_put(struct bytes_writer *w, const void *bytes, size_t count)
{
    assert(count <= w->size - w->used);
    if (count)
        memcpy(w->bytes + w->used, bytes, count);
    w->used += count;
}

static void bytes_put_le(struct bytes_writer *w, uint64_t value, size_t width_bytes)
{
    unsigned char bytes[8];

    for (size_t i = 0; i < width_bytes; i++)
        bytes[i] = (unsigned char)(value >> (8 * i));
    bytes_put(w, bytes, width_bytes);
}

void bytes_put_u8(struct bytes_writer *w, uint8_t value)
{
    bytes_put_le(w, value, 1);
}

void bytes_put_u32(struct bytes_writer *w, uint32_t value)
{
    bytes_put_le(w, value, 4);
}

void bytes_put_u64(struct bytes_writer *w, uint64_t value)
{
    bytes_put_le(w, value, 8);
}

void bytes_put_text(struct bytes_writer *w, const char *text)
{
    size_t count = strlen(text);

    assert(count <= UINT16_MAX);
    bytes_put_le(w, count, 2);
    bytes_put(w, text, count);
}

void bytes_hex(const void *bytes, size_t count, char *out_text)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *at = bytes;

    for (size_t i = 0; i < count; i++) {
        *out_text++ = digits[at[i] >> 4];
        *out_text++ = digits[at[i] & 15];
    }
    *out_text = 0;
}

const unsigned char *bytes_take(struct bytes_cursor *c, size_t count)
{
    const unsigned char *at = c->at;

    if (c->ran_out || count > c->left) {
        c->ran_out = true;
        return NULL;
    }
    c->at += count;
    c->left -= count;
    return at;
}

static uint64_t bytes_take_le(struct bytes_cursor *c, size_t width_bytes)
{
    const unsigned char *bytes = bytes_take(c, width_bytes);
    uint64_t value = 0;

    for (size_t i = 0; bytes && i < width_bytes; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

uint8_t bytes_take_u8(struct bytes_cursor *c)
{
    return (uint8_t)bytes_take_le(c, 1);
}

uint32_t bytes_take_u32(struct bytes_cursor *c)
{
    return (uint32_t)bytes_take_le(c, 4);
}

uint64_t bytes_take_u64(struct bytes_cursor *c)
{
    return bytes_take_le(c, 8);
}

void bytes_take_text(struct bytes_cursor *c, char *out_text, size_t out_bytes)
{
    size_t count = (size_t)bytes_take_le(c, 2);
    const unsigned char *text = bytes_take(c, count);

    out_text[0] = '\0';
    if (!text || count >= out_bytes) {
        c->ran_out = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (text[i] < ' ' || text[i] == 0x7f) {
            c->ran_out = true;
            return;
        }
    }
    memcpy(out_text, text, count);
    out_text[count] = '\0';
}
