/* access_policy.c - start, expiry and permissions as three lines. */
#include "tools/regiond/access_policy.h"

#include <stdio.h>
#include <string.h>

void access_policy_format(const struct access_policy *policy,
                          char out_text[ACCESS_POLICY_TEXT_MAX_BYTES])
{
    snprintf(out_text, ACCESS_POLICY_TEXT_MAX_BYTES, "%s\n%s\n%s", policy->start, policy->expiry,
             policy->permissions);
}

/* One line into out; returns what follows it, NULL if it does not fit. */
static const char *take_line(const char *text, char *out, size_t out_size_bytes)
{
    size_t n = strcspn(text, "\n");

    if (n >= out_size_bytes)
        return NULL;
    memcpy(out, text, n);
    out[n] = '\0';
    return text[n] ? text + n + 1 : text + n;
}

bool access_policy_parse(const char *text, struct access_policy *out)
{
    text = take_line(text, out->start, sizeof out->start);
    if (text)
        text = take_line(text, out->expiry, sizeof out->expiry);
    if (text)
        text = take_line(text, out->permissions, sizeof out->permissions);
    return text && *text == '\0';
}
