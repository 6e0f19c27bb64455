/* bytes_test.c - numbers and texts come back as they went in; a cursor that ran out says so.
 * Must not know: any format made of them. */
#include "blockmap/bytes.h"

#include <criterion/criterion.h>
#include <string.h>

Test(bytes, gives_back_what_was_put_in_little_endian)
{
    unsigned char memory[64];
    struct bytes_writer w = {memory, sizeof memory, 0};
    struct bytes_cursor c;
    char text[8];

    bytes_put_u8(&w, 0xab);
    bytes_put_u32(&w, 0x01020304);
    bytes_put_u64(&w, 0x1122334455667788ull);
    bytes_put_text(&w, "disk");
    cr_assert_eq(w.used, 1u + 4 + 8 + 2 + 4);
    cr_assert_eq(memory[1], 0x04);
    cr_assert_eq(memory[5], 0x88);
    c = (struct bytes_cursor){memory, w.used, false};
    cr_assert_eq(bytes_take_u8(&c), 0xab);
    cr_assert_eq(bytes_take_u32(&c), 0x01020304u);
    cr_assert_eq(bytes_take_u64(&c), 0x1122334455667788ull);
    bytes_take_text(&c, text, sizeof text);
    cr_assert_str_eq(text, "disk");
    cr_assert_eq(c.left, 0u);
    cr_assert_not(c.ran_out);
}

Test(bytes, a_cursor_that_ran_out_stays_so_and_gives_zeros)
{
    unsigned char memory[6] = {1, 2, 3, 4, 5, 6};
    struct bytes_cursor c = {memory, sizeof memory, false};

    cr_assert_eq(bytes_take_u32(&c), 0x04030201u);
    cr_assert_eq(bytes_take_u32(&c), 0u);
    cr_assert(c.ran_out);
    cr_assert_eq(bytes_take_u8(&c), 0u, "though one byte is left");
    cr_assert_null(bytes_take(&c, 1));
}

Test(bytes, refuses_texts_that_are_too_long_or_hold_control_characters)
{
    static const char *const bad[] = {"12345678", "a\nb", "a\x7f", "\x1b[2J"};
    unsigned char memory[16];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct bytes_writer w = {memory, sizeof memory, 0};
        struct bytes_cursor c = {memory, 0, false};
        char text[8] = "old";

        bytes_put_text(&w, bad[i]);
        c.left = w.used;
        bytes_take_text(&c, text, sizeof text);
        cr_assert(c.ran_out, "%zu", i);
        cr_assert_str_eq(text, "");
    }
}

Test(bytes, writes_two_digits_for_each)
{
    const unsigned char bytes[] = {0x00, 0x0f, 0xa5, 0xff};
    char text[2 * sizeof bytes + 1] = "........";

    bytes_hex(bytes, sizeof bytes, text);
    cr_assert_str_eq(text, "000fa5ff");
    bytes_hex(bytes, 0, text);
    cr_assert_str_eq(text, "");
}
