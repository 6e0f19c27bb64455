/* ctl_table_test.c - what a person reads of many disks, in 79 columns. */
#include "tools/snapferry/ctl_table.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *table_of(const char *disks)
{
    json_t *answer = json_pack("{s:o}", "disks", json_loads(disks, 0, NULL));
    char *text;

    cr_assert(answer);
    text = ctl_table(answer);
    cr_assert(text);
    json_decref(answer);
    return text;
}

static unsigned widest(const char *text)
{
    unsigned most = 0, columns = 0;

    for (; *text; text++) {
        columns = *text == '\n' ? 0 : columns + (((unsigned char)*text & 0xc0) != 0x80);
        most = columns > most ? columns : most;
    }
    return most;
}

Test(ctl_table, tells_state_percent_rate_and_time_left)
{
    char *text = table_of("[{\"disk\":\"os\",\"restorePoint\":\"rp\",\"code\":"
                          "\"ReplicationState/inProgress\",\"completionPercent\":37.4,"
                          "\"bytesPerSecond\":12582912,\"etaSeconds\":200},"
                          "{\"disk\":\"data\",\"restorePoint\":\"rp\",\"code\":"
                          "\"ReplicationState/succeeded\",\"completionPercent\":100,"
                          "\"bytesPerSecond\":12582912,\"etaSeconds\":0}]");

    cr_expect_str_eq(
        text, "DISK                              STATE          DONE          RATE       LEFT\n"
              "restore point rp\n"
              "os                                copying       37.4%    12.0 MiB/s       3:20\n"
              "data                              complete     100.0%\n");
    free(text);
}

Test(ctl_table, names_each_restore_point_once)
{
    char *text = table_of("[{\"disk\":\"a\",\"restorePoint\":\"one\"},"
                          "{\"disk\":\"b\",\"restorePoint\":\"one\"},"
                          "{\"disk\":\"c\",\"restorePoint\":\"two\"}]");
    const char *first = strstr(text, "restore point one");

    cr_assert(first);
    cr_expect_null(strstr(first + 1, "restore point one"));
    cr_expect(strstr(text, "restore point two"));
    free(text);
}

Test(ctl_table, cuts_long_ids_and_keeps_their_ends)
{
    char id[301] = "", disks[1024], *text;

    memset(id, 'x', 290);
    strcpy(id + 290, "/\303\244-disk7");
    snprintf(disks, sizeof disks,
             "[{\"disk\":\"%s\",\"restorePoint\":\"%s\",\"code\":\"ReplicationState/failed\","
             "\"completionPercent\":99.9}]",
             id, id);
    text = table_of(disks);
    cr_expect_leq(widest(text), CTL_TABLE_WIDTH, "%s", text);
    cr_expect(strstr(text, "\303\244-disk7  FAILED"), "%s", text);
    free(text);
}

Test(ctl_table, shows_why_a_disk_waits_in_as_many_lines_as_it_takes)
{
    char *text =
        table_of("[{\"disk\":\"a\",\"code\":\"ReplicationState/waitingForAccess\",\"message\":"
                 "\"the source's URL has ended, and the service says so with a sentence "
                 "that is longer than a line of this table has room for\"}]");

    cr_expect_leq(widest(text), CTL_TABLE_WIDTH, "%s", text);
    cr_expect(strstr(text, "needs a URL"));
    cr_expect(strstr(text, "\n    the source's URL"), "%s", text);
    cr_expect(strstr(text, "room for\n"), "%s", text);
    free(text);
}

Test(ctl_table, lets_no_control_character_through)
{
    char *text =
        table_of("[{\"disk\":\"a\\u001b[2Jb\",\"code\":\"x\",\"message\":\"m\\u009bn\\u0007\"}]");

    cr_expect_null(strchr(text, 27), "%s", text);
    cr_expect_null(strstr(text, "\302\233"), "%s", text);
    cr_expect_null(strchr(text, 7), "%s", text);
    free(text);
}

Test(ctl_table, takes_an_answer_without_disks)
{
    json_t *answer = json_object();
    char *text = ctl_table(answer);

    cr_expect(strstr(text, "DISK"));
    free(text);
    json_decref(answer);
}
