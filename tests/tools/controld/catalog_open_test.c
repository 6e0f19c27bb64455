/* catalog_open_test.c - which files the catalog takes: older ones are brought up, newer and other programs'
 * are refused with a sentence and left as they are; nobody else may read them or share them. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/durable.h"
#include "tests/support/catalog_case.h"
#include "tools/controld/catalog_sql.h"

#define FIRST                                                                                      \
    "CREATE TABLE parents (id TEXT COLLATE NOCASE PRIMARY KEY, word TEXT);"                        \
    "CREATE TABLE children (id INTEGER PRIMARY KEY, parent TEXT REFERENCES parents (id));"
#define SECOND                                                                                     \
    "CREATE TABLE fresh (id TEXT COLLATE NOCASE PRIMARY KEY, word TEXT, age INTEGER);"             \
    "INSERT INTO fresh SELECT id, word, 7 FROM parents;"                                           \
    "DROP TABLE parents; ALTER TABLE fresh RENAME TO parents;"

static struct catalog_case k;
static struct err e;

static void open_begin(void)
{
    catalog_case_begin(&k);
}

static void open_end(void)
{
    catalog_case_end(&k);
}

TestSuite(catalog_open, .init = open_begin, .fini = open_end, .timeout = 120);

static struct catalog_sql *open_with(const char *first, const char *second)
{
    const char *scripts[] = {first, second};
    const struct catalog_schema schema = {scripts, second ? 2 : 1};

    return catalog_sql_open(k.path, &schema, &e);
}

/* Straight into the file, as any program could. */
static void run_sql(const char *script)
{
    sqlite3 *db = NULL;

    cr_assert_eq(sqlite3_open(k.path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, script, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static int64_t ask(struct catalog_sql *sql, const char *question)
{
    struct catalog_statement *statement = catalog_sql_borrow(sql, question, &e);
    int64_t answer = -1;
    bool row = false;

    cr_assert_not_null(statement, "%s", e.text);
    catalog_case_ok(catalog_sql_step(statement, &row, &e), &e);
    if (row)
        answer = catalog_sql_int(statement, 0);
    catalog_sql_release(statement);
    return answer;
}

static void make_older(void)
{
    struct catalog_sql *sql = open_with(FIRST, NULL);

    cr_assert_not_null(sql, "%s", e.text);
    catalog_sql_close(sql);
    run_sql("INSERT INTO parents VALUES ('A', 'w'); INSERT INTO children VALUES (1, 'a')");
}

/* ---- Versions ---- */

Test(catalog_open, an_older_file_is_brought_up_with_all_it_holds)
{
    struct catalog_sql *sql;

    make_older();
    sql = open_with(FIRST, SECOND);
    cr_assert_not_null(sql, "%s", e.text);
    cr_expect_eq(ask(sql, "PRAGMA user_version"), 2);
    cr_expect_eq(ask(sql, "SELECT age FROM parents WHERE id = 'a' AND word = 'w'"), 7);
    cr_expect_eq(ask(sql, "SELECT count(*) FROM children"), 1);
    cr_expect_eq(ask(sql, "PRAGMA foreign_keys"), 1);
    catalog_sql_close(sql);
    sql = open_with(FIRST, SECOND);
    cr_assert_not_null(sql, "%s", e.text);
    catalog_sql_close(sql);
}

Test(catalog_open, a_step_that_fails_leaves_the_older_file)
{
    struct catalog_sql *sql;

    make_older();
    cr_expect_null(open_with(FIRST, SECOND "DROP TABLE nothing;"));
    cr_expect(strstr(e.text, "schema 2"), "%s", e.text);
    err_clear(&e);
    sql = open_with(FIRST, NULL);
    cr_assert_not_null(sql, "%s", e.text);
    cr_expect_eq(ask(sql, "SELECT count(*) FROM parents"), 1);
    catalog_sql_close(sql);
}

Test(catalog_open, a_step_that_leaves_orphans_is_not_taken)
{
    make_older();
    cr_expect_null(open_with(FIRST, "DELETE FROM parents;"));
    cr_expect_eq(e.kind, ERR_CORRUPT);
    run_sql("INSERT INTO children VALUES (2, 'A')");
}

Test(catalog_open, a_newer_file_is_refused)
{
    catalog_case_open(&k);
    catalog_case_close(&k);
    run_sql("PRAGMA user_version = 1000");
    cr_expect_null(catalog_open(k.folder, &e));
    cr_expect_eq(e.kind, ERR_USAGE);
    cr_expect(strstr(e.text, "newer snapferryd"), "%s", e.text);
}

/* ---- What is no catalog ---- */

static void expect_refused_unchanged(const char *sentence)
{
    char *before = NULL, *after = NULL;
    size_t before_count = 0, after_count = 0;

    cr_assert(durable_read(k.path, 16 << 20, &before, &before_count, &e));
    cr_expect_null(catalog_open(k.folder, &e));
    cr_expect_eq(e.kind, ERR_CORRUPT);
    cr_expect(strstr(e.text, sentence), "%s", e.text);
    err_clear(&e);
    cr_assert(durable_read(k.path, 16 << 20, &after, &after_count, &e));
    cr_assert_eq(before_count, after_count);
    cr_expect_eq(memcmp(before, after, before_count), 0);
    free(before);
    free(after);
}

Test(catalog_open, another_programs_database_is_refused_and_left_alone)
{
    run_sql("CREATE TABLE somebody (id); INSERT INTO somebody VALUES (1)");
    expect_refused_unchanged("no catalog of snapferryd");
    run_sql("PRAGMA user_version = 1");
    expect_refused_unchanged("no catalog of snapferryd");
}

Test(catalog_open, a_file_that_is_no_database_is_refused_and_left_alone)
{
    char text[8192];

    memset(text, 'n', sizeof text);
    cr_assert(durable_write(k.path, text, sizeof text, &e));
    expect_refused_unchanged("no catalog of snapferryd");
}

Test(catalog_open, an_empty_file_becomes_a_catalog)
{
    cr_assert(durable_write(k.path, "", 0, &e));
    catalog_case_open(&k);
}

/* ---- Who may ---- */

static unsigned mode_of(const char *suffix)
{
    struct stat about;
    char path[320];

    snprintf(path, sizeof path, "%s%s", k.path, suffix);
    cr_assert_eq(stat(path, &about), 0, "%s", path);
    return about.st_mode & 0777u;
}

Test(catalog_open, the_file_and_its_logs_are_its_owners_alone)
{
    umask(0);
    catalog_case_open(&k);
    catalog_case_ok(catalog_begin(k.catalog, &e), &e);
    catalog_case_put_collection(k.catalog, CATALOG_CASE_COLLECTION);
    catalog_case_ok(catalog_commit(k.catalog, &e), &e);
    cr_expect_eq(mode_of(""), 0600u);
    cr_expect_eq(mode_of("-wal"), 0600u);
    cr_expect_eq(mode_of("-shm"), 0600u);
    catalog_case_close(&k);
    cr_assert_eq(chmod(k.path, 0644), 0);
    catalog_case_open(&k);
    cr_expect_eq(mode_of(""), 0600u, "one that was made readable is closed again");
    catalog_case_close(&k);
}

Test(catalog_open, a_folder_that_is_made_is_its_owners_alone)
{
    struct catalog_case made = {.catalog = NULL};
    struct stat about;

    umask(0);
    snprintf(made.folder, sizeof made.folder, "%.250s/new", k.folder);
    catalog_case_open(&made);
    cr_assert_eq(stat(made.folder, &about), 0);
    cr_expect_eq(about.st_mode & 0777u, 0700u);
    catalog_case_end(&made);
}

Test(catalog_open, one_process_a_data_folder)
{
    struct catalog *second;

    catalog_case_open(&k);
    second = catalog_open(k.folder, &e);
    cr_expect_null(second);
    cr_expect_eq(e.kind, ERR_CONFLICT);
    cr_expect(strstr(e.text, "another snapferryd uses this data folder"), "%s", e.text);
    err_clear(&e);
    catalog_case_close(&k);
    catalog_case_open(&k);
}

Test(catalog_open, a_link_is_not_followed)
{
    char target[320];

    snprintf(target, sizeof target, "%s.elsewhere", k.path);
    cr_assert_eq(symlink(target, k.path), 0);
    cr_expect_null(catalog_open(k.folder, &e));
    cr_expect_eq(e.kind, ERR_IO);
    cr_expect_neq(access(target, F_OK), 0);
}
