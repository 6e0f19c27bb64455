/* cut_thaw.c - see cut_thaw.h. A record is JSON:
 * {"version":1,"machine":..,"point":..,"thawCommand":..,"mounts":[..]}. */
#include "tools/controld/cut_thaw.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "io/durable.h"
#include "tools/controld/cut_strays.h"

#define RECORD_VERSION 1
#define RECORD_SUFFIX  ".frozen"

/* ---- Writing ---- */

static json_t *record_of(const char *point, const struct cut_hooks *hooks)
{
    json_t *mounts = json_array();

    for (size_t i = 0; hooks->mounts[i]; i++)
        json_array_append_new(mounts, json_string(hooks->mounts[i]));
    return json_pack("{s:i,s:s?,s:s,s:s?,s:o}", "version", RECORD_VERSION, "machine",
                     hooks->machine, "point", point, "thawCommand", hooks->thaw_command, "mounts",
                     mounts);
}

bool cut_thaw_write(const char *point, const struct cut_hooks *hooks, char **out_path,
                    struct err *e)
{
    json_t *record = record_of(point, hooks);
    char *text = record ? json_dumps(record, JSON_COMPACT) : NULL;
    char *path = NULL;
    uint64_t random;
    bool ok;

    json_decref(record);
    if (!text || getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random ||
        asprintf(&path, "%s/%016llx" RECORD_SUFFIX, hooks->thaw_folder,
                 (unsigned long long)random) < 0) {
        free(text);
        return err_set(e, ERR_LIMIT, RETRY_LATER, "cannot note what is to be frozen");
    }
    ok = durable_make_folder(hooks->thaw_folder, e) && durable_write(path, text, strlen(text), e);
    free(text);
    if (!ok) {
        err_prefix(e, "nothing was frozen, for it cannot be noted: ");
        free(path);
        return false;
    }
    *out_path = path;
    return true;
}

/* ---- What was left ---- */

struct cut_thaw_left {
    struct cut_thaw_setup setup;
    char **names; /* owned */
    size_t count, at;
    json_t *record; /* the one at hand; texts below are in it */
    struct cut_hooks hooks;
    struct cut_freeze *freeze;
    struct cut_strays strays;
    char *stray; /* owned: "SNAPFERRY_RECORD=..." of the one at hand */
    const char *stray_names[2];
    struct reactor_task task;
    bool thawing, given_up;
};

static void next_record(struct cut_thaw_left *left);

static void drop_current(struct cut_thaw_left *left)
{
    cut_freeze_free(left->freeze);
    left->freeze = NULL;
    json_decref(left->record);
    left->record = NULL;
    free(left->stray);
    left->stray = NULL;
}

static void on_task(struct reactor_task *task)
{
    struct cut_thaw_left *left =
        (struct cut_thaw_left *)((char *)task - offsetof(struct cut_thaw_left, task));

    drop_current(left);
    next_record(left);
}

static const char *text_of(const json_t *record, const char *member)
{
    const char *text = json_string_value(json_object_get(record, member));

    return text ? text : "";
}

static void on_thawed(void *arg, const struct err *error)
{
    struct cut_thaw_left *left = arg;

    left->thawing = false;
    left->setup.thawed(left->setup.arg, text_of(left->record, "machine"),
                       text_of(left->record, "point"), error);
    reactor_post(left->setup.reactor, &left->task, on_task); /* the freeze ends not inside itself */
}

/* Whether they ended or not: a thaw is never left out. */
static void on_strays(void *arg, const struct err *error)
{
    struct cut_thaw_left *left = arg;

    (void)error;
    left->thawing = true;
    cut_freeze_thaw(left->freeze);
    if (left->given_up)
        cut_freeze_give_up(left->freeze);
}

static bool read_record(struct cut_thaw_left *left, const char *path, struct err *e)
{
    char *bytes = NULL;
    size_t count, index;
    json_t *mounts, *mount;
    const char *point = NULL;

    left->hooks = (struct cut_hooks){.thaw_folder = left->setup.folder};
    if (!durable_read(path, CUT_THAW_RECORD_MAX_BYTES, &bytes, &count, e))
        return false;
    left->record = bytes ? json_loadb(bytes, count, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(bytes);
    mounts = json_object_get(left->record, "mounts");
    point = json_string_value(json_object_get(left->record, "point"));
    if (!point || !json_is_array(mounts) || json_array_size(mounts) > CUT_MOUNTS_MAX)
        return err_set(e, ERR_CORRUPT, RETRY_NEVER,
                       "%.200s does not say what was frozen; see by hand, and remove it", path);
    left->hooks.thaw_command = json_string_value(json_object_get(left->record, "thawCommand"));
    json_array_foreach(mounts, index, mount)
    {
        left->hooks.mounts[index] = json_string_value(mount);
        if (!left->hooks.mounts[index])
            break; /* no text: the list ends here */
    }
    return true;
}

static bool name_strays(struct cut_thaw_left *left, const char *name, struct err *e)
{
    if (asprintf(&left->stray, CUT_RECORD_VARIABLE "%s", name) < 0) {
        left->stray = NULL;
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory to thaw");
    }
    left->stray_names[0] = left->stray;
    left->strays = (struct cut_strays){.reactor = left->setup.reactor,
                                       .variables = left->stray_names,
                                       .done = on_strays,
                                       .arg = left};
    return true;
}

/* False in *out_wanted: it is of another point. */
static bool begin_record(struct cut_thaw_left *left, const char *name, bool *out_wanted,
                         struct err *e)
{
    struct cut_freeze_setup setup = {.reactor = left->setup.reactor,
                                     .hooks = &left->hooks,
                                     .thaw_tries = left->setup.tries,
                                     .thawed = on_thawed,
                                     .arg = left};
    char *path = NULL;
    bool ok;

    if (asprintf(&path, "%s/%s", left->setup.folder, name) < 0)
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory to thaw");
    ok = read_record(left, path, e);
    *out_wanted = !left->setup.only_point ||
                  strcasecmp(text_of(left->record, "point"), left->setup.only_point) == 0;
    if (ok && *out_wanted) {
        setup.record = path;
        setup.point = json_string_value(json_object_get(left->record, "point"));
        left->freeze = cut_freeze_new(&setup, e);
        ok = left->freeze && name_strays(left, name, e);
    }
    free(path);
    return ok;
}

static void next_record(struct cut_thaw_left *left)
{
    while (left->at < left->count && !left->given_up) {
        struct err error = {0};
        bool wanted = true, ok = begin_record(left, left->names[left->at++], &wanted, &error);

        if (ok && wanted) {
            cut_strays_end(&left->strays);
            return;
        }
        if (wanted)
            left->setup.thawed(left->setup.arg, text_of(left->record, "machine"), "", &error);
        drop_current(left);
    }
    left->setup.done(left->setup.arg, left);
}

static int is_record(const struct dirent *entry)
{
    size_t bytes = strlen(entry->d_name);
    size_t suffix = strlen(RECORD_SUFFIX);

    return bytes > suffix && strcmp(entry->d_name + bytes - suffix, RECORD_SUFFIX) == 0;
}

static bool list_records(struct cut_thaw_left *left, struct err *e)
{
    struct dirent **entries = NULL;
    int count = scandir(left->setup.folder, &entries, is_record, alphasort);
    bool ok = true;

    if (count < 0)
        return errno == ENOENT ||
               err_set_errno(e, errno, RETRY_LATER, "cannot read %.200s", left->setup.folder);
    left->names = calloc((size_t)count + 1, sizeof *left->names);
    for (int i = 0; i < count; i++) {
        if (left->names && left->count < CUT_THAW_RECORDS_MAX) {
            left->names[left->count] = strdup(entries[i]->d_name);
            ok = ok && left->names[left->count++];
        }
        free(entries[i]);
    }
    free(entries);
    ok = ok && left->names;
    return ok || err_set(e, ERR_LIMIT, RETRY_LATER, "no memory to thaw");
}

struct cut_thaw_left *cut_thaw_left(const struct cut_thaw_setup *setup, struct err *e)
{
    struct cut_thaw_left *left = calloc(1, sizeof *left);

    if (!left) {
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory to thaw");
        return NULL;
    }
    left->setup = *setup;
    if (!list_records(left, e)) {
        cut_thaw_left_free(left);
        return NULL;
    }
    reactor_post(setup->reactor, &left->task, on_task);
    return left;
}

void cut_thaw_left_free(struct cut_thaw_left *left)
{
    if (!left)
        return;
    drop_current(left);
    for (size_t i = 0; i < left->count; i++)
        free(left->names[i]);
    free(left->names);
    free(left);
}

void cut_thaw_left_give_up(struct cut_thaw_left *left)
{
    left->given_up = true;
    if (left->thawing)
        cut_freeze_give_up(left->freeze);
}
