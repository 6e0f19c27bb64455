/* turn_heap_test.c - order, equal keys, and taking from the middle, against a sorted list. */
#include "engine/turn_heap.h"

#include <criterion/criterion.h>

#define COUNT 300u

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return *state >> 33;
}

Test(turn_heap, gives_the_lowest_and_of_equals_the_one_that_came_first)
{
    struct turn_heap heap = {0};
    struct turn turns[COUNT] = {{0}};
    uint64_t random = 1, key = 0, order = 0;

    cr_assert(turn_heap_reserve(&heap, COUNT));
    for (uint32_t i = 0; i < COUNT; i++)
        turn_heap_add(&heap, &turns[i], draw(&random) % 40);
    for (uint32_t i = 0; i < COUNT; i++) {
        struct turn *first = turn_heap_first(&heap);

        cr_assert(first->key > key || (first->key == key && first->order >= order));
        key = first->key;
        order = first->order;
        turn_heap_remove(&heap, first);
        cr_assert_eq(first->slot, 0u);
    }
    cr_expect_null(turn_heap_first(&heap));
    turn_heap_fini(&heap);
}

Test(turn_heap, keeps_its_order_while_others_come_and_go)
{
    struct turn_heap heap = {0};
    struct turn turns[COUNT] = {{0}};
    uint64_t random = 7;

    cr_assert(turn_heap_reserve(&heap, COUNT));
    for (uint32_t step = 0; step < 20000; step++) {
        struct turn *turn = &turns[draw(&random) % COUNT];
        uint64_t lowest = UINT64_MAX;

        if (turn->slot)
            turn_heap_remove(&heap, turn);
        else
            turn_heap_add(&heap, turn, draw(&random) % 1000);
        for (uint32_t i = 0; i < COUNT; i++)
            if (turns[i].slot && turns[i].key < lowest)
                lowest = turns[i].key;
        turn = turn_heap_first(&heap);
        cr_assert_eq(turn ? turn->key : UINT64_MAX, lowest);
    }
    turn_heap_fini(&heap);
    for (uint32_t i = 0; i < COUNT; i++)
        cr_assert_eq(turns[i].slot, 0u, "what a heap held is let go");
}
