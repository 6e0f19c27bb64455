/* profile.c - see profile.h and profile.md. */
#include "tools/snapferry/profile.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/stream_pack.h"
#include "io/compress_level.h"
#include "io/durable.h"
#include "io/pageblob.h"
#include "tools/snapferry/view_json.h"

#define ALIKE 0.97

/* ---- Reading ---- */

static bool read_number(const json_t *object, const char *name, uint64_t min, uint64_t max,
                        uint32_t *out_number, struct err *e)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_integer(value) || json_integer_value(value) < (json_int_t)min ||
        json_integer_value(value) > (json_int_t)max)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "\"%s\" must be a whole number from %llu to %llu",
                       name, (unsigned long long)min, (unsigned long long)max);
    *out_number = (uint32_t)json_integer_value(value);
    return true;
}

/* "auto", "off" or a level of zstd; it may be missing. */
static bool read_compress(const json_t *object, struct profile *profile, struct err *e)
{
    const json_t *value = json_object_get(object, "compress");
    const char *word = json_string_value(value);
    json_int_t level = json_integer_value(value);

    profile->has_compress = value != NULL;
    profile->compress = COMPRESS_AUTO;
    if (!value || (word && strcmp(word, "auto") == 0))
        return true;
    profile->compress = STREAM_LEVEL_RAW;
    if (word && strcmp(word, "off") == 0)
        return true;
    profile->compress = (int)level;
    return (json_is_integer(value) && level >= STREAM_LEVEL_MIN && level <= STREAM_LEVEL_MAX &&
            level != 0) ||
           err_set(e, ERR_USAGE, RETRY_NEVER,
                   "\"compress\" must be \"auto\", \"off\" or a level from %d to %d but 0",
                   STREAM_LEVEL_MIN, STREAM_LEVEL_MAX);
}

static bool read_members(const json_t *object, struct profile *out_profile, struct err *e)
{
    const char *format = json_string_value(json_object_get(object, "format"));
    struct profile profile;

    if (!format || strcmp(format, PROFILE_FORMAT) != 0)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "it is not a profile: \"format\" must be \"" PROFILE_FORMAT "\"");
    if (!read_number(object, "window", 1, OPTIONS_WINDOW_MAX, &profile.window, e) ||
        !read_number(object, "requestBytes", PROFILE_REQUEST_MIN_BYTES, PAGEBLOB_RANGE_MAX,
                     &profile.request_bytes, e))
        return false;
    if (profile.request_bytes & (profile.request_bytes - 1))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "\"requestBytes\" must be a power of two");
    if (!read_compress(object, &profile, e))
        return false;
    *out_profile = profile;
    return true;
}

bool profile_parse(const char *text, size_t count, struct profile *out_profile, struct err *e)
{
    json_error_t why;
    json_t *object = json_loadb(text, count, JSON_REJECT_DUPLICATES, &why);
    bool ok;

    if (!object)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "it is not JSON (line %d)", why.line);
    ok = read_members(object, out_profile, e);
    json_decref(object);
    return ok;
}

bool profile_apply(struct options *options, struct err *e)
{
    struct profile profile;
    char *text = NULL;
    size_t count;
    bool ok = durable_read(options->profile, PROFILE_FILE_MAX_BYTES, &text, &count, e);

    if (ok && !text)
        ok = err_set_errno(e, ENOENT, RETRY_NEVER, "it cannot be read");
    ok = ok && profile_parse(text, count, &profile, e);
    free(text);
    if (!ok) {
        e->kind = ERR_USAGE; /* nothing was begun */
        err_prefix(e, "--profile %.100s: ", options->profile);
        return false;
    }
    options->request_max_bytes = profile.request_bytes;
    if (profile.has_compress && !options->compress_asked)
        options->compress = profile.compress;
    if (!options->window_start)
        options->window_start = profile.window;
    if (options->window_max && options->window_start > options->window_max)
        options->window_start = options->window_max;
    return true;
}

/* ---- Writing ---- */

static double at_least(const struct bench_result *r)
{
    double mean = (double)r->estimate.bytes_per_s;

    return r->estimate.known ? mean - (double)r->estimate.half_bytes_per_s : mean / 2;
}

static bool may_be_profile(const struct bench_result *r, enum bench_leg leg)
{
    return r->leg == leg && r->request_bytes >= PROFILE_REQUEST_MIN_BYTES &&
           !(r->request_bytes & (r->request_bytes - 1)) && at_least(r) > 0;
}

static enum bench_leg chosen_leg(const struct bench *bench)
{
    struct bench_verdict verdict;

    bench_judge(bench, &verdict);
    if (!verdict.advice[0])
        return BENCH_LEG_BOTH;
    return verdict.better == BENCH_LEGS_COUNT ? BENCH_LEG_RELAY_AUTO : verdict.better;
}

static void set_compress(json_t *object, const struct bench_result *r)
{
    if (r->leg == BENCH_LEG_RELAY_LEVEL)
        json_object_set_new(object, "compress", json_integer(r->relayed.level));
    else if (bench_leg_relays(r->leg))
        view_json_set_text(object, "compress", bench_show_way(r->leg));
}

const struct bench_result *profile_choose(const struct bench *bench)
{
    enum bench_leg leg = chosen_leg(bench);
    const struct bench_result *chosen = NULL;
    double best = 0;

    for (uint32_t i = 0; i < bench_results_count(bench); i++) {
        const struct bench_result *r = bench_result_at(bench, i);

        if (may_be_profile(r, leg) && at_least(r) > best)
            best = at_least(r);
    }
    for (uint32_t i = 0; i < bench_results_count(bench); i++) {
        const struct bench_result *r = bench_result_at(bench, i);

        if (!may_be_profile(r, leg) || at_least(r) < best * ALIKE)
            continue;
        if (!chosen || r->request_bytes > chosen->request_bytes ||
            (r->request_bytes == chosen->request_bytes && r->connections < chosen->connections))
            chosen = r;
    }
    return chosen;
}

bool profile_write(const char *path, const struct bench_pair *pair, const struct bench *bench,
                   uint64_t wall_ns, struct err *e)
{
    const struct bench_result *r = profile_choose(bench);
    struct bench_verdict verdict;
    json_t *object;
    char *text;
    bool ok;

    if (!r)
        return err_set(e, ERR_LIMIT, RETRY_NEVER,
                       "--profile: both legs together, or a relay's, have no figure: there is "
                       "nothing to write");
    bench_judge(bench, &verdict);
    object = json_object();
    view_json_set_text(object, "format", PROFILE_FORMAT);
    view_json_set_time(object, "measured", wall_ns);
    view_json_set_text(object, "source", pair->source);
    view_json_set_text(object, "target", pair->target);
    view_json_set_count(object, "window", r->connections);
    view_json_set_count(object, "requestBytes", r->request_bytes);
    view_json_set_count(object, "connections", r->connections);
    set_compress(object, r);
    view_json_set_count(object, "bytesPerSecond", r->estimate.bytes_per_s);
    if (r->estimate.known)
        view_json_set_count(object, "plusMinusBytesPerSecond", r->estimate.half_bytes_per_s);
    view_json_set_text(object, "bottleneck", bench_verdict_name(verdict.name));
    text = json_dumps(object, JSON_INDENT(2));
    json_decref(object);
    if (!text)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "--profile: no memory to write it");
    ok = durable_write(path, text, strlen(text), e);
    free(text);
    if (!ok)
        err_prefix(e, "--profile: ");
    return ok;
}
