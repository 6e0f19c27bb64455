/* region_from_url_test.c - Put Page From URL: a region fetches from another, or from itself. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/region_case.h"

#define NOTHING    NULL, 0
#define PAGE       CASE_BLOB "?comp=page"
#define URL_MAX    1024u
#define COPY_COUNT 12u

/* A whole SAS URL of the region's blob, made by `regiond sas`. */
static void sas_url(const struct region_process *region, const char *permissions, char out[URL_MAX])
{
    char command[1024];
    FILE *in;

    snprintf(command, sizeof command,
             "SNAPFERRY_TEST_KEY=%s %s sas --account " RAW_ACCOUNT ":env:SNAPFERRY_TEST_KEY "
             "--resource cont/disk.vhd --permissions %s --expiry 2099-01-01T00:00:00Z "
             "http://127.0.0.1:%u",
             RAW_KEY, getenv("REGIOND_BIN"), permissions, region->port);
    in = popen(command, "r");
    cr_assert(in && fgets(out, URL_MAX, in), "regiond sas printed nothing");
    pclose(in);
    out[strcspn(out, "\n")] = '\0';
}

Test(region_from_url, copies_a_range_of_another_region)
{
    struct region_process source = case_begin(8192);
    struct region_process target = case_begin(8192);
    char url[URL_MAX];
    struct raw_answer answer;

    case_write(&source, CASE_BLOB, 512, 512, 'a');
    sas_url(&source, "r", url);
    answer = case_ok(&target, 201, "PUT", PAGE, NOTHING,
                     "x-ms-page-write: update\r\nx-ms-range: bytes=4096-4607\r\n"
                     "x-ms-source-range: bytes=512-1023\r\nx-ms-copy-source: %s\r\n",
                     url);
    cr_assert_str_eq(raw_header(&answer, "x-ms-content-crc64"), "u661BimQ84c=");
    raw_answer_fini(&answer);
    answer = case_ok(&target, 206, "GET", CASE_BLOB, NOTHING, "x-ms-range: bytes=4095-4096\r\n");
    cr_assert_eq(answer.body[0], 0);
    cr_assert_eq(answer.body[1], 'a');
    raw_answer_fini(&answer);
    region_stop(&source);
    region_stop(&target);
}

struct copy {
    pthread_t thread;
    uint16_t port;
    const char *url;
    unsigned page;
    unsigned status;
};

static void *run_copy(void *context)
{
    struct copy *copy = context;
    char headers[URL_MAX + 200];
    struct raw_answer answer;

    snprintf(headers, sizeof headers,
             "x-ms-page-write: update\r\nx-ms-range: bytes=%u-%u\r\n"
             "x-ms-source-range: bytes=0-511\r\nx-ms-copy-source: %s\r\n",
             copy->page * 512, copy->page * 512 + 511, copy->url);
    answer = raw_once(copy->port, "PUT", PAGE, headers, NOTHING);
    copy->status = answer.status;
    raw_answer_fini(&answer);
    return NULL;
}

/* More at once than there are server threads: a fetch must not hold the thread its source needs. */
Test(region_from_url, copies_from_itself_many_at_a_time)
{
    struct region_process region = case_begin(1 << 20);
    struct raw_answer answer;
    char url[URL_MAX];
    struct copy copies[COPY_COUNT];

    case_write(&region, CASE_BLOB, 0, 512, 's');
    sas_url(&region, "r", url);
    for (unsigned i = 0; i < COPY_COUNT; i++) {
        copies[i] = (struct copy){.port = region.port, .url = url, .page = 8 + i};
        pthread_create(&copies[i].thread, NULL, run_copy, &copies[i]);
    }
    for (unsigned i = 0; i < COPY_COUNT; i++) {
        pthread_join(copies[i].thread, NULL);
        cr_assert_eq(copies[i].status, 201);
    }
    answer = case_ok(&region, 206, "GET", CASE_BLOB, NOTHING, "x-ms-range: bytes=10239-10240\r\n");
    cr_assert_eq(answer.body[0], 's');
    cr_assert_eq(answer.body[1], 0);
    raw_answer_fini(&answer);
    region_stop(&region);
}

Test(region_from_url, says_what_is_wrong_with_the_source)
{
    struct region_process region = case_begin(8192);
    char url[URL_MAX];

    sas_url(&region, "w", url);
    case_refused(&region, 403, "CannotVerifyCopySource", "PUT", PAGE, NOTHING,
                 "x-ms-page-write: update\r\nx-ms-range: bytes=0-511\r\n"
                 "x-ms-source-range: bytes=0-511\r\nx-ms-copy-source: %s\r\n",
                 url);
    sas_url(&region, "r", url);
    case_refused(&region, 400, "InvalidHeaderValue", "PUT", PAGE, NOTHING,
                 "x-ms-page-write: update\r\nx-ms-range: bytes=0-511\r\n"
                 "x-ms-source-range: bytes=0-1023\r\nx-ms-copy-source: %s\r\n",
                 url);
    case_refused(&region, 400, "Crc64Mismatch", "PUT", PAGE, NOTHING,
                 "x-ms-page-write: update\r\nx-ms-range: bytes=0-511\r\n"
                 "x-ms-source-range: bytes=0-511\r\nx-ms-copy-source: %s\r\n"
                 "x-ms-source-content-crc64: u661BimQ84c=\r\n",
                 url);
    case_refused(&region, 413, "RequestBodyTooLarge", "PUT", PAGE, NOTHING,
                 "x-ms-page-write: update\r\nx-ms-range: bytes=0-4194815\r\n"
                 "x-ms-source-range: bytes=0-4194815\r\nx-ms-copy-source: %s\r\n",
                 url);
    region_stop(&region);
}
