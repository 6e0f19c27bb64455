/* store_types.h - the values that go in and out of the store: names, conditions, properties.
 * Everything here is data; the verbs are in store.h.
 *
 * Knows:         what a blob service keeps about a container, a blob and a snapshot.
 * Must not know: HTTP, status codes, XML, signatures, files.
 * Threads:       plain values; the helpers are pure.
 */
#ifndef REGIOND_STORE_TYPES_H
#define REGIOND_STORE_TYPES_H

#include "tools/regiond/store_result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_PAGE_BYTES           512u
#define STORE_BLOB_BYTES_MAX       (UINT64_C(64) << 40) /* the store's; ordinary accounts: 8 TiB */
#define STORE_BLOCK_BLOB_BYTES_MAX (UINT64_C(4) << 20)
#define STORE_NAME_BYTES_MAX       1024u      /* a blob's name; the caller checks the other names */
#define STORE_PAIRS_BYTES_MAX      (8u << 10) /* metadata, names and values together */
#define STORE_POLICIES_MAX         5u
#define STORE_POLICY_BYTES_MAX     (4u << 10)
#define STORE_SNAPSHOTS_MAX        500u    /* a blob */
#define STORE_BLOBS_MAX            131072u /* a store */
#define STORE_ETAG_BYTES           24u     /* quotes and NUL included */
#define STORE_SNAPSHOT_BYTES       29u     /* 2022-04-07T13:48:01.2760327Z and NUL */
#define STORE_LEASE_ID_BYTES       64u     /* a GUID needs 37; kept as given */

/* Names one blob; every string is borrowed for the call. snapshot NULL: the base. */
struct store_key {
    const char *account;
    const char *container;
    const char *blob;
    const char *snapshot;
};

/* Names and values, owned. Order is kept; names are compared by the caller's rules. */
struct store_pair {
    char *name;
    char *value;
};
struct store_pairs {
    struct store_pair *items;
    size_t count;
};
bool store_pairs_add(struct store_pairs *pairs, const char *name, const char *value); /* copies */
bool store_pairs_copy(struct store_pairs *target, const struct store_pairs *source);
const char *store_pairs_get(const struct store_pairs *pairs, const char *name); /* ignores case */
void store_pairs_fini(struct store_pairs *pairs);

/* A zeroed struct is "no condition". ETag lists are as in the header: `*` or quoted, by commas. */
struct store_sequence_limit {
    bool set;
    uint64_t value;
};
struct store_conditions {
    const char *if_match;
    const char *if_none_match;
    uint64_t if_modified_since_s; /* seconds since 1970; 0: none */
    uint64_t if_unmodified_since_s;
    struct store_sequence_limit sequence_le, sequence_lt, sequence_eq;
    const char *lease_id;
};

enum store_kind { STORE_PAGE_BLOB, STORE_BLOCK_BLOB };
enum store_lease_state {
    STORE_LEASE_AVAILABLE,
    STORE_LEASE_LEASED,
    STORE_LEASE_EXPIRED,
    STORE_LEASE_BREAKING,
    STORE_LEASE_BROKEN,
};

/* What every answer to a change carries. */
struct store_stamp {
    char etag[STORE_ETAG_BYTES];
    uint64_t last_modified_s; /* since 1970 */
    uint64_t sequence_number;
};

struct store_properties {
    enum store_kind kind;
    struct store_stamp stamp;
    uint64_t size_bytes;
    uint64_t created_s;
    char snapshot[STORE_SNAPSHOT_BYTES]; /* "" for the base */
    enum store_lease_state lease_state;
    bool lease_infinite;         /* meaningful while leased */
    struct store_pairs metadata; /* x-ms-meta- names without the prefix */
    struct store_pairs headers;  /* Content-Type and so on: opaque to the store */
};
void store_properties_fini(struct store_properties *properties);

/* Ticks (region_clock.h) as the service writes a snapshot's time, and back. */
void store_snapshot_format(uint64_t ticks, char out_text[STORE_SNAPSHOT_BYTES]);
bool store_snapshot_parse(const char *text, uint64_t *out_ticks);

#endif
