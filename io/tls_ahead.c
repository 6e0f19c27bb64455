/* tls_ahead.c - see tls_ahead.h. */
#include "io/tls_ahead.h"

#include <openssl/ssl.h>
#include <string.h>

/* Two full records: with more, what is not yet decrypted is moved to the front so often that it costs what
 * the calls saved. */
#define BUFFER_BYTES (2u * (SSL3_RT_HEADER_LENGTH + SSL3_RT_MAX_ENCRYPTED_LENGTH))
/* More than the records a full buffer can hold, the smallest having a head and a tag: whoever has looked so
 * often, with no byte come, looks at what libcurl does not want now. */
#define RECORD_MIN_BYTES (SSL3_RT_HEADER_LENGTH + 16u)
#define IDLE_LOOKS_MAX   (BUFFER_BYTES / RECORD_MIN_BYTES + 1u)

#define LIBCURL_NAME "OpenSSL/"

/* A libcurl of another OpenSSL, or of a fork of it, has objects of another shape. */
bool tls_ahead_is_possible(void)
{
    const char *theirs = curl_version_info(CURLVERSION_NOW)->ssl_version;

    return theirs && strncmp(theirs, LIBCURL_NAME, strlen(LIBCURL_NAME)) == 0 &&
           strcmp(theirs + strlen(LIBCURL_NAME), OpenSSL_version(OPENSSL_VERSION_STRING)) == 0;
}

static CURLcode on_context(CURL *easy, void *context, void *user)
{
    (void)easy, (void)user;
    SSL_CTX_set_read_ahead((SSL_CTX *)context, 1);
    SSL_CTX_set_default_read_buffer_len(context, BUFFER_BYTES);
    return CURLE_OK;
}

CURLcode tls_ahead_enable(CURL *easy)
{
    if (!tls_ahead_is_possible())
        return CURLE_OK;
    return curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_context);
}

/* NULL: there is none, or none that reads ahead. */
static SSL *connection_of(CURL *easy)
{
    struct curl_tlssessioninfo *info = NULL;
    SSL *ssl = NULL;

    if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &info) == CURLE_OK && info &&
        info->backend == CURLSSLBACKEND_OPENSSL)
        ssl = info->internals;
    return ssl && SSL_get_rbio(ssl) && SSL_get_read_ahead(ssl) ? ssl : NULL;
}

bool tls_ahead_look(struct tls_ahead *ahead, CURL *easy)
{
    SSL *ssl = connection_of(easy);
    uint64_t read_bytes = ssl ? BIO_number_read(SSL_get_rbio(ssl)) : 0;
    bool came = ssl && ahead->connection == ssl && ahead->read_bytes != read_bytes;

    ahead->connection = ssl;
    ahead->read_bytes = read_bytes;
    /* Wanting to read: the last thing libcurl got from OpenSSL was that the socket is to be waited for. */
    if (!ssl || came || SSL_want_read(ssl))
        ahead->idle_looks = 0;
    if (!ssl || SSL_want_read(ssl))
        return false;
    /* libcurl stops after so many records to be fair to others, and goes on by its timer, where nobody
     * looks after it. So where bytes came it is asked again until it has seen the end of them. */
    return came || (SSL_has_pending(ssl) && ahead->idle_looks++ < IDLE_LOOKS_MAX);
}
