// traffic_disk.mjs COMMAND... - a disk whose every page is known, made and listed by plain requests.
//   make              writes it      change  the second state of it: see below
//   list FILE [TIME]  its range list, or what changed since the snapshot TIME, as JSON into FILE
// Environment: DISK, its SAS URL (a secret, never printed), of a snapshot for list.
import { writeFileSync } from "node:fs";

const MIB = 1 << 20;
const PAGE = 512;
export const DISK_BYTES = 32 * MIB;
export const ZEROS = [24 * MIB, MIB]; // allocated, but zero except for LONE
export const LONE = [24 * MIB + 4096 * 10, PAGE];
export const NEW_ZEROS = [3 * MIB + 8192, 8192]; // written as zeros by the change

function noise(bytes, seed) {
    const out = Buffer.alloc(bytes);
    for (let i = 0, x = seed * 2654435761; i < bytes; i += 4) {
        x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
        out.writeUInt32LE((x | 1) >>> 0, i);
    }
    return out;
}

async function ask(url, method, headers, body) {
    headers["x-ms-version"] = "2021-12-02";
    const answer = await fetch(url, { method, headers, body });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${answer.status}`);
    return text;
}
const disk = () => process.env.DISK;
const range = (offset, bytes) => `bytes=${offset}-${offset + bytes - 1}`;
const write = (offset, bytes) =>
    ask(`${disk()}&comp=page`, "PUT",
        { "x-ms-page-write": "update", "x-ms-range": range(offset, bytes.length) }, bytes);
const clear = (offset, bytes) =>
    ask(`${disk()}&comp=page`, "PUT",
        { "x-ms-page-write": "clear", "x-ms-range": range(offset, bytes) });

function footer() {
    const page = Buffer.alloc(PAGE);
    page.write("conectix", 0, "latin1");
    page.writeUInt32BE(2, 8);
    page.writeUInt32BE(0x10000, 12);
    page.fill(0xff, 16, 24);
    page.writeBigUInt64BE(BigInt(DISK_BYTES), 40);
    page.writeBigUInt64BE(BigInt(DISK_BYTES), 48);
    page.writeUInt32BE(2, 60);
    page.writeUInt32BE(~page.reduce((sum, byte) => sum + byte, 0) >>> 0, 64);
    return page;
}

async function make() {
    await ask(disk(), "PUT", {
        "x-ms-blob-type": "PageBlob",
        "x-ms-blob-content-length": `${DISK_BYTES + PAGE}`,
    });
    await write(0, noise(4 * MIB, 1)); // six MiB, across a 4 MiB boundary
    await write(4 * MIB, noise(2 * MIB, 2));
    for (let i = 0; i < 40; i++) await write(8 * MIB + i * 262144, noise(3 * PAGE, 10 + i));
    for (let i = 0; i < 20; i++) await write(20 * MIB + i * 65536, noise(2 * PAGE, 60 + i));
    await write(ZEROS[0], Buffer.alloc(ZEROS[1]));
    await write(LONE[0], noise(LONE[1], 90));
    await write(DISK_BYTES, footer());
}

async function change() {
    await write(100 * PAGE, noise(5 * PAGE, 101));
    await write(140 * PAGE, noise(3 * PAGE, 102)); // 35 unchanged pages between them
    await clear(MIB, MIB);
    await clear(20 * MIB + 65536, 2 * PAGE);
    await write(20 * MIB + 2 * 65536, noise(2 * PAGE, 103)); // near the last clear
    await write(20 * MIB + 3 * 65536, noise(2 * PAGE, 104)); // with a hole between
    await write(28 * MIB, noise(65536, 105)); // in what was a hole
    await write(NEW_ZEROS[0], Buffer.alloc(NEW_ZEROS[1]));
}

async function list(file, since) {
    const more = since ? `&prevsnapshot=${encodeURIComponent(since)}` : "";
    const text = await ask(`${disk()}&comp=pagelist${more}`, "GET", {});
    const found = { data: [], clears: [] };
    const entry = /<(Page|Clear)Range><Start>(\d+)<\/Start><End>(\d+)<\/End>/g;
    for (const [, kind, start, end] of text.matchAll(entry)) {
        found[kind === "Page" ? "data" : "clears"].push([Number(start), end - start + 1]);
    }
    writeFileSync(file, JSON.stringify(found));
}

const commands = { make, change, list };
if (commands[process.argv[2]]) await commands[process.argv[2]](...process.argv.slice(3));
