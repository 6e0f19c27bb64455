/* file_marker.c - the marker of a file lives in a sidecar: lines of NAME=VALUE, written whole or not at all.
 *
 * Knows: the sidecar's form. Must not know: what the marker means, how one tells the file beside it.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/durable.h"
#include "io/endpoint_file_parts.h"

#define SIDECAR_MAX_BYTES 65536u
_Static_assert(MARKER_FIELDS_MAX *(sizeof(struct marker_field) + 32) < SIDECAR_MAX_BYTES,
               "every marker fits");

#define BIRTH_NAME "snapferry_birth" /* of the file that the marker was written for */

static bool take_line(struct marker *marker, char out_birth[FILE_BIRTH_MAX_BYTES], char *line,
                      struct err *e)
{
    char *value = strchr(line, '=');

    if (!value)
        return err_set(e, ERR_CORRUPT, RETRY_NEVER, "a line without '='");
    *value++ = '\0';
    if (strcmp(line, BIRTH_NAME) == 0)
        snprintf(out_birth, FILE_BIRTH_MAX_BYTES, "%s", value);
    return marker_decode_field(marker, line, value, e);
}

bool file_marker_read(const char *path, struct marker *out_marker,
                      char out_birth[FILE_BIRTH_MAX_BYTES], struct err *e)
{
    struct marker marker = {0};
    char *text = NULL;
    char *rest = NULL;
    size_t count = 0;
    bool good = true;

    out_birth[0] = '\0';
    if (!durable_read(path, SIDECAR_MAX_BYTES, &text, &count, e))
        return false;
    if (!text) {
        *out_marker = marker;
        return true;
    }
    if (strlen(text) != count)
        good = err_set(e, ERR_CORRUPT, RETRY_NEVER, "a NUL byte");
    for (char *line = strtok_r(text, "\n", &rest); good && line; line = strtok_r(NULL, "\n", &rest))
        good = take_line(&marker, out_birth, line, e);
    good = good && marker_decode_end(&marker, e);
    /* Always written with at least a state: an empty one was damaged. */
    if (good && marker.state == MARKER_NONE)
        good = err_set(e, ERR_CORRUPT, RETRY_NEVER, "it says nothing");
    free(text);
    if (good)
        *out_marker = marker;
    else
        err_prefix(e,
                   "the state file %.200s cannot be understood (delete it to start anew): ", path);
    return good;
}

bool file_marker_remove(const char *path, struct err *e)
{
    return unlink(path) == 0 || errno == ENOENT ||
           err_set_errno(e, errno, RETRY_NEVER, "cannot remove the old state file %.200s", path);
}

bool file_marker_write(const char *path, const struct marker *marker, const char *birth,
                       struct err *e)
{
    struct marker_field *fields = calloc(MARKER_FIELDS_MAX, sizeof *fields);
    char *text = malloc(SIDECAR_MAX_BYTES);
    size_t used = 0;
    bool good = false;

    assert(marker->state != MARKER_NONE); /* none is no file */
    if (!fields || !text) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the state file %.200s", path);
    } else {
        size_t count = marker_encode(marker, fields);

        for (size_t i = 0; i < count; i++)
            used += (size_t)snprintf(text + used, SIDECAR_MAX_BYTES - used, "%s=%s\n",
                                     fields[i].name, fields[i].value);
        if (birth[0])
            used +=
                (size_t)snprintf(text + used, SIDECAR_MAX_BYTES - used, BIRTH_NAME "=%s\n", birth);
        good = durable_write(path, text, used, e);
    }
    free(fields);
    free(text);
    return good;
}
