/* controld_main.c - snapferryd: puts the control plane together, says when it serves, waits for the end.
 *
 * Each module gets what it needs here and nowhere else; none knows this file.
 */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/durable.h"
#include "io/reactor.h"
#include "io/secret.h"
#include "tools/controld/catalog.h"
#include "tools/controld/config.h"
#include "tools/controld/controld_options.h"
#include "tools/controld/embedded_site.h"
#include "tools/controld/front.h"
#include "tools/controld/front_table.h"
#include "tools/controld/page_files.h"
#include "tools/controld/plane.h"

#define DRAIN_MAX_NS     (3 * NS_PER_S) /* for answers: plane.c gives up regions before */
#define FILES_WANTED     8192u
#define WIND_DOWN_MAX_NS (60 * NS_PER_S)

enum exit_status { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct controld {
    const struct controld_options *options;
    struct config config;
    struct clock clock;
    struct reactor *reactor;
    struct embedded_site *site; /* NULL: the regions are the configuration's */
    struct front_auth auth;
    struct catalog *catalog;
    struct front_table *table;
    struct plane *plane;
    struct front *front;
    struct front_file page[PAGE_FILES_COUNT];
    int signal_fd;
    struct reactor_op signal_op;
    bool stopping;
    uint64_t stop_ns;
};

/* ---- The configuration ---- */

static void say_mistake(void *arg, const char *path, const char *sentence)
{
    fprintf(stderr, "snapferryd: %s: %s%s%s\n", (const char *)arg, path, *path ? ": " : "",
            sentence);
}

static bool load_config(struct controld *s)
{
    return config_load(s->options->config, &s->config, say_mistake,
                       (void *)(uintptr_t)s->options->config);
}

/* ---- Signals ---- */

static void signal_came(struct reactor_op *op);

static void await_signal(struct controld *s)
{
    reactor_poll(s->reactor, &s->signal_op, s->signal_fd, POLLIN, signal_came);
}

static void signal_came(struct reactor_op *op)
{
    struct controld *s = (struct controld *)((char *)op - offsetof(struct controld, signal_op));
    struct signalfd_siginfo info;

    while (read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (s->stopping)
            _exit(EXIT_FAILED); /* asked twice; what is durable is durable */
        s->stopping = true;
        s->stop_ns = reactor_now_ns(s->reactor);
        if (s->front)
            front_drain(s->front);
        if (s->plane)
            plane_stop(s->plane);
    }
    await_signal(s);
}

static bool open_signals(struct controld *s, struct err *e)
{
    sigset_t wanted;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &wanted, NULL) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot block signals");
    s->signal_fd = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
    return s->signal_fd >= 0 || err_set_errno(e, errno, RETRY_NEVER, "cannot listen for signals");
}

/* ---- Life ---- */

static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= FILES_WANTED)
        return;
    limit.rlim_cur = limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* Once in its life, where a person sees it; programs read the file. */
static bool tell_token(const char *path, struct err *e)
{
    char *token = NULL;
    size_t bytes = 0;

    if (!durable_read(path, FRONT_TOKEN_MAX_BYTES, &token, &bytes, e))
        return false;
    if (token)
        fprintf(stderr, "snapferryd: the token, told this once, kept in %s:\n  %s", path, token);
    secret_wipe_free(token);
    return true;
}

static bool open_auth(struct controld *s, struct err *e)
{
    const struct controld_options *o = s->options;
    char path[PATH_MAX];
    bool fresh;

    s->auth.anybody = o->no_auth;
    s->auth.has_clients = o->client_ca != NULL;
    s->auth.client_count = o->client_count;
    memcpy(s->auth.clients, o->clients, sizeof s->auth.clients);
    if (o->token)
        return front_auth_token(&s->auth, o->token, e);
    if (o->no_auth || o->client_ca)
        return true;
    if (snprintf(path, sizeof path, "%s/token", o->data) >= PATH_MAX)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--data: the path is too long");
    fresh = o->embedded && access(path, F_OK) != 0;
    return front_auth_token_kept(&s->auth, path, e) && (!fresh || tell_token(path, e));
}

static bool open_front(struct controld *s, struct err *e)
{
    const struct controld_options *o = s->options;
    const struct embedded_ca *ca = s->site ? embedded_site_ca(s->site) : NULL;
    struct front_setup setup = {.reactor = s->reactor,
                                .host = o->host,
                                .port = o->port,
                                .tls_cert = ca ? ca->certificate : o->tls_cert,
                                .tls_key = ca ? ca->key : o->tls_key,
                                .client_ca = o->client_ca,
                                .auth = &s->auth,
                                .ask = front_table_ask,
                                .arg = s->table};

    s->front = front_new(&setup, e);
    if (!s->front && e->sys_errno == EADDRINUSE)
        err_prefix(e, "somebody serves there; choose another --listen, or its port 0: ");
    if (!s->front)
        return false;
    page_files(!s->auth.anybody && !s->auth.has_clients, s->page);
    front_serve_files(s->front, s->page, PAGE_FILES_COUNT);
    return true;
}

static bool open_plane(struct controld *s, struct err *e)
{
    const struct plane_setup setup = {.reactor = s->reactor,
                                      .config = &s->config,
                                      .catalog = s->catalog,
                                      .table = s->table,
                                      .data_folder = s->options->data,
                                      .snapferry = s->options->snapferry,
                                      .cacert = s->config.cacert};

    s->plane = plane_new(&setup, e);
    return s->plane && plane_recover(s->plane, e);
}

static void say(void *arg, const char *sentence)
{
    (void)arg;
    fprintf(stderr, "snapferryd: %s\n", sentence);
}

/* Its regions serve and its disks are there before anything else begins. */
static bool open_site(struct controld *s, struct err *e)
{
    const struct embedded_site_setup setup = {.reactor = s->reactor,
                                              .folder = s->options->data,
                                              .snapferry = s->options->snapferry,
                                              .regiond = s->options->regiond,
                                              .log = say};

    if (!s->options->embedded)
        return true;
    s->site = embedded_site_new(&setup, e);
    if (!s->site)
        return false;
    while (embedded_site_state(s->site, e) == EMBEDDED_BEGINS && !s->stopping)
        if (!reactor_turn(s->reactor, NS_PER_S, e))
            return false;
    if (s->stopping)
        return err_set(e, ERR_CANCELED, RETRY_NEVER, "ended on request");
    return !err_is_set(e) && embedded_site_config(s->site, &s->config, e);
}

static bool is_program(const char *path, const char *advice, struct err *e)
{
    if (access(path, X_OK) == 0)
        return true;
    err_set_errno(e, errno, RETRY_NEVER, "cannot run %s%s", path, advice);
    e->kind = ERR_USAGE;
    return false;
}

static bool controld_open(struct controld *s, struct err *e)
{
    raise_file_limit();
    clock_init_real(&s->clock);
    if (!is_program(s->options->snapferry, " (say --snapferry PROGRAM)", e) ||
        (s->options->embedded && !is_program(s->options->regiond, "", e)))
        return false;
    if (!open_signals(s, e) || !durable_make_folder(s->options->data, e))
        return false;
    s->reactor = reactor_new(REACTOR_AUTO, &s->clock, e);
    if (s->reactor)
        await_signal(s);
    s->catalog = s->reactor ? catalog_open(s->options->data, e) : NULL;
    s->table = s->catalog ? front_table_new(e) : NULL;
    /* The front serves from the first turn on, when all that it asks is there. */
    return s->table && open_site(s, e) && open_auth(s, e) && open_front(s, e) && open_plane(s, e);
}

static void controld_close(struct controld *s)
{
    front_free(s->front);
    plane_free(s->plane);
    embedded_site_free(s->site); /* who used its regions is gone */
    front_table_free(s->table);
    catalog_close(s->catalog);
    front_auth_fini(&s->auth);
    if (s->reactor)
        reactor_forget(s->reactor, &s->signal_op);
    reactor_free(s->reactor);
    if (s->signal_fd >= 0)
        close(s->signal_fd);
}

/* What could not begin as a whole: the parts that have begun end first. */
static void wind_down(struct controld *s)
{
    struct err ignored = {0};
    uint64_t until_ns;

    if (!s->plane)
        return;
    plane_stop(s->plane);
    until_ns = reactor_now_ns(s->reactor) + WIND_DOWN_MAX_NS;
    while (!plane_stopped(s->plane) && reactor_now_ns(s->reactor) < until_ns &&
           reactor_turn(s->reactor, NS_PER_S / 10, &ignored))
        ;
}

static bool ended(const struct controld *s)
{
    return s->stopping && plane_stopped(s->plane) &&
           (front_idle(s->front) || reactor_now_ns(s->reactor) - s->stop_ns > DRAIN_MAX_NS);
}

/* For a person first: who waits for the line of JSON has the rest then. */
static void say_ready(const struct controld *s)
{
    const char *url = front_address(s->front);
    const struct embedded_ca *ca = s->site ? embedded_site_ca(s->site) : NULL;
    json_t *ready =
        json_pack("{sssssI}", "event", "ready", "url", url, "pid", (json_int_t)getpid());

    if (ca) {
        fprintf(stderr,
                "snapferryd: serves the regions westus and eastus at %s\n"
                "  clients trust %s; the token is in %s/token\n",
                url, ca->authority, s->options->data);
        json_object_set_new(ready, "cacert", json_string(ca->authority));
    }
    json_dumpf(ready, stdout, JSON_COMPACT);
    puts("");
    fflush(stdout);
    json_decref(ready);
}

static bool controld_run(struct controld *s, struct err *e)
{
    bool ok = true;

    say_ready(s);
    while (ok && !ended(s))
        ok = reactor_turn(s->reactor, NS_PER_S, e);
    return ok;
}

/* ---- main ---- */

static enum exit_status live(struct controld *s, struct err *e)
{
    if (controld_open(s, e))
        return controld_run(s, e) ? EXIT_DONE : EXIT_FAILED;
    wind_down(s);
    if (e->kind == ERR_CANCELED) {
        err_clear(e);
        return EXIT_DONE;
    }
    return e->kind == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}

static enum exit_status serve(const struct controld_options *options)
{
    struct controld s = {.options = options, .signal_fd = -1};
    enum exit_status status = EXIT_USAGE;
    struct err e = {0};

    if (options->embedded || load_config(&s)) {
        status = EXIT_DONE;
        if (options->check)
            printf("%s: %u region%s, %u virtual machine%s\n", options->config,
                   s.config.region_count, s.config.region_count == 1 ? "" : "s",
                   s.config.machine_count, s.config.machine_count == 1 ? "" : "s");
        else
            status = live(&s, &e);
        if (err_is_set(&e))
            fprintf(stderr, "snapferryd: %s\n", e.text);
        controld_close(&s);
    }
    config_fini(&s.config);
    return status;
}

int main(int argc, char **argv)
{
    static struct controld_options options; /* too large for some stacks */
    struct err e = {0};

    if (!controld_options_parse(argc, argv, &options, &e)) {
        fprintf(stderr, "snapferryd: %s (snapferryd --help)\n", e.text);
        return EXIT_USAGE;
    }
    if (options.help)
        fputs(controld_options_help(), stdout);
    else if (options.version)
        puts("snapferryd " SNAPFERRY_VERSION);
    else
        return (int)serve(&options);
    return EXIT_DONE;
}
