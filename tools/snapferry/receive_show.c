/* receive_show.c - see receive_show.h. */
#include "tools/snapferry/receive_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/snapferry/size_text.h"
#include "tools/snapferry/view_json.h"

#define PLAIN_INTERVAL_NS    (10 * NS_PER_S)
#define JSON_INTERVAL_NS     NS_PER_S
#define STRANGER_INTERVAL_NS NS_PER_S

static uint64_t now_ns(const struct receive_show *show)
{
    return clock_now_ns(show->view->clock);
}

static json_t *event(const struct receive_show *show, const char *name)
{
    return view_json_event(clock_wall_ns(show->view->clock), name, NULL);
}

/* Who started us reads one line and then knows where we are; with --json it has a time as all have. */
void receive_show_ready(struct receive_show *show, const char *host, uint16_t port)
{
    bool six = strchr(host, ':') != NULL;
    char url[300];
    json_t *object;

    snprintf(url, sizeof url, "https://%s%.255s%s:%u", six ? "[" : "", host, six ? "]" : "", port);
    if (show->view->kind != VIEW_JSON) {
        printf("{\"event\":\"ready\",\"url\":\"%s\",\"pid\":%ld}\n", url, (long)getpid());
        fflush(stdout);
        return;
    }
    object = event(show, "ready");
    view_json_set_text(object, "url", url);
    view_json_set_count(object, "pid", (uint64_t)getpid());
    view_json_print(object);
}

void receive_show_say(struct receive_show *show, const char *name, const char *text)
{
    char shown[ERR_TEXT_MAX_BYTES + ENDPOINT_NAME_MAX_BYTES];
    json_t *object;

    snprintf(shown, sizeof shown, "%.399s", text);
    view_clean(shown);
    if (show->view->kind == VIEW_JSON) {
        object = event(show, "receive");
        if (*name)
            view_json_set_text(object, "name", name);
        view_json_set_text(object, "displayStatus", shown);
        view_json_print(object);
    } else if (show->view->kind != VIEW_QUIET) {
        fprintf(stderr, "snapferry: %s%s%s\n", name, *name ? ": " : "", shown);
    }
}

void receive_show_stranger(struct receive_show *show, const struct http_refusal *refusal)
{
    char text[400], more[64] = "";

    if (now_ns(show) < show->strangers_ns) {
        show->strangers_unshown++;
        return;
    }
    if (show->strangers_unshown)
        snprintf(more, sizeof more, " (and %" PRIu64 " before it)", show->strangers_unshown);
    snprintf(text, sizeof text, "refused %.64s with %u: %.150s (request %.40s)%s", refusal->address,
             refusal->status, refusal->why, refusal->request_id, more);
    show->strangers_unshown = 0;
    show->strangers_ns = now_ns(show) + STRANGER_INTERVAL_NS;
    receive_show_say(show, "", text);
}

static void print_counts(const struct receive_show *show, const struct receiver_counts *c)
{
    char written[SIZE_TEXT_MAX_BYTES], copied[SIZE_TEXT_MAX_BYTES], cleared[SIZE_TEXT_MAX_BYTES];
    json_t *object;

    size_text_format(c->written_bytes, written);
    size_text_format(c->copied_bytes, copied);
    size_text_format(c->cleared_bytes, cleared);
    if (show->view->kind != VIEW_JSON) {
        fprintf(stderr,
                "snapferry: %" PRIu64 " requests, %" PRIu64
                " refused; %s written, of which %s were "
                "here already; %s cleared; targets in use: %u\n",
                c->calls, c->refused, written, copied, cleared, c->desks);
        return;
    }
    object = event(show, "received");
    view_json_set_count(object, "requests", c->calls);
    view_json_set_count(object, "refused", c->refused);
    view_json_set_count(object, "batches", c->batches);
    view_json_set_count(object, "receivedBytes", c->received_bytes);
    view_json_set_count(object, "writtenBytes", c->written_bytes);
    view_json_set_count(object, "clearedBytes", c->cleared_bytes);
    view_json_set_count(object, "copiedBytes", c->copied_bytes);
    view_json_set_count(object, "missing", c->missing);
    view_json_set_count(object, "retries", c->retries);
    view_json_set_count(object, "fences", c->fences);
    view_json_set_count(object, "targets", c->desks);
    view_json_print(object);
}

void receive_show_counts(struct receive_show *show, const struct receiver_counts *counts, bool last)
{
    uint64_t interval = show->view->kind == VIEW_JSON ? JSON_INTERVAL_NS : PLAIN_INTERVAL_NS;

    if (show->view->kind == VIEW_QUIET || counts->calls == show->shown.calls ||
        (!last && now_ns(show) < show->due_ns))
        return;
    show->due_ns = now_ns(show) + interval;
    show->shown = *counts;
    print_counts(show, counts);
}
