/* endpoint_file_test.c - bytes of real files: read, written, cleared, through the cache and past it. */
#include "io/endpoint_file.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/file_case.h"

#define DISK_BYTES (8u << 20)

static void writes_and_reads_back(enum reactor_backend backend, enum endpoint_file_direct direct)
{
    static const struct extent ranges[] = {
        {0, BUF_BYTES}, {BUF_BYTES, 512}, {BUF_BYTES + 512, 4096}, {DISK_BYTES - 512, 512}};
    static unsigned char bytes[BUF_BYTES];
    struct file_case c;
    struct endpoint *target, *source;

    file_case_open(&c, backend);
    file_case_make(&c, DISK_BYTES);
    target = file_case_target(&c, direct);
    for (unsigned i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        struct block_req req;

        file_case_fill(c.buf->memory, ranges[i].length, i);
        req = await_block(&c.rig, target, AWAIT_WRITE, ranges[i], c.buf);
        await_good(req.err);
    }
    cr_assert_eq(target->wire_written_bytes, BUF_BYTES + 512 + 4096 + 512);
    await_good(await_block(&c.rig, target, AWAIT_FLUSH, (struct extent){0}, NULL).err);
    endpoint_close(target);
    source = file_case_source(&c, direct);
    for (unsigned i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        struct block_req req;

        memset(c.buf->memory, 0, BUF_BYTES);
        file_case_fill(bytes, ranges[i].length, i);
        req = await_block(&c.rig, source, AWAIT_READ, ranges[i], c.buf);
        await_good(req.err);
        cr_assert(!req.crc64_known);
        cr_assert(memcmp(c.buf->memory, bytes, ranges[i].length) == 0, "range %u", i);
        cr_assert(file_case_holds(&c, ranges[i].offset, bytes, ranges[i].length));
    }
    cr_assert_eq(file_case_size_bytes(&c), DISK_BYTES);
    endpoint_close(source);
    file_case_close(&c);
}

TEST_BOTH(endpoint_file, reads_what_it_wrote_through_the_cache)
{
    writes_and_reads_back(backend, ENDPOINT_FILE_DIRECT_OFF);
}

TEST_BOTH(endpoint_file, reads_what_it_wrote_past_the_cache)
{
    writes_and_reads_back(backend, ENDPOINT_FILE_DIRECT_ON);
}

TEST_BOTH(endpoint_file, a_target_goes_direct_with_all_its_requests_or_none)
{
    struct file_case c;
    struct endpoint *target;

    file_case_open(&c, backend);
    file_case_make(&c, DISK_BYTES);
    target = file_case_target(&c, ENDPOINT_FILE_DIRECT_ON);
    if (endpoint_file_is_direct(target, 0, BUF_BYTES, c.buf->memory)) {
        cr_assert(endpoint_file_is_direct(target, 512, 512, c.buf->memory + 512));
        await_good(await_block(&c.rig, target, AWAIT_WRITE, (struct extent){512, 512}, c.buf).err);
        cr_assert_eq(endpoint_file_direct_count(target), 1);
    } else {
        cr_log_warn("the file system of the temp folder takes no direct writes of 512 bytes");
    }
    endpoint_close(target);
    target = file_case_target(&c, ENDPOINT_FILE_DIRECT_AUTO);
    cr_assert(!endpoint_file_is_direct(target, 0, BUF_BYTES, c.buf->memory), "too small for it");
    endpoint_close(target);
    file_case_close(&c);
}

TEST_BOTH(endpoint_file, a_large_target_goes_direct_by_itself_and_its_source_does_not)
{
    struct file_case c;
    struct endpoint *target, *source;

    file_case_open(&c, backend);
    file_case_make(&c, ENDPOINT_FILE_DIRECT_MIN_BYTES);
    target = file_case_target(&c, ENDPOINT_FILE_DIRECT_ON);
    if (endpoint_file_is_direct(target, 0, BUF_BYTES, c.buf->memory)) {
        endpoint_close(target);
        target = file_case_target(&c, ENDPOINT_FILE_DIRECT_AUTO);
        cr_assert(endpoint_file_is_direct(target, 0, BUF_BYTES, c.buf->memory));
    }
    source = file_case_source(&c, ENDPOINT_FILE_DIRECT_AUTO);
    cr_assert(!endpoint_file_is_direct(source, 0, BUF_BYTES, c.buf->memory));
    endpoint_close(source);
    endpoint_close(target);
    file_case_close(&c);
}

/* Clears the middle of a full file; the neighbours stay, the size stays. */
static void clears(enum reactor_backend backend, struct extent range)
{
    static unsigned char bytes[DISK_BYTES];
    struct file_case c;
    struct endpoint *target;
    uint64_t before;

    file_case_open(&c, backend);
    file_case_make(&c, DISK_BYTES);
    file_case_put(&c, 0, DISK_BYTES, 5);
    before = file_case_allocated_bytes(&c);
    target = file_case_target(&c, ENDPOINT_FILE_DIRECT_OFF);
    await_good(await_block(&c.rig, target, AWAIT_ZERO, range, NULL).err);
    file_case_fill(bytes, DISK_BYTES, 5);
    memset(bytes + range.offset, 0, range.length);
    cr_assert(file_case_holds(&c, 0, bytes, DISK_BYTES));
    cr_assert_eq(file_case_size_bytes(&c), DISK_BYTES);
    if (range.length >= (1u << 20))
        cr_assert(file_case_allocated_bytes(&c) < before, "the room was given back");
    endpoint_close(target);
    file_case_close(&c);
}

TEST_BOTH(endpoint_file, a_clear_leaves_a_hole_and_the_neighbours_alone)
{
    clears(backend, (struct extent){1u << 20, 3u << 20});
}

TEST_BOTH(endpoint_file, a_clear_of_one_page_clears_one_page)
{
    clears(backend, (struct extent){(1u << 20) + 512, 512});
}

TEST_BOTH(endpoint_file, a_clear_up_to_the_end_keeps_the_size)
{
    clears(backend, (struct extent){DISK_BYTES - (2u << 20), 2u << 20});
}

TEST_BOTH(endpoint_file, many_requests_at_once_all_land_where_they_belong)
{
    enum { COUNT = 200, PIECE = 20480 };
    static unsigned char bytes[PIECE];
    struct file_case c;
    struct endpoint *target;
    static struct block_req reqs[COUNT];

    file_case_open(&c, backend);
    file_case_make(&c, DISK_BYTES);
    file_case_fill(c.buf->memory, BUF_BYTES, 9);
    target = file_case_target(&c, ENDPOINT_FILE_DIRECT_ON);
    for (unsigned i = 0; i < COUNT; i++) {
        reqs[i] = await_none((struct extent){i * PIECE, PIECE}, c.buf, i * PIECE);
        endpoint_write(target, &reqs[i]);
    }
    rig_until_idle(&c.rig);
    cr_assert_eq(target->inflight, 0);
    for (unsigned i = 0; i < COUNT; i++) {
        await_good(reqs[i].err);
        memcpy(bytes, c.buf->memory + i * PIECE, PIECE);
        cr_assert(file_case_holds(&c, i * PIECE, bytes, PIECE), "piece %u", i);
    }
    endpoint_close(target);
    file_case_close(&c);
}
