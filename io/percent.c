/* percent.c - see percent.h. */
#include "io/percent.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Not isalnum: what stays unencoded must not depend on a locale. */
static int is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

char *percent_encode(const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t count = strlen(text);
    char *out, *at;

    if (count > (SIZE_MAX - 1) / 3)
        return NULL;
    out = malloc(count * 3 + 1);
    if (!out)
        return NULL;
    at = out;
    for (const char *c = text; *c; c++) {
        unsigned char byte = (unsigned char)*c;

        if (is_unreserved(*c)) {
            *at++ = *c;
            continue;
        }
        *at++ = '%';
        *at++ = digits[byte >> 4];
        *at++ = digits[byte & 15];
    }
    *at = 0;
    return out;
}

char *percent_decode(const char *text, size_t count)
{
    char *out = malloc(count + 1);
    size_t used = 0;

    if (!out)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        int high = text[i] == '%' && i + 2 < count ? hex_value(text[i + 1]) : -1;
        int low = high >= 0 ? hex_value(text[i + 2]) : -1;

        if (low < 0) {
            out[used++] = text[i];
            continue;
        }
        if (high == 0 && low == 0) {
            free(out);
            return NULL;
        }
        out[used++] = (char)(high * 16 + low);
        i += 2;
    }
    out[used] = 0;
    return out;
}
