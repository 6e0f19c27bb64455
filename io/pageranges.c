/* pageranges.c - see pageranges.h. expat parses. Its handlers run eight times a range, and a list may have
 * ten million; so what stands between two of its tokens in exactly the form the service writes is taken past
 * it: a whole element more or less there changes nothing for it. All that is a little different is expat's.
 */
#include "io/pageranges.h"
#include "io/pagerange_scan.h"

#include <assert.h>
#include <expat.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES         512u
#define NUMBER_MAX_BYTES   20u /* digits of UINT64_MAX */
#define PUSH_STEP_BYTES    (64u << 10)
#define NUMBER_SLACK_BYTES 12u /* blanks around a number */
_Static_assert(PUSH_STEP_BYTES < PAGERANGES_TOKEN_MAX_BYTES,
               "a step may not pass for a long token");

enum inside { IN_OTHER, IN_LIST, IN_RANGE, IN_START, IN_END, IN_MARKER };

struct pageranges {
    XML_Parser parser;
    /* set by begin */
    struct extent_set *data;
    struct extent_set *clears;
    struct extent within;
    uint64_t blob_bytes;
    /* changes while an answer is pushed */
    struct err err; /* what a handler found; the parser is stopped then */
    unsigned depth;
    unsigned other_depth; /* depth of the unknown element we are in; 0 = none */
    enum inside inside;
    bool is_clear, has_start, has_end;
    uint64_t start, end;
    uint64_t last_end; /* where the range before this one ended */
    uint64_t pushed_bytes;
    uint64_t parsed_bytes; /* of them: what expat was given */
    uint64_t tag_end;      /* of those: where the last tag that expat told of ended */
    bool plain;            /* the root's tag has no attribute, and a byte a character */
    uint64_t count, clear_count;
    size_t text_bytes;
    char text[PAGERANGES_MARKER_MAX_BYTES + 1];
    char marker[PAGERANGES_MARKER_MAX_BYTES + 1];
};

static void stop(struct pageranges *list)
{
    assert(err_is_set(&list->err));
    XML_StopParser(list->parser, XML_FALSE);
}

/* ---- What one range must be ---- */

static const char *range_fault(const struct pageranges *list)
{
    if (!list->has_start || !list->has_end)
        return "lacks its Start or its End";
    if (list->start > list->end)
        return "ends before it starts";
    if (list->start % PAGE_BYTES != 0 || list->end % PAGE_BYTES != PAGE_BYTES - 1)
        return "is not aligned to pages of 512 bytes";
    if (list->end >= list->blob_bytes)
        return "lies beyond the end of the blob";
    if (list->start < list->last_end)
        return "overlaps the range before it, or is not in order";
    return NULL;
}

static void take_range(struct pageranges *list)
{
    const char *fault = range_fault(list);
    struct extent_set *set = list->is_clear ? list->clears : list->data;
    struct extent range;

    if (fault) {
        err_set(&list->err, ERR_CORRUPT, RETRY_LATER,
                "the host's range list is not valid: range %" PRIu64 " (%" PRIu64 "-%" PRIu64
                ") %s (the blob has %" PRIu64 " bytes)",
                list->count + 1, list->start, list->end, fault, list->blob_bytes);
        stop(list);
        return;
    }
    list->count++;
    list->clear_count += list->is_clear;
    list->last_end = list->end + 1;
    range.offset = list->start;
    range.length = list->end + 1 - list->start;
    range = extent_common(range, list->within);
    if (range.length == 0 || !set)
        return;
    if (!extent_set_append(set, range)) {
        err_set(&list->err, ERR_LIMIT, RETRY_NEVER,
                "the range list is too long for this machine's memory, after %" PRIu64 " ranges",
                list->count);
        stop(list);
    }
}

/* The entries that expat need not see; how many bytes they have. */
static size_t take_plain(struct pageranges *list, const char *bytes, size_t count)
{
    struct pagerange_entry entry;
    size_t taken = 0, entry_bytes;

    list->has_start = list->has_end = true;
    while ((entry_bytes = pagerange_scan(bytes + taken, count - taken, &entry)) > 0) {
        list->start = entry.start;
        list->end = entry.end;
        list->is_clear = entry.is_clear;
        take_range(list);
        if (err_is_set(&list->err))
            break;
        taken += entry_bytes;
    }
    return taken;
}

static void take_number(struct pageranges *list, uint64_t *out_value, bool *has)
{
    const char *at = list->text + strspn(list->text, " \t\r\n");
    size_t digits = strspn(at, "0123456789");
    const char *rest = at + digits;
    bool ok = digits > 0 && digits <= NUMBER_MAX_BYTES && !*has;
    uint64_t value = 0;

    for (size_t i = 0; i < digits && ok; i++)
        ok = !__builtin_mul_overflow(value, 10u, &value) &&
             !__builtin_add_overflow(value, (uint64_t)(at[i] - '0'), &value);
    if (!ok || rest[strspn(rest, " \t\r\n")]) {
        err_set(&list->err, ERR_CORRUPT, RETRY_LATER,
                "the host's range list is not valid: range %" PRIu64
                " has a Start or End that is not one number",
                list->count + 1);
        stop(list);
        return;
    }
    *out_value = value;
    *has = true;
}

/* ---- expat's handlers ---- */

static void note_tag(struct pageranges *list)
{
    list->tag_end = (uint64_t)XML_GetCurrentByteIndex(list->parser) +
                    (uint64_t)XML_GetCurrentByteCount(list->parser);
}

static enum inside child_of_list(struct pageranges *list, const char *name)
{
    bool clear = strcmp(name, "ClearRange") == 0;

    if (clear || strcmp(name, "PageRange") == 0) {
        list->is_clear = clear;
        list->has_start = list->has_end = false;
        list->start = list->end = 0;
        return IN_RANGE;
    }
    return strcmp(name, "NextMarker") == 0 ? IN_MARKER : IN_OTHER;
}

static enum inside child_of_range(const char *name)
{
    if (strcmp(name, "Start") == 0)
        return IN_START;
    return strcmp(name, "End") == 0 ? IN_END : IN_OTHER;
}

static void on_start(void *user, const char *name, const char **attributes)
{
    struct pageranges *list = user;
    enum inside next = IN_OTHER;

    (void)attributes;
    note_tag(list);
    if (++list->depth > PAGERANGES_DEPTH_MAX) {
        err_set(&list->err, ERR_LIMIT, RETRY_NEVER, "the host's range list nests deeper than %u",
                PAGERANGES_DEPTH_MAX);
        stop(list);
        return;
    }
    if (list->other_depth)
        return;
    if (list->depth == 1) {
        if (strcmp(name, "PageList") != 0) {
            err_set(&list->err, ERR_CORRUPT, RETRY_LATER,
                    "the host answered with XML that is not a list of page ranges");
            stop(list);
            return;
        }
        list->plain =
            XML_GetCurrentByteCount(list->parser) == (int)sizeof "<PageList>" - 1 && !*attributes;
        next = IN_LIST;
    } else if (list->inside == IN_LIST) {
        next = child_of_list(list, name);
    } else if (list->inside == IN_RANGE) {
        next = child_of_range(name);
    }
    if (next == IN_OTHER) {
        list->other_depth = list->depth; /* tolerated, and what is in it too */
        return;
    }
    list->inside = next;
    list->text_bytes = 0;
}

static void on_end(void *user, const char *name)
{
    struct pageranges *list = user;

    (void)name;
    note_tag(list);
    list->depth--;
    if (list->other_depth) {
        if (list->other_depth > list->depth)
            list->other_depth = 0;
        return;
    }
    list->text[list->text_bytes] = 0;
    switch (list->inside) {
    case IN_START:
        take_number(list, &list->start, &list->has_start);
        list->inside = IN_RANGE;
        break;
    case IN_END:
        take_number(list, &list->end, &list->has_end);
        list->inside = IN_RANGE;
        break;
    case IN_RANGE:
        take_range(list);
        list->inside = IN_LIST;
        break;
    case IN_MARKER:
        memcpy(list->marker, list->text, list->text_bytes + 1);
        list->inside = IN_LIST;
        break;
    case IN_LIST:
    case IN_OTHER:
        break;
    }
}

static void on_text(void *user, const char *text, int count)
{
    struct pageranges *list = user;
    size_t max;

    if (list->inside < IN_START || list->other_depth)
        return;
    max = list->inside == IN_MARKER ? PAGERANGES_MARKER_MAX_BYTES
                                    : NUMBER_MAX_BYTES + NUMBER_SLACK_BYTES;
    if ((size_t)count > max - list->text_bytes) {
        err_set(&list->err, ERR_CORRUPT, RETRY_LATER,
                "the host's range list is not valid: a %s is longer than %zu bytes",
                list->inside == IN_MARKER ? "marker" : "number", max);
        stop(list);
        return;
    }
    memcpy(list->text + list->text_bytes, text, (size_t)count);
    list->text_bytes += (size_t)count;
}

/* No honest list has one, and entities are how a small body becomes a large one. */
static void on_doctype(void *user, const char *name, const char *sysid, const char *pubid,
                       int internal)
{
    struct pageranges *list = user;

    (void)name, (void)sysid, (void)pubid, (void)internal;
    err_set(&list->err, ERR_CORRUPT, RETRY_LATER,
            "the host answered with a document type where a list of page ranges belongs");
    stop(list);
}

/* ---- Life and use ---- */

struct pageranges *pageranges_new(struct err *e)
{
    struct pageranges *list = calloc(1, sizeof *list);

    if (list)
        list->parser = XML_ParserCreate(NULL);
    if (!list || !list->parser) {
        free(list);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to parse a range list");
        return NULL;
    }
    return list;
}

void pageranges_free(struct pageranges *list)
{
    if (!list)
        return;
    XML_ParserFree(list->parser);
    free(list);
}

void pageranges_begin(struct pageranges *list, struct extent_set *data, struct extent_set *clears,
                      struct extent within, uint64_t after, uint64_t blob_bytes)
{
    XML_Parser parser = list->parser;

    assert(data);
    XML_ParserReset(parser, NULL);
    memset(list, 0, offsetof(struct pageranges, text));
    list->parser = parser;
    list->text[0] = list->marker[0] = 0;
    list->data = data;
    list->clears = clears;
    list->within = within;
    list->last_end = after;
    list->blob_bytes = blob_bytes;
    XML_SetUserData(parser, list);
    XML_SetElementHandler(parser, on_start, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    XML_SetStartDoctypeDeclHandler(parser, on_doctype);
}

static bool report(struct pageranges *list, struct err *e)
{
    enum XML_Error code = XML_GetErrorCode(list->parser);

    if (err_is_set(&list->err)) {
        *e = list->err;
        return false;
    }
    if (code == XML_ERROR_NO_MEMORY)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to parse a range list");
    if (code == XML_ERROR_NO_ELEMENTS || code == XML_ERROR_UNCLOSED_TOKEN)
        return err_set(e, ERR_CORRUPT, RETRY_LATER,
                       "the host's range list is cut off after %" PRIu64 " ranges", list->count);
    return err_set(e, ERR_CORRUPT, RETRY_LATER,
                   "the host's range list is not well-formed XML at byte %" PRIu64 ": %s",
                   list->pushed_bytes - list->parsed_bytes +
                       (uint64_t)XML_GetCurrentByteIndex(list->parser),
                   XML_ErrorString(code));
}

/* expat has no byte that it has not told of, and the next ones are the root's content. */
static bool between_tokens(const struct pageranges *list)
{
    return list->plain && list->depth == 1 && list->tag_end == list->parsed_bytes;
}

static bool parse(struct pageranges *list, const char *bytes, size_t count, struct err *e)
{
    list->pushed_bytes += count;
    list->parsed_bytes += count;
    if (XML_Parse(list->parser, bytes, (int)count, XML_FALSE) != XML_STATUS_OK)
        return report(list, e);
    if (list->parsed_bytes - (uint64_t)XML_GetCurrentByteIndex(list->parser) >
        PAGERANGES_TOKEN_MAX_BYTES)
        return err_set(e, ERR_CORRUPT, RETRY_LATER,
                       "the host's range list has a tag or text longer than %u bytes",
                       PAGERANGES_TOKEN_MAX_BYTES);
    return true;
}

/* Up to where an entry seems to begin; all of it when that proves to be inside of something else, so that
 * a text full of such places is not looked at once for each. */
static bool parse_step(struct pageranges *list, const char *bytes, size_t count, struct err *e)
{
    size_t head = list->plain || list->depth == 0 ? pagerange_find(bytes, count) : count;

    return parse(list, bytes, head, e) &&
           (head == count || between_tokens(list) || parse(list, bytes + head, count - head, e));
}

bool pageranges_push(struct pageranges *list, const void *bytes, size_t count, struct err *e)
{
    const char *at = bytes, *end = at + count;

    if (err_is_set(&list->err))
        return report(list, e);
    if (count > PAGERANGES_BODY_MAX_BYTES - list->pushed_bytes)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "the host's range list is longer than 4 GiB");
    while (at < end) {
        uint64_t before_bytes = list->pushed_bytes;
        size_t step = (size_t)(end - at) < PUSH_STEP_BYTES ? (size_t)(end - at) : PUSH_STEP_BYTES;
        size_t taken = between_tokens(list) ? take_plain(list, at, (size_t)(end - at)) : 0;

        list->pushed_bytes += taken;
        if (err_is_set(&list->err))
            return report(list, e);
        if (taken == 0 && !parse_step(list, at, step, e))
            return false;
        at += list->pushed_bytes - before_bytes;
    }
    return true;
}

bool pageranges_end(struct pageranges *list, struct err *e)
{
    if (err_is_set(&list->err) || XML_Parse(list->parser, "", 0, XML_TRUE) != XML_STATUS_OK)
        return report(list, e);
    return true;
}

const char *pageranges_marker(const struct pageranges *list)
{
    return list->marker;
}

uint64_t pageranges_count(const struct pageranges *list)
{
    return list->count;
}

uint64_t pageranges_clear_count(const struct pageranges *list)
{
    return list->clear_count;
}

uint64_t pageranges_last_end(const struct pageranges *list)
{
    return list->last_end;
}
