/* run_input.h - where a run's job comes from: a file, or the first line of the standard input.
 *
 * Knows:         how a job's text is read and checked, which remarks that leaves.
 * Must not know: what is done with the job.
 * Threads:       the main thread; before anything is under way.
 * Errors:        those of reading; mistakes of the job are remarks. The text holds secrets: it is wiped.
 */
#ifndef SNAPFERRY_RUN_INPUT_H
#define SNAPFERRY_RUN_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "blockmap/err.h"
#include "engine/job_spec.h"
#include "tools/snapferry/run_remarks.h"

/* The text of a job. False: the remarks say what is wrong, *out_spec is empty. */
bool run_input_take(const char *text, size_t bytes, struct job_spec *out_spec,
                    struct run_remarks *remarks);
/* A file or a pipe, to its end. False: e, or the remarks. */
bool run_input_read(const char *path, struct job_spec *out_spec, struct run_remarks *remarks,
                    struct err *e);

#endif
