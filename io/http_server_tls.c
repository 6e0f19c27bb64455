/* http_server_tls.c - see http_server_tls.h. */
#include "io/http_server_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEM_MAX_BYTES (1u << 20)

struct http_server_tls {
    char *cert, *key, *client_ca;
};

/* ---- Files ---- */

/* A private key that others can read is no longer one. */
static bool check_key_mode(int fd, const char *path, struct err *e)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "%s", path);
    if (S_ISREG(st.st_mode) && st.st_mode & (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%s is a private key that others may read: chmod 600 it, or make a new one",
                       path);
    return true;
}

static char *read_pem(const char *path, bool secret, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = calloc(1, PEM_MAX_BYTES + 1);
    size_t used = 0;
    ssize_t count = -1;

    if (fd < 0)
        err_set_errno(e, errno, RETRY_NEVER, "cannot open %s", path);
    else if (!text)
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for %s", path);
    else if (!secret || check_key_mode(fd, path, e)) {
        while (used <= PEM_MAX_BYTES &&
               (count = read(fd, text + used, PEM_MAX_BYTES + 1 - used)) > 0)
            used += (size_t)count;
        if (count < 0)
            err_set_errno(e, errno, RETRY_NEVER, "cannot read %s", path);
        else if (used > PEM_MAX_BYTES || memchr(text, 0, used))
            err_set(e, ERR_USAGE, RETRY_NEVER, "%s is not a PEM file", path);
    }
    if (fd >= 0)
        close(fd);
    if (err_is_set(e)) {
        e->kind = ERR_USAGE; /* whoever named the file must name another */
        free(text);
        return NULL;
    }
    return text;
}

static void wipe_free(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

static gnutls_datum_t datum(char *text)
{
    return (gnutls_datum_t){.data = (unsigned char *)text, .size = (unsigned)strlen(text)};
}

/* libmicrohttpd would only say that it did not start. */
static bool check_pair(struct http_server_tls *tls, const struct http_server_options *options,
                       struct err *e)
{
    gnutls_certificate_credentials_t credentials = NULL;
    gnutls_datum_t cert = datum(tls->cert), key = datum(tls->key);
    int found = gnutls_certificate_allocate_credentials(&credentials);

    if (found < 0) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for TLS");
        return false;
    }
    found = gnutls_certificate_set_x509_key_mem(credentials, &cert, &key, GNUTLS_X509_FMT_PEM);
    if (found < 0)
        err_set(e, ERR_USAGE, RETRY_NEVER, "%s and %s are no certificate with its key: %s",
                options->tls_cert, options->tls_key, gnutls_strerror(found));
    if (found >= 0 && tls->client_ca) {
        gnutls_datum_t ca = datum(tls->client_ca);

        found = gnutls_certificate_set_x509_trust_mem(credentials, &ca, GNUTLS_X509_FMT_PEM);
        if (found <= 0)
            err_set(e, ERR_USAGE, RETRY_NEVER, "%s has no certificate of an authority: %s",
                    options->client_ca, found < 0 ? gnutls_strerror(found) : "it is empty");
    }
    gnutls_certificate_free_credentials(credentials);
    return !err_is_set(e);
}

struct http_server_tls *http_server_tls_open(const struct http_server_options *options,
                                             struct err *e)
{
    struct http_server_tls *tls = calloc(1, sizeof *tls);

    if (!tls) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for TLS");
        return NULL;
    }
    if ((tls->cert = read_pem(options->tls_cert, false, e)) &&
        (tls->key = read_pem(options->tls_key, true, e)) &&
        (!options->client_ca || (tls->client_ca = read_pem(options->client_ca, false, e))) &&
        check_pair(tls, options, e))
        return tls;
    http_server_tls_close(tls);
    return NULL;
}

void http_server_tls_close(struct http_server_tls *tls)
{
    if (!tls)
        return;
    free(tls->cert);
    wipe_free(tls->key);
    free(tls->client_ca);
    free(tls);
}

const char *http_server_tls_cert(const struct http_server_tls *tls)
{
    return tls->cert;
}

const char *http_server_tls_key(const struct http_server_tls *tls)
{
    return tls->key;
}

const char *http_server_tls_client_ca(const struct http_server_tls *tls)
{
    return tls->client_ca;
}

/* ---- Clients ---- */

static const char *words_of(unsigned status)
{
    if (status & GNUTLS_CERT_EXPIRED)
        return "the client's certificate has expired";
    if (status & GNUTLS_CERT_NOT_ACTIVATED)
        return "the client's certificate is not yet valid";
    /* the latter: of another authority that bears the same name */
    if (status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNATURE_FAILURE))
        return "the client's certificate is of an authority that is not trusted here";
    if (status & GNUTLS_CERT_PURPOSE_MISMATCH)
        return "the client's certificate is not one for clients";
    return "the client's certificate is not sound";
}

/* One common name, of which no byte hides behind a NUL: it decides where the client may write. */
static bool read_name(gnutls_x509_crt_t cert, struct http_peer *peer)
{
    char second[sizeof peer->name];
    size_t bytes = sizeof peer->name, second_bytes = sizeof second;

    return gnutls_x509_crt_get_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0, peer->name,
                                         &bytes) == 0 &&
           bytes > 0 && bytes < sizeof peer->name && strlen(peer->name) == bytes &&
           gnutls_x509_crt_get_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 1, 0, second,
                                         &second_bytes) == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
}

static bool read_identity(const gnutls_datum_t *der, struct http_peer *peer)
{
    size_t id_bytes = sizeof peer->key_id;
    gnutls_x509_crt_t cert;
    bool ok;

    if (gnutls_x509_crt_init(&cert) != 0)
        return false;
    ok = gnutls_x509_crt_import(cert, der, GNUTLS_X509_FMT_DER) == 0 && read_name(cert, peer) &&
         gnutls_x509_crt_get_key_id(cert, GNUTLS_KEYID_USE_SHA256, peer->key_id, &id_bytes) == 0 &&
         id_bytes == sizeof peer->key_id;
    gnutls_x509_crt_deinit(cert);
    return ok;
}

const char *http_server_tls_peer(gnutls_session_t session, bool optional,
                                 struct http_peer *out_peer)
{
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                     .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT};
    struct http_peer peer = {0};
    const gnutls_datum_t *chain;
    unsigned count = 0, status = GNUTLS_CERT_INVALID;

    if (!session || gnutls_protocol_get_version(session) != GNUTLS_TLS1_3)
        return "TLS 1.3 is needed";
    chain = gnutls_certificate_get_peers(session, &count);
    if (!chain || count == 0)
        return optional ? NULL : "a client certificate is needed";
    if (gnutls_certificate_verify_peers(session, &purpose, 1, &status) != 0)
        return "the client's certificate cannot be judged";
    if (status != 0)
        return words_of(status);
    if (!read_identity(&chain[0], &peer))
        return "the client's certificate has not one common name";
    *out_peer = peer;
    return NULL;
}
