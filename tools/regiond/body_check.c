/* body_check.c - one of two checksums, compared before anything is written. */
#include "tools/regiond/body_check.h"

#include <string.h>

#include "io/crc64.h"

static const char md5_name[] = "Content-MD5";
static const char crc_name[] = "x-ms-content-crc64";

/* Service versions before CRC64 do not know the header. */
static const char *crc_of(const struct request *r)
{
    return request_version_at_least(r, "2019-02-02") ? request_header(r, crc_name) : NULL;
}

static bool check_md5(struct exchange *x, const char *sent_text)
{
    unsigned char sent[BODY_MD5_BYTES];
    char computed_text[BODY_MD5_HEADER_BYTES];

    if (!body_md5_from_header(sent_text, sent))
        return service_fail_header(&x->error, CODE_INVALID_MD5, md5_name, sent_text);
    if (memcmp(sent, x->body.md5_value, sizeof sent) == 0)
        return true;
    body_md5_to_header(x->body.md5_value, computed_text);
    service_fail_with(&x->error, CODE_MD5_MISMATCH, "UserSpecifiedMd5", sent_text);
    service_error_add(&x->error, "ServerCalculatedMd5", computed_text);
    return false;
}

static bool check_crc64(struct exchange *x, const char *sent_text)
{
    char computed_text[CRC64_HEADER_MAX_BYTES];
    uint64_t sent;

    if (!crc64_from_header(sent_text, &sent))
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, crc_name, sent_text);
    if (sent == x->body.crc64)
        return true;
    crc64_to_header(x->body.crc64, computed_text);
    service_fail_with(&x->error, CODE_CRC64_MISMATCH, "UserSpecifiedCrc", sent_text);
    service_error_add(&x->error, "ServerCalculatedCrc", computed_text);
    return false;
}

bool body_check_request(struct exchange *x)
{
    const char *md5 = request_header(&x->request, md5_name);
    const char *crc64 = crc_of(&x->request);

    if (md5 && crc64)
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, crc_name, crc64);
    if (md5)
        x->facts.checksum_sent = "md5";
    else if (crc64)
        x->facts.checksum_sent = "crc64";
    if (x->body.unchecked)
        return true;
    if (md5)
        return check_md5(x, md5);
    return !crc64 || check_crc64(x, crc64);
}

void body_check_answer(struct exchange *x)
{
    char md5_text[BODY_MD5_HEADER_BYTES];
    char crc_text[CRC64_HEADER_MAX_BYTES];

    if (request_header(&x->request, md5_name)) {
        body_md5_to_header(x->body.md5_value, md5_text);
        answer_header(&x->answer, md5_name, md5_text);
    } else if (request_version_at_least(&x->request, "2019-02-02")) {
        crc64_to_header(x->body.crc64, crc_text);
        answer_header(&x->answer, crc_name, crc_text);
    }
}
