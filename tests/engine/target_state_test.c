/* target_state_test.c - the small files of completed targets: what is kept comes back, for that target
 * alone, and nobody else may read it. */
#include "engine/target_state.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test_reactor.h"

#define TARGET "https://account.host/container/disk?snapshot=x \"quoted\" \xc3\xa9"

static char folder[TEST_PATH_MAX_BYTES];

static void begin(void)
{
    test_temp_path(folder, "state");
}

static void end(void)
{
    char command[TEST_PATH_MAX_BYTES + 16];

    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(target_state, .init = begin, .fini = end);

static const struct target_state kept = {
    .copy_uuid = "11111111-2222-4333-8444-555555555555",
    .etag = "\"0x8D\\\"C\"",
    .snapshot = "2026-01-01T00:00:00.0000001Z",
    .source = "sha256:0123",
};

static void save(const char *identity, const struct target_state *state)
{
    struct err e = {0};

    cr_assert(target_state_save(folder, identity, state, &e), "%s", e.text);
}

static struct target_state load(const char *identity)
{
    struct target_state state;
    struct err e = {0};

    memset(&state, 0x5A, sizeof state);
    cr_assert(target_state_load(folder, identity, &state, &e), "%s", e.text);
    return state;
}

/* The one file of the folder. */
static void only_file(char out_path[TEST_PATH_MAX_BYTES * 2])
{
    char targets[TEST_PATH_MAX_BYTES + 16];
    struct dirent *entry;
    DIR *dir;
    uint32_t count = 0;

    snprintf(targets, sizeof targets, "%s/targets", folder);
    dir = opendir(targets);
    cr_assert_not_null(dir, "%s", targets);
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        snprintf(out_path, TEST_PATH_MAX_BYTES * 2, "%.500s/%.255s", targets, entry->d_name);
    }
    closedir(dir);
    cr_assert_eq(count, 1u);
}

static void overwrite(const char *text)
{
    char path[TEST_PATH_MAX_BYTES * 2];
    FILE *file;

    only_file(path);
    file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

Test(target_state, what_is_kept_comes_back)
{
    struct target_state state;

    save(TARGET, &kept);
    state = load(TARGET);
    cr_expect_str_eq(state.copy_uuid, kept.copy_uuid);
    cr_expect_str_eq(state.etag, kept.etag);
    cr_expect_str_eq(state.snapshot, kept.snapshot);
    cr_expect_str_eq(state.source, kept.source);
}

Test(target_state, of_a_target_that_is_not_known_it_is_empty)
{
    struct target_state state = load(TARGET);

    cr_expect_str_empty(state.copy_uuid);
    cr_expect_str_empty(state.etag);
    cr_expect_str_empty(state.snapshot);
    save(TARGET, &kept);
    cr_expect_str_empty(load(TARGET "2").copy_uuid);
}

Test(target_state, the_newest_replaces_what_was_there)
{
    struct target_state newer = kept;

    save(TARGET, &kept);
    memcpy(newer.etag, "\"new\"", 6);
    newer.snapshot[0] = 0;
    save(TARGET, &newer);
    cr_expect_str_eq(load(TARGET).etag, "\"new\"");
    cr_expect_str_empty(load(TARGET).snapshot);
}

Test(target_state, only_its_owner_may_read_it)
{
    char path[TEST_PATH_MAX_BYTES * 2];
    struct stat st;

    save(TARGET, &kept);
    only_file(path);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0600u);
    cr_assert_eq(stat(folder, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0700u);
}

Test(target_state, a_file_that_does_not_parse_counts_as_none)
{
    static const char *const texts[] = {"",
                                        "{",
                                        "[]",
                                        "{\"copy\":\"x\"}",
                                        "null",
                                        "\xff\xfe",
                                        "{\"target\":7,\"copy\":\"x\",\"etag\":\"y\"}"};

    save(TARGET, &kept);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        overwrite(texts[i]);
        cr_expect_str_empty(load(TARGET).copy_uuid, "%s", texts[i]);
        cr_expect_str_empty(load(TARGET).etag, "%s", texts[i]);
    }
}

/* As it was before there was a source in it. */
Test(target_state, an_older_file_knows_no_source)
{
    save(TARGET, &kept);
    overwrite("{\"target\":\""
              "https://account.host/container/disk?snapshot=x \\\"quoted\\\" \xc3\xa9"
              "\",\"copy\":\"x\",\"etag\":\"y\",\"snapshot\":\"\"}");
    cr_expect_str_eq(load(TARGET).copy_uuid, "x");
    cr_expect_str_empty(load(TARGET).source);
}

Test(target_state, another_targets_file_under_this_name_counts_as_none)
{
    save(TARGET, &kept);
    overwrite("{\"target\":\"another\",\"copy\":\"x\",\"etag\":\"y\"}");
    cr_expect_str_empty(load(TARGET).copy_uuid);
}

Test(target_state, a_folder_that_cannot_be_made_is_an_error_with_its_name)
{
    struct err e = {0};

    cr_expect_not(target_state_save("/proc/nowhere", TARGET, &kept, &e));
    cr_expect(err_is_set(&e));
    cr_expect_not_null(strstr(e.text, "/proc/nowhere"), "%s", e.text);
}

/* ---- The note in the lock ---- */

static void sign(const char *lease_id)
{
    char left_id[MARKER_UUID_MAX_BYTES];
    struct err e = {0};
    int fd;

    cr_assert(target_state_lock(folder, TARGET, &fd, left_id, &e), "%s", e.text);
    target_state_sign(fd, lease_id);
    close(fd);
}

/* Whatever stood there before, and if who signs is killed before he cut what is beyond his line. */
Test(target_state, the_last_holders_lease_is_known)
{
    static const char first[] = "11111111-2222-4333-8444-555555555555",
                      second[] = "66666666-7777-4888-9999-aaaaaaaaaaaa";
    char left_id[MARKER_UUID_MAX_BYTES];
    struct err e = {0};
    int fd;

    sign(first);
    cr_assert(target_state_lock(folder, TARGET, &fd, left_id, &e), "%s", e.text);
    cr_expect_str_eq(left_id, first);
    target_state_sign(fd, second);
    cr_assert_eq(pwrite(fd, "aaa\n", 4, lseek(fd, 0, SEEK_END)), 4);
    close(fd);
    cr_assert(target_state_lock(folder, TARGET, &fd, left_id, &e), "%s", e.text);
    cr_expect_str_eq(left_id, second);
    close(fd);
}
