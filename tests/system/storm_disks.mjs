// storm_disks.mjs - the two states of a storm's disk: runs of data, zeros and holes, or an ext4 file system;
// with or without a VHD footer; and how they get into a region as two snapshots.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import * as lab from "./lab.mjs";

const { KIB, PAGE } = lab;
const TOOLS = { ...process.env, PATH: `${process.env.PATH}:/sbin:/usr/sbin`, MKE2FS_DEVICE_SECTSIZE: "512" };

const pages = (draw, limit) => (1 + draw.below(limit / PAGE)) * PAGE;

function scribble(draw, bytes, changes, limit) {
    for (let i = 0; i < changes; i++) {
        const at = draw.below(bytes.length / PAGE) * PAGE;
        const run = bytes.subarray(at, Math.min(at + pages(draw, limit), bytes.length));
        if (draw.chance(0.7)) lab.fillRandom(draw, run);
        else run.fill(0);
    }
}

function fileSystem(draw, folder) {
    const image = `${folder}/fs.img`;
    const file = Buffer.alloc(20 * KIB + draw.below(100 * KIB));
    const quiet = { env: TOOLS, stdio: "ignore" };
    const debugfs = (...words) => execFileSync("debugfs", ["-w", "-R", words.join(" "), image], quiet);

    lab.fillRandom(draw, file);
    writeFileSync(`${folder}/file`, file);
    execFileSync("mkfs.ext4", ["-q", "-F", "-b", "1024", "-O", "^has_journal", image, "2M"], quiet);
    debugfs("write", `${folder}/file`, "one");
    const first = readFileSync(image);
    debugfs("rm", "one");
    lab.fillRandom(draw, file);
    writeFileSync(`${folder}/file`, file);
    debugfs("write", `${folder}/file`, "two");
    return [first, readFileSync(image)];
}

// The disk's two states, footer included.
export function drawDisks(draw, folder) {
    let states;
    if (draw.chance(0.1)) {
        states = fileSystem(draw, folder);
    } else {
        const first = Buffer.alloc(256 * KIB + draw.below(2048) * KIB);
        scribble(draw, first, 3 + draw.below(24), 96 * KIB);
        const second = Buffer.from(first);
        scribble(draw, second, draw.below(16), 24 * KIB);
        states = [first, second];
    }
    if (draw.chance(0.3)) return states;
    return states.map((state) => Buffer.concat([state, lab.vhdFooter(state.length)]));
}

// Runs that differ: of another disk, or, with none, of zeros. In pages.
function runs(bytes, before) {
    const found = [];
    const empty = Buffer.alloc(PAGE);
    for (let at = 0; at < bytes.length; at += PAGE) {
        const old = before ? before.subarray(at, at + PAGE) : empty;
        const last = found.at(-1);
        if (bytes.subarray(at, at + PAGE).equals(old)) continue;
        if (last && last[1] === at) last[1] = at + PAGE;
        else found.push([at, at + PAGE]);
    }
    return found;
}

async function put(draw, url, bytes, before) {
    for (const [from, to] of runs(bytes, before)) {
        const run = bytes.subarray(from, to);
        if (before && draw.chance(0.5) && run.every((byte) => byte === 0))
            await lab.clearPages(url, from, to - from);
        else await lab.putPages(url, from, run);
    }
}

// The source's blob at that URL with a snapshot of each state; their times.
export async function putSource(draw, url, states) {
    const times = [];
    await lab.makeBlob(url, states[0].length);
    for (const [i, state] of states.entries()) {
        await put(draw, url, state, states[i - 1]);
        times.push(await lab.snapshotBlob(url));
    }
    return times;
}

// A target that has been something else before.
export function drawStale(draw, size) {
    const stale = Buffer.alloc(size);
    scribble(draw, stale, 1 + draw.below(8), 256 * KIB);
    return stale;
}

export async function putStale(draw, url, stale) {
    await lab.makeBlob(url, stale.length);
    await put(draw, url, stale);
}
