/* verbs.h - every verb's handler; dispatch.c names them in its table.
 *
 * A handler makes the answer and returns true, or sets the error and returns false. It may call
 * the store; it never waits for the network unless its row says VERB_MAY_WAIT.
 * Threads: any, one exchange at a time.
 */
#ifndef REGIOND_VERBS_H
#define REGIOND_VERBS_H

#include "tools/regiond/exchange.h"

/* verb_blob.c */
bool verb_put_blob(struct exchange *x);
bool verb_delete_blob(struct exchange *x);
bool verb_snapshot_blob(struct exchange *x);

/* verb_read.c */
bool verb_get_blob(struct exchange *x);
bool verb_head_blob(struct exchange *x);

/* verb_page.c */
bool verb_put_page(struct exchange *x);
bool verb_put_page_from_url(struct exchange *x);

/* verb_pagelist.c */
bool verb_get_page_ranges(struct exchange *x);

/* verb_properties.c */
bool verb_set_blob_properties(struct exchange *x);
bool verb_set_blob_metadata(struct exchange *x);
bool verb_get_blob_metadata(struct exchange *x);

/* verb_lease.c */
bool verb_lease_blob(struct exchange *x);

/* verb_container.c */
bool verb_create_container(struct exchange *x);
bool verb_delete_container(struct exchange *x);
bool verb_get_container(struct exchange *x);
bool verb_get_container_metadata(struct exchange *x);
bool verb_set_container_metadata(struct exchange *x);

/* verb_acl.c */
bool verb_get_container_acl(struct exchange *x);
bool verb_set_container_acl(struct exchange *x);

/* verb_list.c */
bool verb_list_containers(struct exchange *x);
bool verb_list_blobs(struct exchange *x);

/* verb_account.c */
bool verb_get_service_properties(struct exchange *x);
bool verb_get_account_information(struct exchange *x);

#endif
