/* verify_crash_test.c - kill -9 right after every record of a verify's journal: the next process comes to the
 * verdict of one that was never ended, and names what the killed one had found. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/copy_case.h"
#include "tests/support/crash_case.h"

#define DISK_BYTES  (16 * CRASH_CUT_BYTES + 24 * COPY_CASE_KIB)
#define DAMAGED_MAX 3u

/* As in copy_crash_test.c. */
#define AGAIN_MAX_BYTES ((uint64_t)CRASH_WINDOW_MAX * 2 * CRASH_CUT_BYTES)

static struct crash_case c;

static void make_source(void)
{
    struct extent whole = {0, DISK_BYTES};
    struct copy_case mem;
    unsigned char *image;

    copy_case_open(&mem);
    mem.source = copy_case_disk(&mem, DISK_BYTES);
    mem.target = copy_case_disk(&mem, DISK_BYTES);
    copy_case_fill(mem.target, whole, 5);
    copy_case_put_footer(mem.target);
    image = copy_case_image(mem.target);
    copy_case_close(&mem);
    crash_case_source(&c, image, DISK_BYTES);
}

static void begin(uint32_t damaged)
{
    static const uint64_t pages[DAMAGED_MAX] = {512, 6 * CRASH_CUT_BYTES + 1024,
                                                15 * CRASH_CUT_BYTES};

    crash_case_open(&c, CRASH_TO_BLOB, false);
    make_source();
    crash_case_run_ok(&c, 0);
    for (uint32_t i = 0; i < damaged; i++)
        crash_case_damage(&c, pages[i]);
    c.verify = true;
}

static void expect_verdict(uint32_t damaged, const char *root)
{
    cr_assert_eq(c.result->equal, damaged == 0);
    cr_assert_eq(c.result->different_bytes, damaged * 512u);
    cr_assert_str_eq(c.result->root, root);
}

static void kill_at_every_record(uint32_t damaged)
{
    char root[DIGEST_TEXT_MAX_BYTES];
    uint64_t kill_at = 1, kills = 0;

    begin(damaged);
    copy_case_root(c.image, DISK_BYTES - 512, root);
    crash_case_run_ok(&c, 0);
    cr_expect_gt(c.result->records, 10u);
    expect_verdict(damaged, root);
    for (;; kills++) {
        (void)unlink(c.journal);
        if (crash_case_run(&c, 0, kill_at))
            break;
        kill_at = c.result->records + 1;
        crash_case_note(&c);
        crash_case_run_ok(&c, 0);
        expect_verdict(damaged, root);
        cr_assert_leq(crash_case_read_again_bytes(&c), AGAIN_MAX_BYTES, "recorded, and read again");
        cr_assert_leq(c.recorded.total_bytes, c.result->resumed_bytes + AGAIN_MAX_BYTES);
    }
    cr_expect_gt(kills, 10u);
    crash_case_close(&c);
}

Test(verify_crash, of_a_true_copy, .timeout = 220)
{
    kill_at_every_record(0);
}

Test(verify_crash, of_a_copy_with_wrong_bits, .timeout = 220)
{
    kill_at_every_record(DAMAGED_MAX);
}
