/* share_budget.c - the caps: which buckets a request counts for, and when they are ready. See share.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/share_internal.h"

#define USES_MAX 12u /* both ends of a pull: blob, account, process, requests and bytes of each */

struct share_use {
    struct bucket *bucket;
    bool of_bytes; /* else of requests */
};

struct share_uses {
    struct share_use uses[USES_MAX];
    uint32_t count;
};

/* ---- Places ---- */

static void place_set(struct share *share, struct share_place *place)
{
    const struct job_limits *limits = &share->limits;
    uint64_t now_ns = reactor_now_ns(share->reactor);
    uint64_t bytes = place->is_account ? limits->account_bytes_per_s : limits->blob_bytes_per_s;

    bucket_set(&place->budget.requests,
               place->is_account ? limits->account_requests_per_s : limits->blob_requests_per_s,
               now_ns);
    bucket_set(&place->budget.read, bytes, now_ns);
    bucket_set(&place->budget.write, bytes, now_ns);
}

struct share_place *share_place_join(struct share *share, const char *name, bool is_account,
                                     struct err *e)
{
    struct share_place *place = share->places;
    size_t length = strlen(name) + 1;

    while (place && (place->is_account != is_account || strcmp(place->name, name) != 0))
        place = place->next;
    if (!place) {
        place = calloc(1, sizeof *place + length);
        if (!place) {
            err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the limits of one more disk");
            return NULL;
        }
        memcpy(place->name, name, length);
        place->is_account = is_account;
        place->next = share->places;
        share->places = place;
        place_set(share, place);
    }
    place->seats_count++;
    return place;
}

void share_place_leave(struct share *share, struct share_place *place)
{
    struct share_place **at = &share->places;

    if (!place || --place->seats_count)
        return;
    while (*at != place)
        at = &(*at)->next;
    *at = place->next;
    free(place);
}

void share_budgets_set(struct share *share)
{
    const struct job_limits *limits = &share->limits;
    uint64_t now_ns = reactor_now_ns(share->reactor);

    share->limited = limits->bytes_per_s || limits->account_bytes_per_s ||
                     limits->account_requests_per_s || limits->blob_bytes_per_s ||
                     limits->blob_requests_per_s;
    bucket_set(&share->process.read, limits->bytes_per_s, now_ns);
    bucket_set(&share->process.write, limits->bytes_per_s, now_ns);
    for (struct share_place *place = share->places; place; place = place->next)
        place_set(share, place);
}

/* ---- Requests ---- */

static void uses_add(struct share_uses *uses, struct share_budget *budget, bool write, bool bytes)
{
    if (budget->requests.per_s)
        uses->uses[uses->count++] = (struct share_use){&budget->requests, false};
    if (bytes && (write ? budget->write.per_s : budget->read.per_s))
        uses->uses[uses->count++] =
            (struct share_use){write ? &budget->write : &budget->read, true};
}

static void uses_at(struct share_uses *uses, const struct share_seat *seat, enum share_end end,
                    bool write, bool bytes)
{
    uses_add(uses, &seat->unit->share->process, write, bytes);
    if (seat->blob[end])
        uses_add(uses, &seat->blob[end]->budget, write, bytes);
    if (seat->account[end])
        uses_add(uses, &seat->account[end]->budget, write, bytes);
}

static void uses_find(struct share_uses *uses, const struct share_seat *seat, enum share_verb verb)
{
    uses->count = 0;
    switch (verb) {
    case SHARE_READ:
        uses_at(uses, seat, SHARE_SOURCE, false, true);
        break;
    case SHARE_READ_TARGET:
        uses_at(uses, seat, SHARE_TARGET, false, true);
        break;
    case SHARE_WRITE:
        uses_at(uses, seat, SHARE_TARGET, true, true);
        break;
    case SHARE_CLEAR:
        uses_at(uses, seat, SHARE_TARGET, true, false);
        break;
    case SHARE_PULL:
        uses_at(uses, seat, SHARE_SOURCE, false, true);
        uses_at(uses, seat, SHARE_TARGET, true, true);
        break;
    }
}

uint64_t share_ready_ns(const struct share_seat *seat, enum share_verb verb)
{
    struct share_uses uses;
    uint64_t ready_ns = 0;

    if (!seat->unit->share->limited)
        return 0;
    uses_find(&uses, seat, verb);
    for (uint32_t i = 0; i < uses.count; i++)
        if (bucket_ready_ns(uses.uses[i].bucket) > ready_ns)
            ready_ns = bucket_ready_ns(uses.uses[i].bucket);
    return ready_ns;
}

void share_charge(struct share_seat *seat, enum share_verb verb, uint64_t bytes)
{
    struct share *share = seat->unit->share;
    struct share_uses uses;

    share->counts.requests++;
    if (verb == SHARE_READ || verb == SHARE_READ_TARGET || verb == SHARE_PULL)
        share->counts.read_bytes += bytes;
    if (verb == SHARE_WRITE || verb == SHARE_PULL)
        share->counts.written_bytes += bytes;
    if (!share->limited)
        return;
    uses_find(&uses, seat, verb);
    for (uint32_t i = 0; i < uses.count; i++)
        bucket_take(uses.uses[i].bucket, uses.uses[i].of_bytes ? bytes : 1,
                    reactor_now_ns(share->reactor));
}

static void cap(uint64_t *lowest, uint64_t per_s)
{
    if (per_s && per_s < *lowest)
        *lowest = per_s;
}

uint64_t share_request_max(const struct share_seat *seat)
{
    const struct share *share = seat->unit->share;
    uint64_t per_s = UINT64_MAX;
    uint64_t bytes = SHARE_REQUEST_MIN_BYTES;

    cap(&per_s, share->limits.bytes_per_s);
    if (seat->blob[SHARE_SOURCE] || seat->blob[SHARE_TARGET])
        cap(&per_s, share->limits.blob_bytes_per_s);
    if (seat->account[SHARE_SOURCE] || seat->account[SHARE_TARGET])
        cap(&per_s, share->limits.account_bytes_per_s);
    while (bytes < BUF_BYTES && bytes * 2 <= per_s / (NS_PER_S / SHARE_REQUEST_NS))
        bytes *= 2;
    return bytes;
}
