/* bench_record.c - see bench_record.h. */
#include "tools/snapferry/bench_record.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "io/durable.h"
#include "io/secret.h"

#define RANDOM_BYTES ((BENCH_SCRATCH_ID_BYTES - 1) / 2)

static bool path_of(const struct bench_record *record, const char *id, char out_path[PATH_MAX])
{
    return snprintf(out_path, PATH_MAX, "%s/%s", record->folder, id) < PATH_MAX;
}

static bool draw_id(char out_id[BENCH_SCRATCH_ID_BYTES], struct err *e)
{
    unsigned char bytes[RANDOM_BYTES];

    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return err_set_errno(e, errno, RETRY_NEVER, "the kernel gives no random bytes");
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(out_id + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

static bool write_own(struct bench_record *record, const char *address, struct err *e)
{
    char path[PATH_MAX];
    size_t count = strlen(address);

    if (!path_of(record, record->own.id, path))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--state-dir: the path is too long");
    if (!durable_make_folder(record->folder, e) || !durable_lock(path, false, &record->own.fd, e))
        return false;
    if (write(record->own.fd, address, count) != (ssize_t)count || fsync(record->own.fd) != 0 ||
        !durable_sync_folder_of(path))
        return err_set_errno(e, errno, RETRY_NEVER, "cannot write %.200s", path);
    return true;
}

bool bench_record_open(struct bench_record *record, const char *state_folder, const char *address,
                       struct err *e)
{
    *record = (struct bench_record){.own = {.fd = -1}};
    if (!draw_id(record->own.id, e))
        return false;
    if (!*state_folder)
        return true;
    if (snprintf(record->folder, sizeof record->folder, "%s/bench", state_folder) >=
        (int)sizeof record->folder) {
        record->folder[0] = 0;
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--state-dir: the path is too long");
    }
    return write_own(record, address, e);
}

/* Takes it over, if its bench is no more and it is about that container. */
static bool take_left(const struct bench_record *record, const char *id, const char *address,
                      int *out_fd)
{
    char path[PATH_MAX], text[SECRET_URL_MAX_BYTES];
    struct err ignored = {0};
    ssize_t count;
    int fd;

    if (!path_of(record, id, path) || !durable_lock(path, false, &fd, &ignored))
        return false;
    count = pread(fd, text, sizeof text - 1, 0);
    text[count > 0 ? count : 0] = 0;
    if (count <= 0 || strcmp(text, address) != 0) {
        close(fd);
        return false;
    }
    *out_fd = fd;
    return true;
}

void bench_record_find_left(struct bench_record *record, const char *address)
{
    DIR *folder = record->folder[0] ? opendir(record->folder) : NULL;

    for (struct dirent *entry;
         folder && record->left_count < BENCH_LEFT_MAX && (entry = readdir(folder));) {
        struct bench_record_file *file = &record->left[record->left_count];

        if (!bench_scratch_is_id(entry->d_name) || strcmp(entry->d_name, record->own.id) == 0 ||
            !take_left(record, entry->d_name, address, &file->fd))
            continue;
        memcpy(file->id, entry->d_name, sizeof file->id);
        record->left_count++;
    }
    if (folder)
        closedir(folder);
}

void bench_record_forget(struct bench_record *record, const char *id)
{
    char path[PATH_MAX];

    if (record->folder[0] && path_of(record, id, path))
        unlink(path);
}

void bench_record_close(struct bench_record *record)
{
    if (record->own.id[0] && record->own.fd >= 0)
        close(record->own.fd);
    for (uint32_t i = 0; i < record->left_count; i++)
        close(record->left[i].fd);
    *record = (struct bench_record){.own = {.fd = -1}};
}
