/* copy_listing.c - one list of an end, page by page. See copy_listing.h. */
#include "engine/copy_listing.h"

#include <assert.h>
#include <stddef.h>

#include "engine/copy_internal.h"

static bool copy_listing_append(struct extent_set *list, struct extent_set *page)
{
    bool ok = true;

    if (list->count == 0) {
        extent_set_move(list, page);
        return true;
    }
    for (size_t i = 0; i < page->count && ok; i++)
        ok = extent_set_append(list, extent_set_at(page, i));
    return ok;
}

/* The page's ranges become the list's, which is then whole below up_to. */
static bool copy_listing_take(struct copy *copy, uint64_t up_to, struct err *e)
{
    struct copy_lists *lists = &copy->lists;
    struct copy_list *list = lists->under_way;

    if (copy->list.size_bytes != lists->size_bytes)
        return err_set(e, ERR_GONE, RETRY_REPLAN,
                       "%s: its size changed while it was listed; copy a snapshot of it",
                       lists->name);
    if (!copy_journal_listed(copy, list, &lists->page_data, &lists->page_clears, up_to, e))
        return false;
    if (!copy_listing_append(&list->data, &lists->page_data) ||
        !copy_listing_append(&list->clears, &lists->page_clears))
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a list of ranges");
    extent_set_clear(&lists->page_data);
    extent_set_clear(&lists->page_clears);
    list->up_to = up_to;
    return true;
}

static void copy_list_page(struct list_req *req)
{
    struct copy *copy = (struct copy *)((char *)req - offsetof(struct copy, list));

    /* Ranges that reach the end are not yet the whole list, as long as the host says that more come. */
    if (!err_is_set(&copy->lists.err) && req->up_to < copy->lists.size_bytes)
        (void)copy_listing_take(copy, req->up_to, &copy->lists.err);
}

/* Pages that contradict each other: which of them is wrong nobody can say, nor what lies between them. So
 * none of the list is kept, here or in the journal. */
static void copy_listing_doubt(struct copy *copy, struct err *error)
{
    struct copy_list *list = copy->lists.under_way;
    const struct extent_set nothing = {0};
    struct err unwritten = {0};

    copy_list_forget(list);
    if (!copy_journal_listed(copy, list, &nothing, &nothing, 0, &unwritten))
        *error = unwritten;
}

static void copy_list_done(struct list_req *req)
{
    struct copy *copy = (struct copy *)((char *)req - offsetof(struct copy, list));
    struct err error = copy->lists.err;

    if (!err_is_set(&error))
        error = req->err;
    if (!err_is_set(&error))
        (void)copy_listing_take(copy, COPY_LIST_WHOLE, &error);
    if (error.kind == ERR_CORRUPT)
        copy_listing_doubt(copy, &error);
    copy_step_end(copy, &error);
}

void copy_submit_list(struct copy *copy, struct endpoint *ep, const char *since,
                      struct copy_list *list, uint64_t size_bytes)
{
    struct copy_lists *lists = &copy->lists;

    assert(list->up_to < size_bytes);
    extent_set_clear(&lists->page_data); /* of a try that failed */
    extent_set_clear(&lists->page_clears);
    err_clear(&lists->err);
    lists->under_way = list;
    lists->name = ep->name;
    lists->size_bytes = size_bytes;
    copy->list = (struct list_req){.within = {list->up_to, size_bytes - list->up_to},
                                   .since = since,
                                   .out_data = &lists->page_data,
                                   .out_clears = since ? &lists->page_clears : NULL,
                                   .page = copy_list_page,
                                   .done = copy_list_done};
    copy_access_asks(copy, ep, since && ep == copy->ends.source ? COPY_ASKS_DIFF : COPY_ASKS_LIST);
    endpoint_list(ep, &copy->list);
}

bool copy_list_is_whole(const struct copy_list *list)
{
    return list->up_to == COPY_LIST_WHOLE;
}

void copy_list_forget(struct copy_list *list)
{
    extent_set_fini(&list->data);
    extent_set_fini(&list->clears);
    list->up_to = 0;
}
