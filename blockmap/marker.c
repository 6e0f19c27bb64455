/* marker.c - see marker.h. */
#include "blockmap/marker.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DIGEST_PREFIX    "sha256:"
#define DIGEST_HEX_CHARS 64u
#define UUID_CHARS       36u
#define SIZE_DIGITS_MAX  19u /* any such number fits in 64 bits */

enum field { STATE, COPY, SOURCE, SIZE, ROOT, BASE_ROOT, DELTA, FOOTER, FIELD_COUNT };

const char *const marker_names[MARKER_FIELDS_MAX + 1] = {
    [STATE] = "snapferry_state", [COPY] = "snapferry_copy",     [SOURCE] = "snapferry_source",
    [SIZE] = "snapferry_size",   [ROOT] = "snapferry_root",     [BASE_ROOT] = "snapferry_base_root",
    [DELTA] = "snapferry_delta", [FOOTER] = "snapferry_footer",
};

_Static_assert(FIELD_COUNT <= MARKER_FIELDS_MAX, "every field has room");

static const char *const state_names[] = {
    [MARKER_NONE] = "",
    [MARKER_COPYING] = "copying",
    [MARKER_COMPLETE] = "complete",
};

static const char *const footer_names[] = {
    [MARKER_FOOTER_UNKNOWN] = "",
    [MARKER_FOOTER_NONE] = "none",
    [MARKER_FOOTER_VHD] = "vhd",
};

static bool is_plain(unsigned char c)
{
    return c > ' ' && c < 0x7f && c != '%';
}

static void percent_encode(char *out, size_t out_bytes, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t used = 0;

    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        assert(used + 4 <= out_bytes); /* the sizes in marker.h leave room for the worst */
        if (is_plain(*at)) {
            out[used++] = (char)*at;
            continue;
        }
        out[used++] = '%';
        out[used++] = hex[*at >> 4];
        out[used++] = hex[*at & 15];
    }
    out[used] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False when the text is malformed, hides a NUL, is empty or does not fit. */
static bool percent_decode(char *out, size_t out_bytes, const char *text)
{
    size_t used = 0;

    for (; *text; text++) {
        int c = (unsigned char)*text;

        if (c == '%') {
            int high = hex_value(text[1]);
            int low = high < 0 ? -1 : hex_value(text[2]);

            if (low < 0)
                return false;
            c = high * 16 + low;
            text += 2;
        } else if (!is_plain((unsigned char)c)) {
            return false;
        }
        if (c == 0 || used + 1 >= out_bytes)
            return false;
        out[used++] = (char)c;
    }
    out[used] = '\0';
    return used > 0;
}

static const char *digest_of(const struct marker *m, enum field field)
{
    return field == ROOT ? m->root : field == BASE_ROOT ? m->base_root : m->delta;
}

/* An empty value means that the field is not set. */
static void encode_value(const struct marker *m, enum field field, char *out, size_t out_bytes)
{
    switch (field) {
    case STATE:
        assert((size_t)m->state < sizeof state_names / sizeof state_names[0]);
        percent_encode(out, out_bytes, state_names[m->state]);
        break;
    case COPY:
        percent_encode(out, out_bytes, m->copy_uuid);
        break;
    case SOURCE:
        percent_encode(out, out_bytes, m->source);
        break;
    case SIZE:
        out[0] = '\0';
        if (m->size_bytes > 0)
            snprintf(out, out_bytes, "%llu", (unsigned long long)m->size_bytes);
        break;
    case FOOTER:
        assert((size_t)m->footer < sizeof footer_names / sizeof footer_names[0]);
        percent_encode(out, out_bytes, footer_names[m->footer]);
        break;
    default:
        percent_encode(out, out_bytes, digest_of(m, field));
    }
}

size_t marker_encode(const struct marker *m, struct marker_field out_fields[MARKER_FIELDS_MAX])
{
    size_t count = 0;

    for (unsigned field = 0; field < FIELD_COUNT; field++) {
        struct marker_field *out = &out_fields[count];

        encode_value(m, (enum field)field, out->value, sizeof out->value);
        if (out->value[0] == '\0')
            continue;
        out->name = marker_names[field];
        count++;
    }
    return count;
}

static bool decode_state(struct marker *m, const char *value)
{
    if (strcmp(value, state_names[MARKER_COPYING]) == 0)
        m->state = MARKER_COPYING;
    else if (strcmp(value, state_names[MARKER_COMPLETE]) == 0)
        m->state = MARKER_COMPLETE;
    else
        return false;
    return true;
}

static bool decode_footer(struct marker *m, const char *value)
{
    if (strcmp(value, footer_names[MARKER_FOOTER_NONE]) == 0)
        m->footer = MARKER_FOOTER_NONE;
    else if (strcmp(value, footer_names[MARKER_FOOTER_VHD]) == 0)
        m->footer = MARKER_FOOTER_VHD;
    else
        return false;
    return true;
}

static bool decode_uuid(char out[MARKER_UUID_MAX_BYTES], const char *value)
{
    if (strlen(value) != UUID_CHARS)
        return false;
    for (size_t i = 0; i < UUID_CHARS; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? value[i] != '-' : hex_value(value[i]) < 0)
            return false;
    }
    memcpy(out, value, UUID_CHARS + 1);
    return true;
}

static bool decode_size(uint64_t *out, const char *value)
{
    uint64_t size_bytes = 0;
    size_t digits = strspn(value, "0123456789");

    if (digits == 0 || digits > SIZE_DIGITS_MAX || value[digits] != '\0')
        return false;
    for (size_t i = 0; i < digits; i++)
        size_bytes = size_bytes * 10 + (uint64_t)(value[i] - '0');
    *out = size_bytes;
    return size_bytes > 0;
}

static bool decode_digest(char out[MARKER_DIGEST_MAX_BYTES], const char *value)
{
    const size_t prefix_chars = strlen(DIGEST_PREFIX);
    const size_t text_chars = prefix_chars + DIGEST_HEX_CHARS;

    _Static_assert(sizeof DIGEST_PREFIX + DIGEST_HEX_CHARS <= MARKER_DIGEST_MAX_BYTES,
                   "a digest fits its field");
    if (strlen(value) != text_chars || strncmp(value, DIGEST_PREFIX, prefix_chars) != 0)
        return false;
    if (strspn(value + prefix_chars, "0123456789abcdef") != DIGEST_HEX_CHARS)
        return false;
    memcpy(out, value, text_chars + 1);
    return true;
}

static bool is_set(const struct marker *m, enum field field)
{
    switch (field) {
    case STATE:
        return m->state != MARKER_NONE;
    case COPY:
        return m->copy_uuid[0] != '\0';
    case SOURCE:
        return m->source[0] != '\0';
    case SIZE:
        return m->size_bytes > 0;
    case FOOTER:
        return m->footer != MARKER_FOOTER_UNKNOWN;
    default:
        return digest_of(m, field)[0] != '\0';
    }
}

static bool decode_value(struct marker *m, enum field field, const char *value)
{
    switch (field) {
    case STATE:
        return decode_state(m, value);
    case COPY:
        return decode_uuid(m->copy_uuid, value);
    case SOURCE:
        return percent_decode(m->source, sizeof m->source, value);
    case SIZE:
        return decode_size(&m->size_bytes, value);
    case ROOT:
        return decode_digest(m->root, value);
    case BASE_ROOT:
        return decode_digest(m->base_root, value);
    case FOOTER:
        return decode_footer(m, value);
    default:
        return decode_digest(m->delta, value);
    }
}

bool marker_decode_field(struct marker *m, const char *name, const char *value, struct err *e)
{
    for (unsigned field = 0; field < FIELD_COUNT; field++) {
        struct marker next;

        if (strcasecmp(name, marker_names[field]) != 0)
            continue;
        if (is_set(m, (enum field)field))
            return err_set(e, ERR_CORRUPT, RETRY_NEVER, "the target's marker has %s twice",
                           marker_names[field]);
        next = *m; /* a value refused half-way must leave no trace */
        if (!decode_value(&next, (enum field)field, value))
            return err_set(e, ERR_CORRUPT, RETRY_NEVER,
                           "the target's marker has a malformed value of %s", marker_names[field]);
        *m = next;
        return true;
    }
    return true;
}

bool marker_decode_end(struct marker *m, struct err *e)
{
    if (m->state == MARKER_NONE) {
        *m = (struct marker){.state = MARKER_NONE}; /* fields without a state mean nothing */
        return true;
    }
    for (unsigned field = COPY; field <= SIZE; field++)
        if (!is_set(m, (enum field)field))
            return err_set(e, ERR_CORRUPT, RETRY_NEVER, "the target's marker says %s but lacks %s",
                           state_names[m->state], marker_names[field]);
    return true;
}

void marker_uuid_from(const unsigned char random[16], char out_uuid[MARKER_UUID_MAX_BYTES])
{
    unsigned char u[16];

    memcpy(u, random, sizeof u);
    u[6] = (unsigned char)((u[6] & 0x0f) | 0x40);
    u[8] = (unsigned char)((u[8] & 0x3f) | 0x80);
    snprintf(out_uuid, MARKER_UUID_MAX_BYTES,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1],
             u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
             u[15]);
}
