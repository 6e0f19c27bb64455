/* shape_proxy.c - a slow, long link on one machine: a TCP proxy with a rate, a delay and, if wanted, faults.
 *
 *     shape_proxy --listen 127.0.0.1:0 --to 127.0.0.1:PORT [--bits-per-s N] [--delay-ms N]
 *                 [--faults SEED [--fault-mib N]] [--stats FILE]
 *
 * Each direction is one line that all connections share: bytes go over it one after another at --bits-per-s
 * (of TCP payload; 0: as fast as the machine) and arrive half of --delay-ms later, which is the round trip.
 * A connection is read only while the line's queue is short, so that TCP in front of us is held back.
 * With --faults about every --fault-mib MiB of a direction of a connection something happens: it is cut,
 * it stalls for up to two seconds, or a bit is flipped.
 *
 * Prints {"event":"ready",...} when it listens; {"event":"stats",...} on SIGUSR1 and, after SIGTERM, at its
 * end, then also to --stats. Must not know what it carries.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/clock.h"

#define CHUNK_BYTES    16384u
#define QUEUE_NS       (10 * NS_PER_MS) /* of bytes wait in front of a line, at most */
#define FLOW_MAX_BYTES (8u << 20)       /* under way in one flow, at most */
#define PAIRS_MAX      256u
#define BUFFER_BYTES   (256 << 10) /* of the sockets towards us, so that they do not hide the line */
#define STALL_MAX_NS   (2 * NS_PER_S)

struct chunk {
    struct chunk *next;
    uint64_t due_ns;
    uint32_t length, sent;
    unsigned char bytes[CHUNK_BYTES];
};

struct line { /* shared by all flows of a direction */
    uint64_t bits_per_s, delay_ns;
    uint64_t free_ns; /* when all that was taken has been sent */
    uint64_t bytes;
};

struct flow {
    int from, to;
    struct line *line;
    struct chunk *first, *last;
    uint32_t under_way_bytes;
    uint64_t fault_in_bytes; /* so many more, and something happens */
    uint64_t stalled_till_ns;
    bool ended;   /* nothing more comes */
    bool shut;    /* and the other side was told */
    bool blocked; /* the receiver takes nothing now */
};

struct proxy {
    struct clock clock;
    int listener, signals;
    struct sockaddr_in to;
    struct line lines[2]; /* to the server, to the client */
    struct pair {
        struct flow flows[2];
        bool open;
    } pairs[PAIRS_MAX];
    uint64_t seed; /* state of the generator; 0: no faults */
    uint64_t fault_mean_bytes;
    uint64_t connections, cuts, stalls, flips;
    uint64_t first_ns, last_ns; /* of bytes taken, delivered */
    const char *stats_path;
};

static void die(const char *what)
{
    fprintf(stderr, "shape_proxy: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- Faults ---- */

static uint64_t draw(struct proxy *p, uint64_t below)
{
    p->seed ^= p->seed << 13;
    p->seed ^= p->seed >> 7;
    p->seed ^= p->seed << 17;
    return (p->seed >> 11) % below;
}

static void next_fault(struct proxy *p, struct flow *flow)
{
    flow->fault_in_bytes = p->seed ? 1 + draw(p, 2 * p->fault_mean_bytes) : UINT64_MAX;
}

/* False: cut. */
static bool fault(struct proxy *p, struct flow *flow, struct chunk *chunk, uint64_t now_ns)
{
    next_fault(p, flow);
    switch (draw(p, 3)) {
    case 0:
        p->cuts++;
        return false;
    case 1:
        p->stalls++;
        flow->stalled_till_ns = now_ns + draw(p, STALL_MAX_NS);
        return true;
    default:
        p->flips++;
        chunk->bytes[draw(p, chunk->length)] ^= (unsigned char)(1u << draw(p, 8));
        return true;
    }
}

/* ---- One direction of one connection ---- */

static bool wants(const struct flow *flow, uint64_t now_ns)
{
    return !flow->ended && flow->under_way_bytes < FLOW_MAX_BYTES &&
           now_ns >= flow->stalled_till_ns && flow->line->free_ns < now_ns + QUEUE_NS;
}

/* The line sends it behind all that it has; it arrives one delay later. */
static void append(struct flow *flow, struct chunk *chunk, uint64_t now_ns)
{
    struct line *line = flow->line;

    if (line->free_ns < now_ns)
        line->free_ns = now_ns;
    if (line->bits_per_s)
        line->free_ns += (uint64_t)chunk->length * 8 * NS_PER_S / line->bits_per_s;
    line->bytes += chunk->length;
    chunk->due_ns = line->free_ns + line->delay_ns;
    if (flow->last)
        flow->last->next = chunk;
    else
        flow->first = chunk;
    flow->last = chunk;
    flow->under_way_bytes += chunk->length;
}

/* False: the connection is over. */
static bool take(struct proxy *p, struct flow *flow, uint64_t now_ns, bool *out_moved)
{
    struct chunk *chunk = malloc(sizeof *chunk);
    ssize_t got;

    if (!chunk)
        die("memory");
    got = read(flow->from, chunk->bytes, sizeof chunk->bytes);
    if (got <= 0) {
        free(chunk);
        flow->ended = got == 0;
        *out_moved |= got == 0;
        return got == 0 || errno == EAGAIN || errno == EINTR;
    }
    chunk->next = NULL;
    chunk->sent = 0;
    chunk->length = (uint32_t)got;
    *out_moved = true;
    p->first_ns = p->first_ns ? p->first_ns : now_ns;
    append(flow, chunk, now_ns);
    if (flow->fault_in_bytes > chunk->length) {
        flow->fault_in_bytes -= p->seed ? chunk->length : 0;
        return true;
    }
    return fault(p, flow, chunk, now_ns);
}

static bool deliver(struct proxy *p, struct flow *flow, uint64_t now_ns, bool *out_moved)
{
    struct chunk *chunk;

    while ((chunk = flow->first) != NULL && chunk->due_ns <= now_ns) {
        ssize_t sent =
            send(flow->to, chunk->bytes + chunk->sent, chunk->length - chunk->sent, MSG_NOSIGNAL);

        flow->blocked = sent < 0 && errno == EAGAIN;
        if (sent < 0)
            return flow->blocked || errno == EINTR;
        *out_moved = true;
        p->last_ns = now_ns;
        chunk->sent += (uint32_t)sent;
        if (chunk->sent < chunk->length)
            continue;
        flow->under_way_bytes -= chunk->length;
        flow->first = chunk->next;
        if (!flow->first)
            flow->last = NULL;
        free(chunk);
    }
    if (flow->ended && !flow->first && !flow->shut) {
        flow->shut = true;
        shutdown(flow->to, SHUT_WR); /* an error here means that it is over anyway */
    }
    return true;
}

/* ---- Connections ---- */

static void pair_close(struct pair *pair, bool cut)
{
    struct linger at_once = {.l_onoff = 1};

    for (unsigned i = 0; i < 2; i++) {
        struct flow *flow = &pair->flows[i];

        while (flow->first) {
            struct chunk *chunk = flow->first;

            flow->first = chunk->next;
            free(chunk);
        }
        if (cut)
            setsockopt(flow->from, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(flow->from);
    }
    pair->open = false;
}

static void pair_turn(struct proxy *p, struct pair *pair, uint64_t now_ns, bool *out_moved)
{
    for (unsigned i = 0; i < 2; i++) {
        struct flow *flow = &pair->flows[i];

        if ((wants(flow, now_ns) && !take(p, flow, now_ns, out_moved)) ||
            !deliver(p, flow, now_ns, out_moved)) {
            pair_close(pair, true);
            return;
        }
    }
    if (pair->flows[0].shut && pair->flows[1].shut)
        pair_close(pair, false);
}

static void ready_socket(int fd)
{
    int yes = 1, bytes = BUFFER_BYTES;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

static void accept_one(struct proxy *p)
{
    int client = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), server;
    struct pair *pair = p->pairs;

    if (client < 0)
        return;
    while (pair < p->pairs + PAIRS_MAX && pair->open)
        pair++;
    server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* Blocks: it is this machine, which refuses or takes a connection at once. */
    if (pair == p->pairs + PAIRS_MAX || server < 0 ||
        connect(server, (struct sockaddr *)&p->to, sizeof p->to) != 0) {
        close(client);
        if (server >= 0)
            close(server);
        return;
    }
    if (fcntl(server, F_SETFL, O_NONBLOCK) != 0)
        die("cannot set up a socket");
    ready_socket(client);
    ready_socket(server);
    *pair = (struct pair){.open = true,
                          .flows = {{.from = client, .to = server, .line = &p->lines[0]},
                                    {.from = server, .to = client, .line = &p->lines[1]}}};
    next_fault(p, &pair->flows[0]);
    next_fault(p, &pair->flows[1]);
    p->connections++;
}

/* ---- Turning ---- */

static void stats(const struct proxy *p, FILE *out)
{
    fprintf(out,
            "{\"event\":\"stats\",\"connections\":%lu,\"upBytes\":%lu,\"downBytes\":%lu,"
            "\"activeSeconds\":%.3f,\"cuts\":%lu,\"stalls\":%lu,\"flips\":%lu}\n",
            (unsigned long)p->connections, (unsigned long)p->lines[0].bytes,
            (unsigned long)p->lines[1].bytes,
            p->last_ns > p->first_ns ? (double)(p->last_ns - p->first_ns) / (double)NS_PER_S : 0.0,
            (unsigned long)p->cuts, (unsigned long)p->stalls, (unsigned long)p->flips);
    fflush(out);
}

/* True: it is time to end. */
static bool heard_signal(const struct proxy *p)
{
    struct signalfd_siginfo info;

    if (read(p->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return false;
    if (info.ssi_signo != SIGUSR1)
        return true;
    stats(p, stdout);
    return false;
}

/* Who is to be polled for what; and in *out_wake_ns when there is something to do that no socket tells. */
static nfds_t watch(const struct proxy *p, struct pollfd *polls, uint64_t now_ns,
                    uint64_t *out_wake_ns)
{
    nfds_t count = 0;

    polls[count++] = (struct pollfd){.fd = p->signals, .events = POLLIN};
    polls[count++] = (struct pollfd){.fd = p->listener, .events = POLLIN};
    *out_wake_ns = now_ns + 60 * NS_PER_S;
    for (const struct pair *pair = p->pairs; pair < p->pairs + PAIRS_MAX; pair++) {
        for (unsigned i = 0; pair->open && i < 2; i++) {
            const struct flow *flow = &pair->flows[i];
            uint64_t wake_ns = *out_wake_ns;

            if (flow->blocked)
                polls[count++] = (struct pollfd){.fd = flow->to, .events = POLLOUT};
            else if (flow->first)
                wake_ns = flow->first->due_ns;
            if (wants(flow, now_ns))
                polls[count++] = (struct pollfd){.fd = flow->from, .events = POLLIN};
            else if (!flow->ended && flow->stalled_till_ns > now_ns)
                wake_ns = flow->stalled_till_ns < wake_ns ? flow->stalled_till_ns : wake_ns;
            else if (!flow->ended && flow->line->free_ns >= now_ns + QUEUE_NS)
                wake_ns = flow->line->free_ns - QUEUE_NS + 1 < wake_ns
                              ? flow->line->free_ns - QUEUE_NS + 1
                              : wake_ns;
            *out_wake_ns = wake_ns < *out_wake_ns ? wake_ns : *out_wake_ns;
        }
    }
    return count;
}

static void serve(struct proxy *p)
{
    static struct pollfd polls[2 + 4 * PAIRS_MAX];
    unsigned turn = 0;

    for (;;) {
        uint64_t now_ns = clock_now_ns(&p->clock), wake_ns, wait_ns;
        struct timespec wait;
        bool moved = false;
        nfds_t count;

        turn++;
        for (unsigned i = 0; i < PAIRS_MAX; i++) { /* who is first goes round */
            struct pair *pair = &p->pairs[(i + turn) % PAIRS_MAX];

            if (pair->open)
                pair_turn(p, pair, now_ns, &moved);
        }
        count = watch(p, polls, now_ns, &wake_ns);
        wait_ns = moved || wake_ns <= now_ns ? 0 : wake_ns - now_ns;
        wait = (struct timespec){(time_t)(wait_ns / NS_PER_S), (long)(wait_ns % NS_PER_S)};
        if (ppoll(polls, count, &wait, NULL) < 0 && errno != EINTR)
            die("poll");
        if (polls[0].revents && heard_signal(p))
            return;
        if (polls[1].revents)
            accept_one(p);
    }
}

/* ---- Setting up ---- */

static struct sockaddr_in address_of(const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    const char *colon = strrchr(text, ':');
    char host[64] = "";

    if (colon && (size_t)(colon - text) < sizeof host)
        memcpy(host, text, (size_t)(colon - text));
    errno = EINVAL;
    if (!colon || inet_pton(AF_INET, host, &address.sin_addr) != 1)
        die(text);
    address.sin_port = htons((uint16_t)atoi(colon + 1));
    return address;
}

static void listen_on(struct proxy *p, const char *text)
{
    struct sockaddr_in address = address_of(text);
    socklen_t length = sizeof address;
    sigset_t set;
    int yes = 1;

    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->listener < 0 ||
        setsockopt(p->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(p->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(p->listener, 64) != 0 ||
        getsockname(p->listener, (struct sockaddr *)&address, &length) != 0)
        die("cannot listen");
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    p->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (p->signals < 0)
        die("signals");
    printf("{\"event\":\"ready\",\"port\":%u,\"pid\":%d}\n", ntohs(address.sin_port), getpid());
    fflush(stdout);
}

struct wish {
    const char *listen, *to;
    uint64_t bits_per_s, delay_ms;
};

static bool parse(int argc, char **argv, struct wish *wish, struct proxy *p)
{
    static const struct option options[] = {
        {"listen", 1, NULL, 'l'},   {"to", 1, NULL, 't'},     {"bits-per-s", 1, NULL, 'b'},
        {"delay-ms", 1, NULL, 'd'}, {"faults", 1, NULL, 'f'}, {"fault-mib", 1, NULL, 'm'},
        {"stats", 1, NULL, 's'},    {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        uint64_t number = optarg ? strtoull(optarg, NULL, 10) : 0;

        if (option == 'l')
            wish->listen = optarg;
        else if (option == 't')
            wish->to = optarg;
        else if (option == 'b')
            wish->bits_per_s = number;
        else if (option == 'd')
            wish->delay_ms = number;
        else if (option == 'f') /* spreads small seeds; the generator's dead 0 is none of them */
            p->seed = (number + 1) * 0x9E3779B97F4A7C15u;
        else if (option == 'm')
            p->fault_mean_bytes = number << 20;
        else if (option == 's')
            p->stats_path = optarg;
        else
            return false;
    }
    return wish->to && p->fault_mean_bytes > 0;
}

static void end(struct proxy *p)
{
    FILE *out = p->stats_path ? fopen(p->stats_path, "w") : NULL;

    for (unsigned i = 0; i < PAIRS_MAX; i++)
        if (p->pairs[i].open)
            pair_close(&p->pairs[i], true);
    stats(p, stdout);
    if (p->stats_path && !out)
        die(p->stats_path);
    if (out) {
        stats(p, out);
        fclose(out);
    }
}

int main(int argc, char **argv)
{
    static struct proxy p = {.fault_mean_bytes = 16u << 20};
    struct wish wish = {.listen = "127.0.0.1:0"};

    if (!parse(argc, argv, &wish, &p)) {
        fprintf(stderr, "shape_proxy: --to HOST:PORT is needed; see the head of shape_proxy.c\n");
        return 2;
    }
    clock_init_real(&p.clock);
    p.to = address_of(wish.to);
    for (unsigned i = 0; i < 2; i++)
        p.lines[i] =
            (struct line){.bits_per_s = wish.bits_per_s, .delay_ns = wish.delay_ms * NS_PER_MS / 2};
    listen_on(&p, wish.listen);
    serve(&p);
    end(&p);
    return 0;
}
