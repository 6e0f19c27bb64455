/* store_common.c - stamps and conditions. */
#include "tools/regiond/store_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum store_result store_result_of_errno(int error)
{
    switch (error) {
    case 0:
        return STORE_OK;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return STORE_FULL;
    default:
        return STORE_IO;
    }
}

void store_lock_init(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attributes;

    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
}

uint64_t store_tick(struct store *store)
{
    uint64_t now = store->now_ticks(store->now_context);
    uint64_t last = atomic_load(&store->last_ticks), next;

    do
        next = now > last ? now : last + 1;
    while (!atomic_compare_exchange_weak(&store->last_ticks, &last, next));
    return next;
}

void store_stamp_fill(uint64_t changed_ticks, uint64_t sequence_number, struct store_stamp *out)
{
    if (!out)
        return;
    snprintf(out->etag, sizeof out->etag, "\"0x%llX\"", (unsigned long long)changed_ticks);
    out->last_modified_s = region_clock_unix_seconds(changed_ticks);
    out->sequence_number = sequence_number;
}

bool store_pairs_valid(const struct store_pairs *pairs)
{
    size_t bytes = 0;

    for (size_t i = 0; pairs && i < pairs->count; i++) {
        bytes += strlen(pairs->items[i].name) + strlen(pairs->items[i].value);
        if (bytes > STORE_PAIRS_BYTES_MAX || pairs->items[i].name[0] == '\0')
            return false;
    }
    return !pairs || pairs->count <= STORE_PAIRS_BYTES_MAX / 2;
}

/* ---- Conditions ---- */

/* Is `etag` one of a header's list: `*`, or ETags with or without quotes, by commas? */
static bool etag_listed(const char *list, const char *etag)
{
    size_t bare = strlen(etag) - 2; /* without its quotes */

    while (*list) {
        const char *end;
        size_t length;

        list += strspn(list, " \t,");
        end = list + strcspn(list, ",");
        length = (size_t)(end - list);
        while (length > 0 && (list[length - 1] == ' ' || list[length - 1] == '\t'))
            length--;
        if (length == 1 && *list == '*')
            return true;
        if (length >= 2 && *list == '"' && list[length - 1] == '"') {
            list++;
            length -= 2;
        }
        if (length == bare && memcmp(list, etag + 1, bare) == 0)
            return true;
        list = end;
    }
    return false;
}

enum store_result store_judge_etag(const struct store_conditions *when, uint64_t changed_ticks,
                                   bool reading)
{
    struct store_stamp stamp;

    if (!when)
        return STORE_OK;
    store_stamp_fill(changed_ticks, 0, &stamp);
    if (when->if_match && !etag_listed(when->if_match, stamp.etag))
        return STORE_CONDITION_NOT_MET;
    if (when->if_unmodified_since_s && stamp.last_modified_s > when->if_unmodified_since_s)
        return STORE_CONDITION_NOT_MET;
    if (when->if_none_match && etag_listed(when->if_none_match, stamp.etag))
        return reading ? STORE_NOT_MODIFIED : STORE_CONDITION_NOT_MET;
    if (!when->if_none_match && when->if_modified_since_s &&
        stamp.last_modified_s <= when->if_modified_since_s)
        return reading ? STORE_NOT_MODIFIED : STORE_CONDITION_NOT_MET;
    return STORE_OK;
}

static enum store_result judge_lease(struct store *store, const struct blob *blob,
                                     const char *lease_id, bool needs_lease)
{
    switch (lease_state_at(&blob->lease, store->now_ticks(store->now_context))) {
    case STORE_LEASE_LEASED:
    case STORE_LEASE_BREAKING:
        if (!lease_id)
            return needs_lease ? STORE_LEASE_ID_MISSING : STORE_OK;
        return strcmp(lease_id, blob->lease.id) == 0 ? STORE_OK : STORE_LEASE_MISMATCH_BLOB;
    case STORE_LEASE_EXPIRED:
    case STORE_LEASE_BROKEN:
        return lease_id ? STORE_LEASE_LOST : STORE_OK;
    default:
        return lease_id ? STORE_LEASE_NOT_PRESENT_BLOB : STORE_OK;
    }
}

enum store_result store_judge_write(struct store *store, const struct blob *blob,
                                    const struct store_conditions *when, bool needs_lease)
{
    uint64_t sequence = blob->attributes.sequence_number;
    enum store_result result = judge_lease(store, blob, when ? when->lease_id : NULL, needs_lease);

    if (result == STORE_OK)
        result = store_judge_etag(when, blob->attributes.changed_ticks, false);
    if (result != STORE_OK || !when)
        return result;
    if ((when->sequence_le.set && sequence > when->sequence_le.value) ||
        (when->sequence_lt.set && sequence >= when->sequence_lt.value) ||
        (when->sequence_eq.set && sequence != when->sequence_eq.value))
        return STORE_SEQUENCE_NOT_MET;
    return STORE_OK;
}

enum store_result store_judge_lease_read(struct store *store, const struct blob *blob,
                                         const struct store_conditions *when)
{
    return judge_lease(store, blob, when ? when->lease_id : NULL, false);
}
