/* rp_leg.c - see rp_leg.h. */
#include "tools/snapferry/rp_leg.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "blockmap/digest.h"
#include "io/durable.h"
#include "tools/snapferry/ends.h"

#define NOTE_MAX_BYTES (4u * RP_ID_MAX_BYTES)

/* ---- What an interrupted copy began with: two lines, source and base ---- */

static bool note_path(const struct rp_leg *leg, const char *folder, char out_path[PATH_MAX])
{
    char digest[DIGEST_TEXT_MAX_BYTES];

    digest_sha256_text(leg->target_identity, strlen(leg->target_identity), digest);
    return *folder && snprintf(out_path, PATH_MAX, "%s/bases/%.40s", folder,
                               digest + strlen("sha256:")) < PATH_MAX;
}

static void read_note(const struct rp_leg *leg, const char *folder, char out_base[RP_ID_MAX_BYTES])
{
    char path[PATH_MAX], *text = NULL, *line;
    struct err ignored = {0};
    size_t bytes = 0;

    out_base[0] = 0;
    if (!note_path(leg, folder, path) ||
        !durable_read(path, NOTE_MAX_BYTES, &text, &bytes, &ignored) || !text)
        return;
    line = strchr(text, '\n');
    if (line && (size_t)(line - text) == strlen(leg->disk->id_text) &&
        strncasecmp(text, leg->disk->id_text, (size_t)(line - text)) == 0)
        snprintf(out_base, RP_ID_MAX_BYTES, "%.*s", (int)strcspn(line + 1, "\n"), line + 1);
    free(text);
}

bool rp_leg_keep(const struct rp_leg *leg, const char *folder, struct err *e)
{
    char path[PATH_MAX], *text = NULL;
    int bytes;
    bool ok;

    if (leg->held || !leg->target_identity || !note_path(leg, folder, path))
        return true;
    bytes = asprintf(&text, "%s\n%s\n", leg->disk->id_text, leg->has_base ? leg->base.id_text : "");
    if (bytes < 0)
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a name");
    *strrchr(path, '/') = 0;
    ok = durable_make_folder(path, e);
    path[strlen(path)] = '/';
    ok = ok && durable_write(path, text, (size_t)bytes, e);
    free(text);
    return ok;
}

/* ---- The target ---- */

struct looking {
    struct stat_req stat;
    struct rp_desk *desk;
};

static void looked(struct stat_req *req)
{
    ((struct looking *)req)->desk->ended = true;
}

/* Opens it only to be looked at. */
static bool look(struct rp_desk *desk, struct rp_leg *leg, struct stat_req *out_stat, struct err *e)
{
    struct looking looking = {.stat = {.done = looked}, .desk = desk};
    struct end_spec spec = {0}, none = {0};
    struct endpoint *target = NULL;

    if (end_spec_parse(END_TARGET, leg->target, &spec, e) &&
        end_specs_check(&none, &none, &spec, desk->options, e))
        target = end_open(&desk->stage->session, &spec, desk->options, e);
    if (target) {
        snprintf(leg->target_name, sizeof leg->target_name, "%s", target->name);
        leg->target_identity = strdup(target->identity);
        desk->ended = false;
        endpoint_stat(target, &looking.stat);
        rp_desk_turn(desk);
        *out_stat = looking.stat;
        if (err_is_set(&looking.stat.err))
            *e = looking.stat.err;
        endpoint_close(target);
        if (!leg->target_identity && !err_is_set(e))
            err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a name");
    }
    end_spec_fini(&spec);
    return target && !err_is_set(e);
}

/* ---- The base ---- */

/* The disk point by that id as a base, if it can be one. False: an error that ends all. */
static bool try_base(struct rp_desk *desk, struct rp_leg *leg, const char *id, struct err *e)
{
    const struct rp_disk *disk = leg->disk;
    struct err error = {0}, ignored = {0};

    if (!rp_id_parse(id, NULL, NULL, &leg->base.id, &ignored) || leg->base.id.depth != RP_PARTS)
        return err_set(e, ERR_CONFLICT, RETRY_NEVER,
                       "%.150s holds a copy of something that is no disk of a restore point: give "
                       "another container, or delete it",
                       leg->target_name);
    if (!rp_ask_disk(desk, &leg->base, &error)) {
        if (error.kind != ERR_GONE) {
            *e = error;
            return false;
        }
        snprintf(leg->why, sizeof leg->why,
                 "%s: a full copy, because the restore point that the target holds is no more",
                 disk->name);
    } else if (strcasecmp(leg->base.family, disk->family) != 0 || !*disk->family) {
        return err_set(e, ERR_CONFLICT, RETRY_NEVER,
                       "%.150s holds a copy of another disk: give another container, or delete it",
                       leg->target_name);
    } else if (strcmp(leg->base.created, disk->created) >= 0) {
        snprintf(leg->why, sizeof leg->why,
                 "%s: a full copy, because the target holds a restore point that is not older",
                 disk->name);
    } else {
        leg->has_base = true;
    }
    return true;
}

bool rp_leg_choose(struct rp_desk *desk, struct rp_leg *leg, const char *folder, struct err *e)
{
    struct stat_req stat = {0};
    const struct marker *marker = &stat.marker;
    char noted[RP_ID_MAX_BYTES];

    if (!look(desk, leg, &stat, e))
        return false;
    if (!stat.exists)
        return true;
    if (marker->state == MARKER_NONE)
        return err_set(e, ERR_CONFLICT, RETRY_NEVER,
                       "%.150s is there, and no copy of ours: give another container, or delete it",
                       leg->target_name);
    if (strcasecmp(marker->source, leg->disk->id_text) != 0)
        return try_base(desk, leg, marker->source, e);
    leg->held = marker->state == MARKER_COMPLETE && !desk->options->restart;
    read_note(leg, folder, noted);
    return leg->held || !*noted || marker->state == MARKER_COMPLETE ||
           try_base(desk, leg, noted, e);
}

/* Another blob than the source's own: only a managed disk's host compares across them. */
void rp_leg_check_base(struct rp_leg *leg)
{
    struct secret_url source = {0}, base = {0};
    struct err ignored = {0};

    if (!leg->has_base || !leg->base_grant.url || !leg->source_grant.url)
        return;
    if (secret_url_parse(leg->source_grant.url, &source, &ignored) &&
        secret_url_parse(leg->base_grant.url, &base, &ignored) && !source.managed_disk &&
        strcmp(source.address, base.address) != 0) {
        leg->has_base = false;
        snprintf(leg->why, sizeof leg->why,
                 "%s: a full copy, because the service keeps the two restore points apart",
                 leg->disk->name);
    }
    secret_url_fini(&source);
    secret_url_fini(&base);
}

void rp_leg_fini(struct rp_leg *leg)
{
    secret_wipe_free(leg->target);
    free(leg->target_identity);
    secret_wipe_free(leg->source_grant.url);
    secret_wipe_free(leg->base_grant.url);
}
