/* help_rp.h - the help of the commands snapferry restore-point ..., a part of help_text.c's pages.
 *
 * Knows: texts. Must not know: options. Threads: constants.
 */
#ifndef SNAPFERRY_HELP_RP_H
#define SNAPFERRY_HELP_RP_H

extern const char help_rp_list[], help_rp_status[], help_rp_verify[], help_rp_access[],
    help_rp_restore[], help_rp_copy[];

#endif
