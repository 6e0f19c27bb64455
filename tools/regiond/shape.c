/* shape.c - a level for each connection, blob and account seen, and the verdicts they give. */
#include "tools/regiond/shape.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/regiond/token_bucket.h"

#define NS_PER_MS         UINT64_C(1000000)
#define LEVEL_TABLE_COUNT 4096u
#define LEVEL_KEY_BYTES   1200u /* account, container and blob, each with its NUL */

struct level {
    struct level *next; /* in its table's row */
    struct token_bucket bytes;
    struct token_bucket requests;
    size_t key_bytes;
    char key[];
};

struct traffic_shape {
    struct shape_config config; /* set once */
    pthread_mutex_t lock;
    struct level *rows[LEVEL_TABLE_COUNT]; /* guarded by lock, as all below */
    size_t kept_count;
};

struct traffic_shape *shape_new(const struct shape_config *config)
{
    struct traffic_shape *shape = calloc(1, sizeof *shape);

    if (!shape)
        return NULL;
    shape->config = *config;
    pthread_mutex_init(&shape->lock, NULL);
    return shape;
}

static void drop_levels(struct traffic_shape *shape, bool all, uint64_t now_ns)
{
    for (size_t i = 0; i < LEVEL_TABLE_COUNT; i++) {
        struct level **at = &shape->rows[i];

        while (*at) {
            struct level *level = *at;

            if (!all && (token_bucket_debt_ns(&level->bytes, now_ns) > 0 ||
                         token_bucket_debt_ns(&level->requests, now_ns) > 0)) {
                at = &level->next;
                continue;
            }
            *at = level->next;
            free(level);
            shape->kept_count--;
        }
    }
}

void shape_free(struct traffic_shape *shape)
{
    if (!shape)
        return;
    drop_levels(shape, true, 0);
    pthread_mutex_destroy(&shape->lock);
    free(shape);
}

/* ---- Finding a level ---- */

static size_t put(char *out, size_t at, const char *text)
{
    size_t n = strlen(text) + 1;

    assert(at + n <= LEVEL_KEY_BYTES);
    memcpy(out + at, text, n);
    return at + n;
}

/* The key of what a scope counts; 0: the scope does not apply to this request. */
static size_t make_key(enum shape_scope scope, const struct shape_facts *facts,
                       char out[LEVEL_KEY_BYTES])
{
    size_t n = 1;

    out[0] = (char)('0' + (int)scope);
    switch (scope) {
    case SHAPE_CONNECTION:
        memcpy(out + n, &facts->connection_id, sizeof facts->connection_id);
        return n + sizeof facts->connection_id;
    case SHAPE_BLOB:
        if (facts->blob[0] == '\0')
            return 0;
        n = put(out, put(out, n, facts->account), facts->container);
        return put(out, n, facts->blob);
    case SHAPE_ACCOUNT:
        return put(out, n, facts->account);
    case SHAPE_SCOPES:
        break;
    }
    return 0;
}

static size_t row_of(const char *key, size_t n)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)key[i]) * UINT64_C(0x100000001b3);
    return (size_t)(hash % LEVEL_TABLE_COUNT);
}

/* NULL: no limit here, or no memory to keep one (then the request goes unshaped). */
static struct level *level_of(struct traffic_shape *shape, enum shape_scope scope,
                              const struct shape_facts *facts, uint64_t now_ns)
{
    const struct shape_limit *limit = &shape->config.limit[scope];
    uint64_t burst_ns = shape->config.burst_ms * NS_PER_MS;
    char key[LEVEL_KEY_BYTES];
    struct level *level;
    size_t n, row;

    if (limit->bytes_per_second == 0 && limit->requests_per_second == 0)
        return NULL;
    n = make_key(scope, facts, key);
    if (n == 0)
        return NULL;
    row = row_of(key, n);
    for (level = shape->rows[row]; level; level = level->next)
        if (level->key_bytes == n && memcmp(level->key, key, n) == 0)
            return level;
    if (shape->kept_count >= SHAPE_KEPT_MAX_COUNT)
        drop_levels(shape, false, now_ns);
    level = calloc(1, sizeof *level + n);
    if (!level)
        return NULL;
    level->bytes = (struct token_bucket){limit->bytes_per_second, burst_ns, 0};
    level->requests = (struct token_bucket){limit->requests_per_second, burst_ns, 0};
    level->key_bytes = n;
    memcpy(level->key, key, n);
    level->next = shape->rows[row];
    shape->rows[row] = level;
    shape->kept_count++;
    return level;
}

/* ---- Verdicts ---- */

static uint64_t max_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static const char *busy_text(const struct level *level, uint64_t queue_ns, uint64_t now_ns)
{
    if (token_bucket_debt_ns(&level->requests, now_ns) > 0)
        return "Operations per second is over the account limit.";
    if (token_bucket_debt_ns(&level->bytes, now_ns) > queue_ns)
        return "Bytes per second is over the account limit.";
    return NULL;
}

/* Is any of the levels over its limit? Takes nothing. */
static const char *judge_busy(const struct traffic_shape *shape, struct level *const *levels,
                              uint64_t now_ns)
{
    for (size_t i = 0; i < SHAPE_SCOPES; i++) {
        const char *text =
            levels[i] ? busy_text(levels[i], shape->config.queue_ms * NS_PER_MS, now_ns) : NULL;

        if (text)
            return text;
    }
    return NULL;
}

static void find_levels(struct traffic_shape *shape, const struct shape_facts *facts,
                        uint64_t now_ns, struct level **out)
{
    for (size_t i = 0; i < SHAPE_SCOPES; i++)
        out[i] = level_of(shape, (enum shape_scope)i, facts, now_ns);
}

struct shape_verdict shape_arrived(struct traffic_shape *shape, const struct shape_facts *facts,
                                   uint64_t bytes_in, uint64_t now_ns)
{
    struct shape_verdict verdict = {0};
    struct level *levels[SHAPE_SCOPES];

    pthread_mutex_lock(&shape->lock);
    find_levels(shape, facts, now_ns, levels);
    verdict.busy_text = shape->config.busy ? judge_busy(shape, levels, now_ns) : NULL;
    verdict.busy = verdict.busy_text != NULL;
    verdict.retry_after_s = verdict.busy ? shape->config.retry_after_s : 0;
    for (size_t i = 0; i < SHAPE_SCOPES && !verdict.busy; i++) {
        if (!levels[i])
            continue;
        verdict.delay_ns =
            max_of(verdict.delay_ns, token_bucket_take_ns(&levels[i]->requests, 1, now_ns));
        verdict.delay_ns =
            max_of(verdict.delay_ns, token_bucket_take_ns(&levels[i]->bytes, bytes_in, now_ns));
    }
    pthread_mutex_unlock(&shape->lock);
    verdict.delay_ns += shape->config.latency_ms * NS_PER_MS;
    return verdict;
}

struct shape_pace shape_leaving(struct traffic_shape *shape, const struct shape_facts *facts,
                                uint64_t bytes_out, uint64_t now_ns)
{
    struct shape_pace pace = {0};
    struct level *levels[SHAPE_SCOPES];

    pthread_mutex_lock(&shape->lock);
    find_levels(shape, facts, now_ns, levels);
    for (size_t i = 0; i < SHAPE_SCOPES; i++) {
        if (!levels[i])
            continue;
        pace.begin_ns = max_of(pace.begin_ns, token_bucket_debt_ns(&levels[i]->bytes, now_ns));
        pace.end_ns =
            max_of(pace.end_ns, token_bucket_take_ns(&levels[i]->bytes, bytes_out, now_ns));
    }
    pthread_mutex_unlock(&shape->lock);
    pace.end_ns = max_of(pace.end_ns, pace.begin_ns);
    return pace;
}

/* ---- The pace of one body ---- */

uint64_t shape_pace_bytes(const struct shape_pace *pace, uint64_t total, uint64_t passed_ns)
{
    if (passed_ns >= pace->end_ns)
        return total;
    if (passed_ns <= pace->begin_ns)
        return 0;
    return (uint64_t)((unsigned __int128)total * (passed_ns - pace->begin_ns) /
                      (pace->end_ns - pace->begin_ns));
}

uint64_t shape_pace_due_ns(const struct shape_pace *pace, uint64_t total, uint64_t at)
{
    unsigned __int128 span = pace->end_ns - pace->begin_ns;

    if (total == 0 || at >= total)
        return pace->end_ns;
    return pace->begin_ns + (uint64_t)((span * at + total - 1) / total);
}
