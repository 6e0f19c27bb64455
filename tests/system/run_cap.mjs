// run_cap.mjs - the caps of `snapferry run`, judged by what two regions logged: over any 5 s no more than 5 % above the
// cap, no request above 100 ms of it (64 KiB at least), and a cap that is changed live counts after one second.
//
//   (none)                    all below at once, in 13 s each: as in CTest
//   --kind bytes|account|blob|requests|accountRequests   one of them alone
//   --rate N[,N...]           MiB/s (requests/s), each for --seconds N (30); changed by setLimits on stdin
//   --disks N  --threads N    (2, 1)
//   --strict                  no less than 5 % below the cap either, whatever the machine does
//
// What is judged is when a request arrived, not when it was sent: on a machine that stands still for a while they are
// not the same. A timer here sees such gaps; a window above the cap that begins or ends in one is told, and not a failure,
// and one that has much of them in it (STILL) may be as far below the cap as it likes.
// Environment: SNAPFERRY_BIN, REGIOND_BIN, TMPDIR.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import * as lab from "./lab.mjs";

const WINDOW = 5; // seconds, as all times here
const SETTLES = 1; // after a change, and after the first byte
const ABOVE = 1.05;
const strict = process.argv.includes("--strict");
const BELOW = strict ? 0.95 : 0.7;
const GAP = 0.04; // a timer of 10 ms that is late by more: the machine stood still
const STILL = 0.5; // a tenth of a window
const REQUEST_MIN = 64 * lab.KIB;
const PUT = 4 * lab.MIB;
const APART = lab.MIB;
const KINDS = {
    bytes: { member: "bytesPerSecond", of: () => "all", unit: lab.MIB },
    account: { member: "accountBytesPerSecond", of: () => "all", unit: lab.MIB },
    blob: { member: "blobBytesPerSecond", of: (r) => r.blob, each: true, unit: lab.MIB },
    requests: { member: "blobRequestsPerSecond", of: (r) => r.blob, each: true, unit: 1, counts: true },
    accountRequests: { member: "accountRequestsPerSecond", of: () => "all", unit: 1, counts: true },
};

const value = (name, otherwise) => {
    const at = process.argv.indexOf(name);
    return at < 0 ? otherwise : process.argv[at + 1];
};
const folder = lab.newFolder(`${process.env.TMPDIR}/cap`);
const source = new lab.Region(folder, "source"), target = new lab.Region(folder, "target");
const now = () => Date.now() / 1000;
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const gaps = []; // [from, to]
const wrong = [];

function watchTime() {
    let last = now();
    return setInterval(() => {
        const time = now();
        if (time - last > GAP) gaps.push([last, time]);
        last = time;
    }, 10);
}
const inGap = (time) => gaps.some(([from, to]) => time > from - GAP && time < to + GAP);

const still = (begin, end) => gaps.reduce((sum, [from, to]) => sum + Math.max(0, Math.min(to, end) - Math.max(from, begin)), 0);

// ---- A run with one cap, changed as its phases say ----

// Enough for all phases and a little more. For caps of requests, data that is far apart: one request each.
async function makeDisks(run) {
    const { unit, counts, each } = KINDS[run.kind];
    const most = Math.max(...run.rates) * run.rates.length * (run.seconds + 2 * SETTLES);
    const bytes = counts ? most * APART : (most * unit) / (each ? 1 : run.disks);
    const length = Math.ceil(bytes / PUT) * PUT, step = counts ? APART : PUT;
    const noise = Buffer.alloc(counts ? REQUEST_MIN : PUT);
    const disks = [];
    lab.fillRandom(lab.random(7), noise);
    for (let i = 0; i < run.disks; i++) {
        const name = `${run.name}-${i}`, url = source.sas(name, "rcwd");
        await lab.makeBlob(url, length);
        for (let at = 0; at < length; at += step) await lab.putPages(url, at, noise);
        disks.push({
            id: name,
            source: { url: source.sas(name, "r", await lab.snapshotBlob(url)) },
            target: { url: target.sas(name, "rcwd") },
        });
    }
    return disks;
}

// Its phases: [from, to, rate], from when the cap was in force.
async function hold(run) {
    const { member, unit } = KINDS[run.kind];
    const cap = (rate) => ({ blobBytesPerSecond: 0, blobRequestsPerSecond: 0, [member]: rate * unit });
    const job = { restorePoints: [{ id: run.name, disks: await makeDisks(run) }], limits: cap(run.rates[0]) };
    const more = run.threads > 1 ? ["--threads", String(run.threads)] : [];
    const child = spawn(process.env.SNAPFERRY_BIN, ["run", "-", ...more], { env: lab.environment(folder), cwd: folder });
    const lines = createInterface({ input: child.stdout });
    const phases = [], closed = once(child, "close");
    let heard = () => {};
    lines.on("line", (line) => heard(JSON.parse(line)));
    child.stderr.resume();
    const ended = closed.then(([status]) => Promise.reject(new Error(`${run.name}: it ended with ${status} meanwhile`)));
    ended.catch(() => {}); // nobody may be waiting for an event
    const event = (wanted) => Promise.race([ended, new Promise((resolve) => (heard = (e) => wanted(e) && resolve(e)))]);
    const flows = event((e) => e.durableBytes > 0);
    child.stdin.write(`${JSON.stringify(job)}\n`);
    await flows;
    for (const [i, rate] of run.rates.entries()) {
        if (i > 0) {
            const answer = event((e) => e.event === "answer");
            phases.at(-1).to = now();
            child.stdin.write(`${JSON.stringify({ command: "setLimits", ...cap(rate) })}\n`);
            if (!(await answer).accepted) wrong.push(`${run.name}: setLimits is refused`);
        }
        phases.push({ from: i ? now() + SETTLES : 0, rate: rate * unit });
        await pause(run.seconds + SETTLES);
    }
    phases.at(-1).to = now();
    child.stdin.end();
    const [status] = await closed;
    if (status !== 3) wrong.push(`${run.name}: status ${status}, not 3: it was not stopped in the midst`);
    return { ...run, phases };
}

// ---- The verdict ----

const isRead = (r) => r.verb === "Get Blob" && r.rangeLength > lab.PAGE;
const isWrite = (r) => r.pageWrite === "update" && r.rangeLength > lab.PAGE;

function arrived(region, run, wanted) {
    const lines = region.requests().filter((r) => r.blob?.startsWith(`${run.name}-`) && wanted(r));
    for (const r of lines) r.at = (Date.parse(r.time) * 1000 + Number(r.time.slice(23, 26)) - r.durationUs) / 1e6;
    return lines.sort((a, b) => a.at - b.at);
}

// The least and the most of any window that begins with a request, as parts of the cap.
function judgeFlow(title, requests, phase, counts) {
    const weight = (r) => (counts ? 1 : r.rangeLength);
    const full = phase.rate * WINDOW, largest = Math.max(REQUEST_MIN, phase.rate / 10);
    const seen = { windows: 0, aside: 0, least: Infinity, judged: Infinity, most: 0 };
    let sum = 0, end = 0;
    for (const [i, first] of requests.entries()) {
        while (end < requests.length && requests[end].at < first.at + WINDOW) sum += weight(requests[end++]);
        const part = sum / full;
        sum -= weight(first);
        if (first.at < phase.from || first.at + WINDOW > phase.to) continue;
        if (!counts && first.rangeLength > largest) wrong.push(`${title}: a request of ${first.rangeLength} bytes`);
        seen.windows++;
        if (part > ABOVE && (inGap(first.at) || inGap(first.at + WINDOW))) {
            seen.aside++;
            continue;
        }
        seen.least = Math.min(seen.least, part);
        if (strict || still(first.at, first.at + WINDOW) < STILL) seen.judged = Math.min(seen.judged, part);
        seen.most = Math.max(seen.most, part);
    }
    console.log(`${title}: ${seen.windows} windows of ${WINDOW} s${seen.aside ? ` (${seen.aside} left out)` : ""}, ` +
        `${(seen.least * 100).toFixed(1)} to ${(seen.most * 100).toFixed(1)} % of the cap`);
    if (seen.windows === seen.aside) wrong.push(`${title}: no window to judge`);
    if (seen.most > ABOVE) wrong.push(`${title}: ${seen.most} of the cap`);
    if (seen.judged < BELOW) wrong.push(`${title}: only ${seen.judged} of the cap`);
}

function judge(run) {
    const { of, counts, unit } = KINDS[run.kind];
    for (const [what, region, wanted] of [["read", source, isRead], ["written", target, isWrite]])
        for (const [whose, mine] of Object.entries(group(arrived(region, run, wanted), of)))
            for (const phase of run.phases) {
                const title = `${run.name}: ${phase.rate / unit}${counts ? "" : " MiB"}/s, ${what}, ${whose}`;
                judgeFlow(title, mine, phase, counts);
            }
}

function group(list, of) {
    const groups = {};
    for (const one of list) (groups[of(one)] ??= []).push(one);
    return groups;
}

async function main() {
    const kind = value("--kind", "");
    const common = { disks: Number(value("--disks", 2)), threads: Number(value("--threads", 1)) };
    const short = { ...common, seconds: 5.5 };
    const runs = kind
        ? [{ ...common, name: kind, kind, rates: value("--rate", "1,10").split(",").map(Number), seconds: Number(value("--seconds", 30)) }]
        : [
              { ...short, name: "up", kind: "bytes", rates: [1, 10] },
              { ...short, name: "down", kind: "bytes", rates: [10, 1] },
              { ...short, name: "account", kind: "account", rates: [1] },
              { ...short, name: "blob", kind: "blob", rates: [1] },
              { ...short, name: "requests", kind: "requests", rates: [20] },
          ];
    await source.start();
    await target.start();
    const timer = watchTime();
    const held = await Promise.all(runs.map(hold));
    clearInterval(timer);
    held.forEach(judge);
    for (const text of [...wrong, ...lab.sanitizerReports(folder)]) console.log(`FAILED: ${lab.withoutSecrets(text)}`);
    return wrong.length ? 1 : 0;
}

process.exit(
    await main().catch((error) => {
        console.log(`FAILED: ${lab.withoutSecrets(error.stack)}`);
        return 1;
    }).finally(() => Promise.all([source.stop(), target.stop()])),
);
