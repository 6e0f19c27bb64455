/* err_test.c - an error says what failed, keeps within its bounds and forgets nothing when prefixed.
 * Must not know: who makes errors. */
#include "blockmap/err.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

static void expect_text(const struct err *e, const char *text)
{
    cr_expect_str_eq(e->text, text);
}

Test(err, set_returns_false_and_keeps_what_was_said)
{
    struct err e = {0};

    cr_expect_not(err_is_set(&e));
    cr_expect_not(err_set(&e, ERR_AUTH, RETRY_AFTER_RENEWAL, "disk %d of %s", 7, "rp"));
    cr_expect(err_is_set(&e));
    cr_expect_eq(e.kind, ERR_AUTH);
    cr_expect_eq(e.retry, RETRY_AFTER_RENEWAL);
    cr_expect_eq(e.sys_errno, 0);
    expect_text(&e, "disk 7 of rp");
}

Test(err, of_the_kernel_ends_in_its_words)
{
    struct err e = {0};

    cr_expect_not(err_set_errno(&e, ENOSPC, RETRY_NEVER, "write %s", "disk.vhd"));
    cr_expect_eq(e.kind, ERR_IO);
    cr_expect_eq(e.sys_errno, ENOSPC);
    expect_text(&e, "write disk.vhd: No space left on device");
}

Test(err, prefix_puts_words_before)
{
    struct err e = {0};

    err_set(&e, ERR_NET, RETRY_LATER, "no answer");
    err_prefix(&e, "disk %s: ", "a");
    expect_text(&e, "disk a: no answer");
    cr_expect_eq(e.kind, ERR_NET);
    cr_expect_eq(e.retry, RETRY_LATER);
}

Test(err, long_texts_are_cut_not_spilled)
{
    struct {
        struct err e;
        char fence[16];
    } guarded = {.fence = "fence"};
    char longer[2 * ERR_TEXT_MAX_BYTES];

    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    err_set(&guarded.e, ERR_NET, RETRY_LATER, "%s", longer);
    cr_expect_eq(strlen(guarded.e.text), ERR_TEXT_MAX_BYTES - 1);
    err_prefix(&guarded.e, "%s", longer);
    cr_expect_eq(strlen(guarded.e.text), ERR_TEXT_MAX_BYTES - 1);
    err_clear(&guarded.e);
    err_set_errno(&guarded.e, EIO, RETRY_LATER, "%s", longer);
    cr_expect_eq(strlen(guarded.e.text), ERR_TEXT_MAX_BYTES - 1);
    cr_expect_str_eq(guarded.fence, "fence");
}

Test(err, clear_makes_it_fit_for_another)
{
    struct err e = {0};

    err_set(&e, ERR_NET, RETRY_LATER, "first");
    err_clear(&e);
    cr_expect_not(err_is_set(&e));
    expect_text(&e, "");
    err_set(&e, ERR_GONE, RETRY_REPLAN, "second");
    expect_text(&e, "second");
}

Test(err, every_kind_has_a_name_of_its_own)
{
    for (int kind = ERR_NONE; kind <= ERR_CANCELED; kind++) {
        const char *name = err_kind_name((enum err_kind)kind);

        cr_assert(name && name[0], "kind %d", kind);
        for (int other = ERR_NONE; other < kind; other++)
            cr_expect_str_neq(name, err_kind_name((enum err_kind)other));
    }
}

Test(err, setting_one_twice_is_a_programmer_s_error, .signal = SIGABRT)
{
    struct err e = {0};

    err_set(&e, ERR_NET, RETRY_LATER, "first");
    err_set(&e, ERR_NET, RETRY_LATER, "second");
}
