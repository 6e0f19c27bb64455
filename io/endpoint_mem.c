/* endpoint_mem.c - a disk in memory that remembers what was asked of it. See endpoint_mem.h. */
#include "io/endpoint_mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/endpoint_later.h"
#include "io/mem_lease.h"
#include "io/reactor.h"

struct mem_snapshot {
    char time[64];
    struct extent_set changed; /* written or zeroed since */
};

struct endpoint_mem {
    struct endpoint head; /* first */
    struct endpoint_later later;
    unsigned char *bytes; /* size_bytes of content, NULL while absent */
    uint64_t size_bytes;
    struct extent_set allocated;
    struct marker marker;
    struct mem_lease lease;
    uint64_t version; /* the etag */
    struct mem_snapshot snapshots[ENDPOINT_MEM_SNAPSHOTS_MAX];
    size_t snapshot_count;
    struct endpoint_mem_traffic traffic;
    bool tracks_flushes;
    unsigned char *durable; /* what a power cut leaves */
    struct extent_set durable_allocated;
};

static struct endpoint_mem *mem_of(struct endpoint *ep)
{
    return (struct endpoint_mem *)ep;
}

static const struct endpoint_mem *mem_look(const struct endpoint *ep)
{
    return (const struct endpoint_mem *)ep;
}

static bool mem_fail(struct err *e)
{
    return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a disk in memory");
}

/* ---- Content ---- */

static bool mem_grow(struct endpoint_mem *m, uint64_t size_bytes)
{
    unsigned char *bytes = realloc(m->bytes, (size_t)size_bytes);
    unsigned char *durable;

    if (!bytes)
        return false;
    m->bytes = bytes;
    memset(bytes + m->size_bytes, 0, (size_t)(size_bytes - m->size_bytes));
    if (m->tracks_flushes) {
        durable = realloc(m->durable, (size_t)size_bytes);
        if (!durable)
            return false;
        m->durable = durable;
        memset(durable + m->size_bytes, 0, (size_t)(size_bytes - m->size_bytes));
    }
    m->size_bytes = size_bytes;
    return true;
}

/* NULL bytes: zeros, a hole. */
static bool mem_change(struct endpoint_mem *m, struct extent range, const void *bytes)
{
    bool ok = true;

    assert(extent_end(range) <= m->size_bytes);
    if (bytes) {
        memcpy(m->bytes + range.offset, bytes, (size_t)range.length);
        ok = extent_set_add(&m->allocated, range);
    } else {
        memset(m->bytes + range.offset, 0, (size_t)range.length);
        ok = extent_set_subtract(&m->allocated, range);
    }
    for (size_t i = 0; i < m->snapshot_count && ok; i++)
        ok = extent_set_add(&m->snapshots[i].changed, range);
    m->version++;
    return ok;
}

static void mem_flush_now(struct endpoint_mem *m)
{
    if (!m->tracks_flushes)
        return;
    if (m->size_bytes)
        memcpy(m->durable, m->bytes, (size_t)m->size_bytes);
    extent_set_fini(&m->durable_allocated);
    if (!extent_set_copy(&m->durable_allocated, &m->allocated))
        abort(); /* a test's own memory ran out */
}

static void mem_etag(const struct endpoint_mem *m, char *out_etag)
{
    snprintf(out_etag, ENDPOINT_ETAG_MAX_BYTES, "\"mem-%llu\"", (unsigned long long)m->version);
}

static bool mem_may_change(struct endpoint_mem *m, struct err *e)
{
    return mem_lease_allows(&m->lease, reactor_now_ns(m->head.reactor), e);
}

/* ---- Operations ---- */

static void mem_stat(struct endpoint *ep, struct stat_req *req)
{
    struct endpoint_mem *m = mem_of(ep);

    req->exists = m->bytes != NULL;
    req->size_bytes = m->size_bytes;
    if (req->exists) {
        mem_etag(m, req->etag);
        req->marker = m->marker;
    }
    endpoint_later_stat(&m->later, ep, req);
}

static void mem_setup_size(struct endpoint_mem *m, struct setup_req *req)
{
    if (req->verb == SETUP_CREATE && m->bytes) {
        err_set(&req->err, ERR_CONFLICT, RETRY_NEVER, "the disk in memory exists");
    } else if (req->size_bytes < m->size_bytes) {
        err_set(&req->err, ERR_USAGE, RETRY_NEVER, "a disk is never shrunk");
    } else if (!mem_grow(m, req->size_bytes)) {
        mem_fail(&req->err);
    } else {
        m->version++;
        if (req->verb == SETUP_CREATE && req->marker)
            m->marker = *req->marker;
    }
}

static void mem_setup_snapshot(struct endpoint_mem *m, struct setup_req *req)
{
    struct mem_snapshot *snapshot = &m->snapshots[m->snapshot_count];

    if (m->snapshot_count == ENDPOINT_MEM_SNAPSHOTS_MAX) {
        err_set(&req->err, ERR_LIMIT, RETRY_NEVER, "too many snapshots");
        return;
    }
    m->snapshot_count++;
    snprintf(snapshot->time, sizeof snapshot->time, "2026-01-01T00:00:00.%07zuZ",
             m->snapshot_count);
    memcpy(req->out_snapshot, snapshot->time, sizeof req->out_snapshot);
}

static void mem_setup_mark(struct endpoint_mem *m, struct setup_req *req)
{
    mem_etag(m, req->out_etag);
    if (req->expect_etag && strcmp(req->expect_etag, req->out_etag) != 0 &&
        strcmp(m->marker.copy_uuid, req->marker->copy_uuid) != 0) {
        err_set(&req->err, ERR_CONFLICT, RETRY_REPLAN, "the disk in memory was written to");
        return;
    }
    m->marker = *req->marker;
    m->version++;
}

static void mem_setup_now(struct endpoint_mem *m, struct setup_req *req)
{
    if (req->verb != SETUP_LEASE && req->verb != SETUP_UNLEASE && !mem_may_change(m, &req->err))
        return;
    switch (req->verb) {
    case SETUP_CREATE:
    case SETUP_RESIZE:
        mem_setup_size(m, req);
        break;
    case SETUP_MARK:
        mem_setup_mark(m, req);
        break;
    case SETUP_SNAPSHOT:
        mem_setup_snapshot(m, req);
        break;
    case SETUP_LEASE:
        mem_lease_take(&m->lease, req->lease_id, reactor_now_ns(m->head.reactor), &req->err);
        break;
    case SETUP_UNLEASE:
        mem_lease_give(&m->lease, req->lease_id, &req->err);
        break;
    case SETUP_FENCE:
    case SETUP_REMOVE: /* which it says it cannot */
    case SETUP_EXPECT:
    case SETUP_AGREE:
        break;
    }
}

static void mem_setup(struct endpoint *ep, struct setup_req *req)
{
    struct endpoint_mem *m = mem_of(ep);

    m->traffic.setups_count++;
    mem_setup_now(m, req);
    mem_etag(m, req->out_etag);
    endpoint_later_setup(&m->later, ep, req);
}

static bool mem_list_within(struct extent_set *out, const struct extent_set *a,
                            const struct extent_set *b, bool in_b, struct extent within)
{
    struct extent_set window = {0}, part = {0};
    bool ok = extent_set_add(&window, within) &&
              (in_b ? extent_set_intersect(&part, a, b) : extent_set_difference(&part, a, b)) &&
              extent_set_intersect(out, &part, &window);

    extent_set_fini(&window);
    extent_set_fini(&part);
    return ok;
}

static void mem_list(struct endpoint *ep, struct list_req *req)
{
    struct endpoint_mem *m = mem_of(ep);
    const struct mem_snapshot *since = NULL;
    bool ok;

    m->traffic.lists_count++;
    req->size_bytes = m->size_bytes;
    for (size_t i = 0; req->since && i < m->snapshot_count; i++)
        if (strcmp(m->snapshots[i].time, req->since) == 0)
            since = &m->snapshots[i];
    if (req->since && !since) {
        err_set(&req->err, ERR_GONE, RETRY_REPLAN, "the older snapshot is gone");
    } else {
        const struct extent_set *all = since ? &since->changed : &m->allocated;

        ok = mem_list_within(req->out_data, all, &m->allocated, true, req->within);
        if (ok && since)
            ok = mem_list_within(req->out_clears, all, &m->allocated, false, req->within);
        if (!ok)
            mem_fail(&req->err);
    }
    endpoint_later_list(&m->later, ep, req);
}

static void mem_read(struct endpoint *ep, struct block_req *req)
{
    struct endpoint_mem *m = mem_of(ep);
    struct extent range = {req->offset, req->length};

    memcpy(req->buf->memory + req->buf_offset, m->bytes + req->offset, (size_t)req->length);
    m->traffic.reads_count++;
    m->traffic.read_bytes += req->length;
    ep->requests_count++;
    if (!extent_set_add(&m->traffic.read, range))
        mem_fail(&req->err);
    endpoint_later_block(&m->later, ep, req);
}

static void mem_write(struct endpoint *ep, struct block_req *req)
{
    struct endpoint_mem *m = mem_of(ep);
    struct extent range = {req->offset, req->length};

    m->traffic.writes_count++;
    m->traffic.written_bytes += req->length;
    ep->requests_count++;
    if (mem_may_change(m, &req->err) &&
        (!mem_change(m, range, req->buf->memory + req->buf_offset) ||
         !extent_set_add(&m->traffic.written, range)))
        mem_fail(&req->err);
    endpoint_later_block(&m->later, ep, req);
}

static const struct endpoint_ops mem_ops;

/* As a service does: the source counts no read, for nobody asked it as an endpoint. */
static void mem_pull(struct endpoint *ep, struct block_req *req)
{
    struct endpoint_mem *m = mem_of(ep);
    struct extent range = {req->offset, req->length};

    assert(req->from->ops == &mem_ops);
    m->traffic.pulls_count++;
    ep->requests_count++;
    if (mem_may_change(m, &req->err) &&
        (!mem_change(m, range, mem_of(req->from)->bytes + req->offset) ||
         !extent_set_add(&m->traffic.pulled, range)))
        mem_fail(&req->err);
    endpoint_later_block(&m->later, ep, req);
}

static struct endpoint *mem_lender(struct endpoint *ep)
{
    return ep;
}

static void mem_zero(struct endpoint *ep, struct block_req *req)
{
    struct endpoint_mem *m = mem_of(ep);
    struct extent range = {req->offset, req->length};

    m->traffic.zeros_count++;
    m->traffic.zeroed_bytes += req->length;
    ep->requests_count++;
    if (mem_may_change(m, &req->err) &&
        (!mem_change(m, range, NULL) || !extent_set_add(&m->traffic.zeroed, range)))
        mem_fail(&req->err);
    endpoint_later_block(&m->later, ep, req);
}

static void mem_flush(struct endpoint *ep, struct block_req *req)
{
    struct endpoint_mem *m = mem_of(ep);

    m->traffic.flushes_count++;
    mem_flush_now(m);
    endpoint_later_block(&m->later, ep, req);
}

static void mem_traffic_fini(struct endpoint_mem_traffic *traffic)
{
    extent_set_fini(&traffic->read);
    extent_set_fini(&traffic->written);
    extent_set_fini(&traffic->zeroed);
    extent_set_fini(&traffic->pulled);
    memset(traffic, 0, sizeof *traffic);
}

static void mem_close(struct endpoint *ep)
{
    struct endpoint_mem *m = mem_of(ep);

    for (size_t i = 0; i < m->snapshot_count; i++)
        extent_set_fini(&m->snapshots[i].changed);
    mem_traffic_fini(&m->traffic);
    endpoint_later_fini(&m->later);
    extent_set_fini(&m->allocated);
    extent_set_fini(&m->durable_allocated);
    free(m->durable);
    free(m->bytes);
    free(m->head.identity);
    free(m);
}

static const struct endpoint_ops mem_ops = {
    .name = "mem",
    .stat = mem_stat,
    .setup = mem_setup,
    .list = mem_list,
    .read = mem_read,
    .write = mem_write,
    .zero = mem_zero,
    .flush = mem_flush,
    .pull = mem_pull,
    .lender = mem_lender,
    .close = mem_close,
};

/* ---- Life ---- */

struct endpoint *endpoint_mem_new(struct reactor *r, uint64_t size_bytes, struct err *e)
{
    struct endpoint_mem *m = calloc(1, sizeof *m);

    assert(size_bytes % ENDPOINT_PAGE_BYTES == 0);
    if (!m || asprintf(&m->head.identity, "mem:%p", (void *)m) < 0) {
        free(m);
        mem_fail(e);
        return NULL;
    }
    if (size_bytes && !mem_grow(m, size_bytes)) {
        mem_close(&m->head);
        mem_fail(e);
        return NULL;
    }
    m->head.ops = &mem_ops;
    m->head.reactor = r;
    snprintf(m->head.name, sizeof m->head.name, "%s", m->head.identity);
    m->head.align_bytes = ENDPOINT_PAGE_BYTES;
    m->head.request_max_bytes = BUF_BYTES;
    m->head.clear_max_bytes = UINT64_MAX;
    m->head.size_bytes = size_bytes;
    m->head.capabilities = ENDPOINT_CAN_LIST | ENDPOINT_CAN_DIFF | ENDPOINT_CAN_CREATE |
                           ENDPOINT_CAN_RESIZE | ENDPOINT_CAN_MARK | ENDPOINT_CAN_SNAPSHOT |
                           ENDPOINT_CAN_FENCE | ENDPOINT_KEEPS_MARKS;
    return &m->head;
}

void endpoint_mem_reopen(struct endpoint *ep, struct reactor *r)
{
    struct endpoint_mem *m = mem_of(ep);

    assert(ep->inflight == 0);
    ep->reactor = r;
    ep->requests_count = 0;
    m->lease.carried[0] = 0;
    mem_traffic_fini(&m->traffic);
}

/* ---- Look and poke ---- */

void endpoint_mem_give_pulls(struct endpoint *ep)
{
    ep->capabilities |= ENDPOINT_LENDS | ENDPOINT_CAN_PULL;
}

void endpoint_mem_give_leases(struct endpoint *ep)
{
    ep->capabilities |= ENDPOINT_CAN_LEASE;
}

void endpoint_mem_poke_lease(struct endpoint *ep, const char *id, uint64_t for_ns)
{
    struct mem_lease *lease = &mem_of(ep)->lease;

    snprintf(lease->held, sizeof lease->held, "%s", id);
    lease->until_ns = reactor_now_ns(ep->reactor) + for_ns;
}

const char *endpoint_mem_leased(const struct endpoint *ep)
{
    const struct mem_lease *lease = &mem_look(ep)->lease;

    return reactor_now_ns(ep->reactor) < lease->until_ns ? lease->held : "";
}

const unsigned char *endpoint_mem_bytes(const struct endpoint *ep)
{
    return mem_look(ep)->bytes;
}

void endpoint_mem_poke(struct endpoint *ep, uint64_t offset, const void *bytes, size_t count)
{
    struct extent range = {offset, count};

    if (!mem_change(mem_of(ep), range, bytes))
        abort(); /* a test's own memory ran out */
    mem_flush_now(mem_of(ep));
}

void endpoint_mem_poke_clear(struct endpoint *ep, struct extent range)
{
    if (!mem_change(mem_of(ep), range, NULL))
        abort(); /* a test's own memory ran out */
    mem_flush_now(mem_of(ep));
}

void endpoint_mem_poke_marker(struct endpoint *ep, const struct marker *marker)
{
    static const struct marker none;

    mem_of(ep)->marker = marker ? *marker : none;
    mem_of(ep)->version++;
}

const struct extent_set *endpoint_mem_allocated(const struct endpoint *ep)
{
    return &mem_look(ep)->allocated;
}

const struct marker *endpoint_mem_marker(const struct endpoint *ep)
{
    return &mem_look(ep)->marker;
}

const struct endpoint_mem_traffic *endpoint_mem_traffic(const struct endpoint *ep)
{
    return &mem_look(ep)->traffic;
}

bool endpoint_mem_track_flushes(struct endpoint *ep, struct err *e)
{
    struct endpoint_mem *m = mem_of(ep);

    m->durable = malloc(m->size_bytes ? (size_t)m->size_bytes : 1);
    if (!m->durable)
        return mem_fail(e);
    m->tracks_flushes = true;
    ep->capabilities |= ENDPOINT_BUFFERS;
    mem_flush_now(m);
    return true;
}

void endpoint_mem_lose_unflushed(struct endpoint *ep)
{
    struct endpoint_mem *m = mem_of(ep);

    assert(m->tracks_flushes && ep->inflight == 0);
    if (m->size_bytes)
        memcpy(m->bytes, m->durable, (size_t)m->size_bytes);
    extent_set_fini(&m->allocated);
    if (!extent_set_copy(&m->allocated, &m->durable_allocated))
        abort(); /* a test's own memory ran out */
    m->version++;
}
