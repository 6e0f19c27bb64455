/* verb_pagelist.c - Get Page Ranges, and its diff against an older snapshot. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/regiond/previous_url.h"
#include "tools/regiond/verb_common.h"
#include "tools/regiond/verbs.h"

#define LIST_PAGE_MAX_COUNT  10000u     /* entries of one page, where there are pages */
#define LIST_WHOLE_MAX_COUNT (4u << 20) /* entries of a list without pages: 96 MiB of them */
#define LIST_ENTRY_MAX_BYTES 112u       /* one entry, or the list's head or end, as text */
#define MARKER_MAX_BYTES     64u

struct list_job {
    struct verb_range within;
    bool paged;      /* the version has pages */
    bool page_asked; /* maxresults or marker was sent: the last page says <NextMarker/> */
    size_t count_max;
    uint64_t from;
    char previous[REQUEST_SNAPSHOT_MAX_BYTES]; /* "" for a full list */
};

/* ---- Markers: "2!LENGTH!BASE64", over "DIGITS!OFFSET!", as recorded from the service ---- */

static void marker_of(uint64_t offset, char out[MARKER_MAX_BYTES])
{
    char digits[24];
    char plain[40];
    unsigned char coded[56];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)offset);

    n = snprintf(plain, sizeof plain, "%06d!%s!", n, digits);
    n = EVP_EncodeBlock(coded, (const unsigned char *)plain, n);
    snprintf(out, MARKER_MAX_BYTES, "2!%d!%s", n, (const char *)coded);
}

static bool marker_read(const char *text, uint64_t *out_offset)
{
    unsigned char plain[MARKER_MAX_BYTES + 1] = {0};
    char again[MARKER_MAX_BYTES];
    const char *coded = strrchr(text, '!');
    size_t n = strlen(text);

    if (n >= MARKER_MAX_BYTES || !coded || n < 8)
        return false;
    coded++;
    if (EVP_DecodeBlock(plain, (const unsigned char *)coded, (int)strlen(coded)) < 8)
        return false;
    *out_offset = strtoull((const char *)plain + 7, NULL, 10);
    marker_of(*out_offset, again); /* only what we would have written ourselves is a marker */
    return strcmp(again, text) == 0;
}

/* ---- The request ---- */

static bool paging_of(struct exchange *x, struct list_job *job)
{
    const char *marker = request_param(&x->request, "marker");

    job->count_max = LIST_WHOLE_MAX_COUNT;
    job->paged = request_version_at_least(&x->request, "2020-10-02");
    if (!job->paged)
        return true;
    job->page_asked = marker || request_param(&x->request, "maxresults");
    if (!verb_max_results(x, LIST_PAGE_MAX_COUNT, &job->count_max))
        return false;
    if (marker && *marker && !marker_read(marker, &job->from))
        return service_fail_query(&x->error, CODE_INVALID_QUERY_PARAMETER_VALUE, "marker", marker);
    return true;
}

static bool previous_of(struct exchange *x, struct list_job *job)
{
    const struct request *r = &x->request;
    const char *time = request_param(r, "prevsnapshot");
    const char *url = request_header(r, PREVIOUS_URL_HEADER);
    uint64_t ticks;

    if (url && !r->is_disk_host)
        return service_fail_with(&x->error, CODE_UNSUPPORTED_HEADER_FOR_NON_MANAGED_DISKS_ACCOUNT,
                                 "HeaderName", PREVIOUS_URL_HEADER);
    if (url && time)
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, PREVIOUS_URL_HEADER, NULL);
    if ((url && r->is_upload_host) || (time && r->is_disk_host && r->caller != CALLER_KEY))
        return service_fail(&x->error, CODE_PREVIOUS_SNAPSHOT_OPERATION_NOT_SUPPORTED);
    if (url && !request_version_at_least(r, "2019-07-07"))
        return service_fail_header(&x->error, CODE_UNSUPPORTED_HEADER, PREVIOUS_URL_HEADER, NULL);
    if (url)
        return previous_url_snapshot(x, url, job->previous);
    if (!time)
        return true;
    if (!request_version_at_least(r, "2015-07-08"))
        return service_fail_query(&x->error, CODE_UNSUPPORTED_QUERY_PARAMETER, "prevsnapshot",
                                  NULL);
    if (strlen(time) >= sizeof job->previous || !store_snapshot_parse(time, &ticks))
        return service_fail_query(&x->error, CODE_INVALID_QUERY_PARAMETER_VALUE, "prevsnapshot",
                                  NULL);
    strcpy(job->previous, time);
    return true;
}

/* ---- The answer: entries are turned into text while they are sent ---- */

struct list_stream {
    struct store_range *items;
    size_t count;
    size_t next;
    bool began;
    bool ended;
    char end[LIST_ENTRY_MAX_BYTES];
};

static void list_stream_free(void *context)
{
    struct list_stream *list = context;

    free(list->items);
    free(list);
}

static char *put_text(char *out, const char *text)
{
    size_t n = strlen(text);

    memcpy(out, text, n);
    return out + n;
}

static char *put_number(char *out, uint64_t value)
{
    char digits[20];
    char *first = digits + sizeof digits;
    size_t n;

    do
        *--first = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    n = (size_t)(digits + sizeof digits - first);
    memcpy(out, first, n);
    return out + n;
}

/* Without printf: it was two thirds of what a list of a million entries costs. */
static size_t entry_text(const struct store_range *range, char *out)
{
    char *at = put_text(out, range->clear ? "<ClearRange><Start>" : "<PageRange><Start>");

    at = put_text(put_number(at, range->start), "</Start><End>");
    at = put_number(at, range->end - 1);
    at = put_text(at, range->clear ? "</End></ClearRange>" : "</End></PageRange>");
    return (size_t)(at - out);
}

static ssize_t list_stream_bytes(void *context, uint64_t at, char *out, size_t max_bytes)
{
    struct list_stream *list = context;
    size_t n = 0;

    (void)at;
    while (max_bytes - n >= LIST_ENTRY_MAX_BYTES && !list->ended) {
        if (!list->began) {
            list->began = true;
            n += (size_t)snprintf(out + n, LIST_ENTRY_MAX_BYTES,
                                  "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<PageList>");
        } else if (list->next < list->count) {
            n += entry_text(&list->items[list->next++], out + n);
        } else {
            list->ended = true;
            n += (size_t)snprintf(out + n, LIST_ENTRY_MAX_BYTES, "%s", list->end);
        }
    }
    return (ssize_t)n;
}

static bool list_answer(struct exchange *x, const struct list_job *job, struct list_stream *list,
                        const struct store_range_page *page)
{
    char marker[MARKER_MAX_BYTES];

    if (job->within.given && job->within.first >= page->properties.size_bytes)
        return service_fail(&x->error, CODE_INVALID_RANGE);
    if (page->more && !job->paged) /* as a service that runs out of time over such a list */
        return service_fail(&x->error, CODE_OPERATION_TIMED_OUT);
    list->count = page->count;
    if (page->more) {
        marker_of(page->next, marker);
        snprintf(list->end, sizeof list->end, "<NextMarker>%s</NextMarker></PageList>", marker);
    } else {
        snprintf(list->end, sizeof list->end, "%s</PageList>",
                 job->page_asked ? "<NextMarker/>" : "");
    }
    verb_answer(x, 200);
    verb_answer_stamp(x, &page->properties.stamp);
    answer_header(&x->answer, "Content-Type", "application/xml");
    answer_header_u64(&x->answer, "x-ms-blob-content-length", page->properties.size_bytes);
    answer_stream(&x->answer, ANSWER_BYTES_UNKNOWN, list_stream_bytes);
    return true;
}

/* One call of the store for the whole answer, so that it is of one instant; the array grows until
 * it holds what there is. */
static bool list_fetch(struct exchange *x, const struct list_job *job, struct list_stream *list,
                       struct store_range_page *page)
{
    struct store_range_query query = {
        .previous = job->previous[0] ? job->previous : NULL,
        .from = job->within.given ? job->within.first / STORE_PAGE_BYTES * STORE_PAGE_BYTES : 0,
        .to = UINT64_MAX,
    };
    size_t capacity = job->count_max < LIST_PAGE_MAX_COUNT ? job->count_max : LIST_PAGE_MAX_COUNT;
    struct store_key key = verb_key(x);
    struct store_conditions when;

    if (!verb_conditions(x, &when))
        return false;
    if (job->within.given && job->within.last < STORE_BLOB_BYTES_MAX)
        query.to = (job->within.last / STORE_PAGE_BYTES + 1) * STORE_PAGE_BYTES;
    if (job->from > query.from)
        query.from = job->from;
    for (;;) {
        list->items = malloc(capacity * sizeof *list->items);
        if (!list->items)
            return service_fail(&x->error, CODE_INTERNAL_ERROR);
        if (!verb_stored(x, store_ranges(x->parts->store, &key, &when, &query, list->items,
                                         capacity, page)))
            return false;
        if (!page->more || capacity >= job->count_max)
            return true;
        store_properties_fini(&page->properties);
        free(list->items);
        list->items = NULL;
        capacity *= 8;
        if (capacity > job->count_max)
            capacity = job->count_max;
    }
}

bool verb_get_page_ranges(struct exchange *x)
{
    struct list_job job = {0};
    struct store_range_page page = {0};
    struct list_stream *list;
    bool done = false;

    if (!verb_range(x, &job.within) || !paging_of(x, &job) || !previous_of(x, &job))
        return false;
    list = calloc(1, sizeof *list);
    if (!list)
        return service_fail(&x->error, CODE_INTERNAL_ERROR);
    if (list_fetch(x, &job, list, &page)) {
        done = list_answer(x, &job, list, &page);
        store_properties_fini(&page.properties);
    }
    if (done)
        answer_keep(&x->answer, list, list_stream_free);
    else
        list_stream_free(list);
    return done;
}
