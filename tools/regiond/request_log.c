/* request_log.c - builds the line in memory and appends it in one go. */
#include "tools/regiond/request_log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/regiond/dispatch.h"
#include "tools/regiond/region_clock.h"

struct request_log {
    int fd;
};

struct request_log *request_log_open(const char *path)
{
    struct request_log *log = malloc(sizeof *log);

    if (!log)
        return NULL;
    log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log->fd < 0) {
        free(log);
        return NULL;
    }
    return log;
}

void request_log_close(struct request_log *log)
{
    if (!log)
        return;
    close(log->fd);
    free(log);
}

static void member(struct text_out *t, const char *name, const char *value)
{
    text_out_format(t, ",\"%s\":", name);
    text_out_json(t, value);
}

static void member_if(struct text_out *t, const char *name, const char *value)
{
    if (value && *value)
        member(t, name, value);
}

static void time_member(struct text_out *t)
{
    uint64_t ticks = region_clock_ticks();
    time_t seconds = (time_t)region_clock_unix_seconds(ticks);
    char text[32];
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    text_out_format(t, "{\"time\":\"%s.%06uZ\"", text,
                    (unsigned)(ticks % TICKS_PER_SECOND / (TICKS_PER_SECOND / 1000000)));
}

static void caller_member(struct text_out *t, const struct request *r)
{
    static const char *const names[] = {
        [CALLER_NOBODY] = "nobody", [CALLER_KEY] = "key", [CALLER_SAS] = "sas"};

    member(t, "caller", names[r->caller]);
}

void request_log_line(struct request_log *log, const struct exchange *x,
                      const struct request_log_end *end)
{
    const struct request *r = &x->request;
    struct text_out t = {0};

    if (!log)
        return;
    time_member(&t);
    member(&t, "requestId", r->id);
    member(&t, "method", r->method ? r->method : "");
    member(&t, "verb", x->verb ? x->verb->name : "");
    member(&t, "account", r->account);
    member_if(&t, "container", r->container);
    member_if(&t, "blob", r->blob);
    member_if(&t, "snapshot", r->snapshot);
    member_if(&t, "comp", request_param(r, "comp"));
    member_if(&t, "since", request_param(r, "prevsnapshot"));
    member_if(&t, "pageWrite", request_header(r, "x-ms-page-write"));
    member_if(&t, "leaseAction", request_header(r, "x-ms-lease-action"));
    member_if(&t, "leaseProposed", request_header(r, "x-ms-proposed-lease-id"));
    member_if(&t, "leaseId", request_header(r, "x-ms-lease-id"));
    if (x->facts.has_range)
        text_out_format(&t, ",\"rangeOffset\":%" PRIu64 ",\"rangeLength\":%" PRIu64,
                        x->facts.range_offset, x->facts.range_bytes);
    member_if(&t, "checksumAsked", x->facts.checksum_asked);
    member_if(&t, "checksumSent", x->facts.checksum_sent);
    caller_member(&t, r);
    text_out_format(&t, ",\"status\":%u", end->status);
    member_if(&t, "code", end->code);
    member_if(&t, "fault", end->fault);
    text_out_format(&t, ",\"bytesIn\":%" PRIu64, end->bytes_in);
    if (end->bytes_out != ANSWER_BYTES_UNKNOWN)
        text_out_format(&t, ",\"bytesOut\":%" PRIu64, end->bytes_out);
    text_out_format(&t, ",\"connection\":%" PRIu64 ",\"durationUs\":%" PRIu64, r->connection_id,
                    (end->now_ns - r->started_ns) / 1000);
    member_if(&t, "clientRequestId", request_header(r, "x-ms-client-request-id"));
    text_out_text(&t, "}\n");
    if (!t.failed && write(log->fd, t.bytes, t.length) < 0)
        dprintf(STDERR_FILENO, "regiond: a line of the request log could not be written\n");
    text_out_fini(&t);
}
