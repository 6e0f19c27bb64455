/* catalog_sql.c - see catalog_sql.h. */
#include "tools/controld/catalog_sql.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/controld/catalog.h"

#define SQL_APPLICATION_ID 0x736e6664 /* "snfd": what tells our file from others */
#define SQL_CACHE_KIB      16384      /* pages kept in memory */
#define SQL_ROW_BYTES      (8 << 20)  /* one row with all its texts */
#define SQL_LOG_BYTES      (16 << 20) /* how large the log may stay once it is written back */

struct catalog_statement {
    struct catalog_sql *sql;
    sqlite3_stmt *prepared; /* NULL: a free place */
    char *text;
    uint64_t used; /* the count of borrows at its last one */
    bool borrowed;
    bool changes;    /* it is no mere query */
    int bind_status; /* of the first parameter that could not be bound */
};

struct catalog_sql {
    sqlite3 *db;
    char *path;
    bool begun;
    bool broken; /* a change of this transaction failed */
    uint64_t borrows;
    struct catalog_statement statements[CATALOG_SQL_STATEMENTS_MAX];
};

/* ---- Errors ---- */

static bool sql_fail(const struct catalog_sql *sql, int status, struct err *e)
{
    const char *words = sqlite3_errstr(status);
    const char *path = sql->path;

    switch (status & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(e, ERR_CONFLICT, RETRY_LATER, "%.200s: another program is writing it", path);
    case SQLITE_CONSTRAINT:
        return err_set(e, ERR_CONFLICT, RETRY_NEVER, "%.200s: %.150s", path,
                       sqlite3_errmsg(sql->db));
    case SQLITE_CORRUPT:
        return err_set(e, ERR_CORRUPT, RETRY_NEVER, "%.200s is damaged: %.100s", path, words);
    case SQLITE_NOTADB:
        return err_set(e, ERR_CORRUPT, RETRY_NEVER, "%.200s is no catalog of snapferryd", path);
    case SQLITE_ERROR: /* our statements are right for our tables: these are others */
        return err_set(e, ERR_CORRUPT, RETRY_NEVER, "%.200s is damaged: %.150s", path,
                       sql->db ? sqlite3_errmsg(sql->db) : words);
    case SQLITE_FULL:
        return err_set_errno(e, ENOSPC, RETRY_LATER, "%.200s", path);
    case SQLITE_TOOBIG:
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "%.200s: a text is above %u bytes", path,
                       CATALOG_TEXT_MAX_BYTES);
    case SQLITE_NOMEM:
        return err_set(e, ERR_LIMIT, RETRY_LATER, "%.200s: no memory", path);
    default:
        if (sql->db && sqlite3_system_errno(sql->db) > 0)
            return err_set_errno(e, sqlite3_system_errno(sql->db), RETRY_NEVER, "%.200s: %.100s",
                                 path, words);
        return err_set(e, ERR_IO, RETRY_NEVER, "%.200s: %.100s", path, words);
    }
}

/* ---- Statements ---- */

static void sql_forget(struct catalog_statement *statement)
{
    sqlite3_finalize(statement->prepared);
    free(statement->text);
    memset(statement, 0, sizeof *statement);
}

/* A kept one of this text, else the place for it: a free one, else that unused for longest. */
static struct catalog_statement *sql_place(struct catalog_sql *sql, const char *text)
{
    struct catalog_statement *place = NULL;

    for (unsigned i = 0; i < CATALOG_SQL_STATEMENTS_MAX; i++) {
        struct catalog_statement *statement = &sql->statements[i];

        if (statement->borrowed)
            continue;
        if (statement->prepared && strcmp(statement->text, text) == 0)
            return statement;
        if (!place || statement->used < place->used)
            place = statement;
    }
    return place;
}

static bool sql_prepare(struct catalog_sql *sql, struct catalog_statement *statement,
                        const char *text, struct err *e)
{
    int status;

    if (statement->prepared)
        sql_forget(statement);
    statement->text = strdup(text);
    if (!statement->text)
        return sql_fail(sql, SQLITE_NOMEM, e);
    status = sqlite3_prepare_v3(sql->db, text, -1, SQLITE_PREPARE_PERSISTENT, &statement->prepared,
                                NULL);
    if (status != SQLITE_OK) {
        sql_fail(sql, status, e);
        sql_forget(statement);
        return false;
    }
    statement->sql = sql;
    statement->changes = !sqlite3_stmt_readonly(statement->prepared);
    return true;
}

struct catalog_statement *catalog_sql_borrow(struct catalog_sql *sql, const char *text,
                                             struct err *e)
{
    struct catalog_statement *statement = sql_place(sql, text);

    if (!statement) {
        err_set(e, ERR_LIMIT, RETRY_LATER, "%.200s: too many statements at once", sql->path);
        return NULL;
    }
    if ((!statement->prepared || strcmp(statement->text, text) != 0) &&
        !sql_prepare(sql, statement, text, e))
        return NULL;
    statement->borrowed = true;
    statement->used = ++sql->borrows;
    statement->bind_status = SQLITE_OK;
    return statement;
}

void catalog_sql_release(struct catalog_statement *statement)
{
    if (!statement)
        return;
    assert(statement->borrowed);
    sqlite3_reset(statement->prepared); /* what it says was said by the step before */
    sqlite3_clear_bindings(statement->prepared);
    statement->borrowed = false;
}

static void sql_bound(struct catalog_statement *statement, int status)
{
    assert(status != SQLITE_RANGE && status != SQLITE_MISUSE);
    if (statement->bind_status == SQLITE_OK)
        statement->bind_status = status;
}

void catalog_sql_bind_text(struct catalog_statement *statement, unsigned parameter,
                           const char *text)
{
    size_t bytes = text ? strnlen(text, CATALOG_TEXT_MAX_BYTES + 1) : 0;

    if (bytes > CATALOG_TEXT_MAX_BYTES)
        sql_bound(statement, SQLITE_TOOBIG);
    else
        sql_bound(statement, sqlite3_bind_text(statement->prepared, (int)parameter, text,
                                               (int)bytes, SQLITE_STATIC));
}

void catalog_sql_bind_int(struct catalog_statement *statement, unsigned parameter, int64_t value)
{
    sql_bound(statement, sqlite3_bind_int64(statement->prepared, (int)parameter, value));
}

void catalog_sql_bind_real(struct catalog_statement *statement, unsigned parameter, double value)
{
    sql_bound(statement, sqlite3_bind_double(statement->prepared, (int)parameter, value));
}

bool catalog_sql_step(struct catalog_statement *statement, bool *out_row, struct err *e)
{
    struct catalog_sql *sql = statement->sql;
    int status = statement->bind_status;

    assert(statement->borrowed);
    assert(!statement->changes || sql->begun);
    /* SQLite ends a transaction by itself where it cannot go on: what follows would stand alone. */
    if (statement->changes && sqlite3_get_autocommit(sql->db))
        return err_set(e, ERR_IO, RETRY_LATER, "%.200s: the transaction is gone", sql->path);
    if (status == SQLITE_OK)
        status = sqlite3_step(statement->prepared);
    if (status == SQLITE_ROW || status == SQLITE_DONE) {
        *out_row = status == SQLITE_ROW;
        return true;
    }
    sql->broken |= statement->changes;
    return sql_fail(sql, status, e);
}

bool catalog_sql_run(struct catalog_statement *statement, uint64_t *out_changed, struct err *e)
{
    bool row = false;

    if (!catalog_sql_step(statement, &row, e))
        return false;
    assert(!row);
    if (out_changed)
        *out_changed = (uint64_t)sqlite3_changes64(statement->sql->db);
    return true;
}

const char *catalog_sql_text(struct catalog_statement *statement, unsigned column, bool *out_failed)
{
    const unsigned char *text = sqlite3_column_text(statement->prepared, (int)column);

    if (!text && sqlite3_column_type(statement->prepared, (int)column) != SQLITE_NULL)
        *out_failed = true;
    return (const char *)text;
}

int64_t catalog_sql_int(struct catalog_statement *statement, unsigned column)
{
    return sqlite3_column_int64(statement->prepared, (int)column);
}

double catalog_sql_real(struct catalog_statement *statement, unsigned column)
{
    return sqlite3_column_double(statement->prepared, (int)column);
}

/* ---- Transactions ---- */

static bool sql_exec(struct catalog_sql *sql, const char *script, struct err *e)
{
    int status = sqlite3_exec(sql->db, script, NULL, NULL, NULL);

    return status == SQLITE_OK || sql_fail(sql, status, e);
}

bool catalog_sql_begin(struct catalog_sql *sql, struct err *e)
{
    assert(!sql->begun);
    if (!sql_exec(sql, "BEGIN IMMEDIATE", e))
        return false;
    sql->begun = true;
    sql->broken = false;
    return true;
}

bool catalog_sql_commit(struct catalog_sql *sql, struct err *e)
{
    bool ok;

    assert(sql->begun);
    if (sql->broken || sqlite3_get_autocommit(sql->db))
        ok = err_set(e, ERR_IO, RETRY_LATER, "%.200s: not kept, a part of it failed", sql->path);
    else
        ok = sql_exec(sql, "COMMIT", e);
    if (ok)
        sql->begun = false;
    else
        catalog_sql_rollback(sql);
    return ok;
}

void catalog_sql_rollback(struct catalog_sql *sql)
{
    /* A rollback that fails leaves nothing in the file either: the log has no commit. */
    if (sql->begun && !sqlite3_get_autocommit(sql->db))
        sqlite3_exec(sql->db, "ROLLBACK", NULL, NULL, NULL);
    sql->begun = false;
    sql->broken = false;
}

bool catalog_sql_begun(const struct catalog_sql *sql)
{
    return sql->begun;
}

/* ---- Opening ---- */

/* The first column of the first row: as text, cut to 63 bytes, where that is asked for. No row: 0. */
static bool sql_ask(struct catalog_sql *sql, const char *question, int64_t *out_value,
                    char out_text[64], struct err *e)
{
    sqlite3_stmt *prepared = NULL;
    int status = sqlite3_prepare_v2(sql->db, question, -1, &prepared, NULL);

    if (status == SQLITE_OK)
        status = sqlite3_step(prepared);
    if (status == SQLITE_ROW && out_text) {
        const unsigned char *text = sqlite3_column_text(prepared, 0);

        snprintf(out_text, 64, "%s", text ? (const char *)text : "");
    } else if (status == SQLITE_ROW || status == SQLITE_DONE) {
        *out_value = status == SQLITE_ROW ? sqlite3_column_int64(prepared, 0) : 0;
    }
    if (status != SQLITE_ROW && status != SQLITE_DONE)
        sql_fail(sql, status, e);
    sqlite3_finalize(prepared);
    return !err_is_set(e);
}

/* Ours alone to read, before SQLite writes a byte: its log takes the mode of its file. */
static bool sql_make_file(const struct catalog_sql *sql, struct err *e)
{
    int fd = open(sql->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat about;
    int why = 0;

    if (fd < 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot open %.200s", sql->path);
    if (fstat(fd, &about) != 0 || ((about.st_mode & 077) && fchmod(fd, 0600) != 0))
        why = errno;
    else if (!S_ISREG(about.st_mode))
        why = EINVAL;
    close(fd);
    return !why || err_set_errno(e, why, RETRY_NEVER, "cannot use %.200s", sql->path);
}

static bool sql_connect(struct catalog_sql *sql, struct err *e)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int status = sqlite3_open_v2(sql->path, &sql->db, flags, NULL);

    if (status != SQLITE_OK)
        return sql_fail(sql, status, e);
    sqlite3_busy_timeout(sql->db, CATALOG_SQL_BUSY_MS);
    /* A file that somebody prepared must not run anything, nor make us hold a giant. */
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_limit(sql->db, SQLITE_LIMIT_LENGTH, SQL_ROW_BYTES);
    sqlite3_limit(sql->db, SQLITE_LIMIT_ATTACHED, 0);
    return true;
}

/* Changes nothing: the file may be somebody else's. */
static bool sql_recognise(struct catalog_sql *sql, unsigned newest, int64_t *out_version,
                          struct err *e)
{
    int64_t application = 0, things = 0;
    char health[64] = "";

    if (!sql_ask(sql, "PRAGMA application_id", &application, NULL, e) ||
        !sql_ask(sql, "PRAGMA user_version", out_version, NULL, e) ||
        !sql_ask(sql, "SELECT count(*) FROM sqlite_master", &things, NULL, e))
        return false;
    if (application == 0 && *out_version == 0 && things == 0)
        return true;
    if (application != SQL_APPLICATION_ID || *out_version <= 0)
        return sql_fail(sql, SQLITE_NOTADB, e);
    if (*out_version > newest)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%.200s was written by a newer snapferryd (schema %lld, this one knows %u)",
                       sql->path, (long long)*out_version, newest);
    if (!sql_ask(sql, "PRAGMA quick_check(1)", &things, health, e))
        return false;
    return strcmp(health, "ok") == 0 || sql_fail(sql, SQLITE_CORRUPT, e);
}

static bool sql_set_up(struct catalog_sql *sql, struct err *e)
{
    char settings[160], mode[64] = "";
    int64_t unused = 0;

    if (!sql_ask(sql, "PRAGMA journal_mode = WAL", &unused, mode, e))
        return false;
    if (strcmp(mode, "wal") != 0)
        return err_set(e, ERR_IO, RETRY_NEVER, "%.200s: its file system can keep no log",
                       sql->path);
    snprintf(settings, sizeof settings,
             "PRAGMA synchronous = FULL; PRAGMA cache_size = -%d;"
             "PRAGMA journal_size_limit = %d; PRAGMA temp_store = MEMORY",
             SQL_CACHE_KIB, SQL_LOG_BYTES);
    return sql_exec(sql, settings, e);
}

static bool sql_migrate_one(struct catalog_sql *sql, const char *script, unsigned version,
                            struct err *e)
{
    char mark[96];
    int64_t orphans = 0;

    snprintf(mark, sizeof mark, "PRAGMA application_id = %d; PRAGMA user_version = %u",
             SQL_APPLICATION_ID, version);
    if (!catalog_sql_begin(sql, e))
        return false;
    if (sql_exec(sql, script, e) && sql_exec(sql, mark, e) &&
        sql_ask(sql, "SELECT count(*) FROM pragma_foreign_key_check", &orphans, NULL, e) &&
        orphans > 0)
        err_set(e, ERR_CORRUPT, RETRY_NEVER, "%.200s: %lld rows refer to none", sql->path,
                (long long)orphans);
    if (err_is_set(e))
        catalog_sql_rollback(sql);
    else if (catalog_sql_commit(sql, e))
        return true;
    err_prefix(e, "schema %u: ", version);
    return false;
}

/* Foreign keys are off meanwhile, so that a script may replace a table that others refer to. */
static bool sql_migrate(struct catalog_sql *sql, const struct catalog_schema *schema,
                        int64_t version, struct err *e)
{
    if (!sql_exec(sql, "PRAGMA foreign_keys = OFF", e))
        return false;
    for (unsigned v = (unsigned)version; v < schema->count; v++)
        if (!sql_migrate_one(sql, schema->scripts[v], v + 1, e))
            return false;
    return sql_exec(sql, "PRAGMA foreign_keys = ON", e);
}

struct catalog_sql *catalog_sql_open(const char *path, const struct catalog_schema *schema,
                                     struct err *e)
{
    struct catalog_sql *sql = calloc(1, sizeof *sql);
    int64_t version = 0;

    if (sql)
        sql->path = strdup(path);
    if (!sql || !sql->path) {
        free(sql);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a catalog");
        return NULL;
    }
    if (sql_make_file(sql, e) && sql_connect(sql, e) &&
        sql_recognise(sql, schema->count, &version, e) && sql_set_up(sql, e) &&
        sql_migrate(sql, schema, version, e))
        return sql;
    catalog_sql_close(sql);
    return NULL;
}

void catalog_sql_close(struct catalog_sql *sql)
{
    int status;

    if (!sql)
        return;
    catalog_sql_rollback(sql);
    for (unsigned i = 0; i < CATALOG_SQL_STATEMENTS_MAX; i++) {
        assert(!sql->statements[i].borrowed);
        sql_forget(&sql->statements[i]);
    }
    status = sqlite3_close(sql->db);
    assert(status == SQLITE_OK);
    free(sql->path);
    free(sql);
}
