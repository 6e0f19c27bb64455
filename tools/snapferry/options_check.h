/* options_check.h - what a command line asks for as a whole: arguments without names, and what goes together.
 *
 * Knows:         which command takes how many arguments, which options need or exclude each other.
 * Must not know: how options are spelled (options.c).
 * Threads:       pure.
 * Errors:        ERR_USAGE, one sentence.
 */
#ifndef SNAPFERRY_OPTIONS_CHECK_H
#define SNAPFERRY_OPTIONS_CHECK_H

#include <stdbool.h>

#include "blockmap/err.h"
#include "tools/snapferry/options.h"

/* One more argument; options.ends, a view. All options were seen before. */
bool options_check_end(struct options *options, const char *argument, struct err *e);
bool options_check(const struct options *options, struct err *e);

#endif
