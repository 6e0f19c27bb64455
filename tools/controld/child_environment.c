/* child_environment.c - see child_environment.h. */
#include "tools/controld/child_environment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

static const char *const passed_on[] = {
    "PATH=",        "HOME=",     "TMPDIR=",       "LANG=",         "LC_",
    "TZ=",          "SSL_CERT_", "http_proxy=",   "https_proxy=",  "no_proxy=",
    "HTTPS_PROXY=", "NO_PROXY=", "LSAN_OPTIONS=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=",
};

#define PASSED_ON_COUNT (sizeof passed_on / sizeof passed_on[0])

static bool is_passed_on(const char *entry)
{
    for (size_t i = 0; i < PASSED_ON_COUNT; i++)
        if (strncmp(entry, passed_on[i], strlen(passed_on[i])) == 0)
            return true;
    return false;
}

char **child_environment(const char *const *added)
{
    size_t count = 0, used = 0;
    char **all;

    while (environ[count])
        count++;
    for (size_t i = 0; added && added[i]; i++)
        count++;
    all = calloc(count + 1, sizeof *all);
    if (!all)
        return NULL;
    for (size_t i = 0; environ[i]; i++)
        if (is_passed_on(environ[i]))
            all[used++] = environ[i];
    for (size_t i = 0; added && added[i]; i++)
        all[used++] = (char *)(uintptr_t)added[i];
    return all;
}
