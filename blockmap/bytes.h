/* bytes.h - numbers and texts in and out of memory, little-endian, never past its end.
 *
 * Knows:         where a piece of memory ends.
 * Must not know: what the bytes mean.
 * Threads:       none; a value with one owner.
 * Errors:        a cursor that ran out, once, stays so: it gives zeros and is asked at the end. A writer's
 *                memory is sized by its owner: running out of it is an assertion.
 */
#ifndef BLOCKMAP_BYTES_H
#define BLOCKMAP_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes_writer {
    unsigned char *bytes; /* borrowed */
    size_t size;
    size_t used;
};

void bytes_put(struct bytes_writer *w, const void *bytes, size_t count);
void bytes_put_u8(struct bytes_writer *w, uint8_t value);
void bytes_put_u32(struct bytes_writer *w, uint32_t value);
void bytes_put_u64(struct bytes_writer *w, uint64_t value);
void bytes_put_text(struct bytes_writer *w, const char *text); /* u16 length, no NUL */

/* Two digits a byte, and a NUL. */
void bytes_hex(const void *bytes, size_t count, char *out_text);

struct bytes_cursor {
    const unsigned char *at; /* borrowed */
    size_t left;
    bool ran_out; /* more was asked for than there was */
};

/* A view of the next count bytes; NULL when there are not so many. */
const unsigned char *bytes_take(struct bytes_cursor *c, size_t count);
uint8_t bytes_take_u8(struct bytes_cursor *c);
uint32_t bytes_take_u32(struct bytes_cursor *c);
uint64_t bytes_take_u64(struct bytes_cursor *c);
/* A text that fits with its NUL and holds no control character; else ran_out is set and "" taken. */
void bytes_take_text(struct bytes_cursor *c, char *out_text, size_t out_bytes);

#endif
