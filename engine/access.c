/* access.c - see access.h. Three states: idle (a timer says when to ask), asked, checking. */
#include "engine/access.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum access_state { ACCESS_IDLE, ACCESS_ASKED, ACCESS_CHECKING };

struct access {
    struct access_setup setup; /* set once */
    /* changes, reactor thread only */
    enum access_state state;
    uint64_t generation;
    uint64_t expires_s;
    uint64_t life_s;      /* of the first URL as it was told; for later ones that do not say */
    uint64_t ask_wall_ns; /* when to ask; IDLE only, 0 = when refused */
    bool fresh;           /* renewed, and nothing succeeded with it yet */
    bool awaited;         /* somebody cannot go on */
    bool expiring_said;   /* of this generation */
    bool given_up;        /* for good */
    uint32_t failures;    /* in a row */
    struct err why;       /* given_up */
    struct err refusal;   /* what they wait for who are awaited */
    struct err last;      /* why the last question had no good answer; of this generation */
    struct secret_url candidate; /* CHECKING */
    uint64_t candidate_expires_s;
    char *text;
    struct timer timer; /* the next question */
    struct timer limit; /* the end of patience */
    struct reactor_task wake_task;
    struct access_waiter *waiters;
    struct access_facts facts;
};

const char *access_side_name(enum access_side side)
{
    static const char *const names[ACCESS_SIDES] = {"source", "base", "target"};

    return names[side];
}

static void access_tell(struct access *a, enum access_news news, const char *sentence)
{
    if (a->setup.news)
        a->setup.news(a->setup.arg, a, news, sentence);
}

static const char *access_name(const struct access *a)
{
    return access_side_name(a->setup.side);
}

/* ---- When to ask ---- */

static void access_due(struct timer *timer);

/* Not once and for all: the wall clock may be set, and the monotonic one stands still in a suspend. */
static void access_arm(struct access *a)
{
    uint64_t wall_ns = reactor_wall_ns(a->setup.reactor);
    uint64_t wait_ns = a->ask_wall_ns > wall_ns ? a->ask_wall_ns - wall_ns : 0;

    if (wait_ns > ACCESS_LOOK_NS)
        wait_ns = ACCESS_LOOK_NS;
    reactor_arm(a->setup.reactor, &a->timer, reactor_now_ns(a->setup.reactor) + wait_ns,
                access_due);
}

static void access_ask(struct access *a)
{
    reactor_disarm(a->setup.reactor, &a->timer);
    a->state = ACCESS_ASKED;
    a->ask_wall_ns = 0;
    if (!a->awaited && !a->expiring_said) {
        a->expiring_said = true;
        access_tell(a, ACCESS_EXPIRING, "");
    }
    a->setup.ask(a->setup.arg, a);
}

static void access_due(struct timer *timer)
{
    struct access *a = (struct access *)((char *)timer - offsetof(struct access, timer));

    if (reactor_wall_ns(a->setup.reactor) < a->ask_wall_ns)
        access_arm(a);
    else
        access_ask(a);
}

/* A URL that has ended by our clock is left to the host's clock: a refusal asks. */
static void access_plan(struct access *a)
{
    uint64_t wall_ns = reactor_wall_ns(a->setup.reactor);
    uint64_t end_ns = a->expires_s * NS_PER_S;
    uint64_t life_ns, lead_ns;

    a->ask_wall_ns = 0;
    if (!a->setup.ask || end_ns <= wall_ns)
        return;
    life_ns = end_ns - wall_ns;
    lead_ns = life_ns / ACCESS_LEAD_PARTS;
    if (lead_ns < ACCESS_LEAD_MIN_NS)
        lead_ns = life_ns / ACCESS_LEAD_MIN_PARTS < ACCESS_LEAD_MIN_NS
                      ? life_ns / ACCESS_LEAD_MIN_PARTS
                      : ACCESS_LEAD_MIN_NS;
    a->ask_wall_ns = end_ns - lead_ns;
    access_arm(a);
}

/* ---- Life ---- */

struct access *access_new(const struct access_setup *setup, struct err *e)
{
    struct access *a = calloc(1, sizeof *a);
    uint64_t wall_s = reactor_wall_ns(setup->reactor) / NS_PER_S;

    assert(setup->swap);
    if (!a) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to keep a URL valid");
        return NULL;
    }
    a->setup = *setup;
    a->expires_s = setup->expires_s;
    a->life_s = a->expires_s > wall_s ? a->expires_s - wall_s : 0;
    access_plan(a);
    return a;
}

void access_free(struct access *a)
{
    if (!a)
        return;
    assert(!a->waiters && !a->wake_task.posted);
    reactor_disarm(a->setup.reactor, &a->timer);
    reactor_disarm(a->setup.reactor, &a->limit);
    secret_url_fini(&a->candidate);
    secret_wipe_free(a->text);
    free(a);
}

/* ---- Waking ---- */

static struct access_waiter *access_take_due(struct access *a)
{
    for (struct access_waiter **at = &a->waiters; *at; at = &(*at)->next)
        if ((*at)->due) {
            struct access_waiter *waiter = *at;

            *at = waiter->next;
            waiter->access = NULL;
            return waiter;
        }
    return NULL;
}

/* One that waits again in its callback is not due: it waits for the next news. */
static void access_wake_due(struct reactor_task *task)
{
    struct access *a = (struct access *)((char *)task - offsetof(struct access, wake_task));
    struct access_waiter *waiter;

    while ((waiter = access_take_due(a)))
        waiter->woken(waiter, a->given_up ? &a->why : NULL);
}

static void access_wake(struct access *a)
{
    a->awaited = false;
    reactor_disarm(a->setup.reactor, &a->limit);
    for (struct access_waiter *w = a->waiters; w; w = w->next)
        w->due = true;
    if (a->waiters && !a->wake_task.posted)
        reactor_post(a->setup.reactor, &a->wake_task, access_wake_due);
}

/* Which answer of which host it was: the candidate's, else what began the wait. */
static void access_name_refusal(struct access *a, const struct err *candidate)
{
    bool has_own = candidate && candidate->http_status;
    const struct err *refusal = has_own ? candidate : &a->refusal;
    size_t length = strlen(a->why.text);

    if (!refusal->http_status)
        return;
    err_copy_answer(&a->why, refusal);
    if (!has_own)
        snprintf(a->why.text + length, sizeof a->why.text - length,
                 "; the host refused the one in use (HTTP %d %s, request %s)", refusal->http_status,
                 refusal->code, refusal->request_id);
}

static void access_give_up(struct access *a, const char *words, const struct err *why)
{
    reactor_disarm(a->setup.reactor, &a->timer);
    a->given_up = true;
    err_set(&a->why, ERR_AUTH, RETRY_AFTER_RENEWAL, "%s%s%.240s", words, why ? ": " : "",
            why ? why->text : "");
    access_name_refusal(a, why);
    access_tell(a, ACCESS_GIVEN_UP, a->why.text);
    access_wake(a);
}

static void access_patience_ended(struct timer *timer)
{
    struct access *a = (struct access *)((char *)timer - offsetof(struct access, limit));
    bool asking = a->state == ACCESS_ASKED && a->setup.asked;
    char words[200];

    snprintf(words, sizeof words, "no new URL of the %s came within %llu s%s%s%s", access_name(a),
             (unsigned long long)(a->setup.wait_max_ns / NS_PER_S), asking ? ": " : "",
             asking ? a->setup.asked : "", asking ? " has not answered" : "");
    access_give_up(a, words, a->failures ? &a->last : NULL);
}

/* ---- Answers ---- */

static uint64_t access_pause_ns(const struct access *a)
{
    uint64_t max_ns = a->awaited ? ACCESS_AGAIN_MAX_NS : ACCESS_AGAIN_IDLE_MAX_NS;
    uint64_t pause_ns = ACCESS_AGAIN_FIRST_NS;

    for (uint32_t i = 1; i < a->failures && pause_ns < max_ns; i++)
        pause_ns *= 2;
    return pause_ns < max_ns ? pause_ns : max_ns;
}

void access_failed(struct access *a, const struct err *why)
{
    char words[100], sentence[ERR_TEXT_MAX_BYTES + 150];

    if (a->given_up || a->state == ACCESS_IDLE)
        return;
    a->state = ACCESS_IDLE;
    a->failures++;
    a->last = *why;
    snprintf(words, sizeof words, "no new URL of the %s", access_name(a));
    if (a->awaited && a->failures >= ACCESS_FAILURES_MAX) {
        access_give_up(a, words, why);
        return;
    }
    snprintf(sentence, sizeof sentence, "No new URL of the %s: %s; trying again", access_name(a),
             why->text);
    access_tell(a, ACCESS_NOT_RENEWED, sentence);
    a->ask_wall_ns = reactor_wall_ns(a->setup.reactor) + access_pause_ns(a);
    access_arm(a);
}

void access_answer(struct access *a, struct secret_url *take, uint64_t expires_s)
{
    if (a->given_up || a->state == ACCESS_CHECKING) {
        secret_url_fini(take);
        return;
    }
    reactor_disarm(a->setup.reactor, &a->timer);
    a->state = ACCESS_CHECKING;
    a->candidate = *take;
    a->candidate_expires_s = expires_s;
    memset(take, 0, sizeof *take);
    if (a->setup.check)
        a->setup.check(a->setup.arg, a, &a->candidate);
    else
        access_checked(a, NULL);
}

static uint64_t access_new_expiry(const struct access *a)
{
    uint64_t wall_s = reactor_wall_ns(a->setup.reactor) / NS_PER_S;

    if (a->candidate_expires_s)
        return a->candidate_expires_s;
    if (a->candidate.expiry_s)
        return a->candidate.expiry_s;
    return a->life_s ? wall_s + a->life_s : 0;
}

static void access_swap(struct access *a)
{
    char sentence[100];

    a->state = ACCESS_IDLE;
    a->expires_s = access_new_expiry(a);
    if (a->setup.keep_text) {
        secret_wipe_free(a->text);
        a->text = secret_url_full(&a->candidate, NULL);
    }
    a->setup.swap(a->setup.arg, a, &a->candidate);
    secret_url_fini(&a->candidate);
    a->generation++;
    a->fresh = true;
    a->expiring_said = false;
    a->failures = 0;
    access_plan(a);
    snprintf(sentence, sizeof sentence, "The %s has a new URL.", access_name(a));
    access_tell(a, ACCESS_RENEWED, sentence);
    access_wake(a);
}

/* "A fresh URL refused once is final", but ahead of time nothing is lost: the old one is still good. */
void access_checked(struct access *a, const struct err *why)
{
    char words[100];

    assert(a->state == ACCESS_CHECKING);
    if (!why && !a->given_up) {
        access_swap(a);
        return;
    }
    secret_url_fini(&a->candidate);
    a->state = ACCESS_ASKED;
    if (a->given_up)
        return; /* patience ended meanwhile */
    if (why->retry == RETRY_AFTER_RENEWAL && a->awaited) {
        snprintf(words, sizeof words, "the new URL of the %s was refused too", access_name(a));
        access_give_up(a, words, why);
        return;
    }
    access_failed(a, why);
}

/* ---- Use ---- */

uint64_t access_generation(const struct access *a)
{
    return a ? a->generation : 0;
}

void access_accepted(struct access *a, uint64_t generation)
{
    if (a && generation == a->generation)
        a->fresh = false;
}

static void access_begin_wait(struct access *a)
{
    char sentence[100];

    a->awaited = true;
    a->failures = 0;
    if (a->setup.wait_max_ns)
        reactor_arm(a->setup.reactor, &a->limit,
                    reactor_now_ns(a->setup.reactor) + a->setup.wait_max_ns, access_patience_ended);
    snprintf(sentence, sizeof sentence,
             "The URL of the %s is not accepted any more: waiting for a new one.", access_name(a));
    access_tell(a, ACCESS_WAITING, sentence);
}

enum access_verdict access_refused(struct access *a, uint64_t generation, const struct err *why)
{
    char words[100];

    if (!a || a->given_up)
        return ACCESS_FINAL;
    if (generation < a->generation)
        return ACCESS_AGAIN;
    if (a->fresh) {
        snprintf(words, sizeof words, "the new URL of the %s was refused too", access_name(a));
        a->refusal = (struct err){0}; /* of the one before */
        access_give_up(a, words, NULL);
        err_copy_answer(&a->why, why);
        return ACCESS_FINAL;
    }
    if (!a->setup.ask)
        return ACCESS_FINAL;
    if (!a->awaited) {
        a->refusal = *why;
        access_begin_wait(a);
    }
    if (a->state == ACCESS_IDLE)
        access_ask(a);
    return ACCESS_WAIT;
}

void access_wait(struct access *a, struct access_waiter *waiter,
                 void (*woken)(struct access_waiter *waiter, const struct err *why))
{
    assert(!waiter->access && a->awaited);
    waiter->woken = woken;
    waiter->access = a;
    waiter->due = false;
    waiter->next = a->waiters;
    a->waiters = waiter;
}

void access_leave(struct access_waiter *waiter)
{
    struct access *a = waiter->access;
    struct access_waiter **at;

    if (!a)
        return;
    for (at = &a->waiters; *at != waiter; at = &(*at)->next)
        assert(*at);
    *at = waiter->next;
    waiter->access = NULL;
    if (!a->waiters) {
        a->awaited = false;
        reactor_disarm(a->setup.reactor, &a->limit);
    }
}

struct access_facts *access_facts(struct access *a)
{
    return a ? &a->facts : NULL;
}

/* ---- Look ---- */

bool access_is_awaited(const struct access *a)
{
    return a && a->awaited;
}

enum access_side access_side(const struct access *a)
{
    return a->setup.side;
}

uint64_t access_expires_s(const struct access *a)
{
    return a->expires_s;
}

const struct err *access_error(const struct access *a)
{
    return &a->why;
}

const char *access_text(const struct access *a)
{
    return a ? a->text : NULL;
}
