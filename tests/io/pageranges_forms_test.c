/* pageranges_forms_test.c - a range list reads alike in whatever form its entries come, and however it is
 * cut: what is taken past the parser of XML, what goes through it, and the two mixed. */
#include "io/pageranges.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOB_BYTES  (1ull << 30)
#define LIST_RANGES 300u
#define LIST_BYTES  (LIST_RANGES * 320u)
#define USUAL       "<PageRange><Start>512</Start><End>1023</End></PageRange>"

struct reading {
    struct extent_set data, clears;
    struct err err;
    uint64_t count, clear_count, last_end;
    char marker[PAGERANGES_MARKER_MAX_BYTES + 1];
    bool ok;
};

/* step 1: no entry is ever seen whole, so all of them are the parser's. */
static struct reading read_steps(const char *text, size_t step)
{
    struct reading r = {.ok = true};
    struct pageranges *list = pageranges_new(&r.err);
    size_t bytes = strlen(text);

    cr_assert(list);
    pageranges_begin(list, &r.data, &r.clears, (struct extent){0, BLOB_BYTES}, 0, BLOB_BYTES);
    for (size_t at = 0; at < bytes && r.ok; at += step)
        r.ok = pageranges_push(list, text + at, bytes - at < step ? bytes - at : step, &r.err);
    r.ok = r.ok && pageranges_end(list, &r.err);
    r.count = pageranges_count(list);
    r.clear_count = pageranges_clear_count(list);
    r.last_end = pageranges_last_end(list);
    strcpy(r.marker, pageranges_marker(list));
    pageranges_free(list);
    return r;
}

static void expect_alike(const char *text, size_t step, bool ok)
{
    struct reading whole = read_steps(text, step), pieces = read_steps(text, 1);

    cr_assert_eq(whole.ok, ok, "%s", whole.err.text);
    cr_assert_eq(pieces.ok, ok, "%s", pieces.err.text);
    cr_assert_str_eq(whole.err.text, pieces.err.text);
    cr_assert_eq(whole.err.kind, pieces.err.kind);
    cr_assert_eq(whole.count, pieces.count);
    cr_assert_eq(whole.clear_count, pieces.clear_count);
    cr_assert_eq(whole.last_end, pieces.last_end);
    cr_assert_str_eq(whole.marker, pieces.marker);
    cr_assert(extent_set_equal(&whole.data, &pieces.data));
    cr_assert(extent_set_equal(&whole.clears, &pieces.clears));
    extent_set_fini(&whole.data);
    extent_set_fini(&whole.clears);
    extent_set_fini(&pieces.data);
    extent_set_fini(&pieces.clears);
}

/* One entry in a form chosen by form; the others are rare, as they are in what hosts send. */
static int write_entry(char *out, unsigned form, uint64_t start, uint64_t end, const char *kind)
{
    unsigned long long from = start, to = end - 1;

    switch (form) {
    case 0:
        return sprintf(out, "<%sRange>\n <Start>%llu</Start>\n <End>%llu</End>\n</%sRange>\n", kind,
                       from, to, kind);
    case 1:
        return sprintf(out, "<%sRange><End> %llu </End><Start>%020llu</Start></%sRange>", kind, to,
                       from, kind);
    case 2:
        return sprintf(out,
                       "<!-- " USUAL " --><%sRange a='"
                       "'><Start>%llu</Start>"
                       "<End>%llu</End></%sRange>",
                       kind, from, to, kind);
    case 3:
        return sprintf(out,
                       "<Other>" USUAL "</Other><![CDATA[" USUAL "]]><%sRange><Start>%llu"
                       "</Start><Also>1</Also><End>%llu</End></%sRange><?pi " USUAL "?>",
                       kind, from, to, kind);
    default:
        return sprintf(out, "<%sRange><Start>%llu</Start><End>%llu</End></%sRange>", kind, from, to,
                       kind);
    }
}

static char *write_list(unsigned seed, const char *root)
{
    char *text = malloc(LIST_BYTES);
    uint64_t at = 0;
    int n;

    cr_assert(text);
    srand(seed);
    n = sprintf(text, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n%s", root);
    for (unsigned i = 0; i < LIST_RANGES; i++) {
        uint64_t start = at + (uint64_t)(rand() % 3) * 512;
        const char *kind = rand() % 4 ? "Page" : "Clear";

        at = start + (1 + (uint64_t)(rand() % 9)) * 512;
        n += write_entry(text + n, (unsigned)rand() % 40, start, at, kind);
    }
    sprintf(text + n, "<NextMarker>2!8!more</NextMarker></PageList>");
    return text;
}

Test(pageranges_forms, a_list_of_all_forms_reads_alike_however_it_is_cut)
{
    static const size_t steps[] = {2, 57, 100, 333, 4096, LIST_BYTES};

    for (unsigned seed = 1; seed <= 20; seed++) {
        char *text = write_list(seed, seed % 5 ? "<PageList>" : "<PageList a='b'>");

        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
            expect_alike(text, steps[i], true);
        free(text);
    }
}

Test(pageranges_forms, a_list_that_is_damaged_anywhere_has_one_verdict_however_it_is_cut)
{
    char *text = write_list(7, "<PageList>");
    size_t bytes = strlen(text);

    for (unsigned i = 0; i < 400; i++) {
        size_t at = (size_t)rand() % bytes;
        char was = text[at];
        struct reading whole, pieces;

        text[at] = "<>/0 9&R"[i % 8];
        whole = read_steps(text, bytes);
        pieces = read_steps(text, 1);
        cr_assert_eq(whole.ok, pieces.ok, "%s | %s", whole.err.text, pieces.err.text);
        cr_assert_str_eq(whole.err.text, pieces.err.text);
        cr_assert(!whole.ok || extent_set_equal(&whole.data, &pieces.data));
        cr_assert(!whole.ok || extent_set_equal(&whole.clears, &pieces.clears));
        text[at] = was;
        extent_set_fini(&whole.data);
        extent_set_fini(&whole.clears);
        extent_set_fini(&pieces.data);
        extent_set_fini(&pieces.clears);
    }
    free(text);
}

Test(pageranges_forms, an_error_names_the_same_range_and_byte_in_each_form)
{
    static const char *const rows[] = {
        "<PageList>" USUAL USUAL "</PageList>",
        "<PageList>" USUAL "<PageRange><Start>1024</Start><End>1600</End></PageRange></PageList>",
        "<PageList>" USUAL "</PageRange></PageList>",
        "<PageList>" USUAL "</PageList>" USUAL,
        "<PageList>" USUAL,
        "<PageList><PageRange>" USUAL "</PageRange></PageList>",
        "<PageList>" USUAL "&lt;&unknown;</PageList>",
        USUAL,
    };

    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++)
        expect_alike(rows[row], strlen(rows[row]), false);
}

/* In two bytes a character the same letters say nothing of the kind. */
Test(pageranges_forms, a_list_in_another_encoding_is_the_parsers_alone)
{
    static const char ascii[] = "<PageList>" USUAL "</PageList>";
    char wide[sizeof ascii * 2] = {(char)0xFF, (char)0xFE};
    struct extent_set data = {0};
    struct err e = {0};
    struct pageranges *list = pageranges_new(&e);

    for (size_t i = 0; i + 1 < sizeof ascii; i++)
        wide[2 + 2 * i] = ascii[i];
    pageranges_begin(list, &data, NULL, (struct extent){0, BLOB_BYTES}, 0, BLOB_BYTES);
    cr_assert(pageranges_push(list, wide, sizeof wide - 11 * 2, &e), "%s", e.text);
    cr_assert_eq(pageranges_count(list), 1);
    cr_assert(pageranges_push(list, USUAL "x", sizeof USUAL, &e), "%s", e.text); /* text there */
    cr_assert_eq(pageranges_count(list), 1);
    pageranges_free(list);
    extent_set_fini(&data);
}
