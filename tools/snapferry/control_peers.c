/* control_peers.c - see control_peers.h. */
#include "tools/snapferry/control_peers.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/control.h"
#include "engine/event_out.h"
#include "io/control_socket.h"
#include "io/line_reader.h"

#define LOOK_NS (100ull * NS_PER_MS) /* between two looks at who is held, slow or gone */

struct peer {
    struct event_sink sink; /* first; is given its answers by the run */
    struct control_peers *all;
    int fd;
    struct event_out *out; /* NULL: it was cut, and the descriptor closed */
    struct line_reader *reader;
    uint64_t asked, answered;
    uint64_t stuck_since_ns; /* answers wait since then; 0: none do */
    bool said_all;           /* it sends nothing more */
    struct peer *next;
};

struct control_peers {
    struct reactor *reactor;
    struct run *run;
    struct control_socket *socket; /* NULL after finish */
    struct peer *first;
    unsigned count;
    struct timer timer; /* while there are peers */
    bool finishing, held;
    uint64_t finish_due_ns;
};

/* ---- One peer ---- */

static void peer_take(struct event_sink *sink, const struct event *event, const char *line,
                      size_t bytes)
{
    struct peer *peer = (struct peer *)sink;
    struct event_sink *out = event_out_sink(peer->out);

    peer->answered++;
    out->take(out, event, line, bytes);
    if (event_out_count(peer->out).bytes > CONTROL_PEER_WAITING_BYTES)
        line_reader_hold(peer->reader, true);
}

static void on_line(void *arg, const char *line, size_t bytes)
{
    struct peer *peer = arg;

    peer->asked++;
    run_command(peer->all->run, line, bytes, &peer->sink);
}

static void on_too_long(void *arg, uint64_t bytes, size_t max_bytes)
{
    struct peer *peer = arg;
    char why[128];

    snprintf(why, sizeof why, "the line has %" PRIu64 " bytes, and a command has at most %zu",
             bytes, max_bytes);
    peer->asked++;
    run_refuse_line(peer->all->run, why, &peer->sink);
}

static void on_ended(void *arg, const struct err *error)
{
    struct peer *peer = arg;

    (void)error; /* its own affair */
    peer->said_all = true;
}

/* No more of it; what it has not taken is lost. */
static void cut(struct peer *peer)
{
    line_reader_stop(peer->reader);
    run_remove_sink(peer->all->run, &peer->sink);
    event_out_free(peer->out);
    peer->out = NULL;
    close(peer->fd);
}

static bool is_stuck(struct peer *peer, uint64_t now_ns)
{
    if (event_out_idle(peer->out))
        peer->stuck_since_ns = 0;
    else if (peer->stuck_since_ns == 0)
        peer->stuck_since_ns = now_ns;
    return peer->stuck_since_ns && now_ns - peer->stuck_since_ns > CONTROL_PEER_STUCK_NS;
}

static bool is_through(const struct peer *peer)
{
    return peer->asked == peer->answered && event_out_idle(peer->out) &&
           (peer->said_all || peer->all->finishing);
}

static void look_at(struct peer *peer, uint64_t now_ns)
{
    struct control_peers *all = peer->all;

    if (err_is_set(event_out_error(peer->out)) || is_stuck(peer, now_ns) || is_through(peer) ||
        (all->finishing && now_ns >= all->finish_due_ns))
        cut(peer);
    else if (event_out_idle(peer->out))
        line_reader_hold(peer->reader, all->held);
}

/* ---- All of them ---- */

static void look(struct timer *timer)
{
    struct control_peers *all =
        (struct control_peers *)((char *)timer - offsetof(struct control_peers, timer));
    uint64_t now_ns = reactor_now_ns(all->reactor);

    for (struct peer **at = &all->first; *at;) {
        struct peer *peer = *at;

        if (peer->out)
            look_at(peer, now_ns);
        if (peer->out || !line_reader_idle(peer->reader)) {
            at = &peer->next;
            continue;
        }
        *at = peer->next;
        all->count--;
        line_reader_free(peer->reader);
        free(peer);
    }
    if (all->first)
        reactor_arm(all->reactor, &all->timer, now_ns + LOOK_NS, look);
}

static void look_soon(struct control_peers *all)
{
    reactor_arm(all->reactor, &all->timer, reactor_now_ns(all->reactor), look);
}

/* Best effort: a peer that reads finds out why. */
static void turn_away(struct control_peers *all, int fd, const char *why)
{
    struct event event = {.kind = EVENT_ANSWER, .message = why};
    size_t bytes = 0;
    char *line;

    event.time_ns = reactor_wall_ns(all->reactor);
    line = event_format(&event, &bytes);
    if (line) {
        line[bytes] = '\n'; /* where the NUL was */
        (void)send(fd, line, bytes + 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    free(line);
    close(fd);
}

/* Takes fd only where it succeeds. */
static struct peer *peer_new(struct control_peers *all, int fd, struct err *e)
{
    struct line_reader_setup setup = {.reactor = all->reactor,
                                      .fd = fd,
                                      .name = "a peer of the control socket",
                                      .max_bytes = CONTROL_LINE_MAX_BYTES,
                                      .line = on_line,
                                      .too_long = on_too_long,
                                      .ended = on_ended};
    struct peer *peer = calloc(1, sizeof *peer);

    if (!peer)
        return NULL;
    *peer = (struct peer){.sink.take = peer_take, .all = all, .fd = fd};
    setup.arg = peer;
    peer->reader = line_reader_new(&setup, e);
    peer->out = peer->reader ? event_out_new(all->reactor, fd, false, setup.name, e) : NULL;
    if (peer->out)
        return peer;
    line_reader_free(peer->reader);
    free(peer);
    return NULL;
}

static void on_joined(void *arg, int fd)
{
    struct control_peers *all = arg;
    struct err error = {0};
    struct peer *peer;

    if (all->count == CONTROL_PEERS_MAX) {
        turn_away(all, fd, "too many programs are connected to this run: try again later");
        return;
    }
    peer = peer_new(all, fd, &error);
    if (!peer) {
        turn_away(all, fd, "there is no memory for one more connection: try again later");
        return;
    }
    peer->next = all->first;
    all->first = peer;
    all->count++;
    line_reader_hold(peer->reader, all->held);
    line_reader_start(peer->reader);
    look_soon(all);
}

/* ---- Life ---- */

struct control_peers *control_peers_new(struct reactor *r, struct run *run, const char *path,
                                        struct err *e)
{
    struct control_peers *all = calloc(1, sizeof *all);

    if (!all) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the control socket");
        return NULL;
    }
    *all = (struct control_peers){.reactor = r, .run = run};
    all->socket = control_socket_open(r, path, on_joined, all, e);
    if (all->socket)
        return all;
    free(all);
    return NULL;
}

void control_peers_free(struct control_peers *peers)
{
    if (!peers)
        return;
    assert(!peers->first);
    control_socket_close(peers->socket);
    reactor_disarm(peers->reactor, &peers->timer);
    free(peers);
}

void control_peers_finish(struct control_peers *peers)
{
    control_socket_close(peers->socket);
    peers->socket = NULL;
    peers->finishing = true;
    peers->finish_due_ns = reactor_now_ns(peers->reactor) + CONTROL_PEERS_FINISH_NS;
    for (struct peer *peer = peers->first; peer; peer = peer->next)
        line_reader_stop(peer->reader);
    if (peers->first)
        look_soon(peers);
}

void control_peers_hold(struct control_peers *peers, bool held)
{
    peers->held = held;
    for (struct peer *peer = peers->first; held && peer; peer = peer->next)
        line_reader_hold(peer->reader, true);
}

bool control_peers_idle(const struct control_peers *peers)
{
    return !peers->first;
}

unsigned control_peers_count(const struct control_peers *peers)
{
    return peers->count;
}
