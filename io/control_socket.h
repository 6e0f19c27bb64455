/* control_socket.h - a Unix socket by which programs of the same user reach this process.
 *
 * Knows:         its path, who made it, who may connect: the same user and root.
 * Must not know: what is said over it.
 * Threads:       the reactor's; control_socket_connect: any.
 *
 * The socket is 0600 from the moment it has a name. A socket there that nobody listens at any more and that
 * is this user's is replaced; anything else that stands at the path is left alone, with a sentence.
 */
#ifndef IO_CONTROL_SOCKET_H
#define IO_CONTROL_SOCKET_H

#include <stdbool.h>

#include "blockmap/err.h"
#include "io/reactor.h"

struct control_socket;

/* ---- Life ---- */
/* joined: somebody connected; takes fd, which does not block. From the reactor. */
struct control_socket *control_socket_open(struct reactor *r, const char *path,
                                           void (*joined)(void *arg, int fd), void *arg,
                                           struct err *e);
/* NULL is fine. Takes the path away if it is still ours; who has joined is not concerned. */
void control_socket_close(struct control_socket *cs);

/* ---- The other end ---- */
/* A blocking descriptor; -1 and ERR_GONE: nobody listens at path; ERR_AUTH: that is not allowed. */
int control_socket_connect(const char *path, struct err *e);

#endif
