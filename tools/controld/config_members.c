/* config_members.c - single members of a configuration; see config_parts.h. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/controld/config_parts.h"

#define DISK_MAX_BYTES (64ull << 40)

void config_read_path(struct job_reading *reading, json_t *value, char **out_path)
{
    struct err e = {0};
    const char *text;

    if (job_members_text(value, PATH_MAX - 1, &text, &e) &&
        (text[0] == '/' || err_set(&e, ERR_USAGE, RETRY_NEVER, "must be an absolute path")))
        job_reading_keep(text, out_path, &e);
    if (err_is_set(&e))
        job_reading_mistake(reading, &e);
}

void config_read_bool(struct job_reading *reading, json_t *value, bool *out)
{
    if (json_is_boolean(value))
        *out = json_is_true(value);
    else
        job_reading_wrong(reading, "must be true or false");
}

void config_read_unsigned(struct job_reading *reading, json_t *value, unsigned min, unsigned max,
                          unsigned *out)
{
    struct err e = {0};
    uint64_t count;

    if (job_members_count(value, min, max, &count, &e))
        *out = (unsigned)count;
    else
        job_reading_mistake(reading, &e);
}

void config_read_bytes(struct job_reading *reading, json_t *value, uint64_t min, uint64_t *out)
{
    struct err e = {0};

    if (!job_members_count(value, min, DISK_MAX_BYTES, out, &e))
        job_reading_mistake(reading, &e);
}

void config_read_shaped(struct job_reading *reading, json_t *value, const struct arm_shape *members,
                        json_t **out)
{
    struct arm_error why = {0};

    if (!json_is_object(value))
        job_reading_wrong(reading, "must be an object");
    else if (!(*out = arm_shape_read(value, members, "", &why)))
        job_reading_wrong(reading, why.message);
}

void config_read_id(struct job_reading *reading, json_t *value, enum arm_type type, char **out_id)
{
    char canonical[ARM_ID_MAX_BYTES], sentence[160];
    struct arm_error why = {0};
    struct err e = {0};
    struct arm_id id;
    const char *text;

    if (!job_members_text(value, ARM_ID_MAX_BYTES - 1, &text, &e)) {
        job_reading_mistake(reading, &e);
        return;
    }
    if (!arm_id_parse(text, "id", &id, &why) || id.type != type) {
        snprintf(sentence, sizeof sentence, "must be an id: /subscriptions/.../%s/...",
                 arm_type_name(type));
        job_reading_wrong(reading, sentence);
        return;
    }
    arm_id_text(&id, canonical);
    if (!job_reading_keep(canonical, out_id, &e))
        job_reading_mistake(reading, &e);
}

void config_read_word(struct job_reading *reading, json_t *value, const char *words, unsigned *out)
{
    const char *text = json_string_value(value);
    char sentence[160];
    unsigned index = 0;

    for (const char *at = words; text && *at; index++) {
        size_t bytes = strcspn(at, " ");

        if (strlen(text) == bytes && strncmp(text, at, bytes) == 0) {
            *out = index;
            return;
        }
        at += bytes + 1;
    }
    snprintf(sentence, sizeof sentence, "must be one of: %s", words);
    sentence[strcspn(sentence, "\n")] = 0;
    job_reading_wrong(reading, sentence);
}

void config_wrong_member(struct job_reading *reading, const char *member, const char *sentence)
{
    size_t mark = job_reading_enter(reading, member);

    job_reading_wrong(reading, sentence);
    job_reading_leave(reading, mark);
}

void *config_room(struct job_reading *reading, const json_t *value, size_t max, size_t item_bytes)
{
    char sentence[80];
    void *items = NULL;

    if (!json_is_array(value) || json_array_size(value) > max) {
        snprintf(sentence, sizeof sentence, "must be an array of at most %zu", max);
        job_reading_wrong(reading, sentence);
    } else if (!(items = calloc(json_array_size(value) + 1, item_bytes))) {
        job_reading_wrong(reading, "no memory for so many");
    }
    return items;
}
