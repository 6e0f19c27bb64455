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
};

/* Writes all three into a new folder under TMPDIR. Aborts the test when it cannot. */
void test_ca_make(struct test_ca *ca);

#endif
