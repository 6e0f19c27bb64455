/* fault_draw.h - which request of endpoint_fault.h goes wrong, and how: seeded draws over a list of rules.
 *
 * Knows:         rules, the generator, what each kind of failure is called.
 * Must not know: endpoints.
 * Threads:       none; one owner.
 */
#ifndef IO_FAULT_DRAW_H
#define IO_FAULT_DRAW_H

#include "io/endpoint_fault.h"

#define FAULT_NO_RULE UINT32_MAX

struct fault_draw {
    struct fault_rule rules[FAULT_RULES_MAX];
    uint32_t matched[FAULT_RULES_MAX], hits[FAULT_RULES_MAX];
    size_t rules_count;
    uint64_t random;
    uint64_t counts[FAULT_OPS][FAULT_KINDS];
};

void fault_draw_init(struct fault_draw *draw, const struct fault_options *options);
/* One draw a request, in the order of submission: the index of the rule that hits, or FAULT_NO_RULE. */
uint32_t fault_draw(struct fault_draw *draw, enum fault_op op, struct extent extent);
/* What the rule's failure looks like from above; replaces *e. Not for FAULT_FLIPPED. */
void fault_draw_error(const struct fault_draw *draw, uint32_t rule, struct err *e);
uint64_t fault_draw_random(struct fault_draw *draw);

#endif
