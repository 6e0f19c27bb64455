/* raw_http.c - signs with OpenSSL's HMAC, writes, reads to the end of the answer. */
#include "tests/support/raw_http.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX_BYTES   (64u << 10)
#define ANSWER_MAX_BYTES (64u << 20)
#define SIGN_MAX_COUNT   64u

int raw_connect(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval patience = {.tv_sec = 30};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        abort();
    return fd;
}

/* ---- Shared Key, as protocol.md B.1 says it ---- */

/* By name only: "x-ms-range" comes before "x-ms-range-get-content-md5". */
static int compare_lines(const void *a, const void *b)
{
    const char *one = *(char *const *)a;
    const char *two = *(char *const *)b;
    size_t one_n = strcspn(one, ":");
    size_t two_n = strcspn(two, ":");
    int order = strncmp(one, two, one_n < two_n ? one_n : two_n);

    return order ? order : (one_n > two_n) - (one_n < two_n);
}

/* Sorted "name:value\n" of the lines collected; frees them. */
static void write_lines(FILE *out, char **lines, size_t count, const char *before,
                        const char *after)
{
    qsort(lines, count, sizeof *lines, compare_lines);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%s%s%s", before, lines[i], after);
        free(lines[i]);
    }
}

static char *line_of(const char *name, size_t name_n, const char *value, size_t value_n)
{
    char *line = malloc(name_n + value_n + 2);

    for (size_t i = 0; i < name_n; i++)
        line[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
    line[name_n] = ':';
    memcpy(line + name_n + 1, value, value_n);
    line[name_n + 1 + value_n] = '\0';
    return line;
}

static const char *plain_header(const char *headers, const char *name, size_t *out_n)
{
    size_t n = strlen(name);

    for (const char *at = headers; at && *at; at = strstr(at, "\r\n") + 2)
        if (strncasecmp(at, name, n) == 0 && at[n] == ':') {
            at += n + 2;
            *out_n = strcspn(at, "\r");
            return at;
        }
    *out_n = 0;
    return "";
}

static void write_standard(FILE *out, const struct raw_request *r, const char *headers)
{
    static const char *const names[] = {"Content-Encoding",
                                        "Content-Language",
                                        "Content-Length",
                                        "Content-MD5",
                                        "Content-Type",
                                        "Date",
                                        "If-Modified-Since",
                                        "If-Match",
                                        "If-None-Match",
                                        "If-Unmodified-Since",
                                        "Range"};

    fprintf(out, "%s\n", r->method);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n;
        const char *value = plain_header(headers, names[i], &n);

        if (strcmp(names[i], "Content-Length") == 0 && n == 1 && *value == '0')
            n = 0;
        fprintf(out, "%.*s\n", (int)n, value);
    }
}

static void write_ms_headers(FILE *out, const char *headers)
{
    char *lines[SIGN_MAX_COUNT];
    size_t count = 0;

    for (const char *at = headers; *at; at = strstr(at, "\r\n") + 2) {
        size_t name_n = strcspn(at, ":");

        if (strncasecmp(at, "x-ms-", 5) != 0)
            continue;
        assert(count < SIGN_MAX_COUNT);
        lines[count++] = line_of(at, name_n, at + name_n + 2, strcspn(at + name_n + 2, "\r"));
    }
    write_lines(out, lines, count, "", "\n");
}

static size_t decode(const char *text, size_t n, char *out)
{
    size_t length = 0;
    unsigned c;

    for (size_t i = 0; i < n; i++) {
        if (text[i] == '%' && sscanf(text + i + 1, "%2x", &c) == 1) {
            out[length++] = (char)c;
            i += 2;
        } else {
            out[length++] = text[i];
        }
    }
    return length;
}

static void write_resource(FILE *out, const char *account, const char *target)
{
    char *lines[SIGN_MAX_COUNT];
    size_t path_n = strcspn(target, "?");
    char value[4096];
    size_t count = 0;

    fprintf(out, "/%s%.*s", account, (int)path_n, target);
    for (const char *at = target + path_n; *at;) {
        size_t n = strcspn(++at, "&");
        size_t name_n = strcspn(at, "=");

        assert(count < SIGN_MAX_COUNT && n < sizeof value && name_n < n);
        lines[count++] = line_of(at, name_n, value, decode(at + name_n + 1, n - name_n - 1, value));
        at += n;
    }
    write_lines(out, lines, count, "\n", "");
}

static void sign(FILE *out, const struct raw_request *r, const char *headers)
{
    const char *account = r->account ? r->account : RAW_ACCOUNT;
    unsigned char key[80];
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned char text_mac[64];
    unsigned mac_n = 0;
    char *text = NULL;
    size_t text_n = 0;
    FILE *memory = open_memstream(&text, &text_n);

    write_standard(memory, r, headers);
    write_ms_headers(memory, headers);
    write_resource(memory, account, r->target);
    fclose(memory);
    EVP_DecodeBlock(key, (const unsigned char *)RAW_KEY, (int)strlen(RAW_KEY));
    HMAC(EVP_sha256(), key, 64, (const unsigned char *)text, text_n, mac, &mac_n);
    EVP_EncodeBlock(text_mac, mac, (int)mac_n);
    fprintf(out, "Authorization: SharedKey %s:%s\r\n", account, text_mac);
    free(text);
}

/* ---- The exchange ---- */

static char *head_of(const struct raw_request *r, size_t *out_n)
{
    const char *version = r->version ? r->version : RAW_VERSION;
    char *headers = NULL;
    char *head = NULL;
    size_t headers_n = 0;
    char date[40];
    time_t now = time(NULL);
    FILE *out = open_memstream(&headers, &headers_n);

    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&now));
    fprintf(out, "Host: 127.0.0.1\r\nx-ms-date: %s\r\n", date);
    if (*version)
        fprintf(out, "x-ms-version: %s\r\n", version);
    if (r->body || strcmp(r->method, "PUT") == 0)
        fprintf(out, "Content-Length: %zu\r\n", r->body ? r->body_bytes : 0);
    fprintf(out, "%s", r->headers ? r->headers : "");
    fclose(out);
    out = open_memstream(&head, out_n);
    fprintf(out, "%s %s HTTP/1.1\r\n%s", r->method, r->target, headers);
    if (!r->unsigned_)
        sign(out, r, headers);
    fprintf(out, "\r\n");
    fclose(out);
    free(headers);
    return head;
}

static bool write_all(int fd, const void *bytes, size_t n)
{
    const char *at = bytes;

    while (n > 0) {
        ssize_t done = write(fd, at, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        at += done;
        n -= (size_t)done;
    }
    return true;
}

/* io_pieces: adds how many reads it took. */
static bool read_exactly(int fd, char *out, size_t n, unsigned *io_pieces)
{
    while (n > 0) {
        ssize_t done = read(fd, out, n);

        if (done < 0 && errno == EINTR)
            continue; /* a region of an earlier case has just ended */
        if (done <= 0)
            return false;
        out += done;
        n -= (size_t)done;
        (*io_pieces)++;
    }
    return true;
}

/* Up to and with "\r\n"; a byte at a time, so that nothing of what follows is taken. */
static bool read_line(int fd, char *out, size_t max_bytes)
{
    unsigned pieces = 0;
    size_t n = 0;

    while (n + 1 < max_bytes && read_exactly(fd, out + n, 1, &pieces)) {
        n++;
        out[n] = '\0';
        if (n >= 2 && strcmp(out + n - 2, "\r\n") == 0)
            return true;
    }
    return false;
}

static bool read_chunks(int fd, struct raw_answer *out)
{
    char line[64];

    for (;;) {
        size_t n;

        if (!read_line(fd, line, sizeof line))
            return false;
        n = strtoul(line, NULL, 16);
        if (out->body_bytes + n > ANSWER_MAX_BYTES)
            return false;
        out->body = realloc(out->body, out->body_bytes + n + 1);
        if (!read_exactly(fd, out->body + out->body_bytes, n, &out->body_pieces) ||
            !read_line(fd, line, sizeof line))
            return false;
        out->body_bytes += n;
        out->body[out->body_bytes] = '\0';
        if (n == 0)
            return true;
    }
}

static bool read_body(int fd, const struct raw_request *r, struct raw_answer *out)
{
    const char *length;
    const char *coding = raw_header(out, "Transfer-Encoding");

    if (strcmp(r->method, "HEAD") == 0 || out->status == 304)
        return true;
    if (coding && strcasecmp(coding, "chunked") == 0)
        return read_chunks(fd, out);
    length = raw_header(out, "Content-Length");
    out->body_bytes = length ? strtoul(length, NULL, 10) : 0;
    if (out->body_bytes > ANSWER_MAX_BYTES)
        return false;
    out->body = realloc(out->body, out->body_bytes + 1);
    out->body[out->body_bytes] = '\0';
    return read_exactly(fd, out->body, out->body_bytes, &out->body_pieces);
}

bool raw_exchange(int fd, const struct raw_request *r, struct raw_answer *out)
{
    size_t head_n;
    char *head = head_of(r, &head_n);
    bool sent = write_all(fd, head, head_n) && (!r->body || write_all(fd, r->body, r->body_bytes));
    size_t n = 0;

    free(head);
    *out = (struct raw_answer){.head = calloc(1, HEAD_MAX_BYTES), .body = calloc(1, 1)};
    if (!sent)
        return false;
    do {
        size_t line = n;

        if (!read_line(fd, out->head + n, HEAD_MAX_BYTES - n))
            return false;
        n += strlen(out->head + n);
        if (n - line == 2)
            break;
    } while (true);
    out->status = (unsigned)strtoul(out->head + strcspn(out->head, " "), NULL, 10);
    return read_body(fd, r, out);
}

void raw_answer_fini(struct raw_answer *answer)
{
    free(answer->head);
    free(answer->body);
    *answer = (struct raw_answer){0};
}

struct raw_answer raw_once(uint16_t port, const char *method, const char *target,
                           const char *headers, const void *body, size_t body_bytes)
{
    struct raw_request request = {.method = method,
                                  .target = target,
                                  .headers = headers,
                                  .body = body,
                                  .body_bytes = body_bytes};
    struct raw_answer answer;
    int fd = raw_connect(port);

    if (!raw_exchange(fd, &request, &answer))
        answer.status = 0;
    close(fd);
    return answer;
}

const char *raw_header(const struct raw_answer *answer, const char *name)
{
    static _Thread_local char value[8192];
    size_t n = strlen(name);

    for (const char *at = strstr(answer->head, "\r\n"); at; at = strstr(at, "\r\n")) {
        at += 2;
        if (strncasecmp(at, name, n) == 0 && at[n] == ':') {
            at += n + 1;
            at += strspn(at, " ");
            snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r"), at);
            return value;
        }
    }
    return NULL;
}
