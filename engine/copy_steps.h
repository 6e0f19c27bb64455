/* copy_steps.h - the steps of a copy, as the table in copy.c names them.
 *
 * Knows:         names. What a step does stands in the file of its part of the copy.
 * Must not know: what a copy is made of (copy_internal.h).
 */
#ifndef ENGINE_COPY_STEPS_H
#define ENGINE_COPY_STEPS_H

#include <stdbool.h>

#include "blockmap/err.h"

struct copy;

/* One step: wanted decides, start submits one request (NULL: there is none), after looks at the answer.
 * Both false with copy->err set: the end. failed may turn an error for good into an answer. */
struct copy_step {
    const char *phase; /* for people */
    bool (*wanted)(const struct copy *copy);
    bool (*start)(struct copy *copy);
    bool (*after)(struct copy *copy);
    bool (*failed)(struct copy *copy, const struct err *error);
};

/* ---- In the order of copy_steps in copy.c ---- */
bool copy_want_journal(const struct copy *copy);
bool copy_after_journal_open(struct copy *copy);
bool copy_want_journal_load(const struct copy *copy);
bool copy_start_journal_load(struct copy *copy);
bool copy_after_journal_load(struct copy *copy);
bool copy_want_fit(const struct copy *copy);
bool copy_after_fit(struct copy *copy);
bool copy_want_base(const struct copy *copy);
bool copy_start_stat_source(struct copy *copy);
bool copy_after_stat_source(struct copy *copy);
bool copy_want_source_again(const struct copy *copy);
bool copy_after_source_again(struct copy *copy);
bool copy_start_stat_base(struct copy *copy);
bool copy_after_stat_base(struct copy *copy);
bool copy_start_stat_target(struct copy *copy);
bool copy_after_stat_target(struct copy *copy);
bool copy_want_judge_base(const struct copy *copy);
bool copy_after_judge_base(struct copy *copy);
bool copy_want_target_diff(const struct copy *copy);
bool copy_start_target_diff(struct copy *copy);
bool copy_after_target_diff(struct copy *copy);
bool copy_failed_target_diff(struct copy *copy, const struct err *error);
bool copy_want_proof(const struct copy *copy);
bool copy_start_proof(struct copy *copy);
bool copy_after_proof(struct copy *copy);
bool copy_failed_proof(struct copy *copy, const struct err *error);
bool copy_want_unproven(const struct copy *copy);
bool copy_after_unproven(struct copy *copy);
bool copy_want_journal_begin(const struct copy *copy);
bool copy_start_journal_begin(struct copy *copy);
bool copy_want_diff(const struct copy *copy);
bool copy_start_diff(struct copy *copy);
bool copy_failed_diff(struct copy *copy, const struct err *error);
bool copy_want_all(const struct copy *copy);
bool copy_start_all(struct copy *copy);
bool copy_after_lists(struct copy *copy);
bool copy_want_last_page(const struct copy *copy);
bool copy_start_last_page(struct copy *copy);
bool copy_after_last_page(struct copy *copy);
bool copy_want_first_page(const struct copy *copy);
bool copy_start_first_page(struct copy *copy);
bool copy_after_first_page(struct copy *copy);
bool copy_after_judge(struct copy *copy);
bool copy_want_note_marked(const struct copy *copy);
bool copy_after_note_marked(struct copy *copy);
bool copy_want_manifest(const struct copy *copy);
bool copy_after_manifest_place(struct copy *copy);
bool copy_want_base_manifest(const struct copy *copy);
bool copy_after_base_manifest(struct copy *copy);
bool copy_want_audit(const struct copy *copy);
bool copy_start_audit(struct copy *copy);
bool copy_after_audit(struct copy *copy);
bool copy_want_target_list(const struct copy *copy);
bool copy_start_target_list(struct copy *copy);
bool copy_after_plan(struct copy *copy);
bool copy_want_changes(const struct copy *copy);
bool copy_want_create(const struct copy *copy);
bool copy_start_create(struct copy *copy);
bool copy_failed_create(struct copy *copy, const struct err *error);
bool copy_want_created(const struct copy *copy);
bool copy_after_created(struct copy *copy);
bool copy_want_note_made(const struct copy *copy);
bool copy_want_mark(const struct copy *copy);
bool copy_start_mark(struct copy *copy);
bool copy_want_resize(const struct copy *copy);
bool copy_start_resize(struct copy *copy);
bool copy_want_clear_footer(const struct copy *copy);
bool copy_start_clear_footer(struct copy *copy);
bool copy_want_clear_old_footer(const struct copy *copy);
bool copy_start_clear_old_footer(struct copy *copy);
bool copy_want_flush_clear(const struct copy *copy);
bool copy_want_fence(const struct copy *copy);
bool copy_start_fence(struct copy *copy);
bool copy_after_fence(struct copy *copy);
bool copy_want_note_planned(const struct copy *copy);
bool copy_after_note_planned(struct copy *copy);
bool copy_start_move(struct copy *copy);
bool copy_after_move(struct copy *copy);
bool copy_want_note_moved(const struct copy *copy);
bool copy_start_note_moved(struct copy *copy);
bool copy_want_disk_back(const struct copy *copy);
bool copy_start_disk_back(struct copy *copy);
bool copy_after_disk_back(struct copy *copy);
bool copy_after_manifest(struct copy *copy);
bool copy_want_footer(const struct copy *copy);
bool copy_start_footer(struct copy *copy);
bool copy_start_flush(struct copy *copy);
bool copy_want_read_back(const struct copy *copy);
bool copy_start_read_back(struct copy *copy);
bool copy_after_read_back(struct copy *copy);
bool copy_want_complete(const struct copy *copy);
bool copy_start_complete(struct copy *copy);
bool copy_after_commit(struct copy *copy);

#endif
