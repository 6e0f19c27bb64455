// run_progress.mjs - what a caller of `snapferry run` learns of each disk while it moves and when it fails: progress at
// each interval, percent that never goes back, 100 not before the region has the marker of a commit, and of a disk that
// fails a last event with the reason, the id of the request that was refused (as the region logged it) and its last percent.
//
//   --seconds N     that each disk takes at least (4)
//   --interval MS   report.intervalMs (500)
//   --keep-events   prints them
// Environment: SNAPFERRY_BIN, REGIOND_BIN, TMPDIR.
import { writeFileSync } from "node:fs";
import * as lab from "./lab.mjs";

const value = (name, otherwise) => {
    const at = process.argv.indexOf(name);
    return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const seconds = value("--seconds", 4);
const interval = value("--interval", 500);
const LATE = 1500; // ms that an event may be late: the machine is not ours alone
let stood = 0; // ms, the longest that a timer here was late: then others were too
const RATE = 4 * lab.MIB; // of a blob
const BYTES = seconds * RATE;
const folder = lab.newFolder(`${process.env.TMPDIR}/progress`);
const source = new lab.Region(folder, "source"), target = new lab.Region(folder, "target");
const wrong = [];
const must = (truth, words) => truth || wrong.push(words);

// How each disk fails, at which end; after: requests of that kind that went well.
const half = BYTES / 4 / lab.MIB / 2; // requests of a page blob carry 4 MiB
const fails = {
    denied: { at: target, verb: "Put Page", after: half, fault: "status", status: 403, wanted: 403 },
    gone: { at: source, after: half + 4, fault: "status", status: 404, wanted: 404 },
    refused: { at: target, verb: "Put Page", after: half, fault: "status", status: 400, code: "InvalidHeaderValue", wanted: 400 },
    full: { at: target, verb: "Put Page", after: half, fault: "status", status: 413, code: "RequestBodyTooLarge", wanted: 413 },
};
const whole = ["plain", "verified"];
const names = [...whole, ...Object.keys(fails)];

async function makeJob() {
    const noise = Buffer.alloc(4 * lab.MIB), disks = [];
    lab.fillRandom(lab.random(3), noise);
    for (const id of names) {
        const url = source.sas(id, "rcwd");
        await lab.makeBlob(url, BYTES);
        for (let at = 0; at < BYTES; at += noise.length) await lab.putPages(url, at, noise);
        const snapshot = source.sas(id, "r", await lab.snapshotBlob(url));
        disks.push({ id, source: { url: snapshot }, target: { url: target.sas(id, "rcwd") }, verify: id === "verified" });
    }
    const job = { restorePoints: [{ id: "rp", disks }], report: { intervalMs: interval } };
    writeFileSync(`${folder}/job.json`, JSON.stringify(job), { mode: 0o600 });
}

const rulesAt = (region) =>
    Object.entries(fails)
        .filter(([, how]) => how.at === region)
        .map(([blob, { verb, after, fault, status, code }]) => ({ name: blob, match: { verb, blob }, after, fault, status, code }));

const percentOf = (e) => e.completionPercent ?? e.lastPercent;

function judge(id, events, logs) {
    const mine = events.filter((e) => e.disk === id), progress = mine.filter((e) => e.event === "progress");
    const begun = mine.find((e) => e.code?.endsWith("/inProgress")), last = mine.at(-1);
    const times = [begun, ...progress, last].map((e) => Date.parse(e.time));
    const gap = Math.max(...times.slice(1).map((time, i) => time - times[i]));
    const percents = progress.map(percentOf);
    console.log(`${id}: ${progress.length} of progress, at most ${gap} ms apart, to ${percents.at(-1)} %; ${last.code}; ${last.message ?? ""}`);
    must(last.event === "summary", `${id}: the last event is ${last.event}`);
    must(gap <= interval + LATE + 4 * stood, `${id}: ${gap} ms without an event`);
    must(progress.length <= (times.at(-1) - times[0]) / interval + 2, `${id}: more progress than was asked for`);
    must(percents.every((p, i) => i === 0 || p >= percents[i - 1]), `${id}: percent goes back: ${percents}`);
    if (whole.includes(id)) {
        const done = logs.filter((r) => r.blob === id && r.verb === "Set Blob Metadata" && r.status === 200).at(-1);
        const full = mine.find((e) => e.completionPercent === 100);
        must(last.code.endsWith("/succeeded"), `${id}: ${last.code}`);
        must(done && Date.parse(full?.time) >= Date.parse(done.time.slice(0, 23)), `${id}: no 100, or before the marker`);
        return;
    }
    const request = logs.find((r) => r.requestId === last.requestId);
    must(last.code.endsWith("/failed"), `${id}: ${last.code}`);
    must(last.message?.length > 10, `${id}: no reason`);
    must(!percents.includes(100) && last.lastPercent > 0 && last.lastPercent < 100, `${id}: last percent ${last.lastPercent}`);
    must(last.lastPercent >= (percents.at(-1) ?? 0), `${id}: ${last.lastPercent} after ${percents.at(-1)}`);
    must(last.httpStatus === fails[id].wanted, `${id}: status ${last.httpStatus}`);
    must(request?.blob === id && request.status === last.httpStatus, `${id}: the region does not know request ${last.requestId}`);
}

async function main() {
    await source.start();
    await target.start();
    await makeJob();
    for (const region of [source, target]) {
        await region.stop();
        await region.start({ rules: rulesAt(region), shape: { blob: { bytesPerSecond: RATE } } });
    }
    let last = Date.now();
    const watch = setInterval(() => {
        stood = Math.max(stood, Date.now() - last - 50);
        last = Date.now();
    }, 50);
    const end = await lab.command(folder, ["run", `${folder}/job.json`, "--json", "--renew-wait", "1"], {}, { deadlineMs: 300000 });
    clearInterval(watch);
    const events = end.out.trim().split("\n").map((line) => JSON.parse(line));
    if (process.argv.includes("--keep-events")) console.log(end.out);
    must(end.status === 1 && events.at(-1).event === "end", `status ${end.status}\n${end.err}`);
    const logs = [...source.requests(), ...target.requests()];
    for (const id of names) judge(id, events, logs);
    for (const text of [...wrong, ...lab.sanitizerReports(folder)]) console.log(`FAILED: ${lab.withoutSecrets(text)}`);
    return wrong.length ? 1 : 0;
}

process.exit(
    await main()
        .catch((error) => {
            console.log(`FAILED: ${lab.withoutSecrets(error.stack)}`);
            return 1;
        })
        .finally(() => Promise.all([source.stop("SIGKILL"), target.stop("SIGKILL")])),
);
