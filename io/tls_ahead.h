/* tls_ahead.h - TLS read ahead of libcurl: many records by one call, and none of them forgotten.
 *
 * Knows:         OpenSSL's connection under a libcurl handle. The only file of io that calls SSL_*.
 * Must not know: sockets, transfers, what the bytes are for.
 * Threads:       that of the handle.
 *
 * A record has at most 16 KiB, and OpenSSL fetches each by two calls, its head and its body. Told to read
 * ahead it takes what has come, up to its buffer. libcurl does not know of that: it asks OpenSSL for one
 * record and then waits for the socket, which stays silent when the rest of the answer is in the buffer
 * already. So whoever waits for such a socket asks tls_ahead_look first.
 */
#ifndef IO_TLS_AHEAD_H
#define IO_TLS_AHEAD_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

/* Of one transfer on one connection; begins as zeroes. */
struct tls_ahead {
    const void *connection; /* whose bytes are counted */
    uint64_t read_bytes;    /* off the socket, at the last look */
    unsigned idle_looks;    /* that found the buffer filled and no byte come since */
};

/* Whether libcurl's TLS is the OpenSSL we are linked with; it stays so. */
bool tls_ahead_is_possible(void);

/* Lets connections made for this handle read ahead, where that is possible. */
CURLcode tls_ahead_enable(CURL *easy);

/* True: libcurl is to be told that the socket can be read, and then asked about again. False: nothing is
 * left that could be taken without the socket, or libcurl does not take it. `easy` is a transfer under
 * way, outside of libcurl's callbacks; over plain HTTP always false. Only where it is possible. */
bool tls_ahead_look(struct tls_ahead *ahead, CURL *easy);

#endif
