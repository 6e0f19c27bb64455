/* metrics_text.h - lines of Prometheus' text format 0.0.4: names, labels, numbers.
 *
 * Knows:         what is escaped and how, how numbers are written, whatever the process' locale.
 * Must not know: which metrics there are.
 * Threads:       pure. No error but the lack of memory: `failed` then stays, and nothing more is added.
 */
#ifndef ENGINE_METRICS_TEXT_H
#define ENGINE_METRICS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct metrics_text { /* zeroed = empty */
    char *bytes;      /* malloc'd; NUL-terminated once anything was added */
    size_t count, room;
    bool failed;
};

/* ---- Life ---- */
void metrics_text_fini(struct metrics_text *t); /* and empty again */
void metrics_text_clear(struct metrics_text *t);

/* ---- Use ---- */
/* HELP and TYPE of a metric; its samples follow, all of them together. */
void metrics_text_head(struct metrics_text *t, const char *name, const char *type,
                       const char *help);
/* NAME{LABELS} VALUE. labels: what metrics_text_label made; NULL and "": none. */
void metrics_text_count(struct metrics_text *t, const char *name, const char *labels,
                        uint64_t value);
/* value is in units of 10^-decimals: 1500 with 3 is written 1.5. */
void metrics_text_decimal(struct metrics_text *t, const char *name, const char *labels,
                          uint64_t value, unsigned decimals);
void metrics_text_infinite(struct metrics_text *t, const char *name, const char *labels);

/* Adds name="value" to labels; value is escaped, bytes that are not UTF-8 become '?'. */
void metrics_text_label(struct metrics_text *labels, const char *name, const char *value);
/* The same with a number as the value; as metrics_text_decimal. */
void metrics_text_label_decimal(struct metrics_text *labels, const char *name, uint64_t value,
                                unsigned decimals);
/* Labels that another one made: the first. */
void metrics_text_labels(struct metrics_text *labels, const char *made);

#endif
