/* record_server.c - see record_server.h. */
#include "record_server.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_MAX_BYTES 65536u

struct record_server {
    const struct record_answer *answers;
    size_t answer_count;
    atomic_uint requests, sent;
    atomic_bool released;
    SSL_CTX *context;
    int listener;
    uint16_t port;
    pthread_t thread;
    atomic_uint connections;
};

/* False: the client is gone. */
static bool read_head(SSL *ssl)
{
    char head[HEAD_MAX_BYTES];
    size_t used = 0;

    while (used < 4 || memcmp(head + used - 4, "\r\n\r\n", 4) != 0)
        if (used == sizeof head || SSL_read(ssl, head + used++, 1) <= 0)
            return false;
    return true;
}

static void write_records(SSL *ssl, const struct record_answer *a)
{
    size_t left = a->count ? a->count : strlen(a->bytes);
    size_t other = a->record_bytes ? a->record_bytes : SSL3_RT_MAX_PLAIN_LENGTH;
    size_t next = a->first_record ? a->first_record : other;
    const char *at = a->bytes;

    if (a->ticket)
        SSL_new_session_ticket(ssl);
    while (left > 0) {
        size_t step = next < left ? next : left;

        if (SSL_write(ssl, at, (int)step) != (int)step)
            return; /* the client will miss it */
        at += step;
        left -= step;
        next = other;
    }
    if (a->close)
        SSL_shutdown(ssl);
}

static bool send_all(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        bytes += sent;
        count -= (size_t)sent;
    }
    return true;
}

/* Into memory first, so that the records of an answer leave together. */
static bool answer(struct record_server *server, SSL *ssl, int fd)
{
    size_t last = server->answer_count - 1;
    size_t i = atomic_fetch_add(&server->requests, 1);
    const struct record_answer *a = &server->answers[i < last ? i : last];
    BIO *records = BIO_new(BIO_s_mem());
    char *bytes;
    size_t count;
    bool sent;

    while (a->held && !atomic_load(&server->released))
        usleep(1000);
    BIO_up_ref(records);
    SSL_set0_wbio(ssl, records);
    write_records(ssl, a);
    count = (size_t)BIO_get_mem_data(records, &bytes);
    sent = send_all(fd, bytes, count - a->held_bytes);
    atomic_fetch_add(&server->sent, 1);
    SSL_set0_wbio(ssl, BIO_new_socket(fd, BIO_NOCLOSE));
    BIO_free(records);
    return sent && !a->close;
}

static void serve(struct record_server *server, int fd)
{
    SSL *ssl = SSL_new(server->context);

    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1)
        while (read_head(ssl) && answer(server, ssl, fd))
            ;
    SSL_free(ssl);
}

static void *run(void *context)
{
    struct record_server *server = context;
    int fd;

    while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
        atomic_fetch_add(&server->connections, 1);
        serve(server, fd);
        close(fd);
    }
    return NULL;
}

struct record_server *record_server_start(const struct test_ca *ca,
                                          const struct record_answer *answers, size_t count)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t at_bytes = sizeof at;
    struct record_server *server = calloc(1, sizeof *server);

    server->answers = answers;
    server->answer_count = count;
    server->context = SSL_CTX_new(TLS_server_method());
    cr_assert_eq(SSL_CTX_use_certificate_file(server->context, ca->cert_file, SSL_FILETYPE_PEM), 1);
    cr_assert_eq(SSL_CTX_use_PrivateKey_file(server->context, ca->key_file, SSL_FILETYPE_PEM), 1);
    SSL_CTX_set_num_tickets(server->context, 0); /* only where an answer says so */
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(server->listener, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(server->listener, 16), 0);
    cr_assert_eq(getsockname(server->listener, (struct sockaddr *)&at, &at_bytes), 0);
    server->port = ntohs(at.sin_port);
    cr_assert_eq(pthread_create(&server->thread, NULL, run, server), 0);
    return server;
}

void record_server_stop(struct record_server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    SSL_CTX_free(server->context);
    free(server);
}

void record_server_release(struct record_server *server)
{
    atomic_store(&server->released, true);
}

unsigned record_server_sent_count(const struct record_server *server)
{
    return atomic_load(&server->sent);
}

unsigned record_server_request_count(const struct record_server *server)
{
    return atomic_load(&server->requests);
}

uint16_t record_server_port(const struct record_server *server)
{
    return server->port;
}

unsigned record_server_connection_count(const struct record_server *server)
{
    return atomic_load(&server->connections);
}
