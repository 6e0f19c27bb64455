/* store_persist.c - containers.json: small, rewritten whole, renamed into place. */
#include "tools/regiond/store_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "containers.json"
#define FORMAT    1

/* ---- Writing ---- */

/* As an array of [name, value]: names are not keys, since two may differ by case alone. */
static json_t *pairs_to_json(const struct store_pairs *pairs)
{
    json_t *array = json_array();

    for (size_t i = 0; array && i < pairs->count; i++) {
        json_t *pair = json_pack("[s%, s%]", pairs->items[i].name, strlen(pairs->items[i].name),
                                 pairs->items[i].value, strlen(pairs->items[i].value));

        if (json_array_append_new(array, pair) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *container_to_json(const struct container *c)
{
    json_t *object = json_object();

    if (!object || json_object_set_new(object, "id", json_integer((json_int_t)c->id)) != 0 ||
        json_object_set_new(object, "account", json_string(c->account)) != 0 ||
        json_object_set_new(object, "name", json_string(c->name)) != 0 ||
        json_object_set_new(object, "changed", json_integer((json_int_t)c->changed_ticks)) != 0 ||
        json_object_set_new(object, "metadata", pairs_to_json(&c->metadata)) != 0 ||
        json_object_set_new(object, "policies", pairs_to_json(&c->policies)) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *store_to_json(const struct store *store)
{
    json_t *array = json_array(), *root;

    for (size_t i = 0; array && i < store->container_count; i++) {
        if (json_array_append_new(array, container_to_json(store->containers[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    root = json_object();
    if (!root || !array || json_object_set_new(root, "format", json_integer(FORMAT)) != 0 ||
        json_object_set_new(root, "segmentBytes",
                            json_integer((json_int_t)layer_files_segment_bytes(store->files))) !=
            0 ||
        json_object_set_new(root, "nextContainerId",
                            json_integer((json_int_t)store->next_container_id)) != 0 ||
        json_object_set(root, "containers", array) != 0) {
        json_decref(root);
        root = NULL;
    }
    json_decref(array);
    return root;
}

int store_containers_save(struct store *store)
{
    json_t *root = store_to_json(store);
    int fd = -1, error = 0;

    if (!root)
        return EINVAL; /* a text that is not UTF-8, or no memory */
    fd = openat(store->folder_fd, FILE_NAME ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        error = errno;
    if (!error && json_dumpfd(root, fd, JSON_INDENT(1)) != 0)
        error = errno ? errno : EIO;
    if (!error && store->sync && fdatasync(fd) != 0)
        error = errno;
    if (fd >= 0)
        close(fd);
    if (!error && renameat(store->folder_fd, FILE_NAME ".new", store->folder_fd, FILE_NAME) != 0)
        error = errno;
    if (!error && store->sync && fsync(store->folder_fd) != 0)
        error = errno;
    json_decref(root);
    return error;
}

/* ---- Reading ---- */

static bool pairs_from_json(const json_t *array, struct store_pairs *out)
{
    size_t i;
    json_t *pair;

    if (!json_is_array(array))
        return false;
    json_array_foreach((json_t *)array, i, pair)
    {
        const char *name = json_string_value(json_array_get(pair, 0));
        const char *value = json_string_value(json_array_get(pair, 1));

        if (!name || !value || !store_pairs_add(out, name, value))
            return false;
    }
    return true;
}

static struct container *container_from_json(const json_t *object)
{
    struct container *c = calloc(1, sizeof *c);
    const char *account = json_string_value(json_object_get(object, "account"));
    const char *name = json_string_value(json_object_get(object, "name"));

    if (!c || !account || !name)
        goto fail;
    c->id = (uint64_t)json_integer_value(json_object_get(object, "id"));
    c->changed_ticks = (uint64_t)json_integer_value(json_object_get(object, "changed"));
    c->account = strdup(account);
    c->name = strdup(name);
    if (c->account && c->name && c->id != 0 &&
        pairs_from_json(json_object_get(object, "metadata"), &c->metadata) &&
        pairs_from_json(json_object_get(object, "policies"), &c->policies))
        return c;
fail:
    container_free(c);
    return NULL;
}

static bool take_containers(struct store *store, const json_t *array)
{
    size_t i;
    json_t *object;

    if (!json_is_array(array))
        return false;
    json_array_foreach((json_t *)array, i, object)
    {
        struct container *c = container_from_json(object);

        if (!c || !container_insert(store, c)) {
            container_free(c);
            return false;
        }
        if (c->changed_ticks > atomic_load(&store->last_ticks))
            atomic_store(&store->last_ticks, c->changed_ticks);
        if (c->id >= store->next_container_id)
            store->next_container_id = c->id + 1;
    }
    return true;
}

/* The segment size decides where every byte is: the folder's own word counts. */
static json_t *load_root(int folder_fd, int *out_errno)
{
    int fd = openat(folder_fd, FILE_NAME, O_RDONLY | O_CLOEXEC);
    json_error_t where;
    json_t *root;

    *out_errno = fd < 0 ? errno : 0;
    if (fd < 0)
        return NULL;
    root = json_loadfd(fd, 0, &where);
    close(fd);
    if (!root || json_integer_value(json_object_get(root, "format")) != FORMAT) {
        json_decref(root);
        *out_errno = EBADMSG;
        return NULL;
    }
    return root;
}

int store_segment_bytes_of(int folder_fd, uint64_t *out_bytes)
{
    int error;
    json_t *root = load_root(folder_fd, &error);

    if (root) {
        *out_bytes = (uint64_t)json_integer_value(json_object_get(root, "segmentBytes"));
        if (*out_bytes == 0 || *out_bytes % 4096 != 0)
            error = EBADMSG;
        json_decref(root);
    }
    return error;
}

int store_containers_load(struct store *store)
{
    int error;
    json_t *root = load_root(store->folder_fd, &error);

    if (!root)
        return error == ENOENT ? store_containers_save(store) : error;
    store->next_container_id =
        (uint64_t)json_integer_value(json_object_get(root, "nextContainerId"));
    if (!take_containers(store, json_object_get(root, "containers")))
        error = EBADMSG;
    json_decref(root);
    return error;
}
