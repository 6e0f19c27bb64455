/* region_account.c - see region_account.h. An account's life, and the addresses of what is in it. */
#include "tools/controld/region_account_call.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/percent.h"

/* ---- Life ---- */

static bool take_url(struct region_account *account, const char *text, struct err *e)
{
    struct secret_url url = {0};
    size_t bytes;
    char *slashes;

    if (!secret_url_parse(text, &url, e))
        return false;
    if (url.query[0]) {
        secret_url_fini(&url);
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "an account's URL has no query; its SAS is given apart");
    }
    account->tls = url.tls;
    account->base = strdup(url.address);
    secret_url_fini(&url);
    if (!account->base)
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for an account");
    bytes = strlen(account->base);
    while (bytes > 0 && account->base[bytes - 1] == '/')
        account->base[--bytes] = 0;
    slashes = strstr(account->base, "://");
    account->path = slashes ? strchr(slashes + 3, '/') : NULL;
    if (!account->path)
        account->path = account->base + bytes;
    return true;
}

struct region_account *region_account_new(const struct region_account_setup *setup, struct err *e)
{
    struct region_account *account = calloc(1, sizeof *account);
    bool ok = account != NULL;

    if (!ok)
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for an account");
    if (ok && (!setup->key == !setup->sas || (setup->sas && !*setup->sas)))
        ok = err_set(e, ERR_USAGE, RETRY_NEVER, "an account has a key or a SAS");
    ok = ok && take_url(account, setup->url, e) &&
         (!setup->key || auth_key_parse(setup->key, &account->key, e));
    if (!ok) {
        region_account_free(account);
        return NULL;
    }
    account->http = setup->http;
    account->reactor = http_reactor(setup->http);
    account->has_key = setup->key != NULL;
    account->random.state = setup->seed;
    account->name = strdup(setup->name);
    if (setup->sas)
        account->sas = strdup(setup->sas + (setup->sas[0] == '?'));
    if (!account->name || (setup->sas && !account->sas)) {
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for an account");
        region_account_free(account);
        return NULL;
    }
    return account;
}

void region_account_free(struct region_account *account)
{
    if (!account)
        return;
    assert(!account->live);
    free(account->base);
    free(account->name);
    secret_wipe_free(account->sas);
    explicit_bzero(account, sizeof *account);
    free(account);
}

/* ---- Addresses ---- */

static bool is_container(const char *name)
{
    size_t bytes = strlen(name);

    if (bytes < 3 || bytes >= REGION_CONTAINER_MAX_BYTES)
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == bytes ||
           strcmp(name, "$root") == 0;
}

/* Every segment of a blob's name is something that no client or proxy would fold. */
static bool is_blob(const char *name)
{
    if (!*name || strlen(name) >= REGION_BLOB_MAX_BYTES)
        return false;
    for (const char *at = name; *at;) {
        size_t bytes = strcspn(at, "/");

        if (bytes == 0 || (bytes == 1 && at[0] == '.') || (bytes == 2 && !strncmp(at, "..", 2)))
            return false;
        at += bytes;
        if (*at && !*++at)
            return false;
    }
    return true;
}

/* Slashes of a blob's name stay slashes. */
static bool put_segments(FILE *out, const char *name)
{
    while (*name) {
        size_t bytes = strcspn(name, "/");
        char *segment = strndup(name, bytes);
        char *encoded = segment ? percent_encode(segment) : NULL;
        bool ok = encoded && fprintf(out, "/%s", encoded) > 0;

        free(segment);
        free(encoded);
        if (!ok)
            return false;
        name += bytes + (name[bytes] == '/');
    }
    return true;
}

char *region_account_address(const struct region_account *account, const char *container,
                             const char *blob, struct err *e)
{
    char *address = NULL;
    size_t count = 0;
    FILE *out;
    bool ok;

    if (!is_container(container) || (blob && !is_blob(blob))) {
        err_set(e, ERR_USAGE, RETRY_NEVER, "\"%.80s%s%.80s\" is no name of a container or blob",
                container, blob ? "/" : "", blob ? blob : "");
        return NULL;
    }
    out = open_memstream(&address, &count);
    ok = out && fprintf(out, "%s/%s", account->base, container) > 0 &&
         (!blob || put_segments(out, blob));
    if (out && fclose(out) != 0)
        ok = false;
    if (!ok) {
        free(address);
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for an address");
        return NULL;
    }
    return address;
}

/* ---- Look ---- */

bool region_account_has_key(const struct region_account *account)
{
    return account->has_key;
}

const char *region_account_name(const struct region_account *account)
{
    return account->name;
}

struct reactor *region_account_reactor(const struct region_account *account)
{
    return account->reactor;
}

struct http *region_account_http(const struct region_account *account)
{
    return account->http;
}
