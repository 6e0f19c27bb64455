/* region_acl.h - the stored access policies of a container, and their XML.
 *
 * Knows:         SignedIdentifiers (protocol A.12), how times stand there.
 * Must not know: requests, who uses a policy.
 * Threads:       pure; a value.
 */
#ifndef CONTROLD_REGION_ACL_H
#define CONTROLD_REGION_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"

#define REGION_POLICIES_MAX          5u
#define REGION_POLICY_ID_MAX_BYTES   65u
#define REGION_PERMISSIONS_MAX_BYTES 16u
#define REGION_TIME_MAX_BYTES        32u /* "2026-01-31T23:59:59Z", or as the service wrote it */
#define REGION_ACL_BODY_MAX_BYTES    (64u << 10)

struct region_policy {
    char id[REGION_POLICY_ID_MAX_BYTES];
    char start[REGION_TIME_MAX_BYTES];  /* "" = none */
    char expiry[REGION_TIME_MAX_BYTES]; /* "" = none */
    char permissions[REGION_PERMISSIONS_MAX_BYTES];
};

struct region_acl { /* zeroed = none */
    struct region_policy items[REGION_POLICIES_MAX];
    size_t count;
};

/* ERR_CORRUPT for what is no such list, ERR_LIMIT for more than it may hold. *out written on success. */
bool region_acl_parse(const char *xml, size_t bytes, struct region_acl *out, struct err *e);
/* malloc'd; NULL when memory ran out. */
char *region_acl_format(const struct region_acl *acl);

struct region_policy *region_acl_find(struct region_acl *acl, const char *id); /* or NULL */
/* A new one, zeroed but for its id; NULL when there are five. */
struct region_policy *region_acl_add(struct region_acl *acl, const char *id);
void region_acl_drop(struct region_acl *acl, const char *id); /* not there is fine */

/* "YYYY-MM-DDTHH:MM:SSZ" of a wall clock's time, rounded up to the second. */
void region_time_format(uint64_t wall_ns, char out[REGION_TIME_MAX_BYTES]);

#endif
