/* stage.c - see stage.h. */
#include "tools/snapferry/stage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* Several targets stand one after the other. */
enum { SPEC_SOURCE, SPEC_BASE, SPEC_TARGET, SPECS_COUNT = SPEC_TARGET + OPTIONS_TARGETS_MAX };

void stage_default_state_folder(const char *xdg_state_home, const char *home,
                                char out_folder[PATH_MAX])
{
    int length = 0;

    if (xdg_state_home && xdg_state_home[0] == '/') /* the specification: ignore relative ones */
        length = snprintf(out_folder, PATH_MAX, "%s/snapferry", xdg_state_home);
    else if (home && home[0] == '/')
        length = snprintf(out_folder, PATH_MAX, "%s/.local/state/snapferry", home);
    if (length <= 0 || length >= PATH_MAX)
        out_folder[0] = 0;
}

static bool choose_state_folder(struct stage *stage, struct err *e)
{
    const char *given = stage->options->state_folder;
    int length;

    if (!given) {
        stage_default_state_folder(getenv("XDG_STATE_HOME"), getenv("HOME"), stage->state_folder);
        return true;
    }
    length = snprintf(stage->state_folder, sizeof stage->state_folder, "%s", given);
    if (length >= (int)sizeof stage->state_folder)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--state-dir: the path is too long");
    return true;
}

static bool parse_more_targets(const struct options *options, struct end_spec specs[SPECS_COUNT],
                               struct err *e)
{
    for (uint32_t i = 2; options_many_targets(options) && i < options->ends_count; i++) {
        struct end_spec *spec = &specs[SPEC_TARGET + i - 1];

        if (!end_spec_parse(END_TARGET, options->ends[i], spec, e) ||
            !end_specs_check(&specs[SPEC_SOURCE], &specs[SPEC_BASE], spec, options, e))
            return false;
        for (struct end_spec *other = &specs[SPEC_TARGET]; other < spec; other++)
            if (!end_targets_check(other, spec, e))
                return false;
    }
    return true;
}

static bool parse_specs(const struct options *options, struct end_spec specs[SPECS_COUNT],
                        struct err *e)
{
    bool target_only = options_target_only(options);
    const char *source = target_only ? NULL : options->ends[0];
    const char *target = options->ends[target_only ? 0 : 1];
    bool ok = true;

    if (!target)
        target = "null:"; /* plan without TARGET */
    if (source)
        ok = options->command == COMMAND_APPLY
                 ? end_spec_parse_stream(END_SOURCE, source, &specs[SPEC_SOURCE], e)
                 : end_spec_parse(END_SOURCE, source, &specs[SPEC_SOURCE], e);
    if (ok && options->base)
        ok = end_spec_parse(END_BASE, options->base, &specs[SPEC_BASE], e);
    ok = ok &&
         (options->command == COMMAND_EXPORT
              ? end_spec_parse_stream(END_TARGET, options->output, &specs[SPEC_TARGET], e)
              : end_spec_parse(END_TARGET, target, &specs[SPEC_TARGET], e)) &&
         end_specs_check(&specs[SPEC_SOURCE], &specs[SPEC_BASE], &specs[SPEC_TARGET], options, e) &&
         parse_more_targets(options, specs, e);
    if (!ok)
        e->kind = ERR_USAGE; /* also an @FILE that cannot be read: nothing was touched */
    return ok;
}

static bool open_targets(struct stage *stage, struct end_spec *specs, struct err *e)
{
    for (uint32_t i = 0; i + 1 < stage->options->ends_count; i++) {
        stage->targets[i] = end_open(&stage->session, &specs[i], stage->options, e);
        if (!stage->targets[i])
            return false;
        if (stage->options->request_max_bytes)
            endpoint_limit_requests(stage->targets[i], stage->options->request_max_bytes);
        stage->targets_count = i + 1;
    }
    return true;
}

static bool open_specs(struct stage *stage, struct end_spec specs[SPECS_COUNT], struct err *e)
{
    struct endpoint **opened[] = {&stage->source, &stage->base, &stage->target};
    bool many = options_many_targets(stage->options);

    if (specs[SPEC_BASE].kind == END_BLOB) {
        stage->since = secret_url_full(&specs[SPEC_BASE].url, NULL);
        if (!stage->since)
            return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a URL");
    }
    if (specs[SPEC_BASE].kind == END_FILE) {
        stage->since = strdup(""); /* nobody is asked what changed since */
        if (!stage->since)
            return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a name");
    }
    for (size_t i = 0; i < (many ? SPEC_TARGET : SPEC_TARGET + 1); i++) {
        if (specs[i].kind == END_NONE)
            continue;
        *opened[i] = end_open(&stage->session, &specs[i], stage->options, e);
        if (!*opened[i])
            return false;
        if (stage->options->request_max_bytes)
            endpoint_limit_requests(*opened[i], stage->options->request_max_bytes);
    }
    return !many || open_targets(stage, &specs[SPEC_TARGET], e);
}

static void name_disk(struct stage *stage)
{
    const char *given = stage->options->source_id;

    view_name_disk(&stage->view, given           ? given
                                 : stage->target ? stage->target->name
                                                 : stage->source->name);
    if (!given && stage->target && stage->target->capabilities & ENDPOINT_DISCARDS && stage->source)
        view_name_disk(&stage->view, stage->source->name); /* "null:" tells nobody anything */
}

bool stage_open(struct stage *stage, const struct options *options, struct err *e)
{
    struct end_spec specs[SPECS_COUNT] = {{0}};
    const char *fallback;
    bool ok = false;

    memset(stage, 0, sizeof *stage);
    stage->options = options;
    clock_init_real(&stage->clock);
    view_init(&stage->view, view_pick(options->json, options->quiet), &stage->clock);
    if (!options_opens_ends(options)) {
        view_name_disk(&stage->view, options->ends_count ? options->ends[0] : "");
        return true;
    }
    if (getrandom(&stage->random_seed, sizeof stage->random_seed, 0) !=
        (ssize_t)sizeof stage->random_seed) {
        err_set_errno(e, errno, RETRY_NEVER, "the kernel gives no random bytes");
        goto out;
    }
    if (!parse_specs(options, specs, e) || !choose_state_folder(stage, e) ||
        !session_open(&stage->session, options, e) || !open_specs(stage, specs, e))
        goto out;
    name_disk(stage);
    if (!renewals_open(&stage->renewals, options, &stage->session, &stage->view,
                       (struct endpoint *[]){stage->source, stage->base, stage->target}, e))
        goto out;
    view_begin(&stage->view);
    fallback = reactor_fallback_reason(stage->session.reactor);
    if (fallback)
        view_say(&stage->view, fallback);
    if (stage->session.http && http_fewer_threads(stage->session.http))
        view_say(&stage->view, http_fewer_threads(stage->session.http)->text);
    ok = true;
out:
    for (size_t i = 0; i < SPECS_COUNT; i++)
        end_spec_fini(&specs[i]);
    return ok;
}

void stage_close(struct stage *stage)
{
    renewals_close(&stage->renewals);
    endpoint_close(stage->source);
    endpoint_close(stage->base);
    endpoint_close(stage->target);
    for (uint32_t i = 0; i < stage->targets_count; i++)
        endpoint_close(stage->targets[i]);
    secret_wipe_free(stage->since);
    session_close(&stage->session);
    memset(stage, 0, sizeof *stage);
}

uint64_t stage_seed(const struct stage *stage)
{
    if (stage->options->seed != OPTIONS_SEED_DRAWN)
        return stage->options->seed;
    return stage->random_seed >> 32; /* short enough to be typed */
}

void stage_run(struct stage *stage, const struct session_work *work)
{
    struct view_outcome outcome = {.status = STATUS_FAILED};

    if (session_run(&stage->session, work, &outcome.error))
        return;
    view_end(&stage->view, &outcome);
    fflush(stdout);
    _exit(STATUS_FAILED); /* requests are in flight that nobody can end: nothing may be freed */
}
