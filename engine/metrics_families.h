/* metrics_families.h - the list of metrics by number; private to the metrics_*.c files.
 *
 * Knows: names. Must not know: values. Threads: constant.
 */
#ifndef ENGINE_METRICS_FAMILIES_H
#define ENGINE_METRICS_FAMILIES_H

#include <stdint.h>

enum metrics_id {
    M_BUILD_INFO,
    M_REQUESTS,
    M_REQUEST_DURATION,
    M_REQUEST_ERRORS,
    M_REQUEST_THROTTLES,
    M_REQUEST_RESENDS,
    M_HTTP_BYTES,
    M_HTTP_CONNECTIONS,
    M_SOURCE_READ,
    M_TARGET_WRITTEN,
    M_SKIPPED,
    M_RETRIES,
    M_FAILURES,
    M_WINDOW,
    M_DISKS,
    M_DISKS_NOT_SHOWN,
    M_BUFFERS,
    M_BUFFERS_IN_USE,
    M_BUFFER_BYTES,
    M_BUFFER_MAX_BYTES,
    M_LIMIT_BYTES,
    M_LIMIT_REQUESTS,
    M_LIMIT_MEMORY,
    M_EVENTS,
    M_EVENTS_DROPPED,
    M_EVENTS_WAITING,
    M_EVENTS_POSTED,
    M_EVENT_POST_FAILURES,
    M_DISK_RATIO,
    M_DISK_STATE,
    M_DISK_DURABLE,
    M_DISK_CHANGED,
    M_DISK_WINDOW,
    M_DISK_ATTEMPTS,
    M_PROCESS_CPU,
    M_PROCESS_RESIDENT,
    M_PROCESS_VIRTUAL,
    M_PROCESS_FDS,
    M_PROCESS_MAX_FDS,
    M_PROCESS_START,
    METRICS_IDS_COUNT
};

#endif
