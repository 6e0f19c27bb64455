/* sas_sign.c - the signed text, era by era. */
#include "tools/regiond/sas_sign.h"

#include <string.h>

const char *const sas_override_names[SAS_OVERRIDE_COUNT] = {"rscc", "rscd", "rsce", "rscl", "rsct"};

struct sas_text {
    char *bytes; /* SAS_TEXT_MAX_BYTES */
    size_t length;
    bool failed;
};

static void add(struct sas_text *t, const char *value)
{
    size_t n = strlen(value);

    if (t->failed || n >= SAS_TEXT_MAX_BYTES - t->length) {
        t->failed = true;
        return;
    }
    memcpy(t->bytes + t->length, value, n + 1);
    t->length += n;
}

static void add_line(struct sas_text *t, const char *value)
{
    add(t, "\n");
    add(t, value);
}

static bool since(const struct sas_fields *f, const char *version)
{
    return strcmp(f->version, version) >= 0;
}

bool sas_version_known(const char *version)
{
    static const char form[] = "dddd-dd-dd";
    size_t i;

    for (i = 0; form[i]; i++)
        if (form[i] == 'd' ? version[i] < '0' || version[i] > '9' : version[i] != form[i])
            return false;
    return version[i] == '\0' && strcmp(version, SAS_VERSION_OLDEST) >= 0;
}

static void add_resource(struct sas_text *t, const struct sas_fields *f)
{
    add(t, since(f, "2015-02-21") ? "\n/blob/" : "\n/");
    add(t, f->account);
    add(t, "/");
    add(t, f->container);
    if (f->blob[0]) {
        add(t, "/");
        add(t, f->blob);
    }
}

static void add_overrides(struct sas_text *t, const struct sas_fields *f)
{
    for (size_t i = 0; i < SAS_OVERRIDE_COUNT; i++)
        add_line(t, f->overrides[i]);
}

bool sas_service_text(const struct sas_fields *f, char out_text[SAS_TEXT_MAX_BYTES])
{
    struct sas_text t = {.bytes = out_text};

    out_text[0] = '\0';
    add(&t, f->permissions);
    add_line(&t, f->start);
    add_line(&t, f->expiry);
    add_resource(&t, f);
    add_line(&t, f->policy_id);
    if (since(f, "2015-04-05")) {
        add_line(&t, f->address);
        add_line(&t, f->protocol);
    }
    add_line(&t, f->version);
    if (since(f, "2018-11-09")) {
        add_line(&t, f->kind);
        add_line(&t, strcmp(f->kind, "bs") == 0 ? f->snapshot : "");
    }
    if (since(f, "2020-12-06"))
        add_line(&t, f->encryption);
    if (since(f, "2013-08-15"))
        add_overrides(&t, f);
    return !t.failed;
}

bool sas_account_text(const struct sas_fields *f, char out_text[SAS_TEXT_MAX_BYTES])
{
    struct sas_text t = {.bytes = out_text};

    out_text[0] = '\0';
    add(&t, f->account);
    add_line(&t, f->permissions);
    add_line(&t, f->services);
    add_line(&t, f->types);
    add_line(&t, f->start);
    add_line(&t, f->expiry);
    add_line(&t, f->address);
    add_line(&t, f->protocol);
    add_line(&t, f->version);
    if (since(f, "2020-12-06"))
        add_line(&t, f->encryption);
    add(&t, "\n");
    return !t.failed;
}
