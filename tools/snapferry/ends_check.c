/* ends_check.c - which ends make sense together; see ends.h. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "engine/end_key.h"
#include "io/endpoint_stream_out.h"
#include "tools/snapferry/ends.h"

static const char *end_name(enum end_role role)
{
    static const char *const names[] = {"SOURCE", "PREVIOUS (--base)", "TARGET"};

    return names[role];
}

bool end_url_check(enum end_role role, const struct secret_url *url, bool allow_http, struct err *e)
{
    if (!secret_url_has_signature(url))
        return err_set(
            e, ERR_USAGE, RETRY_NEVER,
            "%s: the URL has no SAS (no signature behind its '?'); quote it for the shell",
            end_name(role));
    if (!url->tls && !url->loopback && !allow_http)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%s: http:// would send the SAS to %s in clear; use https:// or say "
                       "--allow-http",
                       end_name(role), url->host);
    return true;
}

static bool check_access(const struct end_spec *spec, bool allow_http, struct err *e)
{
    return spec->kind != END_BLOB || end_url_check(spec->role, &spec->url, allow_http, e);
}

/* ---- The same place? ---- */

static bool same_blob(const struct secret_url *a, const struct secret_url *b)
{
    return end_key_same(end_key_blob(a, NULL), end_key_blob(b, NULL));
}

static bool same_end(const struct end_spec *a, const struct end_spec *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == END_BLOB)
        return end_key_same(end_key_blob(&a->url, a->url.snapshot),
                            end_key_blob(&b->url, b->url.snapshot));
    return a->kind == END_FILE && end_key_same_file(a->path, b->path);
}

/* ---- Rules ---- */

static bool is_point_in_time(const struct end_spec *spec)
{
    return spec->kind == END_BLOB && (spec->url.snapshot || spec->url.managed_disk);
}

static bool check_base(const struct end_spec *source, const struct end_spec *base,
                       const struct options *options, struct err *e)
{
    if (base->kind == END_NONE)
        return true;
    /* A file cannot tell what changed; a base beside it is read and compared with it. */
    if (source->kind == END_FILE && base->kind == END_FILE && options->command == COMMAND_COPY)
        return true;
    if (!is_point_in_time(source))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--base needs a SOURCE that is a snapshot: a page-blob URL with snapshot=, "
                       "or one of a managed disk");
    if (!is_point_in_time(base))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--base must be a snapshot: a page-blob URL with snapshot=, or one of a "
                       "managed disk");
    if (same_end(source, base))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "SOURCE and --base are the same snapshot");
    if (!source->url.managed_disk && !same_blob(&source->url, &base->url))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "SOURCE and --base must be snapshots of one blob, these are of two");
    return true;
}

/* ---- The files of a command ---- */

#define SIDECAR_ENDING ".snapferry"
#define VERIFY_ENDING  ".verify"
#define MAKING_ENDING  ".making"
#define FRESH_ENDING   ".new" /* of what is written whole and renamed */

struct own_file {
    const char *name; /* as a person says it */
    const char *path; /* NULL: not given */
};

static const char *longer(const char *path, const char *ending, char out_path[PATH_MAX])
{
    int length = path ? snprintf(out_path, PATH_MAX, "%s%s", path, ending) : -1;

    return length < 0 || length >= PATH_MAX ? NULL : out_path;
}

/* No file that is written or read may be another one too: the later writer would take the place of the
 * earlier one's work, and a copy that ends drops its journal. */
static bool check_files(const struct end_spec *source, const struct end_spec *base,
                        const struct end_spec *target, const struct options *options, struct err *e)
{
    const char *disk = target->kind == END_FILE ? target->path : NULL;
    const char *stream = source->kind == END_STREAM   ? source->path
                         : target->kind == END_STREAM ? target->path
                                                      : NULL;
    const char *state = options->state_path;
    char sidecar[PATH_MAX], verify[PATH_MAX], part[PATH_MAX], making[PATH_MAX];
    char fresh_map[PATH_MAX], fresh_manifest[PATH_MAX];
    const struct own_file files[] = {
        {"SOURCE", source->kind == END_FILE ? source->path : NULL},
        {"--base", base->kind == END_FILE ? base->path : NULL},
        {"TARGET", disk},
        {"the stream", stream && strcmp(stream, "-") == 0 ? NULL : stream},
        {"the stream's unfinished file",
         target->kind == END_STREAM ? longer(target->path, STREAM_PART_SUFFIX, part) : NULL},
        {state ? "--state" : "TARGET's state file",
         state ? state : longer(disk, SIDECAR_ENDING, sidecar)},
        {"--base-manifest", options->base_manifest},
        {"--manifest", options->manifest},
        {"the new file of --manifest", longer(options->manifest, FRESH_ENDING, fresh_manifest)},
        {"--map", options->map},
        {"the unfinished file of --map", longer(options->map, MAKING_ENDING, making)},
        {"the new file of --map", longer(options->map, FRESH_ENDING, fresh_map)},
        {"--journal", options->journal_path},
        {"the verify's journal beside --journal",
         options->command == COMMAND_COPY || options->command == COMMAND_SEND
             ? longer(options->journal_path, VERIFY_ENDING, verify)
             : NULL},
    };

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        for (size_t j = 0; j < i; j++)
            if (files[i].path && files[j].path && end_key_same_file(files[i].path, files[j].path))
                return err_set(e, ERR_USAGE, RETRY_NEVER,
                               "%s and %s are the same file; name another", files[j].name,
                               files[i].name);
    return true;
}

static bool check_state(const struct end_spec *target, const struct options *options, struct err *e)
{
    if (options->state_path && target->kind != END_FILE)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--state is for a TARGET that is a file or block device");
    if (options->command == COMMAND_APPLY && target->kind == END_NULL)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "TARGET: null: keeps nothing that a stream could refer back to");
    if (options_target_only(options) && target->kind == END_NULL)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "TARGET: null: holds nothing to look at");
    return true;
}

/* A relay is sent to, and read back by verify; everything that goes there shows a certificate. */
static bool check_relay(const struct end_spec *target, const struct options *options, struct err *e)
{
    bool relay = target->kind == END_RELAY;

    if (options->command == COMMAND_SEND && !relay)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "TARGET of send is relay:https://HOST:PORT/NAME, where snapferry receive "
                       "listens; to all else copy");
    if (relay && options->command != COMMAND_SEND && options->command != COMMAND_VERIFY)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "TARGET: to a relay: snapferry send SOURCE relay:https://HOST:PORT/NAME");
    if (relay && !options->client_cert)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "TARGET: a receiver wants to see a certificate: --client-cert FILE "
                       "--client-key FILE");
    if (!relay && options->client_cert)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--client-cert and --client-key are for a TARGET that is a relay:");
    return true;
}

bool end_specs_check(const struct end_spec *source, const struct end_spec *base,
                     const struct end_spec *target, const struct options *options, struct err *e)
{
    const struct end_spec *all[] = {source, base, target};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (!check_access(all[i], options->allow_http, e))
            return false;
    if (target->kind == END_BLOB && target->url.snapshot && options->command != COMMAND_VERIFY)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "TARGET: the URL names a snapshot, and a snapshot cannot change");
    if (same_end(source, target))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "SOURCE and TARGET are the same");
    return check_relay(target, options, e) && check_state(target, options, e) &&
           check_base(source, base, options, e) && check_files(source, base, target, options, e);
}

bool end_targets_check(const struct end_spec *one, const struct end_spec *other, struct err *e)
{
    return !same_end(one, other) ||
           err_set(e, ERR_USAGE, RETRY_NEVER, "two of the TARGETs are the same");
}
