/* controld_main.c - snapferryd: puts the control plane together, says when it serves, waits for the end.
 *
 * Each module gets what it needs here and nowhere else; none knows this file.
 */
#include <errno.h>
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
#include "tools/controld/catalog.h"
#include "tools/controld/config.h"
#include "tools/controld/controld_options.h"
#include "tools/controld/front.h"
#include "tools/controld/front_table.h"
#include "tools/controld/plane.h"

#define DRAIN_MAX_NS     (10 * NS_PER_S) /* for clients that do not take their answers */
#define FILES_WANTED     8192u
#define WIND_DOWN_MAX_NS (60 * NS_PER_S)

enum exit_status { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct controld {
    const struct controld_options *options;
    struct config config;
    struct clock clock;
    struct reactor *reactor;
    struct front_auth auth;
    struct catalog *catalog;
    struct front_table *table;
    struct plane *plane;
    struct front *front;
    int signal_fd;
    struct reactor_op signal_op;
    bool stopping;
    uint64_t stop_ns;
};

/* ---- The configuration ---- */

static void say_mistake(void *arg, const char *path, const char *sentence)
{
    fprintf(stderr, "snapferryd: %s: %s: %s\n", (const char *)arg, path, sentence);
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
        front_drain(s->front);
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

static bool open_auth(struct controld *s, struct err *e)
{
    const struct controld_options *o = s->options;
    char path[PATH_MAX];

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
    return front_auth_token_kept(&s->auth, path, e);
}

static bool open_front(struct controld *s, struct err *e)
{
    const struct controld_options *o = s->options;
    struct front_setup setup = {.reactor = s->reactor,
                                .host = o->host,
                                .port = o->port,
                                .tls_cert = o->tls_cert,
                                .tls_key = o->tls_key,
                                .client_ca = o->client_ca,
                                .auth = &s->auth,
                                .ask = front_table_ask,
                                .arg = s->table};

    s->front = front_new(&setup, e);
    return s->front != NULL;
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

static bool controld_open(struct controld *s, struct err *e)
{
    raise_file_limit();
    clock_init_real(&s->clock);
    if (access(s->options->snapferry, X_OK) != 0) {
        err_set_errno(e, errno, RETRY_NEVER, "cannot run %s (say --snapferry PROGRAM)",
                      s->options->snapferry);
        e->kind = ERR_USAGE;
        return false;
    }
    if (!open_signals(s, e) || !durable_make_folder(s->options->data, e))
        return false;
    s->reactor = reactor_new(REACTOR_AUTO, &s->clock, e);
    s->catalog = s->reactor ? catalog_open(s->options->data, e) : NULL;
    s->table = s->catalog ? front_table_new(e) : NULL;
    /* The front serves from the first turn on, when all that it asks is there. */
    return s->table && open_auth(s, e) && open_front(s, e) && open_plane(s, e);
}

static void controld_close(struct controld *s)
{
    front_free(s->front);
    plane_free(s->plane);
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

static bool controld_run(struct controld *s, struct err *e)
{
    bool ok = true;

    printf("{\"event\":\"ready\",\"url\":\"%s\",\"pid\":%ld}\n", front_address(s->front),
           (long)getpid());
    fflush(stdout);
    await_signal(s);
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
    return e->kind == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}

static enum exit_status serve(const struct controld_options *options)
{
    struct controld s = {.options = options, .signal_fd = -1};
    enum exit_status status = EXIT_USAGE;
    struct err e = {0};

    if (load_config(&s)) {
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
