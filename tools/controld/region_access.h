/* region_access.h - access of customers to blobs: granted, extended and revoked by stored access
 * policies, so that a URL stays the same while it is extended and ends at once when it is revoked.
 *
 * Knows:         five policies a container, whose are ours, that one change of a container's list follows
 *                another.
 * Must not know: restore points; what the URL is (region_sas.h makes it from the policy's id).
 * Threads:       the reactor's. An op belongs to its caller, alive and unmoved until `done` ran; done
 *                runs exactly once, from the reactor, never inside the verb.
 * Errors:        ERR_CONFLICT, code "AccountKeyRequired": the account has a SAS alone. ERR_LIMIT, code
 *                "AccessPolicyLimit": five are active. Both with http_status 409.
 */
#ifndef CONTROLD_REGION_ACCESS_H
#define CONTROLD_REGION_ACCESS_H

#include "tools/controld/region_account.h"

#define REGION_ACCESS_PREFIX "snapferry-" /* ids of ours; others are left alone, and count */

struct region_access;

struct region_access_op {
    /* in; borrowed until done */
    const char *container;
    const char *policy;      /* grant, revoke: its id; begins with REGION_ACCESS_PREFIX */
    const char *permissions; /* grant */
    uint64_t
        expiry_ns; /* grant: wall clock; one that is later already stays; out: what holds now */
    /* out */
    bool as_it_was; /* grant: it was active and reaches far enough; revoke: it was not there */
    struct err err;
    void (*done)(struct region_access_op *);
    void *arg;
    /* private */
    struct region_access *access;
    struct region_access_op *next;
    struct reactor_task task;
    struct region_op op;
    struct region_acl acl;
    unsigned rounds;
    bool revokes, running;
};

/* ---- Life ---- */
struct region_access *region_access_new(struct region_account *account,
                                        struct err *e); /* borrows */
void region_access_free(struct region_access *access);  /* NULL is fine; no op under way */

/* ---- Use ---- */
/* Adds the policy, or extends it; ours that have expired make room. */
void region_access_grant(struct region_access *access, struct region_access_op *op);
/* From then on nothing opens with it (on the cloud within 30 s). A container that is gone is fine. */
void region_access_revoke(struct region_access *access, struct region_access_op *op);

/* A new id from 16 random bytes. */
void region_access_policy_id(const unsigned char random[16], char out[REGION_POLICY_ID_MAX_BYTES]);

#endif
