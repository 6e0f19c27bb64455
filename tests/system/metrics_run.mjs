// metrics_run.mjs - the pages of a `snapferry run` between two regions that often say no: each is what the
// format says, no counter goes back, requests by verb and status are those of the regions' own logs, nobody
// who reads slowly or asks too often is in the way, and no secret is on them.
// Environment: SNAPFERRY_BIN, REGIOND_BIN, SNAPFERRY_SOURCE_DIR, TMPDIR.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import * as lab from "./lab.mjs";

const DISKS = 6;
const DISK_BYTES = 8 * lab.MIB;
const FLOOD = 100;
const THREADS = 2;
const PATIENCE_MS = 60000;
const { SNAPFERRY_BIN, SNAPFERRY_SOURCE_DIR, TMPDIR } = process.env;
const folder = lab.newFolder(`${TMPDIR}/metrics`);
const rules = [
    { name: "busy", probability: 0.1, fault: "status", status: 503, retryAfter: 0 },
    { name: "slow-down", probability: 0.03, fault: "status", status: 429 },
    { name: "broken", match: { method: "GET" }, probability: 0.03, fault: "status", status: 500 },
];
let passed = 0;

function check(name, right, more = "") {
    if (!right) throw new Error(`${name} ${lab.withoutSecrets(String(more))}`);
    passed++;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(name, condition) {
    for (const end = Date.now() + PATIENCE_MS; !(await condition()); await pause(20))
        if (Date.now() > end) throw new Error(`waited in vain: ${name}`);
}

function freePort() {
    return new Promise((resolve) => {
        const server = net.createServer().listen(0, "127.0.0.1", () => {
            const { port } = server.address();
            server.close(() => resolve(port));
        });
    });
}

// ---- A run ----

class Run {
    constructor(job, port) {
        const args = ["run", "-", "--json", "--threads", String(THREADS), "--metrics", `127.0.0.1:${port}`];
        this.events = [];
        this.all = "";
        this.child = spawn(SNAPFERRY_BIN, args, { env: lab.environment(folder), cwd: folder });
        this.ended = new Promise((resolve) => this.child.on("close", (status) => resolve(status)));
        this.child.stderr.on("data", (bytes) => (this.all += bytes));
        let rest = "";
        this.child.stdout.on("data", (bytes) => {
            this.all += bytes;
            const lines = (rest + bytes).split("\n");
            rest = lines.pop();
            for (const line of lines) this.events.push(JSON.parse(line));
        });
        this.say(job);
    }

    say(value) {
        this.child.stdin.write(JSON.stringify(value) + "\n");
    }

    count(event, code) {
        return this.events.filter((e) => e.event === event && e.disk && e.code === code).length;
    }
}

// A control plane that takes every post of events.
function upstream() {
    return new Promise((resolve) => {
        const server = http.createServer((request, answer) => {
            request.resume().on("end", () => answer.writeHead(204).end());
        });
        server.listen(0, "127.0.0.1", () => resolve(server));
    });
}

async function makeJob(source, target, report) {
    const disks = [];
    for (let i = 0; i < DISKS; i++) {
        const bytes = Buffer.alloc(DISK_BYTES / 2);
        lab.fillRandom(lab.random(i + 1), bytes);
        const url = source.sas(`disk${i}.vhd`, "rcwd");
        await lab.makeBlob(url, DISK_BYTES);
        await lab.putPages(url, i * lab.MIB / 4, bytes);
        disks.push({
            id: `disk "${i}" \\ ä`,
            source: { url: source.sas(`disk${i}.vhd`, "r", await lab.snapshotBlob(url)) },
            target: { url: target.sas(`disk${i}.vhd`, "rcwd") },
        });
    }
    // One that waits for a URL that is still good keeps the run, and its page, when all others are done.
    const late = { id: "late", source: disks[0].source, target: { url: target.sas("late.vhd", "rcwd") } };
    late.source = { url: late.source.url.replace(/se=[^&]*/, "se=2020-01-01T00%3A00%3A00Z") };
    return {
        report,
        restorePoints: [
            { id: "monday", disks: disks.slice(0, 3) },
            { id: "tuesday", disks: [...disks.slice(3), late] },
        ],
    };
}

// ---- Pages ----

const pages = [];

async function scrape(url) {
    const answer = await fetch(url, { headers: { accept: "application/openmetrics-text;version=1.0.0" } });
    if (answer.status === 429) return null;
    check("a page", answer.status === 200, answer.status);
    check("its type", answer.headers.get("content-type") === "text/plain; version=0.0.4; charset=utf-8");
    const text = await answer.text();
    const path = `${folder}/page${pages.length}.txt`;
    writeFileSync(path, text);
    pages.push(path);
    return text;
}

function checker(...args) {
    // Debian's own python is the one that may have the official parser.
    const python = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";
    try {
        const said = execFileSync(python, [`${SNAPFERRY_SOURCE_DIR}/tests/system/metrics_check.py`, ...args], {
            stdio: ["ignore", "pipe", "pipe"],
        });
        return { right: true, said: said.toString() };
    } catch (error) {
        return { right: false, said: `${error.stdout}${error.stderr}` };
    }
}

function value(page, series) {
    const line = page.split("\n").find((l) => l.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

// A reader that asks and then takes nothing.
function standStill(port) {
    const socket = net.connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    socket.pause();
    return socket;
}

// ---- The test ----

async function logsSince(regions, starts) {
    return regions.flatMap((region, i) => {
        const path = `${folder}/${region.name}.part.log`;
        writeFileSync(path, readFileSync(region.log).subarray(starts[i]));
        return ["--log", path];
    });
}

async function agreesWithLogs(url, regions, starts) {
    let said = "";
    await until("pages agree with the logs", async () => {
        await pause(300); // the page is fresh again, and a region writes a line after its answer
        if (!(await scrape(url))) return false;
        const result = checker(...(await logsSince(regions, starts)), pages.at(-1));
        said = result.said;
        return result.right;
    }).catch((error) => {
        throw new Error(`${error.message}: ${said}`);
    });
    process.stdout.write(said);
}

async function flood(url) {
    const statuses = await Promise.all(
        Array.from({ length: FLOOD }, async () => {
            const answer = await fetch(url);
            await answer.text();
            return answer.status;
        }),
    );
    check("floods are held off", statuses.includes(429) && statuses.every((s) => s === 200 || s === 429));
    check("some are answered", statuses.includes(200));
}

function checkLast(page, run) {
    check("succeeded", value(page, 'snapferry_disks{state="succeeded"}') === DISKS, page);
    check("waiting", value(page, 'snapferry_disks{state="waitingForAccess"}') === 1, page);
    check("a quiet pool", value(page, "snapferry_buffers_in_use") === 0);
    const point = 'restore_point="monday",disk="disk \\"0\\" \\\\ ä"';
    check("complete", value(page, `snapferry_disk_completion_ratio{${point}}`) === 1, page);
    check("its state", value(page, `snapferry_disk_state{${point},state="succeeded"}`) === 1);
    check("written", value(page, "snapferry_target_written_bytes_total") === (DISKS * DISK_BYTES) / 2, page);
    check("wire", value(page, 'snapferry_http_bytes_total{direction="received",part="body"}') >=
        (DISKS * DISK_BYTES) / 2);
    check("blobs' limit", value(page, 'snapferry_limit_requests_per_second{scope="blob"}') === 500);
    check("progress", value(page, 'snapferry_events_total{kind="summary"}') ===
        run.events.filter((e) => e.event === "summary").length);
    // How many each has hangs on how many were under way together; that both work evenly is bench/threads.sh's.
    for (let thread = 0; thread < THREADS; thread++) {
        check("threads share the requests", value(page, `snapferry_http_thread_requests_total{thread="${thread}"}`) > 0, page);
        check("and their CPU", value(page, `snapferry_http_thread_cpu_seconds_total{thread="${thread}"}`) > 0, page);
    }
    check("memory", value(page, "process_resident_memory_bytes") > lab.MIB);
    check("reports", value(page, 'snapferry_requests_total{verb="report",status="204"}') > 0, page);
    check("posted", value(page, "snapferry_events_posted_total") > 0, page);
    const began = value(page, "process_start_time_seconds");
    check("its beginning", began > Date.now() / 1000 - 600 && began <= Date.now() / 1000 + 1, began);
}

async function main() {
    const regions = [new lab.Region(folder, "source"), new lab.Region(folder, "target")];
    const [source, target] = regions;
    for (const region of regions) await region.start();
    const plane = await upstream();
    const report = { url: `http://127.0.0.1:${plane.address().port}/events?token=t0psecret`, intervalMs: 200 };
    const job = await makeJob(source, target, report);
    for (const region of regions) await region.stop();
    const starts = regions.map((region) => region.logBytes());
    for (const [i, region] of regions.entries()) await region.start({ seed: 7 + i, rules });

    const port = await freePort();
    const url = `http://127.0.0.1:${port}/metrics`;
    const run = new Run(job, port);
    await until("the first page", async () => (await scrape(url).catch(() => null)) !== null);
    const still = [standStill(port), standStill(port), standStill(port)];
    await until("all but one disk are done", async () => {
        await scrape(url);
        if (run.child.exitCode !== null) throw new Error(`the run ended: ${lab.withoutSecrets(run.all)}`);
        return run.count("summary", "ReplicationState/succeeded") === DISKS;
    });
    await agreesWithLogs(url, regions, starts);
    checkLast(readFileSync(pages.at(-1), "utf8"), run);
    await flood(url);
    still.forEach((socket) => socket.destroy());
    const result = checker(...pages);
    check("all pages", result.right, result.said);
    process.stdout.write(result.said);
    for (const path of pages) check("no secret", !/sig=|se=|sv=|t0psecret/.test(readFileSync(path, "utf8")));
    check("head", (await fetch(url, { method: "HEAD" })).status !== 404);
    check("elsewhere", (await fetch(`http://127.0.0.1:${port}/other`)).status === 404);

    run.say({ command: "cancel", disk: "late" });
    check("its end", (await run.ended) !== 0 && run.events.at(-1).event === "end", run.all);
    check("nobody serves", await fetch(url).then(() => false, () => true));
    const remote = await lab.command(folder, ["run", "-", "--json", "--metrics", "0.0.0.0:0"], {}, {
        started: (child) => child.stdin.end(JSON.stringify(job) + "\n"),
    });
    check("for others: refused", remote.status === 2 && remote.all.includes("others could read it"), remote.all);
    for (const region of regions) await region.stop();
    plane.closeAllConnections();
    plane.close();
    check("no sanitizer's report", lab.sanitizerReports(folder).length === 0, lab.sanitizerReports(folder)[0]);
    console.log(`${passed} passed`);
}

main().catch((error) => {
    console.log(`FAILED: ${lab.withoutSecrets(error.stack)}`);
    process.exit(1);
});
