/* config_fuzz.c - any text taken for a configuration: it is read whole and has what is promised, or is
 * refused with mistakes that tell nothing of what it holds. Must not know: what is served with it. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/controld/config.h"

/* Never in our own sentences and paths, and never in a name that is shown. */
#define NEVER_TOLD '~'

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(void *arg, const char *path, const char *sentence)
{
    ++*(size_t *)arg;
    assert(path[0] == '$' && sentence[0]);
    assert(!strchr(path, NEVER_TOLD) && !strchr(sentence, NEVER_TOLD));
    for (const char *c = path; *c; c++)
        assert((unsigned char)*c > ' ' && (unsigned char)*c < 127);
    for (const char *c = sentence; *c; c++)
        assert((unsigned char)*c >= ' ' && (unsigned char)*c < 127);
}

static void check_disk(const struct config_machine *machine, const struct config_disk *disk)
{
    assert(disk->name && *disk->name && disk->id && disk->id[0] == '/');
    assert(!disk->path != !disk->blob && !disk->container == !disk->blob);
    assert(!disk->path || disk->path[0] == '/');
    assert(!disk->os || disk == machine->disks);
    assert(disk->snapshot.means != CONFIG_MEANS_REFLINK || disk->snapshot.folder);
    assert(disk->snapshot.means != CONFIG_MEANS_COMMAND ||
           (disk->snapshot.folder && disk->snapshot.command));
}

static void check_machine(const struct config *config, const struct config_machine *machine)
{
    assert(machine->id && machine->name && machine->disk_count > 0);
    assert(config_region_of(config, machine->location));
    assert(config_machine_of(config, machine->id) == machine);
    assert(!machine->hooks.freeze_command || machine->hooks.thaw_command);
    assert(machine->hooks.timeout_s > 0);
    assert(!machine->schedule_minutes == !machine->collection);
    for (unsigned i = 0; i < machine->disk_count; i++)
        check_disk(machine, &machine->disks[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config;
    size_t mistakes = 0;

    if (memchr(data, '@', size)) /* files of this machine are none of its inputs */
        return 0;
    setenv("K", "c2VjcmV0", 1);
    if (!config_parse((const char *)data, size, &config, take, &mistakes)) {
        assert(mistakes > 0 && !config.regions && !config.machines);
        return 0;
    }
    assert(mistakes == 0 && config.region_count > 0);
    assert(config.limits.children > 0 && config.limits.deadline_days > 0);
    for (unsigned i = 0; i < config.region_count; i++) {
        assert(config.regions[i].name && config.regions[i].url && config.regions[i].account);
        assert(!config.regions[i].key != !config.regions[i].sas);
        assert(config_region_of(&config, config.regions[i].name) == &config.regions[i]);
    }
    for (char *const *entry = config.restore_to; *entry; entry++)
        assert((*entry)[0] == '/' && (*entry)[1] && strcmp(*entry, "/dev/") != 0);
    for (unsigned i = 0; i < config.machine_count; i++)
        check_machine(&config, &config.machines[i]);
    config_fini(&config);
    return 0;
}
