/* options.h - what a command line asks for.
 *
 * Knows:         every option, which commands take it, what it may be.
 * Must not know: endpoints, reactors, what an end means (ends.h).
 * Threads:       getopt's own state: one thread.
 * Errors:        ERR_USAGE with one sentence; an option's value is shown only where it cannot be a
 *                secret.
 */
#ifndef SNAPFERRY_OPTIONS_H
#define SNAPFERRY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "engine/copy.h"
#include "io/endpoint_file.h"
#include "io/http_options.h"
#include "io/reactor.h"
#include "tools/snapferry/bench_options.h"
#include "tools/snapferry/command_id.h"
#include "tools/snapferry/receive_options.h"
#include "tools/snapferry/rp_options.h"
#include "tools/snapferry/run_options.h"

#define OPTIONS_MEMORY_DEFAULT_BYTES (512ull << 20)
#define OPTIONS_MEMORY_MIN_BYTES     ((uint64_t)BUF_BYTES)
#define OPTIONS_WINDOW_MAX           1024u
#define OPTIONS_TARGETS_MAX          8u
#define OPTIONS_ENDS_MAX             (1u + OPTIONS_TARGETS_MAX) /* SOURCE, then TARGETs */
#define OPTIONS_RENEW_WAIT_S         3600u
#define OPTIONS_RENEW_WAIT_MAX_S     5184000u /* 60 days: no disk's SAS lives longer */
#define OPTIONS_SEED_MAX             INT64_MAX
#define OPTIONS_SEED_DRAWN           UINT64_MAX
_Static_assert(OPTIONS_MEMORY_DEFAULT_BYTES <= BUFPOOL_MAX_BYTES, "a pool of the default fits");

struct options {
    enum command_id command;
    /* all text is a view into the arguments it was parsed from */
    const char *ends[OPTIONS_ENDS_MAX]; /* as given; may hold secrets */
    uint32_t ends_count;
    uint32_t target;  /* which of them is this command's, or this copy's of several */
    const char *base; /* may hold a secret */
    const char *source_id;
    const char *base_id;
    const char *state_folder; /* NULL: the user's own */
    const char *state_path;   /* NULL: beside the target */
    const char *journal_path; /* NULL: in the state folder */
    const char *ca_file;
    const char *client_cert, *client_key; /* send, verify: to show a receiver; both or none */
    const char *manifest;                 /* copy: to be made; verify: to compare with */
    const char *base_manifest;            /* of the base */
    const char *output;    /* map build: the map to be made; export: the stream, or - */
    const char *like;      /* map build: a map whose seed and strength are taken */
    const char *other_map; /* map show: what changed since that */
    struct receive_options receive;
    struct run_options run;
    struct rp_options rp;
    struct bench_options bench;
    const char *map;       /* of TARGET's blocks; export: as the target is; NULL: none */
    uint64_t memory_bytes; /* run: 0: as the job says */
    uint64_t coalesce_bytes;
    uint64_t window_start; /* 0: the engine's */
    uint64_t window_max;
    const char *profile; /* bench: to be written; copy, send, run: to begin with; NULL: none */
    uint32_t request_max_bytes; /* from a profile, not an option; 0: the ends' own */
    uint64_t threads;           /* that exchanges of HTTP run on; 0: auto */
    const char *renew_command;
    uint64_t renew_wait_s;
    uint64_t source_expires_s, base_expires_s, target_expires_s; /* 0: not said */
    uint64_t audit_ppm;                                          /* millionths; 0: none */
    uint64_t sample_ppm;                                         /* millionths; 0: everything */
    uint64_t seed;       /* of both; OPTIONS_SEED_DRAWN: one is drawn */
    int path;            /* enum copy_path */
    int footer;          /* enum copy_footer */
    int backend;         /* enum reactor_backend */
    int direct;          /* enum endpoint_file_direct */
    int compress;        /* send, bench: COMPRESS_AUTO, STREAM_LEVEL_RAW or a level */
    bool compress_asked; /* by an option: it goes before a profile's */
    bool strip_footer, add_footer;
    bool verify;
    bool no_dedup;
    bool restart;
    bool complete;
    bool no_root;
    bool strong; /* a map's hashes are SHA-256 */
    bool json;
    bool quiet;
    bool allow_http;
    bool help;
};

/* arguments[0] is the command's name; the array is permuted. With help set the ends may be missing. */
bool options_parse(struct options *out_options, enum command_id command, int count,
                   char **arguments, struct err *e);

/* Are its arguments ends of a copy? Those of the others are files that it reads by itself. */
bool options_opens_ends(const struct options *options);

/* A copy to more than one. */
bool options_many_targets(const struct options *options);

/* Does the command take TARGET alone? */
bool options_target_only(const struct options *options);

/* Was --json asked for? Also when the rest does not parse, so that the answer still ends with an
 * event. */
bool options_wants_json(int count, char *const *arguments);

/* Names of options by position, for tests of the help; NULL after the last one of this command. */
const char *options_name_at(enum command_id command, unsigned index);

#endif
