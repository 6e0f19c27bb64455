/* http_head_fuzz.c - the head of any host's answer, line by line: what is kept can be shown to people, and
 * metadata is either told whole or refused. Must not know: connections. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/http_head.h"
#include "io/pageblob_verb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    struct http_req req; /* first */
    struct pageblob_head head;
    struct pageblob_metadata metadata;
    struct err err;
};

static void on_header(struct http_req *req, const char *name, const char *value)
{
    struct seen *seen = (struct seen *)req;

    assert(req->answer.status >= 200);
    for (const char *c = value; *c; c++)
        assert((unsigned char)*c >= ' ' && *c != 127);
    verb_take_header(&seen->head, name, value);
    if (strncmp(name, "x-ms-meta-", 10) == 0 && !err_is_set(&seen->err))
        pageblob_metadata_set(&seen->metadata, name + 10, value, &seen->err);
}

static void expect_shown(const char *text, size_t text_bytes)
{
    assert(strnlen(text, text_bytes) < text_bytes);
    for (; *text; text++)
        assert(*text >= ' ' && *text < 127);
}

static void expect_answer(const struct http_answer *answer)
{
    assert(answer->status >= 0 && answer->status <= 999);
    assert(!answer->range_known || answer->range_first <= answer->range_last);
    expect_shown(answer->code, sizeof answer->code);
    expect_shown(answer->request_id, sizeof answer->request_id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen *seen = calloc(1, sizeof *seen);
    struct http_head head = {0};
    struct err e = {0};

    assert(seen);
    seen->req.header = on_header;
    head.req = &seen->req;
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t count = end ? (size_t)(end - data) + 1 : size;
        char *line = malloc(count); /* of exactly this size: what reads on is caught */
        enum http_head_line told;

        assert(line);
        memcpy(line, data, count);
        told = http_head_push(&head, line, count, 1700000000000ull, &e);
        free(line);
        assert(err_is_set(&e) == (told == HTTP_HEAD_BAD));
        if (told == HTTP_HEAD_BAD)
            break;
        data += count;
        size -= count;
    }
    expect_answer(&seen->req.answer);
    pageblob_metadata_fini(&seen->metadata);
    free(seen);
    return 0;
}
