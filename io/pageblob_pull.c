/* pageblob_pull.c - Put Page From URL: the host reads the range from its source itself (see pageblob.h).
 *
 * The source's URL goes out in a header, with its SAS. Nothing here prints it, and what the host says of
 * the source is its own words: a status and a code.
 *
 * The bytes are not seen, so no checksum of ours guards them: the host's connection to the source does.
 * As with a write, an answer that was lost leaves open whether it may still land; what lands then is the
 * same data, since the source is a snapshot or held to its ETag.
 */
#include <assert.h>
#include <string.h>

#include "io/pageblob_error.h"
#include "io/pageblob_verb.h"

/* Was it the source that refused, and what would help then? A host of another version may not say what the
 * source answered: a new SAS is then worth a try, since no other remedy is ours. */
static void blame_source(struct pageblob_op *op)
{
    const struct pageblob_head *head = &op->head;
    const char *code = op->http.answer.code;
    const struct pageblob_error_row *row;
    int status = head->source_status ? head->source_status : op->http.answer.status;
    bool bare = strcmp(code, "CannotVerifyCopySource") == 0;

    op->from_failed = bare || head->source_status || head->source_code[0] ||
                      strcmp(code, "SourceConditionNotMet") == 0;
    if (!op->from_failed || op->http.answer.status >= 500)
        return; /* passing trouble there is passing trouble here */
    if (head->source_status >= 400 || head->source_code[0]) {
        row = pageblob_error_find(status, head->source_code);
        op->err.kind = row->kind;
        op->err.retry = row->retry;
        err_prefix(&op->err, "the source answered %d to the target's host (%s): ", status,
                   row->sentence);
    } else if (bare && status == 403) {
        op->err.retry = RETRY_AFTER_RENEWAL;
    }
}

static void on_pull(struct http_req *req)
{
    struct pageblob_op *op = verb_op(req);

    if (verb_answered(op, "pulling") && !verb_succeeded(op, 201, "pulling"))
        blame_source(op);
    op->done(op);
}

void pageblob_pull(struct pageblob *blob, struct pageblob_op *op)
{
    struct verb_headers h;
    char *from = secret_url_full(op->from, NULL);

    assert(op->length > 0 && op->length <= PAGEBLOB_RANGE_MAX);
    assert(op->offset % PAGEBLOB_PAGE_BYTES == 0 && op->length % PAGEBLOB_PAGE_BYTES == 0);
    assert(!err_is_set(&op->err));
    assert(from);
    verb_headers_init(&h);
    verb_header(&h, "x-ms-page-write", "update");
    verb_header_range(&h, op->offset, op->length);
    verb_header_sequence(&h, blob);
    verb_header_lease(&h, blob);
    verb_header(&h, "x-ms-copy-source", from);
    verb_header(&h, "x-ms-source-range", h.range);
    if (op->if_match && *op->if_match)
        verb_header(&h, "x-ms-source-if-match", op->if_match);
    op->http = (struct http_req){.method = HTTP_PUT,
                                 .verb = "put_page_from_url",
                                 .additions = "comp=page",
                                 .body = "",
                                 .deadlines = {.total_ms = http_total_ms(op->length)},
                                 .send_once = true};
    verb_send(blob, op, &h, on_pull);
    secret_wipe_free(from);
}
