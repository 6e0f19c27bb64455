/* restore_place.c - see restore_place.h. */
#include "tools/controld/restore_place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tools/controld/restore_path.h"

#define TARGET       "properties.x-snapferry.file"
#define FOOTER_BYTES 512u
#define WHOLE_BYTES  4096u /* a size that is FOOTER_BYTES more than a multiple has a footer */
#define BOOT_FILE    "/proc/sys/kernel/random/boot_id"

static bool refuse_errno(const char *path, int sys_errno, struct arm_error *why)
{
    return arm_error_set(why, 409, ARM_CONFLICT, TARGET, "Cannot restore to %.200s: %s.", path,
                         strerror(sys_errno));
}

/* ---- The folder ---- */

static bool is_below(const char *folder, const char *path)
{
    size_t bytes = strlen(folder);

    return strncmp(folder, path, bytes) == 0 && (path[bytes] == '/' || !path[bytes]);
}

/* Only there does anybody who makes links need to be root. */
static bool is_of_devices(const char *folder)
{
    return is_below("/dev", folder) && !is_below("/dev/shm", folder);
}

static bool look_at_folder(const char *path, const char *data_folder, char **out_real,
                           struct arm_error *why)
{
    const char *slash = strrchr(path, '/');
    char *folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    char *real = folder ? realpath(folder, NULL) : NULL, *own = NULL;
    struct stat st;
    bool ok = true;

    if (!real || stat(real, &st) != 0)
        ok = refuse_errno(path, errno, why);
    else if ((own = realpath(data_folder, NULL)) && is_below(own, real))
        ok = arm_error_refused(why, TARGET,
                               "%.200s lies in snapferryd's own data folder: name a file of it "
                               "without a path.",
                               path);
    else if ((st.st_mode & (S_IWGRP | S_IWOTH)) || (st.st_uid != 0 && st.st_uid != geteuid()))
        ok = arm_error_refused(why, TARGET,
                               "The folder of %.200s may be written to by others: a disk is "
                               "restored only where root, or who snapferryd runs as, alone may.",
                               path);
    free(folder);
    free(own);
    if (ok)
        *out_real = real;
    else
        free(real);
    return ok;
}

/* ---- A device ---- */

static void read_line(const char *file, char *out, size_t room)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t bytes = fd >= 0 ? read(fd, out, room - 1) : -1;

    if (fd >= 0)
        close(fd);
    out[bytes > 0 ? bytes : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

/* The same number may be another device after a restart, or when one was taken out and another put in. */
static void token_of(dev_t device, char out_token[RESTORE_TOKEN_BYTES])
{
    char boot[40], sequence[24], file[80];

    read_line(BOOT_FILE, boot, sizeof boot);
    snprintf(file, sizeof file, "/sys/dev/block/%u:%u/diskseq", major(device), minor(device));
    read_line(file, sequence, sizeof sequence);
    snprintf(out_token, RESTORE_TOKEN_BYTES, "%u:%u %s %s", major(device), minor(device), sequence,
             boot);
}

static bool judge_device(const char *path, int fd, uint64_t disk_bytes, struct restore_place *out,
                         struct arm_error *why)
{
    uint64_t needed_bytes = disk_bytes, bytes;
    struct stat st;

    if (disk_bytes % WHOLE_BYTES == FOOTER_BYTES)
        needed_bytes -= FOOTER_BYTES;
    if (fstat(fd, &st) != 0 || !S_ISBLK(st.st_mode) || ioctl(fd, BLKGETSIZE64, &bytes) != 0)
        return refuse_errno(path, ENOTBLK, why);
    if (bytes < needed_bytes)
        return arm_error_set(why, 409, ARM_CONFLICT, TARGET,
                             "%.200s is too small: it has %llu bytes, and the disk %llu.", path,
                             (unsigned long long)bytes, (unsigned long long)needed_bytes);
    token_of(st.st_rdev, out->token);
    return true;
}

/* O_EXCL: the kernel's own word that it is not mounted and in no other device. */
static bool look_at_device(const char *path, uint64_t disk_bytes, struct restore_place *out,
                           struct arm_error *why)
{
    int fd = open(path, O_RDWR | O_EXCL | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool ok;

    if (fd < 0 && errno == EBUSY)
        return arm_error_set(why, 409, ARM_CONFLICT, TARGET,
                             "%.200s is in use: it is mounted, or part of another device, or "
                             "somebody holds it.",
                             path);
    if (fd < 0)
        return refuse_errno(path, errno, why);
    ok = judge_device(path, fd, disk_bytes, out, why);
    close(fd);
    return ok;
}

/* ---- What is there ---- */

static bool look_at_name(const char *folder, const char *path, const char *plain,
                         uint64_t disk_bytes, struct restore_place *out, struct arm_error *why)
{
    char beside[PATH_MAX];
    struct stat st;
    bool devices = is_of_devices(folder);

    if (lstat(plain, &st) != 0 && errno != ENOENT)
        return refuse_errno(path, errno, why);
    if (lstat(plain, &st) != 0) {
        if (devices)
            return arm_error_set(why, 409, ARM_CONFLICT, TARGET, "There is no device %.200s.",
                                 path);
        if (snprintf(beside, sizeof beside, "%s" RESTORE_PATH_SIDECAR, plain) <
                (int)sizeof beside &&
            lstat(beside, &st) != 0)
            return true;
        return arm_error_set(why, 409, ARM_CONFLICT, TARGET,
                             "There is a file %.200s" RESTORE_PATH_SIDECAR
                             ", of an earlier copy: remove it first.",
                             path);
    }
    if (S_ISLNK(st.st_mode) && (!devices || stat(plain, &st) != 0 || !S_ISBLK(st.st_mode)))
        return arm_error_refused(why, TARGET,
                                 "%.200s is a symbolic link: they are followed only in /dev, to a "
                                 "block device.",
                                 path);
    if (S_ISREG(st.st_mode))
        return arm_error_set(why, 409, ARM_CONFLICT, TARGET,
                             "There is a file %.200s already: nothing was touched.", path);
    if (!S_ISBLK(st.st_mode))
        return arm_error_refused(why, TARGET, "%.200s is neither a file nor a block device.", path);
    return look_at_device(plain, disk_bytes, out, why);
}

static bool keep_path(const char *path, struct restore_place *out, struct arm_error *why)
{
    out->path = strdup(path);
    return out->path || arm_error_memory(why);
}

bool restore_place_look(const struct config *config, const char *data_folder, const char *path,
                        uint64_t disk_bytes, struct restore_place *out, struct arm_error *why)
{
    char *folder = NULL, *plain = NULL;
    bool ok;

    *out = (struct restore_place){0};
    if (!restore_path_is_allowed(config->restore_to, path))
        return arm_error_refused(why, TARGET,
                                 "Nobody allowed restores to %.200s: the configuration's "
                                 "\"restoreTo\" lists the folders, files and devices that may be "
                                 "written.",
                                 path);
    if (!look_at_folder(path, data_folder, &folder, why))
        return false;
    if (asprintf(&plain, "%s%s", strcmp(folder, "/") == 0 ? "" : folder, strrchr(path, '/')) < 0) {
        plain = NULL;
        ok = arm_error_memory(why);
    } else {
        ok = look_at_name(folder, path, plain, disk_bytes, out, why) &&
             keep_path(out->token[0] ? path : plain, out, why);
    }
    free(folder);
    free(plain);
    return ok;
}

void restore_place_fini(struct restore_place *place)
{
    free(place->path);
    place->path = NULL;
}

/* ---- Later ---- */

/* A file is kept by its path without links, which the entry's own folder may have. */
static bool leads_to(const char *entry, const char *path)
{
    size_t folder_bytes = (size_t)(strrchr(entry, '/') - entry);
    size_t wanted_bytes = (size_t)(strrchr(path, '/') - path);
    char *folder = strndup(entry, folder_bytes ? folder_bytes : 1);
    char *real = folder ? realpath(folder, NULL) : NULL;
    bool same = real && strlen(real) == wanted_bytes && strncmp(real, path, wanted_bytes) == 0;

    free(folder);
    free(real);
    return same &&
           (!entry[folder_bytes + 1] || strcmp(entry + folder_bytes, path + wanted_bytes) == 0);
}

static bool is_still_allowed(const struct config *config, const char *path)
{
    if (restore_path_is_allowed(config->restore_to, path))
        return true;
    for (char *const *entry = config->restore_to; *entry; entry++)
        if (leads_to(*entry, path))
            return true;
    return false;
}

bool restore_place_stays(const struct config *config, const char *path, const char *token,
                         struct err *e)
{
    char now[RESTORE_TOKEN_BYTES];
    struct stat st;

    if (!is_still_allowed(config, path))
        return err_set(e, ERR_CONFLICT, RETRY_NEVER,
                       "the configuration's \"restoreTo\" does not allow %.200s any more", path);
    if (!token[0])
        return (lstat(path, &st) != 0 && errno == ENOENT) || S_ISREG(st.st_mode) ||
               err_set(e, ERR_CONFLICT, RETRY_NEVER,
                       "%.200s is not the file any more that was begun", path);
    if (stat(path, &st) == 0 && S_ISBLK(st.st_mode)) {
        token_of(st.st_rdev, now);
        if (strcmp(now, token) == 0)
            return true;
    }
    return err_set(e, ERR_CONFLICT, RETRY_NEVER,
                   "%.200s cannot be shown to be the device that the restore was begun on (it was "
                   "changed, or the machine restarted): nothing is written to it. Delete the disk "
                   "and put it again",
                   path);
}
