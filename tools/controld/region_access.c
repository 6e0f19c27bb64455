/* region_access.c - see region_access.h. Read, change, write back: one op of a container at a time. A
 * change whose answer was lost is read again, so that a late one of before does not stand. */
#include "tools/controld/region_access.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 4u /* of reading and writing, while answers are lost */

struct region_access {
    struct region_account *account;
    struct region_access_op *first; /* in the order they came, those that run among them */
};

struct region_access *region_access_new(struct region_account *account, struct err *e)
{
    struct region_access *access = calloc(1, sizeof *access);

    if (!access) {
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for access to an account");
        return NULL;
    }
    access->account = account;
    return access;
}

void region_access_free(struct region_access *access)
{
    assert(!access || !access->first);
    free(access);
}

void region_access_policy_id(const unsigned char random[16], char out[REGION_POLICY_ID_MAX_BYTES])
{
    size_t used = (size_t)sprintf(out, "%s", REGION_ACCESS_PREFIX);

    for (size_t i = 0; i < 16; i++)
        used += (size_t)sprintf(out + used, "%02x", random[i]);
}

/* ---- Turns ---- */

static void read_policies(struct region_access_op *op);

static bool must_wait(const struct region_access_op *op)
{
    for (const struct region_access_op *at = op->access->first; at != op; at = at->next)
        if (strcmp(at->container, op->container) == 0)
            return true;
    return false;
}

static void start_next(struct region_access *access)
{
    for (struct region_access_op *op = access->first; op; op = op->next) {
        if (op->running || must_wait(op))
            continue;
        op->running = true;
        read_policies(op);
    }
}

static void finish(struct region_access_op *op)
{
    struct region_access *access = op->access;
    struct region_access_op **at = &access->first;

    while (*at != op)
        at = &(*at)->next;
    *at = op->next;
    start_next(access); /* only begins requests */
    op->done(op);
}

/* ---- What is to change ---- */

static bool is_ours(const struct region_policy *policy)
{
    return strncmp(policy->id, REGION_ACCESS_PREFIX, strlen(REGION_ACCESS_PREFIX)) == 0;
}

/* UINT64_MAX: for ever. */
static uint64_t expiry_of(const struct region_policy *policy)
{
    uint64_t seconds = policy->expiry[0] ? secret_time_s(policy->expiry) : 0;

    return seconds ? seconds * NS_PER_S : UINT64_MAX;
}

static void drop_expired(struct region_acl *acl, uint64_t now_ns)
{
    for (size_t i = acl->count; i-- > 0;) {
        char id[REGION_POLICY_ID_MAX_BYTES];

        memcpy(id, acl->items[i].id, sizeof id);
        if (is_ours(&acl->items[i]) && expiry_of(&acl->items[i]) <= now_ns)
            region_acl_drop(acl, id);
    }
}

static bool refuse_sixth(struct region_access_op *op)
{
    err_set(
        &op->err, ERR_LIMIT, RETRY_NEVER,
        "%u accesses to the container %s are active, and an account keeps no more; end one first",
        REGION_POLICIES_MAX, op->container);
    op->err.http_status = 409;
    strcpy(op->err.code, "AccessPolicyLimit");
    return false;
}

/* False: nothing to write, or an error. */
static bool change_grant(struct region_access_op *op)
{
    uint64_t now_ns = reactor_wall_ns(region_account_reactor(op->access->account));
    struct region_policy *policy = region_acl_find(&op->acl, op->policy);
    uint64_t held_ns = policy ? expiry_of(policy) : 0;

    if (held_ns >= op->expiry_ns && held_ns > now_ns &&
        strcmp(policy->permissions, op->permissions) == 0) {
        op->expiry_ns = held_ns;
        op->as_it_was = op->rounds == 1;
        return false;
    }
    if (!policy) {
        if (op->acl.count == REGION_POLICIES_MAX)
            drop_expired(&op->acl, now_ns);
        policy = region_acl_add(&op->acl, op->policy);
        if (!policy)
            return refuse_sixth(op);
    }
    if (held_ns > op->expiry_ns && held_ns != UINT64_MAX)
        op->expiry_ns = held_ns;
    op->expiry_ns = (op->expiry_ns + NS_PER_S - 1) / NS_PER_S * NS_PER_S; /* as it is written */
    region_time_format(op->expiry_ns, policy->expiry);
    snprintf(policy->permissions, sizeof policy->permissions, "%s", op->permissions);
    return true;
}

static bool change_revoke(struct region_access_op *op)
{
    if (!region_acl_find(&op->acl, op->policy)) {
        op->as_it_was = op->rounds == 1;
        return false;
    }
    region_acl_drop(&op->acl, op->policy);
    return true;
}

/* ---- Requests ---- */

static void on_written(struct region_op *request)
{
    struct region_access_op *op = request->arg;

    if (err_is_set(&request->err))
        op->err = request->err;
    else if (request->unsure && op->rounds < ROUNDS_MAX) {
        read_policies(op); /* is it so? */
        return;
    }
    finish(op);
}

static void on_read(struct region_op *request)
{
    struct region_access_op *op = request->arg;

    if (err_is_set(&request->err)) {
        if (op->revokes && request->err.kind == ERR_GONE)
            op->as_it_was = true;
        else
            op->err = request->err;
        finish(op);
        return;
    }
    if (!(op->revokes ? change_revoke(op) : change_grant(op))) {
        finish(op);
        return;
    }
    op->op = (struct region_op){
        .container = op->container, .acl = &op->acl, .done = on_written, .arg = op};
    region_account_set_acl(op->access->account, &op->op);
}

static void read_policies(struct region_access_op *op)
{
    op->rounds++;
    op->acl = (struct region_acl){0};
    op->op =
        (struct region_op){.container = op->container, .acl = &op->acl, .done = on_read, .arg = op};
    region_account_get_acl(op->access->account, &op->op);
}

/* ---- Use ---- */

static void on_refused(struct reactor_task *task)
{
    struct region_access_op *op =
        (struct region_access_op *)((char *)task - offsetof(struct region_access_op, task));

    op->done(op);
}

static void enqueue(struct region_access *access, struct region_access_op *op, bool revokes)
{
    struct region_access_op **at = &access->first;

    assert(op->done && op->container && op->policy);
    assert(strncmp(op->policy, REGION_ACCESS_PREFIX, strlen(REGION_ACCESS_PREFIX)) == 0);
    assert(strlen(op->policy) < REGION_POLICY_ID_MAX_BYTES);
    op->access = access;
    op->next = NULL;
    op->revokes = revokes;
    op->rounds = 0;
    op->running = op->as_it_was = false;
    op->task = (struct reactor_task){0};
    err_clear(&op->err);
    if (!region_account_has_key(access->account)) {
        err_set(&op->err, ERR_CONFLICT, RETRY_NEVER,
                "access that can be revoked needs the key of the account %.64s, and it has a SAS",
                region_account_name(access->account));
        op->err.http_status = 409;
        strcpy(op->err.code, "AccountKeyRequired");
        reactor_post(region_account_reactor(access->account), &op->task, on_refused);
        return;
    }
    while (*at)
        at = &(*at)->next;
    *at = op;
    start_next(access);
}

void region_access_grant(struct region_access *access, struct region_access_op *op)
{
    assert(op->permissions && *op->permissions &&
           strlen(op->permissions) < REGION_PERMISSIONS_MAX_BYTES);
    enqueue(access, op, false);
}

void region_access_revoke(struct region_access *access, struct region_access_op *op)
{
    enqueue(access, op, true);
}
