// pages.mjs - page blobs: writing, reading, checksums, conditions, properties, leases.
import { check, equal, refused, sameBytes, truth } from "./check.mjs";
import { MIB, PAGE, container, crc64, disk, md5, pattern, read, write } from "./region.mjs";

async function creation() {
    const client = await container();
    const blob = client.getPageBlobClient("disk.vhd");
    await refused(404, "BlobNotFound", blob.getProperties());
    const made = await blob.create(1024 * MIB, {
        blobSequenceNumber: 5,
        metadata: { snapferry_state: "copying", snapferry_copy: "x", a_b: "c" },
        blobHTTPHeaders: { blobContentType: "application/x-disk", blobCacheControl: "no-cache" },
    });
    const got = await blob.getProperties();
    equal(got.etag, made.etag, "ETag");
    equal([got.blobType, got.contentLength, got.blobSequenceNumber], ["PageBlob", 1024 * MIB, 5]);
    equal([got.contentType, got.cacheControl], ["application/x-disk", "no-cache"]);
    equal(got.metadata, { snapferry_state: "copying", snapferry_copy: "x", a_b: "c" });
    const absent = { conditions: { ifNoneMatch: "*" } };
    await refused(409, "BlobAlreadyExists", blob.create(1024, absent));
    await refused(400, "InvalidHeaderValue", client.getPageBlobClient("b").create(1000));
    await refused(400, "InvalidHeaderValue", client.getPageBlobClient("b").create(2 ** 43 + PAGE));
    await client.getPageBlobClient("largest").create(2 ** 43);
}

async function writing() {
    const blob = await disk(16 * MIB);
    const before = (await blob.getProperties()).etag;
    const bytes = pattern(8192);
    const plain = await write(blob, 512, bytes);
    truth(plain.etag !== before, "a new ETag");
    sameBytes(Buffer.from(plain.xMsContentCrc64), crc64(bytes), "CRC64 without being asked");
    const byMd5 = await write(blob, MIB, bytes, { transactionalContentMD5: md5(bytes) });
    sameBytes(Buffer.from(byMd5.contentMD5), md5(bytes), "MD5 answered");
    const byCrc = await write(blob, 2 * MIB, bytes, { transactionalContentCrc64: crc64(bytes) });
    sameBytes(Buffer.from(byCrc.xMsContentCrc64), crc64(bytes), "CRC64 answered");
    for (const offset of [512, MIB, 2 * MIB]) {
        sameBytes((await read(blob, offset, bytes.length)).bytes, bytes, `at ${offset}`);
    }
    const largest = pattern(4 * MIB, 3);
    await write(blob, 8 * MIB, largest);
    sameBytes((await read(blob, 8 * MIB, 4 * MIB)).bytes, largest, "4 MiB");
}

async function badWrites() {
    const blob = await disk(16 * MIB);
    const bytes = pattern(1024);
    const other = pattern(1024, 2);
    const crc = { transactionalContentCrc64: crc64(other) };
    await refused(
        400,
        "Md5Mismatch",
        write(blob, 0, bytes, { transactionalContentMD5: md5(other) }),
    );
    await refused(400, "Crc64Mismatch", write(blob, 0, bytes, crc));
    await refused(416, "InvalidPageRange", write(blob, 100, bytes));
    await refused(416, "InvalidPageRange", write(blob, 16 * MIB - 512, bytes));
    await refused(416, "InvalidPageRange", write(blob, 32 * MIB, bytes));
    await refused(413, "RequestBodyTooLarge", write(blob, 0, pattern(4 * MIB + 512)));
    sameBytes((await read(blob, 0, 16 * MIB)).bytes, Buffer.alloc(16 * MIB), "nothing written");
}

async function reading() {
    const blob = await disk(8 * MIB);
    const bytes = pattern(4096);
    await write(blob, 4096, bytes);
    const asked = await read(blob, 4096, 4096, { rangeGetContentMD5: true });
    sameBytes(Buffer.from(asked.contentMD5), md5(bytes), "range MD5");
    equal(asked.contentRange, `bytes 4096-8191/${8 * MIB}`, "Content-Range");
    const crc = await read(blob, 4096, 4096, { rangeGetContentCrc64: true });
    sameBytes(Buffer.from(crc.contentCrc64), crc64(bytes), "range CRC64");
    const past = await read(blob, 8 * MIB - 512, 4096);
    equal(past.bytes.length, 512, "an end past the blob's is cut");
    await refused(416, "InvalidRange", read(blob, 8 * MIB, 512));
    const both = { rangeGetContentMD5: true, rangeGetContentCrc64: true };
    await refused(400, "InvalidHeaderValue", read(blob, 0, 512, both).catch(asServiceError));
    const tooMuch = read(blob, 0, 4 * MIB + 512, { rangeGetContentMD5: true });
    await refused(400, "InvalidHeaderValue", tooMuch);
    const whole = await blob.downloadToBuffer();
    const expected = Buffer.alloc(8 * MIB);
    bytes.copy(expected, 4096);
    sameBytes(whole, expected, "downloadToBuffer");
}

// The SDK itself refuses both checksums at once, before it asks anybody.
function asServiceError(error) {
    if (
        error.statusCode === undefined &&
        /cannot be set to true simultaneously/.test(error.message)
    ) {
        error.statusCode = 400;
        error.code = "InvalidHeaderValue";
    }
    throw error;
}

async function clearing() {
    const blob = await disk(MIB);
    await write(blob, 0, pattern(65536));
    await blob.clearPages(4096, 8192);
    const expected = pattern(65536);
    expected.fill(0, 4096, 4096 + 8192);
    sameBytes((await read(blob, 0, 65536)).bytes, expected, "after the clear");
    await blob.clearPages(0, MIB);
    sameBytes((await read(blob, 0, MIB)).bytes, Buffer.alloc(MIB), "after the large clear");
    await refused(416, "InvalidPageRange", blob.clearPages(0, 2 * MIB));
}

async function resizing() {
    const blob = await disk(64 * 1024);
    const bytes = pattern(64 * 1024);
    await write(blob, 0, bytes);
    await blob.resize(32 * 1024);
    equal((await blob.getProperties()).contentLength, 32 * 1024, "smaller");
    await blob.resize(128 * 1024);
    const expected = Buffer.alloc(128 * 1024);
    bytes.copy(expected, 0, 0, 32 * 1024);
    sameBytes((await read(blob)).bytes, expected, "what was past the end is gone");
    await refused(400, "InvalidHeaderValue", blob.resize(1000));
}

async function sequenceNumbers() {
    const blob = await disk(MIB);
    equal((await blob.updateSequenceNumber("update", 10)).blobSequenceNumber, 10);
    equal((await blob.updateSequenceNumber("max", 7)).blobSequenceNumber, 10);
    equal((await blob.updateSequenceNumber("increment")).blobSequenceNumber, 11);
    const bytes = pattern(512);
    const when = (conditions) => write(blob, 0, bytes, { conditions });
    await when({ ifSequenceNumberEqualTo: 11 });
    await when({ ifSequenceNumberLessThan: 12 });
    await when({ ifSequenceNumberLessThanOrEqualTo: 11 });
    await refused(412, "SequenceNumberConditionNotMet", when({ ifSequenceNumberEqualTo: 10 }));
    await refused(412, "SequenceNumberConditionNotMet", when({ ifSequenceNumberLessThan: 11 }));
    const late = { conditions: { ifSequenceNumberLessThanOrEqualTo: 10 } };
    await refused(412, "SequenceNumberConditionNotMet", blob.clearPages(0, 512, late));
}

async function conditions() {
    const blob = await disk(MIB);
    const { etag, lastModified } = await write(blob, 0, pattern(512));
    const bytes = pattern(512, 2);
    await refused(
        412,
        "ConditionNotMet",
        write(blob, 0, bytes, { conditions: { ifMatch: '"0x1"' } }),
    );
    await refused(
        412,
        "ConditionNotMet",
        write(blob, 0, bytes, { conditions: { ifNoneMatch: etag } }),
    );
    const hourBefore = new Date(lastModified.getTime() - 3600e3);
    const old = { conditions: { ifUnmodifiedSince: hourBefore } };
    await refused(412, "ConditionNotMet", write(blob, 0, bytes, old));
    await refused(412, "ConditionNotMet", read(blob, 0, 512, { conditions: { ifMatch: '"0x1"' } }));
    sameBytes((await read(blob, 0, 512, { conditions: { ifMatch: etag } })).bytes, pattern(512));
    const replaced = await write(blob, 0, bytes, { conditions: { ifMatch: etag } });
    await refused(
        412,
        "ConditionNotMet",
        blob.setMetadata({ a: "1" }, { conditions: { ifMatch: etag } }),
    );
    await blob.setMetadata({ a: "1" }, { conditions: { ifMatch: replaced.etag } });
    equal((await blob.getProperties()).metadata, { a: "1" }, "metadata");
}

async function leases() {
    const blob = await disk(MIB);
    const lease = blob.getBlobLeaseClient();
    const { leaseId } = await lease.acquireLease(60);
    const got = await blob.getProperties();
    equal([got.leaseState, got.leaseStatus, got.leaseDuration], ["leased", "locked", "fixed"]);
    const bytes = pattern(512);
    await refused(412, "LeaseIdMissing", write(blob, 0, bytes));
    const wrong = { conditions: { leaseId: "00000000-0000-0000-0000-000000000001" } };
    await refused(412, "LeaseIdMismatchWithBlobOperation", write(blob, 0, bytes, wrong));
    await write(blob, 0, bytes, { conditions: { leaseId } });
    await refused(409, "LeaseAlreadyPresent", blob.getBlobLeaseClient().acquireLease(15));
    await lease.renewLease();
    const next = "11111111-2222-3333-4444-555555555555";
    equal((await lease.changeLease(next)).leaseId, next, "changed");
    await lease.releaseLease();
    await write(blob, 0, bytes);
    await blob.getBlobLeaseClient().acquireLease(-1);
    equal((await blob.getProperties()).leaseDuration, "infinite");
    equal((await blob.getBlobLeaseClient().breakLease(0)).leaseTime, 0, "broken at once");
    equal((await blob.getProperties()).leaseState, "broken");
    await write(blob, 0, bytes);
}

async function properties() {
    const blob = await disk(MIB);
    await blob.setHTTPHeaders({ blobContentType: "text/x-other", blobContentLanguage: "de" });
    const got = await blob.getProperties();
    equal([got.contentType, got.contentLanguage, got.contentLength], ["text/x-other", "de", MIB]);
    await blob.setMetadata({ One: "1", two_2: "zwei" });
    equal(Object.entries((await blob.getProperties()).metadata).sort(), [
        ["one", "1"],
        ["two_2", "zwei"],
    ]);
    await blob.setMetadata({});
    equal((await blob.getProperties()).metadata, {}, "no metadata");
    await blob.delete();
    await refused(404, "BlobNotFound", blob.delete());
}

export async function pages() {
    await check("a page blob is created as it is asked, once", creation);
    await check("pages are written, with MD5, with CRC64, and checked unasked", writing);
    await check("wrong checksums, ranges and sizes are refused and write nothing", badWrites);
    await check("ranges are read with their checksums", reading);
    await check("clears of any length make zeros", clearing);
    await check("a resize drops what is past the end for good", resizing);
    await check("sequence numbers move and guard", sequenceNumbers);
    await check("ETags and times guard reads, writes and metadata", conditions);
    await check("a lease guards a blob", leases);
    await check("properties and metadata are replaced", properties);
}
