/* endpoint_relay.c - see endpoint_relay.h. Life and looks; the rest is in the files beside, as
 * endpoint_relay_parts.h lists them.
 */
#include "io/endpoint_relay.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/endpoint_relay_parts.h"

void endpoint_relay_note_wire(struct endpoint_relay *ep)
{
    const struct http_counts *counts = http_count(ep->http);

    ep->base.requests_count = counts->requests;
    ep->base.wire_read_bytes = counts->received_bytes + counts->received_head_bytes;
    ep->base.wire_written_bytes = counts->sent_bytes + counts->sent_head_bytes;
}

static void free_batches(struct endpoint_relay *ep)
{
    assert(!ep->waiting && !ep->open && ep->batch_count == 0 && !ep->unpacked.first);
    while (ep->idle) {
        struct relay_batch *batch = ep->idle;

        ep->idle = batch->next;
        relay_batch_free(batch);
    }
    while (ep->idle_waiting) {
        struct relay_waiting *waiting = ep->idle_waiting;

        ep->idle_waiting = waiting->next;
        free(waiting);
    }
    assert(ep->idle_record_count == ep->record_count);
    while (ep->idle_record_count)
        free(ep->idle_records[--ep->idle_record_count]);
}

static void relay_close(struct endpoint *base)
{
    struct endpoint_relay *ep = endpoint_relay_of(base);

    assert(!ep->gather_posted);
    free_batches(ep);
    while (ep->idle_calls) {
        struct relay_call *call = ep->idle_calls;

        ep->idle_calls = call->next;
        relay_call_free(call);
    }
    for (unsigned i = 0; ep->packers && i < workers_threads(ep->workers); i++)
        stream_packer_free(ep->packers[i]);
    free(ep->packers);
    relay_held_free(ep->held);
    for (size_t i = 0; i < RELAY_VERBS; i++)
        secret_url_fini(&ep->urls[i]);
    free(base->identity);
    free(ep);
}

static const struct endpoint_ops relay_ops = {
    .name = "relay",
    .stat = relay_control_stat,
    .setup = relay_control_setup,
    .list = relay_control_list,
    .read = relay_control_read,
    .write = relay_gather_block,
    .zero = relay_gather_block,
    .flush = relay_control_flush,
    .close = relay_close,
};

/* scheme://host:port/NAME -> scheme://host:port/v1/VERB/NAME, for each verb. */
static bool make_urls(struct endpoint_relay *ep, const struct secret_url *url, struct err *e)
{
    const char *path = strstr(url->address, "://") + 3;
    int host_bytes;

    path += strcspn(path, "/");
    host_bytes = (int)(path - url->address);
    if (*path != '/' || !relay_name_ok(path + 1) || url->query[0])
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%.160s does not name what a receiver writes: relay:https://HOST:PORT/NAME",
                       url->address);
    for (size_t i = 0; i < RELAY_VERBS; i++) {
        char *text = NULL;
        bool ok;

        if (asprintf(&text, "%.*s/v1/%s%s", host_bytes, url->address,
                     relay_verb_name((enum relay_verb)i), path) < 0)
            return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a relay");
        ok = secret_url_parse(text, &ep->urls[i], e);
        free(text);
        if (!ok)
            return false;
    }
    return true;
}

static bool make_parts(struct endpoint_relay *ep, const struct endpoint_relay_options *options,
                       struct err *e)
{
    ep->packers = calloc(workers_threads(ep->workers), sizeof *ep->packers);
    ep->held = relay_held_new();
    if (!ep->packers || !ep->held)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a relay");
    compress_level_init(&ep->level, options->level, workers_threads(ep->workers));
    ep->counts.level = options->level;
    return true;
}

static void set_base(struct endpoint *base, struct http *http, const struct secret_url *url)
{
    base->ops = &relay_ops;
    base->reactor = http_reactor(http);
    snprintf(base->name, sizeof base->name, "%s%s", RELAY_SCHEME, url->address);
    base->align_bytes = ENDPOINT_PAGE_BYTES;
    base->request_max_bytes = BUF_BYTES;
    base->clear_max_bytes = UINT64_MAX;
}

struct endpoint *endpoint_relay_new(struct http *http, struct workers *workers,
                                    struct secret_url *url,
                                    const struct endpoint_relay_options *options, struct err *e)
{
    struct endpoint_relay *ep = calloc(1, sizeof *ep);
    bool ok = ep != NULL;

    if (!ok) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a relay");
        goto out;
    }
    ep->http = http;
    ep->workers = workers;
    ep->no_dedup = options->no_dedup;
    snprintf(ep->sender, sizeof ep->sender, "%s", options->sender);
    ep->waiting_last = &ep->waiting;
    ep->unpacked.last = &ep->unpacked.first;
    set_base(&ep->base, http, url);
    ep->base.identity = strdup(ep->base.name);
    ok = ep->base.identity || err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a relay");
    ok = ok && make_urls(ep, url, e) && make_parts(ep, options, e);
out:
    secret_url_fini(url);
    if (ok)
        return &ep->base;
    if (ep)
        relay_close(&ep->base);
    return NULL;
}

void endpoint_relay_set_level(struct endpoint *base, int level)
{
    struct endpoint_relay *ep = endpoint_relay_of(base);

    assert(base->ops == &relay_ops && base->inflight == 0);
    if (ep->level.wanted == level)
        return;
    compress_level_init(&ep->level, level, workers_threads(ep->workers));
    ep->link = (struct relay_link){0};
    ep->counts.level = level;
    ep->counts.level_settled = false;
}

const struct endpoint_relay_counts *endpoint_relay_count(const struct endpoint *ep)
{
    assert(ep->ops == &relay_ops);
    return &((const struct endpoint_relay *)ep)->counts;
}
