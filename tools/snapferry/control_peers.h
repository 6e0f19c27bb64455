/* control_peers.h - programs that steer a run by its control socket: each is answered by itself.
 *
 * Knows:         a run, a socket, who is slow or gone.
 * Must not know: verbs, disks.
 * Threads:       the reactor's. A peer that does not take its answers is read no further, then cut: it
 *                never blocks the run and never fills its memory.
 *
 * Peers hear the answers to their own commands and nothing else; all listeners of the run hear them, too.
 */
#ifndef SNAPFERRY_CONTROL_PEERS_H
#define SNAPFERRY_CONTROL_PEERS_H

#include <stdbool.h>

#include "blockmap/err.h"
#include "engine/run.h"
#include "io/reactor.h"

#define CONTROL_PEERS_MAX          64u          /* one more is told so, and let go */
#define CONTROL_PEER_WAITING_BYTES (256u << 10) /* of answers: above that no command is read */
#define CONTROL_PEER_STUCK_NS      (30ull * NS_PER_S) /* it takes nothing so long: it is cut */
#define CONTROL_PEERS_FINISH_NS    (2ull * NS_PER_S)

struct control_peers;

/* ---- Life ---- */
/* Listens at path at once; run is borrowed. */
struct control_peers *control_peers_new(struct reactor *r, struct run *run, const char *path,
                                        struct err *e);
/* NULL is fine. Idle before. */
void control_peers_free(struct control_peers *peers);

/* ---- Use ---- */
/* The path goes away, no command is taken any more; answers are written until CONTROL_PEERS_FINISH_NS. */
void control_peers_finish(struct control_peers *peers);

/* Held: no command is read. */
void control_peers_hold(struct control_peers *peers, bool held);

/* ---- Look ---- */
bool control_peers_idle(
    const struct control_peers *peers); /* nobody is left; after finish it stays so */
unsigned control_peers_count(const struct control_peers *peers);

#endif
