/* endpoint_stream_out_held_test.c - a stream that was not finished is gone on with: cut anywhere, any byte
 * flipped, what counts is read back as it was written, and the stream that comes of it is sound.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/endpoint_stream_in.h"
#include "io/endpoint_stream_out.h"
#include "tests/support/stream_case.h"

#define DISK_BYTES (64ull << 20)
#define MIB(n)     ((uint64_t)(n) << 20)
#define RANGES     4u

static const struct extent ranges[RANGES] = {
    {0, MIB(4)}, {MIB(8), MIB(3)}, {MIB(20), MIB(2)}, {MIB(40), 4096}};

static void expected(struct setup_req *req)
{
    req->size_bytes = 1; /* it ended */
}

/* Bytes that do not compress, and in the second range a zero MiB and one that came before. */
static void fill_all(struct stream_case *c)
{
    uint64_t state = 7;

    for (unsigned r = 0; r < RANGES; r++)
        for (size_t i = 0; i < BUF_BYTES; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            c->bufs[r]->memory[i] = (unsigned char)(state >> 56);
        }
    memset(c->bufs[1]->memory, 0, MIB(1));
    memcpy(c->bufs[1]->memory + MIB(1), c->bufs[0]->memory, MIB(1));
}

static struct endpoint *begin(struct stream_case *c, const struct extent_set *data,
                              const char *etag, struct setup_held *out_held)
{
    const struct extent_set nothing = {0};
    struct marker marker = {.state = MARKER_COPYING,
                            .copy_uuid = "01234567-89ab-4cde-8f01-23456789abcd"};
    struct setup_expect expect = {.data = data,
                                  .clears = &nothing,
                                  .source_bytes = DISK_BYTES,
                                  .disk_bytes = DISK_BYTES,
                                  .source = "file:/source",
                                  .source_etag = etag,
                                  .held = out_held};
    struct setup_req req = {.verb = SETUP_EXPECT, .expect = &expect, .done = expected};
    struct endpoint_stream_out_options how = {.path = c->path, .level = 3};
    struct err e = {0};
    struct endpoint *ep = endpoint_stream_out_new(c->rig.r, c->workers, &how, &e);

    cr_assert(ep, "%s", e.text);
    *out_held = (struct setup_held){0};
    await_good(await_setup(&c->rig, ep, SETUP_CREATE, DISK_BYTES, &marker).err);
    endpoint_setup(ep, &req);
    while (!req.size_bytes)
        rig_turn(&c->rig);
    await_good(req.err);
    return ep;
}

/* All of the plan, in order: what is there is read first, and must be what was written. */
static void write_all(struct stream_case *c, struct endpoint *ep, uint64_t held_below_bytes)
{
    struct marker marker = stream_made_end_of(DISK_BYTES).marker;

    for (unsigned r = 0; r < RANGES; r++) {
        struct buf *back = c->bufs[STREAM_CASE_BUFS - 1];

        if (extent_end(ranges[r]) <= held_below_bytes) {
            await_good(await_block(&c->rig, ep, AWAIT_READ, ranges[r], back).err);
            cr_assert_eq(memcmp(back->memory, c->bufs[r]->memory, ranges[r].length), 0);
        }
        await_good(await_block(&c->rig, ep, AWAIT_WRITE, ranges[r], c->bufs[r]).err);
    }
    await_good(await_setup(&c->rig, ep, SETUP_MARK, 0, &marker).err);
}

static void expect_stream(struct stream_case *c)
{
    struct err e = {0};
    struct endpoint *in = endpoint_stream_in_open(c->rig.r, c->workers, c->path, -1, &e);
    struct buf *back = c->bufs[STREAM_CASE_BUFS - 1];

    cr_assert(in, "%s", e.text);
    await_good(await_stat(&c->rig, in).err);
    for (unsigned r = 0; r < RANGES; r++) {
        await_good(await_block(&c->rig, in, AWAIT_READ, ranges[r], back).err);
        cr_assert_eq(memcmp(back->memory, c->bufs[r]->memory, ranges[r].length), 0);
    }
    endpoint_close(in);
}

static void plan(struct extent_set *data)
{
    for (unsigned r = 0; r < RANGES; r++)
        cr_assert(extent_set_append(data, ranges[r]));
}

/* A whole one, in memory of the caller. */
static unsigned char *whole_stream(struct stream_case *c, const struct extent_set *data,
                                   size_t *out_bytes)
{
    struct setup_held held;
    struct endpoint *ep = begin(c, data, "\"1\"", &held);
    unsigned char *bytes;
    struct stat st;
    int fd;

    cr_assert(held.below_bytes == 0 && !held.why_not[0], "nothing is there");
    write_all(c, ep, 0);
    endpoint_close(ep);
    cr_assert_eq(stat(c->path, &st), 0);
    bytes = malloc((size_t)st.st_size);
    fd = open(c->path, O_RDONLY);
    cr_assert(bytes && read(fd, bytes, (size_t)st.st_size) == st.st_size);
    close(fd);
    unlink(c->path);
    *out_bytes = (size_t)st.st_size;
    return bytes;
}

static void leave_part(const struct stream_case *c, const unsigned char *bytes, size_t count)
{
    char path[TEST_PATH_MAX_BYTES + 8];
    int fd;

    snprintf(path, sizeof path, "%s" STREAM_PART_SUFFIX, c->path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert_eq(write(fd, bytes, count), (ssize_t)count);
    close(fd);
}

static void go_on(struct stream_case *c, const struct extent_set *data, uint64_t least_bytes,
                  uint64_t most_bytes)
{
    struct setup_held held;
    struct endpoint *ep = begin(c, data, "\"1\"", &held);
    const struct stream_end *counts;

    cr_assert(held.bytes >= least_bytes && held.bytes <= most_bytes, "%llu",
              (unsigned long long)held.bytes);
    write_all(c, ep, held.below_bytes);
    counts = endpoint_stream_out_counts(ep);
    cr_assert_eq(counts->data_bytes + counts->zero_bytes + counts->copy_bytes, data->total_bytes);
    endpoint_close(ep);
    expect_stream(c);
}

TEST_BOTH(stream_held, what_was_cut_or_flipped_anywhere_is_gone_on_with)
{
    struct stream_case c;
    struct extent_set data = {0};
    unsigned char *bytes;
    size_t count;

    stream_case_open(&c, backend);
    fill_all(&c);
    plan(&data);
    bytes = whole_stream(&c, &data, &count);
    for (unsigned i = 0; i <= 12; i++) {
        size_t at = i == 12 ? count : 4 + (count - 4) * i / 12;

        leave_part(&c, bytes, at);
        go_on(&c, &data, at > MIB(5) ? MIB(4) : 0, i == 12 ? data.total_bytes : MIB(9));
        if (i == 12)
            break;
        bytes[at] ^= 0x20;
        leave_part(&c, bytes, count);
        bytes[at] ^= 0x20;
        go_on(&c, &data, at > MIB(5) ? MIB(4) : 0, at + MIB(3));
    }
    free(bytes);
    extent_set_fini(&data);
    stream_case_close(&c);
}

TEST_BOTH(stream_held, another_plan_or_source_begins_anew_and_says_so)
{
    struct stream_case c;
    struct extent_set data = {0}, less = {0};
    struct setup_held held;
    unsigned char *bytes;
    size_t count;

    stream_case_open(&c, backend);
    fill_all(&c);
    plan(&data);
    cr_assert(extent_set_append(&less, ranges[0]));
    bytes = whole_stream(&c, &data, &count);
    leave_part(&c, bytes, count);
    endpoint_close(begin(&c, &less, "\"1\"", &held));
    cr_assert(held.below_bytes == 0 && strstr(held.why_not, "otherwise"), "%s", held.why_not);
    leave_part(&c, bytes, count);
    endpoint_close(begin(&c, &data, "\"2\"", &held));
    cr_assert(held.below_bytes == 0 && strstr(held.why_not, "written to"), "%s", held.why_not);
    leave_part(&c, bytes, count);
    endpoint_close(begin(&c, &data, "", &held));
    cr_assert(held.below_bytes == 0 && strstr(held.why_not, "cannot show"), "%s", held.why_not);
    free(bytes);
    extent_set_fini(&data);
    extent_set_fini(&less);
    stream_case_close(&c);
}
