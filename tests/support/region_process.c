/* region_process.c - fork, exec, one line read from stdout. */
#include "tests/support/region_process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/raw_http.h"

#define ARGUMENT_MAX_COUNT 40u

static void new_folder(struct region_process *region)
{
    const char *base = getenv("TMPDIR");

    snprintf(region->data, sizeof region->data, "%s/region.XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(region->data))
        abort();
    snprintf(region->log, sizeof region->log, "%.*s.log", (int)sizeof region->log - 8,
             region->data);
}

static void run_child(struct region_process *region, const char *const *extra, int out)
{
    const char *binary = getenv("REGIOND_BIN");
    const char *arguments[ARGUMENT_MAX_COUNT] = {binary, "--data", region->data, "--log",
                                                 region->log};
    size_t count = 5;

    while (extra && *extra && count + 1 < ARGUMENT_MAX_COUNT)
        arguments[count++] = *extra++;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that crashes leaves no server behind */
    setenv("SNAPFERRY_TEST_KEY", RAW_KEY, 1);
    dup2(out, STDOUT_FILENO);
    execv(binary, (char *const *)arguments);
    _exit(127);
}

void region_start(struct region_process *region, const char *const *extra)
{
    char line[256] = "";
    const char *port;
    int ends[2];
    FILE *out;

    if (region->data[0] == '\0')
        new_folder(region);
    if (pipe(ends) != 0)
        abort();
    region->pid = fork();
    if (region->pid == 0)
        run_child(region, extra, ends[1]);
    close(ends[1]);
    out = fdopen(ends[0], "r");
    if (!fgets(line, sizeof line, out) || !strstr(line, "\"event\":\"ready\""))
        abort();
    fclose(out);
    port = strstr(line, "127.0.0.1:");
    if (!port)
        abort();
    region->port = (uint16_t)strtoul(port + 10, NULL, 10);
}

void region_stop(struct region_process *region)
{
    int status = 0;

    if (region->pid == 0)
        return;
    kill(region->pid, SIGTERM);
    if (waitpid(region->pid, &status, 0) != region->pid || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0)
        abort();
    region->pid = 0;
}

void region_kill(struct region_process *region)
{
    kill(region->pid, SIGKILL);
    waitpid(region->pid, NULL, 0);
    region->pid = 0;
}
