/* url_source.h - where a new URL of one end comes from: the file behind its @FILE, or a command.
 *
 * Knows:         when a file's line is new and whole; what a command may print.
 * Must not know: who wants a URL, what it must be for.
 * Threads:       the reactor's.
 *
 * The file is looked at when asked, then every second until its first line is another; a line counts when
 * two looks find the same, for files are not always replaced at once. With a command, the file is
 * looked at once, and the command is run if nothing new is there. The command finds in its environment
 * SNAPFERRY_SIDE, _ADDRESS (no query), _SNAPSHOT and _ID, never a SAS, and prints the URL and perhaps, on
 * a second line, when it ends.
 */
#ifndef SNAPFERRY_URL_SOURCE_H
#define SNAPFERRY_URL_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/digest.h"
#include "blockmap/err.h"
#include "io/command.h"
#include "io/secret.h"

#define URL_SOURCE_LOOK_NS   (1ull * NS_PER_S)
#define URL_SOURCE_SETTLE_NS (200ull * NS_PER_MS) /* between the two looks that must agree */
#define URL_SOURCE_RUN_NS    (120ull * NS_PER_S)  /* a command may take */

/* Who asks. Both come later than url_source_ask, from the reactor. */
struct url_source_owner {
    void (*found)(void *arg, struct secret_url *take, uint64_t expires_s); /* 0: not said */
    void (*failed)(void *arg, const struct err *why);
    void *arg;
};

struct url_source {
    /* set once */
    struct reactor *reactor;
    const char *file;          /* "@FILE"; NULL = none; borrowed */
    const char *command;       /* NULL = none; borrowed */
    const char *side;          /* "source", ...; static */
    const char *id;            /* borrowed */
    const char *const *hidden; /* variables the command does not see; ends with NULL */
    struct url_source_owner owner;
    /* changes */
    bool asked;
    struct block_hash known;    /* of the line given last, also when it was refused */
    struct block_hash settling; /* of a line seen once */
    struct timer timer;
    struct command *running;
    char variables[4][1200];
};

/* The source's own fields above `changes` are set by the caller; url: the one in use. */
void url_source_init(struct url_source *source, const struct secret_url *url);
void url_source_fini(struct url_source *source);

bool url_source_exists(const struct url_source *source);
/* url: what is in use now; borrowed for the call. One question at a time. */
void url_source_ask(struct url_source *source, const struct secret_url *url);
void url_source_stop(struct url_source *source); /* found and failed are not called any more */

#endif
