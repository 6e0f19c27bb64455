/* region_disk_test.c - md- accounts: what a managed disk's host does for a SAS, and what not. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/region_case.h"

#define NOTHING     NULL, 0
#define READ_HOST   "md-abcdefghijkl"
#define UPLOAD_HOST "md-impexp-abcdefghijkl"
#define URL_MAX     1024u

static const char *const accounts[] = {"--account", READ_HOST ":env:SNAPFERRY_TEST_KEY",
                                       "--account", UPLOAD_HOST ":env:SNAPFERRY_TEST_KEY",
                                       "--account", RAW_ACCOUNT ":env:SNAPFERRY_TEST_KEY",
                                       NULL};

static struct raw_answer send_as(const struct region_process *region, const char *account,
                                 const char *method, const char *target, const char *headers,
                                 const char *body)
{
    struct raw_request request = {.method = method,
                                  .target = target,
                                  .headers = headers,
                                  .body = body,
                                  .body_bytes = body ? strlen(body) : 0,
                                  .account = account,
                                  .unsigned_ = account == NULL};
    struct raw_answer answer;
    int fd = raw_connect(region->port);

    cr_assert(raw_exchange(fd, &request, &answer));
    close(fd);
    return answer;
}

static void expect(const struct region_process *region, unsigned status, const char *code,
                   const char *method, const char *target, const char *headers, const char *body)
{
    struct raw_answer answer = send_as(region, NULL, method, target, headers, body);
    const char *sent = raw_header(&answer, "x-ms-error-code");

    cr_assert_eq(answer.status, status, "%s: %u instead of %u\n%s%s", method, answer.status, status,
                 answer.head, answer.body);
    cr_assert(!code || (sent && strcmp(sent, code) == 0), "%s: %s instead of %s", method,
              sent ? sent : "no code", code);
    raw_answer_fini(&answer);
}

/* As its owner, by key: a disk of 4096 bytes under "/HOST/ccc/abcd". */
static void fill(const struct region_process *region, const char *host)
{
    char target[256];
    struct raw_answer answer;

    snprintf(target, sizeof target, "/%s/ccc?restype=container", host);
    answer = send_as(region, host, "PUT", target, NULL, NULL);
    cr_assert_eq(answer.status, 201, "%s", answer.body);
    raw_answer_fini(&answer);
    snprintf(target, sizeof target, "/%s/ccc/abcd", host);
    answer = send_as(region, host, "PUT", target,
                     "x-ms-blob-type: PageBlob\r\nx-ms-blob-content-length: 4096\r\n", NULL);
    cr_assert_eq(answer.status, 201, "%s", answer.body);
    raw_answer_fini(&answer);
}

static void snapshot_of(const struct region_process *region, const char *host, char out[40])
{
    char target[256];
    struct raw_answer answer;

    snprintf(target, sizeof target, "/%s/ccc/abcd?comp=snapshot", host);
    answer = send_as(region, host, "PUT", target, NULL, NULL);
    cr_assert_eq(answer.status, 201, "%s", answer.body);
    snprintf(out, 40, "%s", raw_header(&answer, "x-ms-snapshot"));
    raw_answer_fini(&answer);
}

/* The target of a URL made by `regiond sas`, without "http://host". */
static void sas(const char *host, const char *snapshot, const char *permissions, char out[URL_MAX])
{
    char command[1024];
    char url[URL_MAX] = "";
    FILE *in;

    snprintf(command, sizeof command,
             "SNAPFERRY_TEST_KEY=%s %s sas --account %s:env:SNAPFERRY_TEST_KEY --resource ccc/abcd "
             "%s %s --permissions %s --expiry 2099-01-01T00:00:00Z http://127.0.0.1:1",
             RAW_KEY, getenv("REGIOND_BIN"), host, snapshot ? "--snapshot" : "",
             snapshot ? snapshot : "", permissions);
    in = popen(command, "r");
    cr_assert(in && fgets(url, sizeof url, in), "regiond sas printed nothing");
    pclose(in);
    url[strcspn(url, "\n")] = '\0';
    snprintf(out, URL_MAX, "%s", strchr(url + 8, '/'));
}

static void with(char out[URL_MAX], const char *target, const char *more)
{
    cr_assert_lt((size_t)snprintf(out, URL_MAX, "%s&%s", target, more), URL_MAX);
}

Test(region_disk, of_a_read_host_can_be_read_and_nothing_else)
{
    struct region_process region = {0};
    char target[URL_MAX];
    char other[URL_MAX];

    region_start(&region, accounts);
    fill(&region, READ_HOST);
    sas(READ_HOST, NULL, "rwd", target);
    expect(&region, 200, NULL, "HEAD", target, NULL, NULL);
    expect(&region, 206, NULL, "GET", target, "x-ms-range: bytes=0-511\r\n", NULL);
    with(other, target, "comp=pagelist");
    expect(&region, 200, NULL, "GET", other, NULL, NULL);
    expect(&region, 400, "ConditionHeadersNotSupported", "GET", target, "If-Match: *\r\n", NULL);
    expect(&region, 403, "AuthorizationPermissionMismatch", "DELETE", target, NULL, NULL);
    expect(&region, 403, "AuthorizationPermissionMismatch", "PUT", target,
           "x-ms-blob-type: PageBlob\r\nx-ms-blob-content-length: 512\r\n", NULL);
    with(other, target, "comp=page");
    expect(&region, 403, "AuthorizationPermissionMismatch", "PUT", other,
           "x-ms-page-write: clear\r\nx-ms-range: bytes=0-511\r\n", NULL);
    with(other, target, "comp=snapshot");
    expect(&region, 403, "AuthorizationPermissionMismatch", "PUT", other, NULL, NULL);
    region_stop(&region);
}

Test(region_disk, of_an_upload_host_can_be_written_but_not_made_resized_or_marked)
{
    static const char *const refused[] = {"comp=properties", "comp=metadata", "comp=snapshot",
                                          "comp=lease"};
    struct region_process region = {0};
    char target[URL_MAX];
    char other[URL_MAX];

    region_start(&region, accounts);
    fill(&region, UPLOAD_HOST);
    sas(UPLOAD_HOST, NULL, "rw", target);
    with(other, target, "comp=page");
    expect(&region, 201, NULL, "PUT", other,
           "x-ms-page-write: clear\r\nx-ms-range: bytes=0-511\r\n", NULL);
    expect(&region, 400, "ConditionHeadersNotSupported", "PUT", other,
           "x-ms-page-write: clear\r\nx-ms-range: bytes=0-511\r\nIf-None-Match: x\r\n", NULL);
    with(other, target, "comp=pagelist");
    expect(&region, 200, NULL, "GET", other, NULL, NULL);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        with(other, target, refused[i]);
        expect(&region, 403, "AuthorizationPermissionMismatch", "PUT", other,
               "x-ms-blob-content-length: 512\r\n", NULL);
    }
    region_stop(&region);
}

Test(region_disk, is_compared_by_the_url_of_its_older_snapshot)
{
    struct region_process region = {0};
    char older_time[40];
    char newer_time[40];
    char older[URL_MAX];
    char newer[URL_MAX];
    char target[URL_MAX];
    char headers[URL_MAX + 64];
    char page[513] = "";
    struct raw_answer answer;

    region_start(&region, accounts);
    fill(&region, READ_HOST);
    snapshot_of(&region, READ_HOST, older_time);
    memset(page, 'n', 512);
    answer = send_as(&region, READ_HOST, "PUT", "/" READ_HOST "/ccc/abcd?comp=page",
                     "x-ms-page-write: update\r\nx-ms-range: bytes=512-1023\r\n", page);
    cr_assert_eq(answer.status, 201, "%s", answer.body);
    raw_answer_fini(&answer);
    snapshot_of(&region, READ_HOST, newer_time);
    sas(READ_HOST, older_time, "r", older);
    sas(READ_HOST, newer_time, "r", newer);
    with(target, newer, "comp=pagelist");
    snprintf(headers, sizeof headers, "x-ms-previous-snapshot-url: http://127.0.0.1%s\r\n", older);
    answer = send_as(&region, NULL, "GET", target, headers, NULL);
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    cr_assert_not_null(strstr(answer.body, "<PageList><PageRange><Start>512</Start>"
                                           "<End>1023</End></PageRange></PageList>"),
                       "%s", answer.body);
    raw_answer_fini(&answer);
    headers[strlen(headers) - 6] ^= 1; /* the older URL's signature */
    expect(&region, 403, NULL, "GET", target, headers, NULL);
    expect(&region, 400, "InvalidHeaderValue", "GET", target,
           "x-ms-previous-snapshot-url: nothing\r\n", NULL);
    snprintf(headers, sizeof headers, "comp=pagelist&prevsnapshot=%s", older_time);
    with(target, newer, headers);
    expect(&region, 409, "PreviousSnapshotOperationNotSupported", "GET", target, NULL, NULL);
    region_stop(&region);
}
