/* http_verdict.c - see http_verdict.h. */
#include "io/http_verdict.h"

static const struct http_verdict verdicts[] = {
    {CURLE_COULDNT_RESOLVE_HOST, ERR_NET, RETRY_LATER, "the host's name is not known"},
    {CURLE_COULDNT_RESOLVE_PROXY, ERR_NET, RETRY_LATER, "the proxy's name is not known"},
    {CURLE_COULDNT_CONNECT, ERR_NET, RETRY_LATER, "cannot connect to the host"},
    {CURLE_OPERATION_TIMEDOUT, ERR_NET, RETRY_LATER,
     "the host did not take the connection in time"},
    {CURLE_PARTIAL_FILE, ERR_NET, RETRY_LATER, "the answer ended before it was whole"},
    {CURLE_GOT_NOTHING, ERR_NET, RETRY_LATER, "the host closed the connection without an answer"},
    {CURLE_SEND_ERROR, ERR_NET, RETRY_LATER, "the connection broke while sending"},
    {CURLE_RECV_ERROR, ERR_NET, RETRY_LATER, "the connection broke while receiving"},
    {CURLE_ABORTED_BY_CALLBACK, ERR_NET, RETRY_LATER,
     "the connection broke before an answer; not sent again, its outcome is unknown"},
    {CURLE_PEER_FAILED_VERIFICATION, ERR_USAGE, RETRY_NEVER,
     "the host's certificate is not trusted; name its authority with --cacert if it is yours"},
    {CURLE_SSL_CACERT_BADFILE, ERR_USAGE, RETRY_NEVER,
     "the file of certificate authorities cannot be read"},
    {CURLE_SSL_CERTPROBLEM, ERR_USAGE, RETRY_NEVER,
     "our certificate or its key cannot be used: not there, not PEM, or not of one another"},
    {CURLE_SSL_CONNECT_ERROR, ERR_NET, RETRY_LATER, "TLS could not be agreed"},
    {CURLE_UNSUPPORTED_PROTOCOL, ERR_CORRUPT, RETRY_NEVER, "the host does not answer with HTTP"},
    {CURLE_WEIRD_SERVER_REPLY, ERR_CORRUPT, RETRY_LATER, "the host does not answer with HTTP"},
    {CURLE_URL_MALFORMAT, ERR_USAGE, RETRY_NEVER, "this is not a URL"},
    {CURLE_OUT_OF_MEMORY, ERR_LIMIT, RETRY_LATER,
     "no memory for a transfer, or for a header that does not end"},
};

const struct http_verdict *http_verdict_of(CURLcode code)
{
    static const struct http_verdict other = {CURLE_OK, ERR_NET, RETRY_LATER,
                                              "the transfer failed"};

    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++)
        if (verdicts[i].code == code)
            return &verdicts[i];
    return &other;
}
