/* curl_loop.c - see curl_loop.h.
 *
 * Polls are one-shot and armed again only after curl_multi_socket_action returned, and libcurl's
 * sockets are closed and renumbered under us: what we know of one hangs on libcurl's own entry for it
 * (curl_multi_assign), and its poll is forgotten, not cancelled, when libcurl lets go.
 */
#include "io/curl_loop.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/tls_ahead.h"

/* Our time may be that of the turn's beginning, and libcurl's is later. */
#define TIMER_SLACK_NS (20u * NS_PER_MS)

struct loop_socket {
    struct reactor_op op; /* first: the poll; its owner is found from it */
    struct curl_loop *loop;
    struct loop_socket *next, *previous; /* of all sockets */
    struct loop_socket *next_unarmed;
    curl_socket_t fd;
    CURL *easy; /* whose it is now; libcurl lets go of the socket before its handle */
    bool is_tls;
    struct tls_ahead ahead;
    uint32_t wanted; /* poll(2) events; 0 = nothing now */
    uint32_t armed;  /* what the live poll waits for; 0 = none is live */
    bool unarmed;    /* on the list of those to arm */
};

struct curl_loop {
    /* set once */
    struct reactor *reactor;
    CURLM *multi;
    curl_loop_ended_fn *ended;
    void *owner;
    bool reads_ahead; /* over TLS */
    /* changes, reactor thread only */
    struct timer timer;
    uint64_t timer_due_ns; /* UINT64_MAX: libcurl has none */
    struct loop_socket *sockets;
    struct loop_socket *unarmed;
    unsigned transfers;
    bool in_libcurl; /* guards the rule of the header */
};

static struct curl_loop *loop_of_timer(struct timer *timer)
{
    return (struct curl_loop *)((char *)timer - offsetof(struct curl_loop, timer));
}

/* ---- What libcurl asks for ---- */

static void want(struct loop_socket *socket, uint32_t events)
{
    struct curl_loop *loop = socket->loop;

    socket->wanted = events;
    if (socket->armed && socket->armed != events) {
        reactor_forget(loop->reactor, &socket->op);
        socket->armed = 0;
    }
    if (!socket->armed && events && !socket->unarmed) {
        socket->unarmed = true;
        socket->next_unarmed = loop->unarmed;
        loop->unarmed = socket;
    }
}

static struct loop_socket *socket_new(struct curl_loop *loop, curl_socket_t fd)
{
    struct loop_socket *socket = calloc(1, sizeof *socket);

    if (!socket)
        return NULL;
    socket->loop = loop;
    socket->fd = fd;
    socket->next = loop->sockets;
    if (socket->next)
        socket->next->previous = socket;
    loop->sockets = socket;
    return socket;
}

static void socket_free(struct loop_socket *socket)
{
    struct curl_loop *loop = socket->loop;

    if (socket->armed)
        reactor_forget(loop->reactor, &socket->op);
    if (socket->unarmed) {
        struct loop_socket **at = &loop->unarmed;

        while (*at != socket)
            at = &(*at)->next_unarmed;
        *at = socket->next_unarmed;
    }
    if (socket->previous)
        socket->previous->next = socket->next;
    else
        loop->sockets = socket->next;
    if (socket->next)
        socket->next->previous = socket->previous;
    free(socket);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *assigned)
{
    struct curl_loop *loop = user;
    struct loop_socket *socket = assigned;
    const char *url = NULL;

    if (what == CURL_POLL_REMOVE) {
        if (socket) { /* libcurl also removes sockets it never announced */
            curl_multi_assign(loop->multi, fd, NULL);
            socket_free(socket);
        }
        return 0;
    }
    if (!socket) {
        socket = socket_new(loop, fd);
        if (!socket || curl_multi_assign(loop->multi, fd, socket) != CURLM_OK) {
            if (socket)
                socket_free(socket);
            return -1; /* the transfers end with an error */
        }
    }
    socket->easy = easy;
    curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url);
    socket->is_tls = url && strncasecmp(url, "https:", strlen("https:")) == 0;
    want(socket, (what & CURL_POLL_IN ? POLLIN : 0u) | (what & CURL_POLL_OUT ? POLLOUT : 0u));
    return 0;
}

static void on_timer_due(struct timer *timer);

static int on_timer_wish(CURLM *multi, long timeout_ms, void *user)
{
    struct curl_loop *loop = user;

    (void)multi;
    loop->timer_due_ns = UINT64_MAX;
    if (timeout_ms < 0) {
        reactor_disarm(loop->reactor, &loop->timer);
        return 0;
    }
    loop->timer_due_ns = reactor_now_ns(loop->reactor) + (uint64_t)timeout_ms * NS_PER_MS;
    reactor_arm(loop->reactor, &loop->timer, loop->timer_due_ns, on_timer_due);
    return 0;
}

/* ---- What the reactor tells ---- */

static void on_polled(struct reactor_op *op);

static void arm_all(struct curl_loop *loop)
{
    while (loop->unarmed) {
        struct loop_socket *socket = loop->unarmed;

        loop->unarmed = socket->next_unarmed;
        socket->unarmed = false;
        if (!socket->wanted)
            continue;
        socket->armed = socket->wanted;
        reactor_poll(loop->reactor, &socket->op, socket->fd, socket->wanted, on_polled);
    }
}

/* Tells of every transfer that ended. libcurl's message is copied first: it dies with the removal. */
static void tell_ended(struct curl_loop *loop)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(loop->multi, &left))) {
        CURL *easy = message->easy_handle;
        CURLcode result = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_loop_remove(loop, easy);
        loop->ended(loop->owner, easy, result);
    }
}

static void call(struct curl_loop *loop, curl_socket_t fd, int events)
{
    int running;
    CURLMcode code;

    assert(!loop->in_libcurl);
    loop->in_libcurl = true;
    code = curl_multi_socket_action(loop->multi, fd, events, &running);
    loop->in_libcurl = false;
    assert(code == CURLM_OK || code == CURLM_ABORTED_BY_CALLBACK || code == CURLM_OUT_OF_MEMORY);
}

static bool has_read_ahead(struct loop_socket *socket)
{
    return socket->is_tls && socket->wanted & POLLIN &&
           tls_ahead_look(&socket->ahead, socket->easy);
}

/* NULL: of none that is to be waited for. A transfer that its socket moved, or that has just told what it
 * waits for, is unarmed. One that libcurl's own timer moved, in whichever call, may be any: its poll stays,
 * and is no help, because it may not have been made when the bytes came and were taken. */
static struct loop_socket *find_read_ahead(const struct curl_loop *loop, bool timer_was_due)
{
    struct loop_socket *socket;

    if (!loop->reads_ahead)
        return NULL;
    for (socket = loop->unarmed; socket; socket = socket->next_unarmed)
        if (has_read_ahead(socket))
            return socket;
    for (socket = timer_was_due ? loop->sockets : NULL; socket; socket = socket->next)
        if (has_read_ahead(socket))
            return socket;
    return NULL;
}

static void act(struct curl_loop *loop, curl_socket_t fd, int events)
{
    struct loop_socket *ahead;
    bool timer_was_due = false;

    do {
        timer_was_due |= loop->timer_due_ns <= reactor_now_ns(loop->reactor) + TIMER_SLACK_NS;
        call(loop, fd, events);
        ahead = find_read_ahead(loop, timer_was_due);
        fd = ahead ? ahead->fd : CURL_SOCKET_BAD;
        events = CURL_CSELECT_IN;
    } while (ahead); /* as long as answers under way have bytes here, at most */
    tell_ended(loop);
    arm_all(loop);
}

static void on_polled(struct reactor_op *op)
{
    struct loop_socket *socket = (struct loop_socket *)op;
    struct curl_loop *loop = socket->loop;
    int64_t events = op->result;
    int action = 0;

    socket->armed = 0;
    want(socket, socket->wanted); /* one-shot: again after libcurl has read */
    if (events < 0 || events & (POLLERR | POLLNVAL))
        action |= CURL_CSELECT_ERR;
    if (events >= 0 && events & (POLLIN | POLLHUP))
        action |= CURL_CSELECT_IN;
    if (events >= 0 && events & POLLOUT)
        action |= CURL_CSELECT_OUT;
    act(loop, socket->fd, action); /* may free socket */
}

/* The timer is disarmed already: the call below may set it anew, and that must stand. */
static void on_timer_due(struct timer *timer)
{
    struct curl_loop *loop = loop_of_timer(timer);
    uint64_t due_ns = loop->timer_due_ns;

    act(loop, CURL_SOCKET_TIMEOUT, 0);
    if (loop->timer_due_ns == due_ns) /* libcurl says nothing when none is left */
        loop->timer_due_ns = UINT64_MAX;
}

/* ---- Life and use ---- */

static bool set_options(struct curl_loop *loop, unsigned connections_max)
{
    CURLM *m = loop->multi;

    return curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           curl_multi_setopt(m, CURLMOPT_SOCKETDATA, loop) == CURLM_OK &&
           curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, on_timer_wish) == CURLM_OK &&
           curl_multi_setopt(m, CURLMOPT_TIMERDATA, loop) == CURLM_OK &&
           curl_multi_setopt(m, CURLMOPT_PIPELINING, CURLPIPE_NOTHING) == CURLM_OK &&
           curl_multi_setopt(m, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)connections_max) ==
               CURLM_OK &&
           curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, (long)connections_max) == CURLM_OK;
}

struct curl_loop *curl_loop_new(struct reactor *r, unsigned connections_max,
                                curl_loop_ended_fn *ended, void *owner, struct err *e)
{
    struct curl_loop *loop = calloc(1, sizeof *loop);

    assert(connections_max > 0);
    if (loop) {
        loop->reactor = r;
        loop->ended = ended;
        loop->owner = owner;
        loop->timer_due_ns = UINT64_MAX;
        loop->reads_ahead = tls_ahead_is_possible();
        loop->multi = curl_multi_init();
    }
    if (!loop || !loop->multi || !set_options(loop, connections_max)) {
        curl_loop_free(loop);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the HTTP client");
        return NULL;
    }
    return loop;
}

void curl_loop_free(struct curl_loop *loop)
{
    if (!loop)
        return;
    assert(loop->transfers == 0);
    if (loop->multi) {
        loop->in_libcurl = true;
        curl_multi_cleanup(loop->multi); /* closes kept connections; their sockets are removed */
    }
    while (loop->sockets)
        socket_free(loop->sockets);
    reactor_disarm(loop->reactor, &loop->timer);
    free(loop);
}

bool curl_loop_add(struct curl_loop *loop, CURL *easy, struct err *e)
{
    CURLMcode code;

    assert(!loop->in_libcurl);
    loop->in_libcurl = true;
    code = curl_multi_add_handle(loop->multi, easy);
    loop->in_libcurl = false;
    if (code != CURLM_OK)
        return err_set(e, ERR_LIMIT, RETRY_LATER, "cannot start a transfer: %s",
                       curl_multi_strerror(code));
    loop->transfers++;
    arm_all(loop);
    return true;
}

void curl_loop_remove(struct curl_loop *loop, CURL *easy)
{
    assert(!loop->in_libcurl);
    loop->in_libcurl = true;
    curl_multi_remove_handle(loop->multi, easy);
    loop->in_libcurl = false;
    loop->transfers--;
    arm_all(loop);
}
