/* store_case.c - see store_case.h. */
#include "tests/support/store_case.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t case_clock(void *context)
{
    return ((struct store_case *)context)->now_ticks;
}

void store_case_connect(struct store_case *c)
{
    struct store_config config = {.folder = c->folder,
                                  .segment_bytes = STORE_CASE_SEGMENT_BYTES,
                                  .open_files_max = 8,
                                  .sync = c->sync,
                                  .now_ticks = c->now_ticks ? case_clock : NULL,
                                  .now_context = c};
    char text[200] = "";

    c->store = store_open(&config, text, sizeof text);
    cr_assert_not_null(c->store, "store_open: %s", text);
}

void store_case_open(struct store_case *c)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(c->folder, sizeof c->folder, "%s/store.XXXXXX", tmp ? tmp : "/tmp");
    cr_assert_not_null(mkdtemp(c->folder));
    c->key = (struct store_key){.account = "acct", .container = "cont", .blob = "disk"};
    store_case_connect(c);
    cr_assert_eq(store_container_create(c->store, "acct", "cont", NULL, NULL), STORE_OK);
}

void store_case_reopen(struct store_case *c)
{
    store_close(c->store);
    store_case_connect(c);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

void store_case_close(struct store_case *c)
{
    store_close(c->store);
    c->store = NULL;
    nftw(c->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

struct store_key store_case_snapshot(const struct store_case *c, const char *snapshot)
{
    struct store_key key = c->key;

    key.snapshot = snapshot;
    return key;
}

void store_case_create(struct store_case *c, uint64_t size_bytes)
{
    struct store_new_blob blob = {.kind = STORE_PAGE_BLOB, .size_bytes = size_bytes};

    cr_assert_eq(store_blob_put(c->store, &c->key, NULL, &blob, NULL), STORE_OK);
}

void store_case_take_snapshot(struct store_case *c, char out_snapshot[STORE_SNAPSHOT_BYTES])
{
    cr_assert_eq(store_blob_snapshot(c->store, &c->key, NULL, NULL, out_snapshot, NULL), STORE_OK);
}

void store_case_fill(unsigned char *bytes, uint64_t offset, uint64_t length_bytes, uint8_t seed)
{
    for (uint64_t i = 0; i < length_bytes; i++)
        bytes[i] = (unsigned char)(1 + (offset + i) / 512 * 7 + i % 512 + seed * 31u) | 1;
}

void store_case_write(struct store_case *c, uint64_t offset, uint64_t length_bytes, uint8_t seed)
{
    unsigned char *bytes = malloc(length_bytes);

    cr_assert_not_null(bytes);
    store_case_fill(bytes, offset, length_bytes, seed);
    cr_assert_eq(store_pages_write(c->store, &c->key, NULL, offset, bytes, length_bytes, NULL),
                 STORE_OK);
    free(bytes);
}

void store_case_clear(struct store_case *c, uint64_t offset, uint64_t length_bytes)
{
    cr_assert_eq(store_pages_clear(c->store, &c->key, NULL, offset, length_bytes, NULL), STORE_OK);
}

struct store_range *store_case_ranges(struct store_case *c, const char *snapshot,
                                      const char *previous, size_t page_max, size_t *out_count)
{
    struct store_key key = store_case_snapshot(c, snapshot);
    struct store_range_query query = {.previous = previous, .to = UINT64_MAX};
    struct store_range *items = NULL;
    struct store_range_page page;
    size_t count = 0;

    do {
        items = realloc(items, (count + page_max) * sizeof *items);
        cr_assert_not_null(items);
        cr_assert_eq(store_ranges(c->store, &key, NULL, &query, items + count, page_max, &page),
                     STORE_OK);
        store_properties_fini(&page.properties);
        count += page.count;
        cr_assert(!page.more || (page.count == page_max && page.next > query.from));
        query.from = page.next;
    } while (page.more);
    *out_count = count;
    return items;
}

static void read_stretch(struct store_reader *reader, uint64_t offset, unsigned char *bytes,
                         uint64_t length_bytes, bool spans)
{
    struct store_span span = {.kind = STORE_SPAN_MIXED};

    if (spans)
        cr_assert_eq(store_reader_span(reader, offset, length_bytes, &span), STORE_OK);
    if (span.kind == STORE_SPAN_ZERO)
        memset(bytes, 0, length_bytes);
    else if (span.kind == STORE_SPAN_FILE)
        cr_assert_eq(pread(span.fd, bytes, length_bytes, (off_t)span.file_offset),
                     (ssize_t)length_bytes);
    else
        cr_assert_eq(store_reader_bytes(reader, offset, bytes, length_bytes), STORE_OK);
}

unsigned char *store_case_read(struct store_case *c, const char *snapshot, bool spans,
                               uint64_t *out_size_bytes)
{
    struct store_key key = store_case_snapshot(c, snapshot);
    struct store_properties properties;
    struct store_reader *reader;
    unsigned char *bytes;

    cr_assert_eq(store_reader_open(c->store, &key, NULL, &properties, &reader), STORE_OK);
    bytes = malloc(properties.size_bytes + 1);
    cr_assert_not_null(bytes);
    memset(bytes, 0xAA, properties.size_bytes + 1);
    for (uint64_t at = 0, step; at < properties.size_bytes; at += step) {
        step = spans ? 1536 + (at * 13) % 9216 / 512 * 512 : 96u << 10; /* odd, to meet edges */
        if (step > properties.size_bytes - at)
            step = properties.size_bytes - at;
        read_stretch(reader, at, bytes + at, step, spans);
    }
    *out_size_bytes = properties.size_bytes;
    store_properties_fini(&properties);
    store_reader_close(reader);
    return bytes;
}
