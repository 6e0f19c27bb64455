/* verify_finding.c - see verify_finding.h. */
#include "tools/controld/verify_finding.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "tools/controld/arm_render_parts.h"

#define EXIT_EQUAL     0
#define EXIT_DIFFERENT 4

void verify_finding_begin(struct verify_finding *finding, enum verify_against against,
                          const char *kept_root)
{
    *finding = (struct verify_finding){.against = against};
    if (kept_root)
        snprintf(finding->expected, sizeof finding->expected, "%s", kept_root);
}

/* ---- Lines ---- */

static uint64_t count_of(const json_t *event, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(event, name));

    return value > 0 ? (uint64_t)value : 0;
}

static double real_of(const json_t *event, const char *name, double max)
{
    double value = json_number_value(json_object_get(event, name));

    if (!(value > 0))
        return 0;
    return value < max ? value : max;
}

static void take_text(const json_t *event, const char *name, char *out, size_t out_bytes)
{
    const char *text = json_string_value(json_object_get(event, name));

    if (text && *text)
        snprintf(out, out_bytes, "%s", text);
}

/* A root of another form is none: it would only ever differ. */
static void take_root(const json_t *event, char out_root[VERIFY_ROOT_MAX_BYTES])
{
    static const char kind[] = "sha256:";
    const char *text = json_string_value(json_object_get(event, "root"));

    if (!text || strncmp(text, kind, sizeof kind - 1) != 0 ||
        strspn(text + sizeof kind - 1, "0123456789abcdef") != 64 || text[sizeof kind - 1 + 64])
        return;
    snprintf(out_root, VERIFY_ROOT_MAX_BYTES, "%s", text);
}

static void hear_progress(struct verify_finding *finding, const json_t *event)
{
    finding->percent = real_of(event, "completionPercent", 100);
    finding->moved_bytes = count_of(event, "durableBytes");
}

/* They come in order, the first first. */
static void hear_difference(struct verify_finding *finding, const json_t *event)
{
    if (finding->first_length > 0)
        return;
    finding->first_offset = count_of(event, "offset");
    finding->first_length = count_of(event, "length");
}

static void hear_summary(struct verify_finding *finding, const json_t *event)
{
    bool source = finding->against == VERIFY_AGAINST_SOURCE;
    const json_t *equal = json_object_get(event, "equal");

    if (source && !json_is_boolean(equal))
        return;
    finding->summed = true;
    finding->says_equal = json_is_true(equal);
    finding->compared_bytes =
        source ? count_of(event, "comparedBytes") + count_of(event, "resumedBytes")
               : count_of(event, "readBytes");
    finding->different_bytes = count_of(event, "differentBytes");
    finding->range_count = count_of(event, "differentRanges");
    finding->ranges_cut = json_is_true(json_object_get(event, "differentRangesCut"));
    finding->sizes_differ = json_is_true(json_object_get(event, "sizesDiffer"));
    finding->seconds = real_of(event, "seconds", 1e9);
    take_root(event, finding->root);
}

void verify_finding_hear(struct verify_finding *finding, const char *line)
{
    json_t *event = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    const char *name = json_string_value(json_object_get(event, "event"));
    const char *level = json_string_value(json_object_get(event, "level"));

    if (name && strcmp(name, "progress") == 0)
        hear_progress(finding, event);
    else if (name && strcmp(name, "difference") == 0)
        hear_difference(finding, event);
    else if (name && strcmp(name, "summary") == 0)
        hear_summary(finding, event);
    else if (name && strcmp(name, "state") == 0 && level && strcmp(level, "Error") == 0)
        take_text(event, "displayStatus", finding->trouble, sizeof finding->trouble);
    json_decref(event);
}

/* ---- The end ---- */

void verify_finding_fail(struct verify_finding *finding, const char *trouble)
{
    finding->outcome = VERIFY_UNFINISHED;
    snprintf(finding->trouble, sizeof finding->trouble, "%s", trouble);
}

void verify_finding_miss(struct verify_finding *finding)
{
    finding->outcome = VERIFY_DIFFERENT;
    finding->missing = true;
}

static bool is_root_kept(const struct verify_finding *finding)
{
    return finding->expected[0] && finding->root[0];
}

/* Where both ends are alike, the digest of what was once copied still has a word: what has changed the
 * one may have changed the other. */
static void judge_comparison(struct verify_finding *finding, int status)
{
    finding->not_as_copied = finding->says_equal && is_root_kept(finding) &&
                             strcmp(finding->expected, finding->root) != 0;
    if (status == EXIT_DIFFERENT && !finding->says_equal)
        finding->outcome = VERIFY_DIFFERENT;
    else if (status == EXIT_EQUAL && finding->says_equal)
        finding->outcome = finding->not_as_copied ? VERIFY_DIFFERENT : VERIFY_EQUAL;
}

static void judge_root(struct verify_finding *finding, int status)
{
    if (status == EXIT_EQUAL && is_root_kept(finding))
        finding->outcome =
            strcmp(finding->expected, finding->root) == 0 ? VERIFY_EQUAL : VERIFY_DIFFERENT;
}

void verify_finding_end(struct verify_finding *finding, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

    finding->outcome = VERIFY_UNFINISHED;
    if (finding->summed && finding->against == VERIFY_AGAINST_SOURCE)
        judge_comparison(finding, code);
    else if (finding->summed)
        judge_root(finding, code);
    if (finding->outcome != VERIFY_UNFINISHED)
        finding->trouble[0] = 0;
    else if (WIFSIGNALED(status))
        snprintf(finding->trouble, sizeof finding->trouble,
                 "The process that compared was ended by signal %d. Ask again.", WTERMSIG(status));
    else if (!finding->trouble[0])
        snprintf(finding->trouble, sizeof finding->trouble,
                 "The process that compared ended with status %d and no result.", code);
}

/* ---- Told ---- */

const char *verify_outcome_name(enum verify_outcome outcome)
{
    static const char *const names[] = {[VERIFY_UNFINISHED] = "unfinished",
                                        [VERIFY_EQUAL] = "equal",
                                        [VERIFY_DIFFERENT] = "different"};

    return names[outcome];
}

static void tell_differences(const struct verify_finding *finding, struct arm_out *out)
{
    if (finding->against != VERIFY_AGAINST_SOURCE)
        return;
    arm_out_int(out, "differentBytes", (int64_t)finding->different_bytes);
    arm_out_int(out, "differentRanges", (int64_t)finding->range_count);
    if (finding->ranges_cut)
        arm_out_bool(out, "moreRanges", true);
    if (finding->sizes_differ)
        arm_out_bool(out, "sizesDiffer", true);
    if (finding->first_length > 0)
        arm_out_value(out, "firstDifference",
                      json_pack("{s:I, s:I}", "offset", (json_int_t)finding->first_offset, "length",
                                (json_int_t)finding->first_length));
}

json_t *verify_finding_json(const struct verify_finding *finding)
{
    struct arm_out out = arm_out_begin();

    arm_out_text(&out, "outcome", verify_outcome_name(finding->outcome));
    arm_out_text(&out, "against", finding->against == VERIFY_AGAINST_SOURCE ? "source" : "root");
    if (finding->outcome == VERIFY_UNFINISHED) {
        arm_out_text(&out, "message", finding->trouble);
        return arm_out_end(&out);
    }
    if (finding->missing) {
        arm_out_bool(&out, "missing", true);
        return arm_out_end(&out);
    }
    arm_out_int(&out, "comparedBytes", (int64_t)finding->compared_bytes);
    tell_differences(finding, &out);
    arm_out_text(&out, "root", finding->root[0] ? finding->root : NULL);
    if (finding->not_as_copied || finding->against == VERIFY_AGAINST_ROOT)
        arm_out_text(&out, "expectedRoot", finding->expected[0] ? finding->expected : NULL);
    arm_out_real(&out, "seconds", finding->seconds);
    return arm_out_end(&out);
}

void verify_finding_sentence(const struct verify_finding *finding,
                             char out_sentence[VERIFY_SENTENCE_MAX_BYTES])
{
    const size_t max = VERIFY_SENTENCE_MAX_BYTES;

    if (finding->outcome == VERIFY_UNFINISHED)
        snprintf(out_sentence, max, "It could not be verified: %s", finding->trouble);
    else if (finding->missing)
        snprintf(out_sentence, max, "Its snapshot is not in its region any more.");
    else if (finding->against == VERIFY_AGAINST_ROOT)
        snprintf(out_sentence, max,
                 "It is not what was copied: the digest of all its bytes is another one than was "
                 "kept then. Where it differs cannot be told without the source.");
    else if (finding->not_as_copied)
        snprintf(out_sentence, max,
                 "It equals its source, and neither is what was copied: the digest that was kept "
                 "then is another one.");
    else if (finding->first_length > 0)
        snprintf(out_sentence, max,
                 "It differs from its source: %" PRIu64 " bytes in %s%" PRIu64
                 " ranges, the first at offset %" PRIu64 ", %" PRIu64 " bytes long.",
                 finding->different_bytes, finding->ranges_cut ? "at least " : "",
                 finding->range_count, finding->first_offset, finding->first_length);
    else
        snprintf(out_sentence, max, "It differs from its source%s.",
                 finding->sizes_differ ? " in size" : "");
}
