/* ferry_legs.c - see ferry_legs.h. */
#include "tools/controld/ferry_legs.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blockmap/digest.h"

/* ---- What may be ---- */

static bool is_clean(const char *text, size_t max_bytes)
{
    size_t count = strnlen(text, max_bytes + 1);
    json_t *value;

    if (count == 0 || count > max_bytes)
        return false;
    for (size_t i = 0; i < count; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 127)
            return false;
    value = json_stringn(text, count); /* NULL: not UTF-8 */
    json_decref(value);
    return value != NULL;
}

bool ferry_id_is_good(const char *id)
{
    return id && is_clean(id, FERRY_ID_MAX_BYTES);
}

static bool check_path(const char *path, const char *what, struct err *e)
{
    if (path && is_clean(path, FERRY_PATH_MAX_BYTES))
        return true;
    return err_set(e, ERR_USAGE, RETRY_NEVER, "the path of the %s may not be that", what);
}

static bool check_end(const struct ferry_end *end, enum access_side side, struct err *e)
{
    const char *name = access_side_name(side);

    if (end->kind == FERRY_NOTHING)
        return side == ACCESS_BASE || err_set(e, ERR_USAGE, RETRY_NEVER, "it has no %s", name);
    if (end->identity && !is_clean(end->identity, 2 * FERRY_ID_MAX_BYTES - 1))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "the identity of its %s may not be that", name);
    return end->kind == FERRY_BLOB || check_path(end->path, name, e);
}

static bool check_disk(const struct ferry_disk *disk, struct err *e)
{
    if (!ferry_id_is_good(disk->id))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "its id may not be that");
    if (disk->base.kind != FERRY_NOTHING && disk->base.kind != disk->source.kind)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "its base is not of its source's kind");
    return check_end(&disk->source, ACCESS_SOURCE, e) && check_end(&disk->base, ACCESS_BASE, e) &&
           check_end(&disk->target, ACCESS_TARGET, e) &&
           (!disk->map || check_path(disk->map, "map", e));
}

/* ---- Copies ---- */

char *ferry_place(const char *folder, const char *kind, const char *point, const char *disk)
{
    char digest[DIGEST_TEXT_MAX_BYTES], *name = NULL, *path = NULL;

    /* A newline is in no id, so no two pairs make one name. */
    if (asprintf(&name, "%s\n%s", point, disk ? disk : "") < 0)
        return NULL;
    digest_sha256_text(name, strlen(name), digest);
    free(name);
    if (asprintf(&path, "%s/%s/%s", folder, kind, strchr(digest, ':') + 1) < 0)
        return NULL;
    return path;
}

static bool copy_text(char **out_text, const char *text)
{
    *out_text = text ? strdup(text) : NULL;
    return *out_text || !text;
}

/* In a job a relative path could be taken for env:NAME, @FILE and the like. */
static bool copy_path(char **out_path, const char *path)
{
    char *folder;
    bool ok;

    if (!path || path[0] == '/')
        return copy_text(out_path, path);
    folder = getcwd(NULL, 0);
    ok = folder && asprintf(out_path, "%s/%s", folder, path) >= 0;
    if (!ok)
        *out_path = NULL;
    free(folder);
    return ok;
}

static bool copy_end(struct ferry_leg_end *copy, const struct ferry_end *end)
{
    copy->kind = end->kind;
    return copy_path(&copy->path, end->kind == FERRY_FILE ? end->path : NULL) &&
           copy_text(&copy->identity, end->identity);
}

static bool copy_disk(struct ferry_leg *leg, const struct ferry_disk *disk, uint64_t wall_ns)
{
    leg->verify = disk->verify;
    leg->target_new = disk->target_new;
    leg->target_larger = disk->target_larger;
    leg->raw = disk->raw;
    leg->settled = disk->done;
    ferry_progress_init(&leg->view, disk->seed_percent, wall_ns);
    ferry_progress_state(&leg->view, EVENT_PENDING, FERRY_INFO, "Waits for its turn.", wall_ns);
    if (disk->done)
        ferry_progress_ended(&leg->view, EVENT_SUCCEEDED, "Complete.", NULL, wall_ns);
    return copy_text(&leg->id, disk->id) && copy_path(&leg->map, disk->map) &&
           copy_end(&leg->sides[ACCESS_SOURCE], &disk->source) &&
           copy_end(&leg->sides[ACCESS_BASE], &disk->base) &&
           copy_end(&leg->sides[ACCESS_TARGET], &disk->target);
}

static bool add_disk(struct ferry_legs *legs, const char *folder, const char *point,
                     const struct ferry_disk *disk, uint64_t wall_ns, struct err *e)
{
    struct ferry_leg *leg = &legs->items[legs->count];

    if (!check_disk(disk, e))
        return false;
    if (ferry_legs_find(legs, disk->id))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "another disk has its id");
    legs->count++;
    leg->journal = ferry_place(folder, FERRY_JOURNALS, point, disk->id);
    if (leg->journal && copy_disk(leg, disk, wall_ns))
        return true;
    return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for it");
}

bool ferry_legs_init(struct ferry_legs *legs, const char *folder, const struct ferry_point *point,
                     uint64_t wall_ns, struct err *e)
{
    memset(legs, 0, sizeof *legs);
    if (point->disks_count == 0 || point->disks_count > FERRY_DISKS_MAX)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "a restore point has 1 to %u disks, not %zu",
                       FERRY_DISKS_MAX, point->disks_count);
    legs->items = calloc(point->disks_count, sizeof *legs->items);
    if (!legs->items)
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for %zu disks", point->disks_count);
    for (size_t i = 0; i < point->disks_count; i++)
        if (!add_disk(legs, folder, point->id, &point->disks[i], wall_ns, e)) {
            err_prefix(e, "disk %zu of %zu: ", i + 1, point->disks_count);
            ferry_legs_fini(legs);
            return false;
        }
    return true;
}

void ferry_legs_fini(struct ferry_legs *legs)
{
    for (size_t i = 0; i < legs->count; i++) {
        struct ferry_leg *leg = &legs->items[i];

        for (size_t side = 0; side < ACCESS_SIDES; side++) {
            free(leg->sides[side].path);
            free(leg->sides[side].identity);
        }
        free(leg->id);
        free(leg->map);
        free(leg->journal);
    }
    free(legs->items);
    memset(legs, 0, sizeof *legs);
}

/* ---- Look ---- */

struct ferry_leg *ferry_legs_find(const struct ferry_legs *legs, const char *id)
{
    for (size_t i = 0; i < legs->count; i++)
        if (strcmp(legs->items[i].id, id) == 0)
            return &legs->items[i];
    return NULL;
}

bool ferry_legs_settled(const struct ferry_legs *legs)
{
    for (size_t i = 0; i < legs->count; i++)
        if (!legs->items[i].settled)
            return false;
    return true;
}

static void drop_journal(const char *journal)
{
    char *of_verify = NULL;

    unlink(journal);
    if (asprintf(&of_verify, "%s.verify", journal) >= 0) {
        unlink(of_verify);
        free(of_verify);
    }
}

void ferry_leg_drop_journal(const struct ferry_leg *leg)
{
    drop_journal(leg->journal);
}

void ferry_drop_journal(const char *folder, const char *point, const char *disk)
{
    char *journal = ferry_place(folder, FERRY_JOURNALS, point, disk);

    if (journal)
        drop_journal(journal);
    free(journal);
}
