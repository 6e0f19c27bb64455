// run_report.mjs - what `snapferry run` reports upstream: to one that never answers, to one that comes back, after a
// kill -9, and to one that stores a batch and loses its answer. Whatever stood on stdout reaches it, in order, once.
// Environment: SNAPFERRY_BIN, SNAPFERRY_SOURCE_DIR, TMPDIR.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import * as lab from "./lab.mjs";

const TOKEN = "rep0rt-token-that-nobody-sees";
const QUERY = "code=qu3ry-that-nobody-sees";
const TAIL_MAX = 20; // lines that stood on stdout and were not yet in the file when a kill came
const folder = lab.newFolder(`${process.env.TMPDIR}/report`);
const paths = { log: `${folder}/posts`, taken: `${folder}/taken`, behave: `${folder}/behave` };
let failed = 0;

function expect(good, words) {
    if (good) return;
    failed++;
    console.error(`not so: ${words}`);
}

// ---- Upstream and job ----

async function startUpstream() {
    const args = [`${process.env.SNAPFERRY_SOURCE_DIR}/tests/system/fake_upstream.mjs`, "--token-env", "REPORT_TOKEN"];
    for (const [name, path] of Object.entries(paths)) args.push(`--${name}`, path);
    const child = spawn("node", args, {
        env: { ...process.env, REPORT_TOKEN: TOKEN },
        stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = await once(createInterface({ input: child.stdout }), "line");
    return { child, url: JSON.parse(line).url };
}

const behave = (step) => writeFileSync(paths.behave, step);
const posts = () => (existsSync(paths.log) ? readFileSync(paths.log, "utf8").trim().split("\n").map(JSON.parse) : []);
const taken = () => (existsSync(paths.taken) ? readFileSync(paths.taken, "utf8").trimEnd().split("\n") : []);
const waiting = () => readdirSync(`${folder}/state/snapferry/reports`).filter((name) => name.endsWith(".spool"));

function writeJob(name, url, bytesPerSecond) {
    const disks = [0, 1, 2, 3].map((i) => ({
        id: `disk${i}`,
        source: { url: `${folder}/source.raw` },
        target: { url: `${folder}/${name}-${i}.raw` },
    }));
    const report = url && { url: `${url}/report?${QUERY}`, tokenEnv: "REPORT_TOKEN", intervalMs: 100 };
    const job = { restorePoints: [{ id: name, disks }], limits: { bytesPerSecond }, ...(report && { report }) };
    writeFileSync(`${folder}/${name}.json`, JSON.stringify(job));
}

// until: of a line on stdout; then it is killed.
async function run(name, until) {
    const lines = [];
    const begun = Date.now();
    const end = await lab.command(folder, ["run", `${folder}/${name}.json`, "--json"], { REPORT_TOKEN: TOKEN }, {
        deadlineMs: 120000,
        started: (child) => {
            createInterface({ input: child.stdout }).on("line", (line) => {
                lines.push(line);
                if (until?.(lines)) child.kill("SIGKILL");
            });
        },
    });
    expect(!end.hung, `${name} came to its end`);
    return { ...end, lines, ms: Date.now() - begun };
}

const isLast = (run) => run.lines.at(-1)?.includes('"event":"end","exit":0');

// Progress may have been left out upstream, and a sentence about the end of reports stands on stderr alone.
function expectTold(run, name, tail = 0) {
    const all = new Set(taken());
    const missing = run.lines.findIndex((line) => !all.has(line));
    expect(missing < 0 || missing >= run.lines.length - tail, `${name}: told upstream too: ${run.lines[missing]}`);
    const at = run.lines.filter((line) => all.has(line)).map((line) => taken().indexOf(line));
    expect(at.every((place, i) => i === 0 || place > at[i - 1]), `${name}: in the same order`);
    expect(all.size === taken().length, `${name}: each once`);
}

// ---- The cases ----

async function neverAnswers(url) {
    behave("stall");
    writeJob("quiet", null, 16 << 20);
    writeJob("stalled", url, 16 << 20);
    const quiet = await run("quiet");
    const stalled = await run("stalled");
    const took = (run) => Date.parse(JSON.parse(run.lines.at(-1)).time) - Date.parse(JSON.parse(run.lines[0]).time);
    expect(took(stalled) < took(quiet) * 1.5 + 10000, `its data is as quick: ${took(stalled)} and ${took(quiet)} ms`);
    expect(stalled.status === 0 && isLast(stalled), `a stalled upstream spoils no run: ${stalled.all.slice(-400)}`);
    expect(posts().length <= 2, `one post at a time: ${posts().length}`); // the second at the end
    expect(stalled.ms < 60000, `it is not waited for: ${stalled.ms} ms`);
    expect(stalled.err.includes("were not taken by 127.0.0.1: they are kept in"), `it is said: ${stalled.err}`);
    expect(waiting().length === 1, "what it did not hear is kept");
    behave("ok");
    const next = await run("stalled");
    expect(next.status === 0 && isLast(next), `the next run is well: ${next.all.slice(-400)}`);
    expectTold(stalled, "the run it did not hear");
    expectTold(next, "the run after it");
    expect(waiting().length === 0, "nothing is left in the folder");
}

async function killed(url) {
    behave("503");
    writeJob("killed", url, 16 << 20);
    const first = await run("killed", (lines) => lines.filter((line) => line.includes('"progress"')).length > 20);
    expect(first.signal === "SIGKILL", `it was killed amid its work: ${first.status}`);
    behave("ok");
    const next = await run("killed");
    expect(next.status === 0 && isLast(next), `the same job goes on: ${next.all.slice(-400)}`);
    expectTold(first, "the killed run", TAIL_MAX);
    expectTold(next, "the run after a kill");
}

async function losesAnswers(url) {
    rmSync(paths.behave);
    writeJob("lost", url, 16 << 20);
    // Every other batch is taken and its answer lost; which, is told by how many came.
    const arrived = () => readFileSync(paths.log, "utf8").split("\n").length;
    const before = arrived();
    behave("store-close");
    const timer = setInterval(() => behave((arrived() - before) % 2 ? "ok" : "store-close"), 20);
    const lost = await run("lost");
    clearInterval(timer);
    behave("ok");
    expect(lost.status === 0, `lost answers spoil nothing: ${lost.all.slice(-400)}`);
    const next = await run("lost");
    expect(next.status === 0, "the next run is well");
    expectTold(lost, "the run whose answers were lost");
    expect(posts().some((post) => post.repeated > 0), "a batch came twice, and was told by its numbers");
}

const upstream = await startUpstream();
const bytes = Buffer.alloc(16 * lab.MIB);
lab.fillRandom(lab.random(7), bytes);
writeFileSync(`${folder}/source.raw`, bytes);
try {
    await neverAnswers(upstream.url);
    await killed(upstream.url);
    await losesAnswers(upstream.url);
} finally {
    upstream.child.kill("SIGTERM");
    await once(upstream.child, "exit");
}
expect(posts().every((post) => post.authorized && post.contentType === "application/x-ndjson"), "each post says who it is");
for (const name of readdirSync(folder, { recursive: true }).filter((name) => /report|taken|posts/.test(name))) {
    const path = `${folder}/${name}`;
    const text = path.endsWith("reports") ? "" : readFileSync(path, "latin1");
    expect(!(name + text).includes("nobody-sees"), `no secret in ${name}`);
}
for (const report of lab.sanitizerReports(folder)) expect(false, report);
console.log(failed ? `${failed} expectations were not met` : "reports: told, kept, delivered");
process.exit(failed ? 1 : 0);
