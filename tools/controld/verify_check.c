/* verify_check.c - see verify_check.h. */
#include "tools/controld/verify_check.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "io/reactor.h"
#include "io/secret.h"
#include "tools/controld/arm_render_parts.h"
#include "tools/controld/bound_process.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/region_sas.h"
#include "tools/controld/regions.h"

#define SOURCE_VARIABLE "SNAPFERRY_VERIFY_SOURCE"
#define TARGET_VARIABLE "SNAPFERRY_VERIFY_TARGET"
#define ARGUMENTS_MAX   16u
#define END_LIMIT_NS    (5 * NS_PER_S)

enum source_state {
    SOURCE_NONE, /* it was never copied */
    SOURCE_PRESENT,
    SOURCE_DELETED,    /* its restore point, here */
    SOURCE_MISSING,    /* its snapshot, in its region */
    SOURCE_UNREACHABLE /* nobody knows */
};

struct verify_place {
    const struct region *region;
    char container[REGION_CONTAINER_MAX_BYTES], blob[REGION_BLOB_MAX_BYTES];
    char snapshot[REGION_SNAPSHOT_MAX_BYTES];
};

struct verify_check {
    struct verify_check_setup setup;
    char id[ARM_ID_MAX_BYTES], source_id[ARM_ID_MAX_BYTES], root[VERIFY_ROOT_MAX_BYTES];
    char *journal;
    enum source_state source_state;
    struct verify_place source, target;
    struct verify_finding finding;
    struct region_op looking;
    bool looks, stopped;
    struct bound_process *child;
    struct timer stall;
    uint64_t stalled_at_bytes;
};

/* ---- What there is ---- */

static bool find_place(struct service *service, const struct catalog_disk_point *row,
                       struct verify_place *out)
{
    out->region = row->region ? regions_find(service->regions, row->region) : NULL;
    if (!out->region || !row->container || !row->blob || !row->snapshot)
        return false;
    snprintf(out->container, sizeof out->container, "%s", row->container);
    snprintf(out->blob, sizeof out->blob, "%s", row->blob);
    snprintf(out->snapshot, sizeof out->snapshot, "%s", row->snapshot);
    return true;
}

/* One that is being deleted is gone. */
static bool find_source(struct verify_check *check, const char *source_id, struct err *e)
{
    struct service *service = check->setup.service;
    struct catalog_disk_point row = {0};
    struct arm_error ignored = {0};
    bool ok = !source_id || catalog_disk_point_get(service->catalog, source_id, &row, e);

    check->source_state = source_id ? SOURCE_DELETED : SOURCE_NONE;
    snprintf(check->source_id, sizeof check->source_id, "%s", source_id ? source_id : "");
    if (ok && row.id && row.snapshot && service_point_stays(service, row.point_id, &ignored, e))
        check->source_state =
            find_place(service, &row, &check->source) ? SOURCE_PRESENT : SOURCE_UNREACHABLE;
    catalog_disk_point_fini(&row);
    return ok && !err_is_set(e);
}

static const char *state_sentence(enum source_state state)
{
    static const char *const sentences[] = {
        [SOURCE_NONE] = "It was never copied, so there is no source",
        [SOURCE_PRESENT] = "Its source is there",
        [SOURCE_DELETED] = "Its source was deleted",
        [SOURCE_MISSING] = "Its source's snapshot is not in its region any more",
        [SOURCE_UNREACHABLE] = "Its source's region cannot be reached",
    };

    return sentences[state];
}

static bool may_be(struct verify_check *check, const struct catalog_disk_point *row,
                   struct arm_error *why, struct err *e)
{
    struct service *service = check->setup.service;

    if (!row->snapshot)
        return arm_error_set(why, 409, ARM_CONFLICT, NULL,
                             "The disk restore point is not complete yet ('%.60s', %.1f %%): there "
                             "is nothing to verify.",
                             row->code ? row->code : "", row->percent);
    if (!service_point_stays(service, row->point_id, why, e))
        return false;
    if (!find_place(service, row, &check->target))
        return arm_error_set(why, 409, ARM_CONFLICT, NULL,
                             "Its region is not in the configuration any more.");
    if (!find_source(check, row->source_disk_point_id, e))
        return false;
    if (row->root)
        snprintf(check->root, sizeof check->root, "%s", row->root);
    if (check->source_state == SOURCE_PRESENT || check->root[0])
        return true;
    return arm_error_set(why, 409, ARM_CONFLICT, NULL,
                         "%s to compare it with, and no digest of what was copied was kept.",
                         state_sentence(check->source_state));
}

/* ---- The end ---- */

static struct reactor *reactor_of(const struct verify_check *check)
{
    return check->setup.service->reactor;
}

static void conclude(struct verify_check *check)
{
    if (check->stopped)
        verify_finding_fail(&check->finding, "snapferryd was ended");
    else if (check->journal)
        unlink(check->journal);
    secret_redact(check->finding.trouble);
    check->setup.done(check->setup.arg, check);
}

static void give_up(struct verify_check *check, const char *trouble)
{
    verify_finding_fail(&check->finding, trouble);
    conclude(check);
}

static void child_ended(void *arg, int status)
{
    struct verify_check *check = arg;

    reactor_disarm(reactor_of(check), &check->stall);
    bound_process_free(check->child, 0);
    check->child = NULL;
    verify_finding_end(&check->finding, status);
    conclude(check);
}

/* ---- The child ---- */

static void child_said(void *arg, const char *line)
{
    struct verify_check *check = arg;

    verify_finding_hear(&check->finding, line);
}

static void stalled(struct timer *timer)
{
    struct verify_check *check =
        (struct verify_check *)((char *)timer - offsetof(struct verify_check, stall));
    struct reactor *reactor = reactor_of(check);
    bool same = check->finding.moved_bytes == check->stalled_at_bytes;

    check->stalled_at_bytes = check->finding.moved_bytes;
    reactor_arm(reactor, &check->stall, reactor_now_ns(reactor) + VERIFY_STALL_NS, stalled);
    if (same)
        bound_process_end(check->child); /* and it says why, or how far it was */
}

/* "NAME=URL"; malloc'd, secret; NULL with *e. */
static char *url_variable(const struct verify_check *check, const char *name,
                          const struct verify_place *place, struct err *e)
{
    const struct region_sas sas = {
        .container = place->container,
        .blob = place->blob,
        .snapshot = place->snapshot,
        .permissions = "r",
        .expiry_ns = (uint64_t)service_now_ns(check->setup.service) + VERIFY_SAS_NS,
    };
    char *url = NULL, *variable = NULL;

    if (!region_sas_url(place->region->account, &sas, &url, e))
        return NULL;
    if (asprintf(&variable, "%s=%s", name, url) < 0) {
        variable = NULL;
        err_set_errno(e, ENOMEM, RETRY_LATER, "cannot compare");
    }
    secret_wipe_free(url);
    return variable;
}

static void list_arguments(const struct verify_check *check,
                           const char *out_arguments[ARGUMENTS_MAX + 1])
{
    bool by_source = check->finding.against == VERIFY_AGAINST_SOURCE;
    const char *const words[] = {
        check->setup.snapferry,
        by_source ? "verify" : "copy",
        by_source ? "env:" SOURCE_VARIABLE : "env:" TARGET_VARIABLE,
        by_source ? "env:" TARGET_VARIABLE : "null:",
        "--json",
        "--source-id",
        check->id,
        "--memory",
        VERIFY_MEMORY,
        "--state-dir",
        check->setup.folder,
    };
    size_t count = sizeof words / sizeof words[0];

    memcpy(out_arguments, words, sizeof words);
    if (by_source) { /* a digest of all needs all of it read in one go */
        out_arguments[count++] = "--journal";
        out_arguments[count++] = check->journal;
    }
    if (check->setup.cacert) {
        out_arguments[count++] = "--cacert";
        out_arguments[count++] = check->setup.cacert;
    }
    if (check->setup.allow_http)
        out_arguments[count++] = "--allow-http";
    assert(count <= ARGUMENTS_MAX);
    out_arguments[count] = NULL;
}

static bool start_child(struct verify_check *check, struct err *e)
{
    const char *arguments[ARGUMENTS_MAX + 1];
    bool by_source = check->finding.against == VERIFY_AGAINST_SOURCE;
    char *target = url_variable(check, TARGET_VARIABLE, &check->target, e);
    char *source =
        target && by_source ? url_variable(check, SOURCE_VARIABLE, &check->source, e) : NULL;

    list_arguments(check, arguments);
    if (target && (source || !by_source)) {
        const char *variables[] = {target, source, NULL};
        const struct bound_process_setup setup = {.reactor = reactor_of(check),
                                                  .arguments = arguments,
                                                  .variables = variables,
                                                  .line = child_said,
                                                  .every_line = true,
                                                  .ended = child_ended,
                                                  .arg = check};

        check->child = bound_process_start(&setup, e);
    }
    secret_wipe_free(target);
    secret_wipe_free(source);
    return check->child != NULL;
}

/* ---- A look at both snapshots ---- */

static void look(struct verify_check *check, const struct verify_place *place,
                 void (*done)(struct region_op *))
{
    bool other = place == &check->source && check->root[0];

    check->looks = true;
    check->looking = (struct region_op){
        .container = place->container,
        .blob = place->blob,
        .snapshot = place->snapshot,
        .due_ns = reactor_now_ns(reactor_of(check)) + (other ? VERIFY_LOOK_NS : VERIFY_WAIT_NS),
        .done = done,
        .arg = check,
    };
    region_account_properties(place->region->account, &check->looking);
}

static void target_seen(struct region_op *op)
{
    struct verify_check *check = op->arg;
    struct reactor *reactor = reactor_of(check);
    struct err e = {0};

    check->looks = false;
    if (check->stopped) {
        conclude(check);
    } else if (op->err.kind == ERR_GONE) {
        verify_finding_miss(&check->finding);
        conclude(check);
    } else if (err_is_set(&op->err)) {
        err_prefix(&op->err, "Its region cannot be reached: ");
        give_up(check, op->err.text);
    } else if (!start_child(check, &e)) {
        give_up(check, e.text);
    } else {
        reactor_arm(reactor, &check->stall, reactor_now_ns(reactor) + VERIFY_STALL_NS, stalled);
    }
}

static void compare_with(struct verify_check *check, enum verify_against against)
{
    char trouble[VERIFY_SENTENCE_MAX_BYTES];

    verify_finding_begin(&check->finding, against, check->root[0] ? check->root : NULL);
    if (against == VERIFY_AGAINST_ROOT && !check->root[0]) {
        snprintf(trouble, sizeof trouble, "%s, and no digest of what was copied was kept%s%s",
                 state_sentence(check->source_state), err_is_set(&check->looking.err) ? ": " : ".",
                 err_is_set(&check->looking.err) ? check->looking.err.text : "");
        give_up(check, trouble);
        return;
    }
    look(check, &check->target, target_seen);
}

static void source_seen(struct region_op *op)
{
    struct verify_check *check = op->arg;

    check->looks = false;
    if (check->stopped) {
        conclude(check);
        return;
    }
    if (err_is_set(&op->err))
        check->source_state = op->err.kind == ERR_GONE ? SOURCE_MISSING : SOURCE_UNREACHABLE;
    compare_with(check, err_is_set(&op->err) ? VERIFY_AGAINST_ROOT : VERIFY_AGAINST_SOURCE);
}

void verify_check_begin(struct verify_check *check)
{
    if (check->source_state == SOURCE_PRESENT)
        look(check, &check->source, source_seen);
    else /* with a digest: verify_check_new has seen to that */
        compare_with(check, VERIFY_AGAINST_ROOT);
}

/* Asked twice, it ends at once; only what is in flight is read again by the next life. */
static void end_again(struct timer *timer)
{
    struct verify_check *check =
        (struct verify_check *)((char *)timer - offsetof(struct verify_check, stall));

    bound_process_end(check->child);
}

void verify_check_stop(struct verify_check *check)
{
    struct reactor *reactor = reactor_of(check);

    check->stopped = true;
    if (check->child) {
        bound_process_end(check->child);
        reactor_disarm(reactor, &check->stall);
        reactor_arm(reactor, &check->stall, reactor_now_ns(reactor) + VERIFY_END_NS, end_again);
    } else if (check->looks) {
        region_account_give_up(&check->looking);
    }
}

/* ---- Life ---- */

struct verify_check *verify_check_new(const struct verify_check_setup *setup,
                                      const struct arm_id *disk_point, const char *name,
                                      struct arm_error *why)
{
    struct verify_check *check = calloc(1, sizeof *check);
    struct catalog_disk_point row = {0};
    struct err e = {0};
    bool ok;

    if (!check) {
        arm_error_memory(why);
        return NULL;
    }
    check->setup = *setup;
    arm_id_text(disk_point, check->id);
    if (asprintf(&check->journal, "%s/%s.journal", setup->folder, name) < 0)
        check->journal = NULL;
    ok = check->journal || arm_error_memory(why);
    ok = ok && catalog_disk_point_get(setup->service->catalog, check->id, &row, &e);
    ok = ok && (row.id ? may_be(check, &row, why, &e) : arm_id_not_found(disk_point, why));
    if (!ok && !arm_error_is_set(why))
        arm_error_of(why, &e);
    catalog_disk_point_fini(&row);
    if (ok)
        return check;
    verify_check_free(check);
    return NULL;
}

void verify_check_free(struct verify_check *check)
{
    if (!check)
        return;
    if (check->child)
        reactor_disarm(reactor_of(check), &check->stall);
    bound_process_free(check->child, END_LIMIT_NS);
    free(check->journal);
    free(check);
}

/* ---- Look ---- */

const char *verify_check_id(const struct verify_check *check)
{
    return check->id;
}

bool verify_check_reads(const struct verify_check *check, const char *disk_point_id)
{
    return strcasecmp(check->id, disk_point_id) == 0 ||
           (check->source_state == SOURCE_PRESENT &&
            strcasecmp(check->source_id, disk_point_id) == 0);
}

const struct verify_finding *verify_check_finding(const struct verify_check *check)
{
    return &check->finding;
}

static json_t *source_json(const struct verify_check *check)
{
    static const char *const words[] = {[SOURCE_PRESENT] = "present",
                                        [SOURCE_DELETED] = "deleted",
                                        [SOURCE_MISSING] = "missing",
                                        [SOURCE_UNREACHABLE] = "unreachable"};
    struct arm_out out = arm_out_begin();

    arm_out_text(&out, "id", check->source_id);
    arm_out_text(&out, "state", words[check->source_state]);
    return arm_out_end(&out);
}

json_t *verify_check_json(const struct verify_check *check)
{
    struct arm_out out = {.object = verify_finding_json(&check->finding)};

    if (check->source_state != SOURCE_NONE)
        arm_out_value(&out, "source", source_json(check));
    return arm_out_end(&out);
}
