/* sas_command.h - `regiond sas`: prints a URL with a shared access signature.
 *
 * Knows:         the command's options, the account's key (from the environment or a file).
 * Must not know: the running service: a signature needs only the key.
 * Threads:       none; runs once in main.
 */
#ifndef REGIOND_SAS_COMMAND_H
#define REGIOND_SAS_COMMAND_H

#include <stdint.h>
#include <stdio.h>

/* argv[0] is "sas". Prints the URL on out; returns the exit status: 0, or 2 for a wrong command
 * line, with a sentence on stderr. now_ticks: what a relative expiry ("+1h") counts from. */
int sas_command_run(int argc, char **argv, uint64_t now_ticks, FILE *out);

int sas_command(int argc, char **argv); /* now, to stdout */

#endif
