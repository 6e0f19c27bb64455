/* controld_options_test.c - snapferryd's command line: what goes together, and what is refused. */
#include "tools/controld/controld_options.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS_MAX 80

static bool parse(const char *line, struct controld_options *out, struct err *e)
{
    static char text[4000];
    char *argv[ARGUMENTS_MAX] = {(char *)(uintptr_t) "snapferryd"};
    int argc = 1;

    snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
        cr_assert(argc < ARGUMENTS_MAX - 1);
        argv[argc++] = word;
    }
    memset(e, 0, sizeof *e);
    return controld_options_parse(argc, argv, out, e);
}

static void refused(const char *line, const char *why)
{
    struct controld_options options;
    struct err e;

    cr_assert(!parse(line, &options, &e), "%s", line);
    cr_assert_eq(e.kind, ERR_USAGE);
    cr_assert(strstr(e.text, why), "%s: %s", line, e.text);
}

Test(controld_options, listens_on_this_machine_only_and_keeps_its_state_at_home)
{
    struct controld_options options;
    struct err e;

    setenv("HOME", "/home/x", 1);
    unsetenv("XDG_STATE_HOME");
    cr_assert(parse("--config c.json", &options, &e), "%s", e.text);
    cr_assert_str_eq(options.config, "c.json");
    cr_assert_str_eq(options.host, "127.0.0.1");
    cr_assert_eq(options.port, CONTROLD_PORT_DEFAULT);
    cr_assert_str_eq(options.data, "/home/x/.local/state/snapferryd");
    cr_assert(strstr(options.snapferry, "/snapferry"));
    cr_assert(!options.no_auth && !options.token);
    setenv("XDG_STATE_HOME", "/state", 1);
    cr_assert(parse("--config c.json", &options, &e), "%s", e.text);
    cr_assert_str_eq(options.data, "/state/snapferryd");
    cr_assert(parse("--config c.json --data d --listen [::1]:0", &options, &e), "%s", e.text);
    cr_assert(options.data[0] == '/' && strstr(options.data, "/d"));
    cr_assert_str_eq(options.host, "::1");
}

Test(controld_options, off_loopback_needs_tls_and_authentication)
{
    struct controld_options options;
    struct err e;

    refused("--config c --listen 0.0.0.0:8700", "in clear");
    refused("--config c --listen 0.0.0.0:8700 --token env:T", "in clear");
    refused("--config c --listen example.org:8700 --no-auth", "without authentication");
    refused("--config c --listen 0.0.0.0:1 --tls-cert a --tls-key b --no-auth",
            "without authentication");
    cr_assert(parse("--config c --listen 0.0.0.0:1 --tls-cert a --tls-key b --token env:T",
                    &options, &e),
              "%s", e.text);
    cr_assert(parse("--config c --listen 10.0.0.4:1 --tls-cert a --tls-key b", &options, &e), "%s",
              e.text); /* a token is made */
    cr_assert(parse("--config c --no-auth", &options, &e), "%s", e.text);
    cr_assert(options.no_auth);
}

Test(controld_options, what_belongs_together_comes_together)
{
    struct controld_options options;
    struct err e;

    refused("", "--config");
    refused("--config c --tls-cert a", "go together");
    refused("--config c --tls-key a", "go together");
    refused("--config c --client-ca a", "needs --tls-cert");
    refused("--config c --tls-cert a --tls-key b --client-name n", "needs --client-ca");
    refused("--config c --no-auth --token env:T", "choose");
    refused("--config c --listen 127.0.0.1", "HOST:PORT");
    refused("--config c --nonsense", "--nonsense");
    refused("--config", "needs a value");
    refused("--config c more", "more");
    cr_assert(parse("--config c --tls-cert a --tls-key b --client-ca d --client-name n "
                    "--client-name m --listen localhost:0",
                    &options, &e),
              "%s", e.text);
    cr_assert_eq(options.client_count, 2);
    cr_assert_str_eq(options.clients[1], "m");
}

Test(controld_options, names_of_clients_have_a_maximum)
{
    char line[2000] = "--config c --tls-cert a --tls-key b --client-ca d";

    for (unsigned i = 0; i <= FRONT_CLIENTS_MAX; i++)
        strcat(line, " --client-name n");
    refused(line, "at most");
}

Test(controld_options, embedded_brings_its_own_of_all_else)
{
    struct controld_options options;
    struct err e;

    cr_assert(parse("--embedded lab --listen 127.0.0.1:0 --token env:T", &options, &e), "%s",
              e.text);
    cr_assert(options.embedded && !options.config && options.port == 0);
    cr_assert(options.data[0] == '/' && strstr(options.data, "/lab"));
    cr_assert(strstr(options.regiond, "/regiond"));
    refused("--embedded lab --config c", "goes with");
    refused("--embedded lab --data d", "goes with");
    refused("--embedded lab --check", "goes with");
    refused("--embedded lab --no-auth", "goes with");
    refused("--embedded lab --tls-cert a --tls-key b", "goes with");
    refused("--embedded lab --listen 0.0.0.0:1", "this machine only");
    refused("--embedded", "needs a value");
}

Test(controld_options, help_needs_nothing_else_and_fits_a_screen)
{
    struct controld_options options;
    unsigned lines = 0;
    struct err e;

    cr_assert(parse("--help", &options, &e) && options.help);
    cr_assert(parse("--version", &options, &e) && options.version);
    for (const char *at = controld_options_help(), *end; *at; at = end + 1) {
        end = strchr(at, '\n');
        cr_assert(end && end - at <= 80, "%s", at);
        lines++;
    }
    cr_assert_leq(lines, 24);
}
