/* test_reactor.c - see test_reactor.h. */
#include "tests/support/test_reactor.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void open_on(struct rig *rig, enum reactor_backend backend)
{
    struct err e = {0};

    rig->r = reactor_new(backend, &rig->clock, &e);
    cr_assert(rig->r, "%s", e.text);
}

void rig_open(struct rig *rig, enum reactor_backend backend)
{
    clock_init_real(&rig->clock);
    open_on(rig, backend);
}

void rig_open_simulated(struct rig *rig, enum reactor_backend backend)
{
    clock_init_simulated(&rig->clock, NS_PER_S, 1700000000ull * NS_PER_S);
    open_on(rig, backend);
}

void rig_close(struct rig *rig)
{
    reactor_free(rig->r);
    rig->r = NULL;
}

static void turn(struct rig *rig, uint64_t wait_max_ns)
{
    struct err e = {0};
    bool turned = reactor_turn(rig->r, wait_max_ns, &e);

    cr_assert(turned, "%s", e.text);
}

void rig_turn(struct rig *rig)
{
    turn(rig, TEST_PATIENCE_NS);
}

void rig_peek(struct rig *rig)
{
    turn(rig, 0);
}

void rig_until(struct rig *rig, const bool *flag)
{
    while (!*flag) {
        cr_assert(reactor_busy(rig->r), "nothing is left to do and it is not done");
        rig_turn(rig);
    }
}

void rig_until_idle(struct rig *rig)
{
    while (reactor_busy(rig->r))
        rig_turn(rig);
}

void test_temp_path(char out_path[TEST_PATH_MAX_BYTES], const char *name)
{
    const char *folder = getenv("TMPDIR");

    snprintf(out_path, TEST_PATH_MAX_BYTES, "%s/%d-%s", folder ? folder : "/tmp", (int)getpid(),
             name);
}

int test_temp_file(size_t size_bytes)
{
    char path[TEST_PATH_MAX_BYTES];
    int fd;

    test_temp_path(path, "XXXXXX");
    fd = mkstemp(path);
    cr_assert(fd >= 0);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(ftruncate(fd, (off_t)size_bytes), 0);
    return fd;
}
