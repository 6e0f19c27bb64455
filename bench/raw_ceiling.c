/* raw_ceiling.c - what this machine and this server can carry: the figure an engine is measured by.
 *
 * One thread, epoll, N connections, requests built before the clock starts, bodies received into (or
 * sent from) one 4 MiB buffer a connection, nothing hashed, nothing checked but status and length. TLS
 * by OpenSSL on the same sockets. Must not know: snapferry's data path.
 *
 *   raw_ceiling read|write env:URL SIZE_BYTES CONNECTIONS [--no-crc|--checks]
 *
 * --checks: what reads also does what snapferry does with the bytes, CRC64 of each range and XXH3-128 of each
 * 64 KiB, in the cache as they come: what a range reader without libcurl would reach.
 *
 * Prints one JSON line. Exit 1 when an answer is not what it must be.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "blockmap/digest.h"
#include "io/clock.h"
#include "io/crc64.h"
#include "io/secret.h"

#define CEILING_CHUNK_BYTES     (4u << 20)
#define CEILING_CHECK_BYTES     (128u << 10) /* received at once, where they are checked */
#define CEILING_HEAD_MAX_BYTES  16384u
#define CEILING_CONNECTIONS_MAX 256u

enum phase { PHASE_SEND, PHASE_SEND_BODY, PHASE_HEAD, PHASE_BODY };

struct ceiling {
    bool writing, tls, crc, checks;
    unsigned char checked; /* of all hashes, so that they are not left out */
    struct secret_url url;
    char host[256], port[16], path[4096];
    uint64_t size_bytes, next_offset, done_bytes;
    char **requests; /* one a chunk, built before the clock starts */
    unsigned char *body;
    SSL_CTX *tls_context;
    int epoll;
};

struct connection {
    struct ceiling *ceiling;
    int fd;
    SSL *ssl;
    enum phase phase;
    const char *request;
    size_t request_bytes, at;                  /* at: bytes of the phase done */
    size_t body_bytes;                         /* of the answer */
    uint64_t chunk_bytes, summed_bytes, crc64; /* of the chunk */
    char head[CEILING_HEAD_MAX_BYTES];
    size_t head_bytes;
    unsigned char *buffer;
    bool idle;
};

static void die(const char *what)
{
    fprintf(stderr, "raw_ceiling: %s\n", what);
    exit(1);
}

static uint64_t chunk_length(const struct ceiling *c, uint64_t offset)
{
    uint64_t left = c->size_bytes - offset;

    return left < CEILING_CHUNK_BYTES ? left : CEILING_CHUNK_BYTES;
}

static char *build_request(const struct ceiling *c, uint64_t offset)
{
    unsigned long long first = offset, last = offset + chunk_length(c, offset) - 1;
    char crc[64 + CRC64_HEADER_MAX_BYTES] = "", value[CRC64_HEADER_MAX_BYTES];
    char *text = NULL;

    if (c->crc && c->writing) {
        crc64_to_header(crc64_update(0, c->body, (size_t)chunk_length(c, offset)), value);
        snprintf(crc, sizeof crc, "x-ms-content-crc64: %s\r\n", value);
    } else if (c->crc) {
        snprintf(crc, sizeof crc, "x-ms-range-get-content-crc64: true\r\n");
    }
    if (asprintf(&text,
                 "%s %s?%s%s HTTP/1.1\r\nHost: %s:%s\r\nx-ms-version: 2021-12-02\r\n"
                 "x-ms-range: bytes=%llu-%llu\r\n%s%s%s%llu\r\n\r\n",
                 c->writing ? "PUT" : "GET", c->path, c->url.query, c->writing ? "&comp=page" : "",
                 c->host, c->port, first, last, crc,
                 c->writing ? "x-ms-page-write: update\r\n" : "",
                 c->writing ? "Content-Length: " : "x-bench: ",
                 c->writing ? (unsigned long long)chunk_length(c, offset) : 0ull) < 0)
        die("no memory");
    return text;
}

static void build_requests(struct ceiling *c)
{
    uint64_t count = (c->size_bytes + CEILING_CHUNK_BYTES - 1) / CEILING_CHUNK_BYTES;

    c->requests = calloc(count, sizeof *c->requests);
    if (!c->requests)
        die("no memory");
    for (uint64_t i = 0; i < count; i++)
        c->requests[i] = build_request(c, i * CEILING_CHUNK_BYTES);
}

static void split_address(struct ceiling *c)
{
    const char *at = strstr(c->url.address, "://") + 3;
    const char *slash = strchr(at, '/');
    const char *colon = memchr(at, ':', slash ? (size_t)(slash - at) : strlen(at));

    if (!slash || !colon)
        die("the URL must be http(s)://HOST:PORT/PATH?SAS");
    snprintf(c->host, sizeof c->host, "%.*s", (int)(colon - at), at);
    snprintf(c->port, sizeof c->port, "%.*s", (int)(slash - colon - 1), colon + 1);
    snprintf(c->path, sizeof c->path, "%s", slash);
    c->tls = strncmp(c->url.address, "https", 5) == 0;
}

static void connection_open(struct connection *k, struct ceiling *c)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = k};
    int one = 1;

    k->ceiling = c;
    if (getaddrinfo(c->host, c->port, &hints, &list) != 0)
        die("the host is not known");
    k->fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (k->fd < 0 || connect(k->fd, list->ai_addr, list->ai_addrlen) != 0)
        die("cannot connect");
    freeaddrinfo(list);
    setsockopt(k->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (c->tls) {
        k->ssl = SSL_new(c->tls_context);
        if (!k->ssl || SSL_set_fd(k->ssl, k->fd) != 1 || SSL_connect(k->ssl) != 1)
            die("TLS cannot be set up");
    }
    fcntl(k->fd, F_SETFL, fcntl(k->fd, F_GETFL) | O_NONBLOCK);
    k->buffer = aligned_alloc(4096, CEILING_CHUNK_BYTES);
    if (!k->buffer || epoll_ctl(c->epoll, EPOLL_CTL_ADD, k->fd, &event) != 0)
        die("no memory");
    memset(k->buffer, 0, CEILING_CHUNK_BYTES);
}

/* Bytes moved, 0 = would block. */
static size_t connection_send(struct connection *k, const void *bytes, size_t count)
{
    ssize_t done;

    if (k->ssl) {
        int sent = SSL_write(k->ssl, bytes, (int)count);
        int why = sent > 0 ? 0 : SSL_get_error(k->ssl, sent);

        if (sent <= 0 && why != SSL_ERROR_WANT_WRITE && why != SSL_ERROR_WANT_READ)
            die("TLS broke while sending");
        return sent > 0 ? (size_t)sent : 0;
    }
    done = send(k->fd, bytes, count, MSG_NOSIGNAL);
    if (done < 0 && errno != EAGAIN)
        die("the connection broke while sending");
    return done > 0 ? (size_t)done : 0;
}

static size_t connection_receive(struct connection *k, void *bytes, size_t count)
{
    ssize_t done;

    if (k->ssl) {
        int got = SSL_read(k->ssl, bytes, (int)count);
        int why = got > 0 ? 0 : SSL_get_error(k->ssl, got);

        if (got <= 0 && why != SSL_ERROR_WANT_WRITE && why != SSL_ERROR_WANT_READ)
            die("TLS broke while receiving");
        return got > 0 ? (size_t)got : 0;
    }
    done = recv(k->fd, bytes, count, 0);
    if (done == 0 || (done < 0 && errno != EAGAIN))
        die("the connection broke while receiving");
    return done > 0 ? (size_t)done : 0;
}

static bool connection_begin(struct connection *k)
{
    struct ceiling *c = k->ceiling;

    if (c->next_offset >= c->size_bytes) {
        k->idle = true;
        return false;
    }
    k->request = c->requests[c->next_offset / CEILING_CHUNK_BYTES];
    k->request_bytes = strlen(k->request);
    k->chunk_bytes = chunk_length(c, c->next_offset);
    c->next_offset += k->chunk_bytes;
    k->phase = PHASE_SEND;
    k->at = 0;
    k->head_bytes = 0;
    k->summed_bytes = k->crc64 = 0;
    return true;
}

static void connection_parse_head(struct connection *k, size_t head_end)
{
    const char *length;
    size_t extra = k->head_bytes - head_end;

    k->head[head_end - 1] = '\0';
    if (strncmp(k->head, k->ceiling->writing ? "HTTP/1.1 201" : "HTTP/1.1 206", 12) != 0) {
        fprintf(stderr, "%.200s\n", k->head);
        die("the server refused a request");
    }
    length = strcasestr(k->head, "\r\nContent-Length:");
    k->body_bytes = length ? strtoull(length + 17, NULL, 10) : 0;
    if (k->body_bytes != (k->ceiling->writing ? 0 : k->chunk_bytes))
        die("the answer has the wrong length");
    memcpy(k->buffer, k->head + head_end, extra);
    k->at = extra;
    k->phase = PHASE_BODY;
}

/* Whole blocks of what came; with the last byte all of it. */
static void connection_check(struct connection *k)
{
    size_t end = k->at == k->body_bytes ? k->at : k->at / DIGEST_BLOCK_BYTES * DIGEST_BLOCK_BYTES;

    while (k->summed_bytes < end) {
        size_t left = end - k->summed_bytes;
        size_t step = left < DIGEST_BLOCK_BYTES ? left : DIGEST_BLOCK_BYTES;
        const unsigned char *bytes = k->buffer + k->summed_bytes;
        struct block_hash hash = digest_block_padded(bytes, step);

        k->crc64 = crc64_update(k->crc64, bytes, step);
        k->ceiling->checked ^= hash.bytes[0];
        k->summed_bytes += step;
    }
    if (k->at == k->body_bytes)
        k->ceiling->checked ^= (unsigned char)k->crc64;
}

static bool connection_receive_body(struct connection *k)
{
    size_t room = k->body_bytes - k->at;
    size_t moved;

    if (k->ceiling->checks && room > CEILING_CHECK_BYTES)
        room = CEILING_CHECK_BYTES;
    moved = connection_receive(k, k->buffer + k->at, room);
    k->at += moved;
    if (k->ceiling->checks && moved > 0)
        connection_check(k);
    return moved > 0;
}

static bool connection_receive_head(struct connection *k)
{
    size_t got = connection_receive(k, k->head + k->head_bytes, sizeof k->head - k->head_bytes);
    char *end;

    if (got == 0)
        return false;
    k->head_bytes += got;
    end = memmem(k->head, k->head_bytes, "\r\n\r\n", 4);
    if (end)
        connection_parse_head(k, (size_t)(end - k->head) + 4);
    else if (k->head_bytes == sizeof k->head)
        die("the answer's head is too large");
    return true;
}

/* One move of the connection; false when it would block or has nothing left to do. */
static bool connection_step(struct connection *k)
{
    struct ceiling *c = k->ceiling;
    size_t moved;

    switch (k->phase) {
    case PHASE_SEND:
        moved = connection_send(k, k->request + k->at, k->request_bytes - k->at);
        k->at += moved;
        if (k->at == k->request_bytes) {
            k->phase = c->writing ? PHASE_SEND_BODY : PHASE_HEAD;
            k->at = 0;
        }
        return moved > 0;
    case PHASE_SEND_BODY:
        moved = connection_send(k, c->body + k->at, k->chunk_bytes - k->at);
        k->at += moved;
        if (k->at == k->chunk_bytes)
            k->phase = PHASE_HEAD;
        return moved > 0;
    case PHASE_HEAD:
        return connection_receive_head(k);
    case PHASE_BODY:
        if (k->at < k->body_bytes)
            return connection_receive_body(k);
        c->done_bytes += k->chunk_bytes;
        return connection_begin(k);
    }
    return false;
}

static void run(struct ceiling *c, struct connection *connections, unsigned count)
{
    struct epoll_event events[CEILING_CONNECTIONS_MAX];

    for (unsigned i = 0; i < count; i++)
        if (connection_begin(&connections[i]))
            while (connection_step(&connections[i]))
                continue;
    while (c->done_bytes < c->size_bytes) {
        int ready = epoll_wait(c->epoll, events, CEILING_CONNECTIONS_MAX, 30000);

        if (ready <= 0)
            die("nothing moved for 30 seconds");
        for (int i = 0; i < ready; i++) {
            struct connection *k = events[i].data.ptr;

            while (!k->idle && connection_step(k))
                continue;
        }
    }
}

static void prepare(struct ceiling *c, char **argv)
{
    struct err e = {0};
    char *text = NULL;

    if (!secret_resolve(argv[2], &text, &e) || !secret_url_parse(text, &c->url, &e))
        die(e.text);
    secret_wipe_free(text);
    split_address(c);
    c->size_bytes = strtoull(argv[3], NULL, 10);
    c->body = aligned_alloc(4096, CEILING_CHUNK_BYTES);
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!c->body || c->epoll < 0 || c->size_bytes == 0 || c->size_bytes % 512)
        die("the size must be a multiple of 512");
    for (size_t i = 0; i < CEILING_CHUNK_BYTES; i++)
        c->body[i] = (unsigned char)((i * 2654435761u) >> 13);
    build_requests(c);
    if (c->tls) {
        c->tls_context = SSL_CTX_new(TLS_client_method());
        if (!c->tls_context)
            die("no memory");
        SSL_CTX_set_mode(c->tls_context,
                         SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        /* A figure for bytes moved, on loopback: the certificate is not what is measured. */
        SSL_CTX_set_verify(c->tls_context, SSL_VERIFY_NONE, NULL);
    }
}

static void clean_up(struct ceiling *c, struct connection *connections, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        SSL_free(connections[i].ssl);
        close(connections[i].fd);
        free(connections[i].buffer);
    }
    for (uint64_t at = 0; at < c->size_bytes; at += CEILING_CHUNK_BYTES)
        free(c->requests[at / CEILING_CHUNK_BYTES]);
    SSL_CTX_free(c->tls_context);
    secret_url_fini(&c->url);
    free(connections);
    free(c->requests);
    free(c->body);
    close(c->epoll);
}

int main(int argc, char **argv)
{
    struct ceiling ceiling = {0};
    struct connection *connections;
    struct clock clock;
    unsigned count;
    uint64_t began_ns, began_cpu_ns, took_ns, cpu_ns;

    if (argc < 5) {
        fprintf(stderr, "usage: raw_ceiling read|write env:URL SIZE_BYTES CONNECTIONS "
                        "[--no-crc|--checks]\n");
        return 2;
    }
    ceiling.writing = strcmp(argv[1], "write") == 0;
    ceiling.crc = argc < 6 || strcmp(argv[5], "--no-crc") != 0;
    ceiling.checks = argc > 5 && strcmp(argv[5], "--checks") == 0;
    prepare(&ceiling, argv);
    count = (unsigned)strtoul(argv[4], NULL, 10);
    if (count == 0 || count > CEILING_CONNECTIONS_MAX)
        die("1 to 256 connections");
    connections = calloc(count, sizeof *connections);
    for (unsigned i = 0; connections && i < count; i++)
        connection_open(&connections[i], &ceiling);
    clock_init_real(&clock);
    began_ns = clock_now_ns(&clock);
    began_cpu_ns = clock_process_cpu_ns();
    run(&ceiling, connections, count);
    took_ns = clock_now_ns(&clock) - began_ns;
    cpu_ns = clock_process_cpu_ns() - began_cpu_ns;
    printf("{\"mode\":\"%s\",\"tls\":%s,\"connections\":%u,\"bytes\":%llu,\"seconds\":%.4f,"
           "\"mb_per_s\":%.1f,\"cpu_seconds\":%.4f}\n",
           argv[1], ceiling.tls ? "true" : "false", count, (unsigned long long)ceiling.done_bytes,
           (double)took_ns / 1e9, (double)ceiling.done_bytes * 1e3 / (double)took_ns,
           (double)cpu_ns / 1e9);
    clean_up(&ceiling, connections, count);
    return 0;
}
