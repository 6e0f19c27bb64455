/* command_restore_point_access.c - snapferry restore-point access: a SAS of one disk, to a file or, when
 * asked for by name, to stdout; and its end.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/durable.h"
#include "tools/snapferry/rp_access.h"
#include "tools/snapferry/view_json.h"

/* stdout is asked for by name only, and nothing else is written there then. */
static bool write_url(const struct rp_grant *grant, const char *output, struct err *e)
{
    char *line = NULL;
    int bytes = asprintf(&line, "%s\n", grant->url);
    bool ok;

    if (bytes < 0)
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a URL");
    if (strcmp(output, "-") != 0) {
        ok = durable_write(output, line, (size_t)bytes, e);
    } else {
        ok = fflush(stdout) == 0 && write(STDOUT_FILENO, line, (size_t)bytes) == bytes;
        if (!ok)
            err_set(e, ERR_IO, RETRY_NEVER, "the URL could not be written");
    }
    secret_wipe_free(line);
    return ok;
}

static void show_granted(struct view *view, const struct rp_grant *grant, const char *output)
{
    json_t *event;

    if (strcmp(output, "-") == 0 || view->kind == VIEW_QUIET)
        return;
    if (view->kind != VIEW_JSON) {
        printf("Access to %s is granted, and its URL is in %s.\n", grant->name, output);
        return;
    }
    event = view_json_event(clock_wall_ns(view->clock), "access", NULL);
    view_json_set_text(event, "diskRestorePoint", grant->name);
    view_json_set_text(event, "output", output);
    view_json_set_time(event, "expiresOn", grant->expires_s * NS_PER_S);
    view_json_print(event);
}

/* A URL that nobody was given must not stay good. */
static void give(struct rp_desk *desk, struct rp_grant *grant, struct err *e)
{
    struct rp_grant *const alone[] = {grant};
    const char *output = desk->options->output;
    struct err ignored = {0};

    if (rp_grant_all(desk, alone, 1, e) && write_url(grant, output, e)) {
        show_granted(&desk->stage->view, grant, output);
        if (strcmp(output, "-") == 0)
            view_init(&desk->stage->view, VIEW_QUIET, &desk->stage->clock); /* it stands alone */
        secret_wipe_free(grant->url);
        grant->url = NULL;
        return;
    }
    rp_grant_end_all(desk, alone, 1, &ignored);
}

static void end(struct rp_desk *desk, const struct rp_grant *grant, struct err *e)
{
    struct view *view = &desk->stage->view;

    if (rp_ask(desk, HTTP_POST, &grant->id, "/endGetAccess", "", NULL, NULL, e) &&
        view->kind != VIEW_JSON && view->kind != VIEW_QUIET)
        printf("Access to %s is ended.\n", grant->name);
}

void command_restore_point_access(struct stage *stage, struct view_outcome *outcome)
{
    const struct options *options = stage->options;
    bool grants = strcmp(options->ends[0], "grant") == 0;
    char name[RP_ID_MAX_BYTES];
    struct rp_desk desk;
    struct rp_grant grant = {.name = name};
    struct err *e = &outcome->error;

    if (!grants && strcmp(options->ends[0], "revoke") != 0)
        err_set(e, ERR_USAGE, RETRY_NEVER, "access is followed by grant or revoke");
    else if (grants && !options->output)
        err_set(e, ERR_USAGE, RETRY_NEVER, "grant needs -o FILE, or -o - for the standard output");
    else if (!grants && options->output)
        err_set(e, ERR_USAGE, RETRY_NEVER, "-o goes with grant");
    else if (rp_desk_open(&desk, stage, e)) {
        if (rp_desk_id(&desk, options->ends[1], RP_PARTS, RP_PARTS, &grant.id, e)) {
            rp_id_text(&grant.id, name);
            if (grants)
                give(&desk, &grant, e);
            else
                end(&desk, &grant, e);
        }
        rp_desk_close(&desk, outcome);
    }
}
