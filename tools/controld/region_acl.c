/* region_acl.c - see region_acl.h. expat parses; unknown elements are passed by. */
#include "tools/controld/region_acl.h"

#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/clock.h"

#define VALUE_MAX_BYTES 256u
#define DEPTH_MAX       8u

struct acl_reading {
    XML_Parser parser;
    struct region_acl acl;
    struct region_policy policy; /* the one being read */
    unsigned depth;
    bool seen; /* the root was a list of identifiers */
    size_t value_bytes;
    char value[VALUE_MAX_BYTES];
    struct err err;
};

static void wrong(struct acl_reading *r, enum err_kind kind, const char *why)
{
    if (!err_is_set(&r->err))
        err_set(&r->err, kind, RETRY_NEVER, "the container's access policies are not valid: %s",
                why);
    XML_StopParser(r->parser, XML_FALSE);
}

static void on_start(void *user, const char *name, const char **attributes)
{
    struct acl_reading *r = user;

    (void)attributes;
    if (++r->depth > DEPTH_MAX)
        wrong(r, ERR_CORRUPT, "they nest too deeply");
    else if (r->depth == 1 && strcmp(name, "SignedIdentifiers") != 0)
        wrong(r, ERR_CORRUPT, "the answer is something else");
    r->seen = true;
    if (strcmp(name, "SignedIdentifier") == 0)
        memset(&r->policy, 0, sizeof r->policy);
    r->value_bytes = 0;
}

static void on_text(void *user, const char *text, int count)
{
    struct acl_reading *r = user;

    if (r->value_bytes + (size_t)count >= sizeof r->value) {
        wrong(r, ERR_CORRUPT, "a value is too long");
        return;
    }
    memcpy(r->value + r->value_bytes, text, (size_t)count);
    r->value_bytes += (size_t)count;
}

static void take(struct acl_reading *r, char *out, size_t out_bytes)
{
    if (r->value_bytes >= out_bytes) {
        wrong(r, ERR_CORRUPT, "a value is too long");
        return;
    }
    memcpy(out, r->value, r->value_bytes);
    out[r->value_bytes] = 0;
}

static void on_end(void *user, const char *name)
{
    struct acl_reading *r = user;

    r->depth--;
    if (strcmp(name, "Id") == 0) {
        take(r, r->policy.id, sizeof r->policy.id);
    } else if (strcmp(name, "Start") == 0) {
        take(r, r->policy.start, sizeof r->policy.start);
    } else if (strcmp(name, "Expiry") == 0) {
        take(r, r->policy.expiry, sizeof r->policy.expiry);
    } else if (strcmp(name, "Permission") == 0) {
        take(r, r->policy.permissions, sizeof r->policy.permissions);
    } else if (strcmp(name, "SignedIdentifier") == 0) {
        if (r->acl.count == REGION_POLICIES_MAX)
            wrong(r, ERR_LIMIT, "there are more than five");
        else
            r->acl.items[r->acl.count++] = r->policy;
    }
    r->value_bytes = 0;
}

static void on_doctype(void *user, const char *name, const char *sysid, const char *pubid,
                       int internal)
{
    (void)name, (void)sysid, (void)pubid, (void)internal;
    wrong(user, ERR_CORRUPT, "they begin with a document type");
}

bool region_acl_parse(const char *xml, size_t bytes, struct region_acl *out, struct err *e)
{
    struct acl_reading r = {.parser = XML_ParserCreate(NULL)};
    bool ok;

    if (!r.parser)
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory to read access policies");
    if (bytes > REGION_ACL_BODY_MAX_BYTES)
        wrong(&r, ERR_LIMIT, "the list is too long");
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_start, on_end);
    XML_SetCharacterDataHandler(r.parser, on_text);
    XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
    ok = !err_is_set(&r.err) && XML_Parse(r.parser, xml, (int)bytes, XML_TRUE) == XML_STATUS_OK;
    XML_ParserFree(r.parser);
    if (!ok && !err_is_set(&r.err)) /* cut off, or no XML: another answer may be whole */
        err_set(&r.err, ERR_CORRUPT, RETRY_LATER, "the container's access policies are no XML");
    if (err_is_set(&r.err)) {
        *e = r.err;
        return false;
    }
    *out = r.acl;
    return true;
}

static void put_element(FILE *out, const char *name, const char *value)
{
    if (!*value)
        return;
    fprintf(out, "<%s>", name);
    for (const char *c = value; *c; c++) {
        if (*c == '&')
            fputs("&amp;", out);
        else if (*c == '<')
            fputs("&lt;", out);
        else if (*c == '>')
            fputs("&gt;", out);
        else
            fputc(*c, out);
    }
    fprintf(out, "</%s>", name);
}

char *region_acl_format(const struct region_acl *acl)
{
    char *text = NULL;
    size_t count = 0;
    FILE *out = open_memstream(&text, &count);

    if (!out)
        return NULL;
    fputs("<?xml version=\"1.0\" encoding=\"utf-8\"?><SignedIdentifiers>", out);
    for (size_t i = 0; i < acl->count; i++) {
        fputs("<SignedIdentifier>", out);
        put_element(out, "Id", acl->items[i].id);
        fputs("<AccessPolicy>", out);
        put_element(out, "Start", acl->items[i].start);
        put_element(out, "Expiry", acl->items[i].expiry);
        put_element(out, "Permission", acl->items[i].permissions);
        fputs("</AccessPolicy></SignedIdentifier>", out);
    }
    fputs("</SignedIdentifiers>", out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

struct region_policy *region_acl_find(struct region_acl *acl, const char *id)
{
    for (size_t i = 0; i < acl->count; i++)
        if (strcmp(acl->items[i].id, id) == 0)
            return &acl->items[i];
    return NULL;
}

struct region_policy *region_acl_add(struct region_acl *acl, const char *id)
{
    struct region_policy *added;

    if (acl->count == REGION_POLICIES_MAX)
        return NULL;
    added = &acl->items[acl->count++];
    memset(added, 0, sizeof *added);
    snprintf(added->id, sizeof added->id, "%s", id);
    return added;
}

void region_acl_drop(struct region_acl *acl, const char *id)
{
    struct region_policy *found = region_acl_find(acl, id);

    if (!found)
        return;
    acl->count--;
    memmove(found, found + 1, (size_t)(acl->items + acl->count - found) * sizeof *found);
}

void region_time_format(uint64_t wall_ns, char out[REGION_TIME_MAX_BYTES])
{
    time_t seconds = (time_t)((wall_ns + NS_PER_S - 1) / NS_PER_S);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(out, REGION_TIME_MAX_BYTES, "%Y-%m-%dT%H:%M:%SZ", &tm);
}
