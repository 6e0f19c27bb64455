/* pace.c - see pace.h. */
#include "tools/controld/pace.h"

static bool tell(json_t *beyond, const char *name, uint64_t value)
{
    return json_object_set_new(beyond, name, json_integer((json_int_t)value)) == 0;
}

bool pace_tell(json_t *holder, const struct ferry_disk_view *view)
{
    json_t *beyond;

    if (!view || view->code != EVENT_IN_PROGRESS)
        return true;
    beyond = json_object_get(holder, "x-snapferry");
    if (!beyond) {
        if (json_object_set_new(holder, "x-snapferry", json_object()) < 0)
            return false;
        beyond = json_object_get(holder, "x-snapferry");
    }
    return (!view->bytes_per_s || tell(beyond, "bytesPerSecond", view->bytes_per_s)) &&
           (!view->changed_bytes || (tell(beyond, "changedBytes", view->changed_bytes) &&
                                     tell(beyond, "durableBytes", view->durable_bytes))) &&
           (view->eta_s == UINT64_MAX || tell(beyond, "etaSeconds", view->eta_s));
}
