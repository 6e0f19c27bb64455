/* front_auth.h - who may ask: a bearer token, a certificate's name, or (by explicit wish) anybody.
 *
 * Knows:         one token, by its digest only; names of clients.
 * Must not know: requests, what may be asked.
 * Threads:       none; a value with one owner.
 *
 * The token is compared by SHA-256 in constant time; the token itself is wiped when it was read.
 */
#ifndef CONTROLD_FRONT_AUTH_H
#define CONTROLD_FRONT_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "blockmap/err.h"

#define FRONT_TOKEN_MIN_BYTES 16u
#define FRONT_TOKEN_MAX_BYTES 4096u
#define FRONT_CLIENTS_MAX     32u

struct front_auth {
    bool anybody;
    bool has_token;
    unsigned char token_digest[32];
    bool has_clients; /* certificates are a way in */
    const char
        *clients[FRONT_CLIENTS_MAX]; /* common names, borrowed; none: each of the authority's */
    unsigned client_count;
};

enum front_verdict {
    FRONT_WELCOME,
    FRONT_NOBODY,   /* neither a token nor a certificate */
    FRONT_WRONG,    /* a token, but not ours; or a header that holds none */
    FRONT_STRANGER, /* a certificate of ours whose name is not on the list */
    FRONT_VERDICTS
};

/* ---- Set ---- */
/* argument: env:NAME or @FILE. ERR_USAGE: there is none, or it is none. Shows nothing of it. */
bool front_auth_token(struct front_auth *auth, const char *argument, struct err *e);
/* The token that is kept in path (0600), made of random bytes where there is none yet. */
bool front_auth_token_kept(struct front_auth *auth, const char *path, struct err *e);
void front_auth_fini(struct front_auth *auth); /* wipes; a zeroed struct is fine */

/* ---- Use ---- */
/* header: of Authorization, NULL: absent; peer: the common name of a certificate that was judged sound,
 * "" or NULL: none. *out_who: "token", the name (a view of peer), or "anybody". */
enum front_verdict front_auth_judge(const struct front_auth *auth, const char *header,
                                    const char *peer, const char **out_who);

#endif
