/* event_spool_test.c - events that wait on disk: through kills, full disks and bounds, for the next run. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/event_http.h"
#include "tests/support/upstream.h"

/* The only file of the folder. */
static void file_of(const struct upstream *up, char out_path[1024])
{
    DIR *dir = opendir(up->folder);
    struct dirent *entry;

    cr_assert(dir);
    cr_assert_eq(upstream_files(up), 1);
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            snprintf(out_path, 1024, "%s/%s", up->folder, entry->d_name);
    closedir(dir);
}

/* A run that upstream did not hear, of so many lines; ended as a run should end. */
static void unheard_run(struct upstream *up, unsigned first, unsigned count)
{
    struct event_http *h;

    upstream_down(up);
    h = upstream_reporter(up);
    upstream_tell_numbered(h, EVENT_STATE, first, count);
    upstream_finish(up, h, 0);
    upstream_up(up);
}

Test(event_spool, what_upstream_did_not_hear_the_next_run_tells_first)
{
    struct upstream up;
    struct event_http *h;
    char path[1024];
    struct stat st;

    upstream_begin(&up, false);
    unheard_run(&up, 0, 3000);
    cr_assert(strstr(up.said, "3000 events were not taken by 127.0.0.1: they are kept in"), "%s",
              up.said);
    file_of(&up, path);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
    cr_assert_eq(stat(up.folder, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0700);
    upstream_expect_no_secret(&up);
    unheard_run(&up, 3000, 20);
    cr_assert_eq(upstream_files(&up), 2);
    h = upstream_reporter(&up);
    upstream_tell_numbered(h, EVENT_STATE, 3020, 10);
    upstream_until(&up, 3030);
    upstream_finish(&up, h, 60000);
    upstream_expect_numbered(&up, 0, 3030);
    cr_assert_eq(up.streams_count, 3, "the lines keep the names of their streams");
    cr_assert(strstr(up.said, "3000 events that an earlier run kept were delivered"), "%s",
              up.said);
    cr_assert_eq(upstream_files(&up), 0);
    upstream_end(&up);
}

Test(event_spool, another_url_gets_nothing_of_it_and_another_token_does)
{
    struct upstream up;
    struct event_http *h;
    char url[128];

    upstream_begin(&up, false);
    unheard_run(&up, 0, 5);
    memcpy(url, up.url, sizeof url);
    snprintf(up.url, sizeof up.url, "http://localhost:%u/report?" UPSTREAM_QUERY, up.port);
    h = upstream_reporter(&up);
    upstream_finish(&up, h, 60000);
    cr_assert_eq(up.posts_count, 0);
    cr_assert_eq(upstream_files(&up), 1);
    snprintf(up.url, sizeof up.url, "%.60s&new=query", url);
    h = upstream_reporter(&up);
    upstream_finish(&up, h, 60000);
    upstream_expect_numbered(&up, 0, 5);
    upstream_end(&up);
}

Test(event_spool, an_upstream_that_comes_back_is_told_by_the_same_run)
{
    struct upstream up;
    struct event_http *h;

    upstream_begin(&up, true);
    upstream_down(&up);
    h = upstream_reporter(&up);
    for (unsigned i = 0; i < 60; i++) {
        upstream_tell_numbered(h, EVENT_STATE, i * 100, 100);
        upstream_pass(&up, 1000);
    }
    cr_assert_eq(event_http_count(h).waiting_lines, 6000);
    upstream_up(&up);
    upstream_tell_numbered(h, EVENT_STATE, 6000, 10);
    upstream_until(&up, 6010);
    upstream_until_said(&up, "takes events again");
    upstream_finish(&up, h, 60000);
    upstream_expect_numbered(&up, 0, 6010);
    cr_assert_eq(upstream_files(&up), 0);
    upstream_end(&up);
}

Test(event_spool, two_processes_at_once_deliver_each_their_own)
{
    struct upstream up;
    struct event_http *one, *two;

    upstream_begin(&up, true);
    upstream_down(&up);
    one = upstream_reporter(&up);
    upstream_tell_numbered(one, EVENT_STATE, 0, 10);
    upstream_pass(&up, 1000);
    upstream_up(&up);
    two = upstream_reporter(&up);
    upstream_tell_numbered(two, EVENT_STATE, 100, 10);
    upstream_until(&up, 20);
    upstream_pass(&up, 120000); /* both look for what others left */
    cr_assert_eq(up.taken_lines, 20);
    cr_assert_eq(up.repeated_lines, 0);
    cr_assert_eq(up.streams_count, 2);
    upstream_finish(&up, one, 60000);
    upstream_finish(&up, two, 60000);
    cr_assert_eq(upstream_files(&up), 0);
    upstream_end(&up);
}

Test(event_spool, what_another_left_behind_is_delivered_while_a_run_goes_on)
{
    struct upstream up;
    struct event_http *h;

    upstream_begin(&up, true);
    h = upstream_reporter(&up);
    upstream_pass(&up, 5000);
    up.answer = NULL;
    unheard_run(&up, 0, 10);
    upstream_until(&up, 10);
    upstream_finish(&up, h, 60000);
    upstream_expect_numbered(&up, 0, 10);
    upstream_end(&up);
}

static void turn_until_kept(struct upstream *up, off_t bytes)
{
    char path[1024];
    struct stat st = {0};

    file_of(up, path);
    while (st.st_size < bytes) {
        upstream_pass(up, 20);
        stat(path, &st);
    }
}

/* A process of its own, killed once it told so many lines that take so many bytes of its file. */
static void killed_run(const struct upstream *parent, unsigned lines, off_t bytes)
{
    int fds[2], status;
    char byte;
    pid_t child;

    cr_assert_eq(pipe(fds), 0);
    child = fork();
    if (child == 0) {
        static struct upstream up;
        struct event_http *h;

        upstream_begin(&up, false);
        memcpy(up.folder, parent->folder, sizeof up.folder);
        memcpy(up.url, parent->url, sizeof up.url);
        h = upstream_reporter(&up);
        upstream_tell_numbered(h, EVENT_STATE, 0, lines);
        turn_until_kept(&up, bytes);
        if (write(fds[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            upstream_pass(&up, 20);
    }
    close(fds[1]);
    while (read(fds[0], &byte, 1) < 0)
        ;
    cr_assert_eq(kill(child, SIGKILL), 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status), "it ended by itself");
    close(fds[0]);
}

Test(event_spool, a_killed_process_loses_nothing_that_was_told)
{
    struct upstream up;
    struct event_http *h;

    upstream_begin(&up, false);
    upstream_down(&up);
    killed_run(&up, 1000, 128 + 10 * 141 + 90 * 142 + 900 * 143);
    cr_assert_eq(upstream_files(&up), 1);
    upstream_up(&up);
    h = upstream_reporter(&up);
    upstream_until(&up, 1000);
    upstream_finish(&up, h, 60000);
    upstream_expect_numbered(&up, 0, 1000);
    cr_assert_eq(up.repeated_lines, 0);
    cr_assert_eq(upstream_files(&up), 0);
    upstream_end(&up);
}

Test(event_spool, a_kill_amid_writing_leaves_all_lines_up_to_one)
{
    struct upstream up;
    struct event_http *h;

    upstream_begin(&up, false);
    upstream_down(&up);
    killed_run(&up, 50000, 300000);
    upstream_up(&up);
    h = upstream_reporter(&up);
    upstream_until(&up, 1000); /* the kernel keeps a killed process's lock for a moment */
    upstream_finish(&up, h, 60000);
    upstream_expect_numbered(&up, 0, up.taken_lines);
    upstream_end(&up);
}

/* What a kill can tear: every length of the last record, and of the head. */
Test(event_spool, a_torn_tail_is_cut_and_all_before_it_is_delivered)
{
    static const unsigned cuts[] = {1, 23, 60, 129, 130};
    struct upstream up;
    struct event_http *h;
    char path[1024];
    struct stat st;

    upstream_begin(&up, false);
    for (unsigned i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        up.text_bytes = up.taken_lines = 0;
        up.said[0] = '\0';
        unheard_run(&up, 0, 50);
        file_of(&up, path);
        cr_assert_eq(stat(path, &st), 0);
        cr_assert_eq(truncate(path, st.st_size - cuts[i]), 0);
        h = upstream_reporter(&up);
        upstream_finish(&up, h, 60000);
        upstream_expect_numbered(&up, 0, 49);
        cr_assert(strstr(up.said, "are not whole and are left out"), "%s", up.said);
        cr_assert_eq(upstream_files(&up), 0);
    }
    upstream_end(&up);
}

Test(event_spool, a_damaged_record_ends_a_file_and_never_reaches_upstream)
{
    struct upstream up;
    struct event_http *h;
    char path[1024];
    int fd;

    upstream_begin(&up, false);
    unheard_run(&up, 0, 50);
    file_of(&up, path);
    fd = open(path, O_WRONLY);
    cr_assert_eq(pwrite(fd, "X", 1, 128 + 20 * 150), 1);
    close(fd);
    h = upstream_reporter(&up);
    upstream_finish(&up, h, 60000);
    cr_assert_gt(up.taken_lines, 15);
    cr_assert_lt(up.taken_lines, 25);
    upstream_expect_numbered(&up, 0, up.taken_lines);
    upstream_end(&up);
}

Test(event_spool, a_file_that_is_not_ours_is_left_alone)
{
    struct upstream up;
    struct event_http *h;
    char path[1024], other[1024];
    int fd;

    upstream_begin(&up, false);
    unheard_run(&up, 0, 5);
    file_of(&up, path);
    snprintf(other, sizeof other, "%.*s-other.spool", (int)strlen(path) - 6, path);
    fd = open(other, O_WRONLY | O_CREAT, 0600);
    for (unsigned i = 0; i < 100; i++)
        cr_assert_eq(write(fd, "not ours.", 9), 9);
    close(fd);
    h = upstream_reporter(&up);
    upstream_finish(&up, h, 60000);
    upstream_expect_numbered(&up, 0, 5);
    cr_assert_eq(access(other, F_OK), 0);
    upstream_end(&up);
}

Test(event_spool, at_its_bound_progress_is_left_out_and_no_state)
{
    struct event_http_setup setup = {.spool_max_bytes = 4u << 20};
    struct upstream up;
    struct event_http *h;
    struct event_http_counts counts;
    char path[1024];
    struct stat st;

    upstream_begin(&up, false);
    upstream_down(&up);
    setup.spool_folder = up.folder;
    h = upstream_reporter_of(&up, setup);
    for (unsigned i = 0; i < 60; i++) { /* 144 KB each round */
        upstream_tell_numbered(h, EVENT_PROGRESS, 1000000 + i * 1000, 1000);
        upstream_tell_numbered(h, EVENT_STATE, i * 20, 20);
        upstream_pass(&up, 20);
    }
    upstream_until_posts(&up, 0);
    counts = event_http_count(h);
    cr_assert_gt(counts.dropped_lines, 30000);
    upstream_finish(&up, h, 0);
    file_of(&up, path);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_leq(st.st_size, 4 << 20);
    upstream_up(&up);
    h = upstream_reporter(&up);
    upstream_finish(&up, h, 60000);
    for (unsigned i = 0; i < 1200; i++) {
        char text[32];

        snprintf(text, sizeof text, "{\"n\":%u,", i);
        cr_assert(strstr(up.text, text), "state %u was left out", i);
    }
    upstream_end(&up);
}

/* A file that takes no more: what it did not take stays in memory, and comes in order. */
Test(event_spool, a_full_disk_costs_no_event_while_the_process_lives)
{
    struct rlimit limit = {100000, 100000};
    struct upstream up;
    struct event_http *h;

    signal(SIGXFSZ, SIG_IGN);
    upstream_begin(&up, false);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    upstream_down(&up);
    h = upstream_reporter(&up);
    for (unsigned i = 0; i < 30; i++) {
        upstream_tell_numbered(h, EVENT_STATE, i * 100, 100);
        upstream_pass(&up, 40);
    }
    upstream_until_said(&up, "cannot be kept on disk and stay in memory meanwhile");
    upstream_up(&up);
    upstream_until(&up, 3000);
    upstream_finish(&up, h, 60000);
    upstream_expect_numbered(&up, 0, 3000);
    upstream_end(&up);
}

Test(event_spool, without_a_folder_events_are_told_and_what_is_lost_is_said)
{
    struct upstream up;
    struct event_http *h;

    upstream_begin(&up, false);
    strcpy(up.folder, "/dev/null/spool");
    h = upstream_reporter(&up);
    cr_assert(strstr(up.said, "kept in memory alone"), "%s", up.said);
    upstream_tell_numbered(h, EVENT_STATE, 0, 3000);
    upstream_until(&up, 3000);
    upstream_expect_numbered(&up, 0, 3000);
    upstream_pass(&up, 1000);
    upstream_down(&up);
    upstream_tell_numbered(h, EVENT_STATE, 3000, 7);
    upstream_finish(&up, h, 0);
    cr_assert(strstr(up.said, "7 events were not taken by 127.0.0.1 and are lost"), "%s", up.said);
    upstream_end(&up);
}

Test(event_spool, a_long_run_keeps_its_file_small)
{
    struct upstream up;
    struct event_http *h;
    char path[1024];
    struct stat st;

    upstream_begin(&up, false);
    h = upstream_reporter(&up);
    file_of(&up, path);
    for (unsigned i = 0; i < 60; i++) {
        upstream_tell_numbered(h, EVENT_STATE, i * 1000, 1000);
        upstream_until(&up, (i + 1) * 1000);
        cr_assert_eq(stat(path, &st), 0);
        cr_assert_lt(st.st_blocks, (4 << 20) / 512);
    }
    upstream_expect_numbered(&up, 0, 60000);
    upstream_finish(&up, h, 60000);
    upstream_end(&up);
}

Test(event_spool, a_line_larger_than_a_batch_is_kept_and_delivered)
{
    char *line = malloc((2u << 20) + 1);
    struct upstream up;
    struct event_http *h;

    memset(line, 'x', 2u << 20);
    line[2u << 20] = '\0';
    upstream_begin(&up, false);
    upstream_down(&up);
    h = upstream_reporter(&up);
    upstream_tell_numbered(h, EVENT_STATE, 0, 3);
    upstream_tell(h, EVENT_ANSWER, NULL, line);
    upstream_tell_numbered(h, EVENT_STATE, 3, 1);
    upstream_finish(&up, h, 0);
    upstream_up(&up);
    h = upstream_reporter(&up);
    upstream_finish(&up, h, 60000);
    cr_assert_eq(up.taken_lines, 5);
    cr_assert(strstr(up.text, line));
    cr_assert(strstr(strstr(up.text, line), "\n{\"n\":3,"));
    free(line);
    upstream_end(&up);
}

Test(event_spool, may_be_freed_with_everything_under_way)
{
    struct upstream up;

    for (unsigned turns = 0; turns < 12; turns++) {
        struct event_http *h;

        upstream_begin(&up, false);
        h = upstream_reporter(&up);
        upstream_tell_numbered(h, EVENT_STATE, 0, 1000);
        for (unsigned i = 0; i < turns * 20; i++)
            rig_peek(&up.rig);
        event_http_free(h);
        upstream_end(&up);
    }
}
