// platform.mjs ACCOUNT COMMAND... - what the platform does to a disk with its account's key, by the
// official SDK: the disk of a machine that runs, with an access policy `grant` for its SAS.
//   create BLOB FILE       the page blob of a VHD, its data only     allocate BLOB BYTES  an empty one
//   update BLOB OLD NEW    from one VHD to the next: grown, changed 4 KiB blocks written or cleared;
//                          prints how many bytes of both kinds
//   snapshot BLOB          prints the time
//   grant RIGHTS           the policy of the container
//   download BLOB FILE     all of it
// Environment: REGION_URL, REGION_KEY. The container is vhds.
import { readFileSync, writeFileSync } from "node:fs";
import { read, service, write } from "./region.mjs";

const BLOCK = 4096;
const [, , account, command, name, ...rest] = process.argv;
const parent = service(process.env.REGION_URL, account).getContainerClient("vhds");
const blob = () => parent.getPageBlobClient(name);
const zero = Buffer.alloc(BLOCK);
const isZero = (bytes) => bytes.equals(zero.subarray(0, bytes.length));

// Runs of neighbouring blocks of one kind: ["data" | "clear", offset, bytes], data up to 1 MiB.
function runs(older, newer) {
    const out = [];
    for (let at = 0; at < newer.length; at += BLOCK) {
        const is = newer.subarray(at, at + BLOCK);
        const was = older.subarray(at, at + BLOCK);
        if (is.equals(was) || (was.length === 0 && isZero(is))) continue;
        const kind = isZero(is) ? "clear" : "data";
        const last = out.at(-1);
        const joins = last?.[0] === kind && last[1] + last[2] === at && last[2] < 1 << 20;
        if (joins) last[2] += is.length;
        else out.push([kind, at, is.length]);
    }
    return out;
}

async function apply(older, newer) {
    const moved = { data: 0, clear: 0 };
    for (const [kind, at, bytes] of runs(older, newer)) {
        if (kind === "data") await write(blob(), at, newer.subarray(at, at + bytes));
        else await blob().clearPages(at, bytes);
        moved[kind] += bytes;
    }
    return moved;
}

const commands = {
    async create(file) {
        const bytes = readFileSync(file);
        await blob().create(bytes.length);
        await apply(Buffer.alloc(0), bytes);
    },
    allocate: (bytes) => blob().create(Number(bytes)),
    async update(oldFile, newFile) {
        const [older, newer] = [readFileSync(oldFile), readFileSync(newFile)];
        if (older.length !== newer.length) await blob().resize(newer.length);
        const { data, clear } = await apply(older, newer);
        console.log(data, clear);
    },
    async snapshot() {
        console.log((await blob().createSnapshot()).snapshot);
    },
    async grant() {
        await parent.createIfNotExists();
        const expiresOn = new Date(Date.now() + 3600e3);
        await parent.setAccessPolicy(undefined, [
            { id: "grant", accessPolicy: { expiresOn, permissions: name } },
        ]);
    },
    async download(file) {
        writeFileSync(file, (await read(blob())).bytes);
    },
};
try {
    await commands[command](...rest);
} catch (error) {
    console.log(`${command}: ${error.statusCode ?? ""} ${error.code ?? error.message}`);
    process.exit(1);
}
