/* signing.c - HMAC-SHA256 and base64 by OpenSSL. */
#include "tools/regiond/signing.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define HMAC_BYTES 32u
_Static_assert(SIGNATURE_TEXT_BYTES == 4 * ((HMAC_BYTES + 2) / 3) + 1, "padded base64 and a NUL");

bool signing_sign(const struct account *account, const char *text, size_t n,
                  char out_signature[SIGNATURE_TEXT_BYTES])
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_bytes = 0;

    if (!HMAC(EVP_sha256(), account->key, (int)account->key_bytes, (const unsigned char *)text, n,
              mac, &mac_bytes) ||
        mac_bytes != HMAC_BYTES)
        return false;
    EVP_EncodeBlock((unsigned char *)out_signature, mac, (int)mac_bytes);
    return true;
}

bool signing_equal(const char right[SIGNATURE_TEXT_BYTES], const char *given)
{
    /* The length of a signature is no secret. */
    return strlen(given) == SIGNATURE_TEXT_BYTES - 1 &&
           CRYPTO_memcmp(right, given, SIGNATURE_TEXT_BYTES - 1) == 0;
}

static bool is_base64(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

bool signing_decode(const char *text, size_t n, unsigned char *out, size_t out_size_bytes,
                    size_t *out_bytes)
{
    size_t padding = 0;
    unsigned char block[3];

    if (n % 4 != 0)
        return false;
    while (padding < 2 && padding < n && text[n - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; i < n - padding; i++)
        if (!is_base64(text[i]))
            return false;
    if (n / 4 * 3 - padding > out_size_bytes)
        return false;
    for (size_t at = 0; at < n; at += 4) {
        size_t keep = at + 4 == n ? 3 - padding : 3;

        if (EVP_DecodeBlock(block, (const unsigned char *)text + at, 4) != 3)
            return false;
        memcpy(out + at / 4 * 3, block, keep);
    }
    *out_bytes = n / 4 * 3 - padding;
    return true;
}
