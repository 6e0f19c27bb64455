/* relay_sending.h - how a batch travels: relay_batch.h's states. Private to io/relay_*.c.
 *
 * Knows:         workers, have, write. Must not know: how a batch came about.
 * Threads:       the reactor's.
 */
#ifndef IO_RELAY_SENDING_H
#define IO_RELAY_SENDING_H

struct relay_batch;

void relay_sending_begin(struct relay_batch *batch); /* its runs, zeros and blocks are known */

#endif
