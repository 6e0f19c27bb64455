/* page_files.h - the page at `/`: its files, which are part of the program.
 *
 * Knows:         their paths and types. Must not know: what stands in them, who asks.
 * Threads:       pure; all of it is constant.
 */
#ifndef CONTROLD_PAGE_FILES_H
#define CONTROLD_PAGE_FILES_H

#include <stdbool.h>

#include "tools/controld/front.h"

#define PAGE_FILES_COUNT 7u

/* For front_serve_files. token_only: a token is the one way in, so the page asks for it before it asks
 * anything else. */
void page_files(bool token_only, struct front_file out_files[PAGE_FILES_COUNT]);

#endif
