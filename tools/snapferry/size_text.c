/* size_text.c - see size_text.h. */
#include "tools/snapferry/size_text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool size_text_parse(const char *text, uint64_t *out_bytes)
{
    static const char suffixes[] = "KMGT";
    unsigned shift = 0;
    uint64_t number;
    char *rest;

    if (!isdigit((unsigned char)*text))
        return false; /* strtoull would take blanks and signs */
    errno = 0;
    number = strtoull(text, &rest, 10);
    if (errno)
        return false;
    if (*rest) {
        const char *suffix = strchr(suffixes, toupper((unsigned char)*rest));

        if (!suffix || rest[1])
            return false;
        shift = 10 * ((unsigned)(suffix - suffixes) + 1);
    }
    if (number > UINT64_MAX >> shift)
        return false;
    *out_bytes = number << shift;
    return true;
}

void size_text_format(uint64_t bytes, char out_text[SIZE_TEXT_MAX_BYTES])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned unit = 0, shift = 10;

    if (bytes < 1024) {
        snprintf(out_text, SIZE_TEXT_MAX_BYTES, "%" PRIu64 " B", bytes);
        return;
    }
    while (bytes >> shift >= 1024) {
        shift += 10;
        unit++;
    }
    snprintf(out_text, SIZE_TEXT_MAX_BYTES, "%" PRIu64 ".%u %s", bytes >> shift,
             (unsigned)((bytes >> (shift - 10) & 1023) * 10 / 1024), units[unit]);
}

void size_text_duration(uint64_t seconds, char out_text[DURATION_TEXT_MAX_BYTES])
{
    uint64_t hours = seconds / 3600;
    unsigned minutes = (unsigned)(seconds / 60 % 60);
    unsigned rest = (unsigned)(seconds % 60);

    if (hours >= 24 * 1000)
        snprintf(out_text, DURATION_TEXT_MAX_BYTES, "years");
    else if (hours >= 48)
        snprintf(out_text, DURATION_TEXT_MAX_BYTES, "%" PRIu64 "d %02u:%02u", hours / 24,
                 (unsigned)(hours % 24), minutes);
    else if (hours)
        snprintf(out_text, DURATION_TEXT_MAX_BYTES, "%" PRIu64 ":%02u:%02u", hours, minutes, rest);
    else
        snprintf(out_text, DURATION_TEXT_MAX_BYTES, "%u:%02u", minutes, rest);
}
