// region.mjs - clients of the regions under test, and what every check needs of them.
import { createHash } from "node:crypto";
import { BlobServiceClient, PageBlobClient, StorageSharedKeyCredential } from "@azure/storage-blob";

export const KEY = process.env.REGION_KEY;
export const URL_ONE = process.env.REGION_URL;
export const URL_TWO = process.env.REGION_URL_2;
export const ACCOUNT = "devstoreaccount1";
export const DISK = "md-0123456789ab";
export const UPLOAD_DISK = "md-impexp-0123456789ab";
export const PAGE = 512;
export const MIB = 1 << 20;

const once = { retryOptions: { maxTries: 1 } };

export function credential(account = ACCOUNT) {
    return new StorageSharedKeyCredential(account, KEY);
}

export function service(url = URL_ONE, account = ACCOUNT) {
    return new BlobServiceClient(`${url}/${account}`, credential(account), once);
}

export function pageBlob(url) {
    return new PageBlobClient(url, undefined, once); // a SAS, or nobody
}

let named = 0;
// A container of its own for each check, so that none depends on another.
export async function container(url = URL_ONE, account = ACCOUNT) {
    const client = service(url, account).getContainerClient(`check-${process.pid}-${++named}`);
    await client.create();
    return client;
}

export async function disk(bytes, name = "disk.vhd", url = URL_ONE, account = ACCOUNT) {
    const blob = (await container(url, account)).getPageBlobClient(name);
    await blob.create(bytes);
    return blob;
}

// Bytes that look random, the same for the same seed.
export function pattern(bytes, seed = 1) {
    const out = Buffer.alloc(bytes);
    let x = (seed * 2654435761) >>> 0 || 1;
    for (let i = 0; i + 4 <= bytes; i += 4) {
        x ^= (x << 13) >>> 0;
        x >>>= 0;
        x ^= x >>> 17;
        x ^= (x << 5) >>> 0;
        x >>>= 0;
        out.writeUInt32LE(x, i);
    }
    return out;
}

export function md5(bytes) {
    return createHash("md5").update(bytes).digest();
}

// The service's CRC64 (protocol A.11), bit by bit: the slow way, shared with nobody.
export function crc64(bytes) {
    const poly = 0x9a6c9329ac4bc9b5n;
    let crc = 0xffffffffffffffffn;
    for (const byte of bytes) {
        crc ^= BigInt(byte);
        for (let k = 0; k < 8; k++) crc = crc & 1n ? (crc >> 1n) ^ poly : crc >> 1n;
    }
    const out = Buffer.alloc(8);
    out.writeBigUInt64LE(crc ^ 0xffffffffffffffffn);
    return out;
}

export async function write(blob, offset, bytes, options) {
    return blob.uploadPages(bytes, offset, bytes.length, options);
}

export async function read(blob, offset = 0, count = undefined, options = undefined) {
    const answer = await blob.download(offset, count, options);
    const parts = [];
    for await (const part of answer.readableStreamBody) parts.push(part);
    answer.bytes = Buffer.concat(parts);
    return answer;
}

// Every entry of a range list: ["data" | "clear", start, end inclusive].
export async function entries(iterator) {
    const out = [];
    for await (const entry of iterator) {
        out.push([entry.isClear ? "clear" : "data", entry.start, entry.end]);
    }
    return out;
}

export function sasUrl(blob, parameters) {
    const url = new URL(blob.url);
    const had = url.search.replace(/^\?/, "");
    return `${url.origin}${url.pathname}?${[had, parameters.toString()].filter(Boolean).join("&")}`;
}
