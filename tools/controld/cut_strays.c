/* cut_strays.c - see cut_strays.h. */
#include "tools/controld/cut_strays.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENVIRONMENT_MAX_BYTES (256u << 10)
#define LOOK_AGAIN_NS         (10 * NS_PER_MS)

/* Entries end with NUL; the last one may be cut off. */
static bool holds(const char *bytes, size_t count, const char *const *variables)
{
    for (size_t at = 0; at < count; at += strnlen(bytes + at, count - at) + 1)
        for (size_t i = 0; variables[i]; i++)
            if (strncmp(bytes + at, variables[i], count - at) == 0)
                return true;
    return false;
}

/* Of another user's process nothing can be read: it is not ours. */
static bool is_stray(const char *pid, const char *const *variables, char *room)
{
    char path[64];
    size_t count = 0;
    ssize_t got;
    int fd;

    snprintf(path, sizeof path, "/proc/%.20s/environ", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    while (count < ENVIRONMENT_MAX_BYTES &&
           (got = read(fd, room + count, ENVIRONMENT_MAX_BYTES - count)) > 0)
        count += (size_t)got;
    close(fd);
    return holds(room, count, variables);
}

static bool kill_all(const char *const *variables)
{
    DIR *folder = opendir("/proc");
    char *room = malloc(ENVIRONMENT_MAX_BYTES);
    struct dirent *entry;
    bool any = false;

    while (folder && room && (entry = readdir(folder)) != NULL) {
        pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? (pid_t)atol(entry->d_name) : 0;

        if (pid <= 1 || pid == getpid() || !is_stray(entry->d_name, variables, room))
            continue;
        any = true;
        kill(pid, SIGKILL);
    }
    if (folder)
        closedir(folder);
    if (room)
        explicit_bzero(room, ENVIRONMENT_MAX_BYTES); /* environments hold secrets */
    free(room);
    return any;
}

static void on_timer(struct timer *timer)
{
    struct cut_strays *strays =
        (struct cut_strays *)((char *)timer - offsetof(struct cut_strays, timer));
    uint64_t now_ns = reactor_now_ns(strays->reactor);
    struct err error = {0};

    if (strays->variables[0] && kill_all(strays->variables)) {
        if (now_ns < strays->due_ns) {
            reactor_arm(strays->reactor, timer, now_ns + LOOK_AGAIN_NS, on_timer);
            return;
        }
        err_set(&error, ERR_IO, RETRY_LATER,
                "a command that was begun before the last restart does not end (%.200s)",
                strays->variables[0]);
    }
    strays->done(strays->arg, &error);
}

void cut_strays_end(struct cut_strays *strays)
{
    strays->timer = (struct timer){0};
    strays->due_ns = reactor_now_ns(strays->reactor) + CUT_STRAYS_LIMIT_NS;
    reactor_arm(strays->reactor, &strays->timer, reactor_now_ns(strays->reactor), on_timer);
}

char *cut_strays_guard(const char *command)
{
    char *guarded = NULL;

    if (asprintf(&guarded, "[ \"$PPID\" = %d ] || exit 125\n%s", (int)getpid(), command) < 0)
        return NULL;
    return guarded;
}
