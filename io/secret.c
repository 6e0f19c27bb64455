/* secret.c - see secret.h. */
#include "io/secret.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "io/percent.h"

bool secret_is_url(const char *text)
{
    return strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
}

bool secret_looks_like_url(const char *text)
{
    const char *colon = strstr(text, "://");

    return (colon > text && !memchr(text, '/', (size_t)(colon - text))) ||
           strcasestr(text, "sig=") != NULL;
}

void secret_wipe_free(char *text)
{
    if (!text)
        return;
    explicit_bzero(text, strlen(text));
    free(text);
}

/* ---- Where a secret comes from ---- */

bool secret_is_variable(const char *name)
{
    if (!isalpha((unsigned char)*name) && *name != '_')
        return false;
    while (isalnum((unsigned char)*name) || *name == '_')
        name++;
    return *name == 0;
}

/* "env:https://...": the secret itself, given in the wrong place, is not to be shown. */
static bool resolve_environment(const char *name, char **out_text, struct err *e)
{
    const char *value = secret_is_variable(name) ? getenv(name) : NULL;

    if (!secret_is_variable(name))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "env: is followed by the name of a variable");
    if (!value || !*value)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "env:%.100s: this variable is not set", name);
    if (strlen(value) > SECRET_URL_MAX_BYTES)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "env:%.100s is longer than %u bytes", name,
                       SECRET_URL_MAX_BYTES);
    *out_text = strdup(value);
    return *out_text || err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for env:%.100s", name);
}

static bool resolve_file(const char *path, char **out_text, struct err *e)
{
    char line[SECRET_URL_MAX_BYTES + 3] = ""; /* and "\r\n", NUL */
    FILE *file = fopen(path, "re");
    int shown = (int)strcspn(path, "?"); /* "@https://...": likewise */
    bool ok = false;

    if (!file)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot open @%.*s", shown > 200 ? 200 : shown,
                             path);
    setvbuf(file, NULL, _IONBF, 0); /* no copy of the secret in stdio's own buffer */
    if (!fgets(line, sizeof line, file) && ferror(file)) {
        err_set_errno(e, errno, RETRY_NEVER, "cannot read @%.200s", path);
        goto out;
    }
    line[strcspn(line, "\r\n")] = 0;
    if (!*line) {
        err_set(e, ERR_USAGE, RETRY_NEVER, "@%.200s: its first line is empty", path);
        goto out;
    }
    if (strlen(line) > SECRET_URL_MAX_BYTES) {
        err_set(e, ERR_USAGE, RETRY_NEVER, "@%.200s: its first line is longer than %u bytes", path,
                SECRET_URL_MAX_BYTES);
        goto out;
    }
    *out_text = strdup(line);
    ok = *out_text || err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for @%.200s", path);
out:
    explicit_bzero(line, sizeof line);
    fclose(file);
    return ok;
}

bool secret_resolve(const char *argument, char **out_text, struct err *e)
{
    if (strncmp(argument, "env:", 4) == 0)
        return resolve_environment(argument + 4, out_text, e);
    if (argument[0] == '@')
        return resolve_file(argument + 1, out_text, e);
    *out_text = strdup(argument);
    return *out_text || err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for an argument");
}

/* ---- What a URL says ---- */

static bool is_loopback(const char *host)
{
    struct in_addr v4;

    if (strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0)
        return true;
    return inet_pton(AF_INET, host, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}

/* An address, localhost or a name without a dot has no account in it: the path begins with it. */
static bool is_path_style(const char *host)
{
    struct in_addr v4;

    return !strchr(host, '.') || inet_pton(AF_INET, host, &v4) == 1;
}

static void copy_lower(char *target, const char *source, size_t count)
{
    for (size_t i = 0; i < count; i++)
        target[i] = (char)tolower((unsigned char)source[i]);
    target[count] = 0;
}

/* authority: host[:port] or [v6][:port]. No user, no password: those would be a second secret. */
static bool parse_authority(const char *text, size_t count, struct secret_url *url, struct err *e)
{
    const char *end = text + count, *host_end, *port;

    if (memchr(text, '@', count))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "a URL must not carry a user or a password");
    if (count > 0 && text[0] == '[') {
        text++;
        host_end = memchr(text, ']', (size_t)(end - text));
        if (!host_end)
            return err_set(e, ERR_USAGE, RETRY_NEVER, "the URL's [address] is not closed");
        port = host_end + 1;
    } else {
        host_end = memchr(text, ':', count);
        if (!host_end)
            host_end = end;
        port = host_end;
    }
    if (host_end == text)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "the URL has no host");
    if ((size_t)(host_end - text) >= sizeof url->host)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "the URL's host is longer than 255 bytes");
    copy_lower(url->host, text, (size_t)(host_end - text));
    if (port < end) {
        char *stop = NULL;
        unsigned long number =
            *port == ':' && isdigit((unsigned char)port[1]) ? strtoul(port + 1, &stop, 10) : 0;

        if (stop != end || number < 1 || number > 65535)
            return err_set(e, ERR_USAGE, RETRY_NEVER, "the URL's port is not a number to 65535");
    }
    return true;
}

static void find_account(struct secret_url *url, const char *path)
{
    const char *from = url->host;
    size_t count = strcspn(from, ".");

    if (is_path_style(url->host)) {
        from = *path == '/' ? path + 1 : path;
        count = strcspn(from, "/");
    }
    if (count >= sizeof url->account)
        count = sizeof url->account - 1;
    copy_lower(url->account, from, count);
    url->managed_disk = strncmp(url->account, "md-", 3) == 0;
    url->upload_disk = strncmp(url->account, "md-impexp-", 10) == 0;
}

/* "+02:00" as seconds east; false: something else. */
static bool parse_offset(const char *text, long *out_seconds)
{
    unsigned hours, minutes;
    char end;

    if ((*text != '+' && *text != '-') ||
        sscanf(text + 1, "%2u:%2u%c", &hours, &minutes, &end) != 2 || strlen(text) != 6 ||
        hours > 23 || minutes > 59)
        return false;
    *out_seconds = (long)(hours * 3600 + minutes * 60) * (*text == '-' ? -1 : 1);
    return true;
}

uint64_t secret_time_s(const char *text)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm tm = {0};
        const char *rest = strptime(text, forms[i], &tm);
        long east_s = 0;
        time_t at;

        if (!rest)
            continue;
        if (*rest == '.')
            rest += 1 + strspn(rest + 1, "0123456789");
        if (*rest && strcasecmp(rest, "Z") != 0 && !parse_offset(rest, &east_s))
            continue;
        at = timegm(&tm) - east_s;
        return at > 0 ? (uint64_t)at : 0;
    }
    return 0;
}

static bool is_named(const char *parameter, const char *name, const char **out_value)
{
    size_t count = strlen(name);

    if (strncasecmp(parameter, name, count) != 0 || parameter[count] != '=')
        return false;
    *out_value = parameter + count + 1;
    return true;
}

bool secret_url_of_blob(const struct secret_url *container, const char *name,
                        struct secret_url *out_url, struct err *e)
{
    size_t address_bytes = strlen(container->address);
    char *text = NULL;
    bool ok = false;

    while (address_bytes > 0 && container->address[address_bytes - 1] == '/')
        address_bytes--;
    if (asprintf(&text, "%.*s/%s?%s", (int)address_bytes, container->address, name,
                 container->query) < 0)
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a URL");
    ok = secret_url_parse(text, out_url, e);
    secret_wipe_free(text);
    return ok;
}

bool secret_url_has_signature(const struct secret_url *url)
{
    const char *value;

    for (const char *at = url->query; *at; at += strcspn(at, "&"), at += *at == '&')
        if (is_named(at, "sig", &value) && *value && *value != '&')
            return true;
    return false;
}

static bool look_into_query(struct secret_url *url, struct err *e)
{
    const char *at = url->query;

    while (*at) {
        size_t count = strcspn(at, "&");
        const char *value;

        if (is_named(at, "snapshot", &value)) {
            if (url->snapshot)
                return err_set(e, ERR_USAGE, RETRY_NEVER, "the URL names two snapshots");
            url->snapshot = percent_decode(value, count - (size_t)(value - at));
            if (!url->snapshot)
                return err_set(e, ERR_USAGE, RETRY_NEVER, "the URL's snapshot= does not decode");
        } else if (is_named(at, "se", &value)) {
            char *text = percent_decode(value, count - (size_t)(value - at));

            url->expiry_s = text ? secret_time_s(text) : 0;
            free(text);
        }
        at += count;
        at += *at == '&';
    }
    return true;
}

static bool has_bad_bytes(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 127 ||
            strchr("\"<>\\^`{|}#", *text))
            return true;
    return false;
}

/* "." and ".." would be taken out on the way, so that one blob had two spellings: two names, two locks. */
static bool check_path(const char *path, struct err *e)
{
    char *decoded = percent_decode(path, strlen(path));
    bool steps = false;

    if (!decoded)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "the URL's path does not decode");
    for (const char *part = decoded; *part && !steps; part += *part == '/') {
        size_t count = strcspn(part, "/");

        steps = (count == 1 || count == 2) && strspn(part, ".") == count;
        part += count;
    }
    free(decoded);
    return !steps || err_set(e, ERR_USAGE, RETRY_NEVER,
                             "the URL's path has a part that is \".\" or \"..\": leave it out");
}

bool secret_url_parse(const char *text, struct secret_url *out_url, struct err *e)
{
    struct secret_url url = {0};
    size_t scheme, authority, address;

    if (!secret_is_url(text))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "this is not an http:// or https:// URL");
    if (strlen(text) > SECRET_URL_MAX_BYTES)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "the URL is longer than %u bytes",
                       SECRET_URL_MAX_BYTES);
    if (has_bad_bytes(text))
        return err_set(
            e, ERR_USAGE, RETRY_NEVER,
            "the URL has a character that must be percent-encoded (a blank, a quote, ...)");
    url.tls = tolower((unsigned char)text[4]) == 's';
    scheme = url.tls ? 8 : 7;
    authority = strcspn(text + scheme, "/?");
    address = strcspn(text, "?");
    if (!parse_authority(text + scheme, authority, &url, e))
        return false;
    url.loopback = is_loopback(url.host);
    url.address = strndup(text, address);
    url.query = strdup(text[address] ? text + address + 1 : "");
    if (!url.address || !url.query) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a URL");
        goto fail;
    }
    find_account(&url, url.address + scheme + authority);
    if (!check_path(url.address + scheme + authority, e) || !look_into_query(&url, e))
        goto fail;
    *out_url = url;
    return true;
fail:
    secret_url_fini(&url);
    return false;
}

void secret_url_fini(struct secret_url *url)
{
    secret_wipe_free(url->query);
    free(url->address);
    free(url->snapshot);
    memset(url, 0, sizeof *url);
}

char *secret_url_identity(const struct secret_url *url)
{
    const char *host = strstr(url->address, "://") + 3;
    const char *path = host + strcspn(host, "/");
    char *identity = NULL;

    if (asprintf(&identity, "%s%s%s", url->address, url->snapshot ? "?snapshot=" : "",
                 url->snapshot ? url->snapshot : "") < 0)
        return NULL;
    for (char *c = identity; c < identity + (path - url->address); c++)
        *c = (char)tolower((unsigned char)*c); /* names of hosts do not care, paths do */
    return identity;
}

char *secret_url_full(const struct secret_url *url, const char *additions)
{
    const char *more = additions ? additions : "";
    const char *parts[] = {url->address, *url->query || *more ? "?" : "", url->query,
                           *url->query && *more ? "&" : "", more};
    size_t bytes = 1, used = 0;
    char *full;

    /* In one piece: what asprintf grows, it leaves behind unwiped. */
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        bytes += strlen(parts[i]);
    full = malloc(bytes);
    for (size_t i = 0; full && i < sizeof parts / sizeof parts[0]; i++) {
        memcpy(full + used, parts[i], strlen(parts[i]) + 1);
        used += strlen(parts[i]);
    }
    return full;
}

/* ---- What others wrote, before it is shown ---- */

/* What stands before a secret, in lower case; what follows is cut up to the next delimiter. */
static const char *const secret_prefixes[] = {"sig=",        "sig%3d",   "bearer ", "sharedkey ",
                                              "accountkey=", "sig&#61;", NULL};

static size_t secret_prefix_at(const char *text)
{
    for (size_t i = 0; secret_prefixes[i]; i++)
        if (strncasecmp(text, secret_prefixes[i], strlen(secret_prefixes[i])) == 0)
            return strlen(secret_prefixes[i]);
    return 0;
}

#define SECRET_URL_ENDS " \t\r\n\"'<>)]"

/* A query that is the time of a snapshot and nothing else is part of an identity; bytes, or 0. */
static size_t secret_snapshot_at(const char *text)
{
    size_t name = strncmp(text, "?snapshot=", 10) == 0 ? 10 : 0;
    size_t time = name ? strspn(text + name, "0123456789TZ:.-") : 0;

    if (!time || (text[name + time] && !strchr(SECRET_URL_ENDS ",;", text[name + time])))
        return 0;
    return name + time;
}

/* "user:password" of "user:password@host", behind the "://"; bytes, or 0. */
static size_t secret_user_at(const char *text)
{
    size_t authority = strcspn(text, "/?#" SECRET_URL_ENDS);

    while (authority && text[authority - 1] != '@')
        authority--; /* a password may have '@' in it: the last one counts */
    return authority ? authority - 1 : 0;
}

void secret_redact(char *text)
{
    char *to = text;
    bool in_url = false;

    for (const char *at = text; *at;) {
        size_t prefix = secret_prefix_at(at);
        size_t value = 0;

        if (prefix) {
            value = strcspn(at + prefix, "& \t\r\n\"'<>;,)]");
        } else if (in_url && *at == '?') {
            prefix = secret_snapshot_at(at);
            if (!prefix) {
                prefix = 1;
                value = strcspn(at + 1, SECRET_URL_ENDS);
            }
        } else if (strncmp(at, "://", 3) == 0) {
            in_url = true;
            value = secret_user_at(at + 3);
            prefix = value ? 3 : 0;
        }
        if (prefix) {
            memmove(to, at, prefix);
            to += prefix;
            at += prefix + value;
            if (value)
                *to++ = '*';
            continue;
        }
        if (strchr(" \t\r\n\"'<>", *at))
            in_url = false;
        *to++ = *at++;
    }
    *to = 0;
}
