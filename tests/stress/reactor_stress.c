/* reactor_stress.c - threads that post to a reactor while it does file I/O, under ThreadSanitizer.
 *
 * A plain main, because Criterion does not start under ThreadSanitizer. Built with that sanitizer
 * whatever the preset; exit status 0 is success, a data race is a report and another status.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/reactor.h"

#define POSTERS     4u
#define POSTS       5000u
#define WRITES      300u
#define WRITE_BYTES 4096u

struct message {
    struct reactor_task task; /* first */
    unsigned *total;
};

struct poster {
    pthread_t thread;
    struct reactor *r;
    struct message messages[POSTS];
};

struct write_op {
    struct reactor_op op; /* first */
    unsigned *total;
};

static void count_message(struct reactor_task *task)
{
    ++*((struct message *)task)->total;
}

static void count_write(struct reactor_op *op)
{
    *((struct write_op *)op)->total += op->result == WRITE_BYTES;
}

static void *post_all(void *argument)
{
    struct poster *poster = argument;

    for (unsigned i = 0; i < POSTS; i++)
        reactor_post_remote(poster->r, &poster->messages[i].task, count_message);
    return NULL;
}

static bool run(enum reactor_backend backend, int fd, struct poster *posters, struct err *e)
{
    static const unsigned char bytes[WRITE_BYTES];
    struct write_op writes[WRITES] = {0};
    unsigned posted = 0, written = 0;
    struct clock clock;
    struct reactor *r;
    bool good = true;

    clock_init_real(&clock);
    r = reactor_new(backend, &clock, e);
    if (!r)
        return false;
    for (unsigned i = 0; i < WRITES; i++) {
        writes[i].total = &written;
        reactor_write(r, &writes[i].op, fd, bytes, sizeof bytes, i * 3072ull, -1, count_write);
    }
    for (unsigned i = 0; i < POSTERS; i++) {
        posters[i].r = r;
        for (unsigned j = 0; j < POSTS; j++)
            posters[i].messages[j] = (struct message){.total = &posted};
        good = pthread_create(&posters[i].thread, NULL, post_all, &posters[i]) == 0 && good;
    }
    while (good && (posted < POSTERS * POSTS || written < WRITES))
        good = reactor_turn(r, 30 * NS_PER_S, e);
    for (unsigned i = 0; i < POSTERS; i++)
        pthread_join(posters[i].thread, NULL);
    reactor_free(r);
    return good;
}

int main(void)
{
    struct poster *posters = calloc(POSTERS, sizeof *posters);
    const char *folder = getenv("TMPDIR");
    struct err e = {0};
    int fd = open(folder ? folder : "/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    bool good = posters && fd >= 0 && run(REACTOR_EPOLL, fd, posters, &e) &&
                run(REACTOR_AUTO, fd, posters, &e);

    if (!good)
        fprintf(stderr, "reactor_stress: %s\n", e.text);
    if (fd >= 0)
        close(fd);
    free(posters);
    return good ? 0 : 1;
}
