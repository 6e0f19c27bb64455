/* restore_path_fuzz.c - any entry of restoreTo and any path: what is allowed lies directly in the
 * folder, or is the path, and leads nowhere else. Must not know: what is there. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/controld/restore_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_names(const char *path)
{
    char *copy = strdup(path), *rest = NULL;

    assert(copy && path[0] == '/' && !strstr(path, "//"));
    for (char *name = strtok_r(copy, "/", &rest); name; name = strtok_r(NULL, "/", &rest)) {
        assert(strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
        for (const char *c = name; *c; c++)
            assert((unsigned char)*c >= ' ' && *c != 127);
    }
    free(copy);
}

/* An entry, a newline, a path. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *entry = strndup((const char *)data, size), *path, *entries[2];

    assert(entry);
    path = strchr(entry, '\n');
    if (path) {
        *path++ = '\0';
        entries[0] = entry;
        entries[1] = NULL;
        if (restore_path_is_entry(entry))
            check_names(entry);
        if (restore_path_is_sound(path)) {
            check_names(path);
            assert(path[strlen(path) - 1] != '/');
        }
        if (restore_path_is_entry(entry) && restore_path_is_sound(path) &&
            restore_path_is_allowed(entries, path)) {
            size_t folder = (size_t)(strrchr(path, '/') - path) + 1;

            assert(strcmp(entry, path) == 0 ||
                   (strlen(entry) == folder && strncmp(entry, path, folder) == 0));
        }
    }
    free(entry);
    return 0;
}
