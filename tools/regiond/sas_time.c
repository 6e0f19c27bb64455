/* sas_time.c - reads and writes the ISO 8601 times of SAS and policies. */
#include "tools/regiond/sas_time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/regiond/region_clock.h"

/* Exactly `digits` digits at *io_text, which moves behind them; -1: they are not there. */
static int take_number(const char **io_text, unsigned digits)
{
    int value = 0;

    for (unsigned i = 0; i < digits; i++, (*io_text)++) {
        if (**io_text < '0' || **io_text > '9')
            return -1;
        value = value * 10 + (**io_text - '0');
    }
    return value;
}

static bool take_char(const char **io_text, char c)
{
    if (**io_text != c)
        return false;
    (*io_text)++;
    return true;
}

static bool take_date(const char **io_text, struct tm *out)
{
    int year = take_number(io_text, 4);
    int month = take_char(io_text, '-') ? take_number(io_text, 2) : -1;
    int day = take_char(io_text, '-') ? take_number(io_text, 2) : -1;

    out->tm_year = year - 1900;
    out->tm_mon = month - 1;
    out->tm_mday = day;
    return year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* Up to seven digits of a second, as ticks. */
static bool take_fraction(const char **io_text, uint64_t *out_ticks)
{
    uint64_t unit = TICKS_PER_SECOND;
    unsigned digits = 0;

    *out_ticks = 0;
    while (**io_text >= '0' && **io_text <= '9') {
        if (++digits > 7)
            return false;
        unit /= 10;
        *out_ticks += unit * (uint64_t)(**io_text - '0');
        (*io_text)++;
    }
    return digits > 0;
}

/* Seconds to subtract for "+02:00"; 0 for "Z". */
static bool take_zone(const char **io_text, long *out_seconds)
{
    long sign = **io_text == '-' ? -1 : 1;
    int hours, minutes;

    *out_seconds = 0;
    if (take_char(io_text, 'Z'))
        return true;
    if (!take_char(io_text, '+') && !take_char(io_text, '-'))
        return false;
    hours = take_number(io_text, 2);
    minutes = take_char(io_text, ':') ? take_number(io_text, 2) : -1;
    *out_seconds = sign * (hours * 3600L + minutes * 60L);
    return hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60;
}

bool sas_time_parse(const char *text, uint64_t *out_ticks)
{
    struct tm tm = {0};
    uint64_t fraction = 0;
    long zone = 0;
    time_t seconds;

    if (!take_date(&text, &tm))
        return false;
    if (*text != '\0') {
        if (!take_char(&text, 'T') || (tm.tm_hour = take_number(&text, 2)) < 0 ||
            !take_char(&text, ':') || (tm.tm_min = take_number(&text, 2)) < 0)
            return false;
        if (take_char(&text, ':')) {
            if ((tm.tm_sec = take_number(&text, 2)) < 0)
                return false;
            if (take_char(&text, '.') && !take_fraction(&text, &fraction))
                return false;
        }
        if (!take_zone(&text, &zone) || *text != '\0')
            return false;
    }
    if (tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
        return false;
    seconds = timegm(&tm) - zone;
    if (seconds < 0)
        return false;
    *out_ticks = region_clock_from_unix((uint64_t)seconds) + fraction;
    return true;
}

void sas_time_format(uint64_t ticks, char out_text[SAS_TIME_BYTES])
{
    time_t seconds = (time_t)region_clock_unix_seconds(ticks);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(out_text, SAS_TIME_BYTES, "%Y-%m-%dT%H:%M:%SZ", &tm);
}
