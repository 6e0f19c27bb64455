/* journal_test.c - a journal's file: what was written comes back, whatever happened to its tail; what is
 * not ours stays as it is; errors are told and stay. Must not know: how records look as bytes. */
#include "engine/journal.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/journal_case.h"

TestSuite(journal, .init = journal_case_begin, .fini = journal_case_end, .timeout = 120);

/* ---- What was written comes back ---- */

Test(journal, a_new_one_is_empty_and_for_its_owner_alone)
{
    struct journal *j = journal_case_open();
    struct stat found;

    cr_expect_not(journal_found(j));
    cr_assert_eq(stat(journal_case.path, &found), 0);
    cr_expect_eq(found.st_mode & 07777, 0600u);
    *strrchr(journal_case.path, '/') = '\0';
    cr_assert_eq(stat(journal_case.path, &found), 0);
    cr_expect_eq(found.st_mode & 07777, 0700u);
    journal_case_close(j);
}

Test(journal, what_was_written_comes_back_and_more_follows)
{
    struct journal *j = journal_case_new();

    cr_expect_eq(journal_case_read(j), 0u, "nothing to read behind a new header");
    for (uint64_t i = 0; i < JOURNAL_CASE_RECORDS; i++)
        journal_case_append(j, i);
    cr_expect_eq(journal_records_written(j), JOURNAL_CASE_RECORDS + 1);
    journal_case_close(j);
    j = journal_case_open();
    cr_assert(journal_found(j));
    cr_expect_str_eq(journal_header(j)->copy_uuid, journal_case_header.copy_uuid);
    cr_expect_str_eq(journal_header(j)->source, journal_case_header.source);
    cr_expect_eq(journal_header(j)->source_bytes, journal_case_header.source_bytes);
    cr_expect_eq(journal_case_read(j), JOURNAL_CASE_RECORDS);
    cr_expect_eq(journal_torn_bytes(j), 0u);
    journal_case_append(j, JOURNAL_CASE_RECORDS);
    journal_case_close(j);
    j = journal_case_open();
    cr_expect_eq(journal_case_read(j), JOURNAL_CASE_RECORDS + 1);
    journal_case_close(j);
}

Test(journal, a_record_that_was_not_for_the_reader_is_given_again)
{
    const struct journal_record *record;
    struct err e = {0};
    struct journal *j;

    journal_case_file();
    j = journal_case_open();
    for (uint64_t i = 0; i < 3; i++)
        cr_assert_eq(journal_next(j, &record, &e), JOURNAL_RECORD);
    journal_unread(j);
    cr_assert_eq(journal_next(j, &record, &e), JOURNAL_RECORD);
    journal_case_expect(record, 2);
    cr_assert_eq(journal_next(j, &record, &e), JOURNAL_RECORD);
    journal_case_expect(record, 3);
    journal_case_close(j);
}

Test(journal, is_read_once_more_from_its_beginning)
{
    const struct journal_record *record;
    struct err e = {0};
    struct journal *j;

    journal_case_file();
    j = journal_case_open();
    for (uint64_t i = 0; i < 3; i++)
        cr_assert_eq(journal_next(j, &record, &e), JOURNAL_RECORD);
    journal_unread(j);
    journal_rewind(j);
    cr_expect_eq(journal_case_read(j), JOURNAL_CASE_RECORDS);
    journal_rewind(j);
    cr_expect_eq(journal_case_read(j), JOURNAL_CASE_RECORDS);
    journal_case_append(j, JOURNAL_CASE_RECORDS);
    journal_case_close(j);
    j = journal_case_open();
    cr_expect_eq(journal_case_read(j), JOURNAL_CASE_RECORDS + 1);
    journal_case_close(j);
}

Test(journal, begun_anew_nothing_old_is_left)
{
    struct journal *j;

    journal_case_file();
    j = journal_case_new();
    journal_case_append(j, 0);
    journal_case_close(j);
    j = journal_case_open();
    cr_expect_eq(journal_case_read(j), 1u);
    journal_case_close(j);
}

Test(journal, a_large_one_is_read_through_a_window)
{
    const uint64_t count = 60000;
    struct journal *j = journal_case_new();
    struct err e = {0};
    struct stat found;

    for (uint64_t i = 0; i < count; i++) {
        if (i % 5 != 3) {
            journal_note_done(j, &journal_case_record(i)->done);
            continue;
        }
        journal_seal(j);
        cr_assert(journal_write_sealed(j, &e), "%s", e.text);
        journal_case_append(j, i);
    }
    journal_seal(j);
    cr_assert(journal_write_sealed(j, &e), "%s", e.text);
    journal_case_close(j);
    cr_assert_eq(stat(journal_case.path, &found), 0);
    cr_assert_gt(found.st_size, 2 << 20, "it does not fit the window");
    j = journal_case_open();
    cr_expect_eq(journal_case_read(j), count);
    journal_case_close(j);
}

/* ---- Whose file ---- */

static void expect_left_alone(const unsigned char *bytes, size_t count)
{
    static unsigned char now[JOURNAL_CASE_MAX_BYTES];

    journal_case_store(bytes, count);
    cr_expect_eq(journal_case_refused(), ERR_CORRUPT);
    cr_expect_eq(journal_case_load(now), count);
    cr_expect_eq(memcmp(now, bytes, count), 0);
}

Test(journal, a_foreign_file_is_refused_and_left_as_it_is)
{
    size_t count;

    journal_case_close(journal_case_open()); /* makes the journal_case.folder */
    expect_left_alone((const unsigned char *)"dear diary", 10);
    expect_left_alone((const unsigned char *)"\0\0\0x", 4);
    cr_assert_eq(unlink(journal_case.path), 0);
    count = journal_case_file();
    journal_case.bytes[5] ^= 0x20;
    expect_left_alone(journal_case.bytes, count);
    expect_left_alone(journal_case.bytes, 20);
}

Test(journal, a_journal_whose_header_is_damaged_is_left_as_it_is)
{
    size_t count = journal_case_file();

    journal_case.bytes[journal_case.record_end[0] - 1] ^= 1;
    expect_left_alone(journal_case.bytes, count);
}

Test(journal, zeros_are_what_a_power_loss_left)
{
    static const unsigned char zeros[4096];
    struct journal *j = journal_case_new();

    journal_case_close(j);
    journal_case_store(zeros, sizeof zeros);
    j = journal_case_new();
    journal_case_append(j, 0);
    journal_case_close(j);
    j = journal_case_open();
    cr_expect_eq(journal_case_read(j), 1u);
    journal_case_close(j);
}

Test(journal, what_is_no_file_is_refused)
{
    struct err e = {0};
    char folder_of[sizeof journal_case.path];

    journal_case_close(journal_case_open());
    cr_assert_eq(unlink(journal_case.path), 0);
    cr_assert_eq(mkfifo(journal_case.path, 0600), 0);
    cr_expect_eq(journal_case_refused(), ERR_CORRUPT);
    cr_assert_eq(unlink(journal_case.path), 0);
    cr_assert_eq(symlink("elsewhere", journal_case.path), 0);
    cr_expect_eq(journal_case_refused(), ERR_IO);
    snprintf(folder_of, sizeof folder_of, "%s", journal_case.path);
    *strrchr(folder_of, '/') = '\0';
    cr_expect_null(journal_open(journal_case.rig.r, folder_of, &e));
}

Test(journal, one_that_others_could_read_is_closed_to_them)
{
    struct stat found;

    journal_case_file();
    cr_assert_eq(chmod(journal_case.path, 0644), 0);
    journal_case_close(journal_case_open());
    cr_assert_eq(stat(journal_case.path, &found), 0);
    cr_expect_eq(found.st_mode & 07777, 0600u);
}

Test(journal, one_process_at_a_time)
{
    struct journal *j = journal_case_new();

    cr_expect_eq(journal_case_refused(), ERR_CONFLICT);
    journal_case_close(j);
    j = journal_case_open();
    cr_expect_eq(journal_case_refused(), ERR_CONFLICT);
    while (journal_busy(j))
        rig_turn(&journal_case.rig);
    journal_drop(j);
    cr_expect_neq(access(journal_case.path, F_OK), 0, "dropped means gone");
    j = journal_case_open();
    cr_expect_not(journal_found(j));
    journal_case_close(j);
}

/* ---- Two steps ---- */

Test(journal, only_what_is_sealed_is_written)
{
    struct journal *j = journal_case_new();
    struct err e = {0};
    size_t empty = journal_case_load(journal_case.bytes);

    journal_note_done(j, &journal_case_record(0)->done);
    journal_note_done(j, &journal_case_record(1)->done);
    cr_expect(journal_write_sealed(j, &e));
    cr_expect_eq(journal_case_load(journal_case.bytes), empty);
    journal_seal(j);
    journal_note_done(j, &journal_case_record(2)->done);
    cr_expect_eq(journal_case_load(journal_case.bytes), empty, "sealed is not written");
    cr_expect(journal_write_sealed(j, &e));
    cr_expect_eq(journal_records_written(j), 3u);
    journal_case_close(j); /* what was noted and not sealed is dropped */
    j = journal_case_open();
    cr_expect_eq(journal_case_read(j), 2u);
    journal_case_close(j);
}

Test(journal, a_record_that_cannot_wait_overtakes_what_is_noted)
{
    struct journal *j = journal_case_new();
    struct err e = {0};

    journal_note_done(j, &journal_case_record(1)->done);
    journal_seal(j); /* the flush is under way */
    journal_note_done(j, &journal_case_record(2)->done);
    journal_case_append(j, 0);
    cr_expect(journal_write_sealed(j, &e));
    journal_seal(j);
    cr_expect(journal_write_sealed(j, &e));
    journal_note_done(j, &journal_case_record(4)->done);
    journal_seal(j);
    journal_case_close(j); /* the flush never ended: what was sealed for it is not durable */
    j = journal_case_open();
    cr_expect_eq(journal_case_read(j), 3u);
    journal_case_close(j);
}

Test(journal, is_full_before_it_takes_much_memory)
{
    struct journal *j = journal_case_new();
    struct err e = {0};
    uint64_t count = 0;

    while (!journal_is_full(j)) {
        journal_note_done(j, &journal_case_record(6)->done);
        count++;
    }
    cr_expect_geq(count, JOURNAL_NOTED_MAX_BYTES / JOURNAL_DONE_MAX_BYTES);
    journal_seal(j);
    cr_expect(journal_write_sealed(j, &e));
    cr_expect_not(journal_is_full(j));
    journal_case_close(j);
}

/* ---- Syncs and errors ---- */

static void note_written(void *arg, uint64_t records)
{
    *(uint64_t *)arg = records;
}

Test(journal, what_was_written_is_synced_within_a_second_and_then_nothing_more)
{
    struct journal *j = journal_case_new();
    uint64_t began_ns, told = 0;
    bool was_busy = false;

    rig_until_idle(&journal_case.rig);
    began_ns = reactor_now_ns(journal_case.rig.r);
    journal_watch(j, note_written, &told);
    journal_case_append(j, 0);
    cr_expect_eq(told, 2u, "the watcher is told at once");
    journal_case_append(j, 1);
    while (reactor_busy(journal_case.rig.r)) {
        was_busy |= journal_busy(j);
        rig_turn(&journal_case.rig);
    }
    cr_expect(was_busy);
    cr_expect_leq(reactor_now_ns(journal_case.rig.r) - began_ns, JOURNAL_SYNC_NS + NS_PER_MS);
    cr_expect_not(journal_busy(j));
    journal_case_append(j, 2);
    while (!journal_busy(j))
        rig_turn(&journal_case.rig);
    journal_case_append(j, 3); /* while a sync is under way: another one follows */
    while (journal_busy(j))
        rig_turn(&journal_case.rig);
    cr_expect(reactor_busy(journal_case.rig.r), "the timer of the next sync");
    journal_case_close(j);
}

struct synced {
    struct err error;
    bool done;
};

static void note_synced(void *arg, const struct err *error)
{
    struct synced *synced = arg;

    cr_assert_not(synced->done);
    *synced = (struct synced){.error = *error, .done = true};
}

Test(journal, a_sync_that_is_waited_for_ends_once_and_leaves_nothing_to_sync)
{
    struct journal *j = journal_case_open();
    struct synced synced = {0};
    struct err e = {0};

    cr_assert(journal_begin_unsynced(j, &journal_case_header, &e), "%s", e.text);
    journal_sync(j, JOURNAL_SYNC_NAME, note_synced, &synced);
    cr_expect(journal_busy(j));
    cr_expect_not(synced.done, "never from inside");
    rig_until(&journal_case.rig, &synced.done);
    cr_expect_not(err_is_set(&synced.error), "%s", synced.error.text);
    cr_expect_not(journal_busy(j));
    cr_expect_not(reactor_busy(journal_case.rig.r), "the sync of each second has nothing to do");
    journal_case_append(j, 0);
    while (!journal_busy(j)) /* the sync of each second */
        rig_turn(&journal_case.rig);
    journal_case_append(j, 1);
    synced.done = false;
    journal_sync(j, JOURNAL_SYNC_RECORDS, note_synced, &synced);
    rig_until(&journal_case.rig, &synced.done);
    cr_expect_not(err_is_set(&synced.error), "%s", synced.error.text);
    cr_expect_not(journal_busy(j), "it waited for the one that was under way, too");
    journal_case_close(j);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(journal, a_write_that_fails_is_told_with_the_path_and_what_to_do_and_stays)
{
    struct journal *j = journal_case_new();
    struct err e = {0}, again = {0};
    uint64_t count = 0;

    signal(SIGXFSZ, SIG_IGN);
    limit_files(3000);
    while (journal_append(j, journal_case_record(count), &e))
        count++;
    limit_files(RLIM_INFINITY);
    cr_expect_eq(e.kind, ERR_IO);
    cr_expect_eq(e.retry, RETRY_LATER);
    cr_expect_eq(e.sys_errno, EFBIG);
    cr_expect_not_null(strstr(e.text, journal_case.path), "%s", e.text);
    cr_expect_not_null(strstr(e.text, "run the same command again"), "%s", e.text);
    cr_expect_not(journal_append(j, journal_case_record(count), &again), "not behind a gap");
    cr_expect_str_eq(again.text, e.text);
    journal_case_close(j);
    j = journal_case_open();
    cr_expect_eq(journal_case_read(j), count, "all that was told to be written");
    journal_case_close(j);
}
