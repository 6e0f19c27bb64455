/* region_container_test.c - containers, their metadata and policies, and the lists. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/region_case.h"

#define NOTHING   NULL, 0
#define ROOT      "/" RAW_ACCOUNT
#define CONTAINER CASE_CONTAINER "?restype=container"

static void expect_text(const struct region_process *region, const char *target,
                        const char *const *parts, size_t count)
{
    char *text = case_text(region, target, NULL);
    const char *at = text;

    cr_assert_not_null(text, "%s was refused", target);
    for (size_t i = 0; i < count; i++) {
        at = strstr(at, parts[i]);
        cr_assert_not_null(at, "%s is not there, or not in its place, in %s", parts[i], text);
        at += strlen(parts[i]);
    }
    free(text);
}

static void put_blob(const struct region_process *region, const char *name)
{
    char target[256];
    struct raw_answer answer;

    snprintf(target, sizeof target, CASE_CONTAINER "/%s", name);
    answer = case_ok(region, 201, "PUT", target, NOTHING,
                     "x-ms-blob-type: PageBlob\r\nx-ms-blob-content-length: 512\r\n");
    raw_answer_fini(&answer);
}

Test(region_container, is_made_once_and_gone_after_its_deletion)
{
    struct region_process region = case_begin(0);
    struct raw_answer answer;

    case_refused(&region, 409, "ContainerAlreadyExists", "PUT", CONTAINER, NOTHING, "%s", "");
    case_refused(&region, 400, "InvalidResourceName", "PUT", ROOT "/No?restype=container", NOTHING,
                 "%s", "");
    case_refused(&region, 400, "InvalidResourceName", "PUT", ROOT "/a--b?restype=container",
                 NOTHING, "%s", "");
    case_refused(&region, 409, "PublicAccessNotPermitted", "PUT", ROOT "/pub?restype=container",
                 NOTHING, "x-ms-blob-public-access: blob\r\n");
    for (int i = 0; i < 2; i++) {
        answer = case_ok(&region, 200, i ? "HEAD" : "GET", CONTAINER, NOTHING, "%s", "");
        cr_assert_not_null(raw_header(&answer, "ETag"));
        cr_assert_str_eq(raw_header(&answer, "x-ms-lease-state"), "available");
        raw_answer_fini(&answer);
    }
    answer = case_ok(&region, 202, "DELETE", CONTAINER, NOTHING, "%s", "");
    raw_answer_fini(&answer);
    case_refused(&region, 404, "ContainerNotFound", "GET", CONTAINER, NOTHING, "%s", "");
    case_refused(&region, 404, "ContainerNotFound", "HEAD", CASE_BLOB, NOTHING, "%s", "");
    region_stop(&region);
}

Test(region_container, keeps_its_metadata)
{
    struct region_process region = case_begin(0);
    struct raw_answer answer = case_ok(&region, 200, "PUT", CONTAINER "&comp=metadata", NOTHING,
                                       "x-ms-meta-Owner: me\r\n");

    raw_answer_fini(&answer);
    for (int i = 0; i < 2; i++) {
        answer = case_ok(&region, 200, i ? "HEAD" : "GET", CONTAINER "&comp=metadata", NOTHING,
                         "%s", "");
        cr_assert_str_eq(raw_header(&answer, "x-ms-meta-Owner"), "me");
        raw_answer_fini(&answer);
    }
    region_stop(&region);
}

/* The body of protocol.md A.12. */
Test(region_container, keeps_five_policies_and_refuses_a_sixth)
{
    static const char one[] =
        "<SignedIdentifier><Id>p%d</Id><AccessPolicy><Start/><Expiry>2030-01-01T00:00:00Z</Expiry>"
        "<Permission>rw</Permission></AccessPolicy></SignedIdentifier>";
    static const char *const parts[] = {
        "<SignedIdentifiers>",         "<Id>p0</Id>", "<Expiry>2030-01-01T00:00:00Z</Expiry>",
        "<Permission>rw</Permission>", "<Id>p4</Id>", "</SignedIdentifiers>"};
    struct region_process region = case_begin(0);
    struct raw_answer answer;
    char body[4096];

    for (int count = 5; count <= 6; count++) {
        int n = snprintf(body, sizeof body, "<SignedIdentifiers>");

        for (int i = 0; i < count; i++)
            n += snprintf(body + n, sizeof body - (size_t)n, one, i);
        n += snprintf(body + n, sizeof body - (size_t)n, "</SignedIdentifiers>");
        if (count == 5) {
            answer = case_ok(&region, 200, "PUT", CONTAINER "&comp=acl", body, (size_t)n, "%s", "");
            raw_answer_fini(&answer);
            expect_text(&region, CONTAINER "&comp=acl", parts, sizeof parts / sizeof parts[0]);
            answer = case_ok(&region, 200, "HEAD", CONTAINER "&comp=acl", NOTHING, "%s", "");
            raw_answer_fini(&answer);
        } else {
            case_refused(&region, 400, "InvalidXmlDocument", "PUT", CONTAINER "&comp=acl", body,
                         (size_t)n, "%s", "");
        }
    }
    case_refused(&region, 400, "InvalidXmlDocument", "PUT", CONTAINER "&comp=acl", "<a", 2, "%s",
                 "");
    case_refused(&region, 400, "UnsupportedXmlNode", "PUT", CONTAINER "&comp=acl", "<a/>", 4, "%s",
                 "");
    region_stop(&region);
}

Test(region_container, lists_blobs_with_their_properties)
{
    static const char *const parts[] = {"ServiceEndpoint=\"http://127.0.0.1/devstoreaccount1/\" "
                                        "ContainerName=\"cont\">",
                                        "<Blobs><Blob><Name>a&amp;b</Name>",
                                        "<Content-Length>512</Content-Length>",
                                        "<x-ms-blob-sequence-number>0</x-ms-blob-sequence-number>",
                                        "<BlobType>PageBlob</BlobType>",
                                        "<Name>z</Name>",
                                        "</Blobs><NextMarker /></EnumerationResults>"};
    struct region_process region = case_begin(0);

    put_blob(&region, "z");
    put_blob(&region, "a%26b");
    expect_text(&region, CONTAINER "&comp=list", parts, sizeof parts / sizeof parts[0]);
    region_stop(&region);
}

Test(region_container, lists_by_prefix_delimiter_and_page)
{
    static const char *const folders[] = {
        "<Delimiter>/</Delimiter><Blobs><BlobPrefix><Name>dir/</Name>"
        "</BlobPrefix><Blob><Name>top</Name>"};
    static const char *const inside[] = {"<Prefix>dir/</Prefix>", "<Blobs><Blob><Name>dir/1</Name>",
                                         "<Name>dir/2</Name>", "</Blobs><NextMarker />"};
    struct region_process region = case_begin(0);
    char target[512];
    char *text;
    char *marker;

    put_blob(&region, "top");
    put_blob(&region, "dir/1");
    put_blob(&region, "dir/2");
    expect_text(&region, CONTAINER "&comp=list&delimiter=%2F", folders, 1);
    expect_text(&region, CONTAINER "&comp=list&prefix=dir%2F", inside, 4);
    text = case_text(&region, CONTAINER "&comp=list&maxresults=2", NULL);
    marker = strstr(text, "<NextMarker>");
    cr_assert_not_null(marker, "%s", text);
    cr_assert_null(strstr(text, "<Name>top</Name>"));
    snprintf(target, sizeof target, CONTAINER "&comp=list&maxresults=2&marker=%.*s",
             (int)strcspn(marker + 12, "<"), marker + 12);
    free(text);
    text = case_text(&region, target, NULL);
    cr_assert(text && strstr(text, "<Name>top</Name>") && !strstr(text, "<Name>dir/"), "%s", text);
    free(text);
    region_stop(&region);
}

Test(region_container, lists_snapshots_and_metadata_when_included)
{
    struct region_process region = case_begin(512);
    struct raw_answer answer =
        case_ok(&region, 200, "PUT", CASE_BLOB "?comp=metadata", NOTHING, "x-ms-meta-k: v\r\n");
    char snapshot[40];
    char expected[128];
    char *text;

    raw_answer_fini(&answer);
    case_snapshot(&region, CASE_BLOB, snapshot);
    text = case_text(&region, CONTAINER "&comp=list&include=snapshots,metadata", NULL);
    snprintf(expected, sizeof expected, "<Snapshot>%s</Snapshot>", snapshot);
    cr_assert_not_null(strstr(text, expected), "%s", text);
    cr_assert_not_null(strstr(text, "<Metadata><k>v</k></Metadata>"), "%s", text);
    free(text);
    text = case_text(&region, CONTAINER "&comp=list", NULL);
    cr_assert_null(strstr(text, "<Snapshot>"), "%s", text);
    cr_assert_null(strstr(text, "<Metadata>"), "%s", text);
    free(text);
    region_stop(&region);
}

Test(region_container, lists_containers_of_the_account)
{
    static const char *const parts[] = {"<Containers><Container><Name>cont</Name>", "<Etag>",
                                        "<Name>logs</Name>",
                                        "</Containers><NextMarker /></EnumerationResults>"};
    static const char *const prefixed[] = {"<Containers><Container><Name>logs</Name>"};
    struct region_process region = case_begin(0);
    struct raw_answer answer =
        case_ok(&region, 201, "PUT", ROOT "/logs?restype=container", NOTHING, "%s", "");

    raw_answer_fini(&answer);
    expect_text(&region, ROOT "/?comp=list", parts, 4);
    expect_text(&region, ROOT "?comp=list&prefix=lo", prefixed, 1);
    region_stop(&region);
}

Test(region_container, says_what_clients_ask_about_the_account)
{
    struct region_process region = case_begin(0);
    struct raw_answer answer =
        case_ok(&region, 200, "GET", ROOT "/?restype=account&comp=properties", NOTHING, "%s", "");

    cr_assert_str_eq(raw_header(&answer, "x-ms-account-kind"), "StorageV2");
    raw_answer_fini(&answer);
    answer =
        case_ok(&region, 200, "GET", ROOT "/?restype=service&comp=properties", NOTHING, "%s", "");
    cr_assert_not_null(strstr(answer.body, "<StorageServiceProperties>"));
    raw_answer_fini(&answer);
    region_stop(&region);
}
