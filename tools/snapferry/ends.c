/* ends.c - see ends.h. This half reads arguments; ends_check.c and ends_open.c are the others. */
#include "tools/snapferry/ends.h"

#include <stdlib.h>
#include <string.h>

#include "io/endpoint_file.h"
#include "io/endpoint_relay.h"
#include "io/relay_wire.h"
#include "tools/snapferry/arguments.h"
#include "tools/snapferry/size_text.h"

#define PATTERN_FIELD_MAX_BYTES 32u

static const char *role_name(enum end_role role)
{
    static const char *const names[] = {"SOURCE", "PREVIOUS (--base)", "TARGET"};

    return names[role];
}

static bool parse_url(const char *text, struct end_spec *spec, struct err *e)
{
    spec->kind = END_BLOB;
    if (!secret_url_parse(text, &spec->url, e)) {
        err_prefix(e, "%s: ", role_name(spec->role));
        return false;
    }
    if (!spec->url.address[strcspn(spec->url.address, "?")] &&
        strrchr(spec->url.address, '/') < strstr(spec->url.address, "://") + 3)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%s: the URL names a host but no blob",
                       role_name(spec->role));
    return true;
}

static bool parse_indirect(const char *argument, struct end_spec *spec, struct err *e)
{
    char *text = NULL;
    bool ok = false;

    if (!secret_resolve(argument, &text, e)) {
        err_prefix(e, "%s: ", role_name(spec->role));
        return false;
    }
    if (secret_is_url(text))
        ok = parse_url(text, spec, e);
    else
        err_set(e, ERR_USAGE, RETRY_NEVER, "%s: %.200s does not hold a URL (https://...)",
                role_name(spec->role), argument);
    secret_wipe_free(text);
    return ok;
}

static bool check_disk_size(const struct end_spec *spec, uint64_t bytes, struct err *e)
{
    if (bytes == 0 || bytes % ENDPOINT_PAGE_BYTES != 0 || bytes > ENDPOINT_FILE_SIZE_MAX_BYTES)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%s: the size must be a multiple of %u, and not 0", role_name(spec->role),
                       ENDPOINT_PAGE_BYTES);
    return true;
}

static bool parse_null(const char *size, struct end_spec *spec, struct err *e)
{
    spec->kind = END_NULL;
    if (spec->role == END_TARGET) {
        if (*size)
            return err_set(e, ERR_USAGE, RETRY_NEVER, "TARGET: null: takes no size");
        return true;
    }
    if (!size_text_parse(size, &spec->size_bytes))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%s: null: needs a size, as in null:64G",
                       role_name(spec->role));
    return check_disk_size(spec, spec->size_bytes, e);
}

/* SIZE[,SEED[,HOLES_PERMILLE]] */
static bool parse_pattern(const char *text, struct end_spec *spec, struct err *e)
{
    uint64_t values[3] = {0, 1, 0};
    bool whole = true;

    spec->kind = END_PATTERN;
    for (size_t i = 0; whole && i < 3 && text; i++) {
        char field[PATTERN_FIELD_MAX_BYTES] = "";
        size_t length = strcspn(text, ",");

        whole = length < sizeof field;
        if (whole)
            memcpy(field, text, length);
        whole = whole && size_text_parse(field, &values[i]);
        text = text[length] ? text + length + 1 : NULL;
    }
    if (!whole || text || values[2] > 1000)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%s: pattern: is written pattern:SIZE[,SEED[,HOLES 0..1000]]",
                       role_name(spec->role));
    spec->size_bytes = values[0];
    spec->seed = values[1];
    spec->hole_permille = (uint32_t)values[2];
    return check_disk_size(spec, spec->size_bytes, e);
}

/* https://HOST:PORT/NAME; the certificates say who asks, so there is no query. */
static bool parse_relay(const char *text, struct end_spec *spec, struct err *e)
{
    const char *path;

    spec->kind = END_RELAY;
    if (spec->role != END_TARGET)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%s: a relay: can only be a TARGET",
                       role_name(spec->role));
    if (!secret_is_url(text) || !secret_url_parse(text, &spec->url, e)) {
        err_clear(e);
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "TARGET: a relay is written relay:https://HOST:PORT/NAME");
    }
    if (!spec->url.tls)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "TARGET: a relay speaks https:// alone, both ends with certificates");
    path = strstr(spec->url.address, "://") + 3;
    path += strcspn(path, "/");
    if (*path != '/' || spec->url.query[0] || !relay_name_ok(path + 1))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "TARGET: the NAME behind a relay's HOST:PORT is one to %u parts of letters, "
                       "digits and . _ - with / between, %u bytes at most; the first is that of "
                       "your certificate",
                       RELAY_NAME_SEGMENTS_MAX, RELAY_NAME_MAX_BYTES);
    return true;
}

static bool parse_path(const char *path, struct end_spec *spec, struct err *e)
{
    spec->kind = END_FILE;
    spec->path = path;
    if (!*path)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%s: file: needs a path", role_name(spec->role));
    if (strlen(path) >= ENDPOINT_FILE_PATH_MAX_BYTES)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%s: the path is longer than %u bytes",
                       role_name(spec->role), ENDPOINT_FILE_PATH_MAX_BYTES - 1);
    return true;
}

static bool parse_kind(const char *argument, struct end_spec *spec, struct err *e)
{
    char shown[ARGUMENT_SHOWN_MAX_BYTES];

    if (strncmp(argument, "env:", 4) == 0 || argument[0] == '@')
        return parse_indirect(argument, spec, e);
    if (secret_is_url(argument))
        return parse_url(argument, spec, e);
    if (strncmp(argument, "null:", 5) == 0)
        return parse_null(argument + 5, spec, e);
    if (strncmp(argument, "pattern:", 8) == 0) {
        if (spec->role != END_SOURCE)
            return err_set(e, ERR_USAGE, RETRY_NEVER, "%s: pattern: can only be a SOURCE",
                           role_name(spec->role));
        return parse_pattern(argument + 8, spec, e);
    }
    if (strncmp(argument, RELAY_SCHEME, strlen(RELAY_SCHEME)) == 0)
        return parse_relay(argument + strlen(RELAY_SCHEME), spec, e);
    if (strncmp(argument, "file:", 5) == 0)
        return parse_path(argument + 5, spec, e);
    if (secret_looks_like_url(argument))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%s: \"%s\" is not a URL of a page blob (https://...); a file of that name "
                       "is given as file:PATH",
                       role_name(spec->role), arguments_show(argument, shown));
    return parse_path(argument, spec, e);
}

bool end_spec_parse(enum end_role role, const char *argument, struct end_spec *out_spec,
                    struct err *e)
{
    struct end_spec spec = {.role = role};

    if (!parse_kind(argument, &spec, e)) {
        end_spec_fini(&spec);
        return false;
    }
    *out_spec = spec;
    return true;
}

bool end_spec_parse_stream(enum end_role role, const char *argument, struct end_spec *out_spec,
                           struct err *e)
{
    struct end_spec spec = {.role = role};

    if (!parse_path(argument, &spec, e))
        return false;
    spec.kind = END_STREAM;
    *out_spec = spec;
    return true;
}

void end_spec_fini(struct end_spec *spec)
{
    secret_url_fini(&spec->url);
    memset(spec, 0, sizeof *spec);
}
