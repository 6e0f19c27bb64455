/* region_auth.c - chooses the way a request proves its caller, then asks for enough permission. */
#include "tools/regiond/region_auth.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/regiond/region_clock.h"

struct region_auth {
    struct region_auth_config config; /* set once */
};

struct region_auth *region_auth_new(const struct region_auth_config *config)
{
    struct region_auth *auth = calloc(1, sizeof *auth);

    if (auth)
        auth->config = *config;
    return auth;
}

void region_auth_free(struct region_auth *auth)
{
    free(auth);
}

static uint64_t now_of(const struct region_auth *auth)
{
    return auth->config.now_ticks ? auth->config.now_ticks(auth->config.now_context)
                                  : region_clock_ticks();
}

static bool is_granted(const struct request *r, const struct request_need *need)
{
    return strpbrk(r->permissions, need->permissions) != NULL;
}

static bool check_sas(const struct region_auth *auth, const struct account *account,
                      struct request *r, const struct request_need *need, struct service_error *e)
{
    struct sas_check with = {
        .account = account,
        .policy = auth->config.policy,
        .policy_context = auth->config.policy_context,
        .now_ticks = now_of(auth),
    };

    if (!sas_check(&with, r, need, e))
        return false;
    if (!is_granted(r, need)) {
        r->permissions[0] = '\0';
        return service_fail(e, CODE_AUTHORIZATION_PERMISSION_MISMATCH);
    }
    r->caller = CALLER_SAS;
    return true;
}

bool region_auth_check(const struct region_auth *auth, struct request *r,
                       const struct request_need *need, struct service_error *e)
{
    const struct account *account = accounts_find(auth->config.accounts, r->account);
    const char *authorization = request_header(r, "Authorization");
    bool has_signature = request_param(r, "sig") != NULL;

    if (!account) /* a real one's host name would not resolve */
        return service_fail(e, CODE_RESOURCE_NOT_FOUND);
    /* A disk may ask for a bearer token as well as the SAS; the SAS is what we judge. */
    if (authorization && !(has_signature && strncasecmp(authorization, "Bearer ", 7) == 0)) {
        if (!shared_key_check(account, r, now_of(auth), e))
            return false;
        r->caller = CALLER_KEY;
        return true;
    }
    if (has_signature)
        return check_sas(auth, account, r, need, e);
    service_fail(e, CODE_NO_AUTHENTICATION_INFORMATION);
    strcpy(e->authenticate, "SharedKey");
    return false;
}
