/* store_reader_test.c - what a reader may rely on while the blob changes under it. */
#include "tests/support/store_case.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KIB 1024u

static struct store_reader *open_reader(struct store_case *c, const char *snapshot)
{
    struct store_key key = store_case_snapshot(c, snapshot);
    struct store_reader *reader;

    cr_assert_eq(store_reader_open(c->store, &key, NULL, NULL, &reader), STORE_OK);
    return reader;
}

static void expect_fill(const unsigned char *bytes, uint64_t offset, size_t length, uint8_t seed)
{
    unsigned char *expected = malloc(length);

    store_case_fill(expected, offset, length, seed);
    cr_assert_eq(memcmp(bytes, expected, length), 0);
    free(expected);
}

static bool all_zero(const unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static struct store_span span_of(struct store_reader *reader, uint64_t offset, uint64_t length)
{
    struct store_span span;

    cr_assert_eq(store_reader_span(reader, offset, length, &span), STORE_OK);
    return span;
}

Test(store_reader, offers_the_file_itself_only_where_it_holds_exactly_the_blob)
{
    struct store_case c = {0};
    struct store_reader *reader;
    char snapshot[STORE_SNAPSHOT_BYTES];

    store_case_open(&c);
    store_case_create(&c, 512 * KIB);
    store_case_write(&c, 8 * KIB, 4 * KIB, 1);
    reader = open_reader(&c, NULL);
    cr_assert_eq(span_of(reader, 0, 64 * KIB).kind, STORE_SPAN_FILE);
    cr_assert_eq(span_of(reader, 0, 8 * KIB).kind, STORE_SPAN_ZERO);
    cr_assert_eq(span_of(reader, 60 * KIB, 8 * KIB).kind, STORE_SPAN_ZERO);
    cr_assert_eq(span_of(reader, 10 * KIB, 64 * KIB).kind, STORE_SPAN_MIXED); /* two segments */
    store_case_take_snapshot(&c, snapshot);
    store_case_write(&c, 16 * KIB, 4 * KIB, 2);
    cr_assert_eq(span_of(reader, 8 * KIB, 12 * KIB).kind, STORE_SPAN_MIXED); /* two layers */
    cr_assert_eq(span_of(reader, 16 * KIB, 4 * KIB).kind, STORE_SPAN_FILE);
    store_case_clear(&c, 8 * KIB, 1 * KIB); /* the file below keeps it for the snapshot */
    cr_assert_eq(span_of(reader, 8 * KIB, 4 * KIB).kind, STORE_SPAN_MIXED);
    cr_assert_eq(span_of(reader, 8 * KIB, 1 * KIB).kind, STORE_SPAN_ZERO);
    store_reader_close(reader);
    reader = open_reader(&c, snapshot);
    cr_assert_eq(span_of(reader, 0, 64 * KIB).kind, STORE_SPAN_FILE);
    store_reader_close(reader);
    store_case_close(&c);
}

Test(store_reader, refuses_what_is_not_there)
{
    struct store_case c = {0};
    struct store_reader *reader;
    struct store_span span;
    char snapshot[STORE_SNAPSHOT_BYTES];
    unsigned char bytes[512];
    struct store_key key;

    store_case_open(&c);
    store_case_create(&c, 8 * KIB);
    store_case_take_snapshot(&c, snapshot);
    reader = open_reader(&c, snapshot);
    cr_assert_eq(store_reader_bytes(reader, 8 * KIB - 256, bytes, 512), STORE_INVALID_RANGE);
    cr_assert_eq(store_reader_bytes(reader, UINT64_MAX - 100, bytes, 512), STORE_INVALID_RANGE);
    cr_assert_eq(store_reader_span(reader, 8 * KIB, 512, &span), STORE_INVALID_RANGE);
    cr_assert_eq(store_reader_bytes(reader, 8 * KIB - 512, bytes, 512), STORE_OK);
    key = store_case_snapshot(&c, snapshot);
    cr_assert_eq(store_blob_delete(c.store, &key, NULL, STORE_DELETE_BASE), STORE_OK);
    cr_assert_eq(store_reader_bytes(reader, 0, bytes, 512), STORE_SNAPSHOT_NOT_FOUND);
    cr_assert_eq(store_reader_span(reader, 0, 512, &span), STORE_SNAPSHOT_NOT_FOUND);
    store_reader_close(reader);
    reader = open_reader(&c, NULL);
    cr_assert_eq(store_blob_delete(c.store, &c.key, NULL, STORE_DELETE_BASE), STORE_OK);
    cr_assert_eq(store_reader_bytes(reader, 0, bytes, 512), STORE_BLOB_NOT_FOUND);
    store_reader_close(reader);
    cr_assert_eq(store_reader_open(c.store, &c.key, NULL, NULL, &reader), STORE_BLOB_NOT_FOUND);
    store_case_close(&c);
}

/* A snapshot's deletion gives its layer to the base; what the base then overwrites is dead there,
 * but somebody may be sending that very file. */
Test(store_reader, bytes_being_sent_are_never_punched_away)
{
    struct store_case c = {0};
    struct store_reader *sending, *other;
    struct store_span span;
    char snapshot[STORE_SNAPSHOT_BYTES];
    unsigned char bytes[8 * KIB];
    struct store_key key;

    store_case_open(&c);
    store_case_create(&c, 64 * KIB);
    store_case_write(&c, 0, 16 * KIB, 1);
    store_case_take_snapshot(&c, snapshot);
    sending = open_reader(&c, NULL);
    span = span_of(sending, 0, 8 * KIB);
    cr_assert_eq(span.kind, STORE_SPAN_FILE);
    key = store_case_snapshot(&c, snapshot);
    cr_assert_eq(store_blob_delete(c.store, &key, NULL, STORE_DELETE_BASE), STORE_OK);
    store_case_write(&c, 0, 4 * KIB, 2);
    cr_assert_eq(pread(span.fd, bytes, sizeof bytes, (off_t)span.file_offset),
                 (ssize_t)sizeof bytes);
    expect_fill(bytes, 0, 8 * KIB, 1);

    store_case_clear(&c, 0, 4 * KIB); /* now a hole of the blob, but not yet of the old file */
    other = open_reader(&c, NULL);
    cr_assert_eq(span_of(other, 0, 8 * KIB).kind, STORE_SPAN_MIXED);
    cr_assert_eq(store_reader_bytes(other, 0, bytes, sizeof bytes), STORE_OK);
    cr_assert(all_zero(bytes, 4 * KIB));
    expect_fill(bytes + 4 * KIB, 4 * KIB, 4 * KIB, 1);
    store_reader_close(sending);

    span = span_of(other, 0, 8 * KIB); /* punched when the sender was done */
    cr_assert_eq(span.kind, STORE_SPAN_FILE);
    cr_assert_eq(pread(span.fd, bytes, sizeof bytes, (off_t)span.file_offset),
                 (ssize_t)sizeof bytes);
    cr_assert(all_zero(bytes, 4 * KIB));
    expect_fill(bytes + 4 * KIB, 4 * KIB, 4 * KIB, 1);
    store_reader_close(other);
    store_case_close(&c);
}

Test(store_reader, a_punch_put_off_is_done_by_the_next_open)
{
    struct store_case c = {0};
    struct store_reader *reader;
    struct store_span span;
    char snapshot[STORE_SNAPSHOT_BYTES];
    unsigned char bytes[8 * KIB];
    struct store_key key;
    pid_t child;
    int status;

    store_case_open(&c);
    store_case_create(&c, 64 * KIB);
    store_case_write(&c, 0, 16 * KIB, 1);
    store_case_take_snapshot(&c, snapshot);
    store_close(c.store);
    child = fork();
    if (child == 0) { /* dies with a file in use whose dead pages could not be punched */
        store_case_connect(&c);
        reader = open_reader(&c, NULL);
        span = span_of(reader, 0, 8 * KIB);
        key = store_case_snapshot(&c, snapshot);
        if (store_blob_delete(c.store, &key, NULL, STORE_DELETE_BASE) != STORE_OK)
            _exit(1);
        store_case_write(&c, 0, 2 * KIB, 2);
        store_case_clear(&c, 0, 2 * KIB);
        store_case_write(&c, 2 * KIB, 2 * KIB, 2); /* and a second place, later */
        store_case_clear(&c, 2 * KIB, 2 * KIB);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    store_case_connect(&c);
    reader = open_reader(&c, NULL);
    span = span_of(reader, 0, 8 * KIB);
    cr_assert_eq(span.kind, STORE_SPAN_FILE);
    cr_assert_eq(pread(span.fd, bytes, sizeof bytes, (off_t)span.file_offset),
                 (ssize_t)sizeof bytes);
    cr_assert(all_zero(bytes, 4 * KIB));
    expect_fill(bytes + 4 * KIB, 4 * KIB, 4 * KIB, 1);
    store_reader_close(reader);
    store_case_close(&c);
}

Test(store_reader, a_deleted_snapshot_gives_its_space_back)
{
    struct store_case c = {0};
    char snapshot[STORE_SNAPSHOT_BYTES], path[400];
    struct store_key key;
    struct stat info;

    store_case_open(&c);
    store_case_create(&c, 64 * KIB);
    store_case_write(&c, 0, 64 * KIB, 1);
    store_case_take_snapshot(&c, snapshot);
    store_case_write(&c, 0, 32 * KIB, 2);
    key = store_case_snapshot(&c, snapshot);
    cr_assert_eq(store_blob_delete(c.store, &key, NULL, STORE_DELETE_BASE), STORE_OK);
    snprintf(path, sizeof path, "%s/blobs/%016x/%06x.0", c.folder, 1, 1);
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_leq((uint64_t)info.st_blocks * 512, 36 * KIB); /* half, and the file's own needs */
    store_case_write(&c, 32 * KIB, 32 * KIB, 3);             /* nothing left of the old layer */
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_leq((uint64_t)info.st_blocks * 512, 4 * KIB);
    store_case_close(&c);
}
