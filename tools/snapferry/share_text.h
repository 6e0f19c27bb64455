/* share_text.h - shares as people write and read them: "1%", "0.25%", "100%".
 *
 * Knows: percents of at most four decimals, as millionths. Must not know: shares of what. Threads: pure.
 */
#ifndef SNAPFERRY_SHARE_TEXT_H
#define SNAPFERRY_SHARE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#define SHARE_TEXT_MAX_BYTES 16u
#define SHARE_PPM_ALL        1000000u

/* Digits, perhaps a point and at most four more, and a '%'. False: anything else, 0, more than 100%. */
bool share_text_parse(const char *text, uint64_t *out_ppm);

/* "1%", "0.25%" of part in whole; rounded down, so that a part never looks like the whole. */
void share_text_format(uint64_t part, uint64_t whole, char out_text[SHARE_TEXT_MAX_BYTES]);

#endif
