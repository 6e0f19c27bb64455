/* regiond_main.c - puts the region together, says when it serves, waits for the end. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tools/regiond/accounts.h"
#include "tools/regiond/dispatch.h"
#include "tools/regiond/faults.h"
#include "tools/regiond/region_auth.h"
#include "tools/regiond/region_server.h"
#include "tools/regiond/regiond_options.h"
#include "tools/regiond/request_log.h"
#include "tools/regiond/sas_command.h"
#include "tools/regiond/shape.h"
#include "tools/regiond/store.h"
#include "tools/regiond/verb_common.h"

#define PEM_FILE_MAX_BYTES (1u << 20)

enum exit_status { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct region {
    struct store *store;
    struct accounts *accounts;
    struct region_auth *auth;
    struct buffer_pool *buffers;
    struct request_log *log;
    struct fault_plan *faults;
    struct traffic_shape *shape;
    char *tls_certificate;
    char *tls_key;
    struct region_server *server;
    char why[300]; /* the sentence of whatever failed */
};

static char *read_pem(const char *path, char *why, size_t why_bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = malloc(PEM_FILE_MAX_BYTES + 1);
    ssize_t n = fd >= 0 && text ? read(fd, text, PEM_FILE_MAX_BYTES) : -1;

    if (n <= 0) {
        snprintf(why, why_bytes, "cannot read %s: %s", path, n < 0 ? strerror(errno) : "empty");
        free(text);
        text = NULL;
    } else {
        text[n] = '\0';
    }
    if (fd >= 0)
        close(fd);
    return text;
}

static bool add_accounts(struct region *region, const struct regiond_options *options)
{
    region->accounts = accounts_new();
    if (!region->accounts)
        return false;
    if (options->account_count == 0)
        return accounts_add_development(region->accounts, region->why, sizeof region->why);
    for (size_t i = 0; i < options->account_count; i++)
        if (!accounts_add(region->accounts, options->accounts[i], region->why, sizeof region->why))
            return false;
    return true;
}

static bool open_auth(struct region *region, const struct regiond_options *options)
{
    struct region_auth_config config = {
        .policy = region_auth_store_policy,
        .policy_context = region->store,
    };

    if (!add_accounts(region, options))
        return false;
    config.accounts = region->accounts;
    region->auth = region_auth_new(&config);
    return region->auth != NULL;
}

static bool open_files(struct region *region, const struct regiond_options *options)
{
    struct store_config config = {.folder = options->data, .sync = options->sync};

    if (options->tls_cert) {
        region->tls_certificate = read_pem(options->tls_cert, region->why, sizeof region->why);
        if (!region->tls_certificate)
            return false;
        region->tls_key = read_pem(options->tls_key, region->why, sizeof region->why);
        if (!region->tls_key)
            return false;
    }
    if (options->log) {
        region->log = request_log_open(options->log);
        if (!region->log) {
            snprintf(region->why, sizeof region->why, "cannot open %s: %s", options->log,
                     strerror(errno));
            return false;
        }
    }
    if (options->faults) {
        region->faults = fault_plan_load(options->faults, region->why, sizeof region->why);
        if (!region->faults)
            return false;
    }
    if (options->shape) {
        region->shape = shape_load(options->shape, region->why, sizeof region->why);
        if (!region->shape)
            return false;
    }
    region->store = store_open(&config, region->why, sizeof region->why);
    return region->store != NULL;
}

static bool make_container(struct region *region, const char *account, const char *container)
{
    struct store_pairs metadata = {0};
    struct store_stamp stamp;
    enum store_result result = STORE_INVALID_VALUE;

    if (verb_container_name_ok(container))
        result = store_container_create(region->store, account, container, &metadata, &stamp);
    if (result == STORE_OK || result == STORE_CONTAINER_EXISTS)
        return true;
    snprintf(region->why, sizeof region->why, "cannot make the container %s in %s", container,
             account);
    return false;
}

static bool make_containers(struct region *region, const struct regiond_options *options)
{
    for (size_t i = 0; i < accounts_count(region->accounts); i++)
        for (size_t k = 0; k < options->container_count; k++)
            if (!make_container(region, accounts_at(region->accounts, i)->name,
                                options->containers[k]))
                return false;
    return true;
}

static bool region_open(struct region *region, const struct regiond_options *options)
{
    struct region_server_config config = {
        .host = options->host,
        .port = options->port,
        .threads = options->threads,
    };

    if (!open_files(region, options))
        return false;
    snprintf(region->why, sizeof region->why, "no memory");
    region->buffers = buffer_pool_new();
    if (!region->buffers || !open_auth(region, options))
        return false;
    if (!make_containers(region, options))
        return false;
    config.tls_certificate = region->tls_certificate;
    config.tls_key = region->tls_key;
    config.log = region->log;
    config.faults = region->faults;
    config.shape = region->shape;
    config.parts = (struct exchange_parts){
        .store = region->store,
        .auth = region->auth,
        .buffers = region->buffers,
    };
    region->server = region_server_start(&config, region->why, sizeof region->why);
    return region->server != NULL;
}

static void region_close(struct region *region)
{
    region_server_stop(region->server);
    region_auth_free(region->auth);
    accounts_free(region->accounts);
    store_close(region->store);
    buffer_pool_free(region->buffers);
    request_log_close(region->log);
    fault_plan_free(region->faults);
    shape_free(region->shape);
    free(region->tls_certificate);
    if (region->tls_key)
        explicit_bzero(region->tls_key, strlen(region->tls_key));
    free(region->tls_key);
}

static void say_ready(const struct region *region, const struct regiond_options *options)
{
    bool six = strchr(options->host, ':') != NULL;

    printf("{\"event\":\"ready\",\"url\":\"%s://%s%s%s:%u\",\"pid\":%ld}\n",
           options->tls_cert ? "https" : "http", six ? "[" : "", options->host, six ? "]" : "",
           region_server_port(region->server), (long)getpid());
    fflush(stdout);
}

/* A descriptor a connection, and one more for each file that is being sent. */
static void allow_many_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int serve(const struct regiond_options *options)
{
    struct region region = {0};
    enum exit_status status = EXIT_FAILED;
    sigset_t ends;
    int signal_number;

    /* Blocked before any thread is made, so that only sigwait below sees them. */
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    allow_many_descriptors();
    if (region_open(&region, options)) {
        say_ready(&region, options);
        sigwait(&ends, &signal_number);
        status = EXIT_DONE;
    } else {
        fprintf(stderr, "regiond: %s\n", region.why);
    }
    region_close(&region);
    return (int)status;
}

static void print_verbs(void)
{
    const struct verb *verb;

    for (size_t i = 0; (verb = dispatch_verb(i)); i++)
        printf("%s %s\n", verb->method, verb->name);
}

int main(int argc, char **argv)
{
    struct regiond_options options;
    char why[300] = "";

    if (argc > 1 && strcmp(argv[1], "sas") == 0)
        return sas_command(argc - 1, argv + 1);
    if (!regiond_options_parse(argc, argv, &options, why, sizeof why)) {
        fprintf(stderr, "regiond: %s\n", why);
        return EXIT_USAGE;
    }
    if (options.help) {
        regiond_options_help();
        return EXIT_DONE;
    }
    if (options.verbs) {
        print_verbs();
        return EXIT_DONE;
    }
    return serve(&options);
}
