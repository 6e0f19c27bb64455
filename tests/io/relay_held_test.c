/* relay_held_test.c - a table of ids that forgets rather than grows, and never takes one for another. */
#include "io/relay_held.h"

#include <criterion/criterion.h>

static struct block_id id_of(unsigned number)
{
    return block_id_of(&number, sizeof number);
}

Test(relay_held, knows_what_was_noted_until_it_is_forgotten)
{
    struct relay_held *held = relay_held_new();
    struct block_id one = id_of(1), two = id_of(2);

    cr_expect_not(relay_held_has(held, &one));
    relay_held_note(held, &one);
    cr_expect(relay_held_has(held, &one));
    cr_expect_not(relay_held_has(held, &two));
    relay_held_forget(held, &two);
    cr_expect(relay_held_has(held, &one));
    relay_held_forget(held, &one);
    cr_expect_not(relay_held_has(held, &one));
    relay_held_free(held);
}

Test(relay_held, gives_the_place_of_an_older_id_to_a_newer_one)
{
    struct relay_held *held = relay_held_new();
    struct block_id old = id_of(1), other = old;

    other.bytes[BLOCK_ID_BYTES - 1] ^= 1; /* the same place, another block */
    relay_held_note(held, &old);
    cr_expect_not(relay_held_has(held, &other));
    relay_held_forget(held, &other);
    cr_expect(relay_held_has(held, &old), "forgetting one leaves the other");
    relay_held_note(held, &other);
    cr_expect(relay_held_has(held, &other));
    cr_expect_not(relay_held_has(held, &old));
    relay_held_free(held);
}
