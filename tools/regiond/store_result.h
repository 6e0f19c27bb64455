/* store_result.h - every outcome a verb of the store may have.
 *
 * Knows:         what can be wrong. In comments: how the service words it, for who maps it.
 * Must not know: HTTP.
 * Threads:       a value.
 */
#ifndef REGIOND_STORE_RESULT_H
#define REGIOND_STORE_RESULT_H

enum store_result {
    STORE_OK,
    STORE_CONTAINER_NOT_FOUND,
    STORE_CONTAINER_EXISTS,
    STORE_BLOB_NOT_FOUND,     /* the base, or the snapshot's base */
    STORE_BLOB_EXISTS,        /* create with If-None-Match: * on an existing blob */
    STORE_SNAPSHOT_NOT_FOUND, /* of the key's snapshot (the service answers 404 BlobNotFound) */
    STORE_SNAPSHOTS_PRESENT,  /* delete or change of kind while snapshots exist */
    STORE_SNAPSHOT_LIMIT,
    STORE_PREVIOUS_NOT_FOUND, /* diff: 409 PreviousSnapshotNotFound */
    STORE_PREVIOUS_NEWER,     /* diff: 400 PreviousSnapshotCannotBeNewer */
    STORE_OVERWRITTEN,        /* diff: 409 BlobOverwritten */
    STORE_INVALID_BLOB_TYPE,
    STORE_INVALID_PAGE_RANGE,     /* misaligned, empty, or past the end: 416 */
    STORE_INVALID_RANGE,          /* a read that begins at or past the end: 416 */
    STORE_INVALID_SIZE,           /* misaligned or above the maximum */
    STORE_INVALID_VALUE,          /* a name, pair, policy or duration outside its limits: 400 */
    STORE_POLICY_LIMIT,           /* more than five policies */
    STORE_BLOB_LIMIT,             /* the store is full of blobs */
    STORE_CONDITION_NOT_MET,      /* If-Match and friends: 412 */
    STORE_NOT_MODIFIED,           /* a read whose If-None-Match / If-Modified-Since says so: 304 */
    STORE_SEQUENCE_NOT_MET,       /* 412 SequenceNumberConditionNotMet */
    STORE_SEQUENCE_TOO_LARGE,     /* 409 SequenceNumberIncrementTooLarge: above 2^63-1 */
    STORE_LEASE_ID_MISSING,       /* 412 LeaseIdMissing */
    STORE_LEASE_MISMATCH_BLOB,    /* 412 LeaseIdMismatchWithBlobOperation */
    STORE_LEASE_NOT_PRESENT_BLOB, /* 412 LeaseNotPresentWithBlobOperation */
    STORE_LEASE_LOST,             /* 412 LeaseLost: the id given has expired or was broken */
    STORE_LEASE_MISMATCH,         /* 409 LeaseIdMismatchWithLeaseOperation */
    STORE_LEASE_NOT_PRESENT,      /* 409 LeaseNotPresentWithLeaseOperation */
    STORE_LEASE_ALREADY_PRESENT,  /* 409 LeaseAlreadyPresent */
    STORE_LEASE_BREAKING_NO_ACQUIRE, /* 409 LeaseIsBreakingAndCannotBeAcquired */
    STORE_LEASE_BREAKING_NO_CHANGE,  /* 409 LeaseIsBreakingAndCannotBeChanged */
    STORE_LEASE_BROKEN_NO_RENEW,     /* 409 LeaseIsBrokenAndCannotBeRenewed */
    STORE_FULL,                      /* no space, or a file-size limit of the disk under us */
    STORE_IO,                        /* anything else the kernel refuses, memory included */
};

#endif
