/* endpoint_shared_list.c - one list for all that ask for the same (see endpoint_shared.h). Of a snapshot it
 * is kept: those who come later get it too. Of anything else each handle lists by itself.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <assert.h>

#include "io/endpoint_shared_parts.h"
#include "io/secret.h"

struct list_ask {
    struct list_ask *next;
    struct shared_handle *handle;
    struct list_req *asked;
};

struct shared_list {
    struct shared_list *next;
    struct endpoint_shared *shared;
    struct list_req req;
    struct extent_set data, clears;
    char *since; /* secret; NULL: a full list */
    bool under_way;
    struct list_ask *asks; /* the first began it */
};

/* ---- Alone ---- */

struct list_alone {
    struct list_req req; /* first */
    struct shared_handle *handle;
    struct list_req *asked;
};

static void list_alone_page(struct list_req *req)
{
    struct list_req *asked = ((struct list_alone *)req)->asked;

    asked->size_bytes = req->size_bytes;
    asked->up_to = req->up_to;
    asked->page(asked);
}

static void list_alone_done(struct list_req *req)
{
    struct list_alone *alone = (struct list_alone *)req;
    struct endpoint *handle = &alone->handle->head;
    struct list_req *asked = alone->asked;

    asked->size_bytes = req->size_bytes;
    asked->err = req->err;
    free(alone);
    endpoint_list_end(handle, asked);
}

static void shared_list_alone(struct shared_handle *h, struct list_req *asked)
{
    struct list_alone *alone = calloc(1, sizeof *alone);

    assert(alone);
    alone->handle = h;
    alone->asked = asked;
    alone->req = *asked;
    alone->req.page = asked->page ? list_alone_page : NULL;
    alone->req.done = list_alone_done;
    h->shared->counts.lists_count++;
    endpoint_list(h->shared->source, &alone->req);
}

/* ---- Together ---- */

static bool list_is_same(const struct shared_list *l, const struct list_req *asked)
{
    bool same_since =
        l->since && asked->since ? strcmp(l->since, asked->since) == 0 : !l->since && !asked->since;

    return same_since && l->req.within.offset == asked->within.offset &&
           l->req.within.length == asked->within.length;
}

static void list_ask_end(struct list_ask *ask)
{
    struct shared_handle *h = ask->handle;
    struct list_req *asked = ask->asked;

    free(ask);
    endpoint_later_list(&h->later, &h->head, asked);
}

static void list_give(const struct shared_list *l, struct list_ask *ask)
{
    struct list_req *asked = ask->asked;

    extent_set_fini(asked->out_data);
    asked->size_bytes = l->req.size_bytes;
    if (asked->since)
        extent_set_fini(asked->out_clears);
    if (!extent_set_copy(asked->out_data, &l->data) ||
        (asked->since && !extent_set_copy(asked->out_clears, &l->clears)))
        err_set(&asked->err, ERR_LIMIT, RETRY_NEVER, "no memory for a list of ranges");
    list_ask_end(ask);
}

static void list_forget(struct shared_list *l)
{
    struct shared_list **link = &l->shared->lists;

    while (*link != l)
        link = &(*link)->next;
    *link = l->next;
    extent_set_fini(&l->data);
    extent_set_fini(&l->clears);
    secret_wipe_free(l->since);
    free(l);
}

/* As with a read: a URL that ended is the asker's to renew, any other error is everybody's. */
static void list_failed(struct shared_list *l)
{
    struct err why = l->req.err;
    struct list_ask *ask = l->asks;
    bool first = true;

    list_forget(l);
    while (ask) {
        struct list_ask *next = ask->next;

        if (first || why.retry != RETRY_AFTER_RENEWAL) {
            ask->asked->err = why;
            list_ask_end(ask);
        } else {
            struct shared_handle *h = ask->handle;
            struct list_req *asked = ask->asked;

            free(ask);
            shared_list(&h->head, asked);
        }
        first = false;
        ask = next;
    }
}

static void list_done(struct list_req *req)
{
    struct shared_list *l = (struct shared_list *)((char *)req - offsetof(struct shared_list, req));
    struct list_ask *ask = l->asks;

    if (err_is_set(&req->err)) {
        list_failed(l);
        return;
    }
    l->under_way = false;
    l->asks = NULL;
    while (ask) {
        struct list_ask *next = ask->next;

        list_give(l, ask);
        ask = next;
    }
}

static struct shared_list *list_new(struct endpoint_shared *s, const struct list_req *asked)
{
    struct shared_list *l = calloc(1, sizeof *l);

    assert(l);
    l->shared = s;
    l->since = asked->since ? strdup(asked->since) : NULL;
    assert(l->since || !asked->since);
    l->under_way = true;
    l->req = (struct list_req){.within = asked->within,
                               .since = l->since,
                               .out_data = &l->data,
                               .out_clears = asked->since ? &l->clears : NULL,
                               .done = list_done};
    l->next = s->lists;
    s->lists = l;
    return l;
}

void shared_list(struct endpoint *ep, struct list_req *req)
{
    struct shared_handle *h = (struct shared_handle *)ep;
    struct endpoint_shared *s = h->shared;
    struct shared_list *l = s->lists;
    struct list_ask *ask, **link;

    if (!shared_is_fixed(s)) {
        shared_list_alone(h, req);
        return;
    }
    ask = calloc(1, sizeof *ask);
    assert(ask);
    ask->handle = h;
    ask->asked = req;
    while (l && !list_is_same(l, req))
        l = l->next;
    if (l && !l->under_way) {
        list_give(l, ask);
        return;
    }
    if (l) {
        for (link = &l->asks; *link; link = &(*link)->next)
            ;
        *link = ask;
        return;
    }
    l = list_new(s, req);
    l->asks = ask;
    s->counts.lists_count++;
    endpoint_list(s->source, &l->req);
}

void shared_lists_free(struct endpoint_shared *s)
{
    while (s->lists) {
        assert(!s->lists->under_way);
        list_forget(s->lists);
    }
}
