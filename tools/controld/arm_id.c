/* arm_id.c - see arm_id.h. */
#include "tools/controld/arm_id.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PROVIDER       "Microsoft.Compute"
#define SHOWN_MAX      100 /* characters of a wrong id or name that an error repeats */
#define SEGMENTS_MAX   16u /* more than any id that is served */
#define DISK_POINT_MAX (ARM_NAME_MAX_BYTES - 1)

static const struct {
    const char *segment;
    enum arm_type parent;
    unsigned depth;
    const char *name;
} types[ARM_TYPES] = {
    [ARM_NONE] = {"", ARM_NONE, 0, ""},
    [ARM_COLLECTION] = {"restorePointCollections", ARM_NONE, 1,
                        PROVIDER "/restorePointCollections"},
    [ARM_POINT] = {"restorePoints", ARM_COLLECTION, 2,
                   PROVIDER "/restorePointCollections/restorePoints"},
    [ARM_DISK_POINT] = {"diskRestorePoints", ARM_POINT, 3,
                        PROVIDER "/restorePointCollections/restorePoints/diskRestorePoints"},
    [ARM_DISK] = {"disks", ARM_NONE, 1, PROVIDER "/disks"},
    [ARM_MACHINE] = {"virtualMachines", ARM_NONE, 1, PROVIDER "/virtualMachines"},
    [ARM_ENCRYPTION_SET] = {"diskEncryptionSets", ARM_NONE, 1, PROVIDER "/diskEncryptionSets"},
};

unsigned arm_type_depth(enum arm_type type)
{
    return types[type].depth;
}

const char *arm_type_name(enum arm_type type)
{
    return types[type].name;
}

const char *arm_type_segment(enum arm_type type)
{
    return types[type].segment;
}

const char *arm_id_name(const struct arm_id *id)
{
    assert(id->type != ARM_NONE);
    return id->name[types[id->type].depth - 1];
}

/* ---- Names ---- */

static bool made_of(const char *text, const char *extra)
{
    for (; *text; text++)
        if ((unsigned char)*text > 127 || (!isalnum((unsigned char)*text) && !strchr(extra, *text)))
            return false;
    return true;
}

static bool only_dots(const char *text)
{
    return text[strspn(text, ".")] == 0;
}

static bool name_ok(enum arm_type type, const char *name)
{
    size_t max = type == ARM_DISK_POINT ? DISK_POINT_MAX : ARM_NAME_MAX_CHARS;

    return strnlen(name, max + 1) <= max && made_of(name, "_-.") && !only_dots(name) &&
           !strstr(name, "..");
}

static bool subscription_ok(const char *text)
{
    return text[0] && strlen(text) < ARM_SUBSCRIPTION_MAX_BYTES && made_of(text, "-_");
}

static bool group_ok(const char *text)
{
    size_t count = strlen(text);

    return count > 0 && count < ARM_GROUP_MAX_BYTES && made_of(text, "_-.()") &&
           text[count - 1] != '.' && !strstr(text, "..");
}

bool arm_name_check(enum arm_type type, const char *name, struct arm_error *e)
{
    if (name_ok(type, name))
        return true;
    return arm_error_set(e, 400, "InvalidResourceName", "name",
                         "The resource name '%.*s' of type '%s' is invalid. A name has 1 to %u "
                         "letters, digits, '_', '-' or '.', is not made of dots and has no '..'.",
                         SHOWN_MAX, name, types[type].name,
                         type == ARM_DISK_POINT ? DISK_POINT_MAX : ARM_NAME_MAX_CHARS);
}

bool arm_scope_check(const char *subscription, const char *group, struct arm_error *e)
{
    if (!subscription_ok(subscription))
        return arm_error_set(e, 400, "InvalidSubscriptionId", "subscriptionId",
                             "The provided subscription identifier '%.*s' is malformed or invalid.",
                             SHOWN_MAX, subscription);
    if (group && !group_ok(group))
        return arm_error_set(e, 400, "InvalidResourceGroup", "resourceGroupName",
                             "The resource group name '%.*s' is invalid.", SHOWN_MAX, group);
    return true;
}

/* ---- Reading ---- */

/* An id cut at its slashes; the pieces are views into `text`. */
struct pieces {
    char text[ARM_ID_MAX_BYTES];
    char *piece[SEGMENTS_MAX];
    unsigned count;
    unsigned next;
};

static bool cut(struct pieces *pieces, const char *text)
{
    char *at = pieces->text;
    size_t count;

    if (*text == '/')
        text++;
    count = strnlen(text, sizeof pieces->text);
    if (count == 0 || count == sizeof pieces->text)
        return false;
    memcpy(pieces->text, text, count + 1);
    pieces->count = pieces->next = 0;
    for (;;) {
        if (pieces->count == SEGMENTS_MAX)
            return false;
        pieces->piece[pieces->count++] = at;
        at = strchr(at, '/');
        if (!at)
            return true;
        *at++ = 0;
    }
}

/* The value after this word, both taken; NULL when the next piece is not the word or none follows. */
static const char *take(struct pieces *pieces, const char *word)
{
    if (pieces->next + 1 >= pieces->count || strcasecmp(pieces->piece[pieces->next], word) != 0)
        return NULL;
    pieces->next += 2;
    return pieces->piece[pieces->next - 1];
}

static bool take_scope(struct pieces *pieces, struct arm_id *id)
{
    const char *subscription = take(pieces, "subscriptions");
    const char *group = subscription ? take(pieces, "resourceGroups") : NULL;
    const char *provider;

    if (!group || !subscription_ok(subscription) || !group_ok(group))
        return false;
    strcpy(id->subscription, subscription);
    strcpy(id->group, group);
    provider = take(pieces, "providers");
    return !provider || strcasecmp(provider, PROVIDER) == 0;
}

/* The names, outermost first. */
static bool take_names(struct pieces *pieces, struct arm_id *id)
{
    while (pieces->next < pieces->count) {
        const char *name = NULL;
        unsigned type;

        for (type = ARM_NONE + 1; type < ARM_TYPES; type++)
            if (types[type].parent == id->type && (name = take(pieces, types[type].segment)))
                break;
        if (!name || !name_ok((enum arm_type)type, name))
            return false;
        id->type = (enum arm_type)type;
        strcpy(id->name[types[type].depth - 1], name);
    }
    return id->type != ARM_NONE;
}

bool arm_id_parse(const char *text, const char *target, struct arm_id *out, struct arm_error *e)
{
    struct pieces pieces;

    *out = (struct arm_id){0};
    if (cut(&pieces, text) && take_scope(&pieces, out) && take_names(&pieces, out))
        return true;
    *out = (struct arm_id){0};
    return arm_error_set(e, 400, "LinkedInvalidPropertyId", target,
                         "Property id '%.*s' at path '%s' is invalid. Expect fully qualified "
                         "resource Id that start with '/subscriptions/{subscriptionId}' of a "
                         "resource of " PROVIDER ".",
                         SHOWN_MAX, text, target ? target : "");
}

bool arm_id_child(const struct arm_id *parent, enum arm_type type, const char *name,
                  struct arm_id *out, struct arm_error *e)
{
    assert(type != ARM_NONE && parent->type != ARM_NONE && types[type].parent == parent->type);
    if (!arm_name_check(type, name, e))
        return false;
    *out = *parent;
    out->type = type;
    strcpy(out->name[types[type].depth - 1], name);
    return true;
}

bool arm_id_make(enum arm_type type, const char *subscription, const char *group, const char *name,
                 struct arm_id *out, struct arm_error *e)
{
    struct arm_id id = {.type = type};

    assert(types[type].depth == 1);
    if (!arm_scope_check(subscription, group, e) || !arm_name_check(type, name, e))
        return false;
    strcpy(id.subscription, subscription);
    strcpy(id.group, group);
    strcpy(id.name[0], name);
    *out = id;
    return true;
}

bool arm_id_parent(const struct arm_id *id, struct arm_id *out)
{
    unsigned depth = types[id->type].depth;

    if (depth < 2)
        return false;
    if (out != id)
        *out = *id;
    out->type = types[id->type].parent;
    memset(out->name[depth - 1], 0, sizeof out->name[depth - 1]);
    return true;
}

/* ---- Writing ---- */

/* Appends; every id fits, its parts being bounded. */
__attribute__((format(printf, 3, 4))) static void add(char out[ARM_ID_MAX_BYTES], size_t *used,
                                                      const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    *used += (size_t)vsnprintf(out + *used, ARM_ID_MAX_BYTES - *used, fmt, args);
    va_end(args);
    assert(*used < ARM_ID_MAX_BYTES);
}

static void fold(char *text)
{
    for (; *text; text++)
        *text = (char)tolower((unsigned char)*text);
}

static void add_names(char out[ARM_ID_MAX_BYTES], size_t *used, const struct arm_id *id)
{
    enum arm_type chain[ARM_DEPTH_MAX];
    unsigned depth = types[id->type].depth;

    for (enum arm_type type = id->type; type != ARM_NONE; type = types[type].parent)
        chain[types[type].depth - 1] = type;
    for (unsigned i = 0; i < depth; i++)
        add(out, used, "/%s/%s", types[chain[i]].segment, id->name[i]);
}

void arm_id_text(const struct arm_id *id, char out[ARM_ID_MAX_BYTES])
{
    size_t used = 0;

    assert(id->type != ARM_NONE);
    add(out, &used, "/subscriptions/%s/resourceGroups/%s/providers/" PROVIDER, id->subscription,
        id->group);
    add_names(out, &used, id);
}

void arm_id_key(const struct arm_id *id, char out[ARM_ID_MAX_BYTES])
{
    arm_id_text(id, out);
    fold(out);
}

void arm_scope_text(const char *subscription, const char *group, char out[ARM_ID_MAX_BYTES])
{
    size_t used = 0;

    assert(subscription_ok(subscription) && (!group || group_ok(group)));
    add(out, &used, "/subscriptions/%s", subscription);
    if (group)
        add(out, &used, "/resourceGroups/%s", group);
}

bool arm_id_same(const struct arm_id *a, const struct arm_id *b)
{
    if (a->type != b->type || strcasecmp(a->subscription, b->subscription) != 0 ||
        strcasecmp(a->group, b->group) != 0)
        return false;
    for (unsigned i = 0; i < types[a->type].depth; i++)
        if (strcasecmp(a->name[i], b->name[i]) != 0)
            return false;
    return true;
}

/* ---- Errors ---- */

bool arm_id_not_found(const struct arm_id *id, struct arm_error *e)
{
    char names[ARM_ID_MAX_BYTES];
    size_t used = 0;

    add(names, &used, "%s", types[id->type].name);
    for (unsigned i = 0; i < types[id->type].depth; i++)
        add(names, &used, "/%s", id->name[i]);
    return arm_error_set(e, 404, "ResourceNotFound", NULL,
                         "The Resource '%s' under resource group '%s' was not found.", names,
                         id->group);
}

bool arm_id_parent_not_found(const struct arm_id *id, struct arm_error *e)
{
    struct arm_id parent;
    char names[ARM_ID_MAX_BYTES];
    size_t used = 0;

    if (!arm_id_parent(id, &parent))
        return arm_id_not_found(id, e);
    for (unsigned i = 0; i < types[parent.type].depth; i++)
        add(names, &used, "%s%s", i ? "/" : "", parent.name[i]);
    return arm_error_set(e, 404, "ParentResourceNotFound", NULL,
                         "Failed to perform requested operation on nested resource. The parent "
                         "resource '%s' was not found.",
                         names);
}
