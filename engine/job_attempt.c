/* job_attempt.c - one attempt at a disk: its ends opened, the copy, where asked a verify, all of it closed.
 *
 * What ends here ends in a task of its own: it is told from inside of the endpoints that are to be closed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "engine/job_internal.h"
#include "engine/journal.h"

/* ---- Opening ---- */

static bool no_memory(struct err *e)
{
    return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory to begin a copy");
}

static bool set_since(struct job_attempt *attempt, const struct job_place *base, struct err *e)
{
    if (base->given.kind == JOB_GIVEN_NOTHING)
        return true;
    /* Of a file nobody is asked what changed since. */
    attempt->since =
        base->given.kind == JOB_GIVEN_URL ? secret_url_full(&base->given.url, NULL) : strdup("");
    return attempt->since || no_memory(e);
}

/* The identity that the job gives, else that of the first attempt: a renewed URL may have another path. */
static const char *identity_of(const struct job_life *life, enum access_side side)
{
    const struct job_disk *disk = life->spec;
    const char *given[ACCESS_SIDES] = {disk->source.identity, disk->base.identity,
                                       disk->target.identity};

    return given[side] ? given[side] : life->sides->side[side].identity;
}

static bool open_ends(struct job_life *life, struct err *e)
{
    const struct job_setup *setup = &life->job->setup;
    struct job_attempt *attempt = life->attempt;
    struct job_places places = {0};
    bool ok = true;

    for (size_t i = 0; ok && i < ACCESS_SIDES; i++)
        ok = job_side_place(&life->sides->side[i], &places.side[i], e);
    ok = ok && job_places_check(&places, life->spec, setup->allow_http, e) &&
         set_since(attempt, &places.side[ACCESS_BASE], e);
    for (size_t i = 0; ok && i < ACCESS_SIDES; i++) {
        if (places.side[i].given.kind == JOB_GIVEN_NOTHING)
            continue;
        attempt->ends[i] = job_place_open(setup->reactor, setup->http, &places.side[i],
                                          identity_of(life, (enum access_side)i), e);
        ok = attempt->ends[i] != NULL;
        if (ok && setup->request_max_bytes)
            endpoint_limit_requests(attempt->ends[i], setup->request_max_bytes);
    }
    job_places_fini(&places);
    return ok && job_sides_attach(life->sides, attempt->ends, e);
}

static bool place_journals(struct job_life *life, struct err *e)
{
    const char *named = life->spec->journal, *folder = life->job->setup.state_folder;
    struct job_attempt *attempt = life->attempt;
    const struct endpoint *target = attempt->ends[ACCESS_TARGET];

    if (!named && (!folder || target->capabilities & ENDPOINT_DISCARDS))
        return true;
    attempt->journal = named ? strdup(named) : journal_default_path(folder, target->identity);
    if (!attempt->journal || asprintf(&attempt->verify_journal, "%s.verify", attempt->journal) < 0)
        attempt->verify_journal = NULL;
    return attempt->verify_journal || no_memory(e);
}

/* ---- The seat ---- */

struct side_names {
    char *blob, *account;
};

/* Two regions on one host differ in their ports alone, so the account is named with its authority. */
static bool name_side(const struct job_life *life, enum access_side side, struct side_names *names,
                      struct err *e)
{
    struct job_place place = {0};
    const char *authority;
    bool ok = true;

    if (!job_side_place(&life->sides->side[side], &place, e))
        return false;
    if (place.given.kind == JOB_GIVEN_URL) {
        authority = strstr(place.given.url.address, "://") + 3;
        names->blob = strdup(authority);
        if (asprintf(&names->account, "%.*s/%s", (int)strcspn(authority, "/"), authority,
                     place.given.url.account) < 0)
            names->account = NULL;
        ok = (names->blob && names->account) || no_memory(e);
    }
    job_place_fini(&place);
    return ok;
}

static bool take_seat(struct job_life *life, struct err *e)
{
    struct side_names source = {0}, target = {0};

    if (life->seat)
        return true;
    if (name_side(life, ACCESS_SOURCE, &source, e) && name_side(life, ACCESS_TARGET, &target, e)) {
        struct share_side from = {.blob = source.blob, .account = source.account};
        struct share_side to = {.blob = target.blob, .account = target.account};

        life->seat = share_seat_new(life->unit->share, life->priority, &from, &to, e);
    }
    free(source.blob);
    free(source.account);
    free(target.blob);
    free(target.account);
    return life->seat != NULL;
}

/* ---- The copy ---- */

static void on_said(void *arg, const char *sentence)
{
    job_tell_warning(arg, sentence);
}

static void post_end(struct job_life *life)
{
    reactor_post(life->job->setup.reactor, &life->task, job_life_settle);
}

static void on_copied(void *arg, struct copy *copy)
{
    (void)copy;
    post_end(arg);
}

static void on_verified(void *arg, struct verify *verify)
{
    (void)verify;
    post_end(arg);
}

static bool start_copy(struct job_life *life, struct err *e)
{
    const struct job_disk *disk = life->spec;
    struct job_attempt *attempt = life->attempt;
    struct copy_ends ends = {.source = attempt->ends[ACCESS_SOURCE],
                             .base = attempt->ends[ACCESS_BASE],
                             .since = attempt->since,
                             .target = attempt->ends[ACCESS_TARGET],
                             .pool = life->job->setup.pool,
                             .sides = job_sides_of_copy(life->sides)};
    struct copy_options how = {.hash = true,
                               .footer = disk->footer,
                               .coalesce_bytes = COPY_COALESCE_DEFAULT,
                               .window_start = life->job->setup.window_start,
                               .source_id = disk->source.identity,
                               .base_id = disk->base.identity,
                               .state_folder = life->job->setup.state_folder,
                               .journal_path = attempt->journal,
                               .journal_optional = !disk->journal,
                               .keep_journal = disk->verify,
                               .restart = attempt->restart,
                               .target_new = disk->target_new,
                               .target_larger = disk->target_larger,
                               .random_seed = retry_random_next(&life->job->random),
                               .map = {.path = disk->map},
                               .seat = life->seat};
    struct copy_watch watch = {.say = on_said, .done = on_copied, .arg = life};

    if (getrandom(how.map.seed, sizeof how.map.seed, 0) != (ssize_t)sizeof how.map.seed)
        return err_set_errno(e, errno, RETRY_NEVER, "the kernel gives no random bytes");
    attempt->copy = copy_new(life->job->setup.reactor, &ends, &how, &watch, e);
    if (!attempt->copy)
        return false;
    copy_start(attempt->copy);
    return true;
}

bool job_attempt_start_verify(struct job_life *life, struct err *e)
{
    struct job_attempt *attempt = life->attempt;
    struct verify_ends ends = {.source = attempt->ends[ACCESS_SOURCE],
                               .target = attempt->ends[ACCESS_TARGET],
                               .pool = life->job->setup.pool,
                               .sides = job_sides_of_copy(life->sides)};
    struct verify_options how = {.footer = life->spec->footer,
                                 .source_id = life->spec->source.identity,
                                 .journal_path = attempt->verify_journal,
                                 .journal_optional = true,
                                 .restart = attempt->restart,
                                 .random_seed = retry_random_next(&life->job->random),
                                 .seat = life->seat};
    struct verify_watch watch = {.say = on_said, .done = on_verified, .arg = life};

    attempt->verify = verify_new(life->job->setup.reactor, &ends, &how, &watch, e);
    if (!attempt->verify)
        return false;
    life->phase = JOB_VERIFYING;
    verify_start(attempt->verify);
    return true;
}

bool job_attempt_start(struct job_life *life, struct err *e)
{
    if (!life->sides && !(life->sides = job_sides_new(life, e)))
        return false;
    life->attempt = calloc(1, sizeof *life->attempt);
    if (!life->attempt)
        return no_memory(e);
    life->attempt->restart = life->restart;
    if (!open_ends(life, e) || !place_journals(life, e) || !take_seat(life, e))
        return false;
    /* With a journal the copy itself finds that it is done, and looks whether the target still is. */
    if (life->committed && !life->attempt->journal)
        return job_attempt_start_verify(life, e);
    return start_copy(life, e);
}

void job_attempt_stop(struct job_life *life)
{
    struct job_attempt *attempt = life->attempt;

    if (attempt->verify)
        verify_stop(attempt->verify);
    else
        copy_stop(attempt->copy);
}

/* ---- What came of it ---- */

static struct err difference(const struct verify_summary *found)
{
    const struct extent_set *where = found->differences;
    struct err e = {0};

    if (found->sizes_differ)
        err_set(&e, ERR_CORRUPT, RETRY_NEVER,
                "verified: the target has %llu bytes, which is not what the source's %llu make",
                (unsigned long long)found->target_size_bytes,
                (unsigned long long)found->source_size_bytes);
    else if (where && where->count)
        err_set(&e, ERR_CORRUPT, RETRY_NEVER,
                "verified: the target differs from the source in %llu bytes, the first at %llu",
                (unsigned long long)found->different_bytes,
                (unsigned long long)where->items[where->head].offset);
    else
        err_set(&e, ERR_CORRUPT, RETRY_NEVER, "verified: the target differs from the source");
    return e;
}

struct err job_attempt_error(const struct job_life *life)
{
    const struct job_attempt *attempt = life->attempt;
    struct err e;

    if (!attempt->verify)
        return *copy_error(attempt->copy);
    e = *verify_error(attempt->verify);
    if (!err_is_set(&e) && !verify_summary(attempt->verify)->equal)
        e = difference(verify_summary(attempt->verify));
    return e;
}

/* Counts of attempts are added up; what the copy came to is the last one's. */
static void keep_summary(struct job_life *life, const struct copy_summary *last)
{
    struct copy_summary *kept = life->summary ? life->summary : calloc(1, sizeof *kept);
    struct copy_summary sum = *last;

    if (!kept)
        return; /* then the counts of this attempt are not told */
    sum.read_bytes += kept->read_bytes;
    sum.written_bytes += kept->written_bytes;
    sum.pulled_bytes += kept->pulled_bytes;
    sum.cleared_bytes += kept->cleared_bytes;
    sum.skipped_bytes += kept->skipped_bytes;
    sum.proof_bytes += kept->proof_bytes;
    sum.retries += kept->retries;
    if (life->summary)
        sum.started_ns = kept->started_ns;
    *kept = sum;
    life->summary = kept;
}

static void keep_verified(struct job_life *life, struct job_attempt *attempt)
{
    const struct verify_summary *found = verify_summary(attempt->verify);

    if (life->summary) {
        life->summary->retries += found->retries;
        life->summary->ended_ns = found->ended_ns;
    }
    /* Until now a run again would only have verified. */
    if (attempt->copy && !err_is_set(verify_error(attempt->verify)))
        copy_drop_journal(attempt->copy);
}

void job_attempt_close(struct job_life *life)
{
    struct job_attempt *attempt = life->attempt;

    if (!attempt)
        return;
    if (attempt->copy) {
        const struct copy_summary *summary = copy_summary(attempt->copy);

        keep_summary(life, summary);
        life->committed |= summary->committed;
        life->restart &= !summary->planned; /* from here on it is our own that is gone on with */
    }
    if (attempt->verify)
        keep_verified(life, attempt);
    verify_free(attempt->verify);
    copy_free(attempt->copy);
    job_sides_detach(life->sides);
    for (size_t i = 0; i < ACCESS_SIDES; i++) {
        struct endpoint *ep = attempt->ends[i];

        if (!ep)
            continue;
        life->requests_count += ep->requests_count;
        life->wire_bytes += ep->wire_read_bytes + ep->wire_written_bytes;
        endpoint_close(ep);
    }
    secret_wipe_free(attempt->since);
    free(attempt->journal);
    free(attempt->verify_journal);
    free(attempt);
    life->attempt = NULL;
}
