/* verify_finding_fuzz.c - lines of a comparing child as a stranger may have written them: whatever they
 * say, equal is only what says so itself, and all of it can be told. Must not know: processes. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tools/controld/verify_finding.h"

#define LINE_MAX_BYTES 2048u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hear_all(struct verify_finding *finding, const uint8_t *data, size_t size)
{
    char line[LINE_MAX_BYTES];
    size_t used = 0;

    for (size_t i = 0; i <= size; i++) {
        if (i == size || data[i] == '\n' || used == sizeof line - 1) {
            line[used] = 0;
            verify_finding_hear(finding, line);
            used = 0;
        } else {
            line[used++] = (char)data[i];
        }
    }
}

static void expect_told(const struct verify_finding *finding)
{
    char sentence[VERIFY_SENTENCE_MAX_BYTES] = "";
    json_t *told = verify_finding_json(finding);
    const char *outcome = json_string_value(json_object_get(told, "outcome"));

    assert(outcome && strcmp(outcome, verify_outcome_name(finding->outcome)) == 0);
    json_decref(told);
    verify_finding_sentence(finding, sentence);
    assert(sentence[0] && memchr(sentence, 0, sizeof sentence));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char root[] =
        "sha256:b901a3efb994231f55767788e0384c484a71e52855ded90f891f2eb4aafbd1e4";
    struct verify_finding finding;

    if (size < 2)
        return 0;
    verify_finding_begin(&finding, data[0] & 1 ? VERIFY_AGAINST_ROOT : VERIFY_AGAINST_SOURCE,
                         data[0] & 2 ? root : NULL);
    hear_all(&finding, data + 2, size - 2);
    assert(finding.percent >= 0 && finding.percent <= 100);
    verify_finding_end(&finding, data[1] << 8);
    if (finding.outcome == VERIFY_EQUAL)
        assert(finding.summed && data[1] == 0 &&
               (finding.against == VERIFY_AGAINST_ROOT ? strcmp(finding.root, root) == 0
                                                       : finding.says_equal));
    expect_told(&finding);
    return 0;
}
