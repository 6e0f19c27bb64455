/* relay_wire_fields.h - takes typed fields out of a peer's JSON; private to io/relay_wire*.c.
 *
 * Knows:         jansson, limits. Must not know: which message it is.
 * Threads:       none.
 * Errors:        ERR_CORRUPT, with the field's name; nothing of the peer's text is repeated.
 */
#ifndef IO_RELAY_WIRE_FIELDS_H
#define IO_RELAY_WIRE_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"

/* An object of at most RELAY_JSON_MAX_BYTES, no key twice; NULL and an error else. The caller's. */
json_t *relay_fields_object(const char *json, size_t count, const char *what, struct err *e);
bool relay_fields_flag(const json_t *object, const char *key, bool *out_flag, struct err *e);
bool relay_fields_number(const json_t *object, const char *key, uint64_t max, uint64_t *out_number,
                         struct err *e);
/* Printable ASCII that fits, NUL included. Absent or null: "". */
bool relay_fields_text(const json_t *object, const char *key, char *out_text, size_t out_bytes,
                       struct err *e);
const json_t *relay_fields_array(const json_t *object, const char *key, size_t count_max,
                                 struct err *e);
/* [a, b], both at most max. */
bool relay_fields_pair(const json_t *pair, const char *key, uint64_t max, uint64_t *out_a,
                       uint64_t *out_b, struct err *e);
/* The text of an object, which is released. Never NULL: as elsewhere, a machine without a little memory is
 * asserted away. */
char *relay_fields_dump(json_t *take_object);
json_t *relay_fields_json_number(uint64_t number); /* at most INT64_MAX */
/* Makes text printable ASCII in place, whatever it was. */
void relay_fields_clean(char *text);

#endif
