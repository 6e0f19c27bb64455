/* ctl_table.c - see ctl_table.h. */
#include "tools/snapferry/ctl_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/event.h"
#include "tools/snapferry/size_text.h"
#include "tools/snapferry/view.h"
#include "tools/snapferry/view_text.h"

#define NAME_COLUMNS      32u
#define STATE_COLUMNS     11u
#define PERCENT_COLUMNS   6u
#define RATE_COLUMNS      12u
#define LEFT_COLUMNS      9u
#define NAME_MAX_BYTES    256u
#define MESSAGE_MAX_BYTES 1024u
_Static_assert(NAME_COLUMNS + STATE_COLUMNS + PERCENT_COLUMNS + RATE_COLUMNS + LEFT_COLUMNS +
                       4 * 2 <=
                   CTL_TABLE_WIDTH,
               "a row fits");

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text ? text : "";
}

static uint64_t count_of(const json_t *object, const char *member)
{
    json_int_t value = json_integer_value(json_object_get(object, member));

    return value > 0 ? (uint64_t)value : 0;
}

/* EVENT_CODES_COUNT: a newer program answers. */
static enum event_code code_of(const json_t *disk)
{
    const char *name = text_of(disk, "code");
    unsigned code = 0;

    while (code < EVENT_CODES_COUNT && strcmp(name, event_code_name((enum event_code)code)) != 0)
        code++;
    return (enum event_code)code;
}

static const char *state_word(enum event_code code)
{
    static const char *const words[EVENT_CODES_COUNT + 1] = {
        [EVENT_PENDING] = "pending",
        [EVENT_IN_PROGRESS] = "copying",
        [EVENT_WAITING_FOR_ACCESS] = "needs a URL",
        [EVENT_PAUSED] = "paused",
        [EVENT_SUCCEEDED] = "complete",
        [EVENT_FAILED] = "FAILED",
        [EVENT_CANCELED] = "canceled",
        [EVENT_CODES_COUNT] = "?",
    };

    return words[code];
}

/* Of the others the state says it all. */
static bool needs_words(enum event_code code)
{
    return code != EVENT_IN_PROGRESS && code != EVENT_PENDING && code != EVENT_SUCCEEDED;
}

static void put_name(FILE *page, const char *name, unsigned columns)
{
    char shown[NAME_MAX_BYTES + CTL_TABLE_WIDTH];

    (void)view_text_cell(name, columns, shown, sizeof shown);
    view_clean(shown);
    fputs(shown, page);
}

/* Below the row, in as many lines as it takes; words are not torn where they fit a line. */
static void put_message(FILE *page, const char *message)
{
    char text[MESSAGE_MAX_BYTES];
    const size_t width = CTL_TABLE_WIDTH - 4;

    snprintf(text, sizeof text, "%s", message);
    view_clean(text);
    for (const char *at = text; *at;) {
        size_t length = strlen(at);

        if (length > width) {
            length = width;
            while (length > 0 && at[length] != ' ')
                length--;
            if (length == 0)
                length = width;
        }
        fprintf(page, "    %.*s\n", (int)length, at);
        at += length + strspn(at + length, " ");
    }
}

static void put_disk(FILE *page, const json_t *disk)
{
    enum event_code code = code_of(disk);
    bool moves = code == EVENT_IN_PROGRESS;
    const json_t *eta = json_object_get(disk, "etaSeconds");
    char rate[SIZE_TEXT_MAX_BYTES + 4] = "", left[DURATION_TEXT_MAX_BYTES] = "";
    char percent[32];

    snprintf(percent, sizeof percent, "%.1f%%",
             json_number_value(json_object_get(disk, "completionPercent")));
    if (moves) {
        size_text_format(count_of(disk, "bytesPerSecond"), rate);
        strcat(rate, "/s");
        if (json_is_integer(eta))
            size_text_duration(count_of(disk, "etaSeconds"), left);
    }
    put_name(page, text_of(disk, "disk"), NAME_COLUMNS);
    fprintf(page, "  %-*s  %*s  %*s  %*s\n", (int)STATE_COLUMNS, state_word(code),
            (int)PERCENT_COLUMNS, percent, (int)RATE_COLUMNS, rate, (int)LEFT_COLUMNS, left);
    if (needs_words(code))
        put_message(page, text_of(disk, "message"));
}

static void put_head(FILE *page)
{
    fprintf(page, "%-*s  %-*s  %*s  %*s  %*s\n", (int)NAME_COLUMNS, "DISK", (int)STATE_COLUMNS,
            "STATE", (int)PERCENT_COLUMNS, "DONE", (int)RATE_COLUMNS, "RATE", (int)LEFT_COLUMNS,
            "LEFT");
}

static void put_point(FILE *page, const char *point)
{
    fputs("restore point ", page);
    put_name(page, point, CTL_TABLE_WIDTH - 15);
    fputc('\n', page);
}

/* Blanks at the end of a line are of no use to whoever copies it. In place. */
static char *trim_lines(char *text)
{
    char *end = text;

    for (const char *c = text; *c; c++) {
        if (*c == '\n')
            while (end > text && end[-1] == ' ')
                end--;
        *end++ = *c;
    }
    *end = 0;
    return text;
}

char *ctl_table(const json_t *answer)
{
    const json_t *disks = json_object_get(answer, "disks"), *disk;
    const char *point = "";
    char *text = NULL;
    size_t bytes = 0, i;
    FILE *page = open_memstream(&text, &bytes);
    bool whole;

    if (!page)
        return NULL;
    put_head(page);
    json_array_foreach(disks, i, disk)
    {
        if (strcmp(point, text_of(disk, "restorePoint")) != 0)
            put_point(page, text_of(disk, "restorePoint"));
        point = text_of(disk, "restorePoint");
        put_disk(page, disk);
    }
    whole = !ferror(page);
    if (fclose(page) == 0 && whole)
        return trim_lines(text);
    free(text);
    return NULL;
}
