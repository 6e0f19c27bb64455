/* catalog_file.h - the open catalog as the files catalog_*.c see it, and the versions of its schema.
 *
 * Knows:         which statements the tables run on, what each version of the file looks like.
 * Must not know: what the rows are for.
 * Threads:       as catalog.h.
 */
#ifndef CONTROLD_CATALOG_FILE_H
#define CONTROLD_CATALOG_FILE_H

#include "tools/controld/catalog.h"
#include "tools/controld/catalog_sql.h"

struct catalog_sql *catalog_file_sql(struct catalog *c); /* view, until catalog_close */

/* All versions, the oldest first; static. */
const struct catalog_schema *catalog_schema(void);

#endif
