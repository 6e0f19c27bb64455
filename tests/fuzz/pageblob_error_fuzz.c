/* pageblob_error_fuzz.c - the body of any refusal, our own URL quoted in it: always a named error, in words
 * that can be shown, and never with the signature. Must not know: connections. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/pageblob_error.h"

#define SECRET "S3cr3tSignature"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_error(const struct http_answer *answer, const char *secret)
{
    struct err e = {0};

    pageblob_error_set(answer, "reading 0-511 of https://h/c/b", &e);
    assert(err_is_set(&e));
    assert(e.http_status == answer->status);
    assert(strncmp(e.text, "reading 0-511", 13) == 0);
    for (const char *c = e.text; *c; c++)
        assert((unsigned char)*c >= ' ' && *c != 127);
    for (const char *c = e.code; *c; c++)
        assert((unsigned char)*c >= ' ' && *c != 127);
    assert(!secret || (!strstr(e.text, secret) && !strstr(e.code, secret)));
}

/* Every '@' of the body becomes our URL, as a host would quote what it was asked. */
static char *quote(const uint8_t *data, size_t size, size_t *out_bytes)
{
    static const char url[] = "https://h/c/b?sv=1&amp;sig=" SECRET "&amp;se=2";
    size_t room = HTTP_ERROR_BODY_MAX_BYTES + sizeof url;
    char *body = malloc(room);
    size_t used = 0;

    assert(body);
    for (size_t i = 0; i < size && used < HTTP_ERROR_BODY_MAX_BYTES; i++) {
        if (data[i] == '@') {
            memcpy(body + used, url, sizeof url - 1);
            used += sizeof url - 1;
        } else {
            body[used++] = (char)data[i];
        }
    }
    *out_bytes = used < HTTP_ERROR_BODY_MAX_BYTES ? used : HTTP_ERROR_BODY_MAX_BYTES;
    return body;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {100, 200, 304, 307, 400, 403, 404, 409, 412, 416, 500, 503, 999};
    struct http_answer answer = {0};
    size_t bytes;
    char *body;

    if (size < 1)
        return 0;
    answer.status = statuses[data[0] % (sizeof statuses / sizeof statuses[0])];
    body = quote(data + 1, size - 1, &bytes);
    answer.error_body = body;
    answer.error_body_bytes = bytes;
    /* A fuzzer reads our constants: a signature that stands alone is none. */
    expect_error(&answer, memmem(data, size, "S3cr3t", 6) ? NULL : SECRET);
    free(body);
    return 0;
}
