/* relay_stub.h - a receiver that holds one small disk in memory and does as it is told, over plain HTTP.
 *
 * Knows: relay_protocol.md, as far as the sender's own tests need it. Must not know: engine/receiver.h, which
 * is tested with the sender elsewhere. Threads: one test's.
 */
#ifndef SUPPORT_RELAY_STUB_H
#define SUPPORT_RELAY_STUB_H

#include "blockmap/block_id.h"
#include "io/endpoint_relay.h"
#include "io/http_server.h"
#include "io/relay_wire.h"
#include "tests/support/test_reactor.h"

#define STUB_DISK_BYTES (64u << 20)
#define STUB_IDS_MAX    8192u

struct relay_stub {
    struct rig rig;
    struct http_server *server;
    struct http *http;
    struct workers *workers;
    struct endpoint *ep;               /* the sender */
    unsigned char *disk;               /* what was written */
    unsigned char *was;                /* 1 a page that was written or cleared */
    struct block_id ids[STUB_IDS_MAX]; /* the index: of this disk, by offset */
    uint64_t id_offsets[STUB_IDS_MAX];
    uint32_t id_count;
    /* what it shall do */
    unsigned refuse_writes; /* the next so many, with `refusal` */
    struct err refusal;
    bool forget;       /* says of each reference that it is missing */
    bool lie_missing;  /* names as missing what was not sent */
    bool short_answer; /* to have */
    bool shrinks;      /* the disk, between two pages of a list */
    bool hold;         /* answers no write until stub_release */
    /* what it saw */
    unsigned calls[RELAY_VERBS];
    unsigned data_records, zero_records, copy_pieces;
    uint64_t data_bytes, body_bytes, zero_bytes;
    uint64_t largest_body_bytes;
    unsigned writes_now, writes_at_once; /* held */
    struct http_call *held[64];
    char generation[32], lease[64], sender[64], size[32]; /* of the last call */
    char last_setup[32];
};

void relay_stub_begin(struct relay_stub *stub, enum reactor_backend backend,
                      const struct endpoint_relay_options *options);
void relay_stub_end(struct relay_stub *stub);
void relay_stub_release(struct relay_stub *stub); /* answers what is held, and holds no more */

#endif
