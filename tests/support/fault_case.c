/* fault_case.c - see fault_case.h. */
#include "tests/support/fault_case.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KIB 1024u

struct region_process fault_case_serve(const char *option, const char *json)
{
    struct region_process region = case_begin(KIB * KIB);
    char path[REGION_PATH_MAX_BYTES + 8];
    const char *extra[] = {option, path, NULL};
    FILE *out;

    case_write(&region, CASE_BLOB, 0, 512 * KIB, 'f');
    region_stop(&region);
    snprintf(path, sizeof path, "%s.json", region.data);
    out = fopen(path, "w");
    fputs(json, out);
    fclose(out);
    region_start(&region, extra);
    return region;
}

struct region_process fault_case_begin(const char *match, const char *fault)
{
    char json[512];

    snprintf(json, sizeof json,
             "{\"seed\":1,\"rules\":[{\"name\":\"it\",\"match\":{%s},\"times\":1,%s}]}", match,
             fault);
    return fault_case_serve("--faults", json);
}

bool fault_case_get(const struct region_process *region, const char *target, const char *headers,
                    struct raw_answer *out)
{
    struct raw_request request = {.method = "GET", .target = target, .headers = headers};
    int fd = raw_connect(region->port);
    bool whole = raw_exchange(fd, &request, out);

    close(fd);
    return whole;
}

bool fault_case_log_has(const struct region_process *region, const char *text)
{
    char *log = calloc(1, KIB * KIB);
    FILE *in = fopen(region->log, "r");
    bool has;

    cr_assert_neq(fread(log, 1, KIB * KIB - 1, in), 0);
    fclose(in);
    has = strstr(log, text) != NULL;
    free(log);
    return has;
}
