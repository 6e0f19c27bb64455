/* replication.c - see replication.h: the queue of travels, and the ferry's words given to the right one. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "io/reactor.h"
#include "tools/controld/ferry_legs.h"
#include "tools/controld/replication_internal.h"

#define FERRY_FOLDER "ferry" /* in the data folder */

#define LOOK_NS (10 * NS_PER_S) /* at deadlines, and at regions that were away */
#define MAKE_NS (10 * NS_PER_S) /* to make a container; then its region is away */

void replication_log(const struct replication *replication, const char *id, const struct err *e)
{
    char sentence[ARM_ID_MAX_BYTES + ERR_TEXT_MAX_BYTES + 4];

    snprintf(sentence, sizeof sentence, "%s: %s", id, e->text);
    if (replication->log)
        replication->log(replication->log_arg, sentence);
}

static struct travel *find(const struct replication *replication, const char *id)
{
    for (struct travel *travel = replication->travels; travel; travel = travel->next)
        if (strcasecmp(travel->id, id) == 0)
            return travel;
    return NULL;
}

/* ---- The ferry's words ---- */

static bool on_access(void *arg, const char *point, const char *disk_id, enum access_side side,
                      struct ferry_access *out_access, struct err *e)
{
    struct replication *replication = arg;
    struct travel *travel = find(replication, point);
    struct travel_disk *disk = travel ? travel_disk_find(travel, disk_id) : NULL;

    if (!disk)
        return err_set(e, ERR_GONE, RETRY_NEVER, "nobody knows the disk %.300s any more", disk_id);
    return travel_access(disk, side, reactor_wall_ns(replication->service->reactor), out_access, e);
}

static void on_disk(void *arg, const char *point, const char *disk_id,
                    const struct ferry_disk_view *view)
{
    struct travel *travel = find(arg, point);
    struct travel_disk *disk = travel ? travel_disk_find(travel, disk_id) : NULL;

    if (disk)
        travel_heard(disk, view);
}

static void on_ended(void *arg, const char *point, enum event_code code, const char *message)
{
    struct travel *travel = find(arg, point);

    if (travel)
        travel_ferry_ended(travel, code, message);
}

/* ---- The queue ---- */

static bool share_a_family(const struct travel *one, const struct travel *other)
{
    for (size_t i = 0; i < one->count; i++)
        for (size_t j = 0; j < other->count; j++)
            if (strcasecmp(one->disks[i].family_key, other->disks[j].family_key) == 0)
                return true;
    return false;
}

static bool may_begin(const struct replication *replication, const struct travel *travel)
{
    for (const struct travel *before = replication->travels; before != travel;
         before = before->next)
        if (share_a_family(before, travel))
            return false;
    return true;
}

static void set_sail(struct travel *travel)
{
    if (travel->replication->stopping)
        return; /* the next life begins it from its rows */
    if (travel->canceled)
        travel_give_up(travel, EVENT_CANCELED, "Canceled before it began.");
    else if (err_is_set(&travel->trouble) || !travel_ferry(travel, &travel->trouble))
        travel_give_up(travel, EVENT_FAILED, travel->trouble.text);
    else
        travel->step = TRAVEL_MOVING;
}

static void all_made(struct travel *travel)
{
    if (!err_is_set(&travel->trouble) || travel->trouble.retry != RETRY_LATER || travel->canceled ||
        travel->replication->stopping) {
        set_sail(travel);
        return;
    }
    travel->step = TRAVEL_AWAITING;
    travel_waits(travel, travel->trouble.text);
}

static void container_made(struct region_op *op)
{
    struct travel_disk *disk = op->arg;
    struct travel *travel = disk->travel;

    if (err_is_set(&op->err) && !err_is_set(&travel->trouble))
        travel->trouble = op->err;
    if (--travel->making_count == 0)
        all_made(travel);
    replication_kick(travel->replication);
}

static void make_containers(struct travel *travel)
{
    struct reactor *reactor = travel->replication->service->reactor;

    travel->step = TRAVEL_MAKING;
    err_clear(&travel->trouble);
    travel->making_count = 1; /* this loop's own: nothing is done before it ends */
    for (size_t i = 0; i < travel->count; i++) {
        struct travel_disk *disk = &travel->disks[i];

        if (!disk->target.region)
            continue;
        disk->making = (struct region_op){.container = disk->target.container,
                                          .due_ns = reactor_now_ns(reactor) + MAKE_NS,
                                          .done = container_made,
                                          .arg = disk};
        travel->making_count++;
        region_account_create_container(disk->target.region->account, &disk->making);
    }
    if (--travel->making_count == 0)
        all_made(travel);
}

/* While the catalog takes no change it waits where it is. */
static void begin(struct travel *travel)
{
    if (travel->of_disk || travel_plan(travel, &travel->trouble))
        make_containers(travel);
    else if (travel->trouble.retry != RETRY_LATER)
        travel_give_up(travel, EVENT_FAILED, travel->trouble.text);
    else
        err_clear(&travel->trouble);
}

static void leave(struct replication *replication, struct travel *travel)
{
    struct travel **at = &replication->travels;

    while (*at != travel)
        at = &(*at)->next;
    *at = travel->next;
    if (travel->canceled_done)
        travel->canceled_done(travel->canceled_arg);
    travel_free(travel);
}

static void maybe_stopped(struct replication *replication)
{
    void (*stopped)(void *) = replication->stopped;

    if (!replication->ferry_stopped || !stopped)
        return;
    for (struct travel *travel = replication->travels; travel; travel = travel->next)
        for (size_t i = 0; i < travel->count; i++)
            if (travel->making_count || (travel->disks[i].step == TRAVEL_DISK_SEALING &&
                                         !travel->disks[i].seal_waits && !travel->disks[i].untold))
                return;
    replication->stopped = NULL;
    stopped(replication->stopped_arg);
}

static void conclude(struct replication *replication, struct travel *travel)
{
    char id[ARM_ID_MAX_BYTES];
    bool again = travel->again, of_disk = travel->of_disk;

    snprintf(id, sizeof id, "%s", travel->id);
    travel_conclude(travel);
    leave(replication, travel);
    if (again)
        replication_go_on(replication, id, of_disk);
}

static void look_around(struct reactor_task *task)
{
    struct replication *replication =
        (struct replication *)((char *)task - offsetof(struct replication, kick));

    for (struct travel *travel = replication->travels, *next; travel; travel = next) {
        next = travel->next;
        if (travel_over(travel))
            conclude(replication, travel);
    }
    for (struct travel *travel = replication->travels; travel; travel = travel->next)
        if (travel->step == TRAVEL_QUEUED && !replication->stopping &&
            may_begin(replication, travel))
            begin(travel);
    maybe_stopped(replication);
}

void replication_kick(struct replication *replication)
{
    if (!replication->kick.posted)
        reactor_post(replication->service->reactor, &replication->kick, look_around);
}

/* ---- Deadlines, and regions that were away ---- */

static void cancel(struct replication *replication, struct travel *travel, const char *why)
{
    struct err e = {0};

    travel->canceled = true;
    travel_try_again(travel);
    if (travel->step == TRAVEL_QUEUED || travel->step == TRAVEL_AWAITING)
        travel_give_up(travel, travel->overdue ? EVENT_FAILED : EVENT_CANCELED, why);
    else if (travel->ferry_has_it && !ferry_cancel(replication->ferry, travel->id, &e))
        replication_log(replication, travel->id, &e);
}

static void try_again(struct travel *travel)
{
    if (travel->step == TRAVEL_AWAITING && !travel->canceled)
        make_containers(travel);
    else if (travel->step == TRAVEL_QUEUED)
        replication_kick(travel->replication);
    travel_try_again(travel);
}

static void look_again(struct timer *timer)
{
    struct replication *replication =
        (struct replication *)((char *)timer - offsetof(struct replication, look));
    struct reactor *reactor = replication->service->reactor;

    for (struct travel *travel = replication->travels; travel; travel = travel->next)
        if (travel->deadline_ns && !travel->canceled &&
            travel->deadline_ns <= service_now_ns(replication->service)) {
            travel->overdue = true;
            cancel(replication, travel, REPLICATION_OVERDUE);
        } else {
            try_again(travel);
        }
    reactor_arm(reactor, &replication->look, reactor_now_ns(reactor) + LOOK_NS, look_again);
}

/* ---- Life ---- */

static bool open_ferry(struct replication *replication, const struct replication_setup *setup,
                       struct err *e)
{
    const struct service *service = setup->service;
    const struct config_limits *limits = &service->config->limits;
    char *folder = NULL;
    struct ferry_setup ferry = {
        .reactor = service->reactor,
        .program = setup->snapferry,
        .cacert = setup->cacert,
        .allow_http = setup->allow_http,
        .children_max = limits->children,
        .memory_bytes = limits->memory_bytes,
        .bytes_per_s = limits->bytes_per_second,
        .callbacks = {on_access, on_disk, on_ended, replication},
    };

    if (asprintf(&folder, "%s/" FERRY_FOLDER, service->data_folder) < 0)
        return err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot start the data plane");
    ferry.folder = folder;
    replication->ferry = ferry_new(&ferry, e);
    free(folder);
    return replication->ferry != NULL;
}

struct replication *replication_new(const struct replication_setup *setup, struct err *e)
{
    struct replication *replication = calloc(1, sizeof *replication);
    struct reactor *reactor = setup->service->reactor;

    if (!replication ||
        asprintf(&replication->maps_folder, "%s/maps", setup->service->data_folder) < 0) {
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot start the replication");
        free(replication);
        return NULL;
    }
    replication->service = setup->service;
    replication->cuts = setup->cuts;
    replication->log = setup->log;
    replication->log_arg = setup->log_arg;
    if (mkdir(replication->maps_folder, 0700) != 0 && errno != EEXIST)
        err_set_errno(e, errno, RETRY_NEVER, "cannot make %s", replication->maps_folder);
    else if (open_ferry(replication, setup, e)) {
        reactor_arm(reactor, &replication->look, reactor_now_ns(reactor) + LOOK_NS, look_again);
        return replication;
    }
    free(replication->maps_folder);
    free(replication);
    return NULL;
}

static void ferry_stopped(void *arg)
{
    struct replication *replication = arg;

    replication->ferry_stopped = true;
    replication_kick(replication);
}

void replication_stop(struct replication *replication, void (*stopped)(void *arg), void *arg)
{
    replication->stopping = true;
    replication->stopped = stopped;
    replication->stopped_arg = arg;
    reactor_disarm(replication->service->reactor, &replication->look);
    ferry_stop(replication->ferry, ferry_stopped, replication);
}

void replication_free(struct replication *replication)
{
    if (!replication)
        return;
    ferry_free(replication->ferry);
    for (struct travel *travel = replication->travels, *next; travel; travel = next) {
        next = travel->next;
        travel_free(travel);
    }
    free(replication->maps_folder);
    free(replication);
}

/* ---- Use ---- */

static bool join(struct replication *replication, struct travel *travel)
{
    struct travel **at = &replication->travels;

    if (!travel)
        return false;
    while (*at)
        at = &(*at)->next;
    *at = travel;
    replication_kick(replication);
    return true;
}

static bool has_ended(const struct travel *travel)
{
    for (size_t i = 0; i < travel->count; i++)
        if (travel->disks[i].step != TRAVEL_DISK_ENDED)
            return false;
    return true;
}

/* Its rows say that it has failed before its process is gone: it begins once that is. */
static bool wait_for_end(struct travel *travel, struct err *e)
{
    travel->again = has_ended(travel);
    return travel->again ||
           err_set(e, ERR_CONFLICT, RETRY_NEVER, "%.300s is on its way already", travel->id);
}

bool replication_begin(struct replication *replication, const char *point_id, struct err *e)
{
    struct travel *travel = find(replication, point_id);

    return travel ? wait_for_end(travel, e)
                  : join(replication, travel_of_point(replication, point_id, e));
}

bool replication_begin_disk(struct replication *replication, const char *disk_id, struct err *e)
{
    struct travel *travel = find(replication, disk_id);

    return travel ? wait_for_end(travel, e)
                  : join(replication, travel_of_disk(replication, disk_id, e));
}

void replication_cancel(struct replication *replication, const char *point_id,
                        void (*done)(void *arg), void *arg)
{
    struct travel *travel = find(replication, point_id);

    if (!travel) {
        done(arg);
        return;
    }
    travel->again = false;
    travel->canceled_done = done;
    travel->canceled_arg = arg;
    cancel(replication, travel, "Canceled before it began.");
}

void replication_forget(const struct replication *replication, const char *point_id,
                        const char *disk_point_id)
{
    char *folder = NULL;

    if (asprintf(&folder, "%s/" FERRY_FOLDER, replication->service->data_folder) < 0)
        return;
    ferry_drop_journal(folder, point_id, disk_point_id);
    free(folder);
}

/* ---- Look ---- */

bool replication_runs(const struct replication *replication, const char *point_id)
{
    const struct travel *travel = find(replication, point_id);

    return travel && (travel->again || !has_ended(travel));
}

bool replication_reads(const struct replication *replication, const char *disk_point_id)
{
    for (struct travel *travel = replication->travels; travel; travel = travel->next)
        for (size_t i = 0; i < travel->count; i++) {
            const struct travel_disk *disk = &travel->disks[i];

            if ((disk->source_id && strcasecmp(disk->source_id, disk_point_id) == 0) ||
                (disk->source_id && disk->base_id &&
                 strcasecmp(disk->base_id, disk_point_id) == 0)) /* a cut's base is nobody's */
                return true;
        }
    return false;
}

const struct ferry_disk_view *replication_look(const struct replication *replication,
                                               const char *point_id, const char *disk_point_id)
{
    struct travel *travel = find(replication, point_id);
    const struct travel_disk *disk = travel ? travel_disk_find(travel, disk_point_id) : NULL;

    if (!disk || disk->step == TRAVEL_DISK_WAITING || disk->step == TRAVEL_DISK_ENDED)
        return NULL;
    return disk->step == TRAVEL_DISK_SEALING ? &disk->last
                                             : ferry_look(replication->ferry, travel->id, disk->id);
}
