/* text_file.c - reads one file. */
#include "tools/regiond/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes read, at most max_bytes; -1: errno says why. */
static ssize_t read_all(int fd, char *out, size_t max_bytes)
{
    size_t n = 0;

    while (n < max_bytes) {
        ssize_t got = read(fd, out + n, max_bytes - n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    return (ssize_t)n;
}

char *text_file_read(const char *path, size_t max_bytes, size_t *out_bytes, char *out_text,
                     size_t text_bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = malloc(max_bytes + 2); /* one more than may be there, and the NUL */
    ssize_t n = fd >= 0 && text ? read_all(fd, text, max_bytes + 1) : -1;

    if (n < 0) {
        snprintf(out_text, text_bytes, "%s: %s", path, strerror(errno));
    } else if ((size_t)n > max_bytes) {
        snprintf(out_text, text_bytes, "%s: longer than %zu bytes", path, max_bytes);
        n = -1;
    }
    if (fd >= 0)
        close(fd);
    if (n < 0) {
        free(text);
        return NULL;
    }
    text[n] = '\0';
    *out_bytes = (size_t)n;
    return text;
}
