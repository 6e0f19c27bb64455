/* region_account_call.h - what the verbs of an account have in common; private to region_account*.c and
 * region_sas.c.
 *
 * Knows:         how one try of a verb is signed and sent, and what ends it.
 * Must not know: what a verb is for.
 * Threads:       the reactor's.
 */
#ifndef CONTROLD_REGION_ACCOUNT_CALL_H
#define CONTROLD_REGION_ACCOUNT_CALL_H

#include <stdio.h>

#include "io/auth.h"
#include "tools/controld/region_account.h"

#define REGION_HEADERS_MAX (PAGEBLOB_METADATA_COUNT_MAX + 16u)
#define REGION_DATE_BYTES  32u
_Static_assert(REGION_HEADERS_MAX < HTTP_HEADERS_MAX, "the HTTP client takes them all");

struct region_account {
    /* set once */
    struct http *http;
    struct reactor *reactor;
    char *base; /* "https://HOST[:PORT][/NAME]", no slash at the end */
    char *path; /* of base: "" or "/NAME"; signed */
    char *name;
    bool tls, has_key;
    struct auth_key key; /* secret */
    char *sas;           /* secret; NULL with a key */
    /* changes, reactor thread only */
    struct retry_random random;
    struct region_op *live;
    bool stopped;
};

/* The head of one try; on the stack of a verb's begin: http_send copies it. */
struct region_head {
    struct http_header items[REGION_HEADERS_MAX];
    size_t count;
    char date[REGION_DATE_BYTES];
    char meta_names[PAGEBLOB_METADATA_MAX_BYTES + PAGEBLOB_METADATA_COUNT_MAX * 12];
};

/* The URL of a container, blob or snapshot without a query; malloc'd. ERR_USAGE for names that are none. */
char *region_account_address(const struct region_account *account, const char *container,
                             const char *blob, struct err *e);

/* ---- A verb: start, then begin for each try, then judge for each whole answer ---- */
/* doing: "deleting"; static. begin sends with region_account_send. judge sets op->err, or
 * region_account_again. */
void region_account_start(struct region_account *account, struct region_op *op, const char *doing,
                          void (*begin)(struct region_op *), void (*judge)(struct region_op *));
void region_account_head(struct region_head *h);
void region_account_header(struct region_head *h, const char *name, const char *value);
void region_account_metadata(struct region_head *h, const struct pageblob_metadata *metadata);
/* additions: to the query, copied; op->http is set up but for URL, headers and callbacks. */
void region_account_send(struct region_op *op, struct region_head *h, const char *additions);
/* Instead of sending: the op ends with this. */
void region_account_fail(struct region_op *op, const char *why);
/* True for this status; else op->err says what was refused. */
bool region_account_expect(struct region_op *op, int status);
/* "&NAME=VALUE", encoded; nothing where there is no value. False: no memory. */
bool region_account_parameter(FILE *out, const char *name, const char *value);
/* From judge: another request of the same verb, its tries counted anew. */
void region_account_again(struct region_op *op);

#endif
