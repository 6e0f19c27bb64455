/* metrics_families.c - what each metric is called and means; tools/snapferry/metrics.md tells people. */
#include "engine/metrics_families.h"

#include <stddef.h>

#include "engine/metrics_page.h"

#define COUNTER "counter"
#define GAUGE   "gauge"

static const struct metrics_family families[METRICS_IDS_COUNT] = {
    [M_BUILD_INFO] = {"snapferry_build_info", GAUGE, "1; the label says which snapferry this is."},
    [M_REQUESTS] = {"snapferry_requests_total", COUNTER,
                    "HTTP requests that ended, by what they were for and how they were answered."},
    [M_REQUEST_DURATION] = {"snapferry_request_duration_seconds", "histogram",
                            "From asking to the end of the answer, waiting for a connection "
                            "included."},
    [M_REQUEST_ERRORS] = {"snapferry_request_errors_total", COUNTER,
                          "Requests without a whole answer, by kind of error."},
    [M_REQUEST_THROTTLES] = {"snapferry_request_throttles_total", COUNTER,
                             "Answers that asked to slow down: 429 and 503."},
    [M_REQUEST_RESENDS] = {"snapferry_request_resends_total", COUNTER,
                           "Requests put on a fresh connection because a kept one had died."},
    [M_HTTP_BYTES] = {"snapferry_http_bytes_total", COUNTER,
                      "Bytes of HTTP messages by direction and part, before TLS."},
    [M_HTTP_CONNECTIONS] = {"snapferry_http_connections_opened_total", COUNTER,
                            "Connections opened to services and receivers."},
    [M_THREAD_REQUESTS] = {"snapferry_http_thread_requests_total", COUNTER,
                           "Requests done by each thread that exchanges run on."},
    [M_THREAD_CPU] = {"snapferry_http_thread_cpu_seconds_total", COUNTER,
                      "CPU time of each of them; thread 0 is the one that does all else, too."},
    [M_SOURCE_READ] = {"snapferry_source_read_bytes_total", COUNTER,
                       "Bytes of disks read from sources."},
    [M_TARGET_WRITTEN] = {"snapferry_target_written_bytes_total", COUNTER,
                          "Bytes of disks made durable at targets."},
    [M_SKIPPED] = {"snapferry_skipped_bytes_total", COUNTER,
                   "Bytes of disks not written because the target has them already."},
    [M_RETRIES] = {"snapferry_retries_total", COUNTER, "Ranges of disks that were tried again."},
    [M_FAILURES] = {"snapferry_disk_failures_total", COUNTER,
                    "Disks that ended in a failure, by kind of error."},
    [M_WINDOW] = {"snapferry_window_ranges", GAUGE,
                  "Ranges that may be in flight, all disks together."},
    [M_DISKS] = {"snapferry_disks", GAUGE, "Disks of the job by state."},
    [M_DISKS_NOT_SHOWN] =
        {"snapferry_disks_not_shown", GAUGE,
         "Disks without series of their own, because the page would be too large."},
    [M_BUFFERS] = {"snapferry_buffers", GAUGE, "Buffers that may be in use now."},
    [M_BUFFERS_IN_USE] = {"snapferry_buffers_in_use", GAUGE, "Buffers that hold a range."},
    [M_BUFFER_BYTES] = {"snapferry_buffer_bytes", GAUGE, "Memory of the buffers that may be used."},
    [M_BUFFER_MAX_BYTES] = {"snapferry_buffer_max_bytes", GAUGE,
                            "Memory of the buffers that there may ever be."},
    [M_LIMIT_BYTES] = {"snapferry_limit_bytes_per_second", GAUGE,
                       "Limit in force of bytes, each way, by whom it is for; +Inf is none."},
    [M_LIMIT_REQUESTS] = {"snapferry_limit_requests_per_second", GAUGE,
                          "Limit in force of requests by whom it is for; +Inf is none."},
    [M_LIMIT_MEMORY] = {"snapferry_limit_memory_bytes", GAUGE, "Memory the job may take."},
    [M_EVENTS] = {"snapferry_events_total", COUNTER, "Events told, by kind."},
    [M_EVENTS_DROPPED] = {"snapferry_events_dropped_total", COUNTER,
                          "Progress events left out for readers that were too slow."},
    [M_EVENTS_WAITING] = {"snapferry_events_waiting", GAUGE,
                          "Events that the upstream has not taken yet, spooled ones included."},
    [M_EVENTS_POSTED] = {"snapferry_events_posted_total", COUNTER,
                         "Events that the upstream has taken."},
    [M_EVENT_POST_FAILURES] = {"snapferry_event_post_failures_total", COUNTER,
                               "Posts of events that the upstream did not take."},
    [M_DISK_RATIO] = {"snapferry_disk_completion_ratio", GAUGE,
                      "How far the disk is, 0 to 1; 1 only once it is committed."},
    [M_DISK_STATE] = {"snapferry_disk_state", GAUGE,
                      "1; the label says in which state the disk is."},
    [M_DISK_DURABLE] = {"snapferry_disk_durable_bytes", GAUGE,
                        "Of the bytes that must change, those durable at the target."},
    [M_DISK_CHANGED] = {"snapferry_disk_changed_bytes", GAUGE,
                        "Bytes that must change at the target; 0 until that is known."},
    [M_DISK_WINDOW] = {"snapferry_disk_window_ranges", GAUGE,
                       "Ranges of the disk that may be in flight."},
    [M_DISK_ATTEMPTS] = {"snapferry_disk_attempts", GAUGE, "Times the disk was begun."},
    [M_PROCESS_CPU] = {"process_cpu_seconds_total", COUNTER, "User and system CPU time."},
    [M_PROCESS_RESIDENT] = {"process_resident_memory_bytes", GAUGE, "Resident memory."},
    [M_PROCESS_VIRTUAL] = {"process_virtual_memory_bytes", GAUGE, "Virtual memory."},
    [M_PROCESS_FDS] = {"process_open_fds", GAUGE, "Open file descriptors."},
    [M_PROCESS_MAX_FDS] = {"process_max_fds", GAUGE, "Limit of open file descriptors."},
    [M_PROCESS_START] = {"process_start_time_seconds", GAUGE, "When the process began, Unix time."},
};

const struct metrics_family *metrics_family_at(uint32_t index)
{
    return index < METRICS_IDS_COUNT ? &families[index] : NULL;
}
