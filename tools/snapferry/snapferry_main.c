/* snapferry_main.c - where snapferry starts: which command, and how it ends. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tools/snapferry/arguments.h"
#include "tools/snapferry/help_text.h"
#include "tools/snapferry/options.h"
#include "tools/snapferry/profile.h"
#include "tools/snapferry/stage.h"

static const struct {
    const char *name;
    enum command_id id;
    void (*run)(struct stage *stage, struct view_outcome *outcome);
} commands[] = {
    {"copy", COMMAND_COPY, command_copy},
    {"plan", COMMAND_PLAN, command_plan},
    {"verify", COMMAND_VERIFY, command_verify},
    {"snapshot", COMMAND_SNAPSHOT, command_snapshot},
    {"receive", COMMAND_RECEIVE, command_receive},
    {"map build", COMMAND_MAP_BUILD, command_map_build},
    {"map diff", COMMAND_MAP_DIFF, command_map_diff},
    {"map show", COMMAND_MAP_SHOW, command_map_show},
    {"send", COMMAND_SEND, command_copy},
    {"export", COMMAND_EXPORT, command_export},
    {"apply", COMMAND_APPLY, command_apply},
    {"run", COMMAND_RUN, command_run},
    {"ctl", COMMAND_CTL, command_ctl},
    {"bench", COMMAND_BENCH, command_bench},
    {"restore-point list", COMMAND_RP_LIST, command_restore_point_list},
    {"restore-point status", COMMAND_RP_STATUS, command_restore_point_status},
    {"restore-point verify", COMMAND_RP_VERIFY, command_restore_point_verify},
    {"restore-point access", COMMAND_RP_ACCESS, command_restore_point_access},
    {"restore-point restore", COMMAND_RP_RESTORE, command_restore_point_restore},
    {"restore-point copy", COMMAND_RP_COPY, command_restore_point_copy},
};
#define COMMANDS_LISTED (sizeof commands / sizeof commands[0])
_Static_assert(COMMANDS_LISTED == COMMANDS_COUNT, "every command is listed");

static enum exit_status misused(int argc, char **arguments, const struct err *error)
{
    struct view_outcome outcome = {.status = STATUS_MISUSED, .error = *error};
    struct clock clock;
    struct view view;

    clock_init_real(&clock);
    view_init(&view, options_wants_json(argc, arguments) ? VIEW_JSON : VIEW_PLAIN, &clock);
    view_end(&view, &outcome);
    return outcome.status;
}

static enum exit_status run_command(size_t index, int argc, char **arguments)
{
    struct view_outcome outcome = {.status = STATUS_DONE};
    struct stage stage;
    struct options options;
    struct err e = {0};

    if (!options_parse(&options, commands[index].id, argc, arguments, &e)) {
        err_prefix(&e, "%s: ", commands[index].name);
        return misused(argc, arguments, &e);
    }
    if (options.help) {
        fputs(help_text_of(commands[index].id), stdout);
        return STATUS_DONE;
    }
    if (options.profile && options.command != COMMAND_BENCH && !profile_apply(&options, &e))
        return misused(argc, arguments, &e);
    if (stage_open(&stage, &options, &outcome.error))
        commands[index].run(&stage, &outcome);
    if (outcome.status == STATUS_DONE)
        outcome.status = exit_status_of(&outcome.error);
    view_end(&stage.view, &outcome);
    stage_close(&stage);
    return outcome.status;
}

/* How many words of the arguments are the command's name; 0: another command's. */
static int words_of(const char *name, int argc, char *const *arguments)
{
    const char *blank = strchr(name, ' ');
    size_t length = blank ? (size_t)(blank - name) : strlen(name);

    if (argc < 2 || strlen(arguments[1]) != length || strncmp(arguments[1], name, length) != 0)
        return 0;
    if (!blank)
        return 1;
    return argc > 2 && strcmp(arguments[2], blank + 1) == 0 ? 2 : 0;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

static enum exit_status show_pages_of(const char *word)
{
    size_t length = strlen(word);
    const char *before = "";

    for (size_t i = 0; i < COMMANDS_LISTED; i++)
        if (strncmp(commands[i].name, word, length) == 0 && commands[i].name[length] == ' ') {
            printf("%s%s", before, help_text_of(commands[i].id));
            before = "\n";
        }
    return STATUS_DONE;
}

static enum exit_status unknown(int argc, char **arguments)
{
    char shown[ARGUMENT_SHOWN_MAX_BYTES];
    struct err e = {0};
    size_t length = strlen(arguments[1]);

    for (size_t i = 0; i < COMMANDS_LISTED; i++)
        if (strncmp(commands[i].name, arguments[1], length) == 0 &&
            commands[i].name[length] == ' ') {
            if (argc > 2 && asks_for_help(arguments[2]))
                return show_pages_of(arguments[1]);
            err_set(&e, ERR_USAGE, RETRY_NEVER,
                    "%s is followed by a second word, such as in \"%s\"; see snapferry --help",
                    arguments[1], commands[i].name);
            return misused(argc, arguments, &e);
        }
    err_set(&e, ERR_USAGE, RETRY_NEVER, "there is no command \"%s\"; see snapferry --help",
            arguments_show(arguments[1], shown));
    return misused(argc, arguments, &e);
}

static enum exit_status dispatch(int argc, char **arguments)
{
    const char *name = argc > 1 ? arguments[1] : NULL;

    if (!name) {
        fputs(help_text(), stderr);
        return STATUS_MISUSED;
    }
    if (asks_for_help(name)) {
        fputs(help_text(), stdout);
        return STATUS_DONE;
    }
    if (strcmp(name, "--version") == 0) {
        puts("snapferry " SNAPFERRY_VERSION);
        return STATUS_DONE;
    }
    for (size_t i = 0; i < COMMANDS_LISTED; i++) {
        int words = words_of(commands[i].name, argc, arguments);

        if (words)
            return run_command(i, argc - words, arguments + words);
    }
    return unknown(argc, arguments);
}

static bool reader_went_away(void)
{
    struct pollfd output = {.fd = STDOUT_FILENO};

    return poll(&output, 1, 0) == 1 && output.revents & POLLERR;
}

/* Results that could not be written were not given. A reader that went away chose to. */
static enum exit_status close_output(enum exit_status status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    if (reader_went_away())
        return status;
    fputs("snapferry: the output could not be written\n", stderr);
    return status == STATUS_DONE ? STATUS_FAILED : status;
}

/* From here on no other process of this user can read our memory, and no core file is written: both would
 * hold SAS URLs. (Who must look inside starts snapferry under a debugger.) */
static void close_memory(void)
{
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* A descriptor that came closed would be given to the next file that is opened, and what is printed would go
 * into a ring or a disk. It becomes one whose use fails. */
static bool keep_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return false;
    return true;
}

int main(int argc, char **argv)
{
    char **arguments;
    enum exit_status status;

    if (!keep_standard_descriptors())
        return STATUS_FAILED;
    close_memory();
    arguments = arguments_take(argc, argv);
    if (!arguments) {
        fputs("snapferry: no memory for the arguments\n", stderr);
        return STATUS_FAILED;
    }
    status = close_output(dispatch(argc, arguments));
    arguments_free(arguments, argc);
    return (int)status;
}
