/* bench_limits.c - see bench_limits.h. */
#include "tools/snapferry/bench_limits.h"

#include <string.h>

#include "engine/bench_point.h"
#include "io/clock.h"
#include "io/pageblob.h"
#include "tools/snapferry/size_text.h"

#define FIELD_MAX_BYTES 24u

struct list_rule {
    const char *option;
    const char *usual; /* also the example of the error */
    uint64_t unit;     /* values are multiples of it */
    uint64_t max;
};

static bool refuse(const struct list_rule *rule, struct err *e)
{
    return err_set(e, ERR_USAGE, RETRY_NEVER,
                   "--%s takes up to %u ascending numbers such as %s, multiples of %llu up to %llu",
                   rule->option, BENCH_PLAN_LIST_MAX, rule->usual, (unsigned long long)rule->unit,
                   (unsigned long long)rule->max);
}

static bool read_list(const char *text, const struct list_rule *rule,
                      uint32_t out_values[BENCH_PLAN_LIST_MAX], uint32_t *out_count, struct err *e)
{
    uint64_t before = 0;

    *out_count = 0;
    for (const char *at = text ? text : rule->usual; at;) {
        char field[FIELD_MAX_BYTES] = "";
        size_t length = strcspn(at, ",");
        uint64_t value;

        if (length >= sizeof field || *out_count == BENCH_PLAN_LIST_MAX)
            return refuse(rule, e);
        memcpy(field, at, length);
        if (!size_text_parse(field, &value) || value <= before || value > rule->max ||
            value % rule->unit)
            return refuse(rule, e);
        out_values[(*out_count)++] = (uint32_t)value;
        before = value;
        at = at[length] ? at + length + 1 : NULL;
    }
    return true;
}

bool bench_limits_read(const struct options *options, struct bench_plan_limits *out_limits,
                       struct err *e)
{
    static const struct list_rule sizes = {"request-sizes", BENCH_LIMITS_SIZES, PAGEBLOB_PAGE_BYTES,
                                           PAGEBLOB_RANGE_MAX};
    static const struct list_rule connections = {"connections", BENCH_LIMITS_CONNECTIONS, 1,
                                                 BENCH_POINT_CONNECTIONS_MAX};
    struct bench_plan_limits limits = {.budget_bytes = options->bench.budget_bytes,
                                       .duration_ns = options->bench.duration_s * NS_PER_S,
                                       .memory_bytes = options->memory_bytes};

    if (!read_list(options->bench.sizes, &sizes, limits.sizes_bytes, &limits.sizes_count, e) ||
        !read_list(options->bench.connections, &connections, limits.connections,
                   &limits.connections_count, e))
        return false;
    *out_limits = limits;
    return true;
}
