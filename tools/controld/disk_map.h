/* disk_map.h - a picture of a disk restore point: which parts hold data, and which of them changed since the
 * one before (beyond the service).
 *
 * Knows:         GET /x-snapferry/map?diskRestorePoint=ID, the range lists of the blob it lies in.
 * Must not know: the page that draws it. Threads: the reactor's.
 *
 * {"diskRestorePoint", "sizeBytes", "cellBytes", "snapshot": is it a snapshot, or what the blob holds so far,
 *  "heldBytes", "held": [bytes of each cell], and where there is an older snapshot of the same blob
 *  "since": ID, "changedBytes", "changed": [...], or "reason" why they cannot be had}
 */
#ifndef CONTROLD_DISK_MAP_H
#define CONTROLD_DISK_MAP_H

#include "tools/controld/service.h"

#define DISK_MAPS_MAX    4u /* at the same time; others are told to come back (429) */
#define DISK_MAP_TIME_NS (30 * NS_PER_S)

struct disk_maps;

struct disk_maps *disk_maps_new(struct service *service, struct err *e);
void disk_maps_free(struct disk_maps *maps); /* NULL is fine; idle, or the reactor has failed */
bool disk_maps_idle(const struct disk_maps *maps);
void disk_maps_show(struct disk_maps *maps, struct front_ask *ask);

#endif
