/* help_text.h - what --help says; each page fits a screen of 80 columns and 24 lines.
 *
 * Knows: words. Must not know: parsing. Threads: pure.
 */
#ifndef SNAPFERRY_HELP_TEXT_H
#define SNAPFERRY_HELP_TEXT_H

#include "tools/snapferry/options.h"

const char *help_text(void); /* of snapferry itself */
const char *help_text_of(enum command_id command);

#endif
