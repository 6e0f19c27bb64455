/* pageblob_error.c - see pageblob_error.h. */
#include "io/pageblob_error.h"

#include <expat.h>
#include <stdio.h>
#include <string.h>

#include "io/secret.h"

#define SAID_MAX_BYTES 160u /* of the host's own words */

#define RENEW "ask for a new URL and run again"
#define FULL  "a full copy is possible"

/* The first row that matches wins: codes with their status, codes alone, then statuses. */
static const struct pageblob_error_row rows[] = {
    /* access (B.5) */
    {403, "AuthenticationFailed", ERR_AUTH, RETRY_AFTER_RENEWAL,
     "the SAS is expired, revoked or wrong; " RENEW},
    {403, "AuthorizationFailure", ERR_AUTH, RETRY_AFTER_RENEWAL,
     "the host refuses: the SAS is not valid, or its network rules keep us out"},
    {403, "AuthorizationPermissionMismatch", ERR_AUTH, RETRY_NEVER,
     "the SAS does not permit this; ask for one with more permissions"},
    {403, "AuthorizationProtocolMismatch", ERR_AUTH, RETRY_NEVER,
     "the SAS is for https only; use an https:// URL"},
    {403, "AuthorizationSourceIPMismatch", ERR_AUTH, RETRY_NEVER,
     "the SAS is for other network addresses than this machine's"},
    {403, "AuthorizationResourceTypeMismatch", ERR_AUTH, RETRY_NEVER,
     "the SAS is for another kind of resource"},
    {403, "AuthorizationServiceMismatch", ERR_AUTH, RETRY_NEVER, "the SAS is for another service"},
    {403, "InsufficientAccountPermissions", ERR_AUTH, RETRY_NEVER,
     "the account does not permit this"},
    {403, "AccountIsDisabled", ERR_AUTH, RETRY_NEVER, "the account is disabled"},
    {401, "NoAuthenticationInformation", ERR_AUTH, RETRY_AFTER_RENEWAL,
     "the blob is private and the URL has no SAS; use the whole URL, in quotes"},
    {403, "CannotVerifyCopySource", ERR_AUTH, RETRY_NEVER,
     "the host cannot read the copy's source"},

    /* throttling and passing trouble (C.2) */
    {503, "ServerBusy", ERR_THROTTLED, RETRY_LATER, "the host is busy"},
    {500, "OperationTimedOut", ERR_NET, RETRY_LATER, "the host ran out of time"},
    {500, "InternalError", ERR_NET, RETRY_LATER, "the host failed inside"},
    {500, "CannotVerifyCopySource", ERR_NET, RETRY_LATER, "the host cannot read the copy's source"},
    {500, "FeatureNotSupported", ERR_USAGE, RETRY_NEVER, "the host does not know this feature"},
    {400, "Md5Mismatch", ERR_CORRUPT, RETRY_LATER,
     "the bytes were damaged on their way to the host"},
    {400, "Crc64Mismatch", ERR_CORRUPT, RETRY_LATER,
     "the bytes were damaged on their way to the host"},

    /* the plan is stale */
    {404, "BlobNotFound", ERR_GONE, RETRY_REPLAN,
     "there is no such blob or snapshot, or it was removed"},
    {404, "ContainerNotFound", ERR_GONE, RETRY_REPLAN, "there is no such container"},
    {404, "ResourceNotFound", ERR_GONE, RETRY_REPLAN, "it does not exist, or its SAS was revoked"},
    {416, "InvalidRange", ERR_GONE, RETRY_REPLAN,
     "the range lies outside the blob: its size changed"},
    {416, "InvalidPageRange", ERR_GONE, RETRY_REPLAN,
     "the range lies outside the blob: its size changed"},
    {412, "ConditionNotMet", ERR_GONE, RETRY_REPLAN,
     "the blob changed while it was in use; use a snapshot of it"},
    {412, "SourceConditionNotMet", ERR_GONE, RETRY_REPLAN, "the source changed"},
    {412, "TargetConditionNotMet", ERR_CONFLICT, RETRY_NEVER, "the target changed"},
    {412, "SequenceNumberConditionNotMet", ERR_CONFLICT, RETRY_NEVER,
     "another copy took over this target (its sequence number went on)"},

    /* diffs (A.7) */
    {409, "BlobOverwritten", ERR_GONE, RETRY_REPLAN,
     "the blob was rewritten since the older snapshot, so no diff is possible; " FULL},
    {409, "BlobGenerationMismatch", ERR_GONE, RETRY_REPLAN, "the blob is too old for diffs; " FULL},
    {409, "PreviousSnapshotNotFound", ERR_GONE, RETRY_REPLAN, "the older snapshot is gone; " FULL},
    {409, "PreviousSnapshotOperationNotSupported", ERR_GONE, RETRY_REPLAN,
     "the host makes no diff of this blob; " FULL},
    {400, "PreviousSnapshotCannotBeNewer", ERR_USAGE, RETRY_NEVER,
     "the base is newer than the source; exchange the two"},
    {400, "UnsupportedHeaderForNonManagedDisksAccount", ERR_USAGE, RETRY_NEVER,
     "a base given by its URL is for managed disks only; name a snapshot of the same blob"},

    /* state of the target */
    {412, "LeaseIdMissing", ERR_CONFLICT, RETRY_NEVER,
     "somebody holds a lease on the blob; break it or wait until it ends"},
    {412, "LeaseIdMismatchWithBlobOperation", ERR_CONFLICT, RETRY_NEVER,
     "somebody else holds a lease on the blob"},
    {412, "LeaseNotPresentWithBlobOperation", ERR_CONFLICT, RETRY_NEVER,
     "our lease on the blob is gone: somebody broke it, or another copy was here"},
    /* It ended, and nobody has written since: a renewal makes it good. */
    {412, "LeaseLost", ERR_CONFLICT, RETRY_LATER, "the lease on the blob ended"},
    {409, "LeaseAlreadyPresent", ERR_CONFLICT, RETRY_NEVER,
     "somebody holds a lease on the blob; break it or wait until it ends"},
    {409, "LeaseIdMismatchWithLeaseOperation", ERR_CONFLICT, RETRY_NEVER,
     "somebody else took the lease on the blob"},
    {409, "LeaseNotPresentWithLeaseOperation", ERR_CONFLICT, RETRY_NEVER,
     "our lease on the blob is gone: somebody broke it, or another copy was here"},
    {409, "LeaseIsBrokenAndCannotBeRenewed", ERR_CONFLICT, RETRY_NEVER,
     "somebody broke our lease on the blob"},
    {409, "LeaseIsBreakingAndCannotBeAcquired", ERR_CONFLICT, RETRY_LATER,
     "somebody is breaking our lease on the blob"},
    {409, "BlobAlreadyExists", ERR_CONFLICT, RETRY_NEVER, "the blob exists already"},
    {409, "UnauthorizedBlobOverwrite", ERR_CONFLICT, RETRY_NEVER,
     "the SAS may create a blob, not overwrite one"},
    {409, "InvalidBlobType", ERR_USAGE, RETRY_NEVER,
     "this is not a page blob; snapferry copies page blobs, files and block devices"},
    {409, "PendingCopyOperation", ERR_CONFLICT, RETRY_NEVER,
     "a copy into the blob is under way; wait until it ends"},
    {409, "SnapshotsPresent", ERR_CONFLICT, RETRY_NEVER, "the blob has snapshots"},
    {409, "SnapshotCountExceeded", ERR_LIMIT, RETRY_NEVER,
     "the blob has as many snapshots as its account allows; remove old ones"},
    {409, "SnapshotOperationRateExceeded", ERR_THROTTLED, RETRY_LATER,
     "snapshots are taken faster than the account allows"},
    {409, "SnaphotOperationRateExceeded", ERR_THROTTLED, RETRY_LATER,
     "snapshots are taken faster than the account allows"},
    {409, "ContainerBeingDeleted", ERR_CONFLICT, RETRY_NEVER, "the container is being deleted"},
    {409, "SystemInUse", ERR_CONFLICT, RETRY_NEVER, "the blob is in use by the service"},
    {409, "FeatureVersionMismatch", ERR_USAGE, RETRY_NEVER,
     "the blob needs a newer version of the protocol"},
    {409, "OperationNotAllowedOnIncrementalCopyBlob", ERR_USAGE, RETRY_NEVER,
     "this blob is an incremental copy; use one of its snapshots"},
    {409, "MemoryExtentStoreAtSizeLimit", ERR_LIMIT, RETRY_NEVER, "the host's memory is full"},

    /* what was asked is not possible there */
    {400, "ConditionHeadersNotSupported", ERR_USAGE, RETRY_NEVER,
     "the host takes no conditional headers (a managed disk behind another name?)"},
    {400, "InvalidResourceName", ERR_USAGE, RETRY_NEVER, "the URL's path is not a valid name"},
    {400, "InvalidUri", ERR_USAGE, RETRY_NEVER, "the URL is not valid"},
    {405, "UnsupportedHttpVerb", ERR_USAGE, RETRY_NEVER, "the host does not offer this"},
    {413, "RequestBodyTooLarge", ERR_LIMIT, RETRY_NEVER,
     "the request is larger than the host takes"},

    /* statuses */
    {304, NULL, ERR_GONE, RETRY_REPLAN, "the blob is not what it was planned to be"},
    {400, NULL, ERR_USAGE, RETRY_NEVER, "the host does not understand this request"},
    {401, NULL, ERR_AUTH, RETRY_AFTER_RENEWAL, "the host wants to know who asks; " RENEW},
    {403, NULL, ERR_AUTH, RETRY_NEVER, "the host refuses access"},
    {404, NULL, ERR_GONE, RETRY_REPLAN, "there is no such blob or snapshot, or it was removed"},
    {405, NULL, ERR_USAGE, RETRY_NEVER, "the host does not offer this"},
    {407, NULL, ERR_USAGE, RETRY_NEVER, "the proxy wants to know who asks"},
    {408, NULL, ERR_NET, RETRY_LATER, "the host waited too long for the request"},
    {409, NULL, ERR_CONFLICT, RETRY_NEVER, "the blob's state does not allow this"},
    {411, NULL, ERR_USAGE, RETRY_NEVER, "the host does not understand this request"},
    {412, NULL, ERR_CONFLICT, RETRY_NEVER, "a condition does not hold"},
    {413, NULL, ERR_LIMIT, RETRY_NEVER, "the request is larger than the host takes"},
    {416, NULL, ERR_GONE, RETRY_REPLAN, "the range lies outside the blob: its size changed"},
    {429, NULL, ERR_THROTTLED, RETRY_LATER, "the host asks us to slow down"},
    {500, NULL, ERR_NET, RETRY_LATER, "the host failed inside"},
    {501, NULL, ERR_USAGE, RETRY_NEVER, "the host does not offer this"},
    {502, NULL, ERR_NET, RETRY_LATER, "a gateway on the way failed"},
    {503, NULL, ERR_THROTTLED, RETRY_LATER, "the host is busy"},
    {504, NULL, ERR_NET, RETRY_LATER, "a gateway on the way ran out of time"},
    {505, NULL, ERR_USAGE, RETRY_NEVER, "the host does not speak HTTP/1.1"},
};

/* By hundreds, for statuses nobody foresaw. */
static const struct pageblob_error_row classes[] = {
    {1, NULL, ERR_CORRUPT, RETRY_LATER, "the host answered with a status that ends nothing"},
    {2, NULL, ERR_CORRUPT, RETRY_LATER, "the host answered with a success of another kind"},
    {3, NULL, ERR_USAGE, RETRY_NEVER, "the host points elsewhere; a SAS is not sent there"},
    {4, NULL, ERR_USAGE, RETRY_NEVER, "the host refuses this request"},
    {5, NULL, ERR_NET, RETRY_LATER, "the host failed"},
};
static const struct pageblob_error_row no_status = {0, NULL, ERR_CORRUPT, RETRY_LATER,
                                                    "the host's status is not one of HTTP"};

const struct pageblob_error_row *pageblob_error_rows(size_t *out_count)
{
    *out_count = sizeof rows / sizeof rows[0];
    return rows;
}

const struct pageblob_error_row *pageblob_error_find(int status, const char *code)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].status == status && (!rows[i].code || strcmp(rows[i].code, code) == 0))
            return &rows[i];
    if (status >= 100 && status < 600)
        return &classes[status / 100 - 1];
    return &no_status;
}

/* ---- The error body ---- */

struct error_body {
    char code[64];
    char message[SAID_MAX_BYTES + 1];
    char detail[SAID_MAX_BYTES + 1];
    char *into; /* one of the above; NULL = text is not wanted */
    size_t into_bytes;
};

static void on_start(void *user, const char *name, const char **attributes)
{
    struct error_body *body = user;

    (void)attributes;
    body->into = NULL;
    if (strcmp(name, "Code") == 0) {
        body->into = body->code;
        body->into_bytes = sizeof body->code;
    } else if (strcmp(name, "Message") == 0) {
        body->into = body->message;
        body->into_bytes = sizeof body->message;
    } else if (strcmp(name, "AuthenticationErrorDetail") == 0 || strcmp(name, "HeaderName") == 0 ||
               strcmp(name, "QueryParameterName") == 0 || strcmp(name, "Reason") == 0) {
        body->into = body->detail;
        body->into_bytes = sizeof body->detail;
    }
}

static void on_end(void *user, const char *name)
{
    (void)name;
    ((struct error_body *)user)->into = NULL;
}

static void on_text(void *user, const char *text, int count)
{
    struct error_body *body = user;
    size_t used;

    if (!body->into)
        return;
    used = strlen(body->into);
    snprintf(body->into + used, body->into_bytes - used, "%.*s", count, text);
}

/* Whatever does not parse is left out: the status is enough. */
static void read_body(const struct http_answer *answer, struct error_body *out_body)
{
    XML_Parser parser;

    memset(out_body, 0, sizeof *out_body);
    if (!answer->error_body_bytes)
        return;
    parser = XML_ParserCreate(NULL);
    if (!parser)
        return;
    XML_SetUserData(parser, out_body);
    XML_SetElementHandler(parser, on_start, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    XML_Parse(parser, answer->error_body, (int)answer->error_body_bytes, XML_FALSE);
    XML_ParserFree(parser);
}

/* The first line, printable ASCII (a text cut in the midst of a character would break JSON), without what
 * could be a secret. */
static void tidy(char *text)
{
    text[strcspn(text, "\r\n")] = 0;
    for (char *c = text; *c; c++)
        if (*c < ' ' || *c == 127)
            *c = '?';
    secret_redact(text);
}

void pageblob_error_set(const struct http_answer *answer, const char *what, struct err *e)
{
    const struct pageblob_error_row *row;
    struct error_body body;
    const char *code, *said;

    read_body(answer, &body);
    tidy(body.code);
    tidy(body.message);
    tidy(body.detail);
    code = answer->code[0] ? answer->code : body.code;
    said = body.detail[0] ? body.detail : body.message;
    row = pageblob_error_find(answer->status, code);
    err_set(e, row->kind, row->retry, "%s: %s (HTTP %d%s%s%s%s)%s%s%s", what, row->sentence,
            answer->status, *code ? " " : "", code, answer->request_id[0] ? ", request " : "",
            answer->request_id, *said ? "; the host says \"" : "", said, *said ? "\"" : "");
    e->http_status = answer->status;
    e->retry_after_ms = answer->retry_after_ms;
    snprintf(e->code, sizeof e->code, "%s", code);
    memcpy(e->request_id, answer->request_id, sizeof e->request_id);
}
