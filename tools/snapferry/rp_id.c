/* rp_id.c - see rp_id.h. */
#include "tools/snapferry/rp_id.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/percent.h"
#include "tools/snapferry/arguments.h"

#define PROVIDER "Microsoft.Compute"

static const char *const words[RP_PARTS] = {"subscriptions", "resourceGroups",
                                            "restorePointCollections", "restorePoints",
                                            "diskRestorePoints"};
_Static_assert(RP_PARTS *(RP_NAME_MAX_BYTES + 32u) < RP_ID_MAX_BYTES, "every id fits");

/* A name as it may stand in a path: none of it means anything there. */
static bool is_name(const char *text, size_t bytes)
{
    if (bytes == 0 || bytes >= RP_NAME_MAX_BYTES)
        return false;
    if (strspn(text, ".") >= bytes)
        return false;
    for (size_t i = 0; i < bytes; i++)
        if ((unsigned char)text[i] <= ' ' || strchr("/\\?#%&\"<>|*:\x7f", text[i]))
            return false;
    return true;
}

static bool misspelt(const char *text, struct err *e)
{
    char shown[ARGUMENT_SHOWN_MAX_BYTES];

    return err_set(e, ERR_USAGE, RETRY_NEVER,
                   "\"%s\" is no id of a collection, a restore point or its disk",
                   arguments_show(text, shown));
}

/* The next piece between slashes; its length, 0: none is left. */
static size_t next(const char **at, const char **out_piece)
{
    size_t bytes;

    while (**at == '/')
        (*at)++;
    bytes = strcspn(*at, "/");
    *out_piece = *at;
    *at += bytes;
    return bytes;
}

static bool is_word(const char *piece, size_t bytes, const char *word)
{
    return strlen(word) == bytes && strncasecmp(piece, word, bytes) == 0;
}

static bool add(struct rp_id *id, const char *piece, size_t bytes)
{
    if (id->depth == RP_PARTS || !is_name(piece, bytes))
        return false;
    memcpy(id->part[id->depth], piece, bytes);
    id->part[id->depth++][bytes] = 0;
    return true;
}

/* /subscriptions/S/resourceGroups/G[/providers/Microsoft.Compute]/restorePointCollections/C... */
static bool parse_long(const char *text, struct rp_id *id)
{
    const char *piece;
    size_t bytes;

    while ((bytes = next(&text, &piece)) > 0) {
        if (id->depth == RP_COLLECTION && is_word(piece, bytes, "providers")) {
            bytes = next(&text, &piece);
            if (!is_word(piece, bytes, PROVIDER))
                return false;
            bytes = next(&text, &piece);
        }
        if (id->depth == RP_PARTS || !is_word(piece, bytes, words[id->depth]))
            return false;
        bytes = next(&text, &piece);
        if (!add(id, piece, bytes))
            return false;
    }
    return true;
}

static bool parse_short(const char *text, struct rp_id *id)
{
    const char *piece;
    size_t bytes;

    while ((bytes = next(&text, &piece)) > 0)
        if (!add(id, piece, bytes))
            return false;
    return true;
}

static bool is_long(const char *text)
{
    const char *piece;
    size_t bytes = next(&text, &piece);

    return is_word(piece, bytes, words[0]) && *text == '/';
}

bool rp_id_parse(const char *text, const char *subscription, const char *group,
                 struct rp_id *out_id, struct err *e)
{
    struct rp_id id = {.depth = 0};

    if (text && is_long(text)) {
        if (!parse_long(text, &id) || id.depth < RP_GROUP)
            return misspelt(text, e);
        *out_id = id;
        return true;
    }
    if (!subscription || (text && !group))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "names alone need --subscription and --group; an id begins with "
                       "/subscriptions/");
    if (!add(&id, subscription, strlen(subscription)))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--subscription is no name");
    if (group && !add(&id, group, strlen(group)))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--group is no name");
    if (text && !parse_short(text, &id))
        return misspelt(text, e);
    *out_id = id;
    return true;
}

bool rp_id_same(const struct rp_id *one, const struct rp_id *other)
{
    bool same = one->depth == other->depth;

    for (unsigned i = 0; same && i < one->depth; i++)
        same = strcasecmp(one->part[i], other->part[i]) == 0;
    return same;
}

struct rp_id rp_id_of(const struct rp_id *id, unsigned depth)
{
    struct rp_id cut = *id;

    for (; cut.depth > depth; cut.depth--)
        cut.part[cut.depth - 1][0] = 0;
    return cut;
}

static size_t put(char *text, size_t room, size_t used, const char *word, const char *name)
{
    return used + (size_t)snprintf(text + used, room - used, "/%s/%s", word, name);
}

void rp_id_text(const struct rp_id *id, char out_text[RP_ID_MAX_BYTES])
{
    size_t used = 0;

    out_text[0] = 0;
    for (unsigned i = 0; i < id->depth; i++) {
        if (i == RP_COLLECTION)
            used = put(out_text, RP_ID_MAX_BYTES, used, "providers", PROVIDER);
        used = put(out_text, RP_ID_MAX_BYTES, used, words[i], id->part[i]);
    }
}

char *rp_id_path(const struct rp_id *id, const char *behind, const char *query)
{
    char path[3 * RP_ID_MAX_BYTES] = "", *text = NULL;
    size_t used = 0;

    for (unsigned i = 0; i < id->depth; i++) {
        char *name = percent_encode(id->part[i]);

        if (!name)
            return NULL;
        if (i == RP_COLLECTION)
            used = put(path, sizeof path, used, "providers", PROVIDER);
        used = put(path, sizeof path, used, words[i], name);
        free(name);
    }
    return asprintf(&text, "%s%s?%s", path, behind, query) < 0 ? NULL : text;
}
