// from_url.mjs - Put Page From URL by the official SDK: between blobs, snapshots and regions.
import { BlobSASPermissions, generateBlobSASQueryParameters } from "@azure/storage-blob";
import { check, equal, refused, sameBytes, truth } from "./check.mjs";
import {
    MIB,
    URL_TWO,
    crc64,
    credential,
    disk,
    md5,
    pattern,
    read,
    sasUrl,
    write,
} from "./region.mjs";

function readable(blob, snapshotTime) {
    const parameters = generateBlobSASQueryParameters(
        {
            containerName: blob.containerName,
            blobName: blob.name,
            snapshotTime,
            permissions: BlobSASPermissions.parse("r"),
            expiresOn: new Date(Date.now() + 3600e3),
        },
        credential(),
    );
    return sasUrl(snapshotTime ? blob.withSnapshot(snapshotTime) : blob, parameters);
}

async function copies() {
    const source = await disk(8 * MIB);
    const bytes = pattern(4 * MIB);
    await write(source, 4 * MIB, bytes);
    for (const url of [undefined, URL_TWO]) {
        const target = await disk(16 * MIB, "target.vhd", url);
        const done = await target.uploadPagesFromURL(readable(source), 4 * MIB, 8 * MIB, 4 * MIB);
        const where = url ? "into another region" : "in the region";
        truth(done.xMsContentCrc64, `CRC64 ${where}`);
        sameBytes((await read(target, 8 * MIB, 4 * MIB)).bytes, bytes, where);
        sameBytes(
            (await read(target, 0, 8 * MIB)).bytes,
            Buffer.alloc(8 * MIB),
            "the rest is zero",
        );
    }
}

async function snapshotSource() {
    const source = await disk(MIB);
    await write(source, 0, pattern(512, 1));
    const time = (await source.createSnapshot()).snapshot;
    await write(source, 0, pattern(512, 2));
    const target = await disk(MIB);
    await target.uploadPagesFromURL(readable(source, time), 0, 512, 512);
    sameBytes((await read(target, 512, 512)).bytes, pattern(512, 1), "the snapshot's bytes");
}

async function checked() {
    const source = await disk(MIB);
    const bytes = pattern(4096);
    await write(source, 0, bytes);
    const target = await disk(MIB);
    const put = (options) => target.uploadPagesFromURL(readable(source), 0, 0, 4096, options);
    await put({ sourceContentMD5: md5(bytes) });
    const answer = await put({ sourceContentCrc64: crc64(bytes) });
    sameBytes(Buffer.from(answer.xMsContentCrc64), crc64(bytes), "CRC64 answered");
    const other = pattern(4096, 9);
    await target.clearPages(0, 4096);
    await refused(400, "Md5Mismatch", put({ sourceContentMD5: md5(other) }));
    await refused(400, "Crc64Mismatch", put({ sourceContentCrc64: crc64(other) }));
    sameBytes((await read(target, 0, 4096)).bytes, Buffer.alloc(4096), "nothing written");
}

async function conditional() {
    const source = await disk(MIB);
    const { etag } = await write(source, 0, pattern(512));
    const target = await disk(MIB);
    const put = (options) => target.uploadPagesFromURL(readable(source), 0, 0, 512, options);
    await put({ sourceConditions: { ifMatch: etag } });
    await refused(412, "SourceConditionNotMet", put({ sourceConditions: { ifMatch: '"0x1"' } }));
    await refused(412, "SourceConditionNotMet", put({ sourceConditions: { ifNoneMatch: etag } }));
    await refused(412, "ConditionNotMet", put({ conditions: { ifMatch: '"0x1"' } }));
}

async function refusals() {
    const source = await disk(8 * MIB);
    const target = await disk(8 * MIB);
    const put = (url, bytes = 512, offset = 0) => target.uploadPagesFromURL(url, offset, 0, bytes);
    const code = "CannotVerifyCopySource";
    const nobody = await refused(403, code, put(source.url));
    equal(
        nobody.response?.headers.get("x-ms-copy-source-status-code"),
        "401",
        "the source's status",
    );
    equal(
        nobody.response?.headers.get("x-ms-copy-source-error-code"),
        "NoAuthenticationInformation",
    );
    const forged = readable(source).replace(/sig=../, "sig=AA");
    const bad = await refused(403, code, put(forged));
    equal(bad.response?.headers.get("x-ms-copy-source-error-code"), "AuthenticationFailed");
    truth(
        !JSON.stringify(bad.details).includes(new URL(forged).searchParams.get("sig")),
        "no signature told",
    );
    const gone = readable(source);
    await source.delete();
    const absent = await refused(404, code, put(gone));
    equal(absent.response?.headers.get("x-ms-copy-source-error-code"), "BlobNotFound");
    await refused(413, "RequestBodyTooLarge", put(gone, 4 * MIB + 512));
    await refused(500, code, put("http://127.0.0.1:1/account/c/b?sig=x"));
    await refused(400, "InvalidHeaderValue", put("ftp://127.0.0.1/account/c/b"));
    const small = await disk(MIB);
    await refused(416, "InvalidRange", put(readable(small), 4096, MIB - 512));
    await refused(416, "InvalidRange", put(readable(small), 512, MIB));
}

export async function fromUrl() {
    await check("a range is copied from a URL, in the region and into another", copies);
    await check("a snapshot is a source", snapshotSource);
    await check("MD5 and CRC64 of the source are checked", checked);
    await check("conditions on the source and on the target are told apart", conditional);
    await check("a source that refuses, is gone or is too small is told by name", refusals);
}
