/* machine_cpu.c - see machine_cpu.h. */
#include "io/machine_cpu.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 512u

/* The fields of proc(5), in their order. Guests' time is part of user and nice already. */
enum { FIELD_USER, FIELD_NICE, FIELD_SYSTEM, FIELD_IDLE, FIELD_IOWAIT, FIELDS_COUNT = 8 };

bool machine_cpu_parse(const char *text, struct machine_cpu *out_cpu)
{
    struct machine_cpu cpu = {0};
    char *rest;

    if (strncmp(text, "cpu ", 4) != 0)
        return false;
    text += 4;
    for (int field = 0; field < FIELDS_COUNT; field++) {
        uint64_t ticks = strtoull(text, &rest, 10);

        if (rest == text)
            return false;
        text = rest;
        cpu.all_ticks += ticks;
        if (field != FIELD_IDLE && field != FIELD_IOWAIT)
            cpu.busy_ticks += ticks;
    }
    *out_cpu = cpu;
    return true;
}

void machine_cpu_look(struct machine_cpu *out_cpu)
{
    char text[LINE_MAX_BYTES];
    int fd = open("/proc/stat", O_RDONLY | O_CLOEXEC);
    ssize_t count = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

    memset(out_cpu, 0, sizeof *out_cpu);
    text[count > 0 ? count : 0] = 0;
    machine_cpu_parse(text, out_cpu);
    if (fd >= 0)
        close(fd);
}

uint32_t machine_cpu_permille(const struct machine_cpu *before, const struct machine_cpu *after)
{
    if (after->all_ticks <= before->all_ticks || after->busy_ticks < before->busy_ticks)
        return 0;
    return (uint32_t)((after->busy_ticks - before->busy_ticks) * 1000 /
                      (after->all_ticks - before->all_ticks));
}
