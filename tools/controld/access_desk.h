/* access_desk.h - beginGetAccess and endGetAccess of disk restore points and disks (protocol E.7).
 *
 * Knows:         one access a resource, its row and its policy; that asking again extends it and gives
 *                the same URL.
 * Must not know: how policies are kept (region_access.h). Threads: the reactor's.
 */
#ifndef CONTROLD_ACCESS_DESK_H
#define CONTROLD_ACCESS_DESK_H

#include "tools/controld/service.h"

struct access_desk;

struct access_desk *access_desk_new(struct service *service, struct err *e);
void access_desk_free(struct access_desk *desk); /* NULL is fine; nothing under way */
bool access_desk_idle(const struct access_desk *desk);
void access_desk_serve(struct access_desk *desk, struct front_table *table);
/* Does somebody hold access that has not ended? */
bool access_desk_active(struct service *service, const char *resource_id, bool *out_active,
                        struct err *e);

#endif
