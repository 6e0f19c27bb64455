/* process_usage.c - see process_usage.h. */
#include "io/process_usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "io/clock.h"

#define FILE_MAX_BYTES    2048u
#define START_FIELD       22 /* of /proc/self/stat: ticks after the machine's start (proc(5)) */
#define FIELDS_AFTER_NAME 3  /* the first one after ")" */
#define HUNDREDTHS_PER_S  100u

/* "" when it cannot be read. */
static void read_file(const char *path, char out_text[FILE_MAX_BYTES])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count = fd < 0 ? -1 : read(fd, out_text, FILE_MAX_BYTES - 1);

    out_text[count > 0 ? count : 0] = 0;
    if (fd >= 0)
        close(fd);
}

static uint64_t count_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    uint64_t count = 0;

    if (!folder)
        return 0;
    for (const struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count - 1; /* the folder's own */
}

void process_usage_look(struct process_usage *out_usage)
{
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    struct rlimit files;
    char text[FILE_MAX_BYTES], *rest = text;

    memset(out_usage, 0, sizeof *out_usage);
    out_usage->cpu_ns = clock_process_cpu_ns();
    read_file("/proc/self/statm", text);
    out_usage->virtual_bytes = strtoull(rest, &rest, 10) * page_bytes;
    out_usage->resident_bytes = strtoull(rest, &rest, 10) * page_bytes;
    out_usage->fds_count = count_fds();
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY)
        out_usage->fds_max = files.rlim_cur;
}

/* After the name, which may hold anything: ") S 1 2 ...". */
static uint64_t start_ticks(void)
{
    char text[FILE_MAX_BYTES], *at;

    read_file("/proc/self/stat", text);
    at = strrchr(text, ')');
    for (int field = FIELDS_AFTER_NAME - 1; at && field < START_FIELD; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at, NULL, 10) : 0;
}

uint64_t process_usage_started_ns(uint64_t wall_ns)
{
    uint64_t per_s = (uint64_t)sysconf(_SC_CLK_TCK), ticks = start_ticks(), up_ns, start_ns;
    char text[FILE_MAX_BYTES], *rest = text;

    read_file("/proc/uptime", text); /* "12345.67 ..." */
    up_ns = strtoull(rest, &rest, 10) * NS_PER_S;
    if (*rest == '.')
        up_ns += strtoull(rest + 1, NULL, 10) * (NS_PER_S / HUNDREDTHS_PER_S);
    if (ticks == 0 || up_ns == 0)
        return 0;
    start_ns = ticks / per_s * NS_PER_S + ticks % per_s * NS_PER_S / per_s;
    return start_ns < up_ns ? wall_ns - (up_ns - start_ns) : wall_ns;
}
