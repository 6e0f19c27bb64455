/* fleet_text.c - see fleet_text.h. */
#include "tools/snapferry/fleet_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/snapferry/size_text.h"
#include "tools/snapferry/view_text.h"

#define NAME_COLUMNS      16u
#define NAME_COLUMNS_MIN  8u
#define BAR_COLUMNS       12u
#define PERCENT_COLUMNS   6u
#define RATE_COLUMNS      12u
#define LEFT_COLUMNS      8u
#define STATE_COLUMNS_MIN 10u
#define WIDE_COLUMNS                                                                               \
    (NAME_COLUMNS + BAR_COLUMNS + PERCENT_COLUMNS + RATE_COLUMNS + LEFT_COLUMNS + 5u)
#define PERCENT_OPEN_MAX 99.9

/* ---- What all of them come to ---- */

void fleet_totals_add(struct fleet_totals *totals, const struct job_disk_view *disk)
{
    bool planned = disk->progress.total_bytes || disk->progress.percent > 0;

    if (totals->disks == 0)
        totals->planned = true;
    totals->disks++;
    totals->pending += disk->code == EVENT_PENDING;
    totals->succeeded += disk->code == EVENT_SUCCEEDED;
    totals->failed += disk->code == EVENT_FAILED;
    totals->canceled += disk->code == EVENT_CANCELED;
    totals->waiting += disk->code == EVENT_WAITING_FOR_ACCESS;
    totals->paused += disk->code == EVENT_PAUSED;
    totals->planned = totals->planned && (planned || disk->code == EVENT_SUCCEEDED);
    totals->durable_bytes += disk->progress.durable_bytes;
    totals->total_bytes += disk->progress.total_bytes;
    if (disk->code == EVENT_IN_PROGRESS)
        totals->bytes_per_second += disk->progress.bytes_per_second;
}

void fleet_totals_end(struct fleet_totals *totals)
{
    if (!totals->planned)
        return;
    totals->percent = totals->total_bytes
                          ? 100.0 * (double)totals->durable_bytes / (double)totals->total_bytes
                          : 100.0;
    if (totals->succeeded < totals->disks && totals->percent > PERCENT_OPEN_MAX)
        totals->percent = PERCENT_OPEN_MAX;
}

/* ---- A row ---- */

bool fleet_is_under_way(enum event_code code)
{
    return code == EVENT_IN_PROGRESS || code == EVENT_WAITING_FOR_ACCESS || code == EVENT_PAUSED;
}

static const char *state_of(const struct job_disk_view *disk)
{
    switch (disk->code) {
    case EVENT_PENDING:
        return "pending";
    case EVENT_IN_PROGRESS:
        return disk->phase && disk->phase[0] ? disk->phase : "in progress";
    case EVENT_WAITING_FOR_ACCESS:
        return "waiting for access";
    case EVENT_PAUSED:
        return "paused";
    case EVENT_SUCCEEDED:
        return "complete";
    case EVENT_FAILED:
        return "failed";
    case EVENT_CANCELED:
        return "canceled";
    case EVENT_CODES_COUNT:
        break;
    }
    return "";
}

static void draw_bar(double percent, char out_text[BAR_COLUMNS + 1])
{
    unsigned inner = BAR_COLUMNS - 2, full = (unsigned)(percent / 100.0 * inner);

    if (full > inner)
        full = inner;
    out_text[0] = '[';
    memset(out_text + 1, '#', full);
    memset(out_text + 1 + full, '.', inner - full);
    out_text[BAR_COLUMNS - 1] = ']';
    out_text[BAR_COLUMNS] = 0;
}

static void put_facts(const struct job_disk_view *disk, unsigned width, char *out_text,
                      size_t out_bytes)
{
    char rate[SIZE_TEXT_MAX_BYTES] = "", per_second[SIZE_TEXT_MAX_BYTES + 4] = "";
    char left[DURATION_TEXT_MAX_BYTES] = "", bar[BAR_COLUMNS + 1];
    const struct progress_view *p = &disk->progress;
    bool moving = disk->code == EVENT_IN_PROGRESS && p->bytes_per_second;

    if (moving) {
        size_text_format(p->bytes_per_second, rate);
        snprintf(per_second, sizeof per_second, "%s/s", rate);
        if (p->eta_seconds != UINT64_MAX)
            size_text_duration(p->eta_seconds, left);
    }
    draw_bar(p->percent, bar);
    if (width >= WIDE_COLUMNS + STATE_COLUMNS_MIN)
        snprintf(out_text, out_bytes, " %s %5.1f%% %*s %*s %.*s", bar, p->percent,
                 (int)RATE_COLUMNS, per_second, (int)LEFT_COLUMNS, left,
                 (int)(width - WIDE_COLUMNS), state_of(disk));
    else if (width >= NAME_COLUMNS_MIN + PERCENT_COLUMNS + RATE_COLUMNS + 2)
        snprintf(out_text, out_bytes, " %5.1f%% %-*.*s", p->percent, (int)RATE_COLUMNS,
                 (int)RATE_COLUMNS, moving ? per_second : state_of(disk));
    else
        snprintf(out_text, out_bytes, " %5.1f%%", p->percent);
}

static void trim(char *text)
{
    size_t length = strlen(text);

    while (length > 0 && text[length - 1] == ' ')
        text[--length] = 0;
}

void fleet_text_row(const struct job_disk_view *disk, unsigned width,
                    char out_text[FLEET_LINE_MAX_BYTES])
{
    char facts[FLEET_LINE_MAX_BYTES / 2];
    unsigned columns = NAME_COLUMNS;
    size_t used = 0;

    if (width > FLEET_WIDTH_MAX)
        width = FLEET_WIDTH_MAX;
    put_facts(disk, width, facts, sizeof facts);
    if (width < WIDE_COLUMNS + STATE_COLUMNS_MIN)
        columns = width > strlen(facts) ? width - (unsigned)strlen(facts) : 0;
    if (columns)
        used = view_text_cell(disk->disk, columns, out_text, FLEET_LINE_MAX_BYTES - sizeof facts);
    snprintf(out_text + used, FLEET_LINE_MAX_BYTES - used, "%.*s",
             (int)(width > columns ? width - columns : 0), facts);
    trim(out_text);
}

/* ---- The line for all ---- */

static void put_count(char *text, size_t *used, uint32_t count, const char *what)
{
    if (count)
        *used += (size_t)snprintf(text + *used, FLEET_LINE_MAX_BYTES - *used, ", %" PRIu32 " %s",
                                  count, what);
}

/* The same with less and less of it. */
enum detail { DETAIL_ALL, DETAIL_NO_TIME, DETAIL_NO_PENDING, DETAIL_NO_BYTES, DETAIL_COUNT };

static void put_total(const struct fleet_totals *totals, enum detail detail,
                      char text[FLEET_LINE_MAX_BYTES])
{
    char done[SIZE_TEXT_MAX_BYTES], total[SIZE_TEXT_MAX_BYTES], rate[SIZE_TEXT_MAX_BYTES];
    char left[DURATION_TEXT_MAX_BYTES];
    uint64_t remains = totals->total_bytes - totals->durable_bytes;
    size_t used;

    used = (size_t)snprintf(text, FLEET_LINE_MAX_BYTES, "%" PRIu32 "/%" PRIu32 " complete",
                            totals->succeeded, totals->disks);
    put_count(text, &used, totals->failed, "failed");
    put_count(text, &used, totals->canceled, "canceled");
    put_count(text, &used, totals->waiting, "waiting");
    put_count(text, &used, totals->paused, "paused");
    if (detail < DETAIL_NO_PENDING)
        put_count(text, &used, totals->pending, "pending");
    if (totals->planned)
        used +=
            (size_t)snprintf(text + used, FLEET_LINE_MAX_BYTES - used, "  %.1f%%", totals->percent);
    size_text_format(totals->durable_bytes, done);
    size_text_format(totals->total_bytes, total);
    size_text_format(totals->bytes_per_second, rate);
    if (detail < DETAIL_NO_BYTES)
        used += (size_t)snprintf(text + used, FLEET_LINE_MAX_BYTES - used, "  %s/%s", done, total);
    if (detail < DETAIL_COUNT && totals->bytes_per_second)
        used += (size_t)snprintf(text + used, FLEET_LINE_MAX_BYTES - used, "  %s/s", rate);
    if (detail < DETAIL_NO_TIME && totals->planned && totals->bytes_per_second) {
        size_text_duration(remains / totals->bytes_per_second, left);
        snprintf(text + used, FLEET_LINE_MAX_BYTES - used, "  %s left", left);
    }
}

void fleet_text_total(const struct fleet_totals *totals, unsigned width,
                      char out_text[FLEET_LINE_MAX_BYTES])
{
    if (width > FLEET_WIDTH_MAX)
        width = FLEET_WIDTH_MAX;
    for (enum detail detail = DETAIL_ALL; detail <= DETAIL_COUNT; detail++) {
        put_total(totals, detail, out_text);
        if (strlen(out_text) <= width)
            return;
    }
    out_text[width] = 0;
}

/* ---- Which are shown ---- */

uint32_t fleet_pick(const enum event_code *codes, uint32_t disks, uint32_t rows, uint32_t turn,
                    uint32_t *out_shown)
{
    uint32_t shown = 0, moving = 0, first, pages, at = 0;

    for (uint32_t i = 0; i < disks && shown < rows; i++)
        if (fleet_is_under_way(codes[i]) && codes[i] != EVENT_IN_PROGRESS)
            out_shown[shown++] = i;
    for (uint32_t i = 0; i < disks; i++)
        moving += codes[i] == EVENT_IN_PROGRESS;
    if (shown == rows || moving == 0)
        return shown;
    pages = (moving + (rows - shown) - 1) / (rows - shown);
    first = turn % pages * (rows - shown);
    for (uint32_t i = 0; i < disks && shown < rows; i++)
        if (codes[i] == EVENT_IN_PROGRESS && at++ >= first)
            out_shown[shown++] = i;
    return shown;
}
