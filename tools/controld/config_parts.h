/* config_parts.h - what the files of config share: readers of single members.
 *
 * Knows:         job_reading's tables of members, which a configuration is read with, too.
 * Must not know: what the members are for.
 * Threads:       pure, but that keys are read from the environment and files.
 */
#ifndef CONTROLD_CONFIG_PARTS_H
#define CONTROLD_CONFIG_PARTS_H

#include "engine/job_reading.h"
#include "tools/controld/arm_id.h"
#include "tools/controld/arm_shape.h"
#include "tools/controld/config.h"

/* ---- config_members.c: each tells what is wrong, and then leaves *out as it was ---- */
void config_read_path(struct job_reading *reading, json_t *value, char **out_path); /* absolute */
void config_read_bool(struct job_reading *reading, json_t *value, bool *out);
void config_read_unsigned(struct job_reading *reading, json_t *value, unsigned min, unsigned max,
                          unsigned *out);
void config_read_bytes(struct job_reading *reading, json_t *value, uint64_t min, uint64_t *out);
/* A description in the API's words; in current form, without what the table does not have. */
void config_read_shaped(struct job_reading *reading, json_t *value, const struct arm_shape *members,
                        json_t **out);
/* An ARM id of this type, canonical. */
void config_read_id(struct job_reading *reading, json_t *value, enum arm_type type, char **out_id);
/* words: "first second ", each followed by a blank; the index of the one it is. */
void config_read_word(struct job_reading *reading, json_t *value, const char *words, unsigned *out);
void config_wrong_member(struct job_reading *reading, const char *member, const char *sentence);
/* An array of at most max objects; a zeroed array of them, to be filled; NULL: told why not. */
void *config_room(struct job_reading *reading, const json_t *value, size_t max, size_t item_bytes);

/* ---- config_region.c, config_machine.c, config_disk.c ---- */
void config_read_regions(struct job_reading *reading, json_t *value, void *config, unsigned which);
void config_region_fini(struct config_region *region);
void config_read_machines(struct job_reading *reading, json_t *value, void *config, unsigned which);
void config_machine_fini(struct config_machine *machine);
void config_read_disks(struct job_reading *reading, json_t *value, void *machine, unsigned which);
void config_read_snapshot(struct job_reading *reading, json_t *value, void *snapshot,
                          unsigned which);
void config_snapshot_fini(struct config_snapshot *snapshot);
/* What a disk does not say itself, its machine says. */
void config_complete_disks(struct job_reading *reading, struct config_machine *machine,
                           const struct config_snapshot *snapshot);
void config_disk_fini(struct config_disk *disk);

#endif
