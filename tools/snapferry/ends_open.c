/* ends_open.c - from a parsed end to an endpoint; see ends.h. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "io/endpoint_file.h"
#include "io/endpoint_mem.h"
#include "io/endpoint_pageblob.h"
#include "io/endpoint_relay.h"
#include "io/endpoint_stream_in.h"
#include "io/endpoint_stream_out.h"
#include "tools/snapferry/ends.h"

static struct endpoint *open_blob(struct session *session, struct end_spec *spec,
                                  const struct options *options, struct err *e)
{
    struct endpoint_pageblob_options how = {
        /* A snapshot cannot change; what is live may, under our hands. */
        .guard_reads = spec->role == END_SOURCE && !spec->url.snapshot && !spec->url.managed_disk,
        .identity = spec->role == END_SOURCE ? options->source_id
                    : spec->role == END_BASE ? options->base_id
                                             : NULL,
    };
    struct http *http = session_http(session, e);

    return http ? endpoint_pageblob_open(session->reactor, http, &spec->url, &how, e) : NULL;
}

static struct endpoint *open_relay(struct session *session, struct end_spec *spec,
                                   const struct options *options, struct err *e)
{
    struct http *http = session_relay_http(session, e);
    struct workers *workers = http ? session_workers(session, e) : NULL;
    char sender[MARKER_UUID_MAX_BYTES];
    struct endpoint_relay_options how = {.level = options->compress,
                                         .no_dedup = options->no_dedup,
                                         .sender = sender};
    unsigned char bytes[16];

    if (!workers)
        return NULL;
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        err_set_errno(e, errno, RETRY_NEVER, "the kernel gives no random bytes");
        return NULL;
    }
    marker_uuid_from(bytes, sender);
    return endpoint_relay_new(http, workers, &spec->url, &how, e);
}

/* What people read goes to stderr from now on: stdout is the stream's. */
static int take_stdout(struct err *e)
{
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

    if (fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
        err_set_errno(e, errno, RETRY_NEVER, "the standard output cannot be used");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

static struct endpoint *open_stream(struct session *session, const struct end_spec *spec,
                                    const struct options *options, struct err *e)
{
    struct workers *workers = session_workers(session, e);
    bool piped = strcmp(spec->path, "-") == 0;
    struct endpoint_stream_out_options how = {.path = piped ? NULL : spec->path,
                                              .level = options->compress,
                                              .no_dedup = options->no_dedup};

    if (!workers)
        return NULL;
    if (spec->role == END_SOURCE)
        return endpoint_stream_in_open(session->reactor, workers, how.path, STDIN_FILENO, e);
    if (piped && (how.fd = take_stdout(e)) < 0)
        return NULL;
    return endpoint_stream_out_new(session->reactor, workers, &how, e);
}

struct endpoint *end_open(struct session *session, struct end_spec *spec,
                          const struct options *options, struct err *e)
{
    struct endpoint_file_options file = {
        .writable = spec->role == END_TARGET && options->command != COMMAND_VERIFY,
        .direct = (enum endpoint_file_direct)options->direct,
        .state_path = spec->role == END_TARGET ? options->state_path : NULL,
    };

    switch (spec->kind) {
    case END_BLOB:
        return open_blob(session, spec, options, e);
    case END_FILE:
        return endpoint_file_open(session->reactor, spec->path, &file, e);
    case END_NULL:
        return endpoint_null_new(session->reactor, spec->size_bytes, e);
    case END_PATTERN:
        return endpoint_pattern_new(session->reactor, spec->size_bytes, spec->seed,
                                    spec->hole_permille, e);
    case END_RELAY:
        return open_relay(session, spec, options, e);
    case END_STREAM:
        return open_stream(session, spec, options, e);
    case END_NONE:
        break;
    }
    assert(!"an end was parsed before it is opened");
    return NULL;
}
