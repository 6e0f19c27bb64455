/* timed.c - runs a command and appends what it cost to a file: seconds, CPU seconds, peak RSS in MiB.
 *
 *   timed FILE COMMAND [ARGUMENT]...
 *
 * Exits as the command did. Must not know: what the command is.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/clock.h"

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
    struct clock clock;
    struct rusage used;
    uint64_t began_ns, took_ns;
    int status;
    pid_t child;
    FILE *out;

    if (argc < 3) {
        fprintf(stderr, "usage: timed FILE COMMAND [ARGUMENT]...\n");
        return 2;
    }
    clock_init_real(&clock);
    began_ns = clock_now_ns(&clock);
    child = fork();
    if (child == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &used) != child) {
        perror("timed");
        return 1;
    }
    took_ns = clock_now_ns(&clock) - began_ns;
    out = fopen(argv[1], "a");
    if (!out) {
        perror(argv[1]);
        return 1;
    }
    fprintf(out, "%.4f %.4f %.1f\n", (double)took_ns / 1e9,
            seconds_of(used.ru_utime) + seconds_of(used.ru_stime), (double)used.ru_maxrss / 1024);
    fclose(out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
