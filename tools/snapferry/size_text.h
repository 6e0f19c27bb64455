/* size_text.h - sizes and durations as people write and read them.
 *
 * Knows: K M G T as powers of 1024. Must not know: what is measured. Threads: pure.
 */
#ifndef SNAPFERRY_SIZE_TEXT_H
#define SNAPFERRY_SIZE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#define SIZE_TEXT_MAX_BYTES     32u
#define DURATION_TEXT_MAX_BYTES 24u

/* Digits and at most one of K M G T (either case). False: empty, a sign, a blank, a fraction, more
 * behind it, or more than 64 bits. */
bool size_text_parse(const char *text, uint64_t *out_bytes);

/* "512 B", "1.5 KiB", "128.0 GiB"; rounded down, so that a part never looks like the whole. */
void size_text_format(uint64_t bytes, char out_text[SIZE_TEXT_MAX_BYTES]);

/* "0:07", "12:34", "3:02:01", "5d 03:02". */
void size_text_duration(uint64_t seconds, char out_text[DURATION_TEXT_MAX_BYTES]);

#endif
