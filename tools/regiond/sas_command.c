/* sas_command.c - options of `regiond sas`, and the URL put together. */
#include "tools/regiond/sas_command.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "tools/regiond/accounts.h"
#include "tools/regiond/region_clock.h"
#include "tools/regiond/sas_sign.h"
#include "tools/regiond/sas_time.h"
#include "tools/regiond/text_out.h"

#define SAS_RELATIVE_MAX_SECONDS (UINT64_C(3650) * 86400)

static const char usage[] =
    "usage: regiond sas --account NAME:env:VARIABLE|NAME:@FILE --resource CONTAINER[/BLOB]\n"
    "                   [--snapshot TIME] (--permissions rw --expiry TIME | --policy ID)\n"
    "                   [--start TIME] [--sv VERSION] [--protocol https|https,http] [--ip RANGE]\n"
    "                   URL\n"
    "\n"
    "Prints URL/NAME/CONTAINER/BLOB with a shared access signature. It is a secret: whoever\n"
    "has it may do what it grants.\n"
    "  TIME      2030-01-01T00:00:00Z, or from now on: +90s, +15m, +1h, +7d, also -1h\n"
    "  ID        a stored access policy of the container; the URL then carries si= and no se=\n"
    "  VERSION   " SAS_VERSION_DEFAULT " unless given; decides which text is signed\n"
    "\n"
    "example: KEY=... regiond sas --account disks:env:KEY --resource c/disk.vhd \\\n"
    "             --permissions r --expiry +1h http://127.0.0.1:10000\n";

struct sas_options {
    const char *account, *resource, *snapshot, *permissions, *expiry, *start, *policy, *version;
    const char *protocol, *address;
    const char *url;
    bool help;
};

static bool complain(const char *sentence, const char *what)
{
    fprintf(stderr, "regiond sas: %s%s\n", sentence, what);
    return false;
}

static bool read_options(int argc, char **argv, struct sas_options *o)
{
    enum {
        ACCOUNT = 256,
        RESOURCE,
        SNAPSHOT,
        PERMISSIONS,
        EXPIRY,
        START,
        POLICY,
        VERSION,
        PROTOCOL,
        IP
    };
    static const struct option known[] = {
        {"account", required_argument, NULL, ACCOUNT},
        {"resource", required_argument, NULL, RESOURCE},
        {"snapshot", required_argument, NULL, SNAPSHOT},
        {"permissions", required_argument, NULL, PERMISSIONS},
        {"expiry", required_argument, NULL, EXPIRY},
        {"start", required_argument, NULL, START},
        {"policy", required_argument, NULL, POLICY},
        {"sv", required_argument, NULL, VERSION},
        {"protocol", required_argument, NULL, PROTOCOL},
        {"ip", required_argument, NULL, IP},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char **const target[] = {&o->account,  &o->resource, &o->snapshot, &o->permissions,
                                   &o->expiry,   &o->start,    &o->policy,   &o->version,
                                   &o->protocol, &o->address};
    int c;

    optind = 0; /* glibc: begin anew, whoever parsed before */
    while ((c = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (c == 'h')
            o->help = true;
        else if (c < ACCOUNT)
            return false; /* getopt has said why */
        else
            *target[c - ACCOUNT] = optarg;
    }
    if (optind < argc)
        o->url = argv[optind++];
    return optind == argc || complain("one URL only, not also ", argv[optind]);
}

static bool options_are_whole(const struct sas_options *o)
{
    if (!o->account)
        return complain("--account is needed", "");
    if (!o->resource || !o->resource[0] || o->resource[0] == '/')
        return complain("--resource CONTAINER or CONTAINER/BLOB is needed", "");
    if (!o->url || strstr(o->url, "://") == NULL || strchr(o->url, '?'))
        return complain("the region's URL is needed, such as http://127.0.0.1:10000", "");
    if (!o->policy && (!o->permissions || !o->expiry))
        return complain("--permissions and --expiry, or --policy, are needed", "");
    if (o->snapshot && !strchr(o->resource, '/'))
        return complain("--snapshot needs a blob", "");
    if (o->version && !sas_version_known(o->version))
        return complain("not a version: ", o->version);
    if (o->snapshot && o->version && strcmp(o->version, "2018-11-09") < 0)
        return complain("--snapshot needs --sv 2018-11-09 or later", "");
    return true;
}

/* "+1h" or "-90s" from now, else a time as it is (returned unchanged, so that it is signed so). */
static const char *time_of(const char *text, uint64_t now_ticks, char out_text[SAS_TIME_BYTES])
{
    static const char units[] = "smhd";
    static const uint64_t seconds[] = {1, 60, 3600, 86400};
    uint64_t ignored, count;
    const char *unit;
    char *end;

    if (!text || sas_time_parse(text, &ignored))
        return text;
    if ((text[0] != '+' && text[0] != '-') || text[1] < '0' || text[1] > '9')
        return NULL;
    count = strtoull(text + 1, &end, 10);
    unit = end[0] && !end[1] ? strchr(units, end[0]) : NULL;
    if (!unit || count > SAS_RELATIVE_MAX_SECONDS / seconds[unit - units])
        return NULL;
    count *= seconds[unit - units] * TICKS_PER_SECOND;
    sas_time_format(text[0] == '+' ? now_ticks + count : now_ticks - count, out_text);
    return out_text;
}

/* ---- Text of a URL ---- */

static void add_escaped(struct text_out *t, const char *text, const char *keep)
{
    for (; *text; text++) {
        bool plain = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                     (*text >= '0' && *text <= '9') || strchr(keep, *text);

        if (plain)
            text_out_bytes(t, text, 1);
        else
            text_out_format(t, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

static void add_param(struct text_out *t, const char *name, const char *value)
{
    if (!value[0])
        return;
    text_out_bytes(t, strchr(t->bytes, '?') ? "&" : "?", 1);
    text_out_text(t, name);
    text_out_text(t, "=");
    add_escaped(t, value, "-._~");
}

static void add_resource(struct text_out *t, const struct sas_options *o,
                         const struct sas_fields *f)
{
    size_t n = strlen(o->url);

    while (n > 0 && o->url[n - 1] == '/')
        n--;
    text_out_bytes(t, o->url, n);
    text_out_text(t, "/");
    text_out_text(t, f->account);
    text_out_text(t, "/");
    add_escaped(t, o->resource, "-._~/");
}

static bool print_url(const struct sas_options *o, const struct account *account,
                      const struct sas_fields *f, FILE *out)
{
    char signed_text[SAS_TEXT_MAX_BYTES];
    char signature[SIGNATURE_TEXT_BYTES];
    struct text_out t = {0};
    bool done;

    if (!sas_service_text(f, signed_text) ||
        !signing_sign(account, signed_text, strlen(signed_text), signature))
        return complain("the names are too long to sign", "");
    add_resource(&t, o, f);
    add_param(&t, "snapshot", f->snapshot);
    add_param(&t, "sv", f->version);
    add_param(&t, "sr", f->kind);
    add_param(&t, "si", f->policy_id);
    add_param(&t, "st", f->start);
    add_param(&t, "se", f->expiry);
    add_param(&t, "sp", f->permissions);
    add_param(&t, "sip", f->address);
    add_param(&t, "spr", f->protocol);
    add_param(&t, "sig", signature);
    done = !t.failed && fprintf(out, "%s\n", t.bytes) > 0 && fflush(out) == 0;
    text_out_fini(&t);
    return done || complain("could not write the URL", "");
}

static bool print_sas(const struct sas_options *o, const struct account *account,
                      uint64_t now_ticks, FILE *out)
{
    char container[ACCOUNT_NAME_MAX_BYTES];
    char start[SAS_TIME_BYTES], expiry[SAS_TIME_BYTES];
    const char *slash = strchr(o->resource, '/');
    size_t n = slash ? (size_t)(slash - o->resource) : strlen(o->resource);
    struct sas_fields f = {
        .version = o->version ? o->version : SAS_VERSION_DEFAULT,
        .permissions = o->permissions ? o->permissions : "",
        .start = o->start ? time_of(o->start, now_ticks, start) : "",
        .expiry = o->expiry ? time_of(o->expiry, now_ticks, expiry) : "",
        .policy_id = o->policy ? o->policy : "",
        .address = o->address ? o->address : "",
        .protocol = o->protocol ? o->protocol : "",
        .kind = o->snapshot         ? "bs"
                : slash && slash[1] ? "b"
                                    : "c",
        .snapshot = o->snapshot ? o->snapshot : "",
        .encryption = "",
        .overrides = {"", "", "", "", ""},
        .account = account->name,
        .container = container,
        .blob = slash ? slash + 1 : "",
    };

    if (!f.start || !f.expiry)
        return complain("not a time: ", f.start ? o->expiry : o->start);
    if (n >= sizeof container)
        return complain("the container's name is too long", "");
    memcpy(container, o->resource, n);
    container[n] = '\0';
    return print_url(o, account, &f, out);
}

int sas_command_run(int argc, char **argv, uint64_t now_ticks, FILE *out)
{
    struct sas_options o = {0};
    struct accounts *accounts;
    char why[200];
    bool done = false;

    if (!read_options(argc, argv, &o)) {
        return 2;
    }
    if (o.help) {
        fputs(usage, out);
        return 0;
    }
    if (!options_are_whole(&o))
        return 2;
    accounts = accounts_new();
    if (!accounts)
        complain("no memory", "");
    else if (!accounts_add(accounts, o.account, why, sizeof why))
        complain(why, "");
    else
        done = print_sas(&o, accounts_at(accounts, 0), now_ticks, out);
    accounts_free(accounts);
    return done ? 0 : 2;
}

int sas_command(int argc, char **argv)
{
    return sas_command_run(argc, argv, region_clock_ticks(), stdout);
}
