/* event_queue.c - see event_queue.h.
 *
 * All lines stand in one list, in order. A line of progress is besides in one of two places: fresh, a list
 * and a table by disk, as long as it is its disk's newest; then stale, a heap by age. The line that leaves
 * the queue, delivered or dropped, is always the oldest of the place it is in, so neither needs a search.
 */
#include "engine/event_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_FIRST_COUNT 64u
#define HEAP_FIRST_COUNT    256u

enum line_place { LINE_KEPT, LINE_FRESH, LINE_STALE };

struct line {
    struct line *next, *previous;             /* of all */
    struct line *fresh_next, *fresh_previous; /* FRESH */
    struct line *bucket_next;                 /* FRESH */
    uint64_t order, hash;
    size_t bytes, held_bytes;
    enum line_place place;
    const char *disk; /* after the text; NULL but for progress */
    char text[];
};

struct event_queue {
    size_t max_bytes, held_bytes;
    struct line *first, *last;
    struct line *fresh_first, *fresh_last;
    struct line **buckets; /* by hash of the disk; a power of two */
    size_t buckets_count, fresh_count;
    struct line **stale; /* a heap, the oldest on top */
    size_t stale_count, stale_room;
    uint64_t next_order;
    struct event_queue_counts counts;
};

/* ---- Stale lines ---- */

static bool stale_push(struct event_queue *q, struct line *line)
{
    size_t at = q->stale_count;

    if (at == q->stale_room) {
        size_t room = at ? at * 2 : HEAP_FIRST_COUNT;
        struct line **more = reallocarray(q->stale, room, sizeof *more);

        if (!more)
            return false;
        q->stale = more;
        q->stale_room = room;
    }
    q->stale_count++;
    for (; at > 0 && q->stale[(at - 1) / 2]->order > line->order; at = (at - 1) / 2)
        q->stale[at] = q->stale[(at - 1) / 2];
    q->stale[at] = line;
    line->place = LINE_STALE;
    return true;
}

static void stale_pop(struct event_queue *q)
{
    struct line *last = q->stale[--q->stale_count];
    size_t at = 0;

    for (size_t child = 1; child < q->stale_count; child = at * 2 + 1) {
        if (child + 1 < q->stale_count && q->stale[child + 1]->order < q->stale[child]->order)
            child++;
        if (q->stale[child]->order > last->order)
            break;
        q->stale[at] = q->stale[child];
        at = child;
    }
    q->stale[at] = last;
}

/* ---- The newest of each disk ---- */

static uint64_t hash_of(const char *text) /* FNV-1a */
{
    uint64_t hash = 0xCBF29CE484222325ull;

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001B3ull;
    return hash ^ hash >> 32;
}

static struct line **bucket_of(const struct event_queue *q, uint64_t hash)
{
    return &q->buckets[hash & (q->buckets_count - 1)];
}

/* A table that cannot grow is only slower. */
static void buckets_grow(struct event_queue *q)
{
    size_t count = q->buckets_count * 2;
    struct line **more = calloc(count, sizeof *more);

    if (!more)
        return;
    free(q->buckets);
    q->buckets = more;
    q->buckets_count = count;
    for (struct line *line = q->fresh_first; line; line = line->fresh_next) {
        struct line **bucket = bucket_of(q, line->hash);

        line->bucket_next = *bucket;
        *bucket = line;
    }
}

static struct line *fresh_find(const struct event_queue *q, uint64_t hash, const char *disk)
{
    struct line *line = *bucket_of(q, hash);

    while (line && (line->hash != hash || strcmp(line->disk, disk) != 0))
        line = line->bucket_next;
    return line;
}

static void fresh_add(struct event_queue *q, struct line *line)
{
    struct line **bucket;

    if (q->fresh_count >= q->buckets_count)
        buckets_grow(q);
    bucket = bucket_of(q, line->hash);
    line->bucket_next = *bucket;
    *bucket = line;
    line->fresh_next = NULL;
    line->fresh_previous = q->fresh_last;
    if (q->fresh_last)
        q->fresh_last->fresh_next = line;
    else
        q->fresh_first = line;
    q->fresh_last = line;
    q->fresh_count++;
    line->place = LINE_FRESH;
}

static void fresh_remove(struct event_queue *q, struct line *line)
{
    struct line **link = bucket_of(q, line->hash);

    while (*link != line)
        link = &(*link)->bucket_next;
    *link = line->bucket_next;
    if (line->fresh_previous)
        line->fresh_previous->fresh_next = line->fresh_next;
    else
        q->fresh_first = line->fresh_next;
    if (line->fresh_next)
        line->fresh_next->fresh_previous = line->fresh_previous;
    else
        q->fresh_last = line->fresh_previous;
    q->fresh_count--;
}

/* ---- All lines ---- */

/* The line is in no place of progress any more. */
static void line_free(struct event_queue *q, struct line *line)
{
    if (line->previous)
        line->previous->next = line->next;
    else
        q->first = line->next;
    if (line->next)
        line->next->previous = line->previous;
    else
        q->last = line->previous;
    q->held_bytes -= line->held_bytes;
    q->counts.lines--;
    q->counts.bytes -= line->bytes;
    free(line);
}

static void drop_one(struct event_queue *q)
{
    struct line *line = q->stale_count ? q->stale[0] : q->fresh_first;

    if (q->stale_count)
        stale_pop(q);
    else
        fresh_remove(q, line);
    line_free(q, line);
    q->counts.dropped++;
}

static struct line *line_new(const char *text, size_t bytes, const char *disk)
{
    size_t disk_bytes = disk ? strlen(disk) + 1 : 0;
    size_t held_bytes = sizeof(struct line) + bytes + 1 + disk_bytes;
    struct line *line = malloc(held_bytes);

    if (!line)
        return NULL;
    *line = (struct line){.bytes = bytes, .held_bytes = held_bytes, .place = LINE_KEPT};
    memcpy(line->text, text, bytes);
    line->text[bytes] = '\0';
    if (disk) {
        line->disk = memcpy(line->text + bytes + 1, disk, disk_bytes);
        line->hash = hash_of(disk);
    }
    return line;
}

/* The disk's newest so far is its newest no longer. */
static void make_stale(struct event_queue *q, struct line *line)
{
    fresh_remove(q, line);
    if (stale_push(q, line))
        return;
    line_free(q, line); /* no memory to remember it by */
    q->counts.dropped++;
}

bool event_queue_push(struct event_queue *q, const struct event *event, const char *text,
                      size_t bytes)
{
    bool progress = event->kind == EVENT_PROGRESS;
    struct line *line = line_new(text, bytes, progress ? (event->disk ? event->disk : "") : NULL);

    if (!line) {
        q->counts.dropped += progress;
        return progress;
    }
    line->order = q->next_order++;
    line->previous = q->last;
    if (q->last)
        q->last->next = line;
    else
        q->first = line;
    q->last = line;
    q->held_bytes += line->held_bytes;
    q->counts.lines++;
    q->counts.bytes += bytes;
    if (progress) {
        struct line *older = fresh_find(q, line->hash, line->disk);

        if (older)
            make_stale(q, older);
        fresh_add(q, line);
    }
    while (q->held_bytes > q->max_bytes && q->stale_count + q->fresh_count > 0)
        drop_one(q);
    return true;
}

bool event_queue_first(const struct event_queue *q, struct event_queue_line *out_line)
{
    const struct line *line = q->first;

    if (!line)
        return false;
    *out_line = (struct event_queue_line){line->text, line->bytes, line->place != LINE_KEPT};
    return true;
}

void event_queue_pop(struct event_queue *q)
{
    struct line *line = q->first;

    assert(line);
    if (line->place == LINE_FRESH) {
        fresh_remove(q, line);
    } else if (line->place == LINE_STALE) {
        assert(q->stale[0] == line);
        stale_pop(q);
    }
    line_free(q, line);
}

struct event_queue_counts event_queue_count(const struct event_queue *q)
{
    return q->counts;
}

/* ---- Life ---- */

struct event_queue *event_queue_new(size_t max_bytes, struct err *e)
{
    struct event_queue *q = calloc(1, sizeof *q);

    if (q)
        q->buckets = calloc(BUCKETS_FIRST_COUNT, sizeof *q->buckets);
    if (!q || !q->buckets) {
        free(q);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a queue of events");
        return NULL;
    }
    q->buckets_count = BUCKETS_FIRST_COUNT;
    q->max_bytes = max_bytes;
    return q;
}

void event_queue_free(struct event_queue *q)
{
    if (!q)
        return;
    while (q->first)
        event_queue_pop(q);
    free(q->buckets);
    free(q->stale);
    free(q);
}
