/* cli_test.c - the real program as other processes see it: its argv, its signals, its exit status, and
 * what it does when a service talks nonsense. Must not know: how it works inside.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/script_server.h"

#define ARGUMENTS_MAX    16
#define OUTPUT_MAX_BYTES 65536u
#define WAIT_MAX_MS      20000
#define SAS              "sv=2021-08-06&sr=b&sp=rw&sig=S3CRETs3cret"

struct program {
    pid_t pid;
    int output; /* both stdout and stderr */
};

struct ended {
    int status; /* exit status; 1000 + signal when it was killed */
    char output[OUTPUT_MAX_BYTES];
};

static struct program program_start(const char *const arguments[])
{
    const char *binary = getenv("SNAPFERRY_BIN");
    struct program program;
    int ends[2];

    cr_assert_not_null(binary, "SNAPFERRY_BIN is set by ctest");
    cr_assert_eq(pipe(ends), 0);
    program.pid = fork();
    cr_assert_geq(program.pid, 0);
    if (program.pid == 0) {
        const char *words[ARGUMENTS_MAX + 2] = {"snapferry"};

        for (int i = 0; i < ARGUMENTS_MAX && arguments[i]; i++)
            words[i + 1] = arguments[i];
        setenv("XDG_STATE_HOME", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", 1);
        setenv("TERM", "dumb", 1);
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execv(binary, (char *const *)words);
        _exit(99);
    }
    close(ends[1]);
    program.output = ends[0];
    return program;
}

static struct ended program_end(struct program *program)
{
    struct ended ended = {.status = -1};
    size_t used = 0;
    ssize_t got;
    int status;

    while (used + 1 < sizeof ended.output &&
           (got = read(program->output, ended.output + used, sizeof ended.output - 1 - used)) > 0)
        used += (size_t)got;
    close(program->output);
    cr_assert_eq(waitpid(program->pid, &status, 0), program->pid);
    ended.status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    cr_expect_null(strstr(ended.output, "S3CRET"), "a secret was shown: %s", ended.output);
    return ended;
}

static struct ended run(const char *const arguments[])
{
    struct program program = program_start(arguments);

    return program_end(&program);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The server has no descriptor to wait on; a request comes within milliseconds. */
static void await_requests(struct script_server *server, size_t count)
{
    uint64_t until_ms = now_ms() + WAIT_MAX_MS;

    while (script_server_request_count(server) < count) {
        cr_assert_lt(now_ms(), until_ms, "no request came");
        poll(NULL, 0, 5);
    }
}

static size_t read_cmdline(pid_t pid, char *out, size_t max)
{
    char path[64];
    ssize_t got;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    got = read(fd, out, max);
    close(fd);
    cr_assert_gt(got, 0);
    return (size_t)got;
}

static const char held[] = "";
static const struct script_answer hold = {.bytes = held, .count = 0, .then = SCRIPT_HOLD};

Test(cli, hides_a_sas_given_as_argument_from_other_users)
{
    struct script_server *server = script_server_start(&hold, 1);
    char url[256], base[256], shown[4096];
    size_t count;
    struct program program;

    snprintf(url, sizeof url, "http://127.0.0.1:%u/acct/c/disk?snapshot=2024-01-02&" SAS,
             (unsigned)script_server_port(server));
    snprintf(base, sizeof base, "--base=http://127.0.0.1:%u/acct/c/disk?snapshot=2024-01-01&" SAS,
             (unsigned)script_server_port(server));
    program = program_start((const char *const[]){"copy", url, "null:", base, NULL});
    await_requests(server, 1);
    count = read_cmdline(program.pid, shown, sizeof shown);
    cr_expect_not_null(memmem(shown, count, "/acct/c/disk?", 13),
                       "what is no secret is still there");
    cr_expect_null(memmem(shown, count, "S3CRET", 6));
    cr_expect_null(memmem(shown, count, "sig=", 4));
    cr_expect_null(memmem(shown, count, "sp=rw", 5));
    kill(program.pid, SIGKILL);
    program_end(&program);
    script_server_stop(server);
}

Test(cli, a_second_interrupt_ends_at_once)
{
    struct script_server *server = script_server_start(&hold, 1);
    char url[256], line[OUTPUT_MAX_BYTES] = "";
    struct program program;
    struct ended ended;
    uint64_t begun_ms;
    size_t used = 0;

    snprintf(url, sizeof url, "http://127.0.0.1:%u/acct/c/disk?" SAS,
             (unsigned)script_server_port(server));
    program = program_start((const char *const[]){"copy", url, "null:", "--json", NULL});
    await_requests(server, 1);
    begun_ms = now_ms();
    kill(program.pid, SIGINT);
    while (!strstr(line, "Stopping")) { /* the first one was taken notice of */
        ssize_t got = read(program.output, line + used, sizeof line - 1 - used);

        cr_assert_gt(got, 0, "%s", line);
        used += (size_t)got;
    }
    kill(program.pid, SIGINT);
    ended = program_end(&program);
    cr_expect_eq(ended.status, 130, "%d", ended.status);
    cr_expect_lt(now_ms() - begun_ms, (uint64_t)WAIT_MAX_MS / 2);
    cr_expect_not_null(strstr(ended.output, "\"event\":\"end\",\"exit\":130"), "%s", ended.output);
    script_server_stop(server);
}

/* ---- A service that talks nonsense ---- */

#define HEAD_ANSWER                                                                                \
    "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\nETag: \"0x8D1\"\r\n"                            \
    "Last-Modified: Fri, 05 Jan 2024 01:00:00 GMT\r\nx-ms-blob-type: PageBlob\r\n"                 \
    "x-ms-version: 2021-08-06\r\n\r\n"
#define LIST_HEAD                                                                                  \
    "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nETag: \"0x8D1\"\r\n"                      \
    "x-ms-blob-content-length: 1048576\r\nConnection: close\r\n\r\n<?xml version=\"1.0\"?>"

static void expect_failed_list(const char *list)
{
    const struct script_answer answers[] = {
        {.bytes = HEAD_ANSWER, .then = SCRIPT_KEEP},
        {.bytes = list, .then = SCRIPT_CLOSE},
    };
    struct script_server *server = script_server_start(answers, 2);
    char url[256];
    struct ended ended;

    snprintf(url, sizeof url, "http://127.0.0.1:%u/acct/c/disk?" SAS,
             (unsigned)script_server_port(server));
    /* The null target has a stat of its own that needs no server. */
    ended = run((const char *const[]){"plan", url, NULL});
    cr_expect(ended.status == 1 || ended.status == 3, "%d: %s", ended.status, ended.output);
    cr_expect_null(strstr(ended.output, "to read"), "no plan from a bad list: %s", ended.output);
    cr_expect_not_null(strstr(ended.output, "snapferry: "), "%s", ended.output);
    script_server_stop(server);
}

Test(cli, refuses_a_truncated_list)
{
    expect_failed_list(LIST_HEAD "<PageList><PageRange><Start>0</Start><End>511</End>");
}

Test(cli, refuses_a_malformed_list)
{
    expect_failed_list(LIST_HEAD "<PageList><PageRange><Start>0</End></PageRange></PageList>");
}

Test(cli, refuses_pages_beyond_the_end)
{
    expect_failed_list(
        LIST_HEAD
        "<PageList><PageRange><Start>1048576</Start><End>1049087</End></PageRange></PageList>");
}

/* ---- Usage ---- */

Test(cli, tells_usage_errors_as_events_when_asked)
{
    struct ended ended = run((const char *const[]){"copy", "--json", "only-one", NULL});

    cr_expect_eq(ended.status, 2);
    cr_expect_not_null(strstr(ended.output, "\"event\":\"state\""), "%s", ended.output);
    cr_expect_not_null(strstr(ended.output, "\"event\":\"end\",\"exit\":2}\n"), "%s", ended.output);
}

Test(cli, survives_a_reader_that_went_away)
{
    struct program program =
        program_start((const char *const[]){"copy", "pattern:64M", "null:", "--json", NULL});
    int status;

    close(program.output);
    cr_assert_eq(waitpid(program.pid, &status, 0), program.pid);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", (unsigned)status);
}

Test(cli, says_when_its_results_could_not_be_written)
{
    const char *binary = getenv("SNAPFERRY_BIN");
    char command[1024];

    cr_assert_not_null(binary);
    snprintf(command, sizeof command, "'%s' plan pattern:64M >/dev/full 2>/dev/null", binary);
    cr_expect_eq(WEXITSTATUS(system(command)), 1);
}
