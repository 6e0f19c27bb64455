/* arm_render_parts.c - see arm_render_parts.h. */
#include "tools/controld/arm_render_parts.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/controld/arm_render.h"

#define NS_IN_S 1000000000ll

/* ---- Objects ---- */

struct arm_out arm_out_begin(void)
{
    return (struct arm_out){json_object()};
}

json_t *arm_out_end(struct arm_out *out)
{
    json_t *object = out->object;

    out->object = NULL;
    return object;
}

void arm_out_value(struct arm_out *out, const char *name, json_t *value)
{
    if (!out->object) {
        json_decref(value);
    } else if (!value || json_object_set_new(out->object, name, value) < 0) {
        json_decref(out->object);
        out->object = NULL;
    }
}

void arm_out_some(struct arm_out *out, const char *name, json_t *object)
{
    if (object && json_object_size(object) == 0)
        json_decref(object);
    else
        arm_out_value(out, name, object);
}

void arm_out_text(struct arm_out *out, const char *name, const char *text)
{
    if (text)
        arm_out_value(out, name, json_string(text));
}

void arm_out_int(struct arm_out *out, const char *name, int64_t value)
{
    arm_out_value(out, name, json_integer(value));
}

void arm_out_real(struct arm_out *out, const char *name, double value)
{
    arm_out_value(out, name, json_real(value));
}

void arm_out_bool(struct arm_out *out, const char *name, bool value)
{
    arm_out_value(out, name, json_boolean(value));
}

void arm_out_time(struct arm_out *out, const char *name, int64_t wall_ns)
{
    char text[ARM_TIME_MAX_BYTES];

    if (wall_ns <= 0)
        return;
    arm_time_text(wall_ns, text);
    arm_out_text(out, name, text);
}

void arm_out_reference(struct arm_out *out, const char *name, const char *id)
{
    if (id)
        arm_out_value(out, name, json_pack("{s:s}", "id", id));
}

void arm_out_identity(struct arm_out *out, const char *id, enum arm_type type)
{
    const char *last = strrchr(id, '/');

    arm_out_text(out, "id", id);
    arm_out_text(out, "name", last ? last + 1 : id);
    arm_out_text(out, "type", arm_type_name(type));
}

json_t *arm_render_shaped(const char *text, const struct arm_shape *members)
{
    struct arm_error e = {0};
    json_t *given = text ? json_loads(text, 0, NULL) : NULL;
    json_t *shaped = given ? arm_shape_read(given, members, "", &e) : NULL;

    json_decref(given);
    return shaped ? shaped : json_object();
}

void arm_time_text(int64_t wall_ns, char out[ARM_TIME_MAX_BYTES])
{
    time_t seconds = (time_t)(wall_ns / NS_IN_S);
    struct tm utc;
    size_t used;

    gmtime_r(&seconds, &utc);
    used = strftime(out, ARM_TIME_MAX_BYTES, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + used, ARM_TIME_MAX_BYTES - used, ".%07u+00:00",
             (unsigned)(wall_ns % NS_IN_S / 100) % 10000000u);
}

/* ---- Replication states ---- */

static const struct {
    const char *code, *word, *display, *level;
} states[ARM_REPLICATION_STATES] = {
    [ARM_REPLICATION_FAILED] = {"ReplicationState/failed", "Failed", "Replication failed", "Error"},
    [ARM_REPLICATION_CANCELED] = {"ReplicationState/canceled", "Canceled", "Replication canceled",
                                  "Error"},
    [ARM_REPLICATION_WAITING] = {"ReplicationState/waitingForAccess", "WaitingForAccess",
                                 "Replication waits for access", "Warning"},
    [ARM_REPLICATION_PAUSED] = {"ReplicationState/paused", "Paused", "Replication paused", "Info"},
    [ARM_REPLICATION_RUNNING] = {"ReplicationState/inProgress", "InProgress",
                                 "Replication in progress", "Info"},
    [ARM_REPLICATION_PENDING] = {"ReplicationState/pending", "Pending", "Replication pending",
                                 "Info"},
    [ARM_REPLICATION_SUCCEEDED] = {"ReplicationState/succeeded", "Succeeded",
                                   "Replication succeeded", "Info"},
};

enum arm_replication arm_replication_of(const char *code)
{
    for (int i = 0; code && i < ARM_REPLICATION_STATES; i++)
        if (strcasecmp(code, states[i].code) == 0)
            return (enum arm_replication)i;
    return ARM_REPLICATION_PENDING;
}

const char *arm_replication_code(enum arm_replication state)
{
    return states[state].code;
}

const char *arm_replication_word(enum arm_replication state)
{
    return states[state].word;
}

const char *arm_replication_display(enum arm_replication state)
{
    return states[state].display;
}

const char *arm_replication_level(enum arm_replication state)
{
    return states[state].level;
}

double arm_replication_percent(enum arm_replication state, double percent)
{
    const double below = 99.99; /* not all is there yet, however little is left */

    if (state == ARM_REPLICATION_SUCCEEDED)
        return 100;
    if (!(percent > 0)) /* a NaN too */
        return 0;
    return percent < below ? percent : below;
}

json_t *arm_replication_status(enum arm_replication state, const char *level, const char *message,
                               int64_t time_ns)
{
    struct arm_out out = arm_out_begin();

    arm_out_text(&out, "code", states[state].code);
    arm_out_text(&out, "level", level ? level : states[state].level);
    arm_out_text(&out, "displayStatus", states[state].display);
    arm_out_text(&out, "message", message);
    arm_out_time(&out, "time", time_ns);
    return arm_out_end(&out);
}
