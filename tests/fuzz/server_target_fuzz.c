/* server_target_fuzz.c - request targets as strangers send them. What is taken has no byte that hides
 * something, and means the same when it is parsed again. Must not know: HTTP beyond the first line.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/http_server_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
    for (; *text; text++)
        assert((unsigned char)*text >= ' ' && *text != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_call call = {0}, again = {0};
    char *target = malloc(size + 1);

    assert(target);
    memcpy(target, data, size);
    target[size] = 0;
    http_call_parse_target(&call, target, HTTP_SERVER_PATH_MAX_BYTES);
    http_call_parse_target(&again, target, HTTP_SERVER_PATH_MAX_BYTES);
    assert(call.target_sound == again.target_sound && call.query_count == again.query_count);
    if (call.target_sound) {
        assert(call.path[0] == '/' && strlen(call.path) <= strlen(target));
        assert(strcmp(call.path, again.path) == 0);
        check_text(call.path);
        assert(call.query_count <= HTTP_SERVER_QUERY_MAX);
        for (unsigned i = 0; i < call.query_count; i++) {
            check_text(call.query[i].name);
            check_text(call.query[i].value);
            assert(http_call_query(&call, call.query[i].name));
        }
    }
    free(call.target);
    free(again.target);
    free(target);
    return 0;
}
