/* text_out.h - text that grows: XML bodies, JSON lines, header blocks.
 *
 * Knows:         how XML and JSON escape text.
 * Must not know: what the text says.
 * Threads:       none; a value owned by its caller.
 */
#ifndef REGIOND_TEXT_OUT_H
#define REGIOND_TEXT_OUT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_OUT_MAX_BYTES (64u << 20) /* a page of 5,000 blobs with metadata stays under it */

struct text_out {
    char *bytes; /* NUL-terminated once anything was written */
    size_t length;
    size_t capacity;
    bool failed; /* no memory, or too long: every later write is dropped */
};

/* ---- Life ---- */
void text_out_fini(struct text_out *t);  /* of a zeroed one: a no-op */
char *text_out_take(struct text_out *t); /* the bytes now are the caller's; t is empty */

/* ---- Use: what does not fit sets `failed` ---- */
void text_out_bytes(struct text_out *t, const char *bytes, size_t n);
void text_out_text(struct text_out *t, const char *text);
void text_out_format(struct text_out *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void text_out_u64(struct text_out *t, uint64_t value);

/* XML text: &<>" escaped, characters XML 1.0 does not allow become '?'. */
void text_out_xml(struct text_out *t, const char *text);
void text_out_element(struct text_out *t, const char *name, const char *text);

/* A JSON string with its quotes; bytes that are not UTF-8 pass as they are above 0x7f. */
void text_out_json(struct text_out *t, const char *text);

#endif
