/* end_key.c - see end_key.h. */
#include "engine/end_key.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/percent.h"

#define URL_PORT_TLS   443ul
#define URL_PORT_PLAIN 80ul

char *end_key_blob(const struct secret_url *url, const char *snapshot)
{
    const char *authority = strstr(url->address, "://") + 3;
    const char *raw = authority + strcspn(authority, "/"), *digits = raw;
    unsigned long port = url->tls ? URL_PORT_TLS : URL_PORT_PLAIN;
    char *path = percent_decode(raw, strlen(raw)), *key = NULL;

    while (digits > authority && isdigit((unsigned char)digits[-1]))
        digits--;
    if (digits > authority && digits[-1] == ':')
        port = strtoul(digits, NULL, 10);
    if (asprintf(&key, "blob %s:%lu%s?%s", url->host, port, path ? path : raw,
                 snapshot ? snapshot : "") < 0)
        key = NULL;
    free(path);
    return key;
}

static char *key_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder, *key = NULL;
    struct stat at;
    int wrote;

    if (stat(path, &at) == 0) {
        wrote = S_ISBLK(at.st_mode)
                    ? asprintf(&key, "device %llx", (unsigned long long)at.st_rdev)
                    : asprintf(&key, "file %llx %llx", (unsigned long long)at.st_dev,
                               (unsigned long long)at.st_ino);
        return wrote < 0 ? NULL : key;
    }
    folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (folder && stat(folder, &at) == 0)
        wrote = asprintf(&key, "new %llx %llx %s", (unsigned long long)at.st_dev,
                         (unsigned long long)at.st_ino, slash ? slash + 1 : path);
    else
        wrote = asprintf(&key, "path %s", path);
    free(folder);
    return wrote < 0 ? NULL : key;
}

char *end_key_file(const char *path, const char *ending)
{
    char *whole = NULL, *key;

    if (asprintf(&whole, "%s%s", path, ending) < 0)
        return NULL;
    key = key_of(whole);
    free(whole);
    return key;
}

bool end_key_same(char *take_a, char *take_b)
{
    bool same = take_a && take_b && strcmp(take_a, take_b) == 0;

    free(take_a);
    free(take_b);
    return same;
}

bool end_key_same_file(const char *a, const char *b)
{
    return end_key_same(end_key_file(a, ""), end_key_file(b, ""));
}
