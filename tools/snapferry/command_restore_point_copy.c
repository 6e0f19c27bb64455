/* command_restore_point_copy.c - snapferry restore-point copy and restore: access, base, the copy itself, and
 * the end of access whatever happened.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/snapferry/ends.h"
#include "tools/snapferry/rp_carry.h"
#include "tools/snapferry/view_json.h"

struct moving {
    struct rp_desk desk;
    struct rp_point point; /* of restore: with that one disk */
    struct rp_leg *legs;   /* owned; as many as the point has disks */
    char state_folder[PATH_MAX];
};

/* ---- What is to be moved ---- */

static bool check_complete(const char *what, enum rp_state state, struct err *e)
{
    if (state == RP_FAILED)
        return err_set(e, ERR_GONE, RETRY_NEVER, "%.200s: its replication failed", what);
    if (state == RP_RUNS)
        return err_set(e, ERR_CONFLICT, RETRY_LATER,
                       "%.200s is not complete yet; see restore-point status", what);
    return true;
}

static bool find_disks(struct moving *m, const struct rp_id *id, struct err *e)
{
    if (!rp_ask_point(&m->desk, id, &m->point, e) ||
        !check_complete(m->point.name, m->point.state, e))
        return false;
    for (unsigned i = 0; i < m->point.disks_count; i++)
        if (!rp_ask_disk(&m->desk, &m->point.disks[i], e))
            return false;
    return true;
}

static bool find_disk(struct moving *m, const struct rp_id *id, struct err *e)
{
    m->point.disks = calloc(1, sizeof *m->point.disks);
    if (!m->point.disks)
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a disk");
    m->point.disks_count = 1;
    m->point.disks->id = *id;
    rp_id_text(id, m->point.id_text);
    *strstr(m->point.id_text, "/diskRestorePoints/") = 0;
    return rp_ask_disk(&m->desk, m->point.disks, e) &&
           check_complete(m->point.disks->name, m->point.disks->state, e);
}

static bool make_legs(struct moving *m, struct err *e)
{
    m->legs = calloc(m->point.disks_count + 1, sizeof *m->legs);
    if (!m->legs)
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for disks");
    for (unsigned i = 0; i < m->point.disks_count; i++) {
        struct rp_leg *leg = &m->legs[i];

        leg->disk = &m->point.disks[i];
        for (unsigned k = 0; k < i; k++)
            if (strcasecmp(m->legs[k].disk->name, leg->disk->name) == 0)
                return err_set(e, ERR_CONFLICT, RETRY_NEVER,
                               "the restore point has two disks named %.150s", leg->disk->name);
    }
    return true;
}

/* ---- Where to ---- */

/* ADDRESS/NAME.vhd?QUERY; as the job reads it again, so that nothing of the name can mean anything there. */
static char *blob_url(const struct secret_url *container, const char *name)
{
    size_t bytes = strlen(container->address);
    char safe[RP_NAME_MAX_BYTES], *text = NULL;

    snprintf(safe, sizeof safe, "%s", name);
    for (char *at = safe; *at; at++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", *at))
            *at = '_';
    while (bytes > 0 && container->address[bytes - 1] == '/')
        bytes--;
    return asprintf(&text, "%.*s/%s.vhd?%s", (int)bytes, container->address, safe,
                    container->query) < 0
               ? NULL
               : text;
}

static bool name_blobs(struct moving *m, struct err *e)
{
    struct secret_url container = {0};
    char *text = NULL;
    bool ok = false;

    if (!secret_resolve(m->desk.options->rp.target, &text, e))
        e->kind = ERR_USAGE;
    else if (!secret_is_url(text))
        err_set(e, ERR_USAGE, RETRY_NEVER,
                "a container's URL with its SAS, env:NAME or @FILE with one is needed");
    else if (secret_url_parse(text, &container, e))
        ok = end_url_check(END_TARGET, &container, m->desk.options->allow_http, e);
    if (ok && (container.managed_disk || container.upload_disk || container.snapshot))
        ok = err_set(e, ERR_USAGE, RETRY_NEVER, "a container is needed, not one disk");
    for (unsigned i = 0; ok && i < m->point.disks_count; i++) {
        m->legs[i].target = blob_url(&container, m->legs[i].disk->name);
        if (!m->legs[i].target)
            ok = err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a URL");
    }
    if (!ok)
        err_prefix(e, "--to: ");
    secret_url_fini(&container);
    secret_wipe_free(text);
    return ok;
}

static bool name_file(struct moving *m, const char *path, struct err *e)
{
    bool spelt = strncmp(path, "file:", 5) == 0;

    if (secret_looks_like_url(path) || strncmp(path, "env:", 4) == 0 || path[0] == '@')
        return err_set(
            e, ERR_USAGE, RETRY_NEVER,
            "restore writes a file or a block device; to a blob goes restore-point copy");
    if (asprintf(&m->legs[0].target, "%s%s", spelt ? "" : "file:", path) < 0) {
        m->legs[0].target = NULL;
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a path");
    }
    snprintf(m->legs[0].target_name, sizeof m->legs[0].target_name, "%s", path);
    return true;
}

/* ---- Access and copy ---- */

/* All that may be asked for: of each disk that of its source, then that of its base. */
static unsigned gather(struct moving *m, bool all, struct rp_grant *out[])
{
    unsigned count = 0;

    for (unsigned i = 0; m->legs && i < m->point.disks_count; i++) {
        struct rp_leg *leg = &m->legs[i];

        leg->source_grant.id = leg->disk->id;
        leg->base_grant.id = leg->base.id;
        leg->source_grant.name = leg->base_grant.name = leg->disk->name;
        if (all || !leg->held)
            out[count++] = &leg->source_grant;
        if (all || (leg->has_base && !leg->held))
            out[count++] = &leg->base_grant;
    }
    return count;
}

static bool get_access(struct moving *m, struct err *e)
{
    struct rp_grant *grants[2 * RP_DISKS_MAX];
    unsigned count = gather(m, false, grants);

    if (!rp_grant_all(&m->desk, grants, count, e))
        return false;
    for (unsigned i = 0; i < m->point.disks_count; i++)
        rp_leg_check_base(&m->legs[i]);
    return true;
}

static void end_access(struct moving *m, struct view_outcome *outcome)
{
    struct rp_grant *grants[2 * RP_DISKS_MAX];
    unsigned count = gather(m, true, grants);
    struct err error = {0};

    if (count == 0 || rp_grant_end_all(&m->desk, grants, count, &error))
        return;
    if (err_is_set(&outcome->error)) {
        view_say(&m->desk.stage->view, error.text);
        return;
    }
    outcome->error = error;
    if (outcome->status == STATUS_DONE)
        outcome->status = STATUS_FAILED;
}

static void show_leg(struct moving *m, const struct rp_leg *leg)
{
    struct view *view = &m->desk.stage->view;
    json_t *event;

    if (view->kind == VIEW_QUIET)
        return;
    if (view->kind != VIEW_JSON) {
        if (leg->held)
            printf("%s: %s holds it already, complete.\n", leg->disk->name, leg->target_name);
        else
            printf("%s -> %s%s%s\n", leg->disk->name, leg->target_name,
                   leg->has_base ? ", what changed since " : "",
                   leg->has_base ? leg->base.id.part[RP_POINT] : "");
        return;
    }
    event = view_json_event(clock_wall_ns(view->clock), "disk", leg->disk->name);
    view_json_set_text(event, "diskRestorePoint", leg->disk->id_text);
    view_json_set_text(event, "target", leg->target_name);
    if (leg->has_base)
        view_json_set_text(event, "base", leg->base.id_text);
    json_object_set_new(event, "held", json_boolean(leg->held));
    view_json_print(event);
}

static void carry(struct moving *m, struct view_outcome *outcome)
{
    unsigned left = 0;

    if (!get_access(m, &outcome->error))
        return;
    for (unsigned i = 0; i < m->point.disks_count; i++) {
        show_leg(m, &m->legs[i]);
        left += !m->legs[i].held;
    }
    fflush(stdout);
    if (left > 0)
        rp_carry(&m->desk, m->point.id_text, m->legs, m->point.disks_count, m->state_folder,
                 &outcome->status, &outcome->error);
}

static bool choose_folder(struct moving *m, struct err *e)
{
    const char *given = m->desk.options->state_folder;

    if (!given)
        stage_default_state_folder(getenv("XDG_STATE_HOME"), getenv("HOME"), m->state_folder);
    else if (snprintf(m->state_folder, sizeof m->state_folder, "%s", given) >= PATH_MAX)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--state-dir: the path is too long");
    return true;
}

static void finish(struct moving *m, struct view_outcome *outcome)
{
    end_access(m, outcome);
    for (unsigned i = 0; m->legs && i < m->point.disks_count; i++)
        rp_leg_fini(&m->legs[i]);
    free(m->legs);
    rp_look_fini(&m->point);
    rp_desk_close(&m->desk, outcome);
}

/* ---- The commands ---- */

void command_restore_point_copy(struct stage *stage, struct view_outcome *outcome)
{
    struct moving m = {.legs = NULL};
    struct err *e = &outcome->error;
    struct rp_id id;
    bool ok = rp_desk_open(&m.desk, stage, e) &&
              rp_desk_id(&m.desk, stage->options->ends[0], RP_POINT + 1, RP_POINT + 1, &id, e) &&
              choose_folder(&m, e) && find_disks(&m, &id, e) && make_legs(&m, e) &&
              name_blobs(&m, e);

    for (unsigned i = 0; ok && i < m.point.disks_count; i++)
        ok = rp_leg_choose(&m.desk, &m.legs[i], m.state_folder, e);
    if (ok)
        carry(&m, outcome);
    finish(&m, outcome);
}

void command_restore_point_restore(struct stage *stage, struct view_outcome *outcome)
{
    struct moving m = {.legs = NULL};
    struct err *e = &outcome->error;
    struct rp_id id;

    if (rp_desk_open(&m.desk, stage, e) &&
        rp_desk_id(&m.desk, stage->options->ends[0], RP_DISK + 1, RP_DISK + 1, &id, e) &&
        choose_folder(&m, e) && find_disk(&m, &id, e) && make_legs(&m, e) &&
        name_file(&m, stage->options->ends[1], e))
        carry(&m, outcome);
    finish(&m, outcome);
}
