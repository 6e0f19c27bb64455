/* accounts.c - reads keys from the environment or from files, and keeps them decoded. */
#include "tools/regiond/accounts.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/regiond/signing.h"

#define KEY_TEXT_MAX_BYTES 512u /* of the variable or the file, line end included */

static const char development_key[] =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

struct accounts {
    struct account items[ACCOUNT_MAX_COUNT];
    size_t count;
};

struct accounts *accounts_new(void)
{
    return calloc(1, sizeof(struct accounts));
}

void accounts_free(struct accounts *accounts)
{
    if (!accounts)
        return;
    OPENSSL_cleanse(accounts, sizeof *accounts);
    free(accounts);
}

static bool refuse(char *out_text, size_t text_bytes, const char *name, const char *why)
{
    snprintf(out_text, text_bytes, "account %s: %s", name, why);
    return false;
}

static bool name_is_valid(const char *name, size_t n)
{
    if (n < 3 || n >= ACCOUNT_NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= '0' && name[i] <= '9') &&
            name[i] != '-')
            return false;
    return true;
}

/* One line of text into out; false: errno says why (EFBIG: it is no key). */
static bool read_line(const char *path, char out[KEY_TEXT_MAX_BYTES])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;
    int why;

    if (fd < 0)
        return false;
    n = read(fd, out, KEY_TEXT_MAX_BYTES - 1);
    why = n < 0 ? errno : EFBIG;
    close(fd);
    errno = why;
    if (n < 0 || (size_t)n == KEY_TEXT_MAX_BYTES - 1)
        return false;
    out[n] = '\0';
    return true;
}

static bool add(struct accounts *accounts, const char *name, const char *key_text, char *out_text,
                size_t text_bytes)
{
    struct account *account;
    size_t n = strcspn(key_text, " \t\r\n");

    if (accounts_find(accounts, name))
        return refuse(out_text, text_bytes, name, "given twice");
    if (accounts->count == ACCOUNT_MAX_COUNT)
        return refuse(out_text, text_bytes, name, "too many accounts");
    account = &accounts->items[accounts->count];
    if (key_text[n + strspn(key_text + n, " \t\r\n")] != '\0' ||
        !signing_decode(key_text, n, account->key, sizeof account->key, &account->key_bytes) ||
        account->key_bytes == 0)
        return refuse(out_text, text_bytes, name, "its key is not base64 of 1 to 128 bytes");
    strcpy(account->name, name);
    accounts->count++;
    return true;
}

bool accounts_add(struct accounts *accounts, const char *spec, char *out_text, size_t text_bytes)
{
    char name[ACCOUNT_NAME_MAX_BYTES];
    char line[KEY_TEXT_MAX_BYTES];
    const char *colon = strchr(spec, ':');
    const char *value;
    bool added;

    /* What follows the colon is not repeated: someone may have put the key itself there. */
    if (!colon || !name_is_valid(spec, (size_t)(colon - spec))) {
        snprintf(out_text, text_bytes,
                 "an account is NAME:env:VARIABLE or NAME:@FILE, NAME of a-z, 0-9 and '-'");
        return false;
    }
    memcpy(name, spec, (size_t)(colon - spec));
    name[colon - spec] = '\0';
    if (strncmp(colon + 1, "env:", 4) == 0) {
        value = getenv(colon + 5);
        if (!value)
            return refuse(out_text, text_bytes, name, "the variable named for its key is not set");
        return add(accounts, name, value, out_text, text_bytes);
    }
    if (colon[1] != '@')
        return refuse(out_text, text_bytes, name,
                      "its key must be given as env:VARIABLE or @FILE, never on the command line");
    if (!read_line(colon + 2, line))
        return refuse(out_text, text_bytes, name, strerror(errno));
    added = add(accounts, name, line, out_text, text_bytes);
    OPENSSL_cleanse(line, sizeof line);
    return added;
}

bool accounts_add_development(struct accounts *accounts, char *out_text, size_t text_bytes)
{
    return add(accounts, ACCOUNT_DEVELOPMENT_NAME, development_key, out_text, text_bytes);
}

const struct account *accounts_find(const struct accounts *accounts, const char *name)
{
    for (size_t i = 0; i < accounts->count; i++)
        if (strcmp(accounts->items[i].name, name) == 0)
            return &accounts->items[i];
    return NULL;
}

size_t accounts_count(const struct accounts *accounts)
{
    return accounts->count;
}

const struct account *accounts_at(const struct accounts *accounts, size_t index)
{
    return index < accounts->count ? &accounts->items[index] : NULL;
}

enum account_kind account_kind_of(const char *name)
{
    if (strncmp(name, "md-impexp-", 10) == 0)
        return ACCOUNT_UPLOAD_DISK;
    return strncmp(name, "md-", 3) == 0 ? ACCOUNT_DISK : ACCOUNT_ORDINARY;
}
