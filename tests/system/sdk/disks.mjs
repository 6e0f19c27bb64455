// disks.mjs - md- hosts by the official SDK: what a managed disk's SAS may do and may not.
import { generateBlobSASQueryParameters } from "@azure/storage-blob";
import { check, equal, refused, sameBytes, truth } from "./check.mjs";
import {
    DISK,
    MIB,
    UPLOAD_DISK,
    URL_ONE,
    credential,
    disk,
    entries,
    pageBlob,
    pattern,
    read,
    sasUrl,
    service,
    write,
} from "./region.mjs";

const MISMATCH = "AuthorizationPermissionMismatch";

// The account's key plays the platform: it makes the disk, its snapshots and its access policies.
async function grant(blob, permissions) {
    const parent = service(URL_ONE, blob.accountName).getContainerClient(blob.containerName);
    const expiresOn = new Date(Date.now() + 3600e3);
    await parent.setAccessPolicy(undefined, [
        { id: "grant", accessPolicy: { expiresOn, permissions } },
    ]);
}

function granted(blob, version, snapshotTime) {
    const parameters = generateBlobSASQueryParameters(
        {
            containerName: blob.containerName,
            blobName: blob.name,
            identifier: "grant",
            snapshotTime,
            version,
        },
        credential(blob.accountName),
    );
    return pageBlob(sasUrl(snapshotTime ? blob.withSnapshot(snapshotTime) : blob, parameters));
}

async function exported() {
    const blob = await disk(MIB + 512, "abcd", URL_ONE, DISK);
    await write(blob, 0, pattern(4096));
    await write(blob, MIB, pattern(512, 2));
    await grant(blob, "r");
    const client = granted(blob, "2018-03-28");
    truth(
        /sr=b&/.test(client.url) && /si=grant/.test(client.url) && !/se=/.test(client.url),
        "its shape",
    );
    equal((await client.getProperties()).contentLength, MIB + 512, "HEAD");
    sameBytes((await read(client, 0, 4096)).bytes, pattern(4096), "ranged GET");
    equal((await entries(client.listPageRanges())).length, 2, "ranges");
    await refused(403, MISMATCH, write(client, 0, pattern(512)));
    await refused(403, MISMATCH, client.clearPages(0, 512));
    await refused(403, MISMATCH, client.createSnapshot());
    await refused(403, MISMATCH, client.setMetadata({ a: "1" }));
    await refused(403, MISMATCH, client.delete());
}

async function conditions() {
    const blob = await disk(MIB, "abcd", URL_ONE, DISK);
    const { etag } = await blob.getProperties();
    await grant(blob, "r");
    const client = granted(blob, "2018-11-09");
    const refusal = "ConditionHeadersNotSupported";
    await refused(400, refusal, read(client, 0, 512, { conditions: { ifMatch: etag } }));
    const since = { conditions: { ifModifiedSince: new Date(0) } };
    await refused(400, refusal, read(client, 0, 512, since));
}

async function difference() {
    const blob = await disk(MIB, "abcd", URL_ONE, DISK);
    await write(blob, 0, pattern(8192, 1));
    const one = (await blob.createSnapshot()).snapshot;
    await write(blob, 512, pattern(512, 2));
    await blob.clearPages(2048, 512);
    await write(blob, 4096, pattern(512, 3));
    const two = (await blob.createSnapshot()).snapshot;
    await grant(blob, "r");
    const newer = granted(blob, "2018-11-09", two);
    const older = granted(blob, "2018-11-09", one);
    truth(/sr=bs/.test(newer.url) && /snapshot=/.test(newer.url), "its shape");
    const answer = await newer.getPageRangesDiffForManagedDisks(0, MIB, older.url);
    equal(
        answer.pageRange.map((r) => r.offset),
        [512, 4096],
        "changed",
    );
    equal(
        answer.clearRange.map((r) => r.offset),
        [2048],
        "cleared",
    );
    equal(answer.blobContentLength, MIB, "the newer snapshot's size");
    const forged = older.url.replace(/sig=../, "sig=AA");
    await refused(
        403,
        "AuthenticationFailed",
        newer.getPageRangesDiffForManagedDisks(0, MIB, forged),
    );
    const wrongOrder = older.getPageRangesDiffForManagedDisks(0, MIB, newer.url);
    await refused(400, "PreviousSnapshotCannotBeNewer", wrongOrder);
    const other = await disk(MIB, "efgh", URL_ONE, DISK);
    await grant(other, "r");
    const stranger = granted(other, "2018-11-09", (await other.createSnapshot()).snapshot);
    const family = newer.getPageRangesDiffForManagedDisks(0, MIB, stranger.url);
    await refused(409, "PreviousSnapshotNotFound", family);
}

async function uploaded() {
    const blob = await disk(MIB + 512, "abcd", URL_ONE, UPLOAD_DISK);
    await grant(blob, "rw");
    const client = granted(blob, "2017-04-17");
    const bytes = pattern(65536);
    await write(client, 0, bytes);
    await client.clearPages(4096, 4096);
    equal((await client.getProperties()).contentLength, MIB + 512, "HEAD");
    const ranges = await entries(client.listPageRanges());
    equal(
        ranges,
        [
            ["data", 0, 4095],
            ["data", 8192, 65535],
        ],
        "ranges",
    );
    await refused(403, MISMATCH, client.create(MIB));
    await refused(403, MISMATCH, client.resize(2 * MIB));
    await refused(403, MISMATCH, client.createSnapshot());
    await refused(403, MISMATCH, client.setMetadata({ a: "1" }));
    await refused(403, MISMATCH, client.setHTTPHeaders({ blobContentType: "x/y" }));
    await refused(403, MISMATCH, client.getBlobLeaseClient().acquireLease(15));
    await refused(403, MISMATCH, client.delete());
}

async function revoked() {
    const blob = await disk(MIB, "abcd", URL_ONE, DISK);
    await grant(blob, "r");
    const client = granted(blob, "2018-03-28");
    await client.getProperties();
    await service(URL_ONE, DISK)
        .getContainerClient(blob.containerName)
        .setAccessPolicy(undefined, []);
    await refused(403, "AuthenticationFailed", client.getProperties());
    await grant(blob, "r");
    await client.getProperties();
}

export async function disks() {
    await check("an exported disk is read and nothing else", exported);
    await check("a disk's host takes no condition", conditions);
    await check("a disk's diff takes the older URL, and both must be good", difference);
    await check("an upload disk is written and nothing else", uploaded);
    await check("access to a disk ends when its policy goes, and comes back with it", revoked);
}
