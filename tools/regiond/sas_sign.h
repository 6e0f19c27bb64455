/* sas_sign.h - the text a shared access signature signs, in each of its eras, and the signature.
 *
 * Knows:         which fields are signed in which order (protocol.md B.3), by the version sv=.
 * Must not know: requests, time, policies, whether anything is allowed.
 * Threads:       any; pure.
 */
#ifndef REGIOND_SAS_SIGN_H
#define REGIOND_SAS_SIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/regiond/signing.h"

#define SAS_VERSION_OLDEST  "2012-02-12" /* the first with sv= */
#define SAS_VERSION_DEFAULT "2020-12-06"
#define SAS_TEXT_MAX_BYTES  4096u
#define SAS_OVERRIDE_COUNT  5u /* rscc, rscd, rsce, rscl, rsct */

/* Decoded values; "" where the URL has none. Borrowed. */
struct sas_fields {
    const char *version;     /* sv */
    const char *permissions; /* sp */
    const char *start;       /* st */
    const char *expiry;      /* se */
    const char *policy_id;   /* si */
    const char *address;     /* sip */
    const char *protocol;    /* spr */
    const char *kind;        /* sr: b, bs, c; an account SAS: not used */
    const char *snapshot;    /* signed for sr=bs only */
    const char *encryption;  /* ses */
    const char *services;    /* ss, of an account SAS */
    const char *types;       /* srt, of an account SAS */
    const char *overrides[SAS_OVERRIDE_COUNT];
    const char *account;
    const char *container;
    const char *blob; /* "" for sr=c */
};

extern const char *const sas_override_names[SAS_OVERRIDE_COUNT];

/* A version as sv= may hold one: a date, and not before SAS_VERSION_OLDEST. */
bool sas_version_known(const char *version);

/* False: it does not fit SAS_TEXT_MAX_BYTES. */
bool sas_service_text(const struct sas_fields *fields, char out_text[SAS_TEXT_MAX_BYTES]);
bool sas_account_text(const struct sas_fields *fields, char out_text[SAS_TEXT_MAX_BYTES]);

#endif
