/* listen_at.h - HOST:PORT of an option, where a server shall listen.
 *
 * Knows: the form, which addresses are this machine's own. Must not know: servers. Threads: a value.
 */
#ifndef IO_LISTEN_AT_H
#define IO_LISTEN_AT_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"

struct listen_at {
    char host[256]; /* without brackets */
    uint16_t port;
    bool six; /* it stood in brackets */
};

/* option: its name, and example: for the sentence. */
bool listen_at_parse(struct listen_at *out_at, const char *option, const char *example,
                     const char *text, struct err *e);

/* 127.0.0.0/8, ::1, and the name localhost: nobody else can reach it. */
bool listen_at_is_loopback(const struct listen_at *at);

#endif
