/* job_spec.c - see job_spec.h. */
#include "engine/job_spec.h"

#include <stdlib.h>
#include <string.h>

#include "io/secret.h"

void job_spec_init(struct job_spec *spec)
{
    memset(spec, 0, sizeof *spec);
    spec->limits.memory_bytes = JOB_MEMORY_BYTES;
    spec->limits.blob_requests_per_s = JOB_BLOB_REQUESTS_PER_S;
    spec->limits.blob_bytes_per_s = JOB_BLOB_BYTES_PER_S;
    spec->report.interval_ms = JOB_INTERVAL_MS;
}

static void end_fini(struct job_end *end)
{
    secret_wipe_free(end->text);
    free(end->identity);
}

void job_spec_fini(struct job_spec *spec)
{
    for (uint32_t i = 0; i < spec->points_count; i++)
        free(spec->points[i].id);
    for (uint32_t i = 0; i < spec->disks_count; i++) {
        struct job_disk *disk = &spec->disks[i];

        free(disk->id);
        end_fini(&disk->source);
        end_fini(&disk->base);
        end_fini(&disk->target);
        free(disk->map);
        free(disk->journal);
    }
    free(spec->points);
    free(spec->disks);
    secret_wipe_free(spec->report.url);
    free(spec->report.token_env);
    memset(spec, 0, sizeof *spec);
}
