/* region_account_used.c - how much of a blob or snapshot holds data: its range list, summed page by page
 * (see region_account.h, protocol A.7). */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "io/pageranges.h"
#include "tools/controld/region_account_call.h"

#define RANGES_PER_PAGE 10000u

static void begin_used(struct region_op *op)
{
    struct region_head h;
    char *additions = NULL;
    size_t count = 0;
    FILE *out = open_memstream(&additions, &count);
    bool ok = out && fprintf(out, "comp=pagelist&maxresults=%u", RANGES_PER_PAGE) > 0 &&
              region_account_parameter(out, "snapshot", op->snapshot) &&
              region_account_parameter(out, "prevsnapshot", op->since) &&
              region_account_parameter(out, "marker", op->marker);

    if (out && fclose(out) != 0)
        ok = false;
    op->http = (struct http_req){.method = HTTP_GET, .verb = "list ranges"};
    region_account_head(&h);
    if (ok)
        region_account_send(op, &h, additions);
    else
        region_account_fail(op, "no memory to list ranges");
    free(additions);
}

static void count_ranges(struct region_op *op, const struct extent_set *data,
                         const struct extent_set *clears)
{
    if (op->cells && !op->marker)
        region_cells_begin(op->cells, op->head.blob_bytes);
    if (op->cells) {
        region_cells_add(op->cells, data);
        region_cells_add(op->cells, clears);
    }
    op->used_bytes += data->total_bytes + clears->total_bytes;
}

/* Where the list goes on in *marker: malloc'd, or NULL when it ends here. */
static bool take_page(struct region_op *op, struct pageranges *page, char **marker)
{
    const struct extent all = {0, op->head.blob_bytes};
    struct extent_set data = {0}, clears = {0}; /* a full list has none of the second kind */
    bool ok;

    pageranges_begin(page, &data, op->since ? &clears : NULL, all, op->listed_end,
                     op->head.blob_bytes);
    ok = pageranges_push(page, op->body ? op->body : "", op->body_bytes, &op->err) &&
         pageranges_end(page, &op->err);
    *marker = NULL;
    if (ok && *pageranges_marker(page)) {
        *marker = strdup(pageranges_marker(page));
        if (!*marker)
            ok = err_set(&op->err, ERR_LIMIT, RETRY_LATER, "no memory to list ranges");
    }
    if (ok) {
        count_ranges(op, &data, &clears);
        op->listed_end = pageranges_last_end(page);
    }
    extent_set_fini(&data);
    extent_set_fini(&clears);
    return ok;
}

static void judge_used(struct region_op *op)
{
    struct pageranges *page;
    char *marker = NULL;
    bool ok;

    if (!region_account_expect(op, 200))
        return;
    if (!op->head.blob_known) {
        err_set(&op->err, ERR_CORRUPT, RETRY_LATER, "the host does not say how large the blob is");
        return;
    }
    page = pageranges_new(&op->err);
    ok = page && take_page(op, page, &marker);
    pageranges_free(page);
    if (!ok || !marker)
        return;
    if (op->marker && strcmp(op->marker, marker) == 0) {
        free(marker);
        err_set(&op->err, ERR_CORRUPT, RETRY_NEVER, "the host's range list goes round in a circle");
        return;
    }
    free(op->marker);
    op->marker = marker;
    region_account_again(op);
}

void region_account_used(struct region_account *account, struct region_op *op)
{
    assert(op->blob);
    region_account_start(account, op, "listing the ranges of", begin_used, judge_used);
}
