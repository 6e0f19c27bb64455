/* accounts.h - the storage accounts of this region: names, keys, kinds.
 *
 * Knows:         the forms a key may be given in, none of which puts it on the command line.
 * Must not know: requests, signatures, files of the store.
 * Threads:       filled by one thread before the service starts, then only looked at, by any.
 */
#ifndef REGIOND_ACCOUNTS_H
#define REGIOND_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>

#define ACCOUNT_NAME_MAX_BYTES 64u /* NUL included; the service: 3 to 24, hosts of disks more */
#define ACCOUNT_KEY_MAX_BYTES  128u
#define ACCOUNT_MAX_COUNT      64u

/* The development account and key every Azure emulator knows (public constants). */
#define ACCOUNT_DEVELOPMENT_NAME "devstoreaccount1"

enum account_kind {
    ACCOUNT_ORDINARY,
    ACCOUNT_DISK,       /* md-...: a managed disk's host, read by SAS */
    ACCOUNT_UPLOAD_DISK /* md-impexp-...: a managed disk's host, written by SAS */
};

struct account {
    char name[ACCOUNT_NAME_MAX_BYTES];
    unsigned char key[ACCOUNT_KEY_MAX_BYTES]; /* a secret: raw bytes, decoded */
    size_t key_bytes;
};

struct accounts;

/* ---- Life ---- */
struct accounts *accounts_new(void);           /* empty; NULL: no memory */
void accounts_free(struct accounts *accounts); /* wipes the keys; NULL is fine */

/* ---- Use: false with a sentence (which never holds the key) in out_text ---- */

/* "NAME:env:VAR" or "NAME:@FILE"; the variable's or the file's text is the key in base64. */
bool accounts_add(struct accounts *accounts, const char *spec, char *out_text, size_t text_bytes);
bool accounts_add_development(struct accounts *accounts, char *out_text, size_t text_bytes);

/* ---- Look ---- */
const struct account *accounts_find(const struct accounts *accounts, const char *name);
size_t accounts_count(const struct accounts *accounts);
const struct account *accounts_at(const struct accounts *accounts, size_t index);
enum account_kind account_kind_of(const char *name);

#endif
