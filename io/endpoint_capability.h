/* endpoint_capability.h - what an endpoint can do beside reading and writing. Included by endpoint.h.
 *
 * Knows:         names of abilities. Final after the first stat.
 * Must not know: which endpoint has which.
 */
#ifndef IO_ENDPOINT_CAPABILITY_H
#define IO_ENDPOINT_CAPABILITY_H

enum endpoint_capability {
    ENDPOINT_CAN_LIST = 1u << 0, /* knows its holes; else everything may hold data */
    ENDPOINT_CAN_DIFF = 1u << 1,
    ENDPOINT_CAN_CREATE = 1u << 2,
    ENDPOINT_CAN_RESIZE = 1u << 3,
    ENDPOINT_CAN_MARK = 1u << 4,
    ENDPOINT_CAN_SNAPSHOT = 1u << 5,
    ENDPOINT_CAN_FENCE = 1u << 6,
    ENDPOINT_DISCARDS = 1u << 7,        /* null: what is written is thrown away */
    ENDPOINT_LIMITS_REQUESTS = 1u << 8, /* a request costs as much as request_cost_bytes of data */
    ENDPOINT_CHECKS_CRC64 = 1u << 9,    /* sends or wants crc64 on blocks */
    ENDPOINT_BUFFERS = 1u << 10,        /* what is written is durable only after a flush */
    ENDPOINT_COMPARES = 1u << 11, /* nothing is changed: writes are compared (endpoint_compare.h) */
    ENDPOINT_CAN_LEASE = 1u << 12,
    ENDPOINT_KEEPS_MARKS = 1u << 13,  /* its stat tells the marker, if there is one */
    ENDPOINT_WANTS_PLAN = 1u << 14,   /* SETUP_EXPECT comes before the first write */
    ENDPOINT_LENDS = 1u << 15,        /* as a source: a target's own service may read it */
    ENDPOINT_CAN_PULL = 1u << 16,     /* as a target: it reads from a source that lends */
    ENDPOINT_TAKES_ZEROS = 1u << 17,  /* of a write, what of it is zero may be named */
    ENDPOINT_KNOWS_RESULT = 1u << 18, /* a source that SETUP_AGREE asks before the commit */
    ENDPOINT_IS_SNAPSHOT = 1u << 19,  /* its identity names one moment of a disk, for good */
    ENDPOINT_CAN_REMOVE = 1u << 20
};

#endif
