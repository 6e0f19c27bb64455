/* device_kin.c - see device_kin.h. */
#include "tools/controld/device_kin.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <unistd.h>

/* The folder of /sys that tells of the whole disk that it is, or is a part of; malloc'd, NULL: none. */
static char *whole_of(dev_t device)
{
    char file[PATH_MAX], *folder;

    snprintf(file, sizeof file, "/sys/dev/block/%u:%u", major(device), minor(device));
    folder = realpath(file, NULL);
    if (folder && snprintf(file, sizeof file, "%s/partition", folder) < (int)sizeof file &&
        access(file, F_OK) == 0)
        *strrchr(folder, '/') = '\0';
    return folder;
}

static bool is_whole(const char *folder, dev_t device)
{
    char file[PATH_MAX], text[32] = "", own[32];
    ssize_t bytes;
    int fd;

    if (snprintf(file, sizeof file, "%s/dev", folder) >= (int)sizeof file)
        return false;
    fd = open(file, O_RDONLY | O_CLOEXEC);
    bytes = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[bytes > 0 ? bytes : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    snprintf(own, sizeof own, "%u:%u", major(device), minor(device));
    return strcmp(text, own) == 0;
}

static bool devices_share(dev_t one, dev_t other)
{
    char *of_one, *of_other;
    bool share;

    if (one == other)
        return true;
    of_one = whole_of(one);
    of_other = whole_of(other);
    share = of_one && of_other && strcmp(of_one, of_other) == 0 &&
            (is_whole(of_one, one) || is_whole(of_one, other));
    free(of_one);
    free(of_other);
    return share;
}

/* The file that a loop device, or a partition of one, shows. */
static bool shown_file(dev_t device, struct stat *out_st)
{
    char file[PATH_MAX], path[PATH_MAX], *folder = whole_of(device);
    ssize_t bytes = -1;
    int fd = -1;

    if (folder && snprintf(file, sizeof file, "%s/loop/backing_file", folder) < (int)sizeof file)
        fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        bytes = read(fd, path, sizeof path - 1);
        close(fd);
    }
    free(folder);
    if (bytes <= 0)
        return false;
    path[bytes] = '\0';
    path[strcspn(path, "\n")] = '\0';
    return stat(path, out_st) == 0;
}

static bool same_bytes(const struct stat *one, const struct stat *other)
{
    if (S_ISBLK(one->st_mode) && S_ISBLK(other->st_mode))
        return devices_share(one->st_rdev, other->st_rdev);
    return S_ISREG(one->st_mode) && S_ISREG(other->st_mode) && one->st_dev == other->st_dev &&
           one->st_ino == other->st_ino;
}

/* Two partitions of one disk share nothing, though a loop device that they are of shows one file. */
static bool are_siblings(const struct stat *one, const struct stat *other)
{
    char *of_one = whole_of(one->st_rdev), *of_other = whole_of(other->st_rdev);
    bool siblings = of_one && of_other && strcmp(of_one, of_other) == 0;

    free(of_one);
    free(of_other);
    return siblings;
}

bool device_kin_share(const char *path, const char *other)
{
    struct stat one, two, shown_by_one, shown_by_two;
    bool one_shows, two_shows;

    if (stat(path, &one) != 0 || stat(other, &two) != 0)
        return false;
    if (same_bytes(&one, &two))
        return true;
    one_shows = S_ISBLK(one.st_mode) && shown_file(one.st_rdev, &shown_by_one);
    two_shows = S_ISBLK(two.st_mode) && shown_file(two.st_rdev, &shown_by_two);
    if (one_shows && two_shows && same_bytes(&shown_by_one, &shown_by_two))
        return !are_siblings(&one, &two);
    return (one_shows && same_bytes(&shown_by_one, &two)) ||
           (two_shows && same_bytes(&shown_by_two, &one));
}
