/* options_test.c - the table of options, and the pages that tell of it. */
#include "tools/snapferry/options.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tools/snapferry/help_text.h"

#define WORDS_MAX 24

static bool parse(struct options *out, enum command_id id, const char *line, char storage[512],
                  struct err *e)
{
    char *words[WORDS_MAX + 1] = {NULL};
    int count = 0;
    char *save = NULL;

    memset(e, 0, sizeof *e);
    memset(out, 0, sizeof *out);
    snprintf(storage, 512, "%s", line);
    for (char *w = strtok_r(storage, " ", &save); w; w = strtok_r(NULL, " ", &save))
        words[count++] = w;
    cr_assert_leq(count, WORDS_MAX);
    return options_parse(out, id, count, words, e);
}

Test(options, defaults_are_those_of_the_manual)
{
    struct options o;
    struct err e;
    char storage[512];

    cr_assert(parse(&o, COMMAND_COPY, "copy a b", storage, &e), "%s", e.text);
    cr_expect_eq(o.memory_bytes, 512ull << 20);
    cr_expect_eq(o.coalesce_bytes, COPY_COALESCE_DEFAULT);
    cr_expect_eq(o.backend, REACTOR_AUTO);
    cr_expect_eq(o.direct, ENDPOINT_FILE_DIRECT_AUTO);
    cr_expect_eq(o.footer, COPY_FOOTER_KEEP);
    cr_expect_eq(o.ends_count, 2u);
    cr_expect_str_eq(o.ends[0], "a");
    cr_expect_str_eq(o.ends[1], "b");
    cr_expect(!o.base && !o.json && !o.no_root && !o.verify && !o.allow_http && !o.quiet);
}

Test(options, takes_every_option_of_copy)
{
    struct options o;
    struct err e;
    char storage[512];

    cr_assert(parse(&o, COMMAND_COPY,
                    "copy a --base p b --verify --memory 64M --coalesce=123K --source-id s "
                    "--base-id t --window 8",
                    storage, &e),
              "%s", e.text);
    cr_expect_str_eq(o.base, "p");
    cr_expect(o.verify);
    cr_expect_eq(o.memory_bytes, 64ull << 20);
    cr_expect_eq(o.coalesce_bytes, 123u << 10);
    cr_expect_str_eq(o.source_id, "s");
    cr_expect_str_eq(o.base_id, "t");
    cr_expect_eq(o.window_start, 8u);
    cr_assert(parse(&o, COMMAND_COPY,
                    "copy a b --max-window 99 --no-root --io epoll --direct off --json "
                    "--strip-footer --state f --state-dir d --cacert c",
                    storage, &e),
              "%s", e.text);
    cr_expect_eq(o.window_max, 99u);
    cr_expect(o.no_root && o.json);
    cr_expect_eq(o.backend, REACTOR_EPOLL);
    cr_expect_eq(o.direct, ENDPOINT_FILE_DIRECT_OFF);
    cr_expect_eq(o.footer, COPY_FOOTER_STRIP);
    cr_expect_str_eq(o.state_path, "f");
    cr_expect_str_eq(o.state_folder, "d");
    cr_expect_str_eq(o.ca_file, "c");
}

Test(options, threads_are_one_a_number_or_auto)
{
    static const struct {
        const char *line;
        uint64_t threads;
    } lines[] = {{"copy a b", 1}, {"copy a b --threads 7", 7}, {"copy a b --threads auto", 0}};
    struct options o;
    struct err e;
    char storage[512];

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        cr_assert(parse(&o, COMMAND_COPY, lines[i].line, storage, &e), "%s", e.text);
        cr_expect_eq(o.threads, lines[i].threads, "%s", lines[i].line);
    }
}

Test(options, takes_every_option_of_run_and_ctl)
{
    struct options o;
    struct err e;
    char storage[512];

    cr_assert(parse(&o, COMMAND_RUN, "run job.json", storage, &e), "%s", e.text);
    cr_expect_eq(o.memory_bytes, 0u, "the job's");
    cr_expect_eq(o.threads, 1u);
    cr_expect(!o.run.control && !o.run.metrics && !o.run.detach);
    cr_assert(parse(&o, COMMAND_RUN,
                    "run - --detach --control c --metrics h:1 --threads auto --memory 64M "
                    "--state-dir d --restart --renew-wait 5",
                    storage, &e),
              "%s", e.text);
    cr_expect_str_eq(o.ends[0], "-");
    cr_expect_str_eq(o.run.control, "c");
    cr_expect_str_eq(o.run.metrics, "h:1");
    cr_expect_eq(o.threads, 0u);
    cr_expect_eq(o.memory_bytes, 64u << 20);
    cr_expect_eq(o.renew_wait_s, 5u);
    cr_expect(o.run.detach && o.restart);
    cr_assert(parse(&o, COMMAND_CTL, "ctl path pause --restore-point p", storage, &e), "%s",
              e.text);
    cr_expect_str_eq(o.run.point, "p");
    cr_expect_eq(o.ends_count, 2u);
}

Test(options, takes_every_option_of_the_restore_point_commands)
{
    struct options o;
    struct err e;
    char storage[512];

    cr_assert(parse(&o, COMMAND_RP_COPY,
                    "copy p --to u --endpoint h --token env:T --subscription s --group g "
                    "--api-version 1,2 --duration 60 --verify --restart --state-dir d --json",
                    storage, &e),
              "%s", e.text);
    cr_expect_str_eq(o.rp.target, "u");
    cr_expect_str_eq(o.rp.endpoint, "h");
    cr_expect_str_eq(o.rp.token, "env:T");
    cr_expect_str_eq(o.rp.subscription, "s");
    cr_expect_str_eq(o.rp.group, "g");
    cr_expect_str_eq(o.rp.api_version, "1,2");
    cr_expect_eq(o.rp.duration_s, 60u);
    cr_expect(o.verify && o.restart && o.json && !options_opens_ends(&o));
    cr_assert(parse(&o, COMMAND_RP_STATUS, "status p --watch --quiet", storage, &e), "%s", e.text);
    cr_expect(o.rp.watch && o.quiet);
    cr_expect_eq(o.rp.duration_s, OPTIONS_ACCESS_S);
    cr_assert(parse(&o, COMMAND_RP_ACCESS, "access grant d -o f", storage, &e), "%s", e.text);
    cr_expect_str_eq(o.output, "f");
}

Test(options, o_is_short_for_output)
{
    struct options o;
    struct err e;
    char storage[512];

    cr_assert(parse(&o, COMMAND_MAP_BUILD, "build a -o m --strong", storage, &e), "%s", e.text);
    cr_expect_str_eq(o.output, "m");
    cr_expect(o.strong && options_opens_ends(&o));
    cr_assert(parse(&o, COMMAND_MAP_BUILD, "build --output=m a --like n", storage, &e));
    cr_expect_str_eq(o.output, "m");
    cr_expect_str_eq(o.like, "n");
    cr_assert(parse(&o, COMMAND_MAP_SHOW, "show a --diff b", storage, &e), "%s", e.text);
    cr_expect_str_eq(o.other_map, "b");
    cr_expect_not(options_opens_ends(&o));
}

Test(options, an_end_behind_two_dashes_may_begin_with_one)
{
    struct options o;
    struct err e;
    char storage[512];

    cr_assert(parse(&o, COMMAND_COPY, "copy -- -a -b", storage, &e), "%s", e.text);
    cr_expect_str_eq(o.ends[0], "-a");
}

static const struct {
    enum command_id id;
    const char *line, *says;
} refused[] = {
    {COMMAND_COPY, "copy", "SOURCE and TARGET"},
    {COMMAND_COPY, "copy a", "SOURCE and TARGET"},
    {COMMAND_COPY, "copy a 1 2 3 4 5 6 7 8 9", "too many"},
    {COMMAND_VERIFY, "verify a b c", "too many"},
    {COMMAND_COPY, "copy a b c --journal j", "leave them out"},
    {COMMAND_COPY, "copy a b c --manifest m", "leave them out"},
    {COMMAND_COPY, "copy a b c --map m", "leave them out"},
    {COMMAND_SNAPSHOT, "snapshot a b", "too many"},
    {COMMAND_SNAPSHOT, "snapshot", "TARGET"},
    {COMMAND_PLAN, "plan", "SOURCE"},
    {COMMAND_COPY, "copy a b --memory", "needs a value"},
    {COMMAND_COPY, "copy a b --memory x", "--memory"},
    {COMMAND_COPY, "copy a b --memory 1K", "between"},
    {COMMAND_COPY, "copy a b --memory -5", "--memory"},
    {COMMAND_COPY, "copy a b --memory 999T", "between"},
    {COMMAND_COPY, "copy a b --window 0", "between"},
    {COMMAND_COPY, "copy a b --threads 0", "between 1 and 64"},
    {COMMAND_COPY, "copy a b --threads 65", "between 1 and 64"},
    {COMMAND_COPY, "copy a b --threads many", "number or auto"},
    {COMMAND_PLAN, "plan a b --threads 2", "not an option"},
    {COMMAND_COPY, "copy a b --window 2K", "number"},
    {COMMAND_COPY, "copy a b --window 9 --max-window 8", "above"},
    {COMMAND_COPY, "copy a b --io ring", "auto uring epoll"},
    {COMMAND_COPY, "copy a b --direct yes", "auto on off"},
    {COMMAND_COPY, "copy a b --nonsense", "--nonsense"},
    {COMMAND_COPY, "copy a b -x", "-x"},
    {COMMAND_COPY, "copy a b --verify=yes", "--verify"},
    {COMMAND_COPY, "copy a b --base-id t", "--base"},
    {COMMAND_COPY, "copy a b --strip-footer --add-footer", "exclude"},
    {COMMAND_COPY, "copy a b --json --quiet", "exclude"},
    {COMMAND_COPY, "copy a b --source-expires tomorrow", "takes a time"},
    {COMMAND_COPY, "copy a b --base-expires 2030-01-01T00:00:00Z", "--base"},
    {COMMAND_COPY, "copy a b --renew-wait 0", "between"},
    {COMMAND_SNAPSHOT, "snapshot a --renew-command x", "--renew-command"},
    {COMMAND_VERIFY, "verify a b --base p", "--base"},
    {COMMAND_PLAN, "plan a b --verify", "--verify"},
    {COMMAND_MAP_BUILD, "build a", "-o MAP"},
    {COMMAND_MAP_BUILD, "build -o m", "SOURCE"},
    {COMMAND_MAP_BUILD, "build a b -o m", "too many"},
    {COMMAND_MAP_BUILD, "build a -o", "needs a value"},
    {COMMAND_MAP_BUILD, "build a -o m --like n --strong", "--like"},
    {COMMAND_MAP_DIFF, "diff a", "two maps"},
    {COMMAND_MAP_DIFF, "diff a b c", "too many"},
    {COMMAND_MAP_DIFF, "diff a b --memory 1G", "--memory"},
    {COMMAND_MAP_SHOW, "show a b", "too many"},
    {COMMAND_COPY, "copy a b -o m", "-o"},
    {COMMAND_RUN, "run", "JOB.json"},
    {COMMAND_RUN, "run a b", "too many"},
    {COMMAND_RUN, "run job --detach", "standard input"},
    {COMMAND_RUN, "run job --threads 0", "between"},
    {COMMAND_RUN, "run job --threads some", "number or auto"},
    {COMMAND_RUN, "run job --threads 1K", "number or auto"},
    {COMMAND_RUN, "run job --verify", "--verify"},
    {COMMAND_RP_COPY, "copy", "POINT"},
    {COMMAND_RP_COPY, "copy p", "--to"},
    {COMMAND_RP_COPY, "copy p q --to u", "too many"},
    {COMMAND_RP_COPY, "copy p --to u --duration 1", "between"},
    {COMMAND_RP_RESTORE, "restore d", "file or device"},
    {COMMAND_RP_RESTORE, "restore d f --to u", "not an option"},
    {COMMAND_RP_ACCESS, "access grant", "DISK"},
    {COMMAND_RP_STATUS, "status", "POINT"},
    {COMMAND_RP_VERIFY, "verify", "POINT"},
    {COMMAND_RP_VERIFY, "verify p --watch", "not an option"},
    {COMMAND_RP_STATUS, "status p --json --quiet", "exclude"},
    {COMMAND_RP_LIST, "list a b", "too many"},
    {COMMAND_CTL, "ctl", "PATH"},
    {COMMAND_CTL, "ctl path", "verb"},
    {COMMAND_CTL, "ctl path renew d source u --expires soon", "takes a time"},
};

Test(options, refuses_with_a_sentence_that_names_the_cause)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct options o;
        struct err e;
        char storage[512];

        cr_expect_not(parse(&o, refused[i].id, refused[i].line, storage, &e), "%s",
                      refused[i].line);
        cr_expect_eq(e.kind, ERR_USAGE, "%s", refused[i].line);
        cr_expect(strstr(e.text, refused[i].says), "%s: %s", refused[i].line, e.text);
        cr_expect_null(strchr(e.text, '\n'), "one sentence");
    }
}

Test(options, never_shows_a_secret_given_in_the_wrong_place)
{
    static const char *const lines[] = {"copy a b --io https://h/c/b?sv=1&sig=SECRET",
                                        "copy a 1 2 3 4 5 6 7 8 https://h/c/b?sv=1&sig=SECRET",
                                        "copy a b --memory=https://h/c/b?sig=SECRET",
                                        "copy a b --xyz=https://h/c/b?sig=SECRET"};

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct options o;
        struct err e;
        char storage[512];

        cr_expect_not(parse(&o, COMMAND_COPY, lines[i], storage, &e));
        cr_expect_null(strstr(e.text, "SECRET"), "%s", e.text);
    }
}

/* ---- Help ---- */

static void expect_fits_a_screen(const char *page)
{
    unsigned lines = 0;

    for (const char *at = page; *at; lines++) {
        size_t columns = strcspn(at, "\n");

        cr_expect_leq(columns, 80u, "%.*s", (int)columns, at);
        cr_assert_eq(at[columns], '\n', "the last line is ended");
        at += columns + 1;
    }
    cr_expect_leq(lines, 24u, "%u lines: %s", lines, page);
}

Test(help, fits_a_screen_and_names_every_option)
{
    expect_fits_a_screen(help_text());
    for (enum command_id id = 0; id < COMMANDS_COUNT; id++) {
        const char *page = help_text_of(id), *name;

        expect_fits_a_screen(page);
        cr_expect(strstr(page, "Example"), "%s", page);
        for (unsigned i = 0; (name = options_name_at(id, i)); i++) {
            char dashed[64];

            if (strcmp(name, "help") == 0)
                continue; /* who reads it has found it */
            snprintf(dashed, sizeof dashed, "--%s", name);
            cr_expect(strstr(page, dashed), "%s is not in: %s", dashed, page);
        }
    }
}

Test(help, names_no_option_that_does_not_exist)
{
    for (enum command_id id = 0; id < COMMANDS_COUNT; id++) {
        const char *at = help_text_of(id);

        while ((at = strstr(at, "--"))) {
            size_t length = strspn(at + 2, "abcdefghijklmnopqrstuvwxyz-");
            const char *name = NULL;
            bool known = false;

            for (unsigned i = 0; (name = options_name_at(id, i)); i++)
                known |= strlen(name) == length && strncmp(name, at + 2, length) == 0;
            known |= strncmp(at, "--help for ends", 15) == 0;
            cr_expect(known, "%.*s", (int)length + 2, at);
            at += 2 + length;
        }
    }
}

Test(options, proofs_are_taken_where_they_make_sense)
{
    struct options o;
    struct err e;
    char storage[512];

    cr_assert(parse(&o, COMMAND_COPY,
                    "copy a b --base p --manifest m --base-manifest n --audit 0.5% --seed 7",
                    storage, &e),
              "%s", e.text);
    cr_expect_str_eq(o.manifest, "m");
    cr_expect_str_eq(o.base_manifest, "n");
    cr_expect_eq(o.audit_ppm, 5000u);
    cr_expect_eq(o.seed, 7u);
    cr_assert(parse(&o, COMMAND_VERIFY, "verify a b --sample 1%", storage, &e), "%s", e.text);
    cr_expect_eq(o.sample_ppm, 10000u);
    cr_expect_eq(o.seed, OPTIONS_SEED_DRAWN);
    cr_expect_not(options_target_only(&o));
    cr_assert(parse(&o, COMMAND_VERIFY, "verify b --manifest m", storage, &e), "%s", e.text);
    cr_expect(options_target_only(&o));
    cr_assert(parse(&o, COMMAND_VERIFY, "verify --complete b --manifest m", storage, &e));
    cr_expect(o.complete && options_target_only(&o) && o.ends_count == 1);
}

Test(options, proofs_that_make_no_sense_are_refused)
{
    static const struct {
        enum command_id id;
        const char *line;
    } rows[] = {
        {COMMAND_COPY, "copy a b --manifest m --no-root"},
        {COMMAND_COPY, "copy a b --base-manifest n --manifest m"},
        {COMMAND_COPY, "copy a b --base p --base-manifest n"},
        {COMMAND_COPY, "copy a b --base p --audit 1%"},
        {COMMAND_COPY, "copy a b --seed 1"},
        {COMMAND_COPY, "copy a b --base p --base-manifest n --audit 1"},
        {COMMAND_COPY, "copy a b --sample 1%"},
        {COMMAND_COPY, "copy a b --complete"},
        {COMMAND_PLAN, "plan a b --manifest m"},
        {COMMAND_VERIFY, "verify a b --manifest m"},
        {COMMAND_VERIFY, "verify a b --complete"},
        {COMMAND_VERIFY, "verify --complete"},
        {COMMAND_VERIFY, "verify a"},
        {COMMAND_VERIFY, "verify b --manifest m --sample 1%"},
        {COMMAND_VERIFY, "verify b --manifest m --strip-footer"},
        {COMMAND_VERIFY, "verify a b --sample 0%"},
        {COMMAND_VERIFY, "verify a b --sample 1% --seed -1"},
        {COMMAND_VERIFY, "verify a b --seed 1"},
        {COMMAND_VERIFY, "verify b --manifest="},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct options o;
        struct err e;
        char storage[512];

        cr_expect_not(parse(&o, rows[i].id, rows[i].line, storage, &e), "%s", rows[i].line);
        cr_expect_eq(e.kind, ERR_USAGE, "%s", rows[i].line);
    }
}
