/* embedded_ca.h - an authority of our own and a server's certificate of it, kept in a folder.
 *
 * Knows:         EC keys, X.509, the four files and the order in which they are made.
 * Must not know: who serves with them.
 * Threads:       none; short blocking calls.
 *
 * ca.key, ca.pem, server.key, server.pem; 0600. The authority may vouch for this machine's loopback only,
 * and is kept for as long as its file is there. The server's certificate is made anew when it is near its
 * end. Killed at any moment, the next call completes what is there.
 */
#ifndef CONTROLD_EMBEDDED_CA_H
#define CONTROLD_EMBEDDED_CA_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"

#define EMBEDDED_CA_DAYS     3650
#define EMBEDDED_SERVER_DAYS 397 /* what browsers take */
#define EMBEDDED_RENEW_DAYS  30  /* before its end */

struct embedded_ca {
    char authority[PATH_MAX];   /* ca.pem: for clients */
    char certificate[PATH_MAX]; /* server.pem */
    char key[PATH_MAX];         /* server.key */
};

/* now_s: wall clock. ERR_USAGE: what is there does not belong together, with what to do. */
bool embedded_ca_keep(const char *folder, uint64_t now_s, struct embedded_ca *out_ca,
                      struct err *e);

#endif
