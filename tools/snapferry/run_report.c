/* run_report.c - see run_report.h. */
#include "tools/snapferry/run_report.h"

#include <string.h>

bool run_report_open(struct run_report *report, const struct run_report_setup *setup, struct err *e)
{
    memset(report, 0, sizeof *report);
    return !setup->report->url ||
           err_set(e, ERR_USAGE, RETRY_NEVER, "report.url: events are not posted yet");
}

void run_report_close(struct run_report *report)
{
    memset(report, 0, sizeof *report);
}
