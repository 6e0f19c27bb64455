/* text_out.c - one growing allocation; a failure is kept and told at the end. */
#include "tools/regiond/text_out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_out_fini(struct text_out *t)
{
    free(t->bytes);
    *t = (struct text_out){0};
}

char *text_out_take(struct text_out *t)
{
    char *bytes = t->bytes;

    *t = (struct text_out){0};
    return bytes;
}

static bool reserve(struct text_out *t, size_t more)
{
    size_t need = t->length + more + 1;
    size_t capacity = t->capacity ? t->capacity : 1024;
    char *bytes;

    if (t->failed)
        return false;
    if (need <= t->capacity)
        return true;
    while (capacity < need)
        capacity *= 2;
    bytes = need <= TEXT_OUT_MAX_BYTES ? realloc(t->bytes, capacity) : NULL;
    if (!bytes) {
        t->failed = true;
        return false;
    }
    t->bytes = bytes;
    t->capacity = capacity;
    return true;
}

void text_out_bytes(struct text_out *t, const char *bytes, size_t n)
{
    if (!reserve(t, n))
        return;
    memcpy(t->bytes + t->length, bytes, n);
    t->length += n;
    t->bytes[t->length] = '\0';
}

void text_out_text(struct text_out *t, const char *text)
{
    text_out_bytes(t, text, strlen(text));
}

void text_out_format(struct text_out *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (!reserve(t, 256))
        return;
    va_start(ap, fmt);
    n = vsnprintf(t->bytes + t->length, 257, fmt, ap);
    va_end(ap);
    if (n > 256 && reserve(t, (size_t)n)) {
        va_start(ap, fmt);
        n = vsnprintf(t->bytes + t->length, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    if (n >= 0 && !t->failed)
        t->length += (size_t)n;
}

void text_out_u64(struct text_out *t, uint64_t value)
{
    char digits[20];
    size_t n = sizeof digits;

    do {
        digits[--n] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    text_out_bytes(t, digits + n, sizeof digits - n);
}

void text_out_xml(struct text_out *t, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '&')
            text_out_text(t, "&amp;");
        else if (c == '<')
            text_out_text(t, "&lt;");
        else if (c == '>')
            text_out_text(t, "&gt;");
        else if (c == '"')
            text_out_text(t, "&quot;");
        else if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
            text_out_text(t, "?");
        else
            text_out_bytes(t, text, 1);
    }
}

void text_out_element(struct text_out *t, const char *name, const char *text)
{
    if (*text == '\0') {
        text_out_format(t, "<%s />", name);
        return;
    }
    text_out_format(t, "<%s>", name);
    text_out_xml(t, text);
    text_out_format(t, "</%s>", name);
}

void text_out_json(struct text_out *t, const char *text)
{
    text_out_text(t, "\"");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\')
            text_out_format(t, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            text_out_format(t, "\\u%04x", c);
        else
            text_out_bytes(t, text, 1);
    }
    text_out_text(t, "\"");
}
