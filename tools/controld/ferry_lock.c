/* ferry_lock.c - see ferry_lock.h. */
#include "tools/controld/ferry_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "io/durable.h"

#define LOCK_TEXT_BYTES 24u

bool ferry_lock_take(const char *path, int *out_fd, struct err *e)
{
    int fd;

    if (!durable_lock(path, false, &fd, e))
        return false;
    if (ftruncate(fd, 0) != 0) { /* then an older name in it would be taken for the holder's */
        close(fd);
        return err_set(e, ERR_IO, RETRY_LATER, "cannot empty %.200s", path);
    }
    *out_fd = fd;
    return true;
}

void ferry_lock_sign(int fd, pid_t pid)
{
    char text[LOCK_TEXT_BYTES];
    int count = snprintf(text, sizeof text, "%ld\n", (long)pid);

    if (pwrite(fd, text, (size_t)count, 0) != count)
        (void)!ftruncate(fd, 0);
}

void ferry_lock_remove(const char *path)
{
    struct err ignored = {0};
    int fd;

    if (!durable_lock(path, false, &fd, &ignored))
        return;
    unlink(path);
    close(fd);
}

static bool is_held(int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return true;
    flock(fd, LOCK_UN);
    return false;
}

/* The process is opened first and the lock looked at then: while it is held, the name in the file is that
 * of a process that lives, so what was opened is no other that got its number. */
void ferry_lock_kill_holder(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW), process = -1;
    char text[LOCK_TEXT_BYTES] = "";
    ssize_t count = fd >= 0 ? pread(fd, text, sizeof text - 1, 0) : -1;
    long pid = count > 0 && text[count - 1] == '\n' ? strtol(text, NULL, 10) : 0;

    if (pid > 1)
        process = pidfd_open((pid_t)pid, 0);
    if (process >= 0 && is_held(fd))
        (void)pidfd_send_signal(process, SIGKILL, NULL, 0);
    if (process >= 0)
        close(process);
    if (fd >= 0)
        close(fd);
}
