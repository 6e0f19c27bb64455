/* options_check.c - see options_check.h. */
#include "tools/snapferry/options_check.h"

#include <string.h>

#include "tools/snapferry/arguments.h"

static const struct {
    uint32_t min, max;
    const char *wanted;
} ends[COMMANDS_COUNT] = {
    [COMMAND_COPY] = {2, OPTIONS_ENDS_MAX, "SOURCE and TARGET"},
    [COMMAND_PLAN] = {1, 2, "SOURCE, and perhaps TARGET"},
    [COMMAND_VERIFY] = {2, 2, "SOURCE and TARGET"},
    [COMMAND_SNAPSHOT] = {1, 1, "TARGET"},
    [COMMAND_RECEIVE] = {0, 0, ""},
    [COMMAND_MAP_BUILD] = {1, 1, "SOURCE"},
    [COMMAND_MAP_DIFF] = {2, 2, "two maps"},
    [COMMAND_MAP_SHOW] = {1, 1, "MAP"},
    [COMMAND_SEND] = {2, 2, "SOURCE and TARGET"},
    [COMMAND_EXPORT] = {1, 1, "SOURCE"},
    [COMMAND_APPLY] = {2, 2, "STREAM and TARGET"},
    [COMMAND_RUN] = {1, 1, "JOB.json, or - for the standard input"},
    [COMMAND_CTL] = {2, OPTIONS_ENDS_MAX, "the PATH that run was given as --control, and a verb"},
    [COMMAND_RP_LIST] = {0, 1, "perhaps a collection or a restore point"},
    [COMMAND_RP_STATUS] = {1, 1, "a restore POINT"},
    [COMMAND_RP_VERIFY] = {1, 1, "a restore POINT, or one DISK of it"},
    [COMMAND_RP_ACCESS] = {2, 2, "grant or revoke, and a restore point's DISK"},
    [COMMAND_RP_RESTORE] = {2, 2, "a restore point's DISK, and the file or device"},
    [COMMAND_RP_COPY] = {1, 1, "a restore POINT"},
    [COMMAND_BENCH] = {2, 2, "SOURCE, and TARGET: a container or a relay"},
};

/* What proves a copy: which of it goes together. */
static bool check_proofs(const struct options *o, struct err *e)
{
    static const char *const words[] = {
        "--manifest needs the hashes that --no-root leaves out",
        "--base-manifest needs --base",
        "--base-manifest serves --audit and --manifest; give one of them",
        "--audit needs --base-manifest, to know what did not change",
        "--sample compares SOURCE and TARGET, not with --manifest or --complete",
        "--seed needs --sample, or --audit",
        "--journal and --restart are for a whole comparison of SOURCE and TARGET",
        "--strip-footer and --add-footer need a SOURCE: a manifest knows its target's footer",
        "--strong is of the hashes of --map FILE",
        "--map finds by itself what changed: it goes without --base",
        "--manifest, --map, --journal and --state name one file: with several TARGETs leave them "
        "out",
    };
    bool copy = o->command == COMMAND_COPY || o->command == COMMAND_SEND;
    bool wrong[] = {
        copy && o->manifest && o->no_root,
        o->base_manifest && !o->base,
        o->base_manifest && !o->audit_ppm && !o->manifest,
        o->audit_ppm && !o->base_manifest,
        o->sample_ppm && options_target_only(o),
        o->seed != OPTIONS_SEED_DRAWN && !o->sample_ppm && !o->audit_ppm,
        (o->sample_ppm || options_target_only(o)) && (o->journal_path || o->restart),
        options_target_only(o) && (o->strip_footer || o->add_footer),
        copy && o->strong && !o->map,
        o->command == COMMAND_EXPORT && o->map && o->base,
        options_many_targets(o) && (o->manifest || o->map || o->journal_path || o->state_path),
    };

    _Static_assert(sizeof words / sizeof words[0] == sizeof wrong / sizeof wrong[0],
                   "a sentence for each");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (wrong[i])
            return err_set(e, ERR_USAGE, RETRY_NEVER, "%s", words[i]);
    return true;
}

bool options_check(const struct options *options, struct err *e)
{
    if (options_target_only(options) && options->ends_count < 1)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "this command needs TARGET");
    if (!options_target_only(options) && options->ends_count < ends[options->command].min)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "this command needs %s",
                       ends[options->command].wanted);
    if (options->command == COMMAND_MAP_BUILD && !options->output)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "this command needs -o MAP");
    if (options->command == COMMAND_EXPORT && !options->output)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "this command needs -o FILE, or -o -");
    if (options->command == COMMAND_RP_COPY && !options->rp.target)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "this command needs --to CONTAINER-URL");
    if (options->strong && options->like)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--like takes over how that map hashes: "
                       "it goes without --strong");
    if (options->strip_footer && options->add_footer)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--strip-footer and --add-footer exclude each other");
    if (options->base_id && !options->base)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--base-id needs --base");
    if (options->base_expires_s && !options->base)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--base-expires needs --base");
    if (options->window_max && options->window_start > options->window_max)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--window must not be above --max-window");
    if (!options->client_cert != !options->client_key)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--client-cert and --client-key go together: one file each, PEM");
    if (options->receive.index_folder && options->receive.no_index)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--index and --no-index exclude each other");
    if (options->run.detach && strcmp(options->ends[0], "-") != 0)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--detach is for a run whose job and commands come from the standard input");
    if (options->json && options->quiet)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--json and --quiet exclude each other");
    return check_proofs(options, e);
}

bool options_check_end(struct options *options, const char *argument, struct err *e)
{
    uint32_t max = options_target_only(options) ? 1 : ends[options->command].max;
    char shown[ARGUMENT_SHOWN_MAX_BYTES];

    if (options->ends_count == max)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "one argument too many: \"%s\"",
                       arguments_show(argument, shown));
    if (!*argument)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "an argument is empty");
    options->ends[options->ends_count++] = argument;
    return true;
}
