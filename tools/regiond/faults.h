/* faults.h - a seeded script of what goes wrong: which requests, and how.
 *
 * Knows:         rules over facts of a request, counts, a pseudo-random draw; faults.md's JSON.
 * Must not know: HTTP servers, sockets, how a fault is brought about (call_fault.c does that).
 * Threads:       any; one lock inside. A draw depends on the seed, the rule and its match's number
 *                only: the same requests in the same order meet the same faults, every time.
 */
#ifndef REGIOND_FAULTS_H
#define REGIOND_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULT_FILE_MAX_BYTES  (256u << 10)
#define FAULT_RULE_MAX_COUNT  64u
#define FAULT_NAME_MAX_BYTES  48u
#define FAULT_CODE_MAX_BYTES  72u
#define FAULT_NTH_MAX_COUNT   64u
#define FAULT_TIME_MAX_MS     3600000u
#define FAULT_RANGE_MAX_COUNT (1u << 20) /* ranges remembered by all rules with "timesPerRange" */

enum fault_kind {
    FAULT_STATUS,        /* answers status and code, the verb does not run */
    FAULT_RESET,         /* resets the connection, the verb does not run */
    FAULT_LOST_ANSWER,   /* the verb runs, then the connection is reset */
    FAULT_LATE,          /* answers 500 OperationTimedOut, the verb runs delay_ms later */
    FAULT_RESET_BODY,    /* resets after after_bytes of the answer's body */
    FAULT_CLOSE_BODY,    /* closes in order after after_bytes of the body */
    FAULT_SHORT_BODY,    /* well framed, but after_bytes shorter than its Content-Range says */
    FAULT_DRIP,          /* the body leaves at bytes_per_second */
    FAULT_STALL,         /* after after_bytes of the body nothing for delay_ms */
    FAULT_DELAY,         /* the answer, whole, waits delay_ms */
    FAULT_CORRUPT_BODY,  /* one bit of the body is wrong; length and checksums are the right ones */
    FAULT_CONTENT_RANGE, /* Content-Range is a page off */
    FAULT_LIST_DUPLICATE,  /* a range list names one of its entries twice */
    FAULT_LIST_REORDER,    /* ... has two neighbours in the wrong order */
    FAULT_LIST_DROP,       /* ... leaves one of its entries out: valid, and a lie */
    FAULT_LIST_BEYOND_END, /* ... names a page beyond the blob's end */
    FAULT_LIST_TRUNCATE,   /* ... ends in the middle, well framed */
    FAULT_LIST_MARKER,     /* ... ends with the marker of the request: the same page for ever */
    FAULT_LIST_SHORT,      /* ... ends earlier than asked, with a marker, as a service may */
    FAULT_LIST_SWAP,       /* ... is the page after the one asked for, which comes after it */
    FAULT_RESET_REQUEST,   /* resets after after_bytes of the request's body */
    FAULT_CORRUPT_REQUEST, /* one bit of the request's body was damaged on its way */
    FAULT_CORRUPT_STORED,  /* ... and nobody compares it with its checksum: it is stored so */
    FAULT_CHANGE_BLOB,     /* somebody else changes the blob first: it has another ETag */
    FAULT_KINDS
};

/* Of the request; borrowed for the call. */
struct fault_facts {
    const char *method;
    const char *verb; /* as regiond --verbs names it; "" when there is none */
    const char *comp; /* "" when there is none */
    const char *account;
    const char *container;
    const char *blob;
    const char *snapshot; /* "" for the base */
    bool has_range;
    uint64_t range_offset;
    uint64_t range_bytes;
};

struct fault {
    enum fault_kind kind;
    char name[FAULT_NAME_MAX_BYTES]; /* of the rule; what the request log says */
    unsigned status;
    char code[FAULT_CODE_MAX_BYTES];
    char retry_after[16]; /* value of the header; "" for none */
    char entries[8];      /* a list's page has at most so many; "" as many as asked for */
    uint64_t after_bytes;
    uint64_t bytes_per_second;
    uint32_t delay_ms;
    uint64_t draw; /* random: which byte is wrong, which entry is doubled */
};

struct fault_plan;

/* ---- Life ---- */
struct fault_plan *fault_plan_parse(const char *json, size_t n, char *out_text, size_t text_bytes);
struct fault_plan *fault_plan_load(const char *path, char *out_text, size_t text_bytes);
void fault_plan_free(struct fault_plan *plan); /* NULL is fine */

/* ---- Use ---- */

/* Asked once a request. True: *out is what goes wrong with this one. */
bool fault_plan_next(struct fault_plan *plan, const struct fault_facts *facts, struct fault *out);

/* ---- Look ---- */
const char *fault_kind_name(enum fault_kind kind);     /* static text, as in the script */
uint64_t fault_plan_injected(struct fault_plan *plan); /* how many so far */

#endif
