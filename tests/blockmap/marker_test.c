/* marker_test.c - a marker survives its trip through metadata; what we did not write is refused.
 * Must not know: blobs, files. */
#include "blockmap/marker.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define UUID   "01234567-89ab-4cde-8f01-23456789abcd"
#define DIGEST "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct marker whole_marker(void)
{
    struct marker m = {.state = MARKER_COMPLETE,
                       .copy_uuid = UUID,
                       .source = "https://h/c/disk.vhd?snapshot=2024-01-01T00:00:00.0000000Z",
                       .size_bytes = (1ull << 40) + 512,
                       .root = DIGEST};
    return m;
}

static const char *field_value(const struct marker_field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].name, name) == 0)
            return fields[i].value;
    return NULL;
}

static void expect_round_trip(const struct marker *m)
{
    static struct marker_field fields[MARKER_FIELDS_MAX];
    size_t count = marker_encode(m, fields);
    struct marker back = {0};
    struct err e = {0};

    cr_assert_leq(count, MARKER_FIELDS_MAX);
    for (size_t i = 0; i < count; i++) {
        for (const char *at = fields[i].value; *at; at++)
            cr_assert(*at > ' ' && *at < 0x7f, "byte %02x in a header", (unsigned char)*at);
        cr_assert(marker_decode_field(&back, fields[i].name, fields[i].value, &e), "%s", e.text);
    }
    cr_assert(marker_decode_end(&back, &e), "%s", e.text);
    cr_assert_eq(back.state, m->state);
    cr_assert_eq(back.size_bytes, m->size_bytes);
    cr_assert_str_eq(back.copy_uuid, m->copy_uuid);
    cr_assert_str_eq(back.source, m->source);
    cr_assert_str_eq(back.root, m->root);
    cr_assert_str_eq(back.base_root, m->base_root);
    cr_assert_str_eq(back.delta, m->delta);
    cr_assert_eq(back.footer, m->footer);
}

static void expect_refused(const char *name, const char *value)
{
    struct marker m = {0};
    struct marker untouched = {0};
    struct err e = {0};

    cr_expect_not(marker_decode_field(&m, name, value, &e), "%s accepted '%s'", name, value);
    cr_expect_eq(e.kind, ERR_CORRUPT);
    cr_expect(strstr(e.text, name) != NULL, "the sentence names the field: %s", e.text);
    cr_expect_arr_eq(&m, &untouched, sizeof m);
}

Test(marker, full_copy_comes_back_unchanged)
{
    struct marker m = whole_marker();

    expect_round_trip(&m);
}

Test(marker, delta_comes_back_unchanged)
{
    struct marker m = whole_marker();

    m.state = MARKER_COPYING;
    m.root[0] = '\0';
    strcpy(m.base_root, DIGEST);
    strcpy(m.delta, DIGEST);
    m.delta[70] = '0';
    expect_round_trip(&m);
}

Test(marker, every_byte_of_a_source_survives_a_header)
{
    struct marker m = whole_marker();

    for (int c = 1; c < 256; c++)
        m.source[c - 1] = (char)c;
    m.source[255] = '\0';
    expect_round_trip(&m);
    memset(m.source, '\n', sizeof m.source - 1);
    m.source[sizeof m.source - 1] = '\0';
    expect_round_trip(&m);
}

Test(marker, encoding_of_the_names_and_text_is_fixed)
{
    static struct marker_field fields[MARKER_FIELDS_MAX];
    struct marker m = whole_marker();
    size_t count;

    strcpy(m.source, "file:/data/my disk 100%.vhd");
    count = marker_encode(&m, fields);
    cr_assert_eq(count, 5u);
    cr_expect_str_eq(field_value(fields, count, "snapferry_state"), "complete");
    cr_expect_str_eq(field_value(fields, count, "snapferry_copy"), UUID);
    cr_expect_str_eq(field_value(fields, count, "snapferry_source"),
                     "file:/data/my%20disk%20100%25.vhd");
    cr_expect_str_eq(field_value(fields, count, "snapferry_size"), "1099511628288");
    cr_expect_str_eq(field_value(fields, count, "snapferry_root"), DIGEST);
    cr_expect_null(field_value(fields, count, "snapferry_delta"));
}

Test(marker, every_written_name_is_listed_for_removal)
{
    static struct marker_field fields[MARKER_FIELDS_MAX];
    struct marker m = whole_marker();
    size_t count;

    strcpy(m.base_root, DIGEST);
    strcpy(m.delta, DIGEST);
    m.footer = MARKER_FOOTER_VHD;
    count = marker_encode(&m, fields);
    cr_assert_eq(count, MARKER_FIELDS_MAX);
    cr_expect_str_eq(field_value(fields, count, "snapferry_footer"), "vhd");
    for (size_t i = 0; i < count; i++) {
        bool listed = false;

        for (size_t k = 0; marker_names[k]; k++)
            listed = listed || strcmp(marker_names[k], fields[i].name) == 0;
        cr_expect(listed, "%s is not in marker_names", fields[i].name);
    }
    cr_expect_null(marker_names[MARKER_FIELDS_MAX]);
}

Test(marker, nothing_is_written_for_no_marker)
{
    static struct marker_field fields[MARKER_FIELDS_MAX];

    cr_assert_eq(marker_encode(&(struct marker){0}, fields), 0u);
}

Test(marker, names_are_compared_ignoring_case_and_strangers_ignored)
{
    struct marker m = {0};
    struct err e = {0};

    cr_assert(marker_decode_field(&m, "Snapferry_State", "copying", &e));
    cr_assert(marker_decode_field(&m, "owner", "somebody else\x01", &e));
    cr_assert(marker_decode_field(&m, "snapferry_stat", "nonsense", &e));
    cr_assert_eq(m.state, MARKER_COPYING);
}

Test(marker, malformed_values_are_refused)
{
    static char long_source[MARKER_SOURCE_MAX_BYTES + 1];

    memset(long_source, 'a', sizeof long_source - 1);
    expect_refused("snapferry_source", long_source);
    expect_refused("snapferry_source", "");
    expect_refused("snapferry_source", "a b");
    expect_refused("snapferry_source", "a%2");
    expect_refused("snapferry_source", "a%");
    expect_refused("snapferry_source", "a%zz");
    expect_refused("snapferry_source", "a%00b");
    expect_refused("snapferry_source", "caf\xc3\xa9");
    expect_refused("snapferry_state", "");
    expect_refused("snapferry_state", "Complete");
    expect_refused("snapferry_state", "copying,complete");
    expect_refused("snapferry_copy", "01234567-89ab-4cde-8f01-23456789abc");
    expect_refused("snapferry_copy", "01234567-89ab-4cde-8f01-23456789abcg");
    expect_refused("snapferry_copy", "01234567089ab04cde08f01023456789abcd");
    expect_refused("snapferry_size", "");
    expect_refused("snapferry_size", "0");
    expect_refused("snapferry_size", "-512");
    expect_refused("snapferry_size", " 512");
    expect_refused("snapferry_size", "512 ");
    expect_refused("snapferry_size", "0x200");
    expect_refused("snapferry_size", "99999999999999999999");
    expect_refused("snapferry_footer", "");
    expect_refused("snapferry_footer", "VHD");
    expect_refused("snapferry_root", "sha256:00");
    expect_refused("snapferry_root", DIGEST "0");
    expect_refused("snapferry_base_root", "md5:00");
    expect_refused("snapferry_delta",
                   "sha256:00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff");
}

Test(marker, a_name_that_comes_twice_is_refused)
{
    struct marker m = {0};
    struct err e = {0};

    cr_assert(marker_decode_field(&m, "snapferry_state", "copying", &e));
    cr_assert_not(marker_decode_field(&m, "SNAPFERRY_STATE", "complete", &e));
    cr_assert_eq(e.kind, ERR_CORRUPT);
    cr_assert_eq(m.state, MARKER_COPYING);
}

Test(marker, a_state_without_its_fields_is_refused)
{
    struct marker broken[3] = {whole_marker(), whole_marker(), whole_marker()};

    broken[0].copy_uuid[0] = '\0';
    broken[1].source[0] = '\0';
    broken[2].size_bytes = 0;
    for (size_t i = 0; i < 3; i++) {
        struct err e = {0};

        cr_expect_not(marker_decode_end(&broken[i], &e));
        cr_expect_eq(e.kind, ERR_CORRUPT);
    }
}

Test(marker, fields_without_a_state_are_no_marker)
{
    struct marker m = {0};
    struct err e = {0};

    cr_assert(marker_decode_field(&m, "snapferry_size", "1024", &e));
    cr_assert(marker_decode_end(&m, &e));
    cr_assert_eq(m.state, MARKER_NONE);
    cr_assert_eq(m.size_bytes, 0u);
}

Test(marker, uuid_is_version_4_and_keeps_the_random_bits)
{
    unsigned char random[16];
    char uuid[MARKER_UUID_MAX_BYTES];

    for (int i = 0; i < 16; i++)
        random[i] = (unsigned char)(0xf0 + i);
    marker_uuid_from(random, uuid);
    cr_expect_str_eq(uuid, "f0f1f2f3-f4f5-46f7-b8f9-fafbfcfdfeff");
    memset(random, 0, sizeof random);
    marker_uuid_from(random, uuid);
    cr_expect_str_eq(uuid, "00000000-0000-4000-8000-000000000000");
}
