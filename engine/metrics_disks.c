/* metrics_disks.c - see metrics_disks.h.
 *
 * All lines of one metric stand together, and a disk has six of them: so the disks are looked at once, what
 * is shown of each is kept beside its labels, and the metrics are written one after the other from that.
 */
#include "engine/metrics_disks.h"

#include <stdlib.h>
#include <string.h>

#include "engine/metrics_families.h"

#define DISK_SERIES    6u
#define SAMPLE_BYTES   72u /* of a line at most: its name, braces, state, number */
#define RATIO_DECIMALS 6u
#define RATIO_ONE      1000000u
#define PERCENT_ONE    (RATIO_ONE / 100)

struct shown_disk {
    size_t labels_at; /* in shown.labels; NUL-terminated */
    enum event_code code;
    uint32_t window, attempts;
    uint64_t ratio, durable_bytes, changed_bytes;
};

struct shown {
    struct shown_disk *disks;
    uint32_t count; /* of those shown */
    char *labels;
    size_t labels_bytes, labels_room;
    uint64_t by_code[EVENT_CODES_COUNT];
    uint64_t read_bytes, written_bytes, skipped_bytes, retries, window;
};

/* ---- Looking ---- */

/* Rounded down: what is not committed is below 1. */
static uint64_t ratio_of(double percent)
{
    return percent <= 0 ? 0 : percent >= 100 ? RATIO_ONE : (uint64_t)(percent * PERCENT_ONE);
}

static void sum_up(struct shown *s, const struct job_disk_view *view)
{
    s->by_code[view->code]++;
    s->read_bytes += view->read_bytes;
    s->written_bytes += view->written_bytes;
    s->skipped_bytes += view->skipped_bytes;
    s->retries += view->retries_count;
    if (view->code == EVENT_IN_PROGRESS)
        s->window += view->window;
}

static bool keep_labels(struct shown *s, const struct metrics_text *labels)
{
    size_t needed = s->labels_bytes + labels->count + 1;

    if (needed > s->labels_room) {
        size_t room = needed * 2;
        char *larger = realloc(s->labels, room);

        if (!larger)
            return false;
        s->labels = larger;
        s->labels_room = room;
    }
    memcpy(s->labels + s->labels_bytes, labels->bytes, labels->count + 1);
    s->labels_bytes = needed;
    return true;
}

static bool keep(struct shown *s, const struct job_disk_view *view,
                 const struct metrics_text *labels)
{
    size_t at = s->labels_bytes;

    if (!keep_labels(s, labels))
        return false;
    s->disks[s->count++] = (struct shown_disk){
        .labels_at = at,
        .code = view->code,
        .window = view->code == EVENT_IN_PROGRESS ? view->window : 0,
        .attempts = view->attempts,
        .ratio = ratio_of(view->progress.percent),
        .durable_bytes = view->progress.durable_bytes,
        .changed_bytes = view->progress.total_bytes,
    };
    return true;
}

/* A disk that does not fit ends the showing, not the sums: which disks are shown does not change from page to
 * page because one of them has a shorter name. */
static void look(struct shown *s, const struct metrics_sources *sources, size_t max_bytes)
{
    struct metrics_text labels = {0};
    size_t used = 0;
    bool fits = s->disks != NULL;

    for (uint32_t i = 0; i < sources->disks_count; i++) {
        struct job_disk_view view = {0};

        sources->look(sources->arg, i, &view);
        sum_up(s, &view);
        if (!fits)
            continue;
        metrics_text_clear(&labels);
        metrics_text_label(&labels, "restore_point", view.point);
        metrics_text_label(&labels, "disk", view.disk);
        used += DISK_SERIES * (labels.count + SAMPLE_BYTES);
        fits = !labels.failed && used <= max_bytes && keep(s, &view, &labels);
    }
    metrics_text_fini(&labels);
}

/* ---- Writing ---- */

static const char *begin(struct metrics_text *t, enum metrics_id id)
{
    const struct metrics_family *family = metrics_family_at(id);

    metrics_text_head(t, family->name, family->type, family->help);
    return family->name;
}

static void write_total(struct metrics_text *t, enum metrics_id id, uint64_t value)
{
    metrics_text_count(t, begin(t, id), NULL, value);
}

static const char *state_of(enum event_code code)
{
    const char *name = event_code_name(code), *slash = strrchr(name, '/');

    return slash ? slash + 1 : name;
}

static void write_sums(struct metrics_text *t, const struct shown *s, uint32_t disks_count)
{
    struct metrics_text labels = {0};
    const char *name;

    write_total(t, M_SOURCE_READ, s->read_bytes);
    write_total(t, M_TARGET_WRITTEN, s->written_bytes);
    write_total(t, M_SKIPPED, s->skipped_bytes);
    write_total(t, M_RETRIES, s->retries);
    write_total(t, M_WINDOW, s->window);
    name = begin(t, M_DISKS);
    for (uint32_t code = 0; code < EVENT_CODES_COUNT; code++) {
        metrics_text_clear(&labels);
        metrics_text_label(&labels, "state", state_of(code));
        metrics_text_count(t, name, labels.bytes, s->by_code[code]);
    }
    t->failed |= labels.failed;
    metrics_text_fini(&labels);
    write_total(t, M_DISKS_NOT_SHOWN, disks_count - s->count);
}

static uint64_t value_of(const struct shown_disk *disk, enum metrics_id id)
{
    return id == M_DISK_RATIO     ? disk->ratio
           : id == M_DISK_DURABLE ? disk->durable_bytes
           : id == M_DISK_CHANGED ? disk->changed_bytes
           : id == M_DISK_WINDOW  ? disk->window
                                  : disk->attempts;
}

static void write_each(struct metrics_text *t, const struct shown *s, enum metrics_id id)
{
    const char *name = begin(t, id);

    for (uint32_t i = 0; i < s->count; i++)
        metrics_text_decimal(t, name, s->labels + s->disks[i].labels_at, value_of(&s->disks[i], id),
                             id == M_DISK_RATIO ? RATIO_DECIMALS : 0);
}

static void write_states(struct metrics_text *t, const struct shown *s)
{
    const char *name = begin(t, M_DISK_STATE);
    struct metrics_text labels = {0};

    for (uint32_t i = 0; i < s->count; i++) {
        metrics_text_clear(&labels);
        metrics_text_labels(&labels, s->labels + s->disks[i].labels_at);
        metrics_text_label(&labels, "state", state_of(s->disks[i].code));
        metrics_text_count(t, name, labels.bytes, 1);
    }
    t->failed |= labels.failed;
    metrics_text_fini(&labels);
}

void metrics_disks_write(struct metrics_text *t, const struct metrics_sources *sources,
                         size_t max_bytes)
{
    static const enum metrics_id each[] = {M_DISK_RATIO, M_DISK_DURABLE, M_DISK_CHANGED,
                                           M_DISK_WINDOW, M_DISK_ATTEMPTS};
    struct shown s = {.disks = calloc(sources->disks_count, sizeof *s.disks)};

    _Static_assert(sizeof each / sizeof *each + 1 == DISK_SERIES, "and the state");
    look(&s, sources, max_bytes);
    write_sums(t, &s, sources->disks_count);
    for (size_t i = 0; i < sizeof each / sizeof *each; i++)
        write_each(t, &s, each[i]);
    write_states(t, &s);
    free(s.labels);
    free(s.disks);
}
