/* front_page.h - lists in pages: where one goes on, and the nextLink to where the next one does.
 *
 * Knows:         $skiptoken, a key of the catalog inside it, nextLink. Must not know: what is listed.
 * Threads:       the reactor's.
 *
 * A page is what comes after a key, so that rows that come and go between two pages neither repeat nor
 * hide others.
 */
#ifndef CONTROLD_FRONT_PAGE_H
#define CONTROLD_FRONT_PAGE_H

#include <jansson.h>
#include <stdbool.h>

#include "tools/controld/arm_error.h"
#include "tools/controld/front.h"

#define FRONT_PAGE_ROWS          200u /* of one page */
#define FRONT_PAGE_KEY_MAX_BYTES 1024u

struct front_page {
    char after[FRONT_PAGE_KEY_MAX_BYTES]; /* "": from the start */
    unsigned limit; /* rows; ask the catalog for one more to see whether there is more */
};

/* False: 400, the $skiptoken is none of ours. */
bool front_page_read(const struct front_call *call, struct front_page *out_page,
                     struct arm_error *why);

/* {"value": value, "nextLink": ...}. value: taken. last_key: of its last row; NULL: there is no more. */
json_t *front_page_make(const struct front_call *call, json_t *value, const char *last_key);

#endif
