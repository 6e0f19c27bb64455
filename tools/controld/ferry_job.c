/* ferry_job.c - see ferry_job.h. */
#include "tools/controld/ferry_job.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINE_START_BYTES 4096u

/* ---- Bytes ---- */

/* Not realloc: what it leaves behind could not be wiped. */
static bool make_room(struct ferry_line *line, size_t bytes)
{
    size_t room = line->room ? line->room : LINE_START_BYTES;
    char *more;

    if (line->failed || line->count + bytes < line->room)
        return !line->failed;
    while (room <= line->count + bytes)
        room *= 2;
    more = malloc(room);
    if (!more) {
        line->failed = true;
        return false;
    }
    if (line->bytes) {
        memcpy(more, line->bytes, line->count);
        explicit_bzero(line->bytes, line->room);
        free(line->bytes);
    }
    line->bytes = more;
    line->room = room;
    return true;
}

static void add_bytes(struct ferry_line *line, const char *bytes, size_t count)
{
    if (!make_room(line, count))
        return;
    memcpy(line->bytes + line->count, bytes, count);
    line->count += count;
}

static void add(struct ferry_line *line, const char *text)
{
    add_bytes(line, text, strlen(text));
}

static void add_number(struct ferry_line *line, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, number);
    add(line, text);
}

/* A JSON string; the caller has seen that it is UTF-8. */
static void add_text(struct ferry_line *line, const char *text)
{
    add(line, "\"");
    for (const char *c = text; *c; c++) {
        char escape[8];

        if (*c == '"' || *c == '\\') {
            const char pair[2] = {'\\', *c};

            add_bytes(line, pair, sizeof pair);
        } else if ((unsigned char)*c < ' ') {
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned)*c);
            add(line, escape);
        } else {
            add_bytes(line, c, 1);
        }
    }
    add(line, "\"");
}

/* ,"NAME":"TEXT" */
static void add_member(struct ferry_line *line, const char *name, const char *text)
{
    add(line, ",\"");
    add(line, name);
    add(line, "\":");
    add_text(line, text);
}

static void add_time(struct ferry_line *line, const char *name, uint64_t time_s)
{
    time_t seconds = (time_t)time_s;
    char text[40];
    struct tm tm;

    if (time_s > INT32_MAX * 64ull || !gmtime_r(&seconds, &tm))
        return; /* for ever, or nearly */
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    add_member(line, name, text);
}

void ferry_line_fini(struct ferry_line *line)
{
    if (line->bytes)
        explicit_bzero(line->bytes, line->room);
    free(line->bytes);
    memset(line, 0, sizeof *line);
}

/* ---- The job ---- */

void ferry_job_begin(struct ferry_line *line, const char *point)
{
    add(line, "{\"restorePoints\":[{\"id\":");
    add_text(line, point);
    add(line, ",\"disks\":[");
}

void ferry_job_add(struct ferry_line *line, const struct ferry_job_disk *disk)
{
    const struct ferry_job_end *source = &disk->sides[ACCESS_SOURCE];
    const struct ferry_job_end *base = &disk->sides[ACCESS_BASE];
    const struct ferry_job_end *target = &disk->sides[ACCESS_TARGET];

    if (line->count && line->bytes[line->count - 1] == '}')
        add(line, ",");
    add(line, "{\"id\":");
    add_text(line, disk->id);
    add(line, ",\"source\":{\"url\":");
    add_text(line, source->url);
    if (source->identity)
        add_member(line, "identity", source->identity);
    if (source->expires_s)
        add_time(line, "expiresOn", source->expires_s);
    if (base->url)
        add_member(line, "baseUrl", base->url);
    if (base->url && base->identity)
        add_member(line, "baseIdentity", base->identity);
    if (base->url && base->expires_s)
        add_time(line, "baseExpiresOn", base->expires_s);
    add(line, "},\"target\":{\"url\":");
    add_text(line, target->url);
    if (target->expires_s)
        add_time(line, "expiresOn", target->expires_s);
    if (disk->target_new)
        add(line, ",\"mustBeNew\":true");
    if (disk->target_larger)
        add(line, ",\"mayBeLarger\":true");
    add(line, "}");
    if (disk->raw)
        add_member(line, "footer", "raw");
    if (disk->map)
        add_member(line, "map", disk->map);
    add_member(line, "journal", disk->journal);
    add(line, disk->verify ? ",\"verify\":true}" : "}");
}

void ferry_job_end(struct ferry_line *line, const struct ferry_job_limits *limits)
{
    add(line, "]}],\"limits\":{\"bytesPerSecond\":");
    add_number(line, limits->bytes_per_s);
    if (limits->memory_bytes) {
        add(line, ",\"memoryBytes\":");
        add_number(line, limits->memory_bytes);
    }
    add(line, "}}\n");
}

/* ---- Commands ---- */

void ferry_job_renew(struct ferry_line *line, const char *disk, enum access_side side,
                     const struct ferry_job_end *end, const char *tag)
{
    add(line, "{\"command\":\"renewAccess\",\"disk\":");
    add_text(line, disk);
    add_member(line, "side", access_side_name(side));
    add_member(line, "url", end->url);
    if (end->expires_s)
        add_time(line, "expiresOn", end->expires_s);
    add_member(line, "tag", tag);
    add(line, "}\n");
}

void ferry_job_status(struct ferry_line *line)
{
    add(line, "{\"command\":\"status\"}\n");
}
