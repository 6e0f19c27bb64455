/* endpoint_pattern.c - a read-only disk whose bytes follow from seed and offset. See endpoint_mem.h. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/endpoint_later.h"
#include "io/endpoint_mem.h"

struct endpoint_pattern {
    struct endpoint head; /* first */
    struct endpoint_later later;
    uint64_t seed;
    uint32_t hole_permille;
};

static struct endpoint_pattern *pattern_of(struct endpoint *ep)
{
    return (struct endpoint_pattern *)ep;
}

static uint64_t pattern_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

static bool pattern_is_hole(uint64_t seed, uint32_t hole_permille, uint64_t offset)
{
    uint64_t unit = offset / ENDPOINT_PATTERN_UNIT_BYTES;

    return pattern_mix(seed ^ (unit * 0x9E3779B97F4A7C15ull)) % 1000 < hole_permille;
}

void endpoint_pattern_fill(uint64_t seed, uint32_t hole_permille, uint64_t offset, void *out_bytes,
                           size_t count)
{
    unsigned char *at = out_bytes;

    assert(offset % ENDPOINT_PAGE_BYTES == 0 && count % ENDPOINT_PAGE_BYTES == 0);
    for (size_t page = 0; page < count; page += ENDPOINT_PAGE_BYTES) {
        uint64_t state = pattern_mix(seed + 0x9E3779B97F4A7C15ull * (offset + page + 1)) | 1;

        if (pattern_is_hole(seed, hole_permille, offset + page)) {
            memset(at + page, 0, ENDPOINT_PAGE_BYTES);
            continue;
        }
        for (size_t i = 0; i < ENDPOINT_PAGE_BYTES; i += sizeof state) {
            memcpy(at + page + i, &state, sizeof state);
            state = state * 6364136223846793005ull + 1442695040888963407ull;
        }
    }
}

static void pattern_stat(struct endpoint *ep, struct stat_req *req)
{
    req->exists = true;
    req->size_bytes = ep->size_bytes;
    snprintf(req->etag, sizeof req->etag, "pattern");
    endpoint_later_stat(&pattern_of(ep)->later, ep, req);
}

static void pattern_setup(struct endpoint *ep, struct setup_req *req)
{
    err_set(&req->err, ERR_USAGE, RETRY_NEVER, "a pattern can only be read");
    endpoint_later_setup(&pattern_of(ep)->later, ep, req);
}

static void pattern_list(struct endpoint *ep, struct list_req *req)
{
    struct endpoint_pattern *p = pattern_of(ep);
    uint64_t end = extent_end(req->within);

    req->size_bytes = ep->size_bytes;
    for (uint64_t at = req->within.offset; at < end;) {
        uint64_t next = (at / ENDPOINT_PATTERN_UNIT_BYTES + 1) * ENDPOINT_PATTERN_UNIT_BYTES;
        struct extent unit = {at, (next < end ? next : end) - at};

        if (!pattern_is_hole(p->seed, p->hole_permille, at) &&
            !extent_set_append(req->out_data, unit)) {
            err_set(&req->err, ERR_LIMIT, RETRY_NEVER, "no memory for a list");
            break;
        }
        at = extent_end(unit);
    }
    endpoint_later_list(&p->later, ep, req);
}

static void pattern_read(struct endpoint *ep, struct block_req *req)
{
    struct endpoint_pattern *p = pattern_of(ep);

    endpoint_pattern_fill(p->seed, p->hole_permille, req->offset,
                          req->buf->memory + req->buf_offset, (size_t)req->length);
    ep->requests_count++;
    endpoint_later_block(&p->later, ep, req);
}

static void pattern_refuse(struct endpoint *ep, struct block_req *req)
{
    err_set(&req->err, ERR_USAGE, RETRY_NEVER, "a pattern can only be read");
    endpoint_later_block(&pattern_of(ep)->later, ep, req);
}

static void pattern_flush(struct endpoint *ep, struct block_req *req)
{
    endpoint_later_block(&pattern_of(ep)->later, ep, req);
}

static void pattern_close(struct endpoint *ep)
{
    endpoint_later_fini(&pattern_of(ep)->later);
    free(ep->identity);
    free(ep);
}

static const struct endpoint_ops pattern_ops = {
    .name = "pattern",
    .stat = pattern_stat,
    .setup = pattern_setup,
    .list = pattern_list,
    .read = pattern_read,
    .write = pattern_refuse,
    .zero = pattern_refuse,
    .flush = pattern_flush,
    .close = pattern_close,
};

struct endpoint *endpoint_pattern_new(struct reactor *r, uint64_t size_bytes, uint64_t seed,
                                      uint32_t hole_permille, struct err *e)
{
    struct endpoint_pattern *p = calloc(1, sizeof *p);

    assert(size_bytes % ENDPOINT_PAGE_BYTES == 0 && hole_permille <= 1000);
    if (!p || asprintf(&p->head.identity, "pattern:%llu,%llu,%u", (unsigned long long)size_bytes,
                       (unsigned long long)seed, hole_permille) < 0) {
        free(p);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for an endpoint");
        return NULL;
    }
    p->head.ops = &pattern_ops;
    p->head.reactor = r;
    snprintf(p->head.name, sizeof p->head.name, "%s", p->head.identity);
    p->head.align_bytes = ENDPOINT_PAGE_BYTES;
    p->head.request_max_bytes = BUF_BYTES;
    p->head.clear_max_bytes = UINT64_MAX;
    p->head.size_bytes = size_bytes;
    p->head.capabilities = ENDPOINT_CAN_LIST;
    p->seed = seed;
    p->hole_permille = hole_permille;
    return &p->head;
}
