/* view_text.h - the words of progress and summary, for people.
 *
 * Knows: formats, widths. Must not know: terminals, files. Threads: pure.
 */
#ifndef SNAPFERRY_VIEW_TEXT_H
#define SNAPFERRY_VIEW_TEXT_H

#include <stddef.h>

#include "tools/snapferry/view.h"

#define VIEW_LINE_MAX_BYTES    512u
#define VIEW_SUMMARY_MAX_BYTES 2048u

/* One line of at most width columns: name, percent, done and total, rate, time left, phase; what is
 * least needed goes first where it does not fit. */
void view_text_line(const char *disk, const struct view_moment *moment, unsigned width,
                    char out_text[VIEW_LINE_MAX_BYTES]);

/* Several lines, each ended. */
void view_text_summary(const struct view_copy *done, char out_text[VIEW_SUMMARY_MAX_BYTES]);

/* The last bytes of a name that take at most columns on a screen, control characters replaced.
 * out_bytes > 4. */
void view_text_name(const char *name, unsigned columns, char *out_text, size_t out_bytes);
/* The same in exactly as many columns, blanks behind it; out_bytes > 4 + columns. Returns its bytes. */
size_t view_text_cell(const char *name, unsigned columns, char *out_text, size_t out_bytes);

#endif
