/* receiver_client.c - the index of blocks of each client's certificate; see receiver_call.h.
 *
 * An index is for one key and one name: a certificate renewed over the same key keeps it, another key begins
 * anew. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/block_id.h"
#include "blockmap/bytes.h"
#include "engine/receiver_call.h"

#define INDEX_SUFFIX ".index"

static struct block_id client_key(const struct http_peer *peer, const char *name)
{
    unsigned char text[sizeof peer->key_id + RELAY_NAME_MAX_BYTES];
    size_t first = strcspn(name, "/");

    assert(first <= RELAY_NAME_MAX_BYTES);
    memcpy(text, peer->key_id, sizeof peer->key_id);
    memcpy(text + sizeof peer->key_id, name, first);
    return block_id_of(text, sizeof peer->key_id + first);
}

static void client_open_index(struct receiver *receiver, struct receiver_client *client,
                              const char *name)
{
    char hex[2 * BLOCK_ID_BYTES + 1];
    struct err e = {0};
    char *path = NULL;

    if (!receiver->index_folder)
        return;
    bytes_hex(client->key, BLOCK_ID_BYTES, hex);
    if (asprintf(&path, "%s/%s" INDEX_SUFFIX, receiver->index_folder, hex) < 0)
        return;
    client->index = block_index_open(path, receiver->setup.index_bytes, &e);
    if (!client->index) {
        err_prefix(&e, "no index of blocks, so none is known to be here: ");
        receiver_say(receiver, name, e.text);
    }
    free(path);
}

static void client_close(struct receiver_client *client)
{
    assert(client->users == 0);
    block_index_close(client->index);
    free(client);
}

/* Makes room: the one that nobody uses for longest. */
static void clients_shrink(struct receiver *receiver)
{
    struct receiver_client **oldest = NULL, *closed;
    uint32_t count = 0;

    for (struct receiver_client **at = &receiver->clients; *at; at = &(*at)->next) {
        count++;
        if ((*at)->users == 0 && (!oldest || (*at)->used_ns < (*oldest)->used_ns))
            oldest = at;
    }
    if (count < RECEIVER_CLIENTS_MAX || !oldest)
        return;
    closed = *oldest;
    *oldest = closed->next;
    client_close(closed);
}

struct receiver_client *receiver_client_take(struct receiver *receiver,
                                             const struct http_peer *peer, const char *name)
{
    struct block_id key = client_key(peer, name);
    struct receiver_client *client = receiver->clients;

    while (client && memcmp(client->key, key.bytes, sizeof client->key) != 0)
        client = client->next;
    if (!client) {
        clients_shrink(receiver);
        client = calloc(1, sizeof *client);
        assert(client);
        memcpy(client->key, key.bytes, sizeof client->key);
        client_open_index(receiver, client, name);
        client->next = receiver->clients;
        receiver->clients = client;
    }
    client->users++;
    return client;
}

void receiver_client_give(struct receiver *receiver, struct receiver_client *client)
{
    assert(client->users > 0);
    client->users--;
    client->used_ns = reactor_now_ns(receiver->setup.reactor);
}

void receiver_clients_free(struct receiver *receiver)
{
    while (receiver->clients) {
        struct receiver_client *client = receiver->clients;

        receiver->clients = client->next;
        client_close(client);
    }
}
