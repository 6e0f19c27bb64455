/* journal_place.c - see journal_place.h. */
#include "tools/snapferry/journal_place.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/journal.h"

bool journal_place_find(struct stage *stage, bool of_verify, struct journal_place *out_place,
                        struct err *e)
{
    const struct options *options = stage->options;
    const char *named = options->journal_path;
    bool beside = of_verify && (!named || options->command == COMMAND_COPY);
    char *unnamed = NULL;
    int length;

    *out_place = (struct journal_place){.asked_for = named != NULL};
    if (!named && stage->target->capabilities & ENDPOINT_DISCARDS)
        return true;
    if (!named && !stage->state_folder[0]) {
        if (!of_verify)
            view_say(&stage->view,
                     "There is no state folder (HOME is not set), so there is no journal: an "
                     "interrupted copy begins anew. --journal FILE gives it a place.");
        return true;
    }
    if (!named && !(unnamed = journal_default_path(stage->state_folder, stage->target->identity)))
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for the journal's path");
    length = snprintf(out_place->path, PATH_MAX, "%s%s", named ? named : unnamed,
                      beside ? ".verify" : "");
    free(unnamed);
    if (length < 0 || length >= PATH_MAX)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "the journal's path is too long");
    return true;
}
