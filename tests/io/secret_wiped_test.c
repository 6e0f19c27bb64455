/* secret_wiped_test.c - when all is closed, no copy of a SAS is left in what this process allocated: not
 * ours, not libcurl's. The test looks through its own memory.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/endpoint_pageblob.h"
#include "io/pageblob_list.h"
#include "tests/support/blob_bench.h"

#define NEEDLE_BYTES 32u
#define WINDOW_BYTES (1u << 20)

/* Kept so that it does not find itself. */
static const unsigned char hidden[NEEDLE_BYTES + 1] = "RhgLQjtVfNcXpKwYsbHDmGJvUeTiOqCr";

static unsigned char needle_at(size_t i)
{
    return hidden[i] ^ 1; /* letters, all of them allowed in a query */
}

static bool is_needle(const unsigned char *at)
{
    size_t same = 0;

    while (same < NEEDLE_BYTES && at[same] == needle_at(same))
        same++;
    return same == NEEDLE_BYTES;
}

static size_t count_in(FILE *memory, uint64_t from, uint64_t to, unsigned char *window)
{
    size_t found = 0;

    for (uint64_t at = from; at < to; at += WINDOW_BYTES - NEEDLE_BYTES) {
        size_t wanted = to - at < WINDOW_BYTES ? (size_t)(to - at) : WINDOW_BYTES;
        size_t got;

        if (fseeko(memory, (off_t)at, SEEK_SET) != 0)
            break;
        got = fread(window, 1, wanted, memory);
        for (size_t i = 0; i + NEEDLE_BYTES <= got; i++)
            found += is_needle(window + i);
        explicit_bzero(window, WINDOW_BYTES);
    }
    return found;
}

/* Copies in heap, data and anonymous memory. Not on the stack: there the linker saves whole registers the
 * first time a function is called, and the last bytes of a URL that was measured may be among them. Shadows
 * of a sanitizer hold no bytes of ours. */
static size_t copies(void)
{
    FILE *maps = fopen("/proc/self/maps", "re"), *memory = fopen("/proc/self/mem", "re");
    unsigned char *window = malloc(WINDOW_BYTES);
    char line[600], rights[8];
    uint64_t from, to;
    size_t found = 0;

    cr_assert(maps && memory && window);
    setvbuf(memory, NULL, _IONBF, 0);
    while (fgets(line, sizeof line, maps))
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, rights) == 3 &&
            strncmp(rights, "rw", 2) == 0 && to - from < 1ull << 32 && !strstr(line, "[stack]"))
            found += count_in(memory, from, to, window);
    free(window);
    fclose(memory);
    fclose(maps);
    return found;
}

/* The one place where it stands on purpose. */
static char url_text[300];

static void write_url(const struct blob_bench *b)
{
    int used =
        snprintf(url_text, sizeof url_text, "http://127.0.0.1:%u/%s/%s?sv=1&sig=", b->region.port,
                 BENCH_ACCOUNT, BENCH_BLOB);

    for (size_t i = 0; i < NEEDLE_BYTES; i++)
        url_text[used + (int)i] = (char)needle_at(i);
    url_text[used + (int)NEEDLE_BYTES] = 0;
}

/* Every kind of request with it; all are refused, and all have been sent. */
static void use_url(struct blob_bench *b)
{
    static const struct endpoint_pageblob_options plain;
    struct endpoint *ep = blob_bench_open(b, url_text, plain);
    struct setup_req create = {.verb = SETUP_CREATE, .size_bytes = 512};
    struct extent_set data = {0}, clears = {0};
    struct list_req list = {.within = {0, 512}, .out_data = &data, .out_clears = &clears};

    blob_bench_failed(blob_bench_stat(b, ep).err, ERR_AUTH, RETRY_AFTER_RENEWAL);
    blob_bench_failed(blob_bench_setup(b, ep, &create), ERR_AUTH, RETRY_AFTER_RENEWAL);
    blob_bench_failed(blob_bench_list(b, ep, &list), ERR_AUTH, RETRY_AFTER_RENEWAL);
    endpoint_close(ep);
}

Test(secret_wiped, no_copy_of_a_sas_outlives_its_use)
{
    struct blob_bench b;

    blob_bench_begin(&b, NULL);
    write_url(&b);
    cr_assert_gt(copies(), 0u, "this search finds what is there");
    use_url(&b);
    blob_bench_end(&b);
    explicit_bzero(url_text, sizeof url_text);
    cr_assert_eq(copies(), 0u);
}
