/* fault_rule.h - one rule of a fault script, and how it is read from JSON.
 *
 * Knows:         the members of a rule (faults.md).
 * Must not know: counts, draws, requests.
 * Threads:       plain values, filled before the plan is used.
 */
#ifndef REGIOND_FAULT_RULE_H
#define REGIOND_FAULT_RULE_H

#include <jansson.h>

#include "tools/regiond/faults.h"

#define FAULT_MATCH_MAX_BYTES 128u

/* Which requests; an empty text or a false `has` matches any. */
struct fault_match {
    char method[16];
    char verb[FAULT_MATCH_MAX_BYTES];
    bool has_comp;
    char comp[32]; /* "": only requests without comp= */
    char account[FAULT_MATCH_MAX_BYTES];
    char container[FAULT_MATCH_MAX_BYTES];
    char blob[FAULT_MATCH_MAX_BYTES];
    bool has_snapshot;
    bool snapshot; /* of a snapshot, or only of the base */
    bool has_range;
    uint64_t range_first, range_last; /* any overlap, bytes, inclusive */
};

struct fault_rule {
    struct fault_match match;
    struct fault fault;                /* as it will be; draw is filled when it happens */
    uint64_t nth[FAULT_NTH_MAX_COUNT]; /* which matches, from 1; nth_count 0: any */
    size_t nth_count;
    uint64_t after;           /* not the first `after` matches */
    uint64_t every;           /* 0: any; else each every-th match */
    double probability;       /* of those that are left; 1 unless given */
    uint64_t times;           /* at most; 0: no limit */
    uint64_t times_per_range; /* for one blob and range offset; 0: no limit */
};

/* False, with a sentence in out_text. `index` is for the name of a rule that has none. */
bool fault_rule_read(const json_t *object, size_t index, struct fault_rule *out, char *out_text,
                     size_t text_bytes);

bool fault_rule_matches(const struct fault_match *match, const struct fault_facts *facts);

#endif
