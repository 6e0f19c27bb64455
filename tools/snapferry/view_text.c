/* view_text.c - see view_text.h. */
#include "tools/snapferry/view_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "blockmap/stream_pack.h"
#include "io/clock.h"
#include "io/compress_level.h"
#include "tools/snapferry/share_text.h"
#include "tools/snapferry/size_text.h"

#define NAME_COLUMNS_MIN 8u   /* less of a name says nothing */
#define FACTS_MAX_BYTES  200u /* of a line, beside the name */
#define MIB              (1024.0 * 1024.0)

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80; /* of a UTF-8 sequence: takes no column */
}

void view_text_name(const char *name, unsigned columns, char *out_text, size_t out_bytes)
{
    size_t length = strlen(name), from = length, taken = 0;
    bool cut;

    while (from > 0 && taken < columns && length - from + 4 < out_bytes) {
        do
            from--;
        while (from > 0 && is_continuation(name[from]));
        taken++;
    }
    cut = from > 0 && columns > 3;
    for (unsigned i = 0; cut && i < 3 && name[from]; i++) {
        do
            from++;
        while (is_continuation(name[from]));
    }
    snprintf(out_text, out_bytes, "%s%s", cut ? "..." : "", name + from);
    for (char *c = out_text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
}

size_t view_text_cell(const char *name, unsigned columns, char *out_text, size_t out_bytes)
{
    size_t taken = 0, used;

    view_text_name(name, columns, out_text, out_bytes - columns);
    used = strlen(out_text);
    for (const char *c = out_text; *c; c++)
        taken += !is_continuation(*c);
    for (; taken < columns && used + 1 < out_bytes; taken++)
        out_text[used++] = ' ';
    out_text[used] = 0;
    return used;
}

/* How much of the line is told; each step leaves out what is needed least. */
enum detail { DETAIL_ALL, DETAIL_NO_PHASE, DETAIL_NO_TIME, DETAIL_NO_RATE, DETAIL_PERCENT };

static void facts(const struct view_moment *moment, enum detail detail,
                  char out_text[FACTS_MAX_BYTES])
{
    const struct progress_view *p = &moment->progress;
    char done[SIZE_TEXT_MAX_BYTES], total[SIZE_TEXT_MAX_BYTES], rate[SIZE_TEXT_MAX_BYTES];
    char left[DURATION_TEXT_MAX_BYTES] = "", time[DURATION_TEXT_MAX_BYTES + 8] = "";
    size_t used;

    size_text_format(p->durable_bytes, done);
    size_text_format(p->total_bytes, total);
    size_text_format(p->bytes_per_second, rate);
    if (p->eta_seconds != UINT64_MAX) {
        size_text_duration(p->eta_seconds, left);
        snprintf(time, sizeof time, "  %s left", left);
    }
    if (p->total_bytes == 0 && p->percent <= 0) { /* there is no plan yet */
        snprintf(out_text, FACTS_MAX_BYTES, "%s", moment->phase);
        return;
    }
    used = (size_t)snprintf(out_text, FACTS_MAX_BYTES, "%5.1f%%", p->percent);
    if (detail < DETAIL_PERCENT)
        used += (size_t)snprintf(out_text + used, FACTS_MAX_BYTES - used, "  %s/%s", done, total);
    if (detail < DETAIL_NO_RATE && p->bytes_per_second)
        used += (size_t)snprintf(out_text + used, FACTS_MAX_BYTES - used, "  %s/s", rate);
    if (detail < DETAIL_NO_TIME)
        used += (size_t)snprintf(out_text + used, FACTS_MAX_BYTES - used, "%s", time);
    if (detail < DETAIL_NO_PHASE)
        snprintf(out_text + used, FACTS_MAX_BYTES - used, "  %s", moment->phase);
}

void view_text_line(const char *disk, const struct view_moment *moment, unsigned width,
                    char out_text[VIEW_LINE_MAX_BYTES])
{
    char text[FACTS_MAX_BYTES], name[VIEW_LINE_MAX_BYTES / 2];
    size_t columns;

    if (width > VIEW_LINE_MAX_BYTES / 2)
        width = VIEW_LINE_MAX_BYTES / 2;
    for (enum detail detail = DETAIL_ALL; detail <= DETAIL_PERCENT; detail++) {
        facts(moment, detail, text);
        if (strlen(text) <= width)
            break;
    }
    columns = strlen(text);
    if (columns + 2 + NAME_COLUMNS_MIN > width) {
        snprintf(out_text, VIEW_LINE_MAX_BYTES, "%.*s", (int)width, text);
        return;
    }
    view_text_name(disk, width - 2 - (unsigned)columns, name, sizeof name);
    snprintf(out_text, VIEW_LINE_MAX_BYTES, "%s  %s", name, text);
}

/* ---- The summary ---- */

struct page {
    char *text;
    size_t used;
};

static void write_on(struct page *page, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void write_on(struct page *page, const char *fmt, ...)
{
    va_list ap;
    int wrote;

    va_start(ap, fmt);
    wrote = vsnprintf(page->text + page->used, VIEW_SUMMARY_MAX_BYTES - page->used, fmt, ap);
    va_end(ap);
    if (wrote > 0)
        page->used += (size_t)wrote;
    if (page->used >= VIEW_SUMMARY_MAX_BYTES)
        page->used = VIEW_SUMMARY_MAX_BYTES - 1;
}

static const char *headline(const struct view_copy *done)
{
    if (done->outcome.status == STATUS_DONE)
        return done->copy->at_base_already
                   ? (done->copy->delta ? "nothing had changed" : "complete already")
               : done->verified ? "complete and verified"
                                : "complete";
    if (done->outcome.status == STATUS_DIFFERENT)
        return "complete, but the target differs";
    return "not complete";
}

static void write_path(struct page *page, const struct copy_summary *s)
{
    char pulled[SIZE_TEXT_MAX_BYTES];

    size_text_format(s->pulled_bytes, pulled);
    if (s->path.used != COPY_PATH_CLIENT)
        write_on(page, "  %s went from service to service%s\n", pulled,
                 s->path.used == COPY_PATH_SERVER ? "; their content was not seen here" : "");
    if (s->path.why[0])
        write_on(page, "  %s went through this machine: %s\n",
                 s->path.used == COPY_PATH_CLIENT ? "the data" : "the rest", s->path.why);
}

static void write_audit(struct page *page, const struct copy_summary *s)
{
    char audited[SIZE_TEXT_MAX_BYTES], all[SIZE_TEXT_MAX_BYTES], share[SHARE_TEXT_MAX_BYTES];

    if (!s->proof.auditable_bytes)
        return;
    size_text_format(s->proof.audited_bytes, audited);
    size_text_format(s->proof.auditable_bytes, all);
    share_text_format(s->proof.audited_bytes, s->proof.auditable_bytes, share);
    write_on(page, "  audited %s of %s (%s) that the diff calls unchanged\n", audited, all, share);
}

static void write_level(struct page *page, int level)
{
    if (level == COMPRESS_AUTO)
        write_on(page, "\n");
    else if (level == STREAM_LEVEL_RAW)
        write_on(page, ", uncompressed\n");
    else
        write_on(page, ", at level %d\n", level);
}

static void write_relay(struct page *page, const struct view_copy *done)
{
    const struct endpoint_relay_counts *relay = done->relay;
    char amounts[3][SIZE_TEXT_MAX_BYTES];

    if (!relay)
        return;
    size_text_format(done->wire_bytes, amounts[0]);
    size_text_format(relay->raw_bytes, amounts[1]);
    size_text_format(relay->held_bytes, amounts[2]);
    write_on(page, "  between the regions %s for %s of data", amounts[0], amounts[1]);
    if (done->wire_bytes && relay->raw_bytes)
        write_on(page, " (%.2f to 1)", (double)relay->raw_bytes / (double)done->wire_bytes);
    write_on(page, ", %s were there already", amounts[2]);
    write_level(page, relay->level);
}

static void write_map(struct page *page, const struct copy_summary *s)
{
    char amount[SIZE_TEXT_MAX_BYTES];

    size_text_format(s->proof_bytes, amount);
    if (s->has_map || s->proof_bytes)
        write_on(page, "  %s%s read only as proof\n", s->has_map ? "a map is kept; " : "", amount);
}

void view_text_summary(const struct view_copy *done, char out_text[VIEW_SUMMARY_MAX_BYTES])
{
    const struct copy_summary *s = done->copy;
    double seconds = (double)(s->ended_ns - s->started_ns) / (double)NS_PER_S;
    double moved = (double)(s->read_bytes + s->cleared_bytes);
    char disk[SIZE_TEXT_MAX_BYTES], amounts[6][SIZE_TEXT_MAX_BYTES];
    struct page page = {.text = out_text};

    out_text[0] = 0;
    size_text_format(s->source_size_bytes, disk);
    size_text_format(s->read_bytes, amounts[0]);
    size_text_format(s->written_bytes, amounts[1]);
    size_text_format(s->cleared_bytes, amounts[2]);
    size_text_format(s->skipped_bytes, amounts[3]);
    size_text_format(s->gap_bytes, amounts[4]);
    size_text_format(s->resumed_bytes, amounts[5]);
    write_on(&page, "%s copy of a disk of %s: %s\n", s->delta ? "delta" : "full", disk,
             headline(done));
    write_on(&page, "  read %s, written %s, cleared %s, skipped %s%s, unchanged gaps %s\n",
             amounts[0], amounts[1], amounts[2], s->has_map || s->proof_bytes ? "" : "as zero ",
             amounts[3], amounts[4]);
    write_map(&page, s);
    if (s->resumed_bytes)
        write_on(&page, "  %s were done by an earlier run\n", amounts[5]);
    write_path(&page, s);
    write_on(&page, "  %" PRIu64 " requests, %" PRIu64 " retries, %.2f s of CPU, %.2f s in all",
             done->requests_count, s->retries, (double)done->cpu_ns / (double)NS_PER_S, seconds);
    if (seconds > 0 && s->read_bytes)
        write_on(&page, ", %.1f MiB/s read", (double)s->read_bytes / MIB / seconds);
    else if (seconds > 0 && moved > 0)
        write_on(&page, ", %.1f MiB/s cleared", moved / MIB / seconds);
    write_on(&page, "\n");
    write_relay(&page, done);
    write_audit(&page, s);
    if (s->root[0])
        write_on(&page, "  root %s\n", s->root);
    if (s->delta_digest[0])
        write_on(&page, "  delta %s%s%s\n", s->delta_digest, s->base_root[0] ? " on root " : "",
                 s->base_root);
}
