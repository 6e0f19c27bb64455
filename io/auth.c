/* auth.c - see auth.h. */
#include "io/auth.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/percent.h"
#include "io/secret.h"

#define AUTH_PARAMETERS_MAX 64u
#define SHA256_BYTES        32u
#define SIGNATURE_MAX_BYTES 45u /* base64 of 32 bytes, and the NUL */

bool auth_key_parse(const char *text, struct auth_key *out_key, struct err *e)
{
    unsigned char bytes[AUTH_KEY_MAX_BYTES + 8];
    size_t count = strlen(text);
    size_t padding = 0;
    int decoded = -1;

    while (padding < 2 && padding < count && text[count - 1 - padding] == '=')
        padding++;
    if (count > 0 && count % 4 == 0 && strcspn(text, "=") == count - padding &&
        count / 4 * 3 - padding <= AUTH_KEY_MAX_BYTES)
        decoded = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)count);
    if (decoded <= (int)padding)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "an account key is base64 of at most %u bytes",
                       AUTH_KEY_MAX_BYTES);
    out_key->count = (size_t)decoded - padding;
    memcpy(out_key->bytes, bytes, out_key->count);
    explicit_bzero(bytes, sizeof bytes);
    return true;
}

char *auth_sign(const struct auth_key *key, const char *text)
{
    unsigned char mac[SHA256_BYTES];
    unsigned count = 0;
    char *signature = malloc(SIGNATURE_MAX_BYTES);

    if (!signature)
        return NULL;
    if (!HMAC(EVP_sha256(), key->bytes, (int)key->count, (const unsigned char *)text, strlen(text),
              mac, &count)) {
        free(signature);
        return NULL;
    }
    EVP_EncodeBlock((unsigned char *)signature, mac, SHA256_BYTES);
    return signature;
}

/* ---- Service SAS ---- */

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

char *auth_sas_string(const struct auth_sas *sas)
{
    char *text = NULL;
    size_t count = 0;
    FILE *out = open_memstream(&text, &count);

    if (!out)
        return NULL;
    fprintf(out, "%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n", or_empty(sas->permissions),
            or_empty(sas->start), or_empty(sas->expiry), sas->resource, or_empty(sas->identifier),
            or_empty(sas->addresses), or_empty(sas->protocols), sas->version);
    /* Versions are dates: their order is the order of their texts. */
    if (strcmp(sas->version, "2018-11-09") >= 0)
        fprintf(out, "%s\n%s\n", or_empty(sas->kind), or_empty(sas->snapshot));
    if (strcmp(sas->version, "2020-12-06") >= 0)
        fprintf(out, "%s\n", or_empty(sas->scope));
    fputs("\n\n\n\n", out); /* rscc, rscd, rsce, rscl, rsct: never used here */
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static bool put_parameter(FILE *out, const char *name, const char *value)
{
    char *encoded;

    if (!value)
        return true;
    encoded = percent_encode(value);
    if (!encoded)
        return false;
    fprintf(out, "%s%s=%s", ftell(out) > 0 ? "&" : "", name, encoded);
    secret_wipe_free(encoded);
    return true;
}

char *auth_sas_query(const struct auth_sas *sas, const struct auth_key *key)
{
    char *to_sign = auth_sas_string(sas);
    char *signature = to_sign ? auth_sign(key, to_sign) : NULL;
    char *query = NULL;
    size_t count = 0;
    FILE *out = signature ? open_memstream(&query, &count) : NULL;
    bool ok = false;

    if (!out)
        goto done;
    ok = put_parameter(out, "snapshot", sas->snapshot) && put_parameter(out, "sv", sas->version) &&
         put_parameter(out, "sr", sas->kind) && put_parameter(out, "st", sas->start) &&
         put_parameter(out, "se", sas->expiry) && put_parameter(out, "sp", sas->permissions) &&
         put_parameter(out, "si", sas->identifier) && put_parameter(out, "sip", sas->addresses) &&
         put_parameter(out, "spr", sas->protocols) && put_parameter(out, "ses", sas->scope) &&
         put_parameter(out, "sig", signature);
    ok = fclose(out) == 0 && ok;
done:
    free(to_sign);
    secret_wipe_free(signature);
    if (ok)
        return query;
    secret_wipe_free(query);
    return NULL;
}

/* ---- Shared Key ---- */

static const char *header_value(const struct auth_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return "";
}

static int compare_headers(const void *a, const void *b)
{
    const struct http_header *const *left = a;
    const struct http_header *const *right = b;

    return strcasecmp((*left)->name, (*right)->name);
}

/* Lower case, trimmed, every inner run of blanks one space. */
static void put_canonical_header(FILE *out, const struct http_header *header)
{
    bool blank = false, any = false;

    for (const char *c = header->name; *c; c++)
        fputc(tolower((unsigned char)*c), out);
    fputc(':', out);
    for (const char *c = header->value; *c; c++) {
        if (isspace((unsigned char)*c)) {
            blank = any;
            continue;
        }
        if (blank)
            fputc(' ', out);
        fputc(*c, out);
        blank = false;
        any = true;
    }
    fputc('\n', out);
}

static void put_canonical_headers(FILE *out, const struct auth_request *request)
{
    const struct http_header *sorted[HTTP_HEADERS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < request->header_count && count < HTTP_HEADERS_MAX; i++)
        if (strncasecmp(request->headers[i].name, "x-ms-", 5) == 0)
            sorted[count++] = &request->headers[i];
    qsort(sorted, count, sizeof sorted[0], compare_headers);
    for (size_t i = 0; i < count; i++)
        put_canonical_header(out, sorted[i]);
}

struct parameter {
    char *name;  /* owned; lower case */
    char *value; /* owned; decoded */
};

static int compare_parameters(const void *a, const void *b)
{
    const struct parameter *left = a;
    const struct parameter *right = b;
    int order = strcmp(left->name, right->name);

    return order ? order : strcmp(left->value, right->value);
}

static bool take_parameters(const char *query, struct parameter *parameters, size_t *out_count)
{
    size_t count = 0;
    bool ok = true;

    while (*query && count < AUTH_PARAMETERS_MAX) {
        size_t length = strcspn(query, "&");
        size_t name = strcspn(query, "=&");
        size_t value = name < length ? name + 1 : length;

        parameters[count].name = percent_decode(query, name);
        parameters[count].value = percent_decode(query + value, length - value);
        ok = ok && parameters[count].name && parameters[count].value;
        for (char *c = parameters[count].name; c && *c; c++)
            *c = (char)tolower((unsigned char)*c);
        count++;
        query += length;
        query += *query == '&';
    }
    *out_count = count;
    return ok && !*query;
}

static bool put_canonical_resource(FILE *out, const struct auth_request *request)
{
    struct parameter parameters[AUTH_PARAMETERS_MAX] = {{0}};
    size_t count;
    bool ok = take_parameters(request->query, parameters, &count);

    fprintf(out, "/%s%s", request->account, request->path);
    if (ok)
        qsort(parameters, count, sizeof parameters[0], compare_parameters);
    for (size_t i = 0; i < count; i++) {
        bool same = ok && i > 0 && strcmp(parameters[i].name, parameters[i - 1].name) == 0;

        if (same)
            fprintf(out, ",%s", parameters[i].value);
        else if (ok)
            fprintf(out, "\n%s:%s", parameters[i].name, parameters[i].value);
    }
    for (size_t i = 0; i < count; i++) {
        free(parameters[i].name);
        free(parameters[i].value);
    }
    return ok;
}

char *auth_request_string(const struct auth_request *request)
{
    static const char *const before_length[] = {"Content-Encoding", "Content-Language"};
    static const char *const after_length[] = {
        "Content-MD5",   "Content-Type",        "Date", "If-Modified-Since", "If-Match",
        "If-None-Match", "If-Unmodified-Since", "Range"};
    char *text = NULL;
    size_t count = 0;
    FILE *out = open_memstream(&text, &count);
    bool ok;

    if (!out)
        return NULL;
    fprintf(out, "%s\n", request->method);
    for (size_t i = 0; i < sizeof before_length / sizeof before_length[0]; i++)
        fprintf(out, "%s\n", header_value(request, before_length[i]));
    if (request->body_bytes)
        fprintf(out, "%zu", request->body_bytes);
    fputc('\n', out);
    for (size_t i = 0; i < sizeof after_length / sizeof after_length[0]; i++) {
        bool dated = strcmp(after_length[i], "Date") == 0 && *header_value(request, "x-ms-date");

        fprintf(out, "%s\n", dated ? "" : header_value(request, after_length[i]));
    }
    put_canonical_headers(out, request);
    ok = put_canonical_resource(out, request);
    if (fclose(out) != 0 || !ok) {
        free(text);
        return NULL;
    }
    return text;
}

char *auth_request_header(const struct auth_request *request, const struct auth_key *key)
{
    char *to_sign = auth_request_string(request);
    char *signature = to_sign ? auth_sign(key, to_sign) : NULL;
    char *header = NULL;

    if (signature && asprintf(&header, "SharedKey %s:%s", request->account, signature) < 0)
        header = NULL;
    free(to_sign);
    secret_wipe_free(signature);
    return header;
}
