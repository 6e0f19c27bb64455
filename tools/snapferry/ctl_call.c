/* ctl_call.c - see ctl_call.h. */
#include "tools/snapferry/ctl_call.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/control_socket.h"

#define PIECE_BYTES 65536u

struct answer {
    char *bytes;
    size_t count, room;
};

static bool send_all(int fd, const char *bytes, size_t count, struct err *e)
{
    while (count > 0) {
        ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return err_set_errno(e, errno, RETRY_NEVER, "the run does not take the command");
        bytes += sent;
        count -= (size_t)sent;
    }
    return true;
}

static bool make_room(struct answer *answer, struct err *e)
{
    char *bytes;

    if (answer->count + PIECE_BYTES + 1 <= answer->room)
        return true;
    if (answer->count > CTL_ANSWER_MAX_BYTES)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "the answer is longer than %u bytes",
                       CTL_ANSWER_MAX_BYTES);
    answer->room = 2 * answer->room + PIECE_BYTES + 1;
    bytes = realloc(answer->bytes, answer->room);
    if (!bytes)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the answer");
    answer->bytes = bytes;
    return true;
}

/* Waits for more, until the clock is at due_ns. */
static bool await_more(int fd, const struct clock *clock, uint64_t due_ns, struct err *e)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    uint64_t now_ns = clock_now_ns(clock);
    int count = now_ns < due_ns ? poll(&poller, 1, (int)((due_ns - now_ns) / NS_PER_MS) + 1) : 0;

    if (count > 0 || (count < 0 && errno == EINTR))
        return true;
    if (count < 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot wait for the answer");
    return err_set(e, ERR_NET, RETRY_LATER,
                   "the run took the command, but did not answer within %d s",
                   CTL_ANSWER_WAIT_MS / 1000);
}

static bool receive_line(int fd, struct answer *answer, struct err *e)
{
    struct clock clock;
    uint64_t due_ns;

    clock_init_real(&clock);
    due_ns = clock_now_ns(&clock) + CTL_ANSWER_WAIT_MS * NS_PER_MS;
    for (;;) {
        char *newline;
        ssize_t took;

        if (!make_room(answer, e) || !await_more(fd, &clock, due_ns, e))
            return false;
        took = recv(fd, answer->bytes + answer->count, PIECE_BYTES, MSG_DONTWAIT);
        if (took < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (took <= 0)
            return err_set(e, ERR_GONE, RETRY_NEVER, "the run ended before it answered");
        newline = memchr(answer->bytes + answer->count, '\n', (size_t)took);
        answer->count += (size_t)took;
        if (newline) {
            answer->count = (size_t)(newline - answer->bytes);
            *newline = 0;
            return true;
        }
    }
}

bool ctl_call(const char *path, const char *line, char **out_answer, size_t *out_bytes,
              struct err *e)
{
    struct answer answer = {0};
    int fd = control_socket_connect(path, e);
    bool ok = fd >= 0 && send_all(fd, line, strlen(line), e) && send_all(fd, "\n", 1, e) &&
              receive_line(fd, &answer, e);

    if (fd >= 0)
        close(fd);
    if (ok) {
        *out_answer = answer.bytes;
        *out_bytes = answer.count;
    } else {
        free(answer.bytes);
    }
    return ok;
}
