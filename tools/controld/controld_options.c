/* controld_options.c - getopt_long over one table. */
#include "tools/controld/controld_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/listen_at.h"

enum option_id {
    OPTION_CONFIG = 256,
    OPTION_EMBEDDED,
    OPTION_DATA,
    OPTION_LISTEN,
    OPTION_TLS_CERT,
    OPTION_TLS_KEY,
    OPTION_CLIENT_CA,
    OPTION_CLIENT_NAME,
    OPTION_TOKEN,
    OPTION_NO_AUTH,
    OPTION_SNAPFERRY,
    OPTION_CHECK,
    OPTION_HELP,
    OPTION_VERSION
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"embedded", required_argument, NULL, OPTION_EMBEDDED},
    {"data", required_argument, NULL, OPTION_DATA},
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"tls-cert", required_argument, NULL, OPTION_TLS_CERT},
    {"tls-key", required_argument, NULL, OPTION_TLS_KEY},
    {"client-ca", required_argument, NULL, OPTION_CLIENT_CA},
    {"client-name", required_argument, NULL, OPTION_CLIENT_NAME},
    {"token", required_argument, NULL, OPTION_TOKEN},
    {"no-auth", no_argument, NULL, OPTION_NO_AUTH},
    {"snapferry", required_argument, NULL, OPTION_SNAPFERRY},
    {"check", no_argument, NULL, OPTION_CHECK},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

struct parsing {
    struct controld_options *out;
    struct listen_at at;
    const char *data, *embedded, *snapferry;
};

/* ---- One option ---- */

static bool take_client(struct controld_options *out, const char *name, struct err *e)
{
    if (out->client_count == FRONT_CLIENTS_MAX)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--client-name: at most %u are taken",
                       FRONT_CLIENTS_MAX);
    if (!*name)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--client-name takes a certificate's name");
    out->clients[out->client_count++] = name;
    return true;
}

static bool take(struct parsing *p, int id, const char *value, struct err *e)
{
    struct controld_options *out = p->out;
    const char **text = id == OPTION_CONFIG      ? &out->config
                        : id == OPTION_EMBEDDED  ? &p->embedded
                        : id == OPTION_DATA      ? &p->data
                        : id == OPTION_TLS_CERT  ? &out->tls_cert
                        : id == OPTION_TLS_KEY   ? &out->tls_key
                        : id == OPTION_CLIENT_CA ? &out->client_ca
                        : id == OPTION_TOKEN     ? &out->token
                        : id == OPTION_SNAPFERRY ? &p->snapferry
                                                 : NULL;

    if (text) {
        *text = value;
        return *value || err_set(e, ERR_USAGE, RETRY_NEVER, "an option has an empty value");
    }
    switch (id) {
    case OPTION_LISTEN:
        return listen_at_parse(&p->at, "--listen", "127.0.0.1:8700 or [::1]:8700", value, e);
    case OPTION_CLIENT_NAME:
        return take_client(out, value, e);
    case OPTION_NO_AUTH:
        return out->no_auth = true;
    case OPTION_CHECK:
        return out->check = true;
    case OPTION_HELP:
        return out->help = true;
    default:
        return out->version = true;
    }
}

/* ---- Defaults ---- */

static bool join(char out_path[PATH_MAX], const char *folder, const char *name, struct err *e)
{
    if (snprintf(out_path, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "a path is too long: %.100s...", folder);
    return true;
}

static bool absolute(char out_path[PATH_MAX], const char *path, struct err *e)
{
    char here[PATH_MAX];

    if (path[0] == '/')
        return join(out_path, "", path + 1, e);
    if (!getcwd(here, sizeof here))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "there is no current folder: give full paths");
    return join(out_path, here, path, e);
}

static bool choose_data(struct parsing *p, struct err *e)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (p->data)
        return absolute(p->out->data, p->data, e);
    if (state && state[0] == '/')
        return join(p->out->data, state, "snapferryd", e);
    if (home && home[0] == '/')
        return join(p->out->data, home, ".local/state/snapferryd", e);
    return err_set(e, ERR_USAGE, RETRY_NEVER,
                   "there is no folder for the state (HOME is not set): say --data DIR");
}

/* A program that was installed with this one. */
static bool choose_beside(char out_path[PATH_MAX], const char *name, struct err *e)
{
    char self[PATH_MAX];
    ssize_t bytes = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash;

    if (bytes <= 0)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "cannot find %s: /proc is not there", name);
    self[bytes] = 0;
    slash = strrchr(self, '/');
    if (slash)
        *slash = 0;
    return join(out_path, self, name, e);
}

static bool choose_programs(struct parsing *p, struct err *e)
{
    struct controld_options *o = p->out;

    return (p->snapferry ? absolute(o->snapferry, p->snapferry, e)
                         : choose_beside(o->snapferry, "snapferry", e)) &&
           (!o->embedded || choose_beside(o->regiond, "regiond", e));
}

/* ---- What goes together ---- */

/* Nobody shall find this open to a network by accident. */
static bool check_access(const struct parsing *p, struct err *e)
{
    const struct controld_options *o = p->out;
    bool here = listen_at_is_loopback(&p->at);

    if (!o->tls_cert != !o->tls_key)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--tls-cert and --tls-key go together");
    if (o->client_ca && !o->tls_cert)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--client-ca needs --tls-cert and --tls-key: certificates are shown in TLS");
    if (o->client_count && !o->client_ca)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--client-name needs --client-ca");
    if (o->no_auth && (o->token || o->client_ca))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--no-auth lets anybody in, --token and --client-ca do not: choose");
    if (o->no_auth && !here)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--listen %.100s: without authentication only a loopback address is taken",
                       p->at.host);
    if (!o->tls_cert && !here)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--listen %.100s: the token would go in clear there: say --tls-cert and "
                       "--tls-key too",
                       p->at.host);
    return true;
}

/* It brings its own of everything else. */
static bool check_embedded(struct parsing *p, struct err *e)
{
    const struct controld_options *o = p->out;

    if (o->config || p->data || o->tls_cert || o->tls_key || o->client_ca || o->no_auth || o->check)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--embedded DIR goes with --listen, --token and --snapferry only: it makes "
                       "the rest itself, in DIR");
    if (!listen_at_is_loopback(&p->at))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--listen %.100s: --embedded serves this machine only, as its regions do",
                       p->at.host);
    p->data = p->embedded;
    return true;
}

static bool conclude(struct parsing *p, struct err *e)
{
    struct controld_options *o = p->out;

    o->embedded = p->embedded != NULL;
    if (!o->config && !o->embedded)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--config FILE is needed: the regions and machines to serve; or "
                       "--embedded DIR, which makes some");
    if (o->embedded && !check_embedded(p, e))
        return false;
    memcpy(o->host, p->at.host, sizeof o->host);
    o->port = p->at.port;
    return check_access(p, e) && choose_data(p, e) && choose_programs(p, e);
}

bool controld_options_parse(int argc, char **argv, struct controld_options *out_options,
                            struct err *e)
{
    struct parsing p = {.out = out_options,
                        .at = {.host = "127.0.0.1", .port = CONTROLD_PORT_DEFAULT}};
    int id;

    *out_options = (struct controld_options){0};
    optind = 1;
    opterr = 0;
    while ((id = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
        if (id == '?' || id == ':')
            return err_set(e, ERR_USAGE, RETRY_NEVER,
                           id == '?' ? "there is no option %.100s, or it takes no value"
                                     : "%.100s needs a value",
                           argv[optind - 1]);
        if (!take(&p, id, optarg, e))
            return false;
    }
    if (optind < argc)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "nothing is known of '%.100s'", argv[optind]);
    return out_options->help || out_options->version || conclude(&p, e);
}

const char *controld_options_help(void)
{
    return "snapferryd - serves the restore-point API on a team's own storage\n"
           "\n"
           "usage: snapferryd --config FILE | --embedded DIR  [OPTION...]\n"
           "\n"
           "  --config FILE        regions, virtual machines, limits (config.md); JSON\n"
           "  --embedded DIR       needs nothing: two regions, a machine, https, all in DIR\n"
           "  --check              reads the configuration, says what is wrong, and ends\n"
           "  --data DIR           what is kept [~/.local/state/snapferryd]\n"
           "  --listen HOST:PORT   [127.0.0.1:8700]; port 0 takes a free one\n"
           "  --tls-cert F --tls-key F   PEM files: serve https; needed off loopback\n"
           "  --token env:NAME|@FILE     what clients send as 'Authorization: Bearer';\n"
           "                       without: one is made and kept in DIR/token\n"
           "  --client-ca FILE     certificates of this authority are a way in, too\n"
           "  --client-name NAME   only those of this common name; repeatable\n"
           "  --no-auth            anybody on this machine may ask; loopback only\n"
           "  --snapferry PROGRAM  what moves the data [the one beside snapferryd]\n"
           "  --help, --version\n"
           "\n"
           "When it serves it says {\"event\":\"ready\",\"url\":...,\"pid\":...}. SIGTERM ends\n"
           "it cleanly; started again, it goes on.\n"
           "Exit status: 0 ended on request, 1 failed, 2 wrong usage or configuration\n"
           "example: snapferryd --embedded ~/snapferry-lab\n";
}
