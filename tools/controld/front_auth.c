/* front_auth.c - see front_auth.h. */
#include "tools/controld/front_auth.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "io/durable.h"
#include "io/secret.h"

#define MADE_BYTES   32u /* of random, told in hex */
#define DIGEST_BYTES (sizeof((struct front_auth *)NULL)->token_digest)

static const char scheme[] = "Bearer";

/* ---- The token ---- */

static void digest(const char *text, size_t bytes, unsigned char out_digest[DIGEST_BYTES])
{
    unsigned length = 0;
    int done = EVP_Digest(text, bytes, out_digest, &length, EVP_sha256(), NULL);

    assert(done == 1 && length == DIGEST_BYTES);
    (void)done;
}

/* Where the token ends: what RFC 6750 lets it be made of. */
static size_t token_span(const char *text)
{
    return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=");
}

/* Takes text. */
static bool set_token(struct front_auth *auth, char *text, const char *whence, struct err *e)
{
    size_t bytes = strlen(text);
    bool ok = true;

    if (bytes < FRONT_TOKEN_MIN_BYTES || bytes > FRONT_TOKEN_MAX_BYTES)
        ok = err_set(e, ERR_USAGE, RETRY_NEVER, "the token (%.100s) must have %u to %u characters",
                     whence, FRONT_TOKEN_MIN_BYTES, FRONT_TOKEN_MAX_BYTES);
    else if (token_span(text) != bytes)
        ok = err_set(e, ERR_USAGE, RETRY_NEVER,
                     "the token (%.100s) has a character that no bearer token may have", whence);
    if (ok) {
        digest(text, bytes, auth->token_digest);
        auth->has_token = true;
    }
    secret_wipe_free(text);
    return ok;
}

bool front_auth_token(struct front_auth *auth, const char *argument, struct err *e)
{
    char *text = NULL;

    if (argument[0] != '@' && strncmp(argument, "env:", 4) != 0)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "a token is given as env:NAME or @FILE, as arguments can be seen by other "
                       "users");
    if (secret_resolve(argument, &text, e))
        return set_token(auth, text, argument, e);
    e->kind = ERR_USAGE; /* also a file that is not there: another is to be named */
    return false;
}

/* malloc'd, with its line's end; NULL: no memory, or no random bytes. */
static char *make_token(void)
{
    unsigned char random[MADE_BYTES];
    char *text = malloc(2 * sizeof random + 2);

    if (text && getrandom(random, sizeof random, 0) == (ssize_t)sizeof random) {
        for (size_t i = 0; i < sizeof random; i++)
            snprintf(text + 2 * i, 3, "%02x", random[i]);
        memcpy(text + 2 * sizeof random, "\n", 2);
    } else {
        free(text);
        text = NULL;
    }
    explicit_bzero(random, sizeof random);
    return text;
}

bool front_auth_token_kept(struct front_auth *auth, const char *path, struct err *e)
{
    char argument[4200], *text;
    struct stat st;
    bool ok;

    if (stat(path, &st) != 0) {
        if (errno != ENOENT)
            return err_set_errno(e, errno, RETRY_NEVER, "cannot look at %s", path);
        text = make_token();
        if (!text)
            return err_set(e, ERR_IO, RETRY_NEVER, "cannot make a token");
        ok = durable_write(path, text, strlen(text), e);
        secret_wipe_free(text);
        if (!ok)
            return false;
    } else if (st.st_mode & (S_IRWXG | S_IRWXO)) {
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%s is a token that others may read: remove it, and a new one is made",
                       path);
    }
    if ((size_t)snprintf(argument, sizeof argument, "@%s", path) >= sizeof argument)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "the path of the token is too long");
    return front_auth_token(auth, argument, e);
}

void front_auth_fini(struct front_auth *auth)
{
    explicit_bzero(auth, sizeof *auth);
}

/* ---- Who it is ---- */

static bool is_on_list(const struct front_auth *auth, const char *name)
{
    for (unsigned i = 0; i < auth->client_count; i++)
        if (strcmp(auth->clients[i], name) == 0)
            return true;
    return auth->client_count == 0;
}

static bool is_token(const struct front_auth *auth, const char *header)
{
    unsigned char found[DIGEST_BYTES];
    size_t bytes;

    if (!auth->has_token || strncasecmp(header, scheme, sizeof scheme - 1) != 0)
        return false;
    header += sizeof scheme - 1;
    if (*header != ' ')
        return false;
    header += strspn(header, " ");
    bytes = token_span(header);
    if (bytes > FRONT_TOKEN_MAX_BYTES || header[bytes + strspn(header + bytes, " ")])
        return false;
    digest(header, bytes, found);
    return CRYPTO_memcmp(found, auth->token_digest, sizeof found) == 0;
}

enum front_verdict front_auth_judge(const struct front_auth *auth, const char *header,
                                    const char *peer, const char **out_who)
{
    bool named = auth->has_clients && peer && *peer;

    *out_who = "anybody";
    if (auth->anybody)
        return FRONT_WELCOME;
    if (named && is_on_list(auth, peer)) {
        *out_who = peer;
        return FRONT_WELCOME;
    }
    if (header && is_token(auth, header)) {
        *out_who = "token";
        return FRONT_WELCOME;
    }
    if (header)
        return FRONT_WRONG;
    return named ? FRONT_STRANGER : FRONT_NOBODY;
}
