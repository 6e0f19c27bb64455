/* arm_client.c - see arm_client.h. A work is one call on its way: first the request itself, then the state of
 * what it began, then its result. */
#include "tools/snapferry/arm_client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/job_members.h"
#include "io/secret.h"
#include "tools/snapferry/arm_client_work.h"

#define CONNECTIONS_MAX 8u

/* ---- Life ---- */

static bool check_endpoint(const char *endpoint, struct err *e)
{
    struct secret_url url = {0};
    bool ok = false;

    if (!secret_is_url(endpoint))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--endpoint takes a URL such as https://management.azure.com");
    if (!secret_url_parse(endpoint, &url, e))
        err_prefix(e, "--endpoint: ");
    else if (!url.tls && !url.loopback)
        err_set(e, ERR_USAGE, RETRY_NEVER,
                "--endpoint: the token goes over https only, or to this machine");
    else if (*url.query)
        err_set(e, ERR_USAGE, RETRY_NEVER, "--endpoint takes a URL without a query");
    else
        ok = true;
    secret_url_fini(&url);
    return ok;
}

static bool check_token(const char *token, struct err *e)
{
    size_t bytes = strlen(token);

    if (bytes == 0 || bytes > ARM_TOKEN_MAX_BYTES)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--token: a token has 1 to %u characters",
                       ARM_TOKEN_MAX_BYTES);
    if (secret_is_url(token))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--token: this is a URL, and no token");
    for (size_t i = 0; i < bytes; i++)
        if (token[i] <= ' ' || token[i] > '~')
            return err_set(e, ERR_USAGE, RETRY_NEVER,
                           "--token: a token has no blanks and no other special characters; give "
                           "it without \"Bearer\"");
    return true;
}

struct arm_client *arm_client_new(const struct arm_client_setup *setup, struct err *e)
{
    struct http_options how = {.connections_max = CONNECTIONS_MAX, .ca_file = setup->ca_file};
    struct arm_client *client = NULL;

    if (!check_endpoint(setup->endpoint, e) || !check_token(setup->token, e))
        return NULL;
    client = calloc(1, sizeof *client);
    if (!client) {
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a client");
        return NULL;
    }
    client->reactor = setup->reactor;
    client->endpoint = strdup(setup->endpoint);
    if (!client->endpoint || asprintf(&client->authorization, "Bearer %s", setup->token) < 0) {
        client->authorization = NULL;
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a client");
    } else {
        for (size_t n = strlen(client->endpoint); n > 0 && client->endpoint[n - 1] == '/'; n--)
            client->endpoint[n - 1] = 0;
        client->http = http_new(setup->reactor, &how, e);
    }
    if (client->http)
        return client;
    arm_client_free(client);
    return NULL;
}

void arm_client_free(struct arm_client *client)
{
    if (!client)
        return;
    assert(!client->works);
    http_free(client->http);
    free(client->endpoint);
    secret_wipe_free(client->authorization);
    free(client);
}

/* ---- Use ---- */

void arm_client_send(struct arm_client *client, struct arm_call *call)
{
    assert(call->done && !call->answer && !err_is_set(&call->err));
    arm_work_begin(client, call);
}

void arm_client_cancel_all(struct arm_client *client)
{
    for (struct arm_work *work = client->works; work; work = work->next)
        arm_work_cancel(work);
    http_cancel_all(client->http);
}

void arm_call_fini(struct arm_call *call)
{
    job_members_wipe(call->answer);
    json_decref(call->answer);
    call->answer = NULL;
}

/* ---- Look ---- */

bool arm_client_idle(const struct arm_client *client)
{
    return !client->works;
}

const char *arm_client_endpoint(const struct arm_client *client)
{
    return client->endpoint;
}
