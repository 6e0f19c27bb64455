/* share_case.c - see share_case.h. */
#include "tests/support/share_case.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void disk_want(struct share_disk *disk);
static void slot_read(struct share_slot *slot);
static void slot_write(struct share_slot *slot);

static uint32_t draw_permille(struct share_case *c)
{
    c->random = c->random * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(c->random >> 33) % 1000;
}

static void note_sent(struct share_case *c, struct share_sent *sent, uint32_t *count,
                      uint64_t bytes)
{
    cr_assert_lt(*count, SHARE_CASE_SENT_MAX);
    sent[(*count)++] = (struct share_sent){reactor_now_ns(c->rig.r), bytes};
    if (bytes > c->largest_bytes)
        c->largest_bytes = bytes;
}

static void slot_end(struct share_slot *slot)
{
    struct share_disk *disk = slot->disk;
    struct share_case *c = disk->c;

    if (slot->buf) {
        share_note_done(disk->seat, slot->bytes, reactor_now_ns(c->rig.r) - slot->began_ns);
        share_give_back(disk->seat, slot->buf);
    }
    slot->buf = NULL;
    slot->busy = false;
    disk->busy_count--;
    disk->done_bytes += slot->bytes;
    if (!disk->left_bytes && !disk->busy_count) {
        disk->ended_ns = reactor_now_ns(c->rig.r);
        c->ended = ++c->ended_count == c->disks_count;
    }
    disk_want(disk);
}

/* The request under way has its answer. */
static void slot_answered(struct timer *timer)
{
    struct share_slot *slot =
        (struct share_slot *)((char *)timer - offsetof(struct share_slot, timer));
    bool failed = draw_permille(slot->disk->c) < slot->disk->fails_permille;

    if (slot->disk->clears) {
        slot_end(slot);
    } else if (!slot->writing && failed) {
        slot_read(slot);
    } else {
        if (slot->writing && !failed)
            slot->written_bytes += slot->sent_bytes;
        slot->writing = true;
        if (slot->written_bytes == slot->bytes)
            slot_end(slot);
        else
            slot_write(slot);
    }
}

static void slot_sent(struct share_slot *slot, uint64_t bytes)
{
    struct share_case *c = slot->disk->c;
    uint64_t now_ns = reactor_now_ns(c->rig.r);

    slot->sent_bytes = bytes;
    if (slot->disk->clears)
        c->clears_count++;
    else if (slot->writing)
        note_sent(c, c->writes, &c->writes_count, bytes);
    else
        note_sent(c, c->reads, &c->reads_count, bytes);
    if (c->link_per_s && c->link_free_ns < now_ns)
        c->link_free_ns = now_ns;
    if (c->link_per_s)
        now_ns = c->link_free_ns += bytes * NS_PER_S / c->link_per_s;
    now_ns += slot->disk->latency_ns + slot->disk->jitter_ns / 1000 * draw_permille(c);
    reactor_arm(c->rig.r, &slot->timer, now_ns, slot_answered);
}

static uint64_t slot_granted(struct share_ask *ask, const struct share_grant *grant)
{
    struct share_slot *slot = (struct share_slot *)((char *)ask - offsetof(struct share_slot, ask));

    cr_assert_null(grant->buf);
    slot_sent(slot, grant->bytes);
    return 0;
}

static void slot_read(struct share_slot *slot)
{
    uint64_t bytes = slot->bytes;

    if (share_may_send(slot->disk->seat, &slot->ask, SHARE_READ, &bytes, slot_granted))
        slot_sent(slot, bytes);
}

static void slot_write(struct share_slot *slot)
{
    uint64_t bytes = slot->bytes - slot->written_bytes;

    if (share_may_send(slot->disk->seat, &slot->ask, SHARE_WRITE, &bytes, slot_granted))
        slot_sent(slot, bytes);
}

static uint64_t disk_granted(struct share_ask *ask, const struct share_grant *grant)
{
    struct share_disk *disk = (struct share_disk *)((char *)ask - offsetof(struct share_disk, ask));
    uint64_t bytes = disk->left_bytes < grant->bytes ? disk->left_bytes : grant->bytes;
    struct share_slot *slot = disk->slots;

    while (slot->busy)
        slot++;
    cr_assert_lt(slot - disk->slots, disk->window);
    cr_assert_eq(!grant->buf, disk->clears);
    memset(slot, 0, sizeof *slot);
    *slot = (struct share_slot){.disk = disk, .buf = grant->buf, .bytes = bytes, .busy = true};
    slot->began_ns = reactor_now_ns(disk->c->rig.r);
    disk->left_bytes -= bytes;
    disk->busy_count++;
    share_charge(disk->seat, disk->clears ? SHARE_CLEAR : SHARE_READ, bytes);
    slot_sent(slot, bytes);
    disk_want(disk);
    return bytes;
}

static void disk_want(struct share_disk *disk)
{
    if (disk->left_bytes && disk->busy_count < disk->window)
        share_want(disk->seat, &disk->ask, disk->clears ? SHARE_CLEAR : SHARE_READ, disk_granted);
}

/* ---- Life ---- */

void share_case_open(struct share_case *c, uint32_t buffers, const struct job_limits *limits)
{
    struct err e = {0};

    memset(c, 0, sizeof *c);
    rig_open_simulated(&c->rig, REACTOR_EPOLL);
    c->random = 99;
    c->limits = *limits;
    c->pool = bufpool_new(c->rig.r, BUF_BYTES, (uint64_t)buffers * BUF_BYTES, &e);
    c->share = c->pool ? share_new(c->rig.r, c->pool, limits, &e) : NULL;
    cr_assert_not_null(c->share, "%s", e.text);
    for (uint32_t i = 0; i < sizeof c->units / sizeof c->units[0]; i++) {
        c->units[i] = share_unit_new(c->share, &e);
        cr_assert_not_null(c->units[i], "%s", e.text);
    }
    c->reads = calloc(SHARE_CASE_SENT_MAX, sizeof *c->reads);
    c->writes = calloc(SHARE_CASE_SENT_MAX, sizeof *c->writes);
    cr_assert(c->reads && c->writes);
}

static void disk_drop(struct share_disk *disk)
{
    (void)share_leave(&disk->ask);
    for (uint32_t i = 0; i < SHARE_CASE_SLOTS; i++) {
        struct share_slot *slot = &disk->slots[i];

        if (!slot->busy)
            continue;
        (void)share_leave(&slot->ask);
        reactor_disarm(disk->c->rig.r, &slot->timer);
        if (slot->buf)
            share_give_back(disk->seat, slot->buf);
    }
}

void share_case_close(struct share_case *c)
{
    for (uint32_t i = 0; i < c->disks_count; i++)
        disk_drop(&c->disks[i]);
    rig_until_idle(&c->rig);
    for (uint32_t i = 0; i < c->disks_count; i++)
        share_seat_free(c->disks[i].seat);
    for (uint32_t i = 0; i < sizeof c->units / sizeof c->units[0]; i++)
        share_unit_free(c->units[i]);
    share_free(c->share);
    bufpool_free(c->pool);
    rig_close(&c->rig);
    free(c->reads);
    free(c->writes);
}

struct share_disk *share_case_add(struct share_case *c, uint32_t unit, uint32_t weight,
                                  const char *blob, const char *account, uint64_t bytes)
{
    struct share_disk *disk = &c->disks[c->disks_count];
    char target_blob[64], target_account[64];
    struct share_side source = {blob, account}, target = {NULL, NULL};
    struct err e = {0};

    cr_assert_lt(c->disks_count, SHARE_CASE_DISKS_MAX);
    snprintf(target_blob, sizeof target_blob, "%s-target", blob ? blob : "");
    snprintf(target_account, sizeof target_account, "%s-target", account ? account : "");
    if (blob)
        target.blob = target_blob;
    if (account)
        target.account = target_account;
    *disk =
        (struct share_disk){.c = c, .window = 4, .latency_ns = 10 * NS_PER_MS, .left_bytes = bytes};
    disk->seat = share_seat_new(c->units[unit], weight, &source, &target, &e);
    cr_assert_not_null(disk->seat, "%s", e.text);
    c->disks_count++;
    return disk;
}

/* ---- Use ---- */

void share_case_begin(struct share_disk *disk)
{
    disk_want(disk);
}

void share_case_begin_all(struct share_case *c)
{
    for (uint32_t i = 0; i < c->disks_count; i++)
        disk_want(&c->disks[i]);
}

static void case_rang(struct timer *timer)
{
    (void)timer;
}

void share_case_for(struct share_case *c, uint64_t ns)
{
    uint64_t end_ns = reactor_now_ns(c->rig.r) + ns;
    struct timer bell = {0};

    reactor_arm(c->rig.r, &bell, end_ns, case_rang);
    while (bell.slot)
        rig_turn(&c->rig);
}

void share_case_finish(struct share_case *c)
{
    for (uint64_t turns = 0; !c->ended; turns++) {
        cr_assert_lt(turns, 50000000u, "it does not end");
        cr_assert(reactor_busy(c->rig.r), "nobody's turn comes any more");
        rig_turn(&c->rig);
    }
}

/* ---- Look ---- */

uint64_t share_case_most(const struct share_sent *sent, uint32_t count, uint64_t from_ns,
                         uint64_t ns)
{
    uint64_t most = 0, sum = 0;

    for (uint32_t last = 0, first = 0; last < count; last++) {
        if (sent[last].at_ns < from_ns) {
            first = last + 1;
            continue;
        }
        sum += sent[last].bytes;
        while (sent[last].at_ns - sent[first].at_ns >= ns)
            sum -= sent[first++].bytes;
        if (sum > most)
            most = sum;
    }
    return most;
}

uint64_t share_case_sum(const struct share_sent *sent, uint32_t count, uint64_t from_ns,
                        uint64_t to_ns)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < count; i++)
        if (sent[i].at_ns >= from_ns && sent[i].at_ns < to_ns)
            sum += sent[i].bytes;
    return sum;
}
