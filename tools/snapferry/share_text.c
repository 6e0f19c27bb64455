/* share_text.c - see share_text.h. */
#include "tools/snapferry/share_text.h"

#include <stdio.h>
#include <string.h>

#define DECIMALS_MAX    4u
#define PPM_PER_PERCENT 10000u

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool share_text_parse(const char *text, uint64_t *out_ppm)
{
    uint64_t ppm = 0, worth = PPM_PER_PERCENT;
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 3)
        return false;
    for (size_t i = 0; i < digits; i++)
        ppm = ppm * 10 + (uint64_t)(text[i] - '0') * PPM_PER_PERCENT;
    text += digits;
    if (*text == '.') {
        if (!is_digit(*++text))
            return false;
        for (size_t i = 0; i < DECIMALS_MAX && is_digit(*text); i++, text++)
            ppm += (uint64_t)(*text - '0') * (worth /= 10);
    }
    if (strcmp(text, "%") != 0 || ppm == 0 || ppm > SHARE_PPM_ALL)
        return false;
    *out_ppm = ppm;
    return true;
}

void share_text_format(uint64_t part, uint64_t whole, char out_text[SHARE_TEXT_MAX_BYTES])
{
    uint64_t ppm = SHARE_PPM_ALL;
    unsigned decimals;
    size_t length;

    if (part < whole)
        ppm = (uint64_t)((double)part / (double)whole * SHARE_PPM_ALL);
    if (part < whole && ppm >= SHARE_PPM_ALL)
        ppm = SHARE_PPM_ALL - 1;
    decimals = (unsigned)(ppm % PPM_PER_PERCENT);
    length = (size_t)snprintf(out_text, SHARE_TEXT_MAX_BYTES, "%u.%04u",
                              (unsigned)(ppm / PPM_PER_PERCENT), decimals);
    while (out_text[length - 1] == '0')
        length--;
    length -= out_text[length - 1] == '.';
    snprintf(out_text + length, SHARE_TEXT_MAX_BYTES - length, "%%");
}
