/* region_xml_test.c - lists and policies as hosts write them: rightly, oddly, wrongly. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tools/controld/region_acl.h"
#include "tools/controld/region_list.h"

#define LIST(inner) "<?xml version=\"1.0\"?>\n<EnumerationResults>" inner "</EnumerationResults>"
#define BLOB(inner)                                                                                \
    "<Blobs><Blob><Name>a</Name><Properties><Content-Length>512</Content-Length></"                \
    "Properties>" inner "</Blob></Blobs>"

static bool parse(struct region_list *list, const char *xml, char *marker, struct err *e)
{
    *list = (struct region_list){0};
    *e = (struct err){0};
    return region_list_parse(list, xml, strlen(xml), marker, e);
}

Test(region_xml, reads_what_a_list_says_and_passes_the_rest_by)
{
    struct region_list list;
    char marker[REGION_LIST_MARKER_MAX_BYTES];
    struct err e;

    cr_assert(
        parse(
            &list,
            LIST("<Prefix>Name</Prefix><Unknown><Blob><Name>no</Name></Blob></Unknown>" BLOB(
                "<Snapshot>2022-04-07T13:48:01.2760327Z</Snapshot><Metadata><Name>n</Name>"
                "<Content-Length>7</Content-Length><empty/></Metadata><New>x</New>") "<NextMarker>"
                                                                                     "a &amp; "
                                                                                     "b</"
                                                                                     "NextMarker>"),
            marker, &e),
        "%s", e.text);
    cr_assert_eq(list.count, 1);
    cr_expect_str_eq(list.items[0].blob, "a");
    cr_expect_str_eq(list.items[0].snapshot, "2022-04-07T13:48:01.2760327Z");
    cr_expect_eq(list.items[0].size_bytes, 512);
    cr_expect_str_eq(region_list_metadata(&list.items[0], "name"), "n");
    cr_expect_str_eq(region_list_metadata(&list.items[0], "content-length"), "7");
    cr_expect_str_eq(region_list_metadata(&list.items[0], "empty"), "");
    cr_expect_null(region_list_metadata(&list.items[0], "snapshot"));
    cr_expect_str_eq(marker, "a & b");
    region_list_fini(&list);
}

Test(region_xml, an_empty_list_is_one)
{
    struct region_list list;
    char marker[REGION_LIST_MARKER_MAX_BYTES];
    struct err e;

    cr_assert(parse(&list, LIST("<Blobs/><NextMarker/>"), marker, &e), "%s", e.text);
    cr_expect_eq(list.count, 0);
    cr_expect_str_empty(marker);
}

Test(region_xml, refuses_lists_that_are_none)
{
    static const char *const bad[] = {
        "",
        "hello",
        "<html/>",
        "<EnumerationResults>",
        LIST(BLOB("<Metadata>")),
        "<!DOCTYPE a [<!ENTITY x \"y\">]>" LIST(""),
        LIST("<Blobs><Blob/></Blobs>"),
        LIST("<Blobs><Blob><Name>a</Name></Blob></Blobs>"),
        LIST("<Blobs><Blob><Name>a</Name><Properties><Content-Length>-1</Content-Length></"
             "Properties></Blob></Blobs>"),
        LIST("<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a>"
             "</a></a></a></a></a></a></a></a></a>")};
    char marker[REGION_LIST_MARKER_MAX_BYTES];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct region_list list;
        struct err e;

        cr_expect_not(parse(&list, bad[i], marker, &e), "%s", bad[i]);
        cr_expect_eq(e.kind, ERR_CORRUPT, "%s: %s", bad[i], e.text);
        region_list_fini(&list);
    }
}

Test(region_xml, policies_survive_the_way_there_and_back)
{
    struct region_acl acl = {0}, back;
    struct err e = {0};
    char *xml;

    for (size_t i = 0; i < REGION_POLICIES_MAX; i++) {
        char id[] = "id <&> 0";

        id[7] = (char)('0' + i);
        strcpy(region_acl_add(&acl, id)->permissions, "rw");
    }
    cr_expect_null(region_acl_add(&acl, "sixth"));
    strcpy(acl.items[2].expiry, "2030-01-01T00:00:00Z");
    region_acl_drop(&acl, "id <&> 1");
    region_acl_drop(&acl, "nobody");
    xml = region_acl_format(&acl);
    cr_assert(region_acl_parse(xml, strlen(xml), &back, &e), "%s", e.text);
    free(xml);
    cr_expect_eq(back.count, 4);
    cr_expect_str_eq(back.items[1].id, "id <&> 2");
    cr_expect_str_eq(back.items[1].expiry, "2030-01-01T00:00:00Z");
    cr_expect_str_eq(back.items[3].permissions, "rw");
}

Test(region_xml, refuses_policies_that_are_none)
{
    static const char *const bad[] = {"", "<SignedIdentifiers>", "<Other/>", "text",
                                      "<!DOCTYPE a><SignedIdentifiers/>"};
    struct region_acl acl;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err e = {0};

        cr_expect_not(region_acl_parse(bad[i], strlen(bad[i]), &acl, &e), "%s", bad[i]);
        cr_expect_eq(e.kind, ERR_CORRUPT);
    }
}

Test(region_xml, a_time_is_rounded_up_so_that_access_never_ends_early)
{
    char text[REGION_TIME_MAX_BYTES];

    region_time_format(0, text);
    cr_expect_str_eq(text, "1970-01-01T00:00:00Z");
    region_time_format(1700000000000000001ull, text);
    cr_expect_str_eq(text, "2023-11-14T22:13:21Z");
}
