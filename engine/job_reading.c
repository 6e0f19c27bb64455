/* job_reading.c - see job_reading.h. */
#include "engine/job_reading.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Where ---- */

size_t job_reading_enter(struct job_reading *reading, const char *member)
{
    size_t mark = strlen(reading->path);

    snprintf(reading->path + mark, sizeof reading->path - mark, ".%s", member);
    return mark;
}

size_t job_reading_enter_item(struct job_reading *reading, size_t index)
{
    size_t mark = strlen(reading->path);

    snprintf(reading->path + mark, sizeof reading->path - mark, "[%zu]", index);
    return mark;
}

void job_reading_leave(struct job_reading *reading, size_t mark)
{
    reading->path[mark] = 0;
}

/* ---- What is wrong ---- */

void job_reading_tell(struct job_reading *reading, bool warning, const char *path,
                      const char *sentence)
{
    if (!warning && ++reading->mistakes > JOB_MISTAKES_MAX)
        return;
    reading->told(reading->arg, warning, path, sentence);
}

void job_reading_mistake(struct job_reading *reading, const struct err *e)
{
    job_reading_wrong(reading, e->text);
}

void job_reading_wrong(struct job_reading *reading, const char *sentence)
{
    job_reading_tell(reading, false, reading->path, sentence);
}

/* A tool that writes one member too many writes it for each disk: that is one thing to know. */
static void note_unknown(struct job_reading *reading, const char *name)
{
    char shown[JOB_NAME_SHOWN_SIZE];
    size_t mark;
    uint32_t i = 0;

    job_members_name(name, shown);
    while (i < reading->unknown_count && strcmp(reading->unknown[i].name, shown) != 0)
        i++;
    if (i == JOB_UNKNOWN_MAX) {
        reading->unknown_more++;
        return;
    }
    if (i == reading->unknown_count) {
        mark = job_reading_enter(reading, shown);
        memcpy(reading->unknown[i].name, shown, sizeof shown);
        memcpy(reading->unknown[i].path, reading->path, sizeof reading->path);
        job_reading_leave(reading, mark);
        reading->unknown_count++;
    }
    reading->unknown[i].count++;
}

void job_reading_conclude(struct job_reading *reading)
{
    char sentence[160];

    if (reading->mistakes > JOB_MISTAKES_MAX) {
        snprintf(sentence, sizeof sentence, "has %" PRIu32 " other mistakes",
                 reading->mistakes - JOB_MISTAKES_MAX);
        reading->told(reading->arg, false, "$", sentence);
    }
    for (uint32_t i = 0; i < reading->unknown_count; i++) {
        if (reading->unknown[i].count > 1)
            snprintf(sentence, sizeof sentence,
                     "is not known, and passed by; so are %" PRIu32 " others of this name",
                     reading->unknown[i].count - 1);
        else
            snprintf(sentence, sizeof sentence, "is not known, and passed by");
        reading->told(reading->arg, true, reading->unknown[i].path, sentence);
    }
    if (reading->unknown_more) {
        snprintf(sentence, sizeof sentence,
                 "%" PRIu32 " other members are not known, and passed by", reading->unknown_more);
        reading->told(reading->arg, true, "$", sentence);
    }
}

/* ---- Read ---- */

static const struct job_member *find_member(const struct job_member *members, const char *name)
{
    for (; members->name; members++)
        if (strcmp(members->name, name) == 0)
            return members;
    return NULL;
}

void job_reading_object(struct job_reading *reading, json_t *value,
                        const struct job_member *members, void *arg)
{
    const char *name;
    json_t *member;

    if (!json_is_object(value)) {
        job_reading_wrong(reading, "must be an object");
        return;
    }
    json_object_foreach(value, name, member)
    {
        const struct job_member *known = find_member(members, name);
        size_t mark;

        if (!known) {
            note_unknown(reading, name);
            continue;
        }
        mark = job_reading_enter(reading, name);
        known->read(reading, member, arg, known->which);
        job_reading_leave(reading, mark);
    }
    for (; members->name; members++)
        if (members->needed && !json_object_get(value, members->name)) {
            size_t mark = job_reading_enter(reading, members->name);

            job_reading_wrong(reading, "is missing");
            job_reading_leave(reading, mark);
        }
}

bool job_reading_keep(const char *text, char **out_text, struct err *e)
{
    *out_text = strdup(text);
    return *out_text || err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for it");
}

void job_reading_text(struct job_reading *reading, json_t *value, size_t max_bytes, char **out_text)
{
    const char *text;
    struct err e = {0};

    if (!job_members_text(value, max_bytes, &text, &e) || !job_reading_keep(text, out_text, &e))
        job_reading_mistake(reading, &e);
}

void job_reading_id(struct job_reading *reading, json_t *value, char **out_text)
{
    const char *text;
    struct err e = {0};

    if (!job_members_text(value, JOB_ID_MAX_BYTES, &text, &e) || !job_members_clear(text, &e) ||
        !job_reading_keep(text, out_text, &e))
        job_reading_mistake(reading, &e);
}
