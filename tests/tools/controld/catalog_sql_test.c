/* catalog_sql_test.c - the door to SQLite: statements side by side, transactions that hold all or nothing,
 * limits told. Must not know: the catalog's tables. */
#include "tools/controld/catalog_sql.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/catalog_case.h"

static const char *const scripts[] = {
    "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, weight REAL)",
};
static const struct catalog_schema schema = {scripts, 1};
static struct catalog_case k;
static struct catalog_sql *sql;
static struct err e;

#define HERE(call) catalog_case_ok((call), &e)

static void sql_begin(void)
{
    catalog_case_begin(&k);
    sql = catalog_sql_open(k.path, &schema, &e);
    cr_assert_not_null(sql, "%s", e.text);
}

static void sql_end(void)
{
    catalog_sql_close(sql);
    catalog_case_end(&k);
}

TestSuite(catalog_sql, .init = sql_begin, .fini = sql_end, .timeout = 120);

static bool insert(int64_t id, const char *name)
{
    struct catalog_statement *statement =
        catalog_sql_borrow(sql, "INSERT INTO things VALUES (?1, ?2, ?3)", &e);
    bool ok;

    cr_assert_not_null(statement, "%s", e.text);
    catalog_sql_bind_int(statement, 1, id);
    catalog_sql_bind_text(statement, 2, name);
    catalog_sql_bind_real(statement, 3, (double)id / 4);
    ok = catalog_sql_run(statement, NULL, &e);
    catalog_sql_release(statement);
    return ok;
}

static int64_t count(void)
{
    struct catalog_statement *statement =
        catalog_sql_borrow(sql, "SELECT count(*) FROM things", &e);
    bool row = false;
    int64_t found;

    cr_assert_not_null(statement, "%s", e.text);
    HERE(catalog_sql_step(statement, &row, &e));
    cr_assert(row);
    found = catalog_sql_int(statement, 0);
    catalog_sql_release(statement);
    return found;
}

static void fill(int64_t rows)
{
    HERE(catalog_sql_begin(sql, &e));
    for (int64_t i = 1; i <= rows; i++)
        HERE(insert(i, "thing"));
    HERE(catalog_sql_commit(sql, &e));
}

/* ---- Statements ---- */

Test(catalog_sql, values_are_never_read_as_sql)
{
    static const char name[] = "'); DROP TABLE things; --";
    struct catalog_statement *statement;
    bool row = false, failed = false;

    HERE(catalog_sql_begin(sql, &e));
    HERE(insert(1, name));
    HERE(insert(2, NULL));
    HERE(catalog_sql_commit(sql, &e));
    statement = catalog_sql_borrow(sql, "SELECT name, weight FROM things ORDER BY id", &e);
    cr_assert_not_null(statement);
    HERE(catalog_sql_step(statement, &row, &e));
    cr_assert(row);
    cr_expect_str_eq(catalog_sql_text(statement, 0, &failed), name);
    cr_expect_eq(catalog_sql_real(statement, 1), 0.25);
    HERE(catalog_sql_step(statement, &row, &e));
    cr_assert(row);
    cr_expect_null(catalog_sql_text(statement, 0, &failed));
    cr_expect_not(failed);
    HERE(catalog_sql_step(statement, &row, &e));
    cr_expect_not(row);
    catalog_sql_release(statement);
}

Test(catalog_sql, one_text_runs_twice_at_a_time)
{
    static const char text[] = "SELECT id FROM things WHERE id > ?1 ORDER BY id";
    struct catalog_statement *one, *two;
    bool row = false;

    fill(5);
    one = catalog_sql_borrow(sql, text, &e);
    two = catalog_sql_borrow(sql, text, &e);
    cr_assert(one && two && one != two);
    catalog_sql_bind_int(one, 1, 0);
    catalog_sql_bind_int(two, 1, 3);
    for (int64_t i = 1; i <= 2; i++) {
        HERE(catalog_sql_step(one, &row, &e));
        cr_expect_eq(catalog_sql_int(one, 0), i);
        HERE(catalog_sql_step(two, &row, &e));
        cr_expect_eq(catalog_sql_int(two, 0), i + 3);
    }
    catalog_sql_release(two);
    HERE(catalog_sql_step(one, &row, &e));
    cr_expect_eq(catalog_sql_int(one, 0), 3);
    catalog_sql_release(one);
    two = catalog_sql_borrow(sql, text, &e);
    HERE(catalog_sql_step(two, &row, &e));
    cr_expect_not(row, "what was bound before is not bound to the next borrower's");
    catalog_sql_release(two);
}

Test(catalog_sql, more_texts_than_are_kept_all_run)
{
    char text[64];

    fill(1);
    for (unsigned i = 0; i < 3 * CATALOG_SQL_STATEMENTS_MAX; i++) {
        struct catalog_statement *statement;
        bool row = false;

        snprintf(text, sizeof text, "SELECT id + %u FROM things", i % 200);
        statement = catalog_sql_borrow(sql, text, &e);
        cr_assert_not_null(statement, "%s", e.text);
        HERE(catalog_sql_step(statement, &row, &e));
        cr_expect_eq(catalog_sql_int(statement, 0), 1 + i % 200);
        catalog_sql_release(statement);
    }
}

Test(catalog_sql, more_statements_at_a_time_than_there_are_places_are_refused)
{
    struct catalog_statement *statements[CATALOG_SQL_STATEMENTS_MAX];

    for (unsigned i = 0; i < CATALOG_SQL_STATEMENTS_MAX; i++) {
        statements[i] = catalog_sql_borrow(sql, "SELECT 1", &e);
        cr_assert_not_null(statements[i]);
    }
    cr_expect_null(catalog_sql_borrow(sql, "SELECT 1", &e));
    cr_expect_eq(e.kind, ERR_LIMIT);
    for (unsigned i = 0; i < CATALOG_SQL_STATEMENTS_MAX; i++)
        catalog_sql_release(statements[i]);
}

/* ---- Transactions ---- */

Test(catalog_sql, what_is_rolled_back_was_never_there)
{
    HERE(catalog_sql_begin(sql, &e));
    cr_expect(catalog_sql_begun(sql));
    HERE(insert(1, "a"));
    catalog_sql_rollback(sql);
    cr_expect_not(catalog_sql_begun(sql));
    cr_expect_eq(count(), 0);
    catalog_sql_rollback(sql);
}

Test(catalog_sql, a_transaction_of_which_a_part_failed_is_not_kept)
{
    HERE(catalog_sql_begin(sql, &e));
    HERE(insert(1, "a"));
    cr_expect_not(insert(1, "twice"));
    cr_expect_eq(e.kind, ERR_CONFLICT);
    err_clear(&e);
    HERE(insert(2, "b"));
    cr_expect_not(catalog_sql_commit(sql, &e));
    cr_expect_eq(e.kind, ERR_IO);
    cr_expect_eq(count(), 0);
    err_clear(&e);
    fill(3);
    cr_expect_eq(count(), 3);
}

Test(catalog_sql, a_text_above_the_limit_is_refused)
{
    char *text = malloc(CATALOG_TEXT_MAX_BYTES + 2);

    cr_assert_not_null(text);
    memset(text, 'x', CATALOG_TEXT_MAX_BYTES + 1);
    text[CATALOG_TEXT_MAX_BYTES + 1] = '\0';
    HERE(catalog_sql_begin(sql, &e));
    cr_expect_not(insert(1, text));
    cr_expect_eq(e.kind, ERR_LIMIT);
    catalog_sql_rollback(sql);
    err_clear(&e);
    text[CATALOG_TEXT_MAX_BYTES] = '\0';
    HERE(catalog_sql_begin(sql, &e));
    HERE(insert(1, text));
    HERE(catalog_sql_commit(sql, &e));
    free(text);
}

/* A process that holds the file's write lock until it is told to end. */
static pid_t hold_lock(int out_pipe[2])
{
    int ready[2];
    char byte;
    pid_t pid;

    cr_assert_eq(pipe(out_pipe), 0);
    cr_assert_eq(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        struct catalog_sql *other = catalog_sql_open(k.path, &schema, &e);

        close(out_pipe[1]);
        if (!other || !catalog_sql_begin(other, &e) || write(ready[1], "r", 1) != 1)
            _exit(1);
        _exit(read(out_pipe[0], &byte, 1) == 0 ? 0 : 1);
    }
    cr_assert_gt(pid, 0);
    close(out_pipe[0]);
    close(ready[1]);
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

Test(catalog_sql, a_writer_beside_us_is_waited_for_and_then_told)
{
    int lock[2], status = 0;
    pid_t pid;

    fill(2);
    catalog_sql_close(sql);
    pid = hold_lock(lock);
    sql = catalog_sql_open(k.path, &schema, &e);
    cr_assert_not_null(sql, "%s", e.text);
    cr_expect_not(catalog_sql_begin(sql, &e));
    cr_expect_eq(e.kind, ERR_CONFLICT);
    cr_expect_eq(e.retry, RETRY_LATER);
    cr_expect_not(catalog_sql_begun(sql));
    cr_expect_eq(count(), 2, "reading needs no lock");
    close(lock[1]);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_expect_eq(status, 0);
    err_clear(&e);
    HERE(catalog_sql_begin(sql, &e));
    catalog_sql_rollback(sql);
}

/* A file may not grow any more: what a full disk looks like from here. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit = {bytes, RLIM_INFINITY};

    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(catalog_sql, a_full_disk_is_told_and_nothing_half_is_there)
{
    char text[4000];
    bool ok = true;

    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    fill(4);
    limit_files(512 << 10);
    HERE(catalog_sql_begin(sql, &e));
    for (int64_t i = 10; ok && i < 10000; i++)
        ok = insert(i, text);
    ok = ok && catalog_sql_commit(sql, &e);
    cr_expect_not(ok);
    cr_expect_eq(e.kind, ERR_IO, "%s", e.text);
    catalog_sql_rollback(sql);
    limit_files(RLIM_INFINITY);
    cr_expect_eq(count(), 4);
    err_clear(&e);
    HERE(catalog_sql_begin(sql, &e));
    HERE(insert(5, "room again"));
    HERE(catalog_sql_commit(sql, &e));
    cr_expect_eq(count(), 5);
}
