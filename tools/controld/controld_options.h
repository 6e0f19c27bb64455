/* controld_options.h - snapferryd's command line.
 *
 * Knows:         option names, their defaults, the help text, which go together.
 * Must not know: what the options start.
 * Threads:       none; used once, by main.
 */
#ifndef CONTROLD_CONTROLD_OPTIONS_H
#define CONTROLD_CONTROLD_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "tools/controld/front_auth.h"

#define CONTROLD_PORT_DEFAULT 8700u

struct controld_options {
    const char *config;  /* NULL: embedded */
    bool embedded;       /* everything it needs is made in `data` */
    char data[PATH_MAX]; /* absolute */
    char host[256];
    uint16_t port;
    const char *tls_cert, *tls_key, *client_ca;
    const char *clients[FRONT_CLIENTS_MAX];
    unsigned client_count;
    const char *token;        /* env:NAME or @FILE; NULL: one is made and kept in the data folder */
    bool no_auth;             /* anybody on this machine may ask */
    char snapferry[PATH_MAX]; /* the program that moves data */
    char regiond[PATH_MAX];   /* the program of an embedded region */
    bool check;               /* the configuration only, then exit */
    bool help, version;
};

/* Strings stay argv's. ERR_USAGE: a sentence for a person; exit status 2 is the caller's to give. */
bool controld_options_parse(int argc, char **argv, struct controld_options *out_options,
                            struct err *e);

const char *controld_options_help(void);

#endif
