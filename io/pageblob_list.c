/* pageblob_list.c - see pageblob_list.h. */
#include "io/pageblob_list.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/pageblob_verb.h"
#include "io/pageranges.h"

/* Where a list is: everything before position_bytes is in the caller's sets. */
struct pageblob_lister {
    struct pageblob_op op; /* first: the lister is found from it */
    struct pageblob_list *list;
    struct pageblob *blob;
    struct reactor *reactor;
    struct pageranges *parser;
    struct timer pause;
    struct extent_set page_data, page_clears; /* of the page under way */
    /* A page with a marker is believed when the next one proves to lie behind it: a host that gave them in
     * the wrong order would else make what lies between count as listed. */
    struct extent_set held_data, held_clears;
    bool held;
    uint64_t held_end;
    uint64_t position_bytes;
    uint64_t window_bytes;             /* of x-ms-range; UINT64_MAX = no window */
    uint64_t window_start, window_end; /* of the page under way */
    bool whole;                        /* the blob without a window was asked for */
    unsigned tries;
    unsigned empty_pages;                         /* in a row */
    bool begun;                                   /* the parser has seen the head of this page */
    bool without_paging;                          /* this host refuses maxresults */
    char marker[PAGERANGES_MARKER_MAX_BYTES + 1]; /* of the page under way; "" = first */
    char additions[PAGERANGES_MARKER_MAX_BYTES * 3 + 256];
};

static void ask(struct pageblob_lister *l);

static struct pageblob_lister *lister_of_op(struct pageblob_op *op)
{
    return (struct pageblob_lister *)op;
}

/* ---- The end ---- */

static void on_ended(struct reactor_task *task)
{
    struct pageblob_list *list =
        (struct pageblob_list *)((char *)task - offsetof(struct pageblob_list, task));
    struct pageblob_lister *l = list->lister;

    if (err_is_set(&list->err)) {
        extent_set_fini(list->out_data);
        if (list->out_clears)
            extent_set_fini(list->out_clears);
    }
    if (l) {
        pageranges_free(l->parser);
        extent_set_fini(&l->page_data);
        extent_set_fini(&l->page_clears);
        extent_set_fini(&l->held_data);
        extent_set_fini(&l->held_clears);
    }
    list->lister = NULL;
    free(l);
    list->done(list);
}

static void end_with(struct pageblob_lister *l, const struct err *e)
{
    if (e)
        l->list->err = *e;
    reactor_post(l->reactor, &l->list->task, on_ended);
}

/* ---- One page ---- */

/* False when the blob has another size than the pages before said: their ranges may lie beyond it. */
static bool begin_parsing(struct pageblob_lister *l, struct err *e)
{
    struct pageblob_list *list = l->list;
    struct extent window = {l->position_bytes, 0};

    if (l->op.head.blob_known && list->pages_count && l->op.head.blob_bytes != list->size_bytes)
        return err_set(e, ERR_GONE, RETRY_REPLAN,
                       "listing %.160s: its size changed while it was listed",
                       pageblob_url(l->blob)->address);
    if (l->op.head.blob_known)
        list->size_bytes = l->op.head.blob_bytes;
    if (l->window_end > l->position_bytes)
        window.length = l->window_end - l->position_bytes;
    extent_set_clear(&l->page_data);
    extent_set_clear(&l->page_clears);
    /* A host may begin its answer to a window with a range that began before it. */
    pageranges_begin(l->parser, &l->page_data, list->out_clears ? &l->page_clears : NULL, window,
                     !l->marker[0] ? 0
                     : l->held     ? l->held_end
                                   : l->position_bytes,
                     list->size_bytes);
    l->begun = true;
    return true;
}

/* Runs inside the transfer; the headers are known by now. */
static bool on_push(struct http_req *req, const void *bytes, size_t count, struct err *e)
{
    struct pageblob_lister *l = lister_of_op(verb_op(req));

    if (!l->begun && !begin_parsing(l, e))
        return false;
    return pageranges_push(l->parser, bytes, count, e);
}

static bool append_all(struct extent_set *target, struct extent_set *take)
{
    bool ok = true;

    if (target->count == 0) {
        extent_set_move(target, take);
        return true;
    }
    for (size_t i = 0; i < take->count && ok; i++)
        ok = extent_set_append(target, extent_set_at(take, i));
    return ok;
}

static bool give(struct pageblob_lister *l, struct extent_set *take_data,
                 struct extent_set *take_clears, struct err *e)
{
    struct pageblob_list *list = l->list;

    if (append_all(list->out_data, take_data) &&
        (!list->out_clears || append_all(list->out_clears, take_clears)))
        return true;
    return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the list of page ranges");
}

static void drop_held(struct pageblob_lister *l)
{
    extent_set_clear(&l->held_data);
    extent_set_clear(&l->held_clears);
    l->held = false;
}

/* The page after it came: its ranges go to the caller, and the list goes on behind them. */
static bool give_held(struct pageblob_lister *l, struct err *e)
{
    if (l->held && !give(l, &l->held_data, &l->held_clears, e))
        return false;
    if (l->held)
        l->position_bytes = l->held_end;
    drop_held(l);
    return true;
}

static void hold(struct pageblob_lister *l)
{
    extent_set_move(&l->held_data, &l->page_data);
    extent_set_move(&l->held_clears, &l->page_clears);
    l->held = true;
    l->held_end = pageranges_last_end(l->parser); /* a page may name no range */
    if (l->held_end < l->position_bytes)
        l->held_end = l->position_bytes;
}

/* The page is whole. */
static bool take_page(struct pageblob_lister *l, struct err *e)
{
    struct pageblob_list *list = l->list;
    const char *marker;

    if (!l->begun && !begin_parsing(l, e)) /* an empty body: cut off */
        return false;
    if (!pageranges_end(l->parser, e))
        return false;
    marker = pageranges_marker(l->parser);
    l->empty_pages = l->page_data.count || l->page_clears.count ? 0 : l->empty_pages + 1;
    if (*marker &&
        (strcmp(marker, l->marker) == 0 || l->empty_pages > PAGEBLOB_LIST_EMPTY_PAGES_MAX))
        return err_set(e, ERR_CORRUPT, RETRY_LATER,
                       "listing %.160s: the host gives the same page of its list again and again",
                       pageblob_url(l->blob)->address);
    if (!give_held(l, e))
        return false;
    if (*marker) {
        hold(l);
    } else {
        if (!give(l, &l->page_data, &l->page_clears, e))
            return false;
        l->position_bytes = l->window_end;
    }
    list->pages_count++;
    list->clears_count += pageranges_clear_count(l->parser);
    snprintf(l->marker, sizeof l->marker, "%s", marker);
    l->tries = 0;
    return true;
}

/* ---- When a page fails ---- */

static void on_pause_over(struct timer *timer)
{
    ask((struct pageblob_lister *)((char *)timer - offsetof(struct pageblob_lister, pause)));
}

static bool ran_out_of_time(const struct err *e)
{
    return e->http_status == 504 || e->kind == ERR_NET;
}

/* Asks for half as much from where the list is. */
static bool halve_window(struct pageblob_lister *l)
{
    uint64_t left = l->window_end - l->position_bytes;

    if (left / 2 < PAGEBLOB_LIST_WINDOW_MIN)
        return false;
    l->window_bytes = left / 2 / PAGEBLOB_PAGE_BYTES * PAGEBLOB_PAGE_BYTES;
    l->marker[0] = 0;
    drop_held(l);
    return true;
}

static bool refuses_paging(const struct pageblob_lister *l, const struct err *e)
{
    return !l->without_paging && e->http_status == 400 && strstr(e->code, "QueryParameter");
}

static uint64_t pause_ms(const struct pageblob_lister *l, const struct err *e)
{
    uint64_t ms = (uint64_t)PAGEBLOB_LIST_PAUSE_MS << (l->tries - 1);

    if (e->retry_after_ms > ms)
        ms = e->retry_after_ms;
    return ms < PAGEBLOB_LIST_PAUSE_MAX_MS ? ms : PAGEBLOB_LIST_PAUSE_MAX_MS;
}

static void page_failed(struct pageblob_lister *l, const struct err *e)
{
    if (refuses_paging(l, e) && l->marker[0] == 0) {
        l->without_paging = true;
        ask(l);
        return;
    }
    if (e->retry != RETRY_LATER) {
        end_with(l, e);
        return;
    }
    if (strcmp(e->code, "OperationTimedOut") == 0 && halve_window(l)) {
        ask(l); /* the host worked all the time it had: no pause would help */
        return;
    }
    if (++l->tries >= PAGEBLOB_LIST_TRIES_MAX) {
        end_with(l, e);
        return;
    }
    if (l->tries > 1 && ran_out_of_time(e))
        halve_window(l); /* perhaps the answer was too long for the way */
    reactor_arm(l->reactor, &l->pause, reactor_now_ns(l->reactor) + pause_ms(l, e) * NS_PER_MS,
                on_pause_over);
}

/* ---- The loop: ask, take or fail, ask ---- */

static void on_answer(struct http_req *req)
{
    struct pageblob_lister *l = lister_of_op(verb_op(req));
    uint64_t list_end = extent_end(l->list->within);
    struct err e = {0};

    l->op.length = 0; /* its errors are about the blob */
    if (!verb_answered(&l->op, "listing") || !verb_succeeded(&l->op, 200, "listing"))
        e = l->op.err;
    if (err_is_set(&e) || !take_page(l, &e)) {
        page_failed(l, &e);
        return;
    }
    l->list->up_to = l->position_bytes;
    if (l->list->page)
        l->list->page(l->list);
    if (l->position_bytes >= list_end && !l->marker[0]) {
        end_with(l, NULL);
        return;
    }
    if (!l->marker[0] && l->window_bytes < UINT64_MAX / 2)
        l->window_bytes *= 2; /* it went well: dare more */
    ask(l);
}

static bool write_query(struct pageblob_lister *l, struct err *e)
{
    const char *since = l->list->since_snapshot;
    char *marker = percent_encode(l->marker);
    char *previous = percent_encode(since ? since : "");
    int bytes = -1;

    if (marker && previous)
        bytes = snprintf(l->additions, sizeof l->additions, "comp=pagelist%s%s%s%s%s",
                         since ? "&prevsnapshot=" : "", previous,
                         l->without_paging ? "" : "&maxresults=10000", *marker ? "&marker=" : "",
                         marker);
    _Static_assert(PAGEBLOB_LIST_PAGE_RANGES == 10000, "stands in the query");
    free(marker);
    free(previous);
    if (bytes < 0)
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a query");
    if ((size_t)bytes >= sizeof l->additions)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "the base's snapshot time is too long");
    return true;
}

static void ask(struct pageblob_lister *l)
{
    struct pageblob_op *op = &l->op;
    uint64_t list_end = extent_end(l->list->within);
    struct verb_headers h;
    struct err e = {0};

    if (!write_query(l, &e)) {
        end_with(l, &e);
        return;
    }
    if (!l->marker[0]) { /* a marker goes on in the window it came from */
        l->window_start = l->position_bytes;
        l->window_end = l->window_bytes < list_end - l->position_bytes
                            ? l->position_bytes + l->window_bytes
                            : list_end;
    }
    verb_headers_init(&h);
    if (!l->whole || l->window_bytes != UINT64_MAX)
        verb_header_range(&h, l->window_start, l->window_end - l->window_start);
    if (l->list->since_url)
        verb_header(&h, "x-ms-previous-snapshot-url", l->list->since_url);
    verb_header_if_match(&h, l->blob, l->blob->guard);
    l->begun = false;
    err_clear(&op->err);
    op->http = (struct http_req){.method = HTTP_GET,
                                 .verb = "list_ranges",
                                 .additions = l->additions,
                                 .push = on_push,
                                 .deadlines = {.total_ms = PAGEBLOB_LIST_TOTAL_MS}};
    verb_send(l->blob, op, &h, on_answer);
}

static void never_called(struct pageblob_op *op)
{
    (void)op;
    assert(!"a list answers by its own done");
}

void pageblob_list(struct pageblob *blob, struct pageblob_list *list)
{
    struct pageblob_lister *l = calloc(1, sizeof *l);

    assert(list->done && list->out_data && list->out_data->count == 0);
    assert(list->within.length > 0);
    assert(!list->since_snapshot || !list->since_url);
    assert(!list->since_snapshot || list->out_clears);
    assert(!list->since_url || list->out_clears);
    list->lister = l;
    list->pages_count = list->clears_count = 0;
    if (!l || !(l->parser = pageranges_new(&list->err))) {
        if (!l)
            err_set(&list->err, ERR_LIMIT, RETRY_LATER, "no memory for a list of page ranges");
        reactor_post(http_reactor(blob->http), &list->task, on_ended);
        return;
    }
    l->list = list;
    l->blob = blob;
    l->reactor = http_reactor(blob->http);
    l->position_bytes = list->within.offset;
    l->window_bytes = UINT64_MAX;
    l->whole = list->within.offset == 0 && list->within.length >= list->size_bytes;
    l->op.done = never_called;
    ask(l);
}
