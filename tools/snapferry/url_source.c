/* url_source.c - see url_source.h. */
#include "tools/snapferry/url_source.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void source_look(struct timer *timer);
static void source_run(struct url_source *source);

static struct block_hash hash_of(const char *text)
{
    return digest_bytes(text, strlen(text));
}

static bool same_hash(const struct block_hash *a, const struct block_hash *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* ---- Life ---- */

void url_source_init(struct url_source *source, const struct secret_url *url)
{
    char *text = secret_url_full(url, NULL);

    if (text)
        source->known = hash_of(text);
    secret_wipe_free(text);
}

void url_source_stop(struct url_source *source)
{
    source->asked = false;
    reactor_disarm(source->reactor, &source->timer);
    command_free(source->running);
    source->running = NULL;
}

void url_source_fini(struct url_source *source)
{
    if (source->reactor)
        url_source_stop(source);
}

bool url_source_exists(const struct url_source *source)
{
    return source->file || source->command;
}

/* ---- Answers ---- */

static void source_fail(struct url_source *source, const struct err *why)
{
    source->asked = false;
    source->owner.failed(source->owner.arg, why);
}

static void source_give(struct url_source *source, const char *text, uint64_t expires_s)
{
    struct secret_url url = {0};
    struct err why = {0};

    source->known = hash_of(text);
    if (!secret_url_parse(text, &url, &why)) {
        err_prefix(&why, "%s: ", source->command ? "what the command printed" : source->file);
        source_fail(source, &why);
        return;
    }
    source->asked = false;
    source->owner.found(source->owner.arg, &url, expires_s);
    secret_url_fini(&url);
}

/* ---- The file ---- */

static void source_arm(struct url_source *source, uint64_t in_ns)
{
    reactor_arm(source->reactor, &source->timer, reactor_now_ns(source->reactor) + in_ns,
                source_look);
}

/* A file that cannot be read now is being replaced, or will be: it is looked at again. */
static void source_look(struct timer *timer)
{
    struct url_source *source =
        (struct url_source *)((char *)timer - offsetof(struct url_source, timer));
    struct err ignored = {0};
    char *text = NULL;
    struct block_hash hash;

    if (source->file && secret_resolve(source->file, &text, &ignored)) {
        hash = hash_of(text);
        if (!same_hash(&hash, &source->known)) {
            bool settled = same_hash(&hash, &source->settling);

            source->settling = hash;
            if (settled)
                source_give(source, text, 0);
            else
                source_arm(source, URL_SOURCE_SETTLE_NS);
            secret_wipe_free(text);
            return;
        }
    }
    secret_wipe_free(text);
    if (source->command)
        source_run(source);
    else
        source_arm(source, URL_SOURCE_LOOK_NS);
}

/* ---- The command ---- */

/* The next line of *at, without blanks around it; NULL when there is none. Cuts in place. */
static char *next_line(char **at)
{
    char *line = *at, *end;

    line += strspn(line, " \t\r\n");
    if (!*line)
        return NULL;
    end = line + strcspn(line, "\n");
    *at = *end ? end + 1 : end;
    while (end > line && strchr(" \t\r", end[-1]))
        end--;
    *end = 0;
    return line;
}

static bool read_printed(const struct url_source *source, char *printed, const char **out_url,
                         uint64_t *out_expires_s, struct err *why)
{
    char *url = next_line(&printed), *time = url ? next_line(&printed) : NULL;
    struct block_hash hash;

    *out_expires_s = time ? secret_time_s(time) : 0;
    if (!url)
        return err_set(why, ERR_USAGE, RETRY_LATER, "the command printed nothing");
    if (strlen(url) > SECRET_URL_MAX_BYTES)
        return err_set(why, ERR_LIMIT, RETRY_LATER,
                       "the command printed a line of more than %u bytes", SECRET_URL_MAX_BYTES);
    if (!secret_is_url(url))
        return err_set(why, ERR_USAGE, RETRY_LATER,
                       "the first line that the command printed is not a URL");
    if ((time && !*out_expires_s) || next_line(&printed))
        return err_set(why, ERR_USAGE, RETRY_LATER,
                       "the command printed more than a URL and, on a second line, when it ends");
    hash = hash_of(url);
    if (same_hash(&hash, &source->known) && !time && strstr(url, "se="))
        return err_set(why, ERR_USAGE, RETRY_LATER, "the command printed the same URL as before");
    *out_url = url;
    return true;
}

static void source_ran(void *arg, struct command *command)
{
    struct url_source *source = arg;
    struct err why = *command_error(command);
    char *printed = strdup(command_output(command));
    const char *url = NULL;
    uint64_t expires_s = 0;
    size_t printed_bytes = printed ? strlen(printed) : 0;

    source->running = NULL;
    command_free(command);
    if (!printed && !err_is_set(&why))
        err_set(&why, ERR_LIMIT, RETRY_LATER, "no memory for what the command printed");
    if (!err_is_set(&why) && read_printed(source, printed, &url, &expires_s, &why))
        source_give(source, url, expires_s);
    else
        source_fail(source, &why);
    if (printed)
        explicit_bzero(printed, printed_bytes);
    free(printed);
}

static void source_run(struct url_source *source)
{
    struct command_setup setup = {
        .text = source->command, .limit_ns = URL_SOURCE_RUN_NS, .done = source_ran, .arg = source};
    struct err why = {0};

    for (size_t i = 0; i < sizeof source->variables / sizeof source->variables[0]; i++)
        setup.variables[i] = source->variables[i];
    for (size_t i = 0; source->hidden && source->hidden[i] && i < COMMAND_VARIABLES_MAX; i++)
        setup.hidden[i] = source->hidden[i];
    source->running = command_start(source->reactor, &setup, &why);
    if (!source->running)
        source_fail(source, &why);
}

void url_source_ask(struct url_source *source, const struct secret_url *url)
{
    const char *const names[] = {"SNAPFERRY_SIDE", "SNAPFERRY_ADDRESS", "SNAPFERRY_SNAPSHOT",
                                 "SNAPFERRY_ID"};
    const char *const values[] = {source->side, url->address, url->snapshot ? url->snapshot : "",
                                  source->id};

    if (source->asked)
        return;
    source->asked = true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        snprintf(source->variables[i], sizeof source->variables[i], "%s=%s", names[i], values[i]);
    memset(&source->settling, 0, sizeof source->settling);
    source_arm(source, 0);
}
