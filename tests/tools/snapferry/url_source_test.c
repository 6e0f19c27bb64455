/* url_source_test.c - files that are replaced well and badly, commands that print well and badly. */
#include "tools/snapferry/url_source.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test_reactor.h"

#define OLD "https://acct.blob.core.windows.net/c/b?se=2030-01-01&sig=old"
#define NEW "https://acct.blob.core.windows.net/c/b?se=2031-01-01&sig=new"

static struct rig rig;
static struct url_source source;
static struct secret_url used;
static char path[TEST_PATH_MAX_BYTES], argument[TEST_PATH_MAX_BYTES + 1];
static struct {
    bool answered;
    char query[128];
    uint64_t expires_s;
    struct err why;
} seen;

static void on_found(void *arg, struct secret_url *take, uint64_t expires_s)
{
    (void)arg;
    cr_assert_not(seen.answered, "answers once");
    seen.answered = true;
    seen.expires_s = expires_s;
    snprintf(seen.query, sizeof seen.query, "%s", take->query);
}

static void on_failed(void *arg, const struct err *why)
{
    (void)arg;
    cr_assert_not(seen.answered, "answers once");
    seen.answered = true;
    seen.why = *why;
}

static void put(const char *text)
{
    FILE *file = fopen(path, "we");

    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
}

static void begin(bool simulated)
{
    struct err e = {0};

    if (simulated)
        rig_open_simulated(&rig, REACTOR_EPOLL);
    else
        rig_open(&rig, REACTOR_AUTO);
    memset(&seen, 0, sizeof seen);
    test_temp_path(path, "url");
    snprintf(argument, sizeof argument, "@%s", path);
    cr_assert(secret_url_parse(OLD, &used, &e));
    source = (struct url_source){.reactor = rig.r,
                                 .side = "source",
                                 .id = "the disk",
                                 .owner = {.found = on_found, .failed = on_failed}};
    url_source_init(&source, &used);
}

static void end(void)
{
    url_source_fini(&source);
    secret_url_fini(&used);
    rig_until_idle(&rig);
    rig_close(&rig);
    unlink(path);
}

static void ask(void)
{
    memset(&seen, 0, sizeof seen);
    url_source_ask(&source, &used);
    cr_assert_not(seen.answered, "not from inside the question");
}

static void turns(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        rig_turn(&rig);
}

/* ---- Files ---- */

Test(url_source, a_file_is_looked_at_until_its_line_is_another)
{
    begin(true);
    source.file = argument;
    put(OLD "\n");
    ask();
    turns(100);
    cr_assert_not(seen.answered);
    put(NEW "\nmore\n");
    rig_until(&rig, &seen.answered);
    cr_expect_str_eq(seen.query, "se=2031-01-01&sig=new");
    cr_expect_eq(seen.expires_s, 0u);
    end();
}

Test(url_source, what_is_new_when_asked_is_taken_at_once)
{
    begin(true);
    source.file = argument;
    put(NEW);
    ask();
    rig_until(&rig, &seen.answered);
    cr_expect_leq(reactor_now_ns(rig.r), 2 * NS_PER_S);
    end();
}

Test(url_source, a_line_that_is_still_being_written_is_not_taken)
{
    begin(true);
    source.file = argument;
    put(OLD);
    ask();
    turns(3);
    for (size_t i = 1; i < strlen(NEW); i += 3) {
        char part[sizeof NEW] = "";

        memcpy(part, NEW, i);
        put(part);
        rig_turn(&rig);
        cr_assert_not(seen.answered, "%zu bytes of it", i);
    }
    put(NEW);
    rig_until(&rig, &seen.answered);
    cr_expect_str_eq(seen.query, "se=2031-01-01&sig=new");
    end();
}

Test(url_source, a_file_that_is_gone_for_a_while_is_waited_for)
{
    begin(true);
    source.file = argument;
    ask();
    turns(10);
    put("");
    turns(10);
    cr_assert_not(seen.answered);
    put(NEW);
    rig_until(&rig, &seen.answered);
    cr_expect_not(err_is_set(&seen.why), "%s", seen.why.text);
    end();
}

Test(url_source, what_is_no_url_is_said_once_and_not_taken_again)
{
    begin(true);
    source.file = argument;
    put("nonsense sig=secret");
    ask();
    rig_until(&rig, &seen.answered);
    cr_expect_eq(seen.why.kind, ERR_USAGE);
    cr_expect(strstr(seen.why.text, path), "%s", seen.why.text);
    cr_expect_not(strstr(seen.why.text, "secret"));
    ask();
    turns(10);
    cr_expect_not(seen.answered, "it is known by now");
    put(NEW);
    rig_until(&rig, &seen.answered);
    cr_expect_not(err_is_set(&seen.why), "%s", seen.why.text);
    end();
}

Test(url_source, a_stop_ends_the_looking)
{
    begin(true);
    source.file = argument;
    put(OLD);
    ask();
    turns(3);
    url_source_stop(&source);
    cr_expect_not(reactor_busy(rig.r));
    put(NEW);
    ask();
    rig_until(&rig, &seen.answered);
    end();
}

/* ---- Commands ---- */

static void run(const char *command)
{
    source.command = command;
    ask();
    rig_until(&rig, &seen.answered);
}

Test(url_source, a_command_prints_a_url_and_perhaps_its_end)
{
    begin(false);
    run("echo; echo '  " NEW " '; echo");
    cr_expect_not(err_is_set(&seen.why), "%s", seen.why.text);
    cr_expect_str_eq(seen.query, "se=2031-01-01&sig=new");
    cr_expect_eq(seen.expires_s, 0u);
    run("printf '" NEW "\\r\\n2024-01-05T01:00:00Z\\r\\n'");
    cr_expect_not(err_is_set(&seen.why), "%s", seen.why.text);
    cr_expect_eq(seen.expires_s, 1704416400u);
    end();
}

Test(url_source, a_command_is_told_for_what_and_no_secret)
{
    begin(false);
    run("test \"$SNAPFERRY_SIDE|$SNAPFERRY_ADDRESS|$SNAPFERRY_SNAPSHOT|$SNAPFERRY_ID\" = "
        "'source|https://acct.blob.core.windows.net/c/b||the disk' && ! env | grep -q sig= && "
        "echo '" NEW "'");
    cr_expect_not(err_is_set(&seen.why), "%s", seen.why.text);
    end();
}

Test(url_source, what_a_command_should_not_print_is_refused_without_showing_it)
{
    static const struct {
        const char *command, *says;
    } bad[] = {
        {"true", "nothing"},
        {"echo 'sig=secret'", "not a URL"},
        {"echo '" NEW "' | sed 's/?/ ?/'", "percent-encoded"},
        {"echo '" NEW "'; echo tomorrow", "more than a URL"},
        {"echo '" NEW "'; echo 2030-01-01; echo more", "more than a URL"},
        {"echo '" OLD "'", "the same URL as before"},
        {"printf 'https://h/c/b?sig=secret'; head -c 9000 /dev/zero | tr '\\0' a", "more than"},
        {"echo 'https://h/c/b?sig=secret' >&2; exit 3", "status 3: https://h/c/b?*"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        begin(false);
        run(bad[i].command);
        cr_expect(err_is_set(&seen.why), "%s", bad[i].command);
        cr_expect(strstr(seen.why.text, bad[i].says), "%s: %s", bad[i].command, seen.why.text);
        cr_expect_not(strstr(seen.why.text, "secret"), "%s", seen.why.text);
        end();
    }
}

Test(url_source, the_same_url_may_have_been_extended_where_it_does_not_say_its_end)
{
    struct secret_url policy = {0};
    struct err e = {0};

    begin(false);
    cr_assert(secret_url_parse("https://md-x.blob.core.windows.net/a/b?si=p&sig=x", &policy, &e));
    url_source_init(&source, &policy);
    run("echo 'https://md-x.blob.core.windows.net/a/b?si=p&sig=x'");
    cr_expect_not(err_is_set(&seen.why), "%s", seen.why.text);
    secret_url_fini(&policy);
    end();
}

Test(url_source, with_both_a_new_line_in_the_file_spares_the_command)
{
    begin(false);
    source.file = argument;
    put(NEW);
    run("exit 9");
    cr_expect_not(err_is_set(&seen.why), "%s", seen.why.text);
    run("exit 9");
    cr_expect(strstr(seen.why.text, "status 9"), "the file's line is known: %s", seen.why.text);
    end();
}
