/* faults.c - a plan's rules, their counts and their draws. */
#include "tools/regiond/faults.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/regiond/fault_rule.h"
#include "tools/regiond/text_file.h"

#define RANGE_ROW_COUNT 4096u

struct range_count {
    struct range_count *next;
    uint64_t key; /* of rule, names and offset */
    uint64_t times;
};

struct rule_state {
    uint64_t matches;
    uint64_t times;
};

struct fault_plan {
    uint64_t seed; /* set once, as the rules */
    struct fault_rule rules[FAULT_RULE_MAX_COUNT];
    size_t rule_count;
    pthread_mutex_t lock;
    struct rule_state states[FAULT_RULE_MAX_COUNT]; /* guarded by lock, as all below */
    struct range_count *ranges[RANGE_ROW_COUNT];
    size_t range_count;
    uint64_t injected;
};

/* ---- Draws ---- */

/* splitmix64's finisher: every bit of the result depends on every bit of x. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t draw(const struct fault_plan *plan, size_t rule, uint64_t match)
{
    return mix(mix(plan->seed ^ mix(rule + 1)) ^ match);
}

static bool falls_under(uint64_t random, double probability)
{
    return (double)(random >> 11) < probability * 9007199254740992.0; /* 2^53 */
}

/* ---- Counts ---- */

static uint64_t hash_text(uint64_t hash, const char *text)
{
    do
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    while (*text++);
    return hash;
}

static uint64_t range_key(size_t rule, const struct fault_facts *facts)
{
    uint64_t hash = mix(rule + 1);

    hash = hash_text(hash, facts->account);
    hash = hash_text(hash, facts->container);
    hash = hash_text(hash, facts->blob);
    hash = hash_text(hash, facts->snapshot);
    return mix(hash ^ mix(facts->range_offset));
}

/* May this range have the fault once more? Counts it if so. */
static bool range_allows(struct fault_plan *plan, size_t rule, const struct fault_facts *facts)
{
    uint64_t limit = plan->rules[rule].times_per_range;
    uint64_t key = range_key(rule, facts);
    struct range_count **row = &plan->ranges[key % RANGE_ROW_COUNT];
    struct range_count *at;

    if (limit == 0)
        return true;
    for (at = *row; at; at = at->next)
        if (at->key == key)
            return at->times < limit && ++at->times;
    if (plan->range_count == FAULT_RANGE_MAX_COUNT)
        return false;
    at = calloc(1, sizeof *at);
    if (!at)
        return false;
    at->key = key;
    at->times = 1;
    at->next = *row;
    *row = at;
    plan->range_count++;
    return true;
}

static bool is_chosen(const struct fault_rule *rule, uint64_t match)
{
    if (match <= rule->after)
        return false;
    if (rule->every > 0 && (match - rule->after) % rule->every != 0)
        return false;
    if (rule->nth_count == 0)
        return true;
    for (size_t i = 0; i < rule->nth_count; i++)
        if (rule->nth[i] == match)
            return true;
    return false;
}

/* One rule's verdict; its match is counted whether or not another rule has fired already. */
static bool rule_fires(struct fault_plan *plan, size_t i, const struct fault_facts *facts,
                       bool already, struct fault *out)
{
    const struct fault_rule *rule = &plan->rules[i];
    struct rule_state *state = &plan->states[i];
    uint64_t random;

    if (!fault_rule_matches(&rule->match, facts))
        return false;
    state->matches++;
    random = draw(plan, i, state->matches);
    if (already || !is_chosen(rule, state->matches) || !falls_under(random, rule->probability) ||
        (rule->times > 0 && state->times == rule->times) || !range_allows(plan, i, facts))
        return false;
    state->times++;
    *out = rule->fault;
    out->draw = mix(random);
    return true;
}

bool fault_plan_next(struct fault_plan *plan, const struct fault_facts *facts, struct fault *out)
{
    bool fired = false;

    pthread_mutex_lock(&plan->lock);
    for (size_t i = 0; i < plan->rule_count; i++)
        fired = rule_fires(plan, i, facts, fired, out) || fired;
    plan->injected += fired;
    pthread_mutex_unlock(&plan->lock);
    return fired;
}

uint64_t fault_plan_injected(struct fault_plan *plan)
{
    uint64_t injected;

    pthread_mutex_lock(&plan->lock);
    injected = plan->injected;
    pthread_mutex_unlock(&plan->lock);
    return injected;
}

/* ---- Life ---- */

static bool read_rules(struct fault_plan *plan, const json_t *rules, char *out_text,
                       size_t text_bytes)
{
    char why[200];

    if (!json_is_array(rules) || json_array_size(rules) > FAULT_RULE_MAX_COUNT) {
        snprintf(out_text, text_bytes, "rules: must be a list of at most %u", FAULT_RULE_MAX_COUNT);
        return false;
    }
    plan->rule_count = json_array_size(rules);
    for (size_t i = 0; i < plan->rule_count; i++) {
        if (fault_rule_read(json_array_get(rules, i), i + 1, &plan->rules[i], why, sizeof why))
            continue;
        snprintf(out_text, text_bytes, "rule %zu: %s", i + 1, why);
        return false;
    }
    return true;
}

static bool read_plan(struct fault_plan *plan, const json_t *root, char *out_text,
                      size_t text_bytes)
{
    const json_t *seed = json_object_get(root, "seed");
    const json_t *rules = json_object_get(root, "rules");

    if (!json_is_integer(seed) || !rules || json_object_size(root) != 2) {
        snprintf(out_text, text_bytes, "a script is {\"seed\": NUMBER, \"rules\": [...]}");
        return false;
    }
    plan->seed = (uint64_t)json_integer_value(seed);
    return read_rules(plan, rules, out_text, text_bytes);
}

struct fault_plan *fault_plan_parse(const char *json, size_t n, char *out_text, size_t text_bytes)
{
    json_error_t error;
    json_t *root = json_loadb(json, n, JSON_REJECT_DUPLICATES, &error);
    struct fault_plan *plan;

    if (!root) {
        snprintf(out_text, text_bytes, "line %d: %s", error.line, error.text);
        return NULL;
    }
    plan = calloc(1, sizeof *plan);
    if (!plan) {
        snprintf(out_text, text_bytes, "no memory");
    } else {
        pthread_mutex_init(&plan->lock, NULL);
        if (!read_plan(plan, root, out_text, text_bytes)) {
            fault_plan_free(plan);
            plan = NULL;
        }
    }
    json_decref(root);
    return plan;
}

struct fault_plan *fault_plan_load(const char *path, char *out_text, size_t text_bytes)
{
    struct fault_plan *plan;
    char why[300];
    size_t n;
    char *text = text_file_read(path, FAULT_FILE_MAX_BYTES, &n, out_text, text_bytes);

    if (!text)
        return NULL;
    plan = fault_plan_parse(text, n, why, sizeof why);
    if (!plan)
        snprintf(out_text, text_bytes, "%s: %s", path, why);
    free(text);
    return plan;
}

void fault_plan_free(struct fault_plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < RANGE_ROW_COUNT; i++) {
        while (plan->ranges[i]) {
            struct range_count *next = plan->ranges[i]->next;

            free(plan->ranges[i]);
            plan->ranges[i] = next;
        }
    }
    pthread_mutex_destroy(&plan->lock);
    free(plan);
}
