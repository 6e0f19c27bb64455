/* receive_options.h - what snapferry receive alone is asked for; a part of struct options.
 *
 * Knows: names and limits. Must not know: how they are parsed. Threads: a value.
 */
#ifndef SNAPFERRY_RECEIVE_OPTIONS_H
#define SNAPFERRY_RECEIVE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define OPTIONS_INDEX_DEFAULT_BYTES (256ull << 20)
#define OPTIONS_INDEX_MIN_BYTES     (1ull << 20)
#define OPTIONS_INDEX_MAX_BYTES     (64ull << 30)

struct receive_options {     /* texts are views into the arguments */
    const char *listen;      /* HOST:PORT */
    const char *target_root; /* may hold a secret */
    const char *tls_cert, *tls_key, *client_ca;
    const char *index_folder; /* NULL: in the state folder */
    uint64_t index_bytes;     /* of one client's */
    bool no_index;
};

#endif
