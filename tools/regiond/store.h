/* store.h - accounts, containers, page blobs, snapshots and their differences, on local files.
 *
 * Knows:         what each verb of a page-blob service does to state, and how state outlives a
 *                kill: what was answered STORE_OK is there after kill -9.
 * Must not know: HTTP, XML, SAS, faults, shaping; what "md-" in an account's name means.
 * Threads:       any thread may call anything. A call may wait for a write to the same blob; reads
 *                of data hold no lock while they move bytes. Conditions are judged together with
 *                the change they guard. Out parameters are written only on STORE_OK unless said.
 */
#ifndef REGIOND_STORE_H
#define REGIOND_STORE_H

#include "tools/regiond/store_types.h"

struct store;
struct store_reader;

struct store_config {
    const char *folder;      /* created if absent; locked against a second server */
    bool sync;               /* fdatasync before answering: survives a power cut, slower */
    uint64_t segment_bytes;  /* 0: 64 GiB; a multiple of 4 KiB. The folder remembers its own */
    uint32_t open_files_max; /* 0: 512 idle descriptors kept; those in use are not bounded */
    uint64_t (*now_ticks)(void *); /* NULL: region_clock_ticks */
    void *now_context;
};

/* ---- Life ---- */
/* NULL on failure, with a sentence (no secret, at most text_bytes) in out_text. */
struct store *store_open(const struct store_config *config, char *out_text, size_t text_bytes);
void store_close(struct store *store); /* NULL is fine; no call may be running, no reader open */

/* ---- Containers ---- */
struct store_container {
    char *name;
    struct store_stamp stamp; /* sequence_number unused */
    struct store_pairs metadata;
    struct store_pairs policies; /* id -> the caller's own text, at most five */
};
void store_container_fini(struct store_container *container);
enum store_result store_container_create(struct store *store, const char *account, const char *name,
                                         const struct store_pairs *metadata,
                                         struct store_stamp *out);
enum store_result store_container_delete(struct store *store, const char *account, const char *name,
                                         const struct store_conditions *when);
enum store_result store_container_get(struct store *store, const char *account, const char *name,
                                      struct store_container *out);
enum store_result store_container_set_metadata(struct store *store, const char *account,
                                               const char *name,
                                               const struct store_conditions *when,
                                               const struct store_pairs *metadata,
                                               struct store_stamp *out);
enum store_result store_container_set_policies(struct store *store, const char *account,
                                               const char *name,
                                               const struct store_conditions *when,
                                               const struct store_pairs *policies,
                                               struct store_stamp *out);

/* ---- Lists: sorted by name (bytes), a page at a time ---- */
struct store_container_page {
    struct store_container *items;
    size_t count;
    char *next; /* owned: the marker of the next page; NULL at the end */
};
enum store_result store_container_list(struct store *store, const char *account, const char *prefix,
                                       const char *marker, size_t count_max,
                                       struct store_container_page *out);
void store_container_page_fini(struct store_container_page *page);

struct store_blob_query {
    const char *prefix;    /* NULL or "": all */
    const char *delimiter; /* NULL: flat */
    const char *marker;    /* `next` of the page before; NULL: from the beginning */
    size_t count_max;      /* > 0; prefixes count too */
    bool snapshots;        /* each blob's snapshots, oldest first, then the blob */
};
struct store_blob_item {
    char *name;
    bool is_prefix; /* a BlobPrefix: properties are empty */
    struct store_properties properties;
};
struct store_blob_page {
    struct store_blob_item *items;
    size_t count;
    char *next; /* owned, printable: percent-encode it for a URL; NULL at the end */
};
enum store_result store_blob_list(struct store *store, const char *account, const char *container,
                                  const struct store_blob_query *query,
                                  struct store_blob_page *out);
void store_blob_page_fini(struct store_blob_page *page);

#include "tools/regiond/store_data.h"
#include "tools/regiond/store_verbs.h"

#endif
