/* call_fault_list.c - entries are found as text: <PageRange> or <ClearRange>, one after another. */
#include "tools/regiond/call_fault_list.h"

#include <stdlib.h>
#include <string.h>

#include "tools/regiond/dispatch.h"

#define FIRST_MARKER     "2!12!MDAwMDAxITAh" /* of offset 0: the list from its beginning */
#define MARKER_MAX_BYTES 64u

struct entry {
    size_t at;
    size_t bytes;
};

/* The n-th entry; false: there are not so many. */
static bool find_entry(const char *text, uint64_t n, struct entry *out)
{
    const char *at = strstr(text, "<PageList>");

    if (!at)
        return false;
    at += strlen("<PageList>");
    for (;; n--) {
        const char *end = strstr(at, "Range>"); /* of the opening tag */

        if (strncmp(at, "<PageRange>", 11) != 0 && strncmp(at, "<ClearRange>", 12) != 0)
            return false;
        end = end ? strstr(end + 6, "Range>") : NULL;
        if (!end)
            return false;
        end += 6;
        if (n == 0) {
            *out = (struct entry){(size_t)(at - text), (size_t)(end - at)};
            return true;
        }
        at = end;
    }
}

static uint64_t count_entries(const char *text)
{
    uint64_t n = 0;

    for (const char *at = text; (at = strstr(at, "<Start>")); at++)
        n++;
    return n;
}

static void duplicate(const char *text, uint64_t draw, struct text_out *out)
{
    uint64_t count = count_entries(text);
    struct entry e;

    if (count == 0 || !find_entry(text, draw % count, &e))
        return;
    text_out_bytes(out, text, e.at + e.bytes);
    text_out_text(out, text + e.at);
}

static void reorder(const char *text, uint64_t draw, struct text_out *out)
{
    uint64_t count = count_entries(text);
    struct entry first;
    struct entry second;

    if (count < 2 || !find_entry(text, draw % (count - 1), &first) ||
        !find_entry(text, draw % (count - 1) + 1, &second))
        return;
    text_out_bytes(out, text, first.at);
    text_out_bytes(out, text + second.at, second.bytes);
    text_out_bytes(out, text + first.at, first.bytes);
    text_out_text(out, text + second.at + second.bytes);
}

static void drop(const char *text, uint64_t draw, struct text_out *out)
{
    uint64_t count = count_entries(text);
    struct entry e;

    if (count == 0 || !find_entry(text, draw % count, &e))
        return;
    text_out_bytes(out, text, e.at);
    text_out_text(out, text + e.at + e.bytes);
}

static void beyond_end(const struct call *call, const char *text, struct text_out *out)
{
    const char *size_text = answer_header_find(&call->x.answer, "x-ms-blob-content-length");
    const char *end = strstr(text, "<NextMarker");
    unsigned long long size = size_text ? strtoull(size_text, NULL, 10) : 0;

    if (!end)
        end = strstr(text, "</PageList>");
    if (!end)
        return;
    text_out_bytes(out, text, (size_t)(end - text));
    text_out_format(out, "<PageRange><Start>%llu</Start><End>%llu</End></PageRange>", size,
                    size + 511);
    text_out_text(out, end);
}

static void same_marker(const struct call *call, const char *text, struct text_out *out)
{
    const char *marker = request_param(&call->x.request, "marker");
    const char *end = strstr(text, "<NextMarker");

    if (!end)
        end = strstr(text, "</PageList>");
    if (!end)
        return;
    text_out_bytes(out, text, (size_t)(end - text));
    text_out_element(out, "NextMarker", marker && *marker ? marker : FIRST_MARKER);
    text_out_text(out, "</PageList>");
}

/* The marker an answer ends with; false: it is the last page. */
static bool next_marker(const char *text, char out[MARKER_MAX_BYTES])
{
    const char *at = strstr(text, "<NextMarker>");
    size_t n;

    if (!at)
        return false;
    at += strlen("<NextMarker>");
    n = strcspn(at, "<");
    if (n == 0 || n >= MARKER_MAX_BYTES)
        return false;
    memcpy(out, at, n);
    out[n] = '\0';
    return true;
}

void call_fault_list_arrived(struct call *call)
{
    if (call->fault.entries[0])
        request_set_param(&call->x.request, "maxresults", call->fault.entries);
}

/* The answer the verb gives for that marker; the caller frees it. NULL: it gives none. */
static char *page_of(struct call *call, const char *marker)
{
    struct exchange other = {.parts = call->x.parts, .verb = call->x.verb};
    char *text = NULL;

    other.answer.fd = -1;
    other.request = call->x.request; /* its texts are borrowed */
    if (request_set_param(&other.request, "marker", marker) && other.verb->run(&other) &&
        answer_collect(&other.answer))
        text = other.answer.text;
    if (other.answer.context_free)
        other.answer.context_free(other.answer.context);
    text_out_fini(&other.answer.headers);
    return text;
}

/* The next page, whose marker leads back to the page it came instead of. */
static void swap_pages(struct call *call, const char *text, struct text_out *out)
{
    const char *asked = request_param(&call->x.request, "marker");
    char marker[MARKER_MAX_BYTES];
    const char *end;
    char *next;

    if (!next_marker(text, marker))
        return;
    next = page_of(call, marker);
    if (!next)
        return;
    end = strstr(next, "<NextMarker");
    if (end) {
        text_out_bytes(out, next, (size_t)(end - next));
        text_out_element(out, "NextMarker", asked && *asked ? asked : FIRST_MARKER);
        text_out_text(out, "</PageList>");
    }
    free(next);
}

static bool is_short(const char *text)
{
    char marker[MARKER_MAX_BYTES];

    return next_marker(text, marker);
}

void call_fault_list(struct call *call)
{
    struct answer *a = &call->x.answer;
    struct text_out spoilt = {0};

    if (!strstr(a->text, "<PageList>"))
        return;
    switch (call->fault.kind) {
    case FAULT_LIST_DUPLICATE:
        duplicate(a->text, call->fault.draw, &spoilt);
        break;
    case FAULT_LIST_REORDER:
        reorder(a->text, call->fault.draw, &spoilt);
        break;
    case FAULT_LIST_DROP:
        drop(a->text, call->fault.draw, &spoilt);
        break;
    case FAULT_LIST_BEYOND_END:
        beyond_end(call, a->text, &spoilt);
        break;
    case FAULT_LIST_TRUNCATE:
        text_out_bytes(&spoilt, a->text, a->body_bytes / 2);
        break;
    case FAULT_LIST_MARKER:
        same_marker(call, a->text, &spoilt);
        break;
    case FAULT_LIST_SWAP:
        swap_pages(call, a->text, &spoilt);
        break;
    case FAULT_LIST_SHORT: /* call_fault_list_arrived has seen to it */
        call->has_fault = is_short(a->text);
        return;
    default:
        return;
    }
    if (spoilt.length == 0 || spoilt.failed) {
        text_out_fini(&spoilt);
        call->has_fault = false; /* it did not happen */
        return;
    }
    free(a->text);
    a->body_bytes = spoilt.length;
    a->text = text_out_take(&spoilt);
}
