/* mem_lease.c - see mem_lease.h. The rules are those of protocol A.8. */
#include "io/mem_lease.h"

#include <stdio.h>
#include <string.h>

static bool refuse(struct err *e, int status, const char *code, enum err_retry retry)
{
    err_set(e, ERR_CONFLICT, retry, "the disk in memory: %s", code);
    e->http_status = status;
    snprintf(e->code, sizeof e->code, "%s", code);
    return false;
}

bool mem_lease_take(struct mem_lease *lease, const char *id, uint64_t now_ns, struct err *e)
{
    bool active = lease->held[0] && now_ns < lease->until_ns;
    bool same = strcmp(lease->held, id) == 0;

    if (strcmp(lease->carried, id) == 0 && !same)
        return refuse(e, 409,
                      lease->held[0] ? "LeaseIdMismatchWithLeaseOperation"
                                     : "LeaseNotPresentWithLeaseOperation",
                      RETRY_NEVER);
    if (active && !same)
        return refuse(e, 409, "LeaseAlreadyPresent", RETRY_NEVER);
    snprintf(lease->held, sizeof lease->held, "%s", id);
    snprintf(lease->carried, sizeof lease->carried, "%s", id);
    lease->until_ns = now_ns + MEM_LEASE_NS;
    return true;
}

bool mem_lease_give(struct mem_lease *lease, const char *id, struct err *e)
{
    bool same = strcmp(lease->held, id) == 0;

    lease->carried[0] = 0;
    if (!same)
        return refuse(e, 409, "LeaseIdMismatchWithLeaseOperation", RETRY_NEVER);
    lease->held[0] = 0;
    return true;
}

bool mem_lease_allows(const struct mem_lease *lease, uint64_t now_ns, struct err *e)
{
    bool active = lease->held[0] && now_ns < lease->until_ns;

    if (!lease->carried[0])
        return !active || refuse(e, 412, "LeaseIdMissing", RETRY_NEVER);
    if (!lease->held[0])
        return refuse(e, 412, "LeaseNotPresentWithBlobOperation", RETRY_NEVER);
    if (strcmp(lease->held, lease->carried) != 0)
        return refuse(e, 412, "LeaseIdMismatchWithBlobOperation", RETRY_NEVER);
    return active || refuse(e, 412, "LeaseLost", RETRY_LATER);
}
