/* arguments.h - the program's arguments, moved out of where other users can read them.
 *
 * Knows:         that whatever follows a '?' may be a SAS, and where the kernel shows argv.
 * Must not know: which argument means what.
 * Threads:       called first in main, before there are any.
 *
 * Between exec and arguments_take a SAS given directly stands in /proc/PID/cmdline for some
 * milliseconds. env:NAME and @FILE never stand there at all.
 */
#ifndef SNAPFERRY_ARGUMENTS_H
#define SNAPFERRY_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#define ARGUMENT_SHOWN_MAX_BYTES 160u

/* A copy of argv (NULL-terminated) to work with; in argv itself everything that may be a secret is
 * overwritten in place. NULL when memory ran out, argv is wiped then too. */
char **arguments_take(int argc, char **argv);
void arguments_free(char **arguments, int argc); /* wipes; NULL is fine */

/* An argument as it may be shown to a person: cut before what may be a secret, control characters
 * replaced, never longer than fits. Returns out_text. */
const char *arguments_show(const char *argument, char out_text[ARGUMENT_SHOWN_MAX_BYTES]);

#endif
