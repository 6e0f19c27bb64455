/* file_map_test.c - the list of a real file names all of its data and few of its holes. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

#include "io/endpoint_file.h"
#include "tests/support/file_case.h"

#define MIB (1u << 20)

static struct extent_set list(struct file_case *c, struct endpoint *ep, struct extent within)
{
    struct extent_set data = {0};
    struct list_req req = await_list(&c->rig, ep, within, &data);

    await_good(req.err);
    cr_assert_eq(req.size_bytes, ep->size_bytes);
    return data;
}

TEST_BOTH(file_map, data_is_listed_and_holes_are_not)
{
    struct file_case c;
    struct endpoint *source;
    struct extent_set data;

    file_case_open(&c, backend);
    file_case_make(&c, 64 * MIB);
    file_case_put(&c, 0, 512, 1);
    file_case_put(&c, 10 * MIB, MIB, 2);
    file_case_put(&c, 64 * MIB - 512, 512, 3);
    source = file_case_source(&c, ENDPOINT_FILE_DIRECT_OFF);
    data = list(&c, source, (struct extent){0, 64 * MIB});
    cr_assert(extent_set_covers(&data, (struct extent){0, 512}));
    cr_assert(extent_set_covers(&data, (struct extent){10 * MIB, MIB}));
    cr_assert(extent_set_covers(&data, (struct extent){64 * MIB - 512, 512}));
    cr_assert(data.total_bytes < 3 * MIB, "%llu bytes", (unsigned long long)data.total_bytes);
    extent_set_fini(&data);
    data = list(&c, source, (struct extent){10 * MIB + 512, 1024});
    cr_assert_eq(data.count, 1);
    cr_assert_eq(extent_set_at(&data, 0).offset, 10 * MIB + 512, "cut to what was asked");
    cr_assert_eq(data.total_bytes, 1024);
    extent_set_fini(&data);
    endpoint_close(source);
    file_case_close(&c);
}

TEST_BOTH(file_map, a_file_of_one_hole_lists_nothing)
{
    struct file_case c;
    struct endpoint *source;
    struct extent_set data;

    file_case_open(&c, backend);
    file_case_make(&c, 64 * MIB);
    source = file_case_source(&c, ENDPOINT_FILE_DIRECT_OFF);
    data = list(&c, source, (struct extent){0, 64 * MIB});
    cr_assert_eq(data.count, 0);
    endpoint_close(source);
    file_case_close(&c);
}

struct ticker {
    struct reactor_task task; /* first */
    struct reactor *r;
    unsigned turns_count;
    bool stop;
};

static void tick(struct reactor_task *task)
{
    struct ticker *ticker = (struct ticker *)task;

    ticker->turns_count++;
    if (!ticker->stop)
        reactor_post(ticker->r, task, tick);
}

TEST_BOTH(file_map, a_file_of_many_pieces_is_listed_in_slices_that_let_others_run)
{
    enum { PIECES = 2000 };
    struct file_case c;
    struct endpoint *source;
    struct ticker ticker = {0};
    struct extent_set data;
    int fd;

    file_case_open(&c, backend);
    file_case_make(&c, (uint64_t)PIECES * 65536 * 2);
    fd = open(c.path, O_WRONLY | O_CLOEXEC);
    for (unsigned i = 0; i < PIECES; i++)
        cr_assert_eq(pwrite(fd, "x", 1, (off_t)i * 65536 * 2 + 65536), 1);
    close(fd);
    source = file_case_source(&c, ENDPOINT_FILE_DIRECT_OFF);
    ticker.r = c.rig.r;
    reactor_post(c.rig.r, &ticker.task, tick);
    data = list(&c, source, (struct extent){0, source->size_bytes});
    cr_assert_eq(data.count, PIECES);
    for (unsigned i = 0; i < PIECES; i++)
        cr_assert(extent_set_covers(&data, (struct extent){(uint64_t)i * 65536 * 2 + 65536, 512}));
    cr_assert(ticker.turns_count >= 4, "%u", ticker.turns_count);
    ticker.stop = true;
    rig_until_idle(&c.rig);
    extent_set_fini(&data);
    endpoint_close(source);
    file_case_close(&c);
}

TEST_BOTH(file_map, a_list_of_a_file_that_was_replaced_is_an_error)
{
    struct file_case c;
    struct endpoint *source;
    struct extent_set data = {0};
    struct list_req req;

    file_case_open(&c, backend);
    file_case_make(&c, MIB);
    source = file_case_source(&c, ENDPOINT_FILE_DIRECT_OFF);
    unlink(c.path);
    req = await_list(&c.rig, source, (struct extent){0, MIB}, &data);
    await_error(&req.err, ERR_GONE, "removed or replaced");
    endpoint_close(source);
    file_case_close(&c);
}
