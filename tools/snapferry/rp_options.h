/* rp_options.h - what the commands snapferry restore-point ... are asked for; a part of struct options.
 *
 * Knows: names and limits. Must not know: how they are parsed. Threads: a value.
 */
#ifndef SNAPFERRY_RP_OPTIONS_H
#define SNAPFERRY_RP_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define OPTIONS_ACCESS_S     3600u /* that access is asked for; it is extended while a copy needs it */
#define OPTIONS_ACCESS_MIN_S 60u
#define OPTIONS_ACCESS_MAX_S 5184000u /* 60 days */

struct rp_options { /* texts are views into the arguments */
    const char *endpoint, *token, *subscription, *group;
    const char *
        api_version; /* DATE, or DATE,DATE of disks; NULL: RP_COMPUTE_VERSION and RP_DISK_VERSION */
    const char *target; /* copy: a container's URL; may hold a secret */
    uint64_t duration_s;
    bool watch; /* status: until it ends */
};

#endif
