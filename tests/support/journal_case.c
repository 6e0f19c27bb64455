/* journal_case.c - see journal_case.h. */
#include "tests/support/journal_case.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/page_model.h"

struct journal_case journal_case;

const struct journal_header journal_case_header = {.kind = JOURNAL_COPY,
                                                   .copy_uuid =
                                                       "01234567-89ab-4cde-8f01-23456789abcd",
                                                   .source = "https://h/c/disk",
                                                   .target = "https://t/c/disk",
                                                   .source_bytes = 1ull << 40};

void journal_case_begin(void)
{
    rig_open_simulated(&journal_case.rig, REACTOR_AUTO);
    test_temp_path(journal_case.folder, "journals");
    snprintf(journal_case.path, sizeof journal_case.path, "%s/deep/disk.journal",
             journal_case.folder);
}

void journal_case_end(void)
{
    char command[TEST_PATH_MAX_BYTES + 16];

    rig_until_idle(&journal_case.rig);
    rig_close(&journal_case.rig);
    snprintf(command, sizeof command, "rm -rf '%s'", journal_case.folder);
    cr_assert_eq(system(command), 0);
}

struct journal *journal_case_open(void)
{
    struct err e = {0};
    struct journal *j = journal_open(journal_case.rig.r, journal_case.path, &e);

    cr_assert_not_null(j, "%s", e.text);
    return j;
}

enum err_kind journal_case_refused(void)
{
    struct err e = {0};
    struct journal *j = journal_open(journal_case.rig.r, journal_case.path, &e);

    cr_assert_null(j);
    cr_expect_not_null(strstr(e.text, "disk.journal"), "%s", e.text);
    return e.kind;
}

struct journal *journal_case_new(void)
{
    struct journal *j = journal_case_open();
    struct err e = {0};

    cr_assert(journal_begin(j, &journal_case_header, &e), "%s", e.text);
    return j;
}

void journal_case_close(struct journal *j)
{
    while (j && journal_busy(j))
        rig_turn(&journal_case.rig);
    journal_close(j);
}

/* The number-th record of a journal: ranges, and now and then something else. */
const struct journal_record *journal_case_record(uint64_t number)
{
    static struct journal_record record;
    uint64_t seed = number + 1;

    if (number % 5 == 3) {
        record.type = JOURNAL_STAGE;
        record.stage = number % 2 ? JOURNAL_MOVED : JOURNAL_COMMITTED;
        return &record;
    }
    record.type = JOURNAL_DONE;
    record.done = (struct journal_done){.extent = {number << 22, 1u << 22},
                                        .hash_count = (uint32_t)(number % 7)};
    record.done.first_block = record.done.hash_count ? number << 6 : 0;
    for (uint32_t i = 0; i < record.done.hash_count; i++)
        for (size_t k = 0; k < DIGEST_HASH_BYTES; k++)
            record.done.hashes[i].bytes[k] = (unsigned char)page_random(&seed);
    return &record;
}

void journal_case_expect(const struct journal_record *record, uint64_t number)
{
    const struct journal_record *want = journal_case_record(number);

    cr_assert_eq(record->type, want->type);
    if (want->type == JOURNAL_STAGE) {
        cr_assert_eq(record->stage, want->stage);
        return;
    }
    cr_assert_eq(record->done.extent.offset, want->done.extent.offset);
    cr_assert_eq(record->done.hash_count, want->done.hash_count);
    cr_assert_eq(memcmp(record->done.hashes, want->done.hashes,
                        want->done.hash_count * sizeof(struct block_hash)),
                 0);
}

void journal_case_append(struct journal *j, uint64_t number)
{
    struct err e = {0};

    cr_assert(journal_append(j, journal_case_record(number), &e), "%s", e.text);
}

/* Reads to the end; how many records came, each the one of its number. */
uint64_t journal_case_read(struct journal *j)
{
    const struct journal_record *record;
    enum journal_read answer;
    struct err e = {0};
    uint64_t count = 0;

    while ((answer = journal_next(j, &record, &e)) == JOURNAL_RECORD)
        journal_case_expect(record, count++);
    cr_assert_eq(answer, JOURNAL_NO_MORE, "%s", e.text);
    return count;
}

size_t journal_case_load(unsigned char bytes[JOURNAL_CASE_MAX_BYTES])
{
    FILE *file = fopen(journal_case.path, "r");
    size_t count;

    cr_assert_not_null(file);
    count = fread(bytes, 1, JOURNAL_CASE_MAX_BYTES, file);
    cr_assert_lt(count, JOURNAL_CASE_MAX_BYTES);
    fclose(file);
    return count;
}

void journal_case_store(const unsigned char *bytes, size_t count)
{
    FILE *file = fopen(journal_case.path, "w");

    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, count, file), count);
    fclose(file);
}

/* A journal of JOURNAL_CASE_RECORDS records in journal_case.bytes, and where each ends. */
size_t journal_case_file(void)
{
    struct journal *j = journal_case_new();

    journal_case.record_end[0] = journal_case_load(journal_case.bytes);
    for (uint64_t i = 0; i < JOURNAL_CASE_RECORDS; i++) {
        journal_case_append(j, i);
        journal_case.record_end[i + 1] = journal_case_load(journal_case.bytes);
    }
    journal_case_close(j);
    return journal_case.record_end[JOURNAL_CASE_RECORDS];
}
