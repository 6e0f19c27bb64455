/* run_report.c - see run_report.h. */
#include "tools/snapferry/run_report.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "io/durable.h"
#include "io/secret.h"

#define CONNECTIONS_COUNT 2u

/* The token, a view into the environment; NULL where none is wanted. */
static bool find_token(const struct job_report *report, const char **out_token, struct err *e)
{
    const char *token = report->token_env ? getenv(report->token_env) : NULL;

    if (report->token_env && (!token || !*token))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "report.tokenEnv names %.100s, which is not in the environment",
                       report->token_env);
    *out_token = token;
    return true;
}

static bool make_spool(const char *state_folder, char out_folder[PATH_MAX], struct err *e)
{
    out_folder[0] = 0;
    if (!*state_folder)
        return true;
    if (snprintf(out_folder, PATH_MAX, "%s/reports", state_folder) >= PATH_MAX)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--state-dir: the path is too long");
    return durable_make_folder(out_folder, e);
}

static bool open_events(struct run_report *report, const struct run_report_setup *setup,
                        const char *url, struct err *e)
{
    char spool[PATH_MAX];
    struct event_http_setup how = {.reactor = setup->session->reactor,
                                   .http = report->http,
                                   .url = url,
                                   .interval_ms = setup->report->interval_ms,
                                   .say = setup->say,
                                   .arg = setup->arg};

    if (getrandom(&how.random_seed, sizeof how.random_seed, 0) != (ssize_t)sizeof how.random_seed)
        return err_set_errno(e, errno, RETRY_NEVER, "the kernel gives no random bytes");
    if (!find_token(setup->report, &how.token, e) || !make_spool(setup->state_folder, spool, e))
        return false;
    how.spool_folder = *spool ? spool : NULL;
    report->events = event_http_new(&how, e);
    return report->events != NULL;
}

bool run_report_open(struct run_report *report, const struct run_report_setup *setup, struct err *e)
{
    const struct options *options = setup->session->options;
    struct http_options how = {.connections_max = CONNECTIONS_COUNT,
                               .ca_file = options->ca_file,
                               .allow_plain = options->allow_http,
                               .observer = setup->session->observer};
    char *url = NULL;
    bool ok = false;

    if (!setup->report->url)
        return true;
    if (!secret_resolve(setup->report->url, &url, e)) {
        err_prefix(e, "report.url: ");
        return false;
    }
    report->http = http_new(setup->session->reactor, &how, e);
    ok = report->http && open_events(report, setup, url, e);
    secret_wipe_free(url);
    return ok;
}

void run_report_close(struct run_report *report)
{
    event_http_free(report->events);
    report->events = NULL;
}

void run_report_free(struct run_report *report)
{
    http_free(report->http);
    memset(report, 0, sizeof *report);
}
