/* verb_common.h - what several verbs do alike: keys, conditions, ranges, metadata, outcomes.
 *
 * Knows:         how the store's words and the service's headers translate into each other.
 * Must not know: any one verb.
 * Threads:       one exchange at a time.
 */
#ifndef REGIOND_VERB_COMMON_H
#define REGIOND_VERB_COMMON_H

#include "tools/regiond/exchange.h"

#define ORDINARY_BLOB_MAX_BYTES (UINT64_C(8) << 40)
#define METADATA_PREFIX         "x-ms-meta-"

/* ---- From the request; each returns false with the error set ---- */

struct store_key verb_key(const struct exchange *x);
bool verb_conditions(struct exchange *x, struct store_conditions *out);

struct verb_range {
    bool given;
    bool open_ended; /* "bytes=N-": last is UINT64_MAX */
    uint64_t first;
    uint64_t last; /* inclusive */
};
/* x-ms-range, or else Range; given is false when neither is there. */
bool verb_range(struct exchange *x, struct verb_range *out);

/* "bytes=A-B" or "bytes=A-"; false when it is neither. */
bool verb_range_parse(const char *text, struct verb_range *out);

bool verb_metadata(struct exchange *x, struct store_pairs *out); /* fini it, also on false */

/* A header that must be a decimal number; *out_given tells whether it was there. */
bool verb_u64_header(struct exchange *x, const char *name, bool *out_given, uint64_t *out_value);

/* A header that must be there. NULL: the error is set. */
const char *verb_required_header(struct exchange *x, const char *name);

/* maxresults=, within 1..limit (above it: limit); absent: limit. */
bool verb_max_results(struct exchange *x, size_t limit, size_t *out_count);

/* 3 to 63 of a-z 0-9 '-', no dash at an end, no two in a row; or one of the service's own. */
bool verb_container_name_ok(const char *name);

/* ---- To the answer ---- */

/* True if the store said OK, else the error is set to what the service says for it. */
bool verb_stored(struct exchange *x, enum store_result result);

void verb_answer(struct exchange *x, unsigned status); /* begins a success */
void verb_answer_stamp(struct exchange *x, const struct store_stamp *stamp);
void verb_answer_metadata(struct exchange *x, const struct store_pairs *metadata);
const char *verb_lease_state_name(enum store_lease_state state);

#endif
