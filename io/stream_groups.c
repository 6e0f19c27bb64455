/* stream_groups.c - see stream_groups.h. A ring of groups: the last is gathered into, those before it are
 * packed, the first that is packed is written.
 */
#include "io/stream_groups.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/stream_pack.h"
#include "blockmap/stream_write.h"
#include "io/compress_level.h"

#define RECORD_MAX_BYTES (STREAM_FRAME_BYTES + STREAM_PAYLOAD_MAX_BYTES)
#define LISTS_MAX_BYTES  (512u << 10) /* a full ZERO and a full COPY record */

enum group_state { GROUP_FREE, GROUP_OPEN, GROUP_PACKING, GROUP_PACKED };

struct group {
    struct stream_groups *groups;
    struct work work;
    enum group_state state;
    unsigned char *raw, *record, *lists; /* made when the group is first used */
    struct stream_part parts[STREAM_PIECES_MAX];
    struct stream_piece zeros[STREAM_PIECES_MAX];
    struct stream_copy_piece copies[STREAM_PIECES_MAX];
    uint32_t part_count, zero_count, copy_count, raw_bytes;
    uint64_t data_number;  /* of the DATA record */
    uint32_t lists_bytes;  /* of what goes out before it */
    uint32_t lists_gone;   /* the lists were written */
    uint32_t record_bytes; /* of the DATA record; 0: none */
    int level;
    struct err err; /* of the worker */
};

struct stream_groups {
    struct stream_groups_setup setup;                   /* set once */
    struct stream_packer *packers[WORKERS_THREADS_MAX]; /* each made and used by its worker alone */
    struct compress_level level;
    /* changes, reactor thread only */
    struct group *ring[STREAM_GROUPS_MAX];
    unsigned first, count; /* of those not FREE */
    unsigned packing;
    bool writing;
    uint64_t number;
    uint64_t written_bytes;
    uint64_t write_began_ns;
    struct stream_end counts;
    struct err err;
};

static void groups_write(struct stream_groups *groups);

/* ---- Life ---- */

struct stream_groups *stream_groups_new(const struct stream_groups_setup *setup, struct err *e)
{
    struct stream_groups *groups = calloc(1, sizeof *groups);

    if (!groups) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to make a stream");
        return NULL;
    }
    groups->setup = *setup;
    groups->number = setup->number;
    compress_level_init(&groups->level, setup->level, workers_threads(setup->workers));
    return groups;
}

void stream_groups_free(struct stream_groups *groups)
{
    if (!groups)
        return;
    assert(!stream_groups_busy(groups));
    for (unsigned i = 0; i < STREAM_GROUPS_MAX; i++) {
        if (!groups->ring[i])
            continue;
        free(groups->ring[i]->raw);
        free(groups->ring[i]->record);
        free(groups->ring[i]->lists);
        free(groups->ring[i]);
    }
    for (unsigned i = 0; i < WORKERS_THREADS_MAX; i++)
        stream_packer_free(groups->packers[i]);
    free(groups);
}

void stream_groups_resume(struct stream_groups *groups, const struct stream_end *counts)
{
    assert(groups->count == 0 && groups->number == 0);
    groups->counts = *counts;
    groups->number = counts->records;
}

/* ---- The ring ---- */

static void groups_fail(struct stream_groups *groups, const struct err *why)
{
    if (!err_is_set(&groups->err))
        groups->err = *why;
}

static struct group *groups_at(const struct stream_groups *groups, unsigned index)
{
    return groups->ring[(groups->first + index) % STREAM_GROUPS_MAX];
}

static struct group *group_make(struct stream_groups *groups)
{
    struct group *group = calloc(1, sizeof *group);

    if (group) {
        group->groups = groups;
        group->raw = malloc(STREAM_RAW_MAX_BYTES);
        group->record = malloc(RECORD_MAX_BYTES);
        group->lists = malloc(LISTS_MAX_BYTES);
        if (group->raw && group->record && group->lists)
            return group;
        free(group->raw);
        free(group->record);
        free(group->lists);
        free(group);
    }
    err_set(&groups->err, ERR_LIMIT, RETRY_NEVER, "no memory to make a stream");
    return NULL;
}

/* The group that is gathered into; a new one where the last was closed; NULL: none is free. */
static struct group *groups_open(struct stream_groups *groups)
{
    unsigned at = (groups->first + groups->count) % STREAM_GROUPS_MAX;
    struct group *group;

    if (err_is_set(&groups->err))
        return NULL;
    if (groups->count && groups_at(groups, groups->count - 1)->state == GROUP_OPEN)
        return groups_at(groups, groups->count - 1);
    if (groups->count == STREAM_GROUPS_MAX)
        return NULL;
    if (!groups->ring[at])
        groups->ring[at] = group_make(groups);
    group = groups->ring[at];
    if (!group)
        return NULL;
    group->state = GROUP_OPEN;
    group->part_count = group->zero_count = group->copy_count = group->raw_bytes = 0;
    group->lists_bytes = group->lists_gone = group->record_bytes = 0;
    groups->count++;
    return group;
}

/* ---- Packing ---- */

static void group_pack(struct work *work, unsigned worker)
{
    struct group *group = (struct group *)((char *)work - offsetof(struct group, work));
    struct stream_packer **packer = &group->groups->packers[worker];
    struct stream_packed packed;

    if (!*packer)
        *packer = stream_packer_new(&group->err);
    if (*packer && stream_pack(*packer, group->data_number, group->parts, group->part_count,
                               group->level, group->record, &packed, &group->err))
        group->record_bytes = packed.record_bytes;
}

static void group_packed(struct work *work)
{
    struct group *group = (struct group *)((char *)work - offsetof(struct group, work));
    struct stream_groups *groups = group->groups;

    groups->packing--;
    group->state = GROUP_PACKED;
    if (err_is_set(&group->err)) {
        groups_fail(groups, &group->err);
        groups->setup.moved(groups->setup.arg);
        return;
    }
    groups->counts.stored_bytes += group->record_bytes - STREAM_FRAME_BYTES;
    compress_level_packed(&groups->level, group->level, group->raw_bytes, group->record_bytes,
                          work->wall_ns, reactor_now_ns(groups->setup.reactor));
    groups_write(groups);
}

static void group_encode_lists(struct group *group)
{
    struct stream_groups *groups = group->groups;

    if (group->zero_count)
        group->lists_bytes += stream_zero_encode(groups->number++, group->zeros, group->zero_count,
                                                 group->lists, LISTS_MAX_BYTES);
    if (group->copy_count)
        group->lists_bytes += stream_copy_encode(groups->number++, group->copies, group->copy_count,
                                                 group->lists + group->lists_bytes,
                                                 LISTS_MAX_BYTES - group->lists_bytes);
}

static void group_close(struct group *group)
{
    struct stream_groups *groups = group->groups;

    assert(group->state == GROUP_OPEN);
    group_encode_lists(group);
    groups->counts.records = groups->number + (group->part_count > 0);
    if (!group->part_count) {
        group->state = GROUP_PACKED;
        groups_write(groups);
        return;
    }
    group->state = GROUP_PACKING;
    group->data_number = groups->number++;
    group->level = compress_level_next(&groups->level, group->raw_bytes);
    group->work = (struct work){.run = group_pack, .done = group_packed};
    groups->packing++;
    workers_submit(groups->setup.workers, &group->work);
}

void stream_groups_close(struct stream_groups *groups)
{
    struct group *last = groups->count ? groups_at(groups, groups->count - 1) : NULL;

    if (last && last->state == GROUP_OPEN && !err_is_set(&groups->err))
        group_close(last);
}

/* ---- Putting ---- */

/* The open group with room for so much more of each; closes one that has not. */
static struct group *groups_room(struct stream_groups *groups, uint32_t parts, uint32_t raw_bytes,
                                 uint32_t zeros, uint32_t copies)
{
    for (;;) {
        struct group *group = groups_open(groups);

        if (!group || (group->part_count + parts <= STREAM_PIECES_MAX &&
                       group->raw_bytes + raw_bytes <= STREAM_RAW_MAX_BYTES &&
                       group->zero_count + zeros <= STREAM_PIECES_MAX &&
                       group->copy_count + copies <= STREAM_PIECES_MAX))
            return group;
        group_close(group);
    }
}

bool stream_groups_zero(struct stream_groups *groups, uint64_t offset, uint64_t length)
{
    struct group *group = groups_room(groups, 0, 0, 1, 0);
    struct stream_piece *last;

    if (!group)
        return false;
    groups->counts.zero_bytes += length;
    last = group->zero_count ? &group->zeros[group->zero_count - 1] : NULL;
    if (last && last->offset + last->length == offset)
        last->length += length;
    else
        group->zeros[group->zero_count++] = (struct stream_piece){offset, length};
    return true;
}

bool stream_groups_copy(struct stream_groups *groups, const struct stream_copy_piece *piece)
{
    struct group *group = groups_room(groups, 0, 0, 0, 1);

    if (!group)
        return false;
    groups->counts.copy_bytes += piece->length;
    group->copies[group->copy_count++] = *piece;
    return true;
}

bool stream_groups_data(struct stream_groups *groups, uint64_t offset, const void *bytes,
                        uint32_t length)
{
    struct group *group = groups_room(groups, 1, length, 0, 0);
    struct stream_part *last;

    if (!group)
        return false;
    groups->counts.data_bytes += length;
    memcpy(group->raw + group->raw_bytes, bytes, length);
    last = group->part_count ? &group->parts[group->part_count - 1] : NULL;
    if (last && last->offset + last->length == offset)
        last->length += length;
    else
        group->parts[group->part_count++] =
            (struct stream_part){offset, length, group->raw + group->raw_bytes};
    group->raw_bytes += length;
    return true;
}

void *stream_groups_own(struct stream_groups *groups, uint64_t *out_number)
{
    struct group *group;

    stream_groups_close(groups);
    group = groups_open(groups);
    *out_number = groups->number;
    return group ? group->lists : NULL;
}

void stream_groups_put_own(struct stream_groups *groups, uint32_t record_bytes)
{
    struct group *group = groups_open(groups);

    assert(record_bytes > 0 && record_bytes <= STREAM_GROUPS_OWN_MAX_BYTES);
    group->lists_bytes = record_bytes;
    group->state = GROUP_PACKED;
    groups->number++;
    groups->counts.records = groups->number;
    groups_write(groups);
}

/* ---- Writing ---- */

static void groups_wrote(void *arg, size_t moved, const struct err *error)
{
    struct stream_groups *groups = arg;
    struct group *group = groups_at(groups, 0);
    uint64_t now_ns = reactor_now_ns(groups->setup.reactor);

    groups->writing = false;
    groups->written_bytes += moved;
    if (now_ns > groups->write_began_ns)
        compress_level_sent(&groups->level, moved, now_ns - groups->write_began_ns);
    if (err_is_set(error)) {
        groups_fail(groups, error);
    } else if (!group->lists_gone && group->record_bytes) {
        group->lists_gone = true;
    } else {
        group->state = GROUP_FREE;
        groups->first = (groups->first + 1) % STREAM_GROUPS_MAX;
        groups->count--;
    }
    groups_write(groups);
    groups->setup.moved(groups->setup.arg);
}

static void groups_write(struct stream_groups *groups)
{
    struct group *group = groups->count ? groups_at(groups, 0) : NULL;

    if (!group || groups->writing || group->state != GROUP_PACKED || err_is_set(&groups->err))
        return;
    groups->writing = true;
    groups->write_began_ns = reactor_now_ns(groups->setup.reactor);
    if (!group->lists_bytes)
        group->lists_gone = true;
    if (!group->lists_gone)
        byte_stream_write(groups->setup.out, group->lists, group->lists_bytes, groups_wrote,
                          groups);
    else
        byte_stream_write(groups->setup.out, group->record, group->record_bytes, groups_wrote,
                          groups);
}

/* ---- Look ---- */

bool stream_groups_busy(const struct stream_groups *groups)
{
    return groups->packing > 0 || groups->writing;
}

bool stream_groups_written(const struct stream_groups *groups)
{
    return groups->count == 0;
}

const struct err *stream_groups_error(const struct stream_groups *groups)
{
    return &groups->err;
}

const struct stream_end *stream_groups_counts(const struct stream_groups *groups)
{
    return &groups->counts;
}

uint64_t stream_groups_bytes(const struct stream_groups *groups)
{
    return groups->written_bytes;
}
