/* ctl_table.h - the answer to status, for people: a line a disk, at most 80 columns.
 *
 * Knows: formats, widths, members of an answer. Must not know: files, sockets. Threads: pure.
 */
#ifndef SNAPFERRY_CTL_TABLE_H
#define SNAPFERRY_CTL_TABLE_H

#include <jansson.h>

#define CTL_TABLE_WIDTH 79u /* some terminals wrap at the last column */

/* answer: an object with "disks". The text is malloc'd; NULL when memory ran out. Whatever comes from outside
 * is shown without control characters. */
char *ctl_table(const json_t *answer);

#endif
