/* percent_fuzz.c - any text, encoded and decoded: the same text, in characters that a URL may have. Must not
 * know: URLs. */
#include <assert.h>
#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/percent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *exact = malloc(size ? size : 1);
    char *encoded, *back, *decoded;

    assert(text && exact);
    memcpy(text, data, size);
    memcpy(exact, data, size);
    text[size] = 0;
    encoded = percent_encode(text);
    assert(encoded);
    for (const char *c = encoded; *c; c++)
        assert(isalnum((unsigned char)*c) || strchr("-._~%", *c));
    back = percent_decode(encoded, strlen(encoded));
    assert(back && strcmp(back, text) == 0);
    decoded = percent_decode(exact, size); /* anything: shorter or as long, or refused */
    assert(!decoded || strlen(decoded) <= size);
    free(decoded);
    free(back);
    free(encoded);
    free(exact);
    free(text);
    return 0;
}
