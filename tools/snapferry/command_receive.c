/* command_receive.c - snapferry receive: the relay's end in the target region.
 *
 * It puts together a server that knows certificates, a receiver that knows the protocol, and a root
 * that knows where targets lie. A signal drains: what is under way is answered, nothing new is taken.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "blockmap/digest.h"
#include "engine/receiver.h"
#include "io/durable.h"
#include "io/http_server.h"
#include "io/listen_at.h"
#include "io/workers.h"
#include "tools/snapferry/receive_root.h"
#include "tools/snapferry/receive_show.h"
#include "tools/snapferry/stage.h"

#define MEMORY_MIN_BYTES (32ull << 20)
#define DRAIN_MAX_NS     (30 * NS_PER_S) /* for clients that do not take their answers */
#define FILES_WANTED     4096u           /* connections, targets, and what the rest needs */
_Static_assert(MEMORY_MIN_BYTES / 2 >= HTTP_SERVER_BODY_MAX_BYTES, "a body fits into its half");
_Static_assert(MEMORY_MIN_BYTES / 2 >= 2 * (uint64_t)BUF_BYTES, "so do two buffers");

struct receiving {
    struct stage *stage;
    struct options options; /* ours, but for the memory: half is the buffers', half the bodies' */
    struct session *session;
    struct receive_root root;
    struct receive_show show;
    struct workers *workers;
    struct receiver *receiver;
    struct http_server *server;
    struct listen_at at;
    char index_folder[PATH_MAX];
    bool stopping;
    uint64_t stop_ns;
};

/* ---- Arguments ---- */

/* Each root has an index of its own: another's would only name places that are not there. */
static bool choose_index(struct receiving *r, const char *address, struct err *e)
{
    const struct receive_options *o = &r->stage->options->receive;
    char digest[DIGEST_TEXT_MAX_BYTES], state[PATH_MAX];
    int length;

    if (o->no_index)
        return true;
    stage_default_state_folder(getenv("XDG_STATE_HOME"), getenv("HOME"), state);
    digest_sha256_text(address, strlen(address), digest);
    if (o->index_folder)
        length = snprintf(r->index_folder, PATH_MAX, "%s", o->index_folder);
    else if (state[0])
        length =
            snprintf(r->index_folder, PATH_MAX, "%s/receive-%.16s", state, strchr(digest, ':') + 1);
    else
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "there is no state folder (HOME is not set): say --index DIR or --no-index");
    if (length >= PATH_MAX)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--index: the path is too long");
    return durable_make_folder(r->index_folder, e);
}

static bool read_options(struct receiving *r, struct err *e)
{
    const struct receive_options *o = &r->stage->options->receive;
    char *address = NULL;
    bool ok;

    if (!o->listen || !o->target_root || !o->tls_cert || !o->tls_key || !o->client_ca)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "this command needs --listen, --target-root, --tls-cert, --tls-key and "
                       "--client-ca");
    if (r->stage->options->memory_bytes < MEMORY_MIN_BYTES)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--memory must be at least 32M here");
    ok = listen_at_parse(&r->at, "--listen", "10.0.0.4:8443 or [::1]:8443", o->listen, e) &&
         receive_root_open(&r->root, o->target_root, r->stage->options->allow_http, &address, e) &&
         choose_index(r, address, e);
    free(address);
    if (!ok)
        e->kind = ERR_USAGE; /* also a folder that is not there: nothing was touched */
    return ok;
}

/* ---- What the receiver and the server ask of us ---- */

static struct endpoint *open_target(void *arg, const char *name, bool writable, struct err *e)
{
    struct receiving *r = arg;

    return receive_root_target(&r->root, r->session, name, writable, e);
}

static void say(void *arg, const char *name, const char *text)
{
    struct receiving *r = arg;

    receive_show_say(&r->show, name, text);
}

static void refused(void *arg, const struct http_refusal *refusal)
{
    struct receiving *r = arg;

    receive_show_stranger(&r->show, refusal);
}

/* ---- The session's work ---- */

static bool receiving_ended(void *arg)
{
    struct receiving *r = arg;

    return r->stopping && receiver_idle(r->receiver) &&
           (http_server_idle(r->server) ||
            reactor_now_ns(r->session->reactor) - r->stop_ns > DRAIN_MAX_NS);
}

static void receiving_stop(void *arg)
{
    struct receiving *r = arg;

    r->stopping = true;
    r->stop_ns = reactor_now_ns(r->session->reactor);
    receive_show_say(&r->show, "",
                     "Stopping: what is under way is answered. Once more ends at once.");
    http_server_drain(r->server);
    receiver_stop(r->receiver);
}

static void receiving_abandon(void *arg)
{
    struct receiving *r = arg;
    struct view_outcome outcome = {.status = STATUS_INTERRUPTED};

    err_set(&outcome.error, ERR_CANCELED, RETRY_LATER, "ended at once on request");
    view_end(&r->stage->view, &outcome);
}

static void receiving_tick(void *arg)
{
    struct receiving *r = arg;

    receive_show_counts(&r->show, receiver_count(r->receiver), r->stopping);
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

static bool open_receiver(struct receiving *r, struct err *e)
{
    const struct receive_options *o = &r->stage->options->receive;
    struct receiver_setup setup = {
        .reactor = r->session->reactor,
        .pool = r->session->pool,
        .index_folder = o->no_index ? NULL : r->index_folder,
        .index_bytes = o->index_bytes,
        .open = open_target,
        .say = say,
        .arg = r,
    };

    if (getrandom(&setup.random_seed, sizeof setup.random_seed, 0) !=
        (ssize_t)sizeof setup.random_seed)
        return err_set(e, ERR_IO, RETRY_NEVER, "the kernel gives no random bytes");
    r->workers = setup.workers = workers_new(r->session->reactor, 0, e);
    if (!r->workers)
        return false;
    r->receiver = receiver_new(&setup, e);
    return r->receiver != NULL;
}

static bool open_server(struct receiving *r, struct err *e)
{
    const struct receive_options *o = &r->stage->options->receive;
    struct http_server_options how = {
        .host = r->at.host,
        .port = r->at.port,
        .tls_cert = o->tls_cert,
        .tls_key = o->tls_key,
        .client_ca = o->client_ca,
        .memory_budget_bytes = r->stage->options->memory_bytes - r->options.memory_bytes,
        .refused = refused,
        .refused_arg = r,
    };
    struct http_server_handler handler;

    receiver_handle(r->receiver, &handler);
    r->server = http_server_new(r->session->reactor, &how, &handler, e);
    return r->server != NULL;
}

static bool receiving_open(struct receiving *r, struct err *e)
{
    r->options = *r->stage->options;
    r->options.memory_bytes /= 2;
    raise_file_limit();
    return session_open(r->session, &r->options, e) && open_receiver(r, e) && open_server(r, e);
}

static void receiving_close(struct receiving *r)
{
    http_server_free(r->server);
    receiver_free(r->receiver);
    workers_free(r->workers);
    session_close(r->session);
}

void command_receive(struct stage *stage, struct view_outcome *outcome)
{
    struct receiving r = {.stage = stage,
                          .session = &stage->session,
                          .show = {.view = &stage->view}};
    struct session_work work = {.ended = receiving_ended,
                                .stop = receiving_stop,
                                .abandon = receiving_abandon,
                                .tick = receiving_tick,
                                .tick_ns = VIEW_TICK_NS,
                                .arg = &r};

    if (read_options(&r, &outcome->error) && receiving_open(&r, &outcome->error)) {
        receive_show_ready(&r.show, r.at.host, http_server_port(r.server));
        stage_run(stage, &work);
    }
    receiving_close(&r);
}
