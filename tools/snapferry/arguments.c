/* arguments.c - see arguments.h. */
#include "tools/snapferry/arguments.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Where what may be a secret begins: behind the first '?', or behind a signature that stands alone
 * (a URL cut in two by a shell that was not told to quote). The length when there is none. */
static size_t secret_begins(const char *argument)
{
    static const char *const marks[] = {"?", "sig=", "sig%3d", "AccountKey="};
    size_t first = strlen(argument);

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        const char *found = strcasestr(argument, marks[i]);

        if (found && (size_t)(found - argument) + strlen(marks[i]) < first)
            first = (size_t)(found - argument) + strlen(marks[i]);
    }
    return first;
}

static void wipe_in_place(char *argument)
{
    for (char *c = argument + secret_begins(argument); *c; c++)
        *c = '*';
}

char **arguments_take(int argc, char **argv)
{
    char **copy = calloc((size_t)argc + 1, sizeof *copy);
    bool whole = copy != NULL;

    for (int i = 0; i < argc; i++) {
        if (copy && !(copy[i] = strdup(argv[i])))
            whole = false;
        wipe_in_place(argv[i]);
    }
    if (whole)
        return copy;
    arguments_free(copy, argc);
    return NULL;
}

void arguments_free(char **arguments, int argc)
{
    if (!arguments)
        return;
    /* getopt has moved them about and nothing else: each is still there once. */
    for (int i = 0; i < argc; i++) {
        if (arguments[i])
            explicit_bzero(arguments[i], strlen(arguments[i]));
        free(arguments[i]);
    }
    free(arguments);
}

const char *arguments_show(const char *argument, char out_text[ARGUMENT_SHOWN_MAX_BYTES])
{
    size_t length = secret_begins(argument);
    bool cut = argument[length] != 0;
    size_t room = ARGUMENT_SHOWN_MAX_BYTES - 4;

    if (length > room) {
        length = room;
        cut = true;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)argument[i];

        out_text[i] = c < ' ' || c == 127 ? '?' : (char)c;
    }
    strcpy(out_text + length, cut ? "..." : "");
    return out_text;
}
