/* journal_damage_test.c - journals cut at every byte and flipped at every byte: what is whole is kept, what
 * is behind is dropped, nothing wrong is taken. Must not know: how records look as bytes. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/journal_case.h"

TestSuite(journal_damage, .init = journal_case_begin, .fini = journal_case_end, .timeout = 120);

Test(journal_damage, every_prefix_gives_the_records_that_are_whole)
{
    size_t count = journal_case_file();
    uint64_t whole = 0;

    for (size_t cut = 0; cut <= count; cut++) {
        struct journal *j;

        while (whole < JOURNAL_CASE_RECORDS && cut >= journal_case.record_end[whole + 1])
            whole++;
        journal_case_store(journal_case.bytes, cut);
        j = journal_case_open();
        cr_assert_eq(journal_found(j), cut >= journal_case.record_end[0], "cut at %zu", cut);
        if (journal_found(j) && cut % 5 != 1) {
            cr_assert_eq(journal_case_read(j), whole, "cut at %zu", cut);
            cr_assert_eq(journal_torn_bytes(j), cut - journal_case.record_end[whole]);
            journal_case_append(j, whole);
            journal_case_close(j);
            j = journal_case_open();
            cr_assert_eq(journal_case_read(j), whole + 1, "cut at %zu", cut);
        }
        journal_case_close(j);
    }
}

Test(journal_damage, every_flipped_byte_is_noticed)
{
    size_t count = journal_case_file();
    uint64_t in_record = 0;

    for (size_t at = 0; at < count; at++) {
        struct journal *j;

        while (at >= journal_case.record_end[in_record])
            in_record++; /* 0: the header; n: the n-th record */
        journal_case.bytes[at] ^= (unsigned char)(1u << at % 8);
        journal_case_store(journal_case.bytes, count);
        if (in_record == 0) {
            struct err e = {0};

            j = journal_open(journal_case.rig.r, journal_case.path, &e);
            cr_assert(j ? !journal_found(j) : e.kind == ERR_CORRUPT, "flipped at %zu", at);
            journal_case_close(j);
        } else {
            j = journal_case_open();
            cr_assert_eq(journal_case_read(j), in_record - 1, "flipped at %zu", at);
            cr_assert_eq(journal_torn_bytes(j), count - journal_case.record_end[in_record - 1]);
            journal_case_close(j);
        }
        journal_case.bytes[at] ^= (unsigned char)(1u << at % 8);
    }
}

Test(journal_damage, what_follows_damage_is_cut_off_and_does_not_come_back)
{
    size_t count = journal_case_file();
    struct journal *j;

    journal_case.bytes[journal_case.record_end[4]] ^=
        1; /* of the fifth: its length is the same once it is written anew */
    journal_case_store(journal_case.bytes, count);
    j = journal_case_open();
    cr_assert_eq(journal_case_read(j), 4u);
    journal_case_append(j, 4);
    journal_case_close(j);
    j = journal_case_open();
    cr_expect_eq(journal_case_read(j), 5u);
    journal_case_close(j);
}

Test(journal_damage, records_of_another_journal_are_not_taken)
{
    static unsigned char other[JOURNAL_CASE_MAX_BYTES];
    size_t count = journal_case_file();
    struct journal *j;

    memcpy(other, journal_case.bytes, count);
    cr_assert_eq(journal_case_file(), count);
    memcpy(journal_case.bytes, other, journal_case.record_end[0]);
    journal_case_store(journal_case.bytes, count);
    j = journal_case_open();
    cr_expect_eq(journal_case_read(j), 0u);
    journal_case_close(j);
}
