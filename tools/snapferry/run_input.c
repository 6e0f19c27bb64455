/* run_input.c - see run_input.h. */
#include "tools/snapferry/run_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/job_parse.h"

#define START_BYTES 65536u

struct text {
    char *bytes;
    size_t count, room;
};

static void text_fini(struct text *text)
{
    if (text->bytes)
        explicit_bzero(text->bytes, text->room);
    free(text->bytes);
}

/* Not realloc: what it leaves behind could not be wiped. */
static bool text_grow(struct text *text)
{
    struct text more = {.room = text->room ? 2 * text->room : START_BYTES, .count = text->count};

    more.bytes = malloc(more.room);
    if (!more.bytes)
        return false;
    if (text->bytes)
        memcpy(more.bytes, text->bytes, text->count);
    text_fini(text);
    *text = more;
    return true;
}

static bool read_all(int fd, const char *path, struct text *text, struct err *e)
{
    for (;;) {
        ssize_t took;

        if (text->count == text->room && !text_grow(text))
            return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to read %.200s", path);
        took = read(fd, text->bytes + text->count, text->room - text->count);
        if (took == 0)
            return true;
        if (took < 0 && errno != EINTR)
            return err_set_errno(e, errno, RETRY_NEVER, "cannot read %.200s", path);
        if (took > 0)
            text->count += (size_t)took;
        if (text->count > JOB_TEXT_MAX_BYTES)
            return err_set(e, ERR_USAGE, RETRY_NEVER,
                           "%.200s is longer than a job may be: %u bytes", path,
                           JOB_TEXT_MAX_BYTES);
    }
}

bool run_input_take(const char *text, size_t bytes, struct job_spec *out_spec,
                    struct run_remarks *remarks)
{
    return job_parse(text, bytes, out_spec, run_remarks_add, remarks);
}

bool run_input_read(const char *path, struct job_spec *out_spec, struct run_remarks *remarks,
                    struct err *e)
{
    struct text text = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = false;

    if (fd < 0)
        err_set_errno(e, errno, RETRY_NEVER, "cannot open %.200s", path);
    else
        ok = read_all(fd, path, &text, e) &&
             run_input_take(text.count ? text.bytes : "", text.count, out_spec, remarks);
    if (fd >= 0)
        close(fd);
    text_fini(&text);
    return ok;
}
