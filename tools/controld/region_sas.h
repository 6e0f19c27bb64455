/* region_sas.h - URLs of an account's blobs and snapshots with a SAS in them.
 *
 * Knows:         which SAS an account can give: signed with its key, or its own.
 * Must not know: who gets the URL, how policies are kept (region_access.h).
 * Threads:       pure. A URL is secret: secret_wipe_free.
 */
#ifndef CONTROLD_REGION_SAS_H
#define CONTROLD_REGION_SAS_H

#include "tools/controld/region_account.h"

struct region_sas {
    const char *container;
    const char *blob;
    const char *snapshot;    /* NULL or "": the blob itself */
    const char *permissions; /* "r", "rcw"; in the service's order; unused with a policy */
    uint64_t expiry_ns;      /* wall clock; unused with a policy */
    const char *policy;      /* id of a stored access policy; NULL: a SAS of its own */
};

/* With a key: signed for this alone. With a SAS account: that SAS, as it is, whatever is asked; and
 * ERR_CONFLICT, code "AccountKeyRequired", for a policy. The same ask with a policy gives the same URL. */
bool region_sas_url(const struct region_account *account, const struct region_sas *sas,
                    char **out_url, struct err *e);
/* The address alone, with "?snapshot=" where there is one; no secret. malloc'd; NULL: no memory. */
char *region_sas_address(const struct region_account *account, const char *container,
                         const char *blob, const char *snapshot);

#endif
