/* run_remarks.c - see run_remarks.h. */
#include "tools/snapferry/run_remarks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/snapferry/view.h"

#define WORDS_MAX_BYTES 2048u

void run_remarks_fini(struct run_remarks *remarks)
{
    for (uint32_t i = 0; i < remarks->count; i++) {
        free(remarks->items[i].path);
        free(remarks->items[i].sentence);
    }
    free(remarks->items);
    memset(remarks, 0, sizeof *remarks);
}

static bool make_room(struct run_remarks *remarks)
{
    uint32_t room = remarks->room ? 2 * remarks->room : 16;
    struct run_remark *items;

    if (remarks->count < remarks->room)
        return true;
    items = reallocarray(remarks->items, room, sizeof *items);
    if (!items)
        return false;
    remarks->items = items;
    remarks->room = room;
    return true;
}

void run_remarks_add(void *arg, bool warning, const char *path, const char *sentence)
{
    struct run_remarks *remarks = arg;
    struct run_remark remark = {.warning = warning,
                                .path = path ? strdup(path) : NULL,
                                .sentence = strdup(sentence)};

    if (make_room(remarks) && remark.sentence && (remark.path || !path)) {
        remarks->items[remarks->count++] = remark;
        return;
    }
    remarks->lost = true;
    free(remark.path);
    free(remark.sentence);
}

struct event run_remark_event(const struct run_remark *remark, uint64_t time_ns)
{
    struct event event = {.kind = remark->warning ? EVENT_WARNING : EVENT_INVALID,
                          .time_ns = time_ns,
                          .path = remark->path,
                          .message = remark->sentence};

    return event;
}

/* ---- Where there is no run ---- */

/* One line of JSON on stdout. */
static void print_event(const struct event *event)
{
    size_t bytes;
    char *line = event_format(event, &bytes);

    if (line)
        puts(line);
    fflush(stdout);
    free(line);
}

static void print_words(const struct run_remark *remark)
{
    char words[WORDS_MAX_BYTES];

    snprintf(words, sizeof words, "%s%s%s%s", remark->warning ? "warning: " : "",
             remark->path ? remark->path : "", remark->path ? ": " : "", remark->sentence);
    view_clean(words);
    fprintf(stderr, "snapferry: %s\n", words);
}

void run_remarks_print(const struct run_remarks *remarks, enum run_voice voice,
                       const struct clock *clock)
{
    char words[] = "there is no memory to name all that is wrong with the job";
    const struct run_remark more = {.sentence = words};

    for (uint32_t i = 0; i <= remarks->count; i++) {
        const struct run_remark *remark = i < remarks->count ? &remarks->items[i] : &more;
        struct event event = run_remark_event(remark, clock_wall_ns(clock));

        if (i == remarks->count && !remarks->lost)
            break;
        if (voice == RUN_VOICE_EVENTS)
            print_event(&event);
        else
            print_words(remark);
    }
}

void run_print_end(enum run_voice voice, const struct clock *clock, int exit)
{
    struct event event = {.kind = EVENT_END, .time_ns = clock_wall_ns(clock), .exit = exit};

    if (voice == RUN_VOICE_EVENTS)
        print_event(&event);
}
