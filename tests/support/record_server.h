/* record_server.h - a TLS server that says in which records its answers travel, and sends them by one write.
 *
 * Knows: OpenSSL, where a request's head ends. Must not know: HTTP beyond that, the client under test.
 * Threads: its own; a test starts and stops it from one thread.
 */
#ifndef SUPPORT_RECORD_SERVER_H
#define SUPPORT_RECORD_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/test_ca.h"

struct record_answer {
    const char *bytes;
    size_t count;        /* of bytes; 0 = strlen */
    size_t first_record; /* bytes of the first record; 0 = as the others */
    size_t record_bytes; /* of every other one; 0 = as many as fit */
    size_t held_bytes;   /* of the last record, never sent */
    bool held;           /* until record_server_release */
    bool ticket;         /* a session ticket's record goes before them */
    bool close;          /* and the end of the connection after them */
};

struct record_server;

/* The answers in the order in which requests (without bodies) come, one connection after the other; the last
 * one repeats. They are borrowed until stop. Aborts the test when it cannot start. */
struct record_server *record_server_start(const struct test_ca *ca,
                                          const struct record_answer *answers, size_t count);
/* After the client closed its connections. */
void record_server_stop(struct record_server *server);

void record_server_release(struct record_server *server); /* what is held now and later */
unsigned record_server_request_count(const struct record_server *server);
unsigned record_server_sent_count(const struct record_server *server); /* answers */
uint16_t record_server_port(const struct record_server *server);
unsigned
record_server_connection_count(const struct record_server *server); /* after stop alone exact */

#endif
