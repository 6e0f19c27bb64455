/* cut_means.c - see cut_means.h. */
#include "tools/controld/cut_means.h"

#include <strings.h>

const struct config_disk *cut_means_disk(const struct config *config, const char *disk_id)
{
    for (unsigned m = 0; m < config->machine_count; m++)
        for (unsigned i = 0; i < config->machines[m].disk_count; i++)
            if (strcasecmp(config->machines[m].disks[i].id, disk_id) == 0)
                return &config->machines[m].disks[i];
    return NULL;
}

void cut_means_fill(const struct config_disk *disk, struct cut_raw *raw)
{
    static const enum cut_means means[] = {
        [CONFIG_MEANS_NONE] = CUT_MEANS_NONE,
        [CONFIG_MEANS_REFLINK] = CUT_MEANS_REFLINK,
        [CONFIG_MEANS_LVM] = CUT_MEANS_LVM,
        [CONFIG_MEANS_COMMAND] = CUT_MEANS_COMMAND,
    };

    raw->means = disk ? means[disk->snapshot.means] : CUT_MEANS_NONE;
    raw->command = disk ? disk->snapshot.command : NULL;
    raw->drop_command = disk ? disk->snapshot.drop_command : NULL;
}
