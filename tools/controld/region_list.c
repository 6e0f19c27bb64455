/* region_list.c - see region_list.h. expat parses; unknown elements are passed by. */
#include "tools/controld/region_list.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define VALUE_MAX_BYTES (16u << 10)

struct list_reading {
    XML_Parser parser;
    struct region_list *list;
    struct region_list_item *item; /* the last of the list, while inside a Blob */
    unsigned depth;
    unsigned metadata_depth; /* of the Metadata element we are in; 0 = none */
    bool in_blobs, has_size;
    char *out_marker;
    size_t value_bytes;
    struct err err;
    char value[VALUE_MAX_BYTES];
};

static void wrong(struct list_reading *r, enum err_kind kind, enum err_retry retry, const char *why)
{
    if (!err_is_set(&r->err))
        err_set(&r->err, kind, retry, "the host's list of blobs is not valid: %s", why);
    XML_StopParser(r->parser, XML_FALSE);
}

static void no_memory(struct list_reading *r)
{
    wrong(r, ERR_LIMIT, RETRY_LATER, "no memory for it");
}

/* ---- Items ---- */

static void item_fini(struct region_list_item *item)
{
    free(item->blob);
    free(item->snapshot);
    for (size_t i = 0; i < item->metadata_count; i++) {
        free(item->metadata[i].name);
        free(item->metadata[i].value);
    }
    free(item->metadata);
}

void region_list_cut(struct region_list *list, size_t count)
{
    while (list->count > count)
        item_fini(&list->items[--list->count]);
}

void region_list_fini(struct region_list *list)
{
    region_list_cut(list, 0);
    free(list->items);
    memset(list, 0, sizeof *list);
}

static void item_begin(struct list_reading *r)
{
    struct region_list *list = r->list;

    if (list->count == REGION_LIST_ITEMS_MAX) {
        wrong(r, ERR_LIMIT, RETRY_NEVER, "there are too many");
        return;
    }
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        struct region_list_item *larger = realloc(list->items, capacity * sizeof *larger);

        if (!larger) {
            no_memory(r);
            return;
        }
        list->items = larger;
        list->capacity = capacity;
    }
    r->item = &list->items[list->count++];
    memset(r->item, 0, sizeof *r->item);
    r->has_size = false;
}

static void item_end(struct list_reading *r)
{
    if (!r->item->blob || !r->has_size)
        wrong(r, ERR_CORRUPT, RETRY_LATER, "a blob lacks its name or its size");
    r->item = NULL;
}

static char *taken(struct list_reading *r)
{
    char *copy = strndup(r->value, r->value_bytes);

    if (!copy)
        no_memory(r);
    return copy;
}

static void take_metadata(struct list_reading *r, const char *name)
{
    struct region_list_item *item = r->item;
    struct region_list_pair pair = {0};
    struct region_list_pair *larger;

    if (item->metadata_count == PAGEBLOB_METADATA_COUNT_MAX) {
        wrong(r, ERR_LIMIT, RETRY_NEVER, "a blob has too much metadata");
        return;
    }
    larger = realloc(item->metadata, (item->metadata_count + 1) * sizeof *larger);
    if (!larger) {
        no_memory(r);
        return;
    }
    item->metadata = larger;
    pair.name = strdup(name);
    pair.value = taken(r);
    if (!pair.name || !pair.value) {
        free(pair.name);
        free(pair.value);
        no_memory(r);
        return;
    }
    item->metadata[item->metadata_count++] = pair;
}

static void take_size(struct list_reading *r)
{
    char *end;

    r->value[r->value_bytes] = 0;
    r->item->size_bytes = strtoull(r->value, &end, 10);
    r->has_size = r->value[0] >= '0' && r->value[0] <= '9' && *end == 0;
}

/* ---- expat's handlers ---- */

static void on_start(void *user, const char *name, const char **attributes)
{
    struct list_reading *r = user;

    (void)attributes;
    if (++r->depth > REGION_LIST_DEPTH_MAX)
        wrong(r, ERR_CORRUPT, RETRY_LATER, "it nests too deeply");
    else if (r->depth == 1 && strcmp(name, "EnumerationResults") != 0)
        wrong(r, ERR_CORRUPT, RETRY_LATER, "it is something else");
    else if (r->depth == 2)
        r->in_blobs = strcmp(name, "Blobs") == 0;
    else if (r->depth == 3 && r->in_blobs && strcmp(name, "Blob") == 0)
        item_begin(r);
    else if (r->item && r->depth == 4 && strcmp(name, "Metadata") == 0)
        r->metadata_depth = r->depth;
    r->value_bytes = 0;
}

static void on_text(void *user, const char *text, int count)
{
    struct list_reading *r = user;

    if (r->value_bytes + (size_t)count >= sizeof r->value) {
        wrong(r, ERR_CORRUPT, RETRY_LATER, "a value is too long");
        return;
    }
    memcpy(r->value + r->value_bytes, text, (size_t)count);
    r->value_bytes += (size_t)count;
}

static void end_in_item(struct list_reading *r, const char *name)
{
    if (r->metadata_depth && r->depth == r->metadata_depth) {
        take_metadata(r, name);
    } else if (r->depth + 1 == r->metadata_depth) {
        r->metadata_depth = 0;
    } else if (r->depth == 3 && strcmp(name, "Name") == 0) {
        free(r->item->blob);
        r->item->blob = taken(r);
    } else if (r->depth == 3 && strcmp(name, "Snapshot") == 0 && r->value_bytes > 0) {
        free(r->item->snapshot);
        r->item->snapshot = taken(r);
    } else if (r->depth == 4 && strcmp(name, "Content-Length") == 0) {
        take_size(r);
    } else if (r->depth == 2) {
        item_end(r);
    }
}

/* Depths here are those of the parent: it was counted down. */
static void on_end(void *user, const char *name)
{
    struct list_reading *r = user;

    r->depth--;
    if (r->item) {
        end_in_item(r, name);
    } else if (r->depth == 1 && strcmp(name, "NextMarker") == 0) {
        if (r->value_bytes >= REGION_LIST_MARKER_MAX_BYTES) {
            wrong(r, ERR_CORRUPT, RETRY_LATER, "its marker is too long");
            return;
        }
        memcpy(r->out_marker, r->value, r->value_bytes);
        r->out_marker[r->value_bytes] = 0;
    }
    r->value_bytes = 0;
}

static void on_doctype(void *user, const char *name, const char *sysid, const char *pubid,
                       int internal)
{
    (void)name, (void)sysid, (void)pubid, (void)internal;
    wrong(user, ERR_CORRUPT, RETRY_LATER, "it begins with a document type");
}

bool region_list_parse(struct region_list *list, const char *xml, size_t bytes,
                       char out_marker[REGION_LIST_MARKER_MAX_BYTES], struct err *e)
{
    struct list_reading *r = calloc(1, sizeof *r);
    bool ok;

    if (r)
        r->parser = XML_ParserCreate(NULL);
    if (!r || !r->parser || bytes > REGION_LIST_BODY_MAX_BYTES) {
        if (r && r->parser)
            XML_ParserFree(r->parser);
        free(r);
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory to read a list of blobs");
    }
    r->list = list;
    r->out_marker = out_marker;
    out_marker[0] = 0;
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, on_start, on_end);
    XML_SetCharacterDataHandler(r->parser, on_text);
    XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
    ok = XML_Parse(r->parser, xml, (int)bytes, XML_TRUE) == XML_STATUS_OK;
    if (!ok)
        wrong(r, ERR_CORRUPT, RETRY_LATER, "it is cut off, or no XML");
    if (err_is_set(&r->err))
        *e = r->err;
    ok = !err_is_set(&r->err);
    XML_ParserFree(r->parser);
    free(r);
    return ok;
}

const char *region_list_metadata(const struct region_list_item *item, const char *name)
{
    for (size_t i = 0; i < item->metadata_count; i++)
        if (strcasecmp(item->metadata[i].name, name) == 0)
            return item->metadata[i].value;
    return NULL;
}
