/* secret_fuzz.c - any text taken for a URL: what may be printed never holds its query, and redaction
 * leaves no signature behind. Must not know: what URLs are used for. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/secret.h"

#define SECRET "S3cr3tSignature"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const char *text)
{
    struct secret_url url = {0};
    struct err e = {0};
    char *identity, *full;
    size_t address_bytes;

    if (!secret_url_parse(text, &url, &e)) {
        const char *query = strchr(text, '?');

        assert(err_is_set(&e));
        if (query && strlen(query) > 8) /* a few characters may be anywhere by chance */
            assert(!strstr(e.text, query));
        secret_url_fini(&url);
        return;
    }
    assert(!strchr(url.address, '?'));
    assert(strlen(url.address) <= SECRET_URL_MAX_BYTES);
    identity = secret_url_identity(&url);
    full = secret_url_full(&url, "comp=pagelist");
    assert(identity && full);
    address_bytes = strlen(url.address);
    assert(strncasecmp(identity, url.address, address_bytes) == 0);
    assert(url.snapshot ? strncmp(identity + address_bytes, "?snapshot=", 10) == 0
                        : identity[address_bytes] == '\0');
    assert(strstr(full, "comp=pagelist"));
    free(identity);
    secret_wipe_free(full);
    secret_url_fini(&url);
}

/* A signature put behind any text, as a server's error would quote our own URL. */
static void redact(const char *text)
{
    size_t bytes = strlen(text) + 64;
    char *quoted;

    if (strstr(text, SECRET))
        return; /* the fuzzer reads our constants: standing alone it is no signature */
    quoted = malloc(bytes);
    assert(quoted);
    snprintf(quoted, bytes, "%s sig=" SECRET "&se=1", text);
    secret_redact(quoted);
    assert(!strstr(quoted, SECRET));
    snprintf(quoted, bytes, "https://h/c?sv=1&sig=" SECRET " %s", text);
    secret_redact(quoted);
    assert(!strstr(quoted, SECRET));
    free(quoted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    assert(text);
    memcpy(text, data, size);
    text[size] = '\0';
    parse(text);
    redact(text);
    free(text);
    return 0;
}
