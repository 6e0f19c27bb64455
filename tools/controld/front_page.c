/* front_page.c - see front_page.h. A token is the key in base64 as URLs have it, so that nobody builds on
 * what stands in it. */
#include "tools/controld/front_page.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TOKEN_MAX_BYTES ((FRONT_PAGE_KEY_MAX_BYTES + 2) / 3 * 4 + 1)
#define LINK_MAX_BYTES  (FRONT_URL_MAX_BYTES - 400u) /* the rest is scheme and host */

static const char parameter[] = "$skiptoken";

/* ---- Tokens ---- */

/* '-' and '_' for '+' and '/', and no '=': as it stands in a query. */
static void encode_token(const char *key, char out_token[TOKEN_MAX_BYTES])
{
    int bytes = EVP_EncodeBlock((unsigned char *)out_token, (const unsigned char *)key,
                                (int)strnlen(key, FRONT_PAGE_KEY_MAX_BYTES - 1));

    while (bytes > 0 && out_token[bytes - 1] == '=')
        bytes--;
    out_token[bytes] = 0;
    for (char *c = out_token; *c; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
}

static bool decode_token(const char *token, char out_key[FRONT_PAGE_KEY_MAX_BYTES])
{
    size_t bytes = strlen(token), full = (bytes + 3) / 4 * 4;
    unsigned char plain[TOKEN_MAX_BYTES];
    char padded[TOKEN_MAX_BYTES];
    int count;

    if (bytes == 0 || full >= sizeof padded || bytes % 4 == 1 ||
        strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != bytes)
        return false;
    memset(padded, '=', full);
    memcpy(padded, token, bytes);
    padded[full] = 0;
    for (size_t i = 0; i < bytes; i++)
        padded[i] = padded[i] == '-' ? '+' : padded[i] == '_' ? '/' : padded[i];
    count = EVP_DecodeBlock(plain, (const unsigned char *)padded, (int)full);
    if (count < 0)
        return false;
    count -= (int)(full - bytes); /* what the padding stood for */
    if (count <= 0 || count >= (int)FRONT_PAGE_KEY_MAX_BYTES)
        return false;
    for (int i = 0; i < count; i++)
        if (plain[i] < ' ' || plain[i] == 0x7f)
            return false;
    memcpy(out_key, plain, (size_t)count);
    out_key[count] = 0;
    return true;
}

bool front_page_read(const struct front_call *call, struct front_page *out_page,
                     struct arm_error *why)
{
    const char *token = front_query(call, parameter);

    *out_page = (struct front_page){.limit = FRONT_PAGE_ROWS};
    if (!token || !*token || decode_token(token, out_page->after))
        return true;
    return arm_error_bad(why, parameter, "The $skiptoken is not one that this service gave.");
}

/* ---- Links ---- */

struct link_text {
    char text[LINK_MAX_BYTES];
    size_t used;
    bool whole;
};

static void put(struct link_text *link, const char *text)
{
    size_t bytes = strlen(text);

    if (bytes >= sizeof link->text - link->used) {
        link->whole = false;
        return;
    }
    memcpy(link->text + link->used, text, bytes + 1);
    link->used += bytes;
}

static void put_encoded(struct link_text *link, const char *text, const char *also)
{
    char piece[4];

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~", c) || strchr(also, c);

        snprintf(piece, sizeof piece, plain ? "%c" : "%%%02X", c);
        put(link, piece);
    }
}

/* The request's own URL, but for where it goes on. */
static bool make_link(const struct front_call *call, const char *last_key,
                      char out_url[FRONT_URL_MAX_BYTES])
{
    struct link_text link = {.whole = true};
    char token[TOKEN_MAX_BYTES];
    const char *name, *value;

    put_encoded(&link, call->path, "/");
    put(&link, "?");
    for (unsigned i = 0; front_query_at(call, i, &name, &value); i++) {
        if (strcasecmp(name, parameter) == 0)
            continue;
        put_encoded(&link, name, "$");
        put(&link, "=");
        put_encoded(&link, value, "");
        put(&link, "&");
    }
    encode_token(last_key, token);
    put_encoded(&link, parameter, "$");
    put(&link, "=");
    put(&link, token);
    front_url(call, link.text, out_url);
    return link.whole;
}

json_t *front_page_make(const struct front_call *call, json_t *value, const char *last_key)
{
    char url[FRONT_URL_MAX_BYTES];
    json_t *page = json_object();
    bool ok = json_object_set_new(page, "value", value) == 0;

    if (ok && last_key)
        ok = make_link(call, last_key, url) &&
             json_object_set_new(page, "nextLink", json_string(url)) == 0;
    if (ok)
        return page;
    json_decref(page);
    return NULL;
}
