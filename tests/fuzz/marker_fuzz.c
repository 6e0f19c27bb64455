/* marker_fuzz.c - metadata as a stranger may have written it: refused, or a marker that survives being
 * written and read again. Must not know: blobs, files. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "blockmap/marker.h"

#define VALUE_MAX_BYTES 8192u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next line of the input: a digit picks one of our names, the rest is its value. */
static size_t next_field(const uint8_t *data, size_t size, const char **out_name,
                         char out_value[VALUE_MAX_BYTES])
{
    const uint8_t *end = memchr(data, '\n', size);
    size_t length = end ? (size_t)(end - data) : size;
    size_t value_bytes = length > 0 ? length - 1 : 0;

    if (value_bytes >= VALUE_MAX_BYTES)
        value_bytes = VALUE_MAX_BYTES - 1;
    *out_name = length > 0 ? marker_names[data[0] % (MARKER_FIELDS_MAX + 1)] : NULL;
    if (!*out_name)
        *out_name = "somebody_else";
    if (length > 0)
        memcpy(out_value, data + 1, value_bytes);
    out_value[value_bytes] = '\0';
    return end ? length + 1 : length;
}

static void expect_survives(const struct marker *m)
{
    static struct marker_field fields[MARKER_FIELDS_MAX];
    size_t count = marker_encode(m, fields);
    struct marker back = {0};
    struct err e = {0};

    for (size_t i = 0; i < count; i++) {
        bool taken = marker_decode_field(&back, fields[i].name, fields[i].value, &e);

        assert(taken);
    }
    assert(marker_decode_end(&back, &e));
    assert(back.state == m->state && back.size_bytes == m->size_bytes);
    assert(strcmp(back.source, m->source) == 0);
    assert(strcmp(back.copy_uuid, m->copy_uuid) == 0);
    assert(strcmp(back.root, m->root) == 0);
    assert(strcmp(back.base_root, m->base_root) == 0);
    assert(strcmp(back.delta, m->delta) == 0);
    assert(back.footer == m->footer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct marker m = {0};
    struct err e = {0};

    while (size > 0) {
        static char value[VALUE_MAX_BYTES];
        struct marker was = m;
        const char *name;
        size_t used = next_field(data, size, &name, value);

        if (!marker_decode_field(&m, name, value, &e)) {
            assert(e.kind == ERR_CORRUPT);
            assert(memcmp(&m, &was, sizeof m) == 0); /* a refusal leaves no trace */
            return 0;
        }
        data += used;
        size -= used;
    }
    if (marker_decode_end(&m, &e)) {
        assert(m.state == MARKER_NONE || (m.copy_uuid[0] && m.source[0] && m.size_bytes > 0));
        expect_survives(&m);
    } else {
        assert(e.kind == ERR_CORRUPT);
    }
    return 0;
}
