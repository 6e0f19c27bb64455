// run_many.mjs - N equal disks of M MiB from one region to another that both answer 503 to one request in fifty,
// by one `snapferry run`: all identical, how much memory it took at most, and how far apart they finished.
//
//   --disks N --mib M     48 and 4, as in CTest; the figures are 512 and 64
//   --share PERCENT       of each disk that holds data, in pieces of 1 MiB (25); the rest was never written.
//                         100 needs N * M MiB of disk space twice
//   --fault PERCENT       requests answered 503 (2)
//   --no-limits           blobs' default limits (60 MiB/s, 500 requests/s) are off
//   --threads N           handed on to snapferry run
//   --memory MIB          the job's memoryBytes (256)
//   --scrape PORT         --metrics there, asked for once a second; says how long the slowest answer took
//
// The ratio of the last finish to the first is judged (1.5) for disks of 64 MiB and more: a smaller one is
// done in the time of one pause after a 503, so that its finish is luck.
// Environment: SNAPFERRY_BIN, REGIOND_BIN, TMPDIR.
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import * as lab from "./lab.mjs";

const RATIO_MAX = 1.5;
const JUDGED_MIB = 64;
const MEMORY_MAX_KIB = 512 * 1024;
const POINTS = 8;
const WIDTH = 8;
const HEADERS = { "x-ms-version": "2021-12-02" };

const value = (name, otherwise) => {
    const at = process.argv.indexOf(name);
    return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const count = value("--disks", 48);
const mib = value("--mib", 4);
const share = value("--share", 25) / 100;
const fault = value("--fault", 2) / 100;
const threads = value("--threads", 0);
const memory = value("--memory", 256);
const port = value("--scrape", 0);
const folder = lab.newFolder(`${process.env.TMPDIR}/many`);
const names = Array.from({ length: count }, (_, i) => `disk${i}.vhd`);
const disks = [];

// ---- Disks: a page says whose it is and where it belongs ----

const noise = Buffer.alloc(lab.MIB);
lab.fillRandom(lab.random(5), noise);

// Does this MiB of the disk hold data? So many of a hundred, spread evenly, others for each disk.
function holdsData(disk, piece) {
    const at = (piece + disk) * share;
    return Math.floor(at + share) > Math.floor(at);
}

function pieceOf(disk, piece) {
    const bytes = Buffer.from(noise);
    for (let at = 0; at < bytes.length; at += lab.PAGE) {
        bytes.writeUInt32LE(disk, at);
        bytes.writeUInt32LE(piece * 2048 + at / lab.PAGE, at + 4);
    }
    return bytes;
}

async function putDisk(url, disk) {
    await lab.makeBlob(url, mib * lab.MIB);
    for (let piece = 0; piece < mib; piece++)
        if (holdsData(disk, piece)) await lab.putPages(url, piece * lab.MIB, pieceOf(disk, piece));
}

// Reads all of it, holes too.
async function isIdentical(url, disk) {
    const zeros = Buffer.alloc(lab.MIB);
    for (let piece = 0; piece < mib; piece++) {
        const range = `bytes=${piece * lab.MIB}-${(piece + 1) * lab.MIB - 1}`;
        const answer = await fetch(url, { headers: { ...HEADERS, "x-ms-range": range } });
        const bytes = Buffer.from(await answer.arrayBuffer());
        const right = answer.status === 206 || (mib === 1 && answer.status === 200);
        if (!right || !bytes.equals(holdsData(disk, piece) ? pieceOf(disk, piece) : zeros)) return false;
        if (piece === 0 && !answer.headers.get("content-range")?.endsWith(`/${mib * lab.MIB}`)) return false;
    }
    return true;
}

// ---- The run ----

function makeJob(source, target) {
    const restorePoints = Array.from({ length: Math.min(POINTS, count) }, (_, i) => ({ id: `point${i}`, disks: [] }));
    names.forEach((name, i) => {
        restorePoints[i % restorePoints.length].disks.push({
            id: name,
            source: { url: disks[i].snapshot },
            target: { url: disks[i].target },
        });
    });
    const limits = process.argv.includes("--no-limits") ? { blobBytesPerSecond: 0, blobRequestsPerSecond: 0 } : {};
    return { restorePoints, limits: { memoryBytes: memory * lab.MIB, ...limits } };
}

function peakKib(pid) {
    const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return line ? Number(line[1]) : 0;
}

const scrapes = { count: 0, slowestMs: 0, bytes: 0 };

async function scrape() {
    const began = performance.now();
    const page = await fetch(`http://127.0.0.1:${port}/metrics`).then((answer) => answer.text(), () => "");
    if (!page) return; // not yet, or no longer
    scrapes.count++;
    scrapes.slowestMs = Math.max(scrapes.slowestMs, performance.now() - began);
    scrapes.bytes = page.length;
}

function run(path) {
    const args = ["run", path, "--json", ...(threads ? ["--threads", String(threads)] : [])];
    if (port) args.push("--metrics", `127.0.0.1:${port}`);
    const scraper = port ? setInterval(scrape, 1000) : null;
    const began = Date.now();
    const child = spawn(process.env.SNAPFERRY_BIN, args, { env: lab.environment(folder), cwd: folder });
    const ends = new Map();
    let peak = 0, said = "", rest = "", sum = { requests: 0, retries: 0 };
    const timer = setInterval(() => {
        try {
            peak = Math.max(peak, peakKib(child.pid));
        } catch {
            clearInterval(timer); // it has ended
        }
    }, 100);
    child.stderr.on("data", (bytes) => (said += bytes));
    child.stdout.on("data", (bytes) => {
        const lines = (rest + bytes).split("\n");
        rest = lines.pop();
        for (const event of lines.map((line) => JSON.parse(line))) {
            if (event.event !== "summary" || !event.disk) continue;
            if (event.code !== "ReplicationState/succeeded") said += `${JSON.stringify(event)}\n`;
            ends.set(event.disk, (Date.parse(event.time) - began) / 1000);
            sum.requests += event.requests;
            sum.retries += event.retries;
        }
    });
    return new Promise((resolve) =>
        child.on("close", (status) => {
            clearInterval(timer);
            clearInterval(scraper);
            resolve({ status, said, peak, sum, ends: [...ends.values()].sort((a, b) => a - b), began });
        }),
    );
}

async function main() {
    const source = new lab.Region(folder, "source"), target = new lab.Region(folder, "target");
    const path = `${folder}/job.json`;
    const rules = [{ name: "busy", probability: fault, fault: "status", status: 503 }];
    const wrong = [];

    await source.start();
    await target.start();
    for (const name of names) disks.push({ source: source.sas(name, "rcwd"), target: target.sas(name, "rcwd") });
    await lab.parallel(count, WIDTH, async (i) => {
        await putDisk(disks[i].source, i);
        disks[i].time = await lab.snapshotBlob(disks[i].source);
    });
    for (const [i, disk] of disks.entries()) disk.snapshot = source.sas(names[i], "r", disk.time);
    writeFileSync(path, JSON.stringify(makeJob(source, target)), { mode: 0o600 });
    await source.stop();
    await target.stop();
    await source.start({ seed: 1, rules });
    await target.start({ seed: 2, rules });

    const end = await run(path);
    const seconds = (Date.now() - end.began) / 1000;
    const busy = (source.faultsSeen().busy ?? 0) + (target.faultsSeen().busy ?? 0);
    await source.stop();
    await target.stop();
    if (end.status !== 0 || end.ends.length !== count)
        wrong.push(`status ${end.status}, ${end.ends.length} of ${count} disks ended\n${end.said}`);
    if (busy === 0 && fault > 0) wrong.push("no request met a 503: nothing was shown");

    await target.start();
    const same = await lab.parallel(count, WIDTH, (i) => isIdentical(disks[i].target, i).catch(() => false));
    await target.stop();
    const different = names.filter((_, i) => !same[i]);
    if (different.length) wrong.push(`not identical: ${different.slice(0, 10).join(" ")} (${different.length})`);
    if (end.peak === 0 || end.peak >= MEMORY_MAX_KIB) wrong.push(`the memory's peak was ${end.peak} KiB`);

    const [first, last, middle] = [end.ends[0], end.ends.at(-1), end.ends[end.ends.length >> 1]];
    const ratio = last / first;
    const moved = ((count * mib * share) / seconds).toFixed(0);
    console.log(`${count} disks of ${mib} MiB, ${share * 100} % of it data: ${seconds.toFixed(1)} s, ${moved} MiB/s of data`);
    console.log(`${count - different.length} identical; memory's peak ${(end.peak / 1024).toFixed(0)} MiB`);
    console.log(`${end.sum.requests} requests, ${busy} of them answered 503, ${end.sum.retries} retries`);
    console.log(`finished after ${first} s, ${middle} s (the middle one), ${last} s; the last to the first: ${ratio.toFixed(2)}`);
    if (port) {
        console.log(`${scrapes.count} pages, the last of ${scrapes.bytes} bytes, the slowest after ${scrapes.slowestMs.toFixed(0)} ms`);
        if (scrapes.count === 0) wrong.push("no page of metrics came");
    }
    if (mib >= JUDGED_MIB && !(ratio <= RATIO_MAX)) wrong.push(`the last finished ${ratio.toFixed(2)} times after the first`);
    for (const text of lab.sanitizerReports(folder)) wrong.push(text);
    for (const text of wrong) console.log(`FAILED: ${lab.withoutSecrets(text)}`);
    return wrong.length ? 1 : 0;
}

process.exit(
    await main().catch((error) => {
        console.log(`FAILED: ${lab.withoutSecrets(error.stack)}`);
        return 1;
    }),
);
