/* fleet_text.h - the words of many disks at once, for people: a row a disk, a line for all of them.
 *
 * Knows: formats, widths, which disks a low screen shows. Must not know: terminals, files. Threads: pure.
 */
#ifndef SNAPFERRY_FLEET_TEXT_H
#define SNAPFERRY_FLEET_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/job.h"

#define FLEET_LINE_MAX_BYTES 512u
#define FLEET_WIDTH_MAX      120u /* columns; wider screens stay free on the right */

/* ---- What all of them come to ---- */
struct fleet_totals {
    uint32_t disks, pending, succeeded, failed, canceled, waiting, paused;
    bool planned; /* of every disk it is known what must change */
    uint64_t durable_bytes, total_bytes, bytes_per_second;
    double percent; /* of the bytes; 0 until planned */
};

void fleet_totals_add(struct fleet_totals *totals, const struct job_disk_view *disk);
void fleet_totals_end(struct fleet_totals *totals);

/* ---- Lines of at most width columns ---- */
/* Name, bar, percent, rate, time left, state; what is least needed goes first where it does not fit. */
void fleet_text_row(const struct job_disk_view *disk, unsigned width,
                    char out_text[FLEET_LINE_MAX_BYTES]);
void fleet_text_total(const struct fleet_totals *totals, unsigned width,
                      char out_text[FLEET_LINE_MAX_BYTES]);

/* ---- Which disks a screen of few rows shows ---- */
/* From those under way (codes, one a disk), at most rows: first those that wait for somebody, then, of the
 * others, the page that has its turn. Indices in out_shown, ascending within both parts. The count. */
uint32_t fleet_pick(const enum event_code *codes, uint32_t disks, uint32_t rows, uint32_t turn,
                    uint32_t *out_shown);
bool fleet_is_under_way(enum event_code code);

#endif
