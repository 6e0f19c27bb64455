/* regiond_options.c - getopt_long over one table. */
#include "tools/regiond/regiond_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/regiond/region_server.h"

enum option_id {
    OPTION_DATA = 256,
    OPTION_LISTEN,
    OPTION_ACCOUNT,
    OPTION_CONTAINER,
    OPTION_TLS_CERT,
    OPTION_TLS_KEY,
    OPTION_FAULTS,
    OPTION_SHAPE,
    OPTION_LOG,
    OPTION_THREADS,
    OPTION_SYNC,
    OPTION_VERBS,
    OPTION_HELP
};

static const struct option long_options[] = {
    {"data", required_argument, NULL, OPTION_DATA},
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"account", required_argument, NULL, OPTION_ACCOUNT},
    {"container", required_argument, NULL, OPTION_CONTAINER},
    {"tls-cert", required_argument, NULL, OPTION_TLS_CERT},
    {"tls-key", required_argument, NULL, OPTION_TLS_KEY},
    {"faults", required_argument, NULL, OPTION_FAULTS},
    {"shape", required_argument, NULL, OPTION_SHAPE},
    {"log", required_argument, NULL, OPTION_LOG},
    {"threads", required_argument, NULL, OPTION_THREADS},
    {"sync", no_argument, NULL, OPTION_SYNC},
    {"verbs", no_argument, NULL, OPTION_VERBS},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

/* "127.0.0.1:0", "[::1]:10000" */
static bool parse_listen(const char *text, struct regiond_options *out)
{
    const char *colon = strrchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;
    unsigned long port;
    char *end;

    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    if (n == 0 || n >= sizeof out->host || colon[1] < '0' || colon[1] > '9')
        return false;
    memcpy(out->host, text, n);
    out->host[n] = '\0';
    port = strtoul(colon + 1, &end, 10);
    if (*end != '\0' || port > UINT16_MAX)
        return false;
    out->port = (uint16_t)port;
    return true;
}

static bool parse_threads(const char *text, struct regiond_options *out)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || n < 1 || n > SERVER_THREADS_MAX)
        return false;
    out->threads = (unsigned)n;
    return true;
}

static bool take_option(int id, const char *value, struct regiond_options *out)
{
    switch (id) {
    case OPTION_DATA:
        out->data = value;
        return true;
    case OPTION_LISTEN:
        return parse_listen(value, out);
    case OPTION_ACCOUNT:
        if (out->account_count == OPTION_ACCOUNT_MAX_COUNT)
            return false;
        out->accounts[out->account_count++] = value;
        return true;
    case OPTION_CONTAINER:
        if (out->container_count == OPTION_CONTAINER_MAX_COUNT)
            return false;
        out->containers[out->container_count++] = value;
        return true;
    case OPTION_TLS_CERT:
        out->tls_cert = value;
        return true;
    case OPTION_TLS_KEY:
        out->tls_key = value;
        return true;
    case OPTION_FAULTS:
        out->faults = value;
        return true;
    case OPTION_SHAPE:
        out->shape = value;
        return true;
    case OPTION_LOG:
        out->log = value;
        return true;
    case OPTION_THREADS:
        return parse_threads(value, out);
    case OPTION_SYNC:
        return out->sync = true;
    case OPTION_VERBS:
        return out->verbs = true;
    case OPTION_HELP:
        return out->help = true;
    default:
        return false;
    }
}

bool regiond_options_parse(int argc, char **argv, struct regiond_options *out, char *out_text,
                           size_t text_bytes)
{
    int index = 0;
    int id;

    *out = (struct regiond_options){.host = "127.0.0.1"};
    optind = 1;
    opterr = 0;
    while ((id = getopt_long(argc, argv, ":", long_options, &index)) != -1) {
        if (id == '?' || id == ':') {
            snprintf(out_text, text_bytes, id == '?' ? "unknown option %s" : "%s needs a value",
                     argv[optind - 1]);
            return false;
        }
        if (!take_option(id, optarg, out)) {
            snprintf(out_text, text_bytes, "--%s: not a value it takes: %s",
                     long_options[index].name, optarg);
            return false;
        }
    }
    if (optind < argc) {
        snprintf(out_text, text_bytes, "unexpected argument: %s", argv[optind]);
        return false;
    }
    if (out->help || out->verbs)
        return true;
    if (!out->data)
        snprintf(out_text, text_bytes, "--data DIR is needed: where blobs are kept");
    else if (!out->tls_cert != !out->tls_key)
        snprintf(out_text, text_bytes, "--tls-cert and --tls-key go together");
    else
        return true;
    return false;
}

void regiond_options_help(void)
{
    fputs(
        "regiond - a page-blob region on local files\n"
        "\n"
        "usage: regiond --data DIR [option]...\n"
        "       regiond sas ...          makes a shared access signature (regiond sas --help)\n"
        "\n"
        "  --data DIR              where blobs are kept; made if absent\n"
        "  --listen HOST:PORT      a loopback address; port 0 takes a free one (127.0.0.1:0)\n"
        "  --account NAME:env:VAR  an account, its base64 key in the environment; or\n"
        "  --account NAME:@FILE    in a file; may be repeated. Without: the development account.\n"
        "                          md-... is a managed disk's host, md-impexp-... one to upload "
        "to\n"
        "  --container NAME        makes this container in every account, if absent; repeatable\n"
        "  --tls-cert F --tls-key F  PEM files: serve https\n"
        "  --faults FILE           a seeded script of what goes wrong\n"
        "  --shape FILE            latency, bytes/s and requests/s\n"
        "  --log FILE              appends one JSON line a request, never a secret\n"
        "  --threads N             server threads (2)\n"
        "  --sync                  survive a power cut too, slower\n"
        "  --verbs                 print the verbs this region speaks, and exit\n"
        "\n"
        "One JSON line on stdout says when it serves: "
        "{\"event\":\"ready\",\"url\":...,\"pid\":...}\n"
        "Blobs are at URL/ACCOUNT/CONTAINER/BLOB. SIGTERM ends it cleanly.\n"
        "\n"
        "example: regiond --data /var/tmp/west --log /var/tmp/west.log\n",
        stdout);
}
