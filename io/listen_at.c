/* listen_at.c - see listen_at.h. */
#include "io/listen_at.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define LOOPBACK_NET 127u

bool listen_at_parse(struct listen_at *out_at, const char *option, const char *example,
                     const char *text, struct err *e)
{
    const char *colon = strrchr(text, ':');
    size_t bytes = colon ? (size_t)(colon - text) : 0;
    bool six = bytes >= 2 && text[0] == '[' && text[bytes - 1] == ']';
    char *end = NULL;
    unsigned long port = colon && colon[1] >= '0' && colon[1] <= '9' ? strtoul(colon + 1, &end, 10)
                                                                     : UINT16_MAX + 1ul;

    if (six) {
        text++;
        bytes -= 2;
    }
    if (bytes == 0 || bytes >= sizeof out_at->host || port > UINT16_MAX || *end ||
        (!six && memchr(text, ':', bytes)))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%s takes HOST:PORT, as in %s", option, example);
    memcpy(out_at->host, text, bytes);
    out_at->host[bytes] = 0;
    out_at->port = (uint16_t)port;
    out_at->six = six;
    return true;
}

bool listen_at_is_loopback(const struct listen_at *at)
{
    struct in_addr four;
    struct in6_addr six;

    if (inet_pton(AF_INET, at->host, &four) == 1)
        return ntohl(four.s_addr) >> 24 == LOOPBACK_NET;
    if (inet_pton(AF_INET6, at->host, &six) == 1)
        return IN6_IS_ADDR_LOOPBACK(&six);
    return strcmp(at->host, "localhost") == 0;
}
