/* test_ca.h - a certificate authority of one's own, and one certificate for 127.0.0.1.
 *
 * Knows: OpenSSL. Must not know: who serves with it. Threads: one test's.
 */
#ifndef SUPPORT_TEST_CA_H
#define SUPPORT_TEST_CA_H

#define TEST_CA_PATH_MAX_BYTES 512u

struct test_ca {
    char ca_file[TEST_CA_PATH_MAX_BYTES];   /* PEM of the authority */
    char cert_file[TEST_CA_PATH_MAX_BYTES]; /* PEM for 127.0.0.1 and localhost */
    char key_file[TEST_CA_PATH_MAX_BYTES];
    char ca_key_file[TEST_CA_PATH_MAX_BYTES];
};

struct test_cert {
    char cert_file[TEST_CA_PATH_MAX_BYTES];
    char key_file[TEST_CA_PATH_MAX_BYTES];
    unsigned char key_id[32]; /* SHA-256 of its SubjectPublicKeyInfo */
};

struct test_cert_wish {
    const char *name;           /* common name */
    const char *second_name;    /* another common name; NULL: none */
    const char *purpose;        /* "clientAuth", "serverAuth"; NULL: any */
    long from_days, until_days; /* from now; both 0: yesterday to tomorrow */
};

/* Writes all into a new folder under TMPDIR. Aborts the test when it cannot. */
void test_ca_make(struct test_ca *ca);

/* One more certificate of this authority, in the same folder. */
void test_ca_issue(const struct test_ca *ca, const struct test_cert_wish *wish,
                   struct test_cert *out);

#endif
