/* store_lease.c - the life of a lease: the table of protocol A.8's verbs over its five states. */
#include "tools/regiond/store_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define DURATION_MIN_S     15
#define DURATION_MAX_S     60
#define BREAK_PERIOD_MAX_S 60

enum store_lease_state lease_state_at(const struct lease *lease, uint64_t now_ticks)
{
    if (lease->state == STORE_LEASE_LEASED && lease->duration_s >= 0 &&
        now_ticks >= lease->until_ticks)
        return STORE_LEASE_EXPIRED;
    if (lease->state == STORE_LEASE_BREAKING && now_ticks >= lease->until_ticks)
        return STORE_LEASE_BROKEN;
    return lease->state;
}

void lease_encode(struct log_record *record, const struct lease *lease)
{
    log_record_u32(record, (uint32_t)lease->state);
    log_record_text(record, lease->id);
    log_record_u32(record, (uint32_t)lease->duration_s);
    log_record_u64(record, lease->until_ticks);
}

bool lease_decode(struct log_view *view, struct lease *out)
{
    struct lease lease = {.state = (enum store_lease_state)log_view_u32(view)};
    char *id = log_view_text(view);

    lease.duration_s = (int32_t)log_view_u32(view);
    lease.until_ticks = log_view_u64(view);
    if (!id || view->failed || strlen(id) >= sizeof lease.id || lease.state > STORE_LEASE_BROKEN) {
        free(id);
        return false;
    }
    memcpy(lease.id, id, strlen(id) + 1);
    free(id);
    *out = lease;
    return true;
}

static bool make_id(char out_id[STORE_LEASE_ID_BYTES])
{
    unsigned char r[16];

    if (getrandom(r, sizeof r, 0) != (ssize_t)sizeof r)
        return false;
    r[6] = (unsigned char)((r[6] & 0x0f) | 0x40);
    r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
    snprintf(out_id, STORE_LEASE_ID_BYTES,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1],
             r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14],
             r[15]);
    return true;
}

static uint64_t after(uint64_t now_ticks, int32_t seconds)
{
    return seconds < 0 ? 0 : now_ticks + (uint64_t)seconds * TICKS_PER_SECOND;
}

static void hold(struct lease *lease, uint64_t now_ticks)
{
    lease->state = STORE_LEASE_LEASED;
    lease->until_ticks = after(now_ticks, lease->duration_s);
}

static enum store_result acquire(struct lease *lease, enum store_lease_state state,
                                 uint64_t now_ticks, const struct store_lease_request *request)
{
    bool same = request->proposed_id && strcmp(request->proposed_id, lease->id) == 0;
    struct lease next = {.duration_s = request->duration_s};

    if (request->duration_s != -1 &&
        (request->duration_s < DURATION_MIN_S || request->duration_s > DURATION_MAX_S))
        return STORE_INVALID_VALUE;
    if (state == STORE_LEASE_LEASED && !same)
        return STORE_LEASE_ALREADY_PRESENT;
    if (state == STORE_LEASE_BREAKING)
        return same ? STORE_LEASE_BREAKING_NO_ACQUIRE : STORE_LEASE_ALREADY_PRESENT;
    if (!request->proposed_id) {
        if (!make_id(next.id))
            return STORE_IO;
    } else {
        if (strlen(request->proposed_id) >= sizeof next.id || !request->proposed_id[0])
            return STORE_INVALID_VALUE;
        memcpy(next.id, request->proposed_id, strlen(request->proposed_id) + 1);
    }
    hold(&next, now_ticks);
    *lease = next;
    return STORE_OK;
}

static enum store_result renew(struct lease *lease, enum store_lease_state state,
                               uint64_t now_ticks, bool ours)
{
    if (state == STORE_LEASE_AVAILABLE)
        return STORE_LEASE_NOT_PRESENT;
    if (!ours)
        return STORE_LEASE_MISMATCH;
    if (state == STORE_LEASE_BREAKING || state == STORE_LEASE_BROKEN)
        return STORE_LEASE_BROKEN_NO_RENEW;
    hold(lease, now_ticks); /* also an expired one that nobody has written past */
    return STORE_OK;
}

static enum store_result change(struct lease *lease, enum store_lease_state state, bool ours,
                                const char *proposed_id)
{
    if (!proposed_id || !proposed_id[0] || strlen(proposed_id) >= sizeof lease->id)
        return STORE_INVALID_VALUE;
    if (state == STORE_LEASE_BREAKING)
        return ours ? STORE_LEASE_BREAKING_NO_CHANGE : STORE_LEASE_MISMATCH;
    if (state != STORE_LEASE_LEASED)
        return STORE_LEASE_NOT_PRESENT;
    if (!ours && strcmp(proposed_id, lease->id) != 0) /* a repeated change is fine */
        return STORE_LEASE_MISMATCH;
    memcpy(lease->id, proposed_id, strlen(proposed_id) + 1);
    return STORE_OK;
}

static enum store_result break_it(struct lease *lease, enum store_lease_state state,
                                  uint64_t now_ticks, int32_t period_s, uint32_t *out_remaining_s)
{
    uint64_t until = now_ticks, asked = after(now_ticks, period_s < 0 ? 0 : period_s);

    if (period_s < -1 || period_s > BREAK_PERIOD_MAX_S)
        return STORE_INVALID_VALUE;
    if (state == STORE_LEASE_AVAILABLE)
        return STORE_LEASE_NOT_PRESENT;
    if (state == STORE_LEASE_LEASED && lease->duration_s < 0)
        until = asked; /* for ever: at once unless a period was asked for */
    else if (state == STORE_LEASE_LEASED || state == STORE_LEASE_BREAKING)
        until = period_s < 0 || asked > lease->until_ticks ? lease->until_ticks : asked;
    lease->state = until > now_ticks ? STORE_LEASE_BREAKING : STORE_LEASE_BROKEN;
    lease->until_ticks = until;
    *out_remaining_s = (uint32_t)((until - now_ticks + TICKS_PER_SECOND - 1) / TICKS_PER_SECOND);
    return STORE_OK;
}

static enum store_result judge(struct lease *lease, uint64_t now_ticks,
                               const struct store_lease_request *request, uint32_t *out_remaining_s)
{
    enum store_lease_state state = lease_state_at(lease, now_ticks);
    bool ours = request->lease_id && strcmp(request->lease_id, lease->id) == 0;

    switch (request->action) {
    case STORE_LEASE_ACQUIRE:
        return acquire(lease, state, now_ticks, request);
    case STORE_LEASE_RENEW:
        return renew(lease, state, now_ticks, ours);
    case STORE_LEASE_CHANGE:
        return change(lease, state, ours, request->proposed_id);
    case STORE_LEASE_RELEASE:
        if (state == STORE_LEASE_AVAILABLE)
            return STORE_LEASE_NOT_PRESENT;
        if (!ours)
            return STORE_LEASE_MISMATCH;
        memset(lease, 0, sizeof *lease);
        return STORE_OK;
    default:
        return break_it(lease, state, now_ticks, request->break_period_s, out_remaining_s);
    }
}

enum store_result store_blob_lease(struct store *store, const struct store_key *key,
                                   const struct store_conditions *when,
                                   const struct store_lease_request *request,
                                   struct store_lease_answer *out)
{
    uint64_t now_ticks = store->now_ticks(store->now_context);
    uint32_t remaining_s = 0;
    struct lease next;
    struct blob *blob;
    enum store_result result = blob_lock(store, key, &blob);

    if (result != STORE_OK)
        return result;
    next = blob->lease;
    result = store_judge_etag(when, blob->attributes.changed_ticks, false);
    if (result == STORE_OK)
        result = judge(&next, now_ticks, request, &remaining_s);
    if (result == STORE_OK) {
        log_record_begin(&blob->record, LOG_LEASE);
        lease_encode(&blob->record, &next);
        result = store_result_of_errno(blob_log_append(store, blob));
    }
    if (result == STORE_OK) {
        pthread_rwlock_wrlock(&blob->state);
        blob->lease = next;
        pthread_rwlock_unlock(&blob->state);
        memset(out, 0, sizeof *out);
        memcpy(out->lease_id, next.id, sizeof out->lease_id);
        out->remaining_s = remaining_s;
        store_stamp_fill(blob->attributes.changed_ticks, blob->attributes.sequence_number,
                         &out->stamp);
    }
    blob_unlock(store, blob);
    return result;
}
