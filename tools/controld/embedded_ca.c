/* embedded_ca.c - see embedded_ca.h. A key is written before its certificate: a certificate that is there
 * has one. */
#include "tools/controld/embedded_ca.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/durable.h"

#define PEM_MAX_BYTES (64u << 10)
#define SERIAL_BYTES  16
#define CLOCK_SKEW_S  3600
#define DAY_S         86400
#define CURVE         "P-256"

struct pair { /* a key and its certificate; each may be NULL */
    EVP_PKEY *key;
    X509 *certificate;
};

struct extension {
    int nid;
    const char *value;
};

static const struct extension of_authority[] = {
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"},
    {NID_subject_key_identifier, "hash"},
    /* Whoever takes it into a browser shall not have to trust us with the world. */
    {NID_name_constraints, "critical,permitted;DNS:localhost,permitted;IP:127.0.0.0/255.0.0.0,"
                           "permitted;IP:0:0:0:0:0:0:0:1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {0, NULL},
};

static const struct extension of_server[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "serverAuth"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid"},
    {NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1"},
    {0, NULL},
};

static bool broken(struct err *e, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return err_set(e, ERR_IO, RETRY_NEVER, "cannot make %s: %s", what,
                   reason ? reason : "no memory");
}

static void pair_fini(struct pair *pair)
{
    EVP_PKEY_free(pair->key);
    X509_free(pair->certificate);
    *pair = (struct pair){0};
}

/* ---- Files ---- */

/* bio: its text is written, and wiped. */
static bool write_pem(const char *path, BIO *bio, struct err *e)
{
    char *text = NULL;
    long bytes = BIO_get_mem_data(bio, &text);
    bool ok = durable_write(path, text, (size_t)bytes, e);

    OPENSSL_cleanse(text, (size_t)bytes);
    return ok;
}

static bool write_key(const char *path, EVP_PKEY *key, struct err *e)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    bool ok = (bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)
                  ? write_pem(path, bio, e)
                  : broken(e, path);

    BIO_free(bio);
    return ok;
}

static bool write_certificate(const char *path, X509 *certificate, struct err *e)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = (bio && PEM_write_bio_X509(bio, certificate) == 1) ? write_pem(path, bio, e)
                                                                 : broken(e, path);

    BIO_free(bio);
    return ok;
}

/* What is in a file; *out_text NULL where there is none. */
static bool read_pem(const char *path, char **out_text, BIO **out_bio, struct err *e)
{
    size_t bytes = 0;

    *out_bio = NULL;
    if (!durable_read(path, PEM_MAX_BYTES, out_text, &bytes, e))
        return false;
    if (*out_text)
        *out_bio = BIO_new_mem_buf(*out_text, (int)bytes);
    return true;
}

static void close_pem(char *text, BIO *bio)
{
    BIO_free(bio);
    if (text)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

/* What does not parse is as if it were not there. */
static bool read_pair(const char *key_path, const char *certificate_path, struct pair *out_pair,
                      struct err *e)
{
    char *text = NULL;
    BIO *bio = NULL;

    *out_pair = (struct pair){0};
    if (!read_pem(key_path, &text, &bio, e))
        return false;
    if (bio)
        out_pair->key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    close_pem(text, bio);
    text = NULL;
    if (!read_pem(certificate_path, &text, &bio, e))
        return false;
    if (bio)
        out_pair->certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    close_pem(text, bio);
    ERR_clear_error();
    return true;
}

/* ---- Making ---- */

static bool set_serial(X509 *certificate)
{
    unsigned char random[SERIAL_BYTES];
    BIGNUM *number;
    bool ok;

    if (RAND_bytes(random, SERIAL_BYTES) != 1)
        return false;
    random[0] &= 0x7f;
    number = BN_bin2bn(random, SERIAL_BYTES, NULL);
    ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return ok;
}

static bool set_names(X509 *certificate, const char *name, const X509 *issuer)
{
    X509_NAME *subject = X509_get_subject_name(certificate);

    return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1,
                                      -1, 0) == 1 &&
           X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer) : subject) == 1;
}

static bool set_times(X509 *certificate, uint64_t now_s, int days)
{
    return ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)now_s - CLOCK_SKEW_S) &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)now_s + (time_t)days * DAY_S);
}

static bool add_extensions(X509 *certificate, X509 *issuer, const struct extension *extensions)
{
    X509V3_CTX context;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    for (; extensions->value; extensions++) {
        X509_EXTENSION *one =
            X509V3_EXT_conf_nid(NULL, &context, extensions->nid, extensions->value);
        bool ok = one && X509_add_ext(certificate, one, -1) == 1;

        X509_EXTENSION_free(one);
        if (!ok)
            return false;
    }
    return true;
}

/* issuer: NULL = itself. */
static X509 *make_certificate(EVP_PKEY *key, const char *name, const struct pair *issuer,
                              uint64_t now_s)
{
    X509 *certificate = X509_new();
    X509 *by = issuer ? issuer->certificate : certificate;
    int days = issuer ? EMBEDDED_SERVER_DAYS : EMBEDDED_CA_DAYS;

    if (certificate && X509_set_version(certificate, X509_VERSION_3) == 1 &&
        set_serial(certificate) &&
        set_names(certificate, name, issuer ? issuer->certificate : NULL) &&
        set_times(certificate, now_s, days) && X509_set_pubkey(certificate, key) == 1 &&
        add_extensions(certificate, by, issuer ? of_server : of_authority) &&
        X509_sign(certificate, issuer ? issuer->key : key, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static bool make_pair(struct pair *pair, const char *name, const struct pair *issuer,
                      uint64_t now_s, struct err *e)
{
    pair_fini(pair);
    pair->key = EVP_EC_gen(CURVE);
    if (pair->key)
        pair->certificate = make_certificate(pair->key, name, issuer, now_s);
    return pair->certificate || broken(e, "a certificate");
}

/* ---- Keeping ---- */

static bool belongs(const struct pair *pair)
{
    return pair->key && pair->certificate &&
           X509_check_private_key(pair->certificate, pair->key) == 1;
}

static bool ends_within(const X509 *certificate, uint64_t now_s, int days)
{
    time_t then = (time_t)now_s + (time_t)days * DAY_S;

    return X509_cmp_time(X509_get0_notAfter(certificate), &then) <= 0;
}

/* The same name would let a client that knows an earlier authority take this one for it. */
static bool make_authority(struct pair *pair, uint64_t now_s, struct err *e)
{
    unsigned char random[4];
    char name[64];

    if (RAND_bytes(random, sizeof random) != 1)
        return broken(e, "a name");
    snprintf(name, sizeof name, "snapferryd on this machine %02x%02x%02x%02x", random[0], random[1],
             random[2], random[3]);
    return make_pair(pair, name, NULL, now_s, e);
}

static bool keep_authority(const char *key_path, const char *path, uint64_t now_s,
                           struct pair *out_pair, struct err *e)
{
    if (!read_pair(key_path, path, out_pair, e))
        return false;
    if (out_pair->certificate && !belongs(out_pair))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%.200s has no key beside it any more: remove it, and a new authority is "
                       "made that clients must be told of",
                       path);
    if (belongs(out_pair) && !ends_within(out_pair->certificate, now_s, EMBEDDED_SERVER_DAYS))
        return true;
    unlink(path); /* an old one must not stay beside a new key */
    return make_authority(out_pair, now_s, e) && write_key(key_path, out_pair->key, e) &&
           write_certificate(path, out_pair->certificate, e);
}

static bool keep_server(const struct embedded_ca *ca, const struct pair *authority, uint64_t now_s,
                        struct err *e)
{
    struct pair pair;
    bool ok = read_pair(ca->key, ca->certificate, &pair, e);

    if (ok && !(belongs(&pair) && X509_verify(pair.certificate, authority->key) == 1 &&
                !ends_within(pair.certificate, now_s, EMBEDDED_RENEW_DAYS)))
        ok = make_pair(&pair, "snapferryd", authority, now_s, e) &&
             write_key(ca->key, pair.key, e) &&
             write_certificate(ca->certificate, pair.certificate, e);
    pair_fini(&pair);
    ERR_clear_error();
    return ok;
}

static bool name_file(char out_path[PATH_MAX], const char *folder, const char *name, struct err *e)
{
    return snprintf(out_path, PATH_MAX, "%s/%s", folder, name) < PATH_MAX ||
           err_set(e, ERR_USAGE, RETRY_NEVER, "a path is too long: %.100s...", folder);
}

bool embedded_ca_keep(const char *folder, uint64_t now_s, struct embedded_ca *out_ca, struct err *e)
{
    char key_path[PATH_MAX];
    struct pair authority = {0};
    bool ok;

    ok = durable_make_folder(folder, e) && name_file(key_path, folder, "ca.key", e) &&
         name_file(out_ca->authority, folder, "ca.pem", e) &&
         name_file(out_ca->certificate, folder, "server.pem", e) &&
         name_file(out_ca->key, folder, "server.key", e) &&
         keep_authority(key_path, out_ca->authority, now_s, &authority, e) &&
         keep_server(out_ca, &authority, now_s, e);
    pair_fini(&authority);
    return ok;
}
