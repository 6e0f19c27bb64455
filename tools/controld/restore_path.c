/* restore_path.c - see restore_path.h. */
#include "tools/controld/restore_path.h"

#include <stddef.h>
#include <string.h>

/* Every name of it, and a / at its end where that may be. */
static bool is_path(const char *path, bool may_be_folder)
{
    const char *at = path;

    if (at[0] != '/' || strnlen(path, RESTORE_PATH_MAX_BYTES) >= RESTORE_PATH_MAX_BYTES)
        return false;
    for (const char *c = path; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            return false;
    while (*at == '/') {
        size_t bytes = strcspn(++at, "/");

        if (bytes == 0)
            return may_be_folder && !*at && at - path > 1;
        if (strspn(at, ".") == bytes && bytes <= 2)
            return false;
        at += bytes;
    }
    return true;
}

/* /dev/ would be every disk of the machine. */
bool restore_path_is_entry(const char *text)
{
    return is_path(text, true) && strcmp(text, "/dev/") != 0;
}

bool restore_path_is_sidecar(const char *name)
{
    size_t bytes = strlen(name), ending = strlen(RESTORE_PATH_SIDECAR);

    return bytes >= ending && strcmp(name + bytes - ending, RESTORE_PATH_SIDECAR) == 0;
}

bool restore_path_is_sound(const char *path)
{
    return is_path(path, false) && !restore_path_is_sidecar(path);
}

bool restore_path_is_allowed(char *const *entries, const char *path)
{
    for (; *entries; entries++) {
        size_t bytes = strlen(*entries);

        if ((*entries)[bytes - 1] == '/') {
            if (strncmp(path, *entries, bytes) == 0 && !strchr(path + bytes, '/'))
                return true;
        } else if (strcmp(path, *entries) == 0) {
            return true;
        }
    }
    return false;
}
