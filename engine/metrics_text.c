/* metrics_text.c - see metrics_text.h. */
#include "engine/metrics_text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST_BYTES 256u
#define NUMBER_BYTES     48u

/* ---- Bytes ---- */

static bool make_room(struct metrics_text *t, size_t more)
{
    size_t room = t->room ? t->room : ROOM_FIRST_BYTES;
    char *bytes;

    if (t->failed)
        return false;
    while (room - t->count <= more) /* one for the NUL */
        room *= 2;
    if (room == t->room)
        return true;
    bytes = realloc(t->bytes, room);
    if (!bytes) {
        t->failed = true;
        return false;
    }
    t->bytes = bytes;
    t->room = room;
    return true;
}

static void add(struct metrics_text *t, const char *bytes, size_t count)
{
    if (!make_room(t, count))
        return;
    memcpy(t->bytes + t->count, bytes, count);
    t->count += count;
    t->bytes[t->count] = 0;
}

static void add_text(struct metrics_text *t, const char *text)
{
    add(t, text, strlen(text));
}

void metrics_text_fini(struct metrics_text *t)
{
    free(t->bytes);
    *t = (struct metrics_text){0};
}

void metrics_text_clear(struct metrics_text *t)
{
    t->count = 0;
    if (t->bytes)
        t->bytes[0] = 0;
}

/* ---- Numbers: by hand, because printf would follow the locale, and is slow ---- */

/* Writes before `end`; returns where it begins. */
static char *write_whole(char *end, uint64_t value)
{
    do {
        *--end = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return end;
}

static void add_decimal(struct metrics_text *t, uint64_t value, unsigned decimals)
{
    char text[NUMBER_BYTES], *end = text + sizeof text, *from = end;

    assert(decimals < 20);
    for (; decimals > 0 && value % 10 == 0; decimals--)
        value /= 10;
    if (decimals > 0) {
        for (; decimals > 0; decimals--, value /= 10)
            *--from = (char)('0' + value % 10);
        *--from = '.';
    }
    from = write_whole(from, value);
    add(t, from, (size_t)(end - from));
}

/* ---- Labels ---- */

/* How long the UTF-8 sequence at text is; 0: there is none. */
static size_t sequence_bytes(const unsigned char *text)
{
    size_t count = text[0] < 0x80   ? 1
                   : text[0] < 0xc2 ? 0
                   : text[0] < 0xe0 ? 2
                   : text[0] < 0xf0 ? 3
                   : text[0] < 0xf5 ? 4
                                    : 0;

    for (size_t i = 1; i < count; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
        (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
        return 0; /* longer than need be, a surrogate, beyond the last one */
    return count;
}

static void add_escaped(struct metrics_text *t, const char *value)
{
    while (*value) {
        size_t count = sequence_bytes((const unsigned char *)value);

        if (*value == '\\' || *value == '"')
            add(t, "\\", 1);
        if (*value == '\n')
            add(t, "\\n", 2);
        else if (count == 0)
            add(t, "?", 1);
        else
            add(t, value, count);
        value += count ? count : 1;
    }
}

static void begin_label(struct metrics_text *labels, const char *name)
{
    if (labels->count)
        add(labels, ",", 1);
    add_text(labels, name);
    add(labels, "=\"", 2);
}

void metrics_text_label(struct metrics_text *labels, const char *name, const char *value)
{
    begin_label(labels, name);
    add_escaped(labels, value);
    add(labels, "\"", 1);
}

void metrics_text_label_decimal(struct metrics_text *labels, const char *name, uint64_t value,
                                unsigned decimals)
{
    begin_label(labels, name);
    add_decimal(labels, value, decimals);
    add(labels, "\"", 1);
}

void metrics_text_labels(struct metrics_text *labels, const char *made)
{
    assert(labels->count == 0);
    add_text(labels, made);
}

/* ---- Lines ---- */

void metrics_text_head(struct metrics_text *t, const char *name, const char *type, const char *help)
{
    add_text(t, "# HELP ");
    add_text(t, name);
    add(t, " ", 1);
    add_text(t, help);
    add_text(t, "\n# TYPE ");
    add_text(t, name);
    add(t, " ", 1);
    add_text(t, type);
    add(t, "\n", 1);
}

static void begin_sample(struct metrics_text *t, const char *name, const char *labels)
{
    add_text(t, name);
    if (labels && *labels) {
        add(t, "{", 1);
        add_text(t, labels);
        add(t, "}", 1);
    }
    add(t, " ", 1);
}

void metrics_text_decimal(struct metrics_text *t, const char *name, const char *labels,
                          uint64_t value, unsigned decimals)
{
    begin_sample(t, name, labels);
    add_decimal(t, value, decimals);
    add(t, "\n", 1);
}

void metrics_text_count(struct metrics_text *t, const char *name, const char *labels,
                        uint64_t value)
{
    metrics_text_decimal(t, name, labels, value, 0);
}

void metrics_text_infinite(struct metrics_text *t, const char *name, const char *labels)
{
    begin_sample(t, name, labels);
    add_text(t, "+Inf\n");
}
