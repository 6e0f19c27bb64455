/* regiond_options.h - regiond's command line.
 *
 * Knows:         option names, their defaults, the help text.
 * Must not know: what the options start.
 * Threads:       none; used once, by main.
 */
#ifndef REGIOND_REGIOND_OPTIONS_H
#define REGIOND_REGIOND_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTION_ACCOUNT_MAX_COUNT   64u
#define OPTION_CONTAINER_MAX_COUNT 64u
#define OPTION_HOST_MAX_BYTES      64u

struct regiond_options {
    const char *data;
    char host[OPTION_HOST_MAX_BYTES];
    uint16_t port;
    const char *accounts[OPTION_ACCOUNT_MAX_COUNT]; /* NAME:env:VAR or NAME:@FILE */
    size_t account_count;
    const char *containers[OPTION_CONTAINER_MAX_COUNT];
    size_t container_count;
    const char *tls_cert;
    const char *tls_key;
    const char *faults;
    const char *shape;
    const char *log;
    unsigned threads; /* 0: the default */
    bool sync;
    bool help;
    bool verbs;
};

/* Strings stay argv's. False: a sentence in out_text; exit status 2 is the caller's to give. */
bool regiond_options_parse(int argc, char **argv, struct regiond_options *out, char *out_text,
                           size_t text_bytes);

void regiond_options_help(void); /* on stdout */

#endif
