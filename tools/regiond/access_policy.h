/* access_policy.h - a stored access policy as a container keeps it: what si= in a SAS refers to.
 *
 * Knows:         the three fields, and the one text they are kept as in the store.
 * Must not know: XML, signatures, whether a time is over.
 * Threads:       plain values.
 */
#ifndef REGIOND_ACCESS_POLICY_H
#define REGIOND_ACCESS_POLICY_H

#include <stdbool.h>

#define ACCESS_POLICY_ID_MAX_BYTES   65u /* the service: 64 characters */
#define ACCESS_POLICY_TEXT_MAX_BYTES 128u

/* Each "" when the policy leaves it to the SAS. Times as in a SAS's st and se. */
struct access_policy {
    char start[40];
    char expiry[40];
    char permissions[20]; /* "rw" */
};

/* The value kept under the policy's id in store_container.policies, and back (false: not one). */
void access_policy_format(const struct access_policy *policy,
                          char out_text[ACCESS_POLICY_TEXT_MAX_BYTES]);
bool access_policy_parse(const char *text, struct access_policy *out);

#endif
