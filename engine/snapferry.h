/* snapferry.h - libsnapferry: a run of many disks inside another program. The one public header.
 *
 * Knows:         the job, events and commands as lines of JSON; their forms are the schemas installed in
 *                share/snapferry/schema.
 * Must not know: anything internal; it includes nothing of the project.
 * Threads:       a handle is made and freed by anybody, one at a time. snapferry_run works in the thread
 *                that calls it until the job has ended, and calls back there alone. snapferry_command and
 *                snapferry_stop are for any thread, also inside the callback, from snapferry_new to
 *                snapferry_free. Several handles may run at once, each in a thread of its own.
 * Ownership:     what is given is copied; what is handed to the callback is a view for the call.
 * Errors:        in words, as events, and in the exit status. No text holds a secret.
 *
 * While it runs, SIGPIPE and SIGXFSZ are blocked in its thread and those it makes; no other signal, no
 * descriptor and no limit of the process is touched (512 disks want RLIMIT_NOFILE at some thousands). A
 * program that wants its memory kept from others and out of core files says so itself (prctl
 * PR_SET_DUMPABLE). After fork only exec is fine.
 */
#ifndef SNAPFERRY_H
#define SNAPFERRY_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SNAPFERRY_API __attribute__((visibility("default")))
#else
#define SNAPFERRY_API
#endif

/* Grows with each addition; what was there stays. A change that breaks callers changes the library's
 * SONAME. */
#define SNAPFERRY_API_LEVEL 1

/* ---- What a run came to ---- */
#define SNAPFERRY_DONE 0 /* every disk is complete */
#define SNAPFERRY_FAILED                                                                           \
    1 /* at least one disk failed for good; or the run itself could not go on */
#define SNAPFERRY_INVALID                                                                          \
    2 /* the job or the options are wrong: events say what; nothing was begun */
#define SNAPFERRY_STOPPED 3 /* the same job goes on from here */

struct snapferry;

struct snapferry_options {
    size_t
        size; /* sizeof (struct snapferry_options), so that it may grow: members a caller does not
                    know count as zero */
    /* Called with each event, one line of JSON without newline, NUL-terminated; bytes without the NUL. The
     * last one is the event "end". Copies wait while it works: hand on and return. */
    void (*event)(void *user, const char *line, size_t bytes);
    void *user;
    const char
        *state_folder; /* journals and what is known of targets; made, 0700. NULL: none, so after a
                                 kill only disks with a "journal" go on */
    const char *ca_file;              /* PEM; NULL: the system's */
    int allow_http;                   /* http:// also to other machines: a SAS then goes in clear */
    int restart;                      /* what an earlier process left is not gone on with */
    unsigned threads;                 /* that share the HTTP work; 0 and 1: the caller's alone */
    unsigned long renew_wait_seconds; /* how long a disk waits for renewAccess; 0: for ever */
};

/* ---- Life ---- */
/* job: JSON, job_bytes long; snapferry_run looks at it. NULL: memory ran out, there is no job, or the options
 * have no event, or a size that this library does not know. */
SNAPFERRY_API struct snapferry *snapferry_new(const struct snapferry_options *options,
                                              const char *job, size_t job_bytes);
/* NULL is fine. Not while snapferry_run works, nor while another thread is in a call with this handle. */
SNAPFERRY_API void snapferry_free(struct snapferry *handle);

/* ---- Use ---- */
/* Once. Returns what the run came to. */
SNAPFERRY_API int snapferry_run(struct snapferry *handle);
/* A command, one JSON object of at most 65536 bytes. 1: taken; the event "answer" follows, unless the run
 * ends before. 0: the run has ended, memory ran out, or 4096 commands wait. It waits for snapferry_run. */
SNAPFERRY_API int snapferry_command(struct snapferry *handle, const char *line, size_t bytes);
/* Lets what is in flight end and be recorded; then snapferry_run returns. At any time, as often as wanted;
 * not from a signal handler. */
SNAPFERRY_API void snapferry_stop(struct snapferry *handle);

/* ---- Look ---- */
SNAPFERRY_API const char *snapferry_version(void); /* "0.1.0"; static */
SNAPFERRY_API int snapferry_api_level(void);       /* SNAPFERRY_API_LEVEL of the library */

#ifdef __cplusplus
}
#endif

#endif
