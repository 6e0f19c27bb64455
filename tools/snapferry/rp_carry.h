/* rp_carry.h - the disks of a restore point carried: as one job, by the engine of snapferry run.
 *
 * Knows:         how legs become a job; what a person or a program hears; that access which ends is
 *                extended.
 * Must not know: how a base was found. Threads: the main thread.
 */
#ifndef SNAPFERRY_RP_CARRY_H
#define SNAPFERRY_RP_CARRY_H

#include "tools/snapferry/rp_leg.h"

/* Until all have ended, or were stopped by a signal. *out_status: as run's exit status. False: nothing was
 * begun. Access stays as it is, and is ended by the caller. */
bool rp_carry(struct rp_desk *desk, const char *point_id, struct rp_leg *legs, unsigned count,
              const char *state_folder, enum exit_status *out_status, struct err *e);

#endif
