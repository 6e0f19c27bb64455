/* access_check.c - see access_check.h. A stat, and of a source elsewhere a read of its last page. */
#include "engine/access_check.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/vhd.h"
#include "engine/retry.h"

struct access_check {
    struct access_check_setup setup; /* set once */
    struct access_facts facts;
    struct endpoint *endpoint; /* owned */
    /* changes, reactor thread only */
    struct retry_random random;
    uint32_t attempts;
    struct timer timer;
    struct stat_req stat;
    struct block_req block;
    struct buf *buf;
    struct buf_waiter buf_wait;
};

static void check_look(struct access_check *check);
static void check_read(struct access_check *check);

static void check_end(struct access_check *check, const struct err *why)
{
    if (check->buf)
        bufpool_release(check->setup.pool, check->buf);
    check->buf = NULL;
    check->setup.done(check->setup.arg, why);
}

static void check_refuse(struct access_check *check, const char *what)
{
    struct err why = {0};

    err_set(&why, ERR_CONFLICT, RETRY_NEVER, "%.200s is another disk than the %s: %s",
            check->endpoint->name, access_side_name(check->setup.side), what);
    check_end(check, &why);
}

/* ---- Another try ---- */

/* Borrows at once, before others do. */
static void check_may_borrow(struct buf_waiter *waiter)
{
    check_read((struct access_check *)((char *)waiter - offsetof(struct access_check, buf_wait)));
}

static void check_timer_fired(struct timer *timer)
{
    struct access_check *check =
        (struct access_check *)((char *)timer - offsetof(struct access_check, timer));

    if (check->stat.exists)
        check_read(check);
    else
        check_look(check);
}

static void check_trouble(struct access_check *check, const struct err *error)
{
    struct reactor *r = check->setup.reactor;
    struct retry_verdict verdict = retry_judge(error, ++check->attempts, &check->random);

    if (verdict.action == RETRY_ACT_AGAIN)
        reactor_arm(r, &check->timer, reactor_now_ns(r) + verdict.delay_ns, check_timer_fired);
    else
        check_end(check, error);
}

/* ---- The footer ---- */

static void check_read_done(struct block_req *req)
{
    struct access_check *check =
        (struct access_check *)((char *)req - offsetof(struct access_check, block));
    struct block_hash found;
    struct err error = req->err;

    if (err_is_set(&error)) {
        check_trouble(check, &error);
        return;
    }
    found = digest_bytes(check->buf->memory, VHD_FOOTER_BYTES);
    if (memcmp(&found, &check->facts.footer, sizeof found) != 0)
        check_refuse(check, "its footer differs");
    else
        check_end(check, NULL);
}

static void check_read(struct access_check *check)
{
    if (!check->buf)
        check->buf = bufpool_borrow(check->setup.pool);
    if (!check->buf && bufpool_grow(check->setup.pool))
        check->buf = bufpool_borrow(check->setup.pool);
    if (!check->buf) {
        bufpool_wait(check->setup.pool, &check->buf_wait, check_may_borrow);
        return;
    }
    check->block = (struct block_req){.offset = check->facts.size_bytes - VHD_FOOTER_BYTES,
                                      .length = VHD_FOOTER_BYTES,
                                      .buf = check->buf,
                                      .done = check_read_done};
    endpoint_read(check->endpoint, &check->block);
}

/* ---- The look ---- */

static bool same_text(const char *a, const char *b)
{
    return *a && strcmp(a, b) == 0;
}

/* What differs, in words; NULL: nothing that a look can tell. The time stands for the ETag only where there
 * is none: the disks of one machine have snapshots of one second. */
static const char *check_judge(const struct access_check *check)
{
    const struct access_facts *facts = &check->facts;
    const struct stat_req *stat = &check->stat;

    if (check->endpoint->capabilities != check->setup.capabilities)
        return "it is on another kind of host";
    if (!facts->known || !facts->exists)
        return "it has another address, and nothing is known yet to compare it with; begin anew "
               "with it";
    if (stat->size_bytes != facts->size_bytes)
        return "its size differs";
    if (check->setup.side == ACCESS_TARGET) {
        if (!(check->setup.capabilities & ENDPOINT_CAN_MARK))
            return NULL;
        if (facts->copy_uuid[0])
            return strcmp(stat->marker.copy_uuid, facts->copy_uuid) == 0
                       ? NULL
                       : "it does not carry this copy's mark";
    }
    if (same_text(facts->etag, stat->etag))
        return NULL;
    if (facts->etag[0] || stat->etag[0] || !same_text(facts->last_modified, stat->last_modified))
        return "its ETag and the time of its last change differ";
    if (check->setup.side == ACCESS_SOURCE && !facts->footer_known)
        return "its host gives no ETag, and its footer is not known yet; begin anew with it";
    return NULL;
}

static void check_look_done(struct stat_req *req)
{
    struct access_check *check =
        (struct access_check *)((char *)req - offsetof(struct access_check, stat));
    struct err error = req->err;
    const char *different;

    if (err_is_set(&error)) {
        check->stat.exists = false;
        check_trouble(check, &error);
        return;
    }
    if (check->setup.same_address) {
        check_end(check, NULL); /* also when it is not there: the copy finds that out by itself */
        return;
    }
    different = req->exists ? check_judge(check) : "there is nothing";
    if (different) {
        check_refuse(check, different);
        return;
    }
    check->attempts = 0;
    if (check->setup.side == ACCESS_SOURCE && check->facts.footer_known)
        check_read(check);
    else
        check_end(check, NULL);
}

static void check_look(struct access_check *check)
{
    check->stat = (struct stat_req){.done = check_look_done};
    endpoint_stat(check->endpoint, &check->stat);
}

/* ---- Life ---- */

struct access_check *access_check_start(struct endpoint *take,
                                        const struct access_check_setup *setup, struct err *e)
{
    struct access_check *check = calloc(1, sizeof *check);

    if (!check) {
        endpoint_close(take);
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory to look at a new URL");
        return NULL;
    }
    check->setup = *setup;
    check->facts = *setup->facts;
    check->endpoint = take;
    check->random.state = setup->random_seed;
    check_look(check);
    return check;
}

bool access_check_busy(const struct access_check *check)
{
    return check && check->endpoint->inflight > 0;
}

void access_check_free(struct access_check *check)
{
    if (!check)
        return;
    assert(!access_check_busy(check));
    reactor_disarm(check->setup.reactor, &check->timer);
    (void)bufpool_leave(check->setup.pool, &check->buf_wait);
    if (check->buf)
        bufpool_release(check->setup.pool, check->buf);
    endpoint_close(check->endpoint);
    free(check);
}
