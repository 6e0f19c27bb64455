/* journal_place.c - see journal_place.h. */
#include "tools/snapferry/journal_place.h"

#include <stdio.h>
#include <string.h>

#include "blockmap/digest.h"

bool journal_place_find(struct stage *stage, bool of_verify, struct journal_place *out_place,
                        struct err *e)
{
    const struct options *options = stage->options;
    const char *named = options->journal_path;
    bool beside = of_verify && (!named || options->command == COMMAND_COPY);
    char digest[DIGEST_TEXT_MAX_BYTES];
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
    digest_sha256_text(stage->target->identity, strlen(stage->target->identity), digest);
    if (named)
        length = snprintf(out_place->path, PATH_MAX, "%s%s", named, beside ? ".verify" : "");
    else
        length = snprintf(out_place->path, PATH_MAX, "%s/journals/%s.journal%s",
                          stage->state_folder, strchr(digest, ':') + 1, beside ? ".verify" : "");
    if (length < 0 || length >= PATH_MAX)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "the journal's path is too long");
    return true;
}
