/* journal_case.h - one journal of known records in a temp folder of its own.
 *
 * Knows: what the records of a test say. Must not know: how they look as bytes.
 */
#ifndef TESTS_SUPPORT_JOURNAL_CASE_H
#define TESTS_SUPPORT_JOURNAL_CASE_H

#include "engine/journal.h"
#include "tests/support/test_reactor.h"

#define JOURNAL_CASE_RECORDS   12u
#define JOURNAL_CASE_MAX_BYTES 65536u

struct journal_case {
    struct rig rig;
    char folder[TEST_PATH_MAX_BYTES];
    char path[TEST_PATH_MAX_BYTES + 32];
    unsigned char bytes[JOURNAL_CASE_MAX_BYTES];
    size_t record_end[JOURNAL_CASE_RECORDS + 1]; /* in bytes; [0]: of the header */
};

extern struct journal_case journal_case; /* one a test process */
extern const struct journal_header journal_case_header;

/* For TestSuite. */
void journal_case_begin(void);
void journal_case_end(void);

struct journal *journal_case_open(void);
enum err_kind journal_case_refused(void); /* opens, expects a refusal that names the file */
struct journal *journal_case_new(void);   /* opens, and writes the header */
void journal_case_close(struct journal *j);

/* The number-th record of any journal: ranges, and now and then something else. A view, until the next. */
const struct journal_record *journal_case_record(uint64_t number);
void journal_case_expect(const struct journal_record *record, uint64_t number);
void journal_case_append(struct journal *j, uint64_t number);
/* Reads to the end; how many records came, each the one of its number. */
uint64_t journal_case_read(struct journal *j);

size_t journal_case_load(unsigned char bytes[JOURNAL_CASE_MAX_BYTES]);
void journal_case_store(const unsigned char *bytes, size_t count);
/* A journal of JOURNAL_CASE_RECORDS records, in bytes; its length. */
size_t journal_case_file(void);

#endif
