/* pagerange_scan.h - one entry of a list of page ranges, read in exactly the form the service writes it.
 *
 * Knows:         <PageRange><Start>0</Start><End>511</End></PageRange>, and the same of ClearRange.
 * Must not know: XML. What has blanks, attributes, comments or very long numbers is left to a parser of that.
 * Threads:       none. Pure.
 */
#ifndef IO_PAGERANGE_SCAN_H
#define IO_PAGERANGE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGERANGE_SCAN_DIGITS_MAX 19u /* so many fit into 64 bits, whatever they are */

struct pagerange_entry {
    uint64_t start, end; /* as written: end is of the range */
    bool is_clear;
};

/* How many bytes the entry at text has; 0: no whole entry in this form stands there. */
size_t pagerange_scan(const char *text, size_t count, struct pagerange_entry *out_entry);

/* Where in text, but not at its first byte, an entry seems to begin; count: nowhere. */
size_t pagerange_find(const char *text, size_t count);

#endif
