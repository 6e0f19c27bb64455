/* store_container.c - containers are created, described and deleted. */
#include "tools/regiond/store_parts.h"

#include <stdlib.h>
#include <string.h>

void store_container_fini(struct store_container *container)
{
    free(container->name);
    store_pairs_fini(&container->metadata);
    store_pairs_fini(&container->policies);
    memset(container, 0, sizeof *container);
}

void container_free(struct container *container)
{
    if (!container)
        return;
    free(container->account);
    free(container->name);
    store_pairs_fini(&container->metadata);
    store_pairs_fini(&container->policies);
    free(container->blobs);
    free(container);
}

bool container_insert(struct store *store, struct container *container)
{
    size_t at;

    container_at(store, container->account, container->name, &at);
    if (store->container_count == store->container_room) {
        size_t room = store->container_room ? store->container_room * 2 : 8;
        struct container **grown = realloc(store->containers, room * sizeof(struct container *));

        if (!grown)
            return false;
        store->containers = grown;
        store->container_room = room;
    }
    memmove(&store->containers[at + 1], &store->containers[at],
            (store->container_count - at) * sizeof(struct container *));
    store->containers[at] = container;
    store->container_count++;
    return true;
}

static void remove_at(struct store *store, size_t at)
{
    memmove(&store->containers[at], &store->containers[at + 1],
            (--store->container_count - at) * sizeof(struct container *));
}

static bool name_valid(const char *name)
{
    size_t bytes = strlen(name);

    return bytes > 0 && bytes <= STORE_NAME_BYTES_MAX;
}

enum store_result store_container_create(struct store *store, const char *account, const char *name,
                                         const struct store_pairs *metadata,
                                         struct store_stamp *out)
{
    struct container *container = NULL;
    enum store_result result = STORE_IO;
    size_t at;

    if (!name_valid(name) || !name_valid(account) || !store_pairs_valid(metadata))
        return STORE_INVALID_VALUE;
    pthread_rwlock_wrlock(&store->names);
    if (container_at(store, account, name, NULL)) {
        result = STORE_CONTAINER_EXISTS;
        goto out;
    }
    container = calloc(1, sizeof *container);
    if (!container)
        goto out;
    container->id = store->next_container_id++;
    container->account = strdup(account);
    container->name = strdup(name);
    container->changed_ticks = store_tick(store);
    if (!container->account || !container->name ||
        !store_pairs_copy(&container->metadata, metadata) || !container_insert(store, container))
        goto out;
    result = store_result_of_errno(store_containers_save(store));
    if (result == STORE_OK) {
        store_stamp_fill(container->changed_ticks, 0, out);
        container = NULL;
    } else {
        container_at(store, account, name, &at);
        remove_at(store, at);
    }
out:
    pthread_rwlock_unlock(&store->names);
    container_free(container);
    return result;
}

enum store_result store_container_delete(struct store *store, const char *account, const char *name,
                                         const struct store_conditions *when)
{
    struct container *container;
    enum store_result result;
    size_t at;

    pthread_rwlock_wrlock(&store->names);
    container = container_at(store, account, name, &at);
    result = container ? store_judge_etag(when, container->changed_ticks, false)
                       : STORE_CONTAINER_NOT_FOUND;
    if (result == STORE_OK) {
        remove_at(store, at);
        result = store_result_of_errno(store_containers_save(store));
        if (result != STORE_OK)
            container_insert(store, container); /* into the room it has just left */
    }
    pthread_rwlock_unlock(&store->names);
    if (result != STORE_OK)
        return result;
    /* From here on no name leads to its blobs. A kill leaves folders of a container that is no
     * more; the next open removes them. */
    for (size_t i = 0; i < container->blob_count; i++) {
        struct blob *blob = container->blobs[i];

        pthread_mutex_lock(&blob->write);
        if (!atomic_load(&blob->deleted))
            blob_destroy(store, blob);
        pthread_mutex_unlock(&blob->write);
        blob_release(store, blob);
    }
    container_free(container);
    return STORE_OK;
}

static bool describe(const struct container *container, struct store_container *out)
{
    struct store_container c = {.name = strdup(container->name)};

    store_stamp_fill(container->changed_ticks, 0, &c.stamp);
    if (c.name && store_pairs_copy(&c.metadata, &container->metadata) &&
        store_pairs_copy(&c.policies, &container->policies)) {
        *out = c;
        return true;
    }
    store_container_fini(&c);
    return false;
}

enum store_result store_container_get(struct store *store, const char *account, const char *name,
                                      struct store_container *out)
{
    const struct container *container;
    enum store_result result = STORE_OK;

    pthread_rwlock_rdlock(&store->names);
    container = container_at(store, account, name, NULL);
    if (!container)
        result = STORE_CONTAINER_NOT_FOUND;
    else if (!describe(container, out))
        result = STORE_IO;
    pthread_rwlock_unlock(&store->names);
    return result;
}

/* Metadata or policies: the other is NULL. */
static enum store_result set_pairs(struct store *store, const char *account, const char *name,
                                   const struct store_conditions *when,
                                   const struct store_pairs *metadata,
                                   const struct store_pairs *policies, struct store_stamp *out)
{
    struct store_pairs next = {0}, *place;
    struct container *container;
    enum store_result result;

    pthread_rwlock_wrlock(&store->names);
    container = container_at(store, account, name, NULL);
    result = container ? store_judge_etag(when, container->changed_ticks, false)
                       : STORE_CONTAINER_NOT_FOUND;
    if (result == STORE_OK && !store_pairs_copy(&next, metadata ? metadata : policies))
        result = STORE_IO;
    if (result == STORE_OK) {
        uint64_t old_ticks = container->changed_ticks;
        struct store_pairs old;

        place = metadata ? &container->metadata : &container->policies;
        old = *place;
        *place = next;
        container->changed_ticks = store_tick(store);
        result = store_result_of_errno(store_containers_save(store));
        if (result == STORE_OK) {
            next = old;
            store_stamp_fill(container->changed_ticks, 0, out);
        } else {
            *place = old;
            container->changed_ticks = old_ticks;
        }
    }
    pthread_rwlock_unlock(&store->names);
    store_pairs_fini(&next);
    return result;
}

enum store_result store_container_set_metadata(struct store *store, const char *account,
                                               const char *name,
                                               const struct store_conditions *when,
                                               const struct store_pairs *metadata,
                                               struct store_stamp *out)
{
    static const struct store_pairs none = {0};

    if (!store_pairs_valid(metadata))
        return STORE_INVALID_VALUE;
    return set_pairs(store, account, name, when, metadata ? metadata : &none, NULL, out);
}

enum store_result store_container_set_policies(struct store *store, const char *account,
                                               const char *name,
                                               const struct store_conditions *when,
                                               const struct store_pairs *policies,
                                               struct store_stamp *out)
{
    static const struct store_pairs none = {0};

    if (policies && policies->count > STORE_POLICIES_MAX)
        return STORE_POLICY_LIMIT;
    for (size_t i = 0; policies && i < policies->count; i++)
        if (strlen(policies->items[i].name) + strlen(policies->items[i].value) >
            STORE_POLICY_BYTES_MAX)
            return STORE_INVALID_VALUE;
    return set_pairs(store, account, name, when, NULL, policies ? policies : &none, out);
}

/* ---- Lists ---- */

void store_container_page_fini(struct store_container_page *page)
{
    for (size_t i = 0; i < page->count; i++)
        store_container_fini(&page->items[i]);
    free(page->items);
    free(page->next);
    memset(page, 0, sizeof *page);
}

enum store_result store_container_list(struct store *store, const char *account, const char *prefix,
                                       const char *marker, size_t count_max,
                                       struct store_container_page *out)
{
    struct store_container_page page = {0};
    size_t prefix_bytes = prefix ? strlen(prefix) : 0, at;
    const char *from = marker ? marker : prefix ? prefix : "";
    bool fine = true;

    pthread_rwlock_rdlock(&store->names);
    container_at(store, account, from, &at);
    for (; fine && at < store->container_count; at++) {
        const struct container *c = store->containers[at];
        struct store_container *items;

        if (strcmp(c->account, account) != 0)
            break;
        if (prefix_bytes > 0 && strncmp(c->name, prefix, prefix_bytes) != 0) {
            if (strcmp(c->name, prefix) > 0)
                break;
            continue;
        }
        if (page.count == count_max) {
            page.next = strdup(c->name);
            fine = page.next != NULL;
            break;
        }
        items = realloc(page.items, (page.count + 1) * sizeof *items);
        fine = items != NULL;
        if (fine) {
            page.items = items;
            fine = describe(c, &items[page.count]);
            page.count += fine ? 1 : 0;
        }
    }
    pthread_rwlock_unlock(&store->names);
    if (!fine) {
        store_container_page_fini(&page);
        return STORE_IO;
    }
    *out = page;
    return STORE_OK;
}
