/* pagerange_scan.c - see pagerange_scan.h. Runs once a range, and a list may have ten million. */
#include "io/pagerange_scan.h"

#include <string.h>

#define PAGE   "<PageRange><Start>"
#define CLEAR  "<ClearRange><Start>"
#define COMMON "Range><Start>" /* of both; its first byte decides which */

struct scan {
    const char *at, *end;
};

/* Inlined, so that the comparison is of a known length. */
static inline bool scan_text(struct scan *s, const char *text, size_t count)
{
    if ((size_t)(s->end - s->at) < count || memcmp(s->at, text, count) != 0)
        return false;
    s->at += count;
    return true;
}

#define SCAN_LITERAL(s, literal) scan_text(s, literal, sizeof(literal) - 1)

static inline bool scan_number(struct scan *s, uint64_t *out_value)
{
    const char *first = s->at;
    uint64_t value = 0;

    while (s->at < s->end && (unsigned char)(*s->at - '0') < 10)
        value = value * 10 + (uint64_t)(*s->at++ - '0'); /* unsigned: may wrap, is dropped then */
    *out_value = value;
    return s->at > first && s->at - first <= (ptrdiff_t)PAGERANGE_SCAN_DIGITS_MAX;
}

size_t pagerange_scan(const char *text, size_t count, struct pagerange_entry *out_entry)
{
    struct scan s = {text, text + count};
    struct pagerange_entry entry = {.is_clear = false};

    if (!SCAN_LITERAL(&s, PAGE)) {
        entry.is_clear = true;
        if (!SCAN_LITERAL(&s, CLEAR))
            return 0;
    }
    if (!scan_number(&s, &entry.start) || !SCAN_LITERAL(&s, "</Start><End>") ||
        !scan_number(&s, &entry.end))
        return 0;
    if (!(entry.is_clear ? SCAN_LITERAL(&s, "</End></ClearRange>")
                         : SCAN_LITERAL(&s, "</End></PageRange>")))
        return 0;
    *out_entry = entry;
    return (size_t)(s.at - text);
}

size_t pagerange_find(const char *text, size_t count)
{
    static const char common[] = COMMON;
    const size_t kinds[] = {sizeof PAGE - sizeof COMMON, sizeof CLEAR - sizeof COMMON};
    const char *names[] = {PAGE, CLEAR};
    size_t at = 0;

    while (at < count) {
        const char *found = memmem(text + at, count - at, common, sizeof common - 1);
        size_t offset;

        if (!found)
            break;
        offset = (size_t)(found - text);
        for (size_t i = 0; i < 2; i++)
            if (offset > kinds[i] && memcmp(found - kinds[i], names[i], kinds[i]) == 0)
                return offset - kinds[i];
        at = offset + 1;
    }
    return count;
}
