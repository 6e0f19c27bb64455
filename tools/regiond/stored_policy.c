/* stored_policy.c - region_auth's question about a policy, put to the store. */
#include <string.h>

#include "tools/regiond/region_auth.h"
#include "tools/regiond/store.h"

bool region_auth_store_policy(void *context, const char *account, const char *container,
                              const char *id, struct access_policy *out)
{
    struct store_container kept = {0};
    bool found = false;

    if (store_container_get(context, account, container, &kept) != STORE_OK)
        return false;
    for (size_t i = 0; i < kept.policies.count && !found; i++)
        found = strcmp(kept.policies.items[i].name, id) == 0 &&
                access_policy_parse(kept.policies.items[i].value, out);
    store_container_fini(&kept);
    return found;
}
