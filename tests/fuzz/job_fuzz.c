/* job_fuzz.c - any text taken for a job: it is read whole or refused with at least one mistake, and nothing
 * of what its members hold is told. Must not know: how disks are copied. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/job_parse.h"

/* Never in our own sentences and paths, and never in a name that is shown. */
#define NEVER_TOLD '~'

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
    size_t mistakes;
};

static void take(void *arg, bool warning, const char *path, const char *sentence)
{
    struct told *told = arg;

    assert(path[0] == '$' && strlen(path) < JOB_PATH_MAX_BYTES);
    assert(sentence[0]);
    assert(!strchr(path, NEVER_TOLD) && !strchr(sentence, NEVER_TOLD));
    for (const char *c = path; *c; c++)
        assert((unsigned char)*c > ' ' && (unsigned char)*c < 127);
    for (const char *c = sentence; *c; c++)
        assert((unsigned char)*c >= ' ' && (unsigned char)*c < 127);
    if (!warning)
        told->mistakes++;
}

static void check_end(const struct job_end *end, bool needed)
{
    assert(!needed || (end->text && *end->text));
    assert(!end->identity || *end->identity);
}

static void check_whole(const struct job_spec *spec)
{
    uint32_t disks = 0;

    assert(spec->points_count > 0 && spec->disks_count >= spec->points_count);
    for (uint32_t i = 0; i < spec->points_count; i++) {
        assert(spec->points[i].id && *spec->points[i].id);
        assert(spec->points[i].first_disk == disks && spec->points[i].disk_count > 0);
        disks += spec->points[i].disk_count;
    }
    assert(disks == spec->disks_count);
    for (uint32_t i = 0; i < disks; i++) {
        const struct job_disk *disk = &spec->disks[i];

        assert(disk->id && *disk->id);
        assert(disk->point < spec->points_count);
        assert(disk->priority >= 1 && disk->priority <= JOB_PRIORITY_MAX);
        check_end(&disk->source, true);
        check_end(&disk->base, false);
        check_end(&disk->target, true);
    }
    assert(spec->limits.memory_bytes > 0);
    assert(spec->limits.bytes_per_s == 0 || spec->limits.bytes_per_s >= JOB_RATE_MIN_BYTES);
    assert(spec->report.interval_ms >= JOB_INTERVAL_MIN_MS);
    assert(!spec->report.token_env || spec->report.url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct told told = {0};
    struct job_spec spec;

    if (job_parse((const char *)data, size, &spec, take, &told)) {
        assert(told.mistakes == 0);
        check_whole(&spec);
    } else {
        assert(told.mistakes > 0);
        assert(spec.disks_count == 0 && spec.points_count == 0);
    }
    job_spec_fini(&spec);
    return 0;
}
