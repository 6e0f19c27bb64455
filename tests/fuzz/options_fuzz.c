/* options_fuzz.c - any command line: options and ends that are taken are in their bounds, and no error shows
 * what stands behind a '?'. The first byte is the command; arguments end with a newline each. @FILE is not
 * followed: it would read this machine's files. Must not know: what a command does. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/snapferry/arguments.h"
#include "tools/snapferry/ends.h"
#include "tools/snapferry/options.h"

#define ARGUMENTS_MAX 32
#define SECRET        "S3cr3tSignature"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_silent(const struct err *e)
{
    assert(err_is_set(e) && e->text[0]);
    assert(!strstr(e->text, SECRET));
}

static void parse_ends(const struct options *options)
{
    for (uint32_t i = 0; i < options->ends_count; i++) {
        enum end_role role = i == 0 ? END_SOURCE : END_TARGET;
        struct end_spec spec = {0};
        struct err e = {0};

        if (options->ends[i][0] == '@')
            continue;
        if (!end_spec_parse(role, options->ends[i], &spec, &e))
            check_silent(&e);
        else
            assert(spec.kind != END_NONE && spec.role == role);
        end_spec_fini(&spec);
    }
}

static void check_taken(const struct options *options)
{
    assert(options->ends_count <= OPTIONS_ENDS_MAX);
    /* 0: what the job says */
    assert(options->memory_bytes >= OPTIONS_MEMORY_MIN_BYTES ||
           (options->command == COMMAND_RUN && !options->memory_bytes));
    assert(options->memory_bytes <= BUFPOOL_MAX_BYTES);
    assert(options->window_max <= OPTIONS_WINDOW_MAX);
}

/* A signature behind the first '?' of each, as a URL has it. malloc'd. */
static char *signed_argument(const char *from, size_t bytes)
{
    const char *query = memchr(from, '?', bytes);
    int before = query ? (int)(query - from) + 1 : (int)bytes;
    char *argument = NULL;

    assert(asprintf(&argument, "%.*s%s%.*s", before, from, query ? "sig=" SECRET "&" : "",
                    (int)bytes - before, from + before) >= 0);
    return argument;
}

static void take_arguments(enum command_id command, int count, char **arguments)
{
    char shown[ARGUMENT_SHOWN_MAX_BYTES];
    struct options options;
    struct err e = {0};

    for (int i = 1; i < count; i++)
        assert(!strstr(arguments_show(arguments[i], shown), SECRET));
    if (!options_parse(&options, command, count, arguments, &e)) {
        check_silent(&e);
    } else if (!options.help) {
        check_taken(&options);
        parse_ends(&options);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char program[] = "snapferry", *text = malloc(size + 1);
    char *arguments[ARGUMENTS_MAX + 1] = {program}, *own[ARGUMENTS_MAX];
    int count = 1;

    assert(text);
    memcpy(text, data, size);
    text[size] = '\0';
    if (strstr(size ? text + 1 : text, SECRET)) { /* the fuzzer reads our constants */
        free(text);
        return 0;
    }
    for (const char *at = size ? text + 1 : text; *at && count < ARGUMENTS_MAX; count++) {
        size_t bytes = strcspn(at, "\n");

        arguments[count] = own[count] = signed_argument(at, bytes);
        at += bytes + (at[bytes] == '\n');
    }
    take_arguments((enum command_id)(size ? data[0] % COMMANDS_COUNT : 0), count, arguments);
    while (--count > 0)
        free(own[count]); /* getopt moves what arguments holds */
    free(text);
    return 0;
}
