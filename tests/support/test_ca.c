/* test_ca.c - see test_ca.h. */
#include "tests/support/test_ca.h"

#include <criterion/criterion.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_SECONDS 86400L

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    cr_assert(extension);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
}

static X509 *new_cert(const char *name, long serial, EVP_PKEY *key)
{
    X509 *cert = X509_new();

    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), -DAY_SECONDS);
    X509_gmtime_adj(X509_getm_notAfter(cert), DAY_SECONDS);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    return cert;
}

static void write_cert(const char *path, X509 *cert)
{
    FILE *file = fopen(path, "w");

    cr_assert(file && PEM_write_X509(file, cert));
    fclose(file);
}

static void write_key(const char *path, EVP_PKEY *key)
{
    FILE *file = fopen(path, "w");

    cr_assert(file && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
    fclose(file);
    cr_assert_eq(chmod(path, 0600), 0); /* servers refuse a key that others may read */
}

static EVP_PKEY *read_key(const char *path)
{
    FILE *file = fopen(path, "r");
    EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;

    cr_assert(key);
    fclose(file);
    return key;
}

static X509 *read_cert(const char *path)
{
    FILE *file = fopen(path, "r");
    X509 *cert = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;

    cr_assert(cert);
    fclose(file);
    return cert;
}

static void key_id_of(EVP_PKEY *key, unsigned char out_id[32])
{
    unsigned char *der = NULL;
    int bytes = i2d_PUBKEY(key, &der);

    cr_assert(bytes > 0);
    SHA256(der, (size_t)bytes, out_id);
    OPENSSL_free(der);
}

void test_ca_issue(const struct test_ca *ca, const struct test_cert_wish *wish,
                   struct test_cert *out)
{
    bool lasting = wish->from_days || wish->until_days;
    EVP_PKEY *ca_key = read_key(ca->ca_key_file), *key = EVP_EC_gen("P-256");
    X509 *authority = read_cert(ca->ca_file), *cert = new_cert(wish->name, 0, key);
    unsigned serial;

    cr_assert_eq(getentropy(&serial, sizeof serial), 0);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
    if (lasting) {
        X509_gmtime_adj(X509_getm_notBefore(cert), wish->from_days * DAY_SECONDS);
        X509_gmtime_adj(X509_getm_notAfter(cert), wish->until_days * DAY_SECONDS);
    }
    if (wish->second_name)
        X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                                   (const unsigned char *)wish->second_name, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(authority));
    if (wish->purpose)
        add_extension(cert, authority, NID_ext_key_usage, wish->purpose);
    cr_assert(X509_sign(cert, ca_key, EVP_sha256()));
    snprintf(out->cert_file, sizeof out->cert_file, "%.480s.%08x", ca->cert_file, serial);
    snprintf(out->key_file, sizeof out->key_file, "%.480s.%08x", ca->key_file, serial);
    write_cert(out->cert_file, cert);
    write_key(out->key_file, key);
    key_id_of(key, out->key_id);
    X509_free(authority);
    X509_free(cert);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
}

void test_ca_make(struct test_ca *ca)
{
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    X509 *authority = new_cert("snapferry test authority", 1, ca_key);
    X509 *cert = new_cert("127.0.0.1", 2, key);
    char folder[TEST_CA_PATH_MAX_BYTES - 16];

    snprintf(folder, sizeof folder, "%s/ca.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    cr_assert(mkdtemp(folder));
    snprintf(ca->ca_file, sizeof ca->ca_file, "%s/ca.pem", folder);
    snprintf(ca->cert_file, sizeof ca->cert_file, "%s/cert.pem", folder);
    snprintf(ca->key_file, sizeof ca->key_file, "%s/key.pem", folder);
    snprintf(ca->ca_key_file, sizeof ca->ca_key_file, "%s/ca-key.pem", folder);
    X509_set_issuer_name(authority, X509_get_subject_name(authority));
    add_extension(authority, authority, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(authority, authority, NID_key_usage, "critical,keyCertSign,cRLSign");
    cr_assert(X509_sign(authority, ca_key, EVP_sha256()));
    X509_set_issuer_name(cert, X509_get_subject_name(authority));
    add_extension(cert, authority, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
    cr_assert(X509_sign(cert, ca_key, EVP_sha256()));
    write_cert(ca->ca_file, authority);
    write_cert(ca->cert_file, cert);
    write_key(ca->key_file, key);
    write_key(ca->ca_key_file, ca_key);
    X509_free(authority);
    X509_free(cert);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
}
