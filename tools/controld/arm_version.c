/* arm_version.c - see arm_version.h. */
#include "tools/controld/arm_version.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Oldest first; the last is what the official SDK sends today. */
static const char *const compute_dates[] = {"2021-03-01", "2021-04-01", "2021-07-01", "2021-11-01",
                                            "2022-03-01", "2022-08-01", "2022-11-01", "2023-03-01",
                                            "2023-07-01", "2023-09-01", "2024-03-01", "2024-07-01",
                                            "2024-11-01", "2025-04-01", "2025-11-01", "2026-03-01"};
static const char *const disk_dates[] = {"2020-09-30", "2020-12-01", "2021-04-01", "2021-08-01",
                                         "2021-12-01", "2022-03-02", "2022-07-02", "2023-01-02",
                                         "2023-04-02", "2023-10-02", "2024-03-02", "2025-01-02"};

struct line {
    const char *const *dates;
    size_t count;
};

#define SENTENCE_MAX_BYTES 320u /* all dates of one line, with commas */
_Static_assert(sizeof compute_dates / sizeof compute_dates[0] * 12 < SENTENCE_MAX_BYTES,
               "every date is listed");

static struct line line_of(enum arm_type type)
{
    if (type == ARM_DISK_POINT || type == ARM_DISK || type == ARM_ENCRYPTION_SET)
        return (struct line){disk_dates, sizeof disk_dates / sizeof disk_dates[0]};
    return (struct line){compute_dates, sizeof compute_dates / sizeof compute_dates[0]};
}

static bool holds(struct line line, const char *version)
{
    for (size_t i = 0; i < line.count; i++)
        if (strcmp(line.dates[i], version) == 0)
            return true;
    return false;
}

static void list_dates(struct line line, char out[SENTENCE_MAX_BYTES])
{
    size_t used = 0;

    for (size_t i = line.count; i-- > 0;)
        used += (size_t)snprintf(out + used, SENTENCE_MAX_BYTES - used, "%s%s", line.dates[i],
                                 i ? ", " : "");
    assert(used < SENTENCE_MAX_BYTES);
}

static bool is_date(const char *text)
{
    static const char pattern[] = "dddd-dd-dd";

    for (size_t i = 0; i < sizeof pattern - 1; i++)
        if (pattern[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != pattern[i])
            return false;
    return text[10] == 0;
}

bool arm_version_check(enum arm_type type, const char *version, struct arm_error *e)
{
    struct line line = line_of(type);
    char dates[SENTENCE_MAX_BYTES];

    if (!version || !*version)
        return arm_error_set(e, 400, "MissingApiVersionParameter", "api-version",
                             "The api-version query parameter (?api-version=) is required for all "
                             "requests.");
    if (holds(line, version) || (type == ARM_NONE && holds(line_of(ARM_DISK), version)))
        return true;
    list_dates(line, dates);
    if (!is_date(version))
        return arm_error_set(e, 400, "InvalidApiVersionParameter", "api-version",
                             "The api-version '%.40s' is invalid. The supported versions are '%s'.",
                             version, dates);
    return arm_error_set(e, 400, "NoRegisteredProviderFound", "api-version",
                         "No registered resource provider found for API version '%s' for type "
                         "'%s'. The supported api-versions are '%s'.",
                         version, type == ARM_NONE ? "operations" : arm_type_segment(type), dates);
}

bool arm_version_reaches(const char *version, const char *oldest, const char *what,
                         struct arm_error *e)
{
    assert(is_date(version) && is_date(oldest));
    if (strcmp(version, oldest) >= 0)
        return true;
    return arm_error_bad(e, "api-version", "%s needs api-version %s or later; the request has %s.",
                         what, oldest, version);
}

const char *arm_version_current(enum arm_type type)
{
    struct line line = line_of(type);

    return line.dates[line.count - 1];
}
