/* region_account.h - one page-blob account: the owner's requests on its containers, blobs and snapshots.
 *
 * Knows:         Shared Key (or the account's SAS), each verb's request and answer (protocol A.8, A.12),
 *                how often one is tried.
 * Must not know: restore points, the catalog, why anything is asked.
 * Threads:       the reactor's. An op belongs to its caller, alive and unmoved until `done` ran; done
 *                runs exactly once, from the reactor, never inside the verb. What an op names is borrowed
 *                until then.
 * Errors:        in op->err, never with a key or a SAS. What is there already (create) or gone already
 *                (delete) is no error: `as_it_was` says so.
 */
#ifndef CONTROLD_REGION_ACCOUNT_H
#define CONTROLD_REGION_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/retry.h"
#include "io/http.h"
#include "io/pageblob.h"
#include "tools/controld/region_acl.h"
#include "tools/controld/region_cells.h"
#include "tools/controld/region_list.h"

#define REGION_CONTAINER_MAX_BYTES 64u   /* 3 to 63 of a-z, 0-9 and '-'; and the NUL */
#define REGION_BLOB_MAX_BYTES      1025u /* and the NUL */
#define REGION_SNAPSHOT_MAX_BYTES  PAGEBLOB_TIME_MAX_BYTES
#define REGION_LIMIT_NS            (120 * NS_PER_S) /* of one op, all its tries, unless it says less */

struct region_account;

struct region_account_setup { /* texts are copied */
    struct http *http;        /* borrowed; outlives the account; its reactor is ours */
    const char *url; /* "https://NAME.blob.core.windows.net", "http://127.0.0.1:P/NAME"; no query */
    const char *name; /* of the account */
    const char *key;  /* base64; NULL: there is a SAS */
    const char *sas;  /* a query without '?', of the whole account; NULL: there is a key */
    uint64_t seed;    /* of the pauses between tries */
};

enum region_delete {
    REGION_DELETE_PLAIN,         /* a snapshot; or a blob that has none (else ERR_CONFLICT) */
    REGION_DELETE_WITH_SNAPSHOTS /* a blob and all of them */
};

struct region_op {
    /* in; each verb says which */
    const char *container;
    const char *blob;
    const char *snapshot; /* NULL or "": the blob itself */
    uint64_t due_ns;      /* monotonic: no try goes on after it; 0: REGION_LIMIT_NS from now */
    const struct pageblob_metadata *metadata;
    enum region_delete what;
    struct region_acl *acl;   /* get: filled; set: sent */
    struct region_list *list; /* emptied, then filled */
    const char *since; /* used: what changed since this older snapshot; NULL: what holds data */
    struct region_cells *cells;             /* used: filled; NULL = not wanted */
    struct pageblob_metadata *out_metadata; /* properties: empty, then filled; NULL = not wanted */
    /* out */
    struct pageblob_head head; /* properties: content_bytes, etag...; snapshot: its time */
    uint64_t used_bytes;       /* used */
    bool as_it_was;            /* create: it existed; delete: it did not */
    bool unsure; /* some try ended without an answer: it may have been done then, or yet will be */
    struct err err;
    void (*done)(struct region_op *);
    void *arg; /* the caller's */
    /* private */
    struct region_account *account;
    struct region_op *next;
    void (*judge)(struct region_op *);
    void (*begin)(struct region_op *);
    const char *doing;
    struct http_req http;
    struct secret_url url;
    struct timer pause;
    uint64_t end_ns;
    uint32_t tries;
    char *body, *marker;
    uint64_t listed_end;
    size_t body_bytes, body_capacity;
};

/* ---- Life ---- */
/* ERR_USAGE for a URL, key or SAS that is none; http:// only to this machine unless the client allows it. */
struct region_account *region_account_new(const struct region_account_setup *setup, struct err *e);
void region_account_free(struct region_account *account); /* NULL is fine; no op under way */
/* No further try of this one; done follows, soon where it waits for one. */
void region_account_give_up(struct region_op *op);
/* Ops that wait for another try end with ERR_CANCELED in the next turn, others get no further try; for the
 * end of the program, before http_cancel_all. */
void region_account_stop(struct region_account *account);

/* ---- Containers: container ---- */
void region_account_create_container(struct region_account *account, struct region_op *op);
void region_account_delete_container(struct region_account *account, struct region_op *op);
void region_account_get_acl(struct region_account *account, struct region_op *op); /* acl */
void region_account_set_acl(struct region_account *account, struct region_op *op); /* acl */
/* Blobs whose name begins with `blob` (NULL: all), with snapshots and metadata, page by page to the end. */
void region_account_list(struct region_account *account, struct region_op *op); /* blob list */

/* ---- Blobs: container blob snapshot ---- */
void region_account_properties(struct region_account *account, struct region_op *op);
/* How many bytes hold data, or were changed or cleared: its range list, page by page; since cells. For a
 * large disk that may take its time. */
void region_account_used(struct region_account *account, struct region_op *op);
/* metadata NULL or empty: the service copies the blob's. Not idempotent: when `unsure`, there may be more
 * than the one that head.snapshot names (region_snapshot.h finds them). */
void region_account_snapshot(struct region_account *account, struct region_op *op);
void region_account_delete(struct region_account *account, struct region_op *op); /* what */

/* ---- Look ---- */
bool region_account_has_key(
    const struct region_account *account); /* policies and ad hoc SAS need it */
const char *region_account_name(const struct region_account *account);
struct reactor *region_account_reactor(const struct region_account *account);
struct http *region_account_http(const struct region_account *account);

#endif
