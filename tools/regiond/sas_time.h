/* sas_time.h - the times in a SAS and in a stored policy: ISO 8601, UTC.
 *
 * Knows:         the forms the service takes: a day, minutes, seconds, up to seven digits more.
 * Must not know: the clock.
 * Threads:       any; pure.
 */
#ifndef REGIOND_SAS_TIME_H
#define REGIOND_SAS_TIME_H

#include <stdbool.h>
#include <stdint.h>

#define SAS_TIME_BYTES 21u /* 2030-01-01T00:00:00Z and NUL */

/* 2030-01-01, 2030-01-01T00:00Z, 2030-01-01T00:00:00Z, 2030-01-01T00:00:00.0000000Z; also with an
 * offset (+02:00) in place of Z. Ticks as in region_clock.h. */
bool sas_time_parse(const char *text, uint64_t *out_ticks);

void sas_time_format(uint64_t ticks, char out_text[SAS_TIME_BYTES]); /* whole seconds */

#endif
