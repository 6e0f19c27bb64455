/* curl_memory.c - see curl_memory.h. A block begins with its size, as nothing else tells it for certain. */
#include "io/curl_memory.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct curl_block {
    alignas(max_align_t) size_t bytes;
    alignas(max_align_t) unsigned char memory[];
};

static struct curl_block *block_of(void *memory)
{
    return (struct curl_block *)((unsigned char *)memory - offsetof(struct curl_block, memory));
}

void *curl_memory_new(size_t bytes)
{
    struct curl_block *block =
        bytes <= PTRDIFF_MAX - sizeof *block ? malloc(sizeof *block + bytes) : NULL;

    if (!block)
        return NULL;
    block->bytes = bytes;
    return block->memory;
}

void *curl_memory_new_zeroed(size_t count, size_t bytes)
{
    size_t all;
    void *memory = __builtin_mul_overflow(count, bytes, &all) ? NULL : curl_memory_new(all);

    return memory ? memset(memory, 0, all) : NULL;
}

/* Never in place: realloc would leave the old bytes behind unwiped. */
void *curl_memory_resize(void *memory, size_t bytes)
{
    void *fresh = curl_memory_new(bytes);

    if (!fresh || !memory)
        return fresh;
    memcpy(fresh, memory, block_of(memory)->bytes < bytes ? block_of(memory)->bytes : bytes);
    curl_memory_free(memory);
    return fresh;
}

char *curl_memory_copy(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = curl_memory_new(bytes);

    return copy ? memcpy(copy, text, bytes) : NULL;
}

void curl_memory_free(void *memory)
{
    if (!memory)
        return;
    if (block_of(memory)->bytes <= CURL_MEMORY_WIPED_MAX_BYTES)
        explicit_bzero(memory, block_of(memory)->bytes);
    free(block_of(memory));
}
