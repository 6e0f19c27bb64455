/* config_test.c - a configuration is taken whole, or every mistake in it is told with its path. */
#include "tools/controld/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCOPE    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/"
#define MISTAKES 4000

struct told {
    char text[MISTAKES]; /* "path: sentence\n", again and again */
    unsigned count;
};

static void tell(void *arg, const char *path, const char *sentence)
{
    struct told *told = arg;
    size_t used = strlen(told->text);

    snprintf(told->text + used, sizeof told->text - used, "%s: %s\n", path, sentence);
    told->count++;
}

static const char good[] =
    "{'regions':[{'name':'eastus','url':'https://acct.blob.example.net/','key':'env:CONFIG_KEY'},"
    "{'name':'westus','url':'http://127.0.0.1:10001/devacct','account':'devacct',"
    "'sas':'env:CONFIG_SAS'}],"
    "'virtualMachines':[{'disks':["
    "{'name':'vm1-data','lun':3,'file':'/vm/data.raw','sizeBytes':1073741824,"
    "'storageAccountType':'Premium_LRS','metadata':{'caching':'ReadOnly'}},"
    "{'name':'vm1-log','role':'data','lun':4,'file':'/vm/log.raw','shared':true,"
    "'snapshot':{'means':'command','command':'cut.sh','dropCommand':'drop.sh','folder':'/cuts'}},"
    "{'name':'vm1-os','role':'os','blob':'vm/1/os',"
    "'encryption':{'type':'EncryptionAtRestWithCustomerKey',"
    "'diskEncryptionSetId':'" SCOPE "diskEncryptionSets/des'}}],"
    "'snapshot':{'means':'reflink','folder':'/reflinks'},"
    "'id':'subscriptions/s/resourceGroups/g/providers/microsoft.compute/virtualMachines/vm1',"
    "'location':'EastUS','metadata':{'vmId':'x'},"
    "'hooks':{'freezeCommand':'f','thawCommand':'t','fileSystems':['/srv','/home'],"
    "'timeoutSeconds':5},"
    "'schedule':{'everyMinutes':60,'consistencyMode':'CrashConsistent',"
    "'collection':'" SCOPE "restorePointCollections/rpc'},"
    "'keep':{'last':7,'weekly':4}}],"
    "'limits':{'bytesPerSecond':1000000,'memoryBytes':67108864,'copiesAtOnce':3,"
    "'replicationDeadlineDays':2},'cacert':'/ca.pem',"
    "'restoreTo':['/srv/restores/','/dev/vg0/spare']}";

/* With ' for ". */
static bool parse(const char *text, struct config *out, struct told *told)
{
    char *json = strdup(text);
    bool ok;

    for (char *c = json; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    memset(told, 0, sizeof *told);
    setenv("CONFIG_KEY", "c2VjcmV0", 1);
    setenv("CONFIG_SAS", "?sv=2021-12-02&sig=sss", 1);
    ok = config_parse(json, strlen(json), out, tell, told);
    free(json);
    return ok;
}

static void check_disks(const struct config_machine *machine)
{
    const struct config_disk *os = &machine->disks[0], *data = &machine->disks[1],
                             *log = &machine->disks[2];

    cr_assert_eq(machine->disk_count, 3);
    cr_assert(os->os && !data->os && !log->os);
    cr_assert_str_eq(os->name, "vm1-os");
    cr_assert_str_eq(os->id, SCOPE "disks/vm1-os");
    cr_assert_str_eq(os->container, "vm");
    cr_assert_str_eq(os->blob, "1/os");
    cr_assert_null(os->path);
    cr_assert_str_eq(os->encryption_type, "EncryptionAtRestWithCustomerKey");
    cr_assert_str_eq(os->encryption_set, SCOPE "diskEncryptionSets/des");
    cr_assert_eq(data->lun, 3);
    cr_assert_str_eq(data->path, "/vm/data.raw");
    cr_assert_eq(data->size_bytes, 1u << 30);
    cr_assert_str_eq(data->sku, "Premium_LRS");
    cr_assert_str_eq(json_string_value(json_object_get(data->metadata, "caching")), "ReadOnly");
    cr_assert_eq(data->snapshot.means, CONFIG_MEANS_REFLINK); /* the machine's */
    cr_assert_str_eq(data->snapshot.folder, "/reflinks");
    cr_assert_eq(log->snapshot.means, CONFIG_MEANS_COMMAND); /* its own */
    cr_assert_str_eq(log->snapshot.command, "cut.sh");
    cr_assert_str_eq(log->snapshot.drop_command, "drop.sh");
    cr_assert(log->shared && !data->shared && !log->ephemeral && !log->unmanaged);
}

Test(config, takes_everything_it_knows_in_any_order)
{
    const struct config_machine *machine;
    struct config config;
    struct told told;

    cr_assert(parse(good, &config, &told), "%s", told.text);
    cr_assert_eq(config.region_count, 2);
    cr_assert_str_eq(config.regions[0].url, "https://acct.blob.example.net");
    cr_assert_str_eq(config.regions[0].account, "acct");
    cr_assert_str_eq(config.regions[0].key, "c2VjcmV0");
    cr_assert_null(config.regions[0].sas);
    cr_assert_str_eq(config.regions[1].account, "devacct");
    cr_assert_str_eq(config.regions[1].sas, "sv=2021-12-02&sig=sss");
    machine = config_machine_of(&config, SCOPE "VirtualMachines/VM1");
    cr_assert(machine);
    cr_assert_str_eq(machine->id, SCOPE "virtualMachines/vm1");
    cr_assert_str_eq(machine->name, "vm1");
    cr_assert_str_eq(machine->location, "eastus"); /* as the region is spelled */
    cr_assert_eq(machine->hooks.mount_count, 2);
    cr_assert_str_eq(machine->hooks.mounts[1], "/home");
    cr_assert_eq(machine->hooks.timeout_s, 5);
    cr_assert_str_eq(machine->collection, SCOPE "restorePointCollections/rpc");
    cr_assert(machine->schedule_minutes == 60 && machine->crash_consistent);
    cr_assert(machine->keep.last == 7 && machine->keep.daily == 0 && machine->keep.weekly == 4);
    check_disks(machine);
    cr_assert_eq(config.limits.bytes_per_second, 1000000);
    cr_assert_eq(config.limits.children, 3);
    cr_assert_eq(config.limits.deadline_days, 2);
    cr_assert_str_eq(config.cacert, "/ca.pem");
    cr_assert_str_eq(config.restore_to[0], "/srv/restores/");
    cr_assert_str_eq(config.restore_to[1], "/dev/vg0/spare");
    cr_assert_null(config.restore_to[2]);
    cr_assert_eq(config_region_of(&config, "EastUS"), &config.regions[0]);
    cr_assert_null(config_region_of(&config, "northpole"));
    config_fini(&config);
}

Test(config, one_region_is_enough_and_limits_have_defaults)
{
    struct config config;
    struct told told;

    cr_assert(parse("{'regions':[{'name':'a','url':'https://b.example','key':'env:CONFIG_KEY'}]}",
                    &config, &told),
              "%s", told.text);
    cr_assert_eq(config.limits.children, CONFIG_CHILDREN_DEFAULT);
    cr_assert_eq(config.limits.deadline_days, CONFIG_DEADLINE_DAYS);
    cr_assert_eq(config.machine_count, 0);
    cr_assert_null(config.restore_to[0], "nothing is allowed that nobody named");
    config_fini(&config);
}

/* What is wrong when this text of the good one is that. */
static void wrong(const char *text, const char *that, const char *path, const char *sentence)
{
    char changed[sizeof good + 400], wanted[400];
    const char *at = strstr(good, text);
    struct config config;
    struct told told;

    cr_assert(at, "%s", text);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - good), good, that, at + strlen(text));
    cr_assert(!parse(changed, &config, &told), "%s", that);
    snprintf(wanted, sizeof wanted, "%s: ", path);
    cr_assert(strstr(told.text, wanted), "%s -> %s", that, told.text);
    cr_assert(strstr(strstr(told.text, wanted), sentence), "%s -> %s", that, told.text);
    cr_assert_null(strstr(told.text, "c2VjcmV0"));
    cr_assert_null(strstr(told.text, "sss"));
    cr_assert(config.region_count == 0 && !config.regions && !config.machines);
}

Test(config, a_mistake_of_a_region_has_its_path)
{
    wrong("'name':'eastus'", "'name':'East US'", "$.regions[0].name", "small letters");
    wrong("'name':'westus'", "'name':'eastus'", "$.regions[1].name", "another region");
    wrong("'env:CONFIG_KEY'", "'c2VjcmV0'", "$.regions[0].key", "env:NAME or @FILE");
    wrong("'env:CONFIG_KEY'", "'env:NOT_THERE_AT_ALL'", "$.regions[0].key", "NOT_THERE_AT_ALL");
    wrong("'sas':'env:CONFIG_SAS'", "'sas':'env:CONFIG_KEY'", "$.regions[1].sas", "no SAS");
    wrong(",'key':'env:CONFIG_KEY'", "", "$.regions[0]", "either");
    wrong("https://acct.blob.example.net/", "http://acct.blob.example.net", "$.regions[0].url",
          "https");
    wrong("example.net/", "example.net/?sig=sss", "$.regions[0].url", "no query");
    wrong("https://acct", "ftp://acct", "$.regions[0].url", "");
    wrong("'url'", "'urll'", "$.regions[0].urll", "not known");
    wrong("'url'", "'urll'", "$.regions[0].url", "missing");
}

Test(config, a_mistake_of_a_machine_has_its_path)
{
    wrong("'location':'EastUS'", "'location':'mars'", "$.virtualMachines[0].location", "none of");
    wrong("virtualMachines/vm1", "disks/vm1", "$.virtualMachines[0].id", "must be an id");
    wrong(",'thawCommand':'t'", "", "$.virtualMachines[0].hooks.thawCommand", "must be thawed");
    wrong("'/home'", "'home'", "$.virtualMachines[0].hooks.fileSystems[1]", "absolute");
    wrong("'everyMinutes':60", "'everyMinutes':0", "$.virtualMachines[0].schedule.everyMinutes",
          "whole number");
    wrong("'CrashConsistent'", "'Best'", "$.virtualMachines[0].schedule.consistencyMode", "one of");
    wrong("'last':7", "'last':'7'", "$.virtualMachines[0].keep.last", "whole number");
    wrong("'reflink','folder':'/reflinks'", "'reflink'", "$.virtualMachines[0].snapshot.folder",
          "need it");
    wrong("'location':'EastUS',", "", "$.virtualMachines[0].location", "missing");
    wrong("{'vmId':'x'}", "{'osProfile':{'allowExtensionOperations':'so'}}",
          "$.virtualMachines[0].metadata", "osProfile.allowExtensionOperations");
}

Test(config, a_mistake_of_a_disk_has_its_path)
{
    wrong("{'caching':'ReadOnly'}", "{'writeAcceleratorEnabled':1}",
          "$.virtualMachines[0].disks[0].metadata", "writeAcceleratorEnabled");
    wrong("'lun':4", "'lun':3", "$.virtualMachines[0].disks[1].lun", "another disk");
    wrong("'lun':4,", "", "$.virtualMachines[0].disks[1].lun", "missing");
    wrong("'name':'vm1-log'", "'name':'VM1-data'", "$.virtualMachines[0].disks[1].name",
          "another disk");
    wrong("'name':'vm1-log'", "'name':'a/../b'", "$.virtualMachines[0].disks[1].name", "letters");
    wrong("'role':'data'", "'role':'os'", "$.virtualMachines[0].disks[2].role", "another disk");
    wrong("'role':'data'", "'role':'tape'", "$.virtualMachines[0].disks[1].role", "one of");
    wrong("'vm/1/os'", "'os'", "$.virtualMachines[0].disks[2].blob", "CONTAINER/BLOB");
    wrong("'blob':'vm/1/os'", "'blob':'vm/os','file':'/x'", "$.virtualMachines[0].disks[2]",
          "either");
    wrong("'/vm/data.raw'", "'data.raw'", "$.virtualMachines[0].disks[0].file", "absolute");
    wrong("'shared':true", "'shared':'yes'", "$.virtualMachines[0].disks[1].shared", "true or");
    wrong("'means':'command'", "'means':'magic'", "$.virtualMachines[0].disks[1].snapshot.means",
          "one of");
}

Test(config, every_mistake_is_told_at_once)
{
    struct config config;
    struct told told;

    cr_assert(!parse("{'regions':[{'name':1},7],'virtualMachines':{},'limits':[],'x':1}", &config,
                     &told));
    cr_assert(strstr(told.text, "$.regions[0].name: "), "%s", told.text);
    cr_assert(strstr(told.text, "$.regions[0].url: is missing"), "%s", told.text);
    cr_assert(strstr(told.text, "$.regions[1]: must be an object"), "%s", told.text);
    cr_assert(strstr(told.text, "$.virtualMachines: "), "%s", told.text);
    cr_assert(strstr(told.text, "$.limits: "), "%s", told.text);
    cr_assert(strstr(told.text, "$.x: "), "%s", told.text);
}

Test(config, what_is_no_json_is_told_with_its_line)
{
    static const char *const texts[] = {"",  "[",        "{'regions':[}",
                                        "7", "{'a':1,}", "{'regions':1,'regions':2}"};
    struct config config;
    struct told told;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_assert(!parse(texts[i], &config, &told) && told.count > 0, "%s", texts[i]);
    cr_assert(!config_load("/nonexistent/config", &config, tell, &told));
}

Test(config, reads_a_file)
{
    char path[200];
    struct config config;
    struct told told = {0};
    int fd;

    snprintf(path, sizeof path, "%s/config_XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    fd = mkstemp(path);
    cr_assert(fd >= 0);
    cr_assert(dprintf(fd,
                      "{\"regions\":[{\"name\":\"a\",\"url\":\"https://b.example\","
                      "\"key\":\"@%s\"}]}",
                      path) > 0);
    close(fd);
    cr_assert(config_load(path, &config, tell, &told), "%s", told.text);
    cr_assert_eq(config.regions[0].key[0], '{'); /* its first line, whatever it is */
    config_fini(&config);
    unlink(path);
}
