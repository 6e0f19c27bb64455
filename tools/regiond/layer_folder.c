/* layer_folder.c - the folders that hold blobs: made under another name and then renamed, and
 * renamed before they are emptied, so that a kill never leaves half a blob under its own name. */
#include "tools/regiond/layer_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void folder_path(char out_path[LAYER_FOLDER_PATH_BYTES], uint64_t blob, const char *suffix)
{
    snprintf(out_path, LAYER_FOLDER_PATH_BYTES, "blobs/%016llx%s", (unsigned long long)blob,
             suffix);
}

int layer_folder_open(int root_fd, uint64_t blob, const char *suffix)
{
    char path[LAYER_FOLDER_PATH_BYTES];

    folder_path(path, blob, suffix);
    return openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int layer_folder_sync(int root_fd, uint64_t blob)
{
    int fd = blob ? layer_folder_open(root_fd, blob, "")
                  : openat(root_fd, "blobs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = fd >= 0 && fsync(fd) == 0 ? 0 : errno;

    if (fd >= 0)
        close(fd);
    return error;
}

int layer_folder_list(int root_fd, uint64_t blob, layer_seen_fn *seen, void *context)
{
    int fd = layer_folder_open(root_fd, blob, "");
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;

    if (!folder) {
        int error = errno;

        if (fd >= 0)
            close(fd);
        return error;
    }
    while ((entry = readdir(folder)) != NULL) {
        unsigned file;
        unsigned long long number;
        int used = 0;

        if (sscanf(entry->d_name, "%6x.%llx%n", &file, &number, &used) != 2 ||
            entry->d_name[used] != '\0')
            continue;
        if (!seen(context, file, number))
            break;
    }
    closedir(folder);
    return 0;
}

int layer_folder_create(int root_fd, uint64_t blob)
{
    char path[LAYER_FOLDER_PATH_BYTES];

    folder_path(path, blob, ".new");
    return mkdirat(root_fd, path, 0700) == 0 ? 0 : errno;
}

static int rename_folder(int root_fd, uint64_t blob, const char *from, const char *to)
{
    char old_path[LAYER_FOLDER_PATH_BYTES], new_path[LAYER_FOLDER_PATH_BYTES];

    folder_path(old_path, blob, from);
    folder_path(new_path, blob, to);
    return renameat(root_fd, old_path, root_fd, new_path) == 0 ? 0 : errno;
}

int layer_folder_publish(int root_fd, uint64_t blob)
{
    return rename_folder(root_fd, blob, ".new", "");
}

int layer_folder_retire(int root_fd, uint64_t blob)
{
    return rename_folder(root_fd, blob, "", ".gone");
}

void layer_folder_remove(int root_fd, uint64_t blob, const char *suffix)
{
    char path[LAYER_FOLDER_PATH_BYTES];
    int fd = layer_folder_open(root_fd, blob, suffix);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;

    if (!folder) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(folder)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    folder_path(path, blob, suffix);
    unlinkat(root_fd, path, AT_REMOVEDIR);
}

/* A name of ours is 16 hexadecimal digits and a suffix. */
static bool parse_name(const char *name, struct layer_folder_name *out)
{
    char digits[17], *end;

    if (strlen(name) < 16)
        return false;
    memcpy(digits, name, 16);
    digits[16] = '\0';
    out->blob = strtoull(digits, &end, 16);
    out->whole = name[16] == '\0';
    out->suffix = strcmp(name + 16, ".new") == 0 ? ".new" : ".gone";
    return *end == '\0' && out->blob != 0 && (out->whole || strcmp(name + 16, out->suffix) == 0);
}

int layer_folder_scan(int root_fd, struct layer_folder_name **out_names, size_t *out_count)
{
    int fd = openat(root_fd, "blobs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    struct layer_folder_name *names = NULL;
    size_t count = 0, room = 0;
    struct dirent *entry;
    int error = 0;

    if (!folder) {
        error = errno;
        if (fd >= 0)
            close(fd);
        return error;
    }
    while (!error && (entry = readdir(folder)) != NULL) {
        struct layer_folder_name name, *grown;

        if (!parse_name(entry->d_name, &name))
            continue;
        if (count == room) {
            room = room ? room * 2 : 64;
            grown = realloc(names, room * sizeof *names);
            if (!grown) {
                error = ENOMEM;
                break;
            }
            names = grown;
        }
        names[count++] = name;
    }
    closedir(folder);
    if (error) {
        free(names);
        return error;
    }
    *out_names = names;
    *out_count = count;
    return 0;
}
