/* region_auth.h - who sent this request, and may they do what it asks?
 *
 * Knows:         Shared Key, service and account SAS, stored access policies, B.5's refusals.
 * Must not know: what a verb does; what an md- host does not do (dispatch.c knows).
 * Threads:       any; what is configured does not change, each request is its thread's own.
 */
#ifndef REGIOND_REGION_AUTH_H
#define REGIOND_REGION_AUTH_H

#include "tools/regiond/access_policy.h"
#include "tools/regiond/accounts.h"
#include "tools/regiond/request.h"

#define AUTH_DATE_SKEW_SECONDS 900u /* of Shared Key's date, either way */

struct store;

/* Finds a container's stored policy. False: there is none (never, or it was revoked). */
typedef bool region_auth_policy_fn(void *context, const char *account, const char *container,
                                   const char *id, struct access_policy *out);

struct region_auth_config {
    const struct accounts *accounts; /* borrowed; outlives the auth */
    region_auth_policy_fn *policy;   /* region_auth_store_policy for a real store */
    void *policy_context;
    uint64_t (*now_ticks)(void *); /* the wall clock (region_clock.h); NULL: region_clock_ticks */
    void *now_context;
};

/* ---- Life ---- */
struct region_auth *region_auth_new(const struct region_auth_config *config); /* NULL: no memory */
void region_auth_free(struct region_auth *auth);                              /* NULL is fine */

/* A region_auth_policy_fn whose context is the struct store. */
bool region_auth_store_policy(void *context, const char *account, const char *container,
                              const char *id, struct access_policy *out);

/* ---- Use ---- */

/* True: caller, permissions and (for a SAS without x-ms-version) version are set in the request.
 * False: the error is set; the caller stays CALLER_NOBODY. */
bool region_auth_check(const struct region_auth *auth, struct request *r,
                       const struct request_need *need, struct service_error *e);

/* ---- The parts of it: shared_key_check.c and sas_check.c ---- */

/* The signature only; what the caller may do is region_auth_check's. */
bool shared_key_check(const struct account *account, const struct request *r, uint64_t now_ticks,
                      struct service_error *e);

/* Signature, time, protocol and address; fills out_permissions and, for what needs it, judges
 * whether the signed resource covers the request. */
struct sas_check {
    const struct account *account;
    region_auth_policy_fn *policy;
    void *policy_context;
    uint64_t now_ticks;
};
bool sas_check(const struct sas_check *with, struct request *r, const struct request_need *need,
               struct service_error *e);

#endif
