/* command_ctl.c - snapferry ctl: one command of a person to a run, by its control socket.
 *
 * It makes the line that a program would send (design "Commands"), so there is one way in and no second one.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/control.h"
#include "engine/job_members.h"
#include "io/secret.h"
#include "tools/snapferry/arguments.h"
#include "tools/snapferry/ctl_call.h"
#include "tools/snapferry/ctl_table.h"
#include "tools/snapferry/size_text.h"
#include "tools/snapferry/stage.h"

/* What is left of the arguments. */
struct words {
    const char *const *next;
    uint32_t count;
    const struct options *options;
};

static bool misuse(struct err *e, const char *sentence)
{
    return err_set(e, ERR_USAGE, RETRY_NEVER, "%s", sentence);
}

static const char *take_word(struct words *words)
{
    if (words->count == 0)
        return NULL;
    words->count--;
    return *words->next++;
}

/* False: no memory, or bytes that are no UTF-8. */
static bool set_text(json_t *line, const char *member, const char *text, struct err *e)
{
    if (json_object_set_new(line, member, json_string(text)) == 0)
        return true;
    return err_set(e, ERR_USAGE, RETRY_NEVER, "the %s is no text", member);
}

/* ---- Verbs ---- */

static bool fill_nothing(json_t *line, struct words *words, struct err *e)
{
    (void)line;
    (void)words;
    (void)e;
    return true;
}

/* DISK, or the restore point instead. */
static bool fill_disk(json_t *line, struct words *words, struct err *e)
{
    const char *disk;

    if (words->options->run.point)
        return set_text(line, "restorePoint", words->options->run.point, e);
    disk = take_word(words);
    if (!disk)
        return misuse(e, "this verb needs a DISK, or --restore-point ID");
    return set_text(line, "disk", disk, e);
}

static bool fill_priority(json_t *line, struct words *words, struct err *e)
{
    const char *text;
    uint64_t number;

    if (!fill_disk(line, words, e))
        return false;
    text = take_word(words);
    if (!text || !size_text_parse(text, &number) || number < 1 || number > JOB_PRIORITY_MAX)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "a priority is a number from 1 to %u",
                       JOB_PRIORITY_MAX);
    json_object_set_new(line, "priority", json_integer((json_int_t)number));
    return true;
}

static bool fill_expiry(json_t *line, uint64_t expires_s, struct err *e)
{
    time_t at = (time_t)expires_s;
    char text[40];
    struct tm tm;

    if (!gmtime_r(&at, &tm) || !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm))
        return misuse(e, "--expires is too far away");
    return set_text(line, "expiresOn", text, e);
}

static bool fill_renewal(json_t *line, struct words *words, struct err *e)
{
    const char *side, *given;
    char *url = NULL;
    bool ok = false;

    if (words->options->run.point)
        return misuse(e, "a URL is of one DISK: renew goes without --restore-point");
    if (!fill_disk(line, words, e))
        return false;
    side = take_word(words);
    given = take_word(words);
    if (!side || !given)
        return misuse(e, "renew is written: renew DISK source|base|target URL");
    if (strcmp(side, "source") != 0 && strcmp(side, "base") != 0 && strcmp(side, "target") != 0)
        return misuse(e, "renew takes source, base or target, and then the URL");
    if (!secret_resolve(given, &url, e)) {
        e->kind = ERR_USAGE; /* also an @FILE that cannot be read */
        return false;
    }
    if (!secret_is_url(url))
        misuse(e, "renew takes a URL (https://...), env:NAME or @FILE with one");
    else
        ok =
            set_text(line, "side", side, e) && set_text(line, "url", url, e) &&
            (!words->options->run.expires_s || fill_expiry(line, words->options->run.expires_s, e));
    secret_wipe_free(url);
    return ok;
}

/* NAME=SIZE or NAME=none */
static bool fill_limit(json_t *line, const char *word, struct err *e)
{
    const char *value = strchr(word, '=');
    char shown[ARGUMENT_SHOWN_MAX_BYTES];
    uint64_t number = 0;

    for (unsigned i = 0; value && i < CONTROL_LIMITS_COUNT; i++) {
        const char *name = job_members_limit_name((enum control_limit)i);

        if (strlen(name) != (size_t)(value - word) || strncmp(name, word, strlen(name)) != 0)
            continue;
        if (strcmp(value + 1, "none") == 0)
            return set_text(line, name, "none", e);
        if (!size_text_parse(value + 1, &number) || number > INT64_MAX)
            return err_set(e, ERR_USAGE, RETRY_NEVER,
                           "%s takes a number, a size such as 64M, or none", name);
        json_object_set_new(line, name, json_integer((json_int_t)number));
        return true;
    }
    return err_set(e, ERR_USAGE, RETRY_NEVER,
                   "\"%s\" is no limit: see snapferry ctl --help for their names, as in "
                   "bytesPerSecond=64M",
                   arguments_show(word, shown));
}

static bool fill_limits(json_t *line, struct words *words, struct err *e)
{
    const char *word = take_word(words);

    if (!word)
        return misuse(e, "limits needs at least one NAME=VALUE, as in bytesPerSecond=64M");
    for (; word; word = take_word(words))
        if (!fill_limit(line, word, e))
            return false;
    return true;
}

static const struct verb {
    const char *word;
    enum control_verb verb;
    bool (*fill)(json_t *line, struct words *words, struct err *e);
} verbs[] = {
    {"status", CONTROL_STATUS, fill_nothing},
    {"pause", CONTROL_PAUSE, fill_disk},
    {"resume", CONTROL_RESUME, fill_disk},
    {"cancel", CONTROL_CANCEL, fill_disk},
    {"limits", CONTROL_SET_LIMITS, fill_limits},
    {"priority", CONTROL_SET_PRIORITY, fill_priority},
    {"renew", CONTROL_RENEW_ACCESS, fill_renewal},
};

static bool takes_disk(const struct verb *verb)
{
    return verb->fill != fill_nothing && verb->fill != fill_limits;
}

static bool check_options(const struct verb *verb, const struct options *options, struct err *e)
{
    if (options->run.point && !takes_disk(verb))
        return misuse(e, "--restore-point goes with pause, resume, cancel and priority");
    if (options->run.expires_s && verb->verb != CONTROL_RENEW_ACCESS)
        return misuse(e, "--expires goes with renew");
    return true;
}

/* The line; secret with renew. NULL: e says why. */
static char *make_line(const struct options *options, enum control_verb *out_verb, struct err *e)
{
    struct words words = {.next = options->ends + 1,
                          .count = options->ends_count - 1,
                          .options = options};
    const char *word = take_word(&words);
    char shown[ARGUMENT_SHOWN_MAX_BYTES], *text = NULL;
    json_t *line = json_object();
    const struct verb *verb = NULL;

    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(word, verbs[i].word) == 0)
            verb = &verbs[i];
    if (!verb) {
        err_set(e, ERR_USAGE, RETRY_NEVER,
                "there is no verb \"%s\": status, pause, resume, cancel, priority, renew, limits",
                arguments_show(word, shown));
    } else if (check_options(verb, options, e) &&
               set_text(line, "command", control_verb_name(verb->verb), e) &&
               verb->fill(line, &words, e)) {
        *out_verb = verb->verb;
        if (words.count > 0)
            err_set(e, ERR_USAGE, RETRY_NEVER, "one argument too many: \"%s\"",
                    arguments_show(*words.next, shown));
        else if (!(text = json_dumps(line, JSON_COMPACT)))
            err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the command");
    }
    job_members_wipe(line);
    json_decref(line);
    return text;
}

/* ---- The answer ---- */

static void complain(const struct options *options, const char *sentence)
{
    if (!options->quiet)
        fprintf(stderr, "snapferry: %s\n", sentence);
}

static void show_accepted(const json_t *answer, enum control_verb verb)
{
    const char *message = json_string_value(json_object_get(answer, "message"));
    char *table = verb == CONTROL_STATUS ? ctl_table(answer) : NULL;
    char text[1024];

    if (table)
        fputs(table, stdout);
    free(table);
    if (!message)
        return;
    snprintf(text, sizeof text, "%s", message);
    view_clean(text);
    puts(text);
}

static enum exit_status show_answer(const struct options *options, const char *text, size_t bytes,
                                    enum control_verb verb)
{
    json_t *answer = json_loadb(text, bytes, 0, NULL);
    bool accepted = json_is_true(json_object_get(answer, "accepted"));
    const char *message = json_string_value(json_object_get(answer, "message"));
    char shown[1024];

    if (!json_is_object(answer)) {
        json_decref(answer);
        complain(options, "what answers at this path is no snapferry run");
        return STATUS_AGAIN;
    }
    snprintf(shown, sizeof shown, "%s", message ? message : "the run refused this");
    view_clean(shown);
    if (options->json) {
        fwrite(text, 1, bytes, stdout);
        putchar('\n');
    } else if (!accepted) {
        complain(options, shown);
    } else if (!options->quiet) {
        show_accepted(answer, verb);
    }
    json_decref(answer);
    return accepted ? STATUS_DONE : STATUS_FAILED;
}

void command_ctl(struct stage *stage, struct view_outcome *outcome)
{
    const struct options *options = stage->options;
    enum control_verb verb = CONTROL_STATUS;
    struct err error = {0};
    char *line = make_line(options, &verb, &outcome->error), *answer = NULL;
    size_t bytes = 0;

    if (!line)
        return;
    if (!ctl_call(options->ends[0], line, &answer, &bytes, &error)) {
        if (error.kind == ERR_USAGE) {
            outcome->error = error;
        } else {
            complain(options, error.text);
            outcome->status = STATUS_AGAIN;
            view_init(&stage->view, VIEW_QUIET, &stage->clock); /* all was said */
        }
    } else {
        outcome->status = show_answer(options, answer, bytes, verb);
        view_init(&stage->view, VIEW_QUIET, &stage->clock);
    }
    secret_wipe_free(line);
    free(answer);
}
