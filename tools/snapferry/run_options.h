/* run_options.h - what snapferry run and snapferry ctl alone are asked for; a part of struct options.
 *
 * Knows: names. Must not know: how they are parsed. Threads: a value.
 */
#ifndef SNAPFERRY_RUN_OPTIONS_H
#define SNAPFERRY_RUN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct run_options { /* texts are views into the arguments */
    /* run */
    const char *control; /* path of a socket; NULL: none */
    const char *metrics; /* HOST:PORT; NULL: not served */
    bool detach;         /* the end of stdin ends nothing */
    /* ctl */
    const char *point;  /* a whole restore point, instead of DISK */
    uint64_t expires_s; /* of a new URL; 0: what its se= says */
};

#endif
