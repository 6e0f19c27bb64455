/* fault_script_fuzz.c - any text given to `regiond --faults`: refused with a reason, or a plan whose faults
 * are within the limits of the script and the same whenever it is asked the same. Must not know: servers. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/regiond/faults.h"

#define QUESTIONS 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct fault_facts facts[] = {
    {"GET", "Get Blob", "", "a", "c", "disk.vhd", "", true, 0, 4096},
    {"PUT", "Put Page", "page", "a", "c", "disk.vhd", "", true, 4194304, 512},
    {"GET", "Get Page Ranges", "pagelist", "a", "c", "b", "2026-01-01T00:00:00.0000000Z", false, 0,
     0},
    {"PUT", "", "lease", "", "", "", "", false, 0, 0},
};

static void expect_within_limits(const struct fault *fault)
{
    assert(fault->kind < FAULT_KINDS);
    assert(strnlen(fault->name, sizeof fault->name) < sizeof fault->name);
    assert(strnlen(fault->code, sizeof fault->code) < sizeof fault->code);
    assert(fault->delay_ms <= FAULT_TIME_MAX_MS);
    if (fault->kind == FAULT_STATUS)
        assert(fault->status >= 100 && fault->status <= 599);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[200] = "", again_text[200];
    char *exact = malloc(size ? size : 1);
    struct fault_plan *plan, *again;

    assert(exact);
    memcpy(exact, data, size);
    plan = fault_plan_parse(exact, size, text, sizeof text);
    if (!plan) {
        assert(text[0]);
        free(exact);
        return 0;
    }
    again = fault_plan_parse(exact, size, again_text, sizeof again_text);
    assert(again);
    for (size_t i = 0; i < QUESTIONS; i++) {
        struct fault one = {0}, other = {0};
        const struct fault_facts *asked = &facts[i % (sizeof facts / sizeof facts[0])];
        bool hit = fault_plan_next(plan, asked, &one);

        assert(hit == fault_plan_next(again, asked, &other));
        if (!hit)
            continue;
        expect_within_limits(&one);
        assert(one.kind == other.kind && one.draw == other.draw);
    }
    assert(fault_plan_injected(plan) <= QUESTIONS);
    fault_plan_free(plan);
    fault_plan_free(again);
    free(exact);
    return 0;
}
