/* embedded_ca_test.c - an authority of our own: what is made, what is kept, what is made anew. */
#include "tools/controld/embedded_ca.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/durable.h"

#define NOW_S 1767225600ull /* 2026-01-01 */
#define DAY   86400ull

static char folder[PATH_MAX];

static void setup(void)
{
    const char *top = getenv("TMPDIR");

    snprintf(folder, sizeof folder, "%s/ca.XXXXXX", top ? top : "/var/tmp");
    cr_assert(mkdtemp(folder));
}

static void teardown(void)
{
    char command[PATH_MAX + 20];

    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(embedded_ca, .init = setup, .fini = teardown);

static struct embedded_ca keep(uint64_t now_s)
{
    struct embedded_ca ca;
    struct err e = {0};

    cr_assert(embedded_ca_keep(folder, now_s, &ca, &e), "%s", e.text);
    return ca;
}

static char *text_of(const char *path)
{
    char *text = NULL;
    size_t bytes = 0;
    struct err e = {0};

    cr_assert(durable_read(path, 100000, &text, &bytes, &e) && text, "%s", path);
    return text;
}

static X509 *certificate_of(const char *path)
{
    FILE *file = fopen(path, "r");
    X509 *certificate;

    cr_assert(file, "%s", path);
    certificate = PEM_read_X509(file, NULL, NULL, NULL);
    cr_assert(certificate);
    fclose(file);
    return certificate;
}

/* As a client that trusts the authority sees the server at this moment. */
static int verdict(const struct embedded_ca *ca, uint64_t now_s, const char *address)
{
    X509 *authority = certificate_of(ca->authority), *server = certificate_of(ca->certificate);
    X509_STORE *trusted = X509_STORE_new();
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    int result;

    X509_STORE_add_cert(trusted, authority);
    X509_STORE_CTX_init(check, trusted, server, NULL);
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(check), (time_t)now_s);
    X509_VERIFY_PARAM_set1_ip_asc(X509_STORE_CTX_get0_param(check), address);
    X509_STORE_CTX_set_purpose(check, X509_PURPOSE_SSL_SERVER);
    X509_verify_cert(check);
    result = X509_STORE_CTX_get_error(check);
    X509_STORE_CTX_free(check);
    X509_STORE_free(trusted);
    X509_free(authority);
    X509_free(server);
    return result;
}

static void same_file(const char *path, const char *before, bool wanted)
{
    char *now = text_of(path);

    cr_assert_eq(strcmp(now, before) == 0, wanted, "%s", path);
    free(now);
}

Test(embedded_ca, vouches_for_this_machine_and_no_other)
{
    struct embedded_ca ca = keep(NOW_S);
    struct stat st;

    cr_assert_eq(verdict(&ca, NOW_S, "127.0.0.1"), X509_V_OK);
    cr_assert_eq(verdict(&ca, NOW_S, "::1"), X509_V_OK);
    cr_assert_eq(verdict(&ca, NOW_S, "10.0.0.4"), X509_V_ERR_IP_ADDRESS_MISMATCH);
    cr_assert_eq(verdict(&ca, NOW_S + EMBEDDED_SERVER_DAYS * DAY, "127.0.0.1"),
                 X509_V_ERR_CERT_HAS_EXPIRED);
    cr_assert_eq(stat(ca.key, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
}

Test(embedded_ca, is_kept_and_its_servers_certificate_is_renewed)
{
    struct embedded_ca ca = keep(NOW_S);
    char *authority = text_of(ca.authority), *server = text_of(ca.certificate);
    uint64_t later_s = NOW_S + (EMBEDDED_SERVER_DAYS - EMBEDDED_RENEW_DAYS) * DAY;

    keep(later_s - DAY);
    same_file(ca.certificate, server, true);
    keep(later_s + DAY);
    same_file(ca.authority, authority, true);
    same_file(ca.certificate, server, false);
    cr_assert_eq(verdict(&ca, later_s + 60 * DAY, "127.0.0.1"), X509_V_OK);
    free(authority);
    free(server);
}

Test(embedded_ca, near_its_own_end_there_is_a_new_one)
{
    struct embedded_ca ca = keep(NOW_S);
    char *authority = text_of(ca.authority);

    keep(NOW_S + (EMBEDDED_CA_DAYS - 300) * DAY);
    same_file(ca.authority, authority, false);
    cr_assert_eq(verdict(&ca, NOW_S + EMBEDDED_CA_DAYS * DAY, "127.0.0.1"), X509_V_OK);
    free(authority);
}

/* Each file missing, as a kill between two of them leaves it, and each cut short. */
Test(embedded_ca, what_a_kill_left_is_completed)
{
    const char *names[] = {"server.pem", "server.key", "ca.pem"};
    struct embedded_ca ca = keep(NOW_S);
    char path[2 * PATH_MAX];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        cr_assert_eq(unlink(path), 0);
        keep(NOW_S);
        cr_assert_eq(verdict(&ca, NOW_S, "127.0.0.1"), X509_V_OK, "%s", names[i]);
        cr_assert_eq(truncate(path, 40), 0);
        keep(NOW_S);
        cr_assert_eq(verdict(&ca, NOW_S, "127.0.0.1"), X509_V_OK, "%s", names[i]);
    }
}

Test(embedded_ca, an_authority_that_lost_its_key_is_not_replaced_unasked)
{
    struct embedded_ca ca = keep(NOW_S), again;
    struct err e = {0};
    char path[2 * PATH_MAX];

    snprintf(path, sizeof path, "%s/ca.key", folder);
    cr_assert_eq(unlink(path), 0);
    cr_assert(!embedded_ca_keep(folder, NOW_S, &again, &e));
    cr_assert_eq(e.kind, ERR_USAGE);
    cr_assert(strstr(e.text, ca.authority), "%s", e.text);
}
