/* options.c - see options.h. One table; everything else walks it. */
#include "tools/snapferry/options.h"

#include <assert.h>
#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "blockmap/stream_pack.h"
#include "io/compress_level.h"
#include "io/secret.h"
#include "tools/snapferry/arguments.h"
#include "tools/snapferry/options_check.h"
#include "tools/snapferry/share_text.h"
#include "tools/snapferry/size_text.h"

#define OPTIONS_COUNT_MAX 96u
#define COMPRESS_UNASKED  0   /* no level of zstd, nor one of the others */
#define OPTIONS_FIRST_VAL 256 /* what getopt_long gives for a row: none of its own characters */

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_SIZE,
    OPTION_COUNT,
    OPTION_SHARE,
    OPTION_CHOICE,
    OPTION_LEVEL,
    OPTION_THREADS, /* a count, or auto: 0 */
    OPTION_TIME     /* in seconds since 1970 */
};

struct option_row {
    const char *name;
    enum option_kind kind;
    unsigned commands; /* bits of enum command_id */
    size_t at;         /* offset in struct options of a bool, const char *, uint64_t or int */
    uint64_t min, max; /* SIZE, COUNT */
    const char
        *choices; /* CHOICE: "first second ", each followed by a blank; the value is the index */
};

#define SEND      (1u << COMMAND_SEND)
#define COPY_ONLY (1u << COMMAND_COPY)
#define COPY      (COPY_ONLY | SEND) /* send is a copy, but to a receiver */
#define PLAN      (1u << COMMAND_PLAN)
#define VERIFY    (1u << COMMAND_VERIFY)
#define SNAPSHOT  (1u << COMMAND_SNAPSHOT)
#define BUILD     (1u << COMMAND_MAP_BUILD)
#define DIFF      (1u << COMMAND_MAP_DIFF)
#define SHOW      (1u << COMMAND_MAP_SHOW)
#define RECEIVE   (1u << COMMAND_RECEIVE)
#define EXPORT    (1u << COMMAND_EXPORT)
#define APPLY     (1u << COMMAND_APPLY)
#define RUN       (1u << COMMAND_RUN)
#define CTL       (1u << COMMAND_CTL)
#define RP_STATUS (1u << COMMAND_RP_STATUS)
#define RP_ACCESS (1u << COMMAND_RP_ACCESS)
#define RP_COPY   (1u << COMMAND_RP_COPY)
#define RP_MOVING (1u << COMMAND_RP_RESTORE | RP_COPY)
#define RP        (1u << COMMAND_RP_LIST | 1u << COMMAND_RP_VERIFY | RP_STATUS | RP_ACCESS | RP_MOVING)
#define BENCH     (1u << COMMAND_BENCH)
#define KNOWING   (COPY | PLAN | VERIFY | SNAPSHOT)  /* what is kept in the state folder */
#define MOVING    (KNOWING | BUILD | EXPORT | APPLY) /* talks to ends */
#define SERVING   (MOVING | RECEIVE | RUN | BENCH)   /* turns a reactor */
#define EVERY     (SERVING | DIFF | SHOW | CTL | RP)
#define AT(field) offsetof(struct options, field)

static const struct option_row rows[] = {
    {"base", OPTION_TEXT, COPY | PLAN | EXPORT, AT(base), 0, 0, NULL},
    {"verify", OPTION_FLAG, COPY | RP_MOVING, AT(verify), 0, 0, NULL},
    {"path", OPTION_CHOICE, COPY_ONLY, AT(path), 0, 0, "client server auto "},
    {"strip-footer", OPTION_FLAG, COPY | PLAN | VERIFY | RP_MOVING, AT(strip_footer), 0, 0, NULL},
    {"add-footer", OPTION_FLAG, COPY | PLAN | VERIFY, AT(add_footer), 0, 0, NULL},
    {"source-id", OPTION_TEXT, COPY | PLAN | VERIFY | EXPORT, AT(source_id), 0, 0, NULL},
    {"base-id", OPTION_TEXT, COPY | PLAN | EXPORT, AT(base_id), 0, 0, NULL},
    {"state-dir", OPTION_TEXT, KNOWING | APPLY | RUN | RP_MOVING | BENCH, AT(state_folder), 0, 0,
     NULL},
    {"state", OPTION_TEXT, COPY_ONLY | PLAN | VERIFY | APPLY, AT(state_path), 0, 0, NULL},
    {"journal", OPTION_TEXT, COPY | VERIFY | APPLY, AT(journal_path), 0, 0, NULL},
    {"restart", OPTION_FLAG, COPY | VERIFY | APPLY | RUN | RP_MOVING, AT(restart), 0, 0, NULL},
    {"coalesce", OPTION_SIZE, COPY | PLAN, AT(coalesce_bytes), 0, 1ull << 40, NULL},
    {"no-root", OPTION_FLAG, COPY, AT(no_root), 0, 0, NULL},
    {"manifest", OPTION_TEXT, COPY | VERIFY, AT(manifest), 0, 0, NULL},
    {"base-manifest", OPTION_TEXT, COPY, AT(base_manifest), 0, 0, NULL},
    {"map", OPTION_TEXT, COPY_ONLY | EXPORT, AT(map), 0, 0, NULL},
    {"strong", OPTION_FLAG, COPY_ONLY | BUILD, AT(strong), 0, 0, NULL},
    {"audit", OPTION_SHARE, COPY, AT(audit_ppm), 0, 0, NULL},
    {"sample", OPTION_SHARE, VERIFY, AT(sample_ppm), 0, 0, NULL},
    {"seed", OPTION_COUNT, COPY | VERIFY, AT(seed), 0, OPTIONS_SEED_MAX, NULL},
    {"complete", OPTION_FLAG, VERIFY, AT(complete), 0, 0, NULL},
    {"output", OPTION_TEXT, BUILD | EXPORT | RP_ACCESS, AT(output), 0, 0, NULL},
    {"like", OPTION_TEXT, BUILD, AT(like), 0, 0, NULL},
    {"diff", OPTION_TEXT, SHOW, AT(other_map), 0, 0, NULL},
    {"listen", OPTION_TEXT, RECEIVE, AT(receive.listen), 0, 0, NULL},
    {"target-root", OPTION_TEXT, RECEIVE, AT(receive.target_root), 0, 0, NULL},
    {"tls-cert", OPTION_TEXT, RECEIVE, AT(receive.tls_cert), 0, 0, NULL},
    {"tls-key", OPTION_TEXT, RECEIVE, AT(receive.tls_key), 0, 0, NULL},
    {"client-ca", OPTION_TEXT, RECEIVE, AT(receive.client_ca), 0, 0, NULL},
    {"index", OPTION_TEXT, RECEIVE, AT(receive.index_folder), 0, 0, NULL},
    {"no-index", OPTION_FLAG, RECEIVE, AT(receive.no_index), 0, 0, NULL},
    {"index-bytes", OPTION_SIZE, RECEIVE, AT(receive.index_bytes), OPTIONS_INDEX_MIN_BYTES,
     OPTIONS_INDEX_MAX_BYTES, NULL},
    {"memory", OPTION_SIZE,
     COPY | VERIFY | BUILD | EXPORT | APPLY | RECEIVE | RUN | RP_MOVING | BENCH, AT(memory_bytes),
     OPTIONS_MEMORY_MIN_BYTES, BUFPOOL_MAX_BYTES, NULL},
    {"window", OPTION_COUNT, COPY | VERIFY | BUILD | EXPORT | APPLY, AT(window_start), 1,
     OPTIONS_WINDOW_MAX, NULL},
    {"max-window", OPTION_COUNT, COPY | VERIFY | BUILD | EXPORT | APPLY, AT(window_max), 1,
     OPTIONS_WINDOW_MAX, NULL},
    {"direct", OPTION_CHOICE, COPY | VERIFY | BUILD | EXPORT | APPLY | RECEIVE, AT(direct), 0, 0,
     "auto on off "},
    {"renew-command", OPTION_TEXT, COPY | PLAN | VERIFY | BUILD | EXPORT | APPLY, AT(renew_command),
     0, 0, NULL},
    {"renew-wait", OPTION_COUNT, COPY | PLAN | VERIFY | BUILD | EXPORT | APPLY | RUN,
     AT(renew_wait_s), 1, OPTIONS_RENEW_WAIT_MAX_S, NULL},
    {"source-expires", OPTION_TIME, COPY | PLAN | VERIFY | BUILD | EXPORT, AT(source_expires_s), 0,
     0, NULL},
    {"base-expires", OPTION_TIME, COPY | PLAN | EXPORT, AT(base_expires_s), 0, 0, NULL},
    {"target-expires", OPTION_TIME, COPY_ONLY | PLAN | VERIFY | APPLY, AT(target_expires_s), 0, 0,
     NULL},
    {"client-cert", OPTION_TEXT, SEND | VERIFY | BENCH, AT(client_cert), 0, 0, NULL},
    {"client-key", OPTION_TEXT, SEND | VERIFY | BENCH, AT(client_key), 0, 0, NULL},
    {"compress", OPTION_LEVEL, SEND | EXPORT | BENCH, AT(compress), 0, 0, NULL},
    {"no-dedup", OPTION_FLAG, SEND | EXPORT, AT(no_dedup), 0, 0, NULL},
    {"control", OPTION_TEXT, RUN, AT(run.control), 0, 0, NULL},
    {"detach", OPTION_FLAG, RUN, AT(run.detach), 0, 0, NULL},
    {"metrics", OPTION_TEXT, RUN, AT(run.metrics), 0, 0, NULL},
    {"threads", OPTION_THREADS, COPY | VERIFY | BUILD | EXPORT | APPLY | RUN | RP_MOVING | BENCH,
     AT(threads), 1, HTTP_THREADS_MAX, NULL},
    {"restore-point", OPTION_TEXT, CTL, AT(run.point), 0, 0, NULL},
    {"expires", OPTION_TIME, CTL, AT(run.expires_s), 0, 0, NULL},
    {"endpoint", OPTION_TEXT, RP, AT(rp.endpoint), 0, 0, NULL},
    {"token", OPTION_TEXT, RP, AT(rp.token), 0, 0, NULL},
    {"subscription", OPTION_TEXT, RP, AT(rp.subscription), 0, 0, NULL},
    {"group", OPTION_TEXT, RP, AT(rp.group), 0, 0, NULL},
    {"api-version", OPTION_TEXT, RP, AT(rp.api_version), 0, 0, NULL},
    {"to", OPTION_TEXT, RP_COPY, AT(rp.target), 0, 0, NULL},
    {"duration", OPTION_COUNT, RP_ACCESS | RP_MOVING, AT(rp.duration_s), OPTIONS_ACCESS_MIN_S,
     OPTIONS_ACCESS_MAX_S, NULL},
    {"profile", OPTION_TEXT, COPY | RUN | BENCH, AT(profile), 0, 0, NULL},
    {"html", OPTION_TEXT, BENCH, AT(bench.html), 0, 0, NULL},
    {"budget-bytes", OPTION_SIZE, BENCH, AT(bench.budget_bytes), OPTIONS_BUDGET_MIN_BYTES,
     OPTIONS_BUDGET_MAX_BYTES, NULL},
    {"duration", OPTION_COUNT, BENCH, AT(bench.duration_s), 1, OPTIONS_BENCH_DURATION_MAX, NULL},
    {"request-sizes", OPTION_TEXT, BENCH, AT(bench.sizes), 0, 0, NULL},
    {"connections", OPTION_TEXT, BENCH, AT(bench.connections), 0, 0, NULL},
    {"watch", OPTION_FLAG, RP_STATUS, AT(rp.watch), 0, 0, NULL},
    {"io", OPTION_CHOICE, SERVING | RP, AT(backend), 0, 0, "auto uring epoll "},
    {"cacert", OPTION_TEXT, SERVING | RP, AT(ca_file), 0, 0, NULL},
    {"allow-http", OPTION_FLAG, SERVING | RP_MOVING, AT(allow_http), 0, 0, NULL},
    {"json", OPTION_FLAG, EVERY, AT(json), 0, 0, NULL},
    {"quiet", OPTION_FLAG, EVERY, AT(quiet), 0, 0, NULL},
    {"help", OPTION_FLAG, EVERY, AT(help), 0, 0, NULL},
};
#define ROWS_COUNT (sizeof rows / sizeof rows[0])
_Static_assert(ROWS_COUNT < OPTIONS_COUNT_MAX, "the table of getopt_long has room for all");
_Static_assert(COPY_PATH_CLIENT == 0 && COPY_PATH_SERVER == 1 && COPY_PATH_AUTO == 2,
               "choices of --path");
_Static_assert(REACTOR_AUTO == 0 && REACTOR_URING == 1 && REACTOR_EPOLL == 2, "choices of --io");
_Static_assert(ENDPOINT_FILE_DIRECT_AUTO == 0 && ENDPOINT_FILE_DIRECT_ON == 1 &&
                   ENDPOINT_FILE_DIRECT_OFF == 2,
               "choices of --direct");

static bool set_number(struct options *options, const struct option_row *row, const char *value,
                       struct err *e)
{
    char shown[ARGUMENT_SHOWN_MAX_BYTES];
    uint64_t number;

    if (!size_text_parse(value, &number) ||
        (row->kind != OPTION_SIZE && value[strspn(value, "0123456789")]))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--%s takes a %s, not \"%s\"", row->name,
                       row->kind == OPTION_SIZE    ? "size such as 64M"
                       : row->kind == OPTION_COUNT ? "number"
                                                   : "number or auto",
                       arguments_show(value, shown));
    if (number < row->min || number > row->max)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--%s must be between %" PRIu64 " and %" PRIu64 ", not %s", row->name,
                       row->min, row->max, arguments_show(value, shown));
    memcpy((char *)options + row->at, &number, sizeof number);
    return true;
}

static bool set_time(struct options *options, const struct option_row *row, const char *value,
                     struct err *e)
{
    char shown[ARGUMENT_SHOWN_MAX_BYTES];
    uint64_t at_s = secret_time_s(value);

    if (!at_s)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--%s takes a time such as 2026-01-31T18:00:00Z, not \"%s\"", row->name,
                       arguments_show(value, shown));
    memcpy((char *)options + row->at, &at_s, sizeof at_s);
    return true;
}

static bool set_share(struct options *options, const struct option_row *row, const char *value,
                      struct err *e)
{
    char shown[ARGUMENT_SHOWN_MAX_BYTES];
    uint64_t ppm;

    if (!share_text_parse(value, &ppm))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--%s takes a share such as 1%% or 0.5%%, up to 100%%, not \"%s\"",
                       row->name, arguments_show(value, shown));
    memcpy((char *)options + row->at, &ppm, sizeof ppm);
    return true;
}

static bool set_choice(struct options *options, const struct option_row *row, const char *value,
                       struct err *e)
{
    char shown[ARGUMENT_SHOWN_MAX_BYTES];
    int index = 0;

    for (const char *at = row->choices; *at; at = strchr(at, ' ') + 1, index++) {
        size_t length = (size_t)(strchr(at, ' ') - at);

        if (strlen(value) == length && strncmp(at, value, length) == 0) {
            memcpy((char *)options + row->at, &index, sizeof index);
            return true;
        }
    }
    return err_set(e, ERR_USAGE, RETRY_NEVER, "--%s takes one of: %sand not \"%s\"", row->name,
                   row->choices, arguments_show(value, shown));
}

/* auto, off, or a level of zstd. */
static bool set_level(struct options *options, const struct option_row *row, const char *value,
                      struct err *e)
{
    bool faster = value[0] == '-';
    char shown[ARGUMENT_SHOWN_MAX_BYTES];
    uint64_t number = 0;
    int level = COMPRESS_AUTO;

    if (strcmp(value, "off") == 0) {
        level = STREAM_LEVEL_RAW;
    } else if (strcmp(value, "auto") != 0) {
        if (value[faster] && !value[faster + strspn(value + faster, "0123456789")] &&
            size_text_parse(value + faster, &number) && number <= STREAM_LEVEL_MAX)
            level = faster ? -(int)number : (int)number;
        if (number == 0 || level < STREAM_LEVEL_MIN || level > STREAM_LEVEL_MAX)
            return err_set(e, ERR_USAGE, RETRY_NEVER,
                           "--%s takes auto, off or a level of zstd from %d to %d but 0, not "
                           "\"%s\"",
                           row->name, STREAM_LEVEL_MIN, STREAM_LEVEL_MAX,
                           arguments_show(value, shown));
    }
    memcpy((char *)options + row->at, &level, sizeof level);
    return true;
}

static bool set_option(struct options *options, const struct option_row *row, const char *value,
                       struct err *e)
{
    bool yes = true;

    switch (row->kind) {
    case OPTION_FLAG:
        memcpy((char *)options + row->at, &yes, sizeof yes);
        return true;
    case OPTION_TEXT:
        if (!*value)
            return err_set(e, ERR_USAGE, RETRY_NEVER, "--%s must not be empty", row->name);
        memcpy((char *)options + row->at, &value, sizeof value);
        return true;
    case OPTION_SIZE:
    case OPTION_COUNT:
        return set_number(options, row, value, e);
    case OPTION_SHARE:
        return set_share(options, row, value, e);
    case OPTION_CHOICE:
        return set_choice(options, row, value, e);
    case OPTION_LEVEL:
        return set_level(options, row, value, e);
    case OPTION_THREADS:
        if (strcmp(value, "auto") != 0)
            return set_number(options, row, value, e);
        memset((char *)options + row->at, 0, sizeof(uint64_t));
        return true;
    case OPTION_TIME:
        return set_time(options, row, value, e);
    }
    return true;
}

/* The rows of one command as getopt_long wants them. */
static void long_options(enum command_id command, struct option out[OPTIONS_COUNT_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < ROWS_COUNT; i++) {
        if (!(rows[i].commands & 1u << command))
            continue;
        out[count++] = (struct option){
            .name = rows[i].name,
            .has_arg = rows[i].kind == OPTION_FLAG ? no_argument : required_argument,
            .val = OPTIONS_FIRST_VAL + (int)i,
        };
    }
    out[count] = (struct option){0};
}

/* -o, where the command has --output; 0: it has none. */
static int output_row(enum command_id command)
{
    for (size_t i = 0; i < ROWS_COUNT; i++)
        if (rows[i].commands & 1u << command && strcmp(rows[i].name, "output") == 0)
            return OPTIONS_FIRST_VAL + (int)i;
    return 0;
}

/* getopt_long takes beginnings of names. Of --token none counts: "--to URL", where there is no --to, would
 * make a SAS the token. */
static bool is_spelt_out(const struct option_row *row, char *const *arguments)
{
    size_t length = strlen(row->name);

    if (row->at != AT(rp.token))
        return true;
    for (int i = optind - 1; i > 0 && i >= optind - 2; i--)
        if (strncmp(arguments[i], "--", 2) == 0 &&
            strncmp(arguments[i] + 2, row->name, length) == 0)
            return true;
    return false;
}

bool options_parse(struct options *out_options, enum command_id command, int count,
                   char **arguments, struct err *e)
{
    struct options options = {
        .command = command,
        .memory_bytes = command == COMMAND_RUN ? 0 : OPTIONS_MEMORY_DEFAULT_BYTES,
        .threads = 1,
        .coalesce_bytes = COPY_COALESCE_DEFAULT,
        .target = 1,
        .seed = OPTIONS_SEED_DRAWN,
        .compress = COMPRESS_UNASKED,
        .renew_wait_s = OPTIONS_RENEW_WAIT_S,
        .rp = {.duration_s = OPTIONS_ACCESS_S},
        .bench = {.budget_bytes = OPTIONS_BUDGET_BYTES, .duration_s = OPTIONS_BENCH_DURATION_S},
        .receive = {.index_bytes = OPTIONS_INDEX_DEFAULT_BYTES}};
    struct option names[OPTIONS_COUNT_MAX];
    char shown[ARGUMENT_SHOWN_MAX_BYTES];
    int output = output_row(command);
    int found;

    long_options(command, names);
    opterr = 0;
    optind = 0; /* glibc: begin anew */
    while ((found = getopt_long(count, arguments, output ? ":ho:" : ":h", names, NULL)) != -1) {
        if (found == 'o')
            found = output;
        if (found == 'h')
            options.help = true;
        else if (found == ':')
            return err_set(e, ERR_USAGE, RETRY_NEVER, "%s needs a value",
                           arguments_show(arguments[optind - 1], shown));
        else if (found == '?' || !is_spelt_out(&rows[found - OPTIONS_FIRST_VAL], arguments))
            return err_set(e, ERR_USAGE, RETRY_NEVER, "%s is not an option of this command",
                           arguments_show(arguments[optind - 1], shown));
        else if (!set_option(&options, &rows[found - OPTIONS_FIRST_VAL], optarg, e))
            return false;
    }
    if (!options.help) {
        for (int i = optind; i < count; i++)
            if (!options_check_end(&options, arguments[i], e))
                return false;
        if (!options_check(&options, e))
            return false;
    }
    options.compress_asked = options.compress != COMPRESS_UNASKED;
    if (!options.compress_asked)
        options.compress = COMPRESS_AUTO;
    options.footer = options.strip_footer ? COPY_FOOTER_STRIP
                     : options.add_footer ? COPY_FOOTER_ADD
                                          : COPY_FOOTER_KEEP;
    *out_options = options;
    return true;
}

bool options_many_targets(const struct options *options)
{
    return options->command == COMMAND_COPY && options->ends_count > 2;
}

bool options_target_only(const struct options *options)
{
    return options->command == COMMAND_SNAPSHOT ||
           (options->command == COMMAND_VERIFY && (options->manifest || options->complete));
}

bool options_opens_ends(const struct options *options)
{
    return MOVING & 1u << options->command;
}

bool options_wants_json(int count, char *const *arguments)
{
    for (int i = 1; i < count && strcmp(arguments[i], "--") != 0; i++)
        if (strcmp(arguments[i], "--json") == 0)
            return true;
    return false;
}

const char *options_name_at(enum command_id command, unsigned index)
{
    for (size_t i = 0; i < ROWS_COUNT; i++)
        if (rows[i].commands & 1u << command && index-- == 0)
            return rows[i].name;
    return NULL;
}
