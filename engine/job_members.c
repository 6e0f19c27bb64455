/* job_members.c - see job_members.h. */
#include "engine/job_members.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "io/bufpool.h"
#include "io/secret.h"

#define TIME_TEXT_BYTES 64u

/* ---- JSON ---- */

static const char *no_json_why(enum json_error_code code)
{
    switch (code) {
    case json_error_duplicate_key:
        return "a member is there twice";
    case json_error_stack_overflow:
        return "it is nested too deep";
    case json_error_invalid_utf8:
        return "it is not UTF-8";
    case json_error_premature_end_of_input:
        return "it ends too early";
    case json_error_end_of_input_expected:
        return "something follows its end";
    case json_error_numeric_overflow:
        return "a number is too large";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a text has a NUL in it";
    case json_error_out_of_memory:
        return "no memory for it";
    default:
        return "a syntax error";
    }
}

bool job_members_no_json(const json_error_t *error, struct err *e)
{
    return err_set(e, ERR_USAGE, RETRY_NEVER, "this is not a JSON object: %s (line %d, column %d)",
                   no_json_why(json_error_code(error)), error->line > 0 ? error->line : 1,
                   error->column > 0 ? error->column : 0);
}

void job_members_name(const char *name, char out_name[JOB_NAME_SHOWN_SIZE])
{
    size_t length = strlen(name);
    bool plain = length > 0 && length < JOB_NAME_SHOWN_SIZE;

    for (const char *c = name; plain && *c; c++)
        plain = isalnum((unsigned char)*c) || *c == '_' || *c == '-';
    snprintf(out_name, JOB_NAME_SHOWN_SIZE, "%s", plain ? name : "?");
}

/* jansson gives its memory back as it is. */
void job_members_wipe(json_t *value)
{
    const char *key;
    json_t *member;
    size_t i;

    if (json_is_string(value))
        explicit_bzero((char *)json_string_value(value), json_string_length(value));
    json_object_foreach(value, key, member) job_members_wipe(member);
    json_array_foreach(value, i, member) job_members_wipe(member);
}

/* ---- Values ---- */

/* Ids reach terminals, where U+009B begins an escape sequence too. at: NUL-terminated. */
static bool is_control(const char *at)
{
    unsigned char first = (unsigned char)at[0], second = first ? (unsigned char)at[1] : 0;

    return first < ' ' || first == 127 || (first == 0xc2 && second >= 0x80 && second < 0xa0);
}

bool job_members_text(const json_t *value, size_t max_bytes, const char **out_text, struct err *e)
{
    const char *text = json_string_value(value);
    size_t bytes = json_string_length(value);

    if (!text)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "must be a text");
    if (bytes == 0)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "must not be empty");
    if (bytes > max_bytes)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "is longer than %zu bytes", max_bytes);
    for (size_t i = 0; i < bytes; i++)
        if (is_control(text + i))
            return err_set(e, ERR_USAGE, RETRY_NEVER, "has a control character");
    *out_text = text;
    return true;
}

bool job_members_clear(const char *text, struct err *e)
{
    char *redacted = strdup(text);
    bool ok = redacted != NULL;

    if (!redacted)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for it");
    secret_redact(redacted);
    if (strcmp(redacted, text) != 0)
        ok = err_set(e, ERR_USAGE, RETRY_NEVER,
                     "is a URL with its query: this is told in clear, and must hold no SAS");
    secret_wipe_free(redacted);
    return ok;
}

bool job_members_count(const json_t *value, uint64_t min, uint64_t max, uint64_t *out_count,
                       struct err *e)
{
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < 0 || (uint64_t)number < min || (uint64_t)number > max)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "must be a whole number from %" PRIu64 " to %" PRIu64, min, max);
    *out_count = (uint64_t)number;
    return true;
}

/* Digits where the form has 'd', itself elsewhere, up to where the form ends; NULL: not so. */
static const char *after_form(const char *text, const char *form)
{
    for (; *form; form++, text++)
        if (*form == 'd' ? !isdigit((unsigned char)*text) : *text != *form)
            return NULL;
    return text;
}

static bool is_rfc3339(const char *text)
{
    const char *at = after_form(text, "dddd-dd-ddTdd:dd:dd");
    size_t digits;

    if (at && *at == '.') {
        digits = strspn(at + 1, "0123456789");
        at = digits ? at + 1 + digits : NULL;
    }
    if (!at)
        return false;
    if (*at == 'Z')
        return at[1] == 0;
    at = *at == '+' ? after_form(at, "+dd:dd") : after_form(at, "-dd:dd");
    return at && *at == 0;
}

/* Is there a 30th of February in it? */
static bool has_such_a_day(const char *text)
{
    char midnight[sizeof "YYYY-MM-DDT00:00:00Z"];
    char again[sizeof midnight];
    time_t at_s;
    struct tm tm;

    snprintf(midnight, sizeof midnight, "%.10sT00:00:00Z", text);
    at_s = (time_t)secret_time_s(midnight);
    return gmtime_r(&at_s, &tm) && strftime(again, sizeof again, "%Y-%m-%d", &tm) == 10 &&
           strncmp(again, midnight, 10) == 0;
}

bool job_members_time(const json_t *value, uint64_t *out_s, struct err *e)
{
    const char *text = json_string_value(value);
    char upper[TIME_TEXT_BYTES] = ""; /* 't' and 'z' are fine too */
    uint64_t at_s = 0;

    for (size_t i = 0; text && i < sizeof upper - 1 && text[i]; i++)
        upper[i] = (char)toupper((unsigned char)text[i]);
    if (text && strlen(text) < sizeof upper && is_rfc3339(upper) && has_such_a_day(upper))
        at_s = secret_time_s(upper);
    if (!at_s)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "must be a time of RFC 3339, as 2026-11-21T14:00:00Z");
    *out_s = at_s;
    return true;
}

bool job_members_url(const char *text, struct err *e)
{
    struct secret_url url = {0};
    bool ok = secret_url_parse(text, &url, e);
    const char *path;

    if (!ok)
        return false;
    path = strchr(strstr(url.address, "://") + 3, '/');
    if (!path || !path[1])
        ok = err_set(e, ERR_USAGE, RETRY_NEVER, "the URL names a host but no blob");
    else if (!secret_url_has_signature(&url))
        ok = err_set(e, ERR_USAGE, RETRY_NEVER, "the URL has no SAS (no signature behind its '?')");
    secret_url_fini(&url);
    return ok;
}

/* ---- Limits ---- */

static const struct limit_rule {
    const char *name;
    uint64_t min, max;
    bool always; /* there is one: 0 and "none" are refused */
} limit_rules[CONTROL_LIMITS_COUNT] = {
    [CONTROL_LIMIT_BYTES] = {"bytesPerSecond", JOB_RATE_MIN_BYTES, JOB_RATE_MAX_BYTES, false},
    [CONTROL_LIMIT_MEMORY] = {"memoryBytes", BUF_BYTES, BUFPOOL_MAX_BYTES, true},
    [CONTROL_LIMIT_ACCOUNT_BYTES] = {"accountBytesPerSecond", JOB_RATE_MIN_BYTES,
                                     JOB_RATE_MAX_BYTES, false},
    [CONTROL_LIMIT_ACCOUNT_REQUESTS] = {"accountRequestsPerSecond", 1, JOB_REQUESTS_MAX, false},
    [CONTROL_LIMIT_BLOB_BYTES] = {"blobBytesPerSecond", JOB_RATE_MIN_BYTES, JOB_RATE_MAX_BYTES,
                                  false},
    [CONTROL_LIMIT_BLOB_REQUESTS] = {"blobRequestsPerSecond", 1, JOB_REQUESTS_MAX, false},
};

const char *job_members_limit_name(enum control_limit limit)
{
    return limit_rules[limit].name;
}

uint64_t *job_members_limit_of(struct job_limits *limits, enum control_limit limit)
{
    switch (limit) {
    case CONTROL_LIMIT_BYTES:
        return &limits->bytes_per_s;
    case CONTROL_LIMIT_ACCOUNT_BYTES:
        return &limits->account_bytes_per_s;
    case CONTROL_LIMIT_ACCOUNT_REQUESTS:
        return &limits->account_requests_per_s;
    case CONTROL_LIMIT_BLOB_BYTES:
        return &limits->blob_bytes_per_s;
    case CONTROL_LIMIT_BLOB_REQUESTS:
        return &limits->blob_requests_per_s;
    case CONTROL_LIMIT_MEMORY:
    case CONTROL_LIMITS_COUNT:
        break;
    }
    return &limits->memory_bytes;
}

bool job_members_limit(const json_t *value, enum control_limit limit, uint64_t *out_value,
                       struct err *e)
{
    const struct limit_rule *rule = &limit_rules[limit];
    const char *text = json_string_value(value);
    bool none =
        text ? strcmp(text, "none") == 0 : json_is_integer(value) && json_integer_value(value) == 0;

    if (rule->always)
        return job_members_count(value, rule->min, rule->max, out_value, e);
    if (none) {
        *out_value = 0;
        return true;
    }
    if (job_members_count(value, rule->min, rule->max, out_value, e))
        return true;
    err_clear(e);
    return err_set(e, ERR_USAGE, RETRY_NEVER,
                   "must be a whole number from %" PRIu64 " to %" PRIu64 ", or \"none\"", rule->min,
                   rule->max);
}
