// controld_bench.mjs - what snapferryd's answers take with many restore points, and what many who look cost a copy.
// node controld_bench.mjs POINTS CLIENTS PAIRS, by controld.sh, in $TMPDIR. Prints a chapter for RESULTS.md, and gives its
// figures to the file $BENCH_JSON, if that is set.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import { Controld, GROUP, sleep } from "../tests/system/controld_lab.mjs";
import { fillRandom, makeBlob, MIB, putPages, random, Region } from "../tests/system/lab.mjs";

const folder = process.env.TMPDIR;
const [points, clients, pairs] = process.argv.slice(2).map(Number);
const COMPUTE = "2024-03-01";
const RATE = 60 * MIB; // of a blob, as a standard page blob has it
const DISK = 512 * MIB;
const shape = { blob: { bytesPerSecond: RATE } };
const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
const west = new Region(folder, "west");
const east = new Region(folder, "east");
await west.start();
await east.start({ shape });
writeFileSync(`${folder}/config.json`, JSON.stringify({
    regions: [west, east].map(({ name, url }) => ({ name, url: `${url}/disks`, account: "disks", key: "env:LAB_KEY" })),
    virtualMachines: [{ id: `${GROUP}/virtualMachines/vm1`, location: "west",
        disks: [{ name: "os", role: "os", blob: "vhds/vm-os" }] }],
}));
const one = new Controld(folder, `${folder}/config.json`);
process.on("exit", () => [one, west, east].forEach((server) => server.child?.kill("SIGKILL")));
await one.start();

const bytes = Buffer.alloc(DISK);
fillRandom(random(1), bytes);
const disk = west.sas("vm-os", "rcw");
await makeBlob(disk, DISK);
await putPages(disk, 0, bytes);

const made = async (path, body) => {
    const answer = await one.ask("PUT", path, body);
    assert.ok(answer.status < 300, `${path}: ${answer.status} ${answer.text}`);
    return answer.body;
};
const collection = (name) => `${GROUP}/restorePointCollections/${name}`;
const complete = async (path) => {
    for (;;) {
        const { body } = await one.ask("GET", `${path}?$expand=instanceView`);
        const disks = body.properties.instanceView.diskRestorePoints;
        assert.notEqual(body.properties.provisioningState, "Failed", JSON.stringify(body));
        if (disks.every((d) => d.replicationStatus.completionPercent === 100)) return body;
        await sleep(50);
    }
};
await made(collection("west"), { location: "west", properties: { source: { id: `${GROUP}/virtualMachines/vm1` } } });
await made(`${collection("west")}/restorePoints/rp-0`, { properties: {} });
const first = await complete(`${collection("west")}/restorePoints/rp-0`);

// ---- Many more, as rows like the first one's ----
await one.stop();
execFileSync("python3", ["-c", `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for table, column in (("points", "id"), ("disk_points", "point_id")):
    names = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    picked = ", ".join(f"replace({n}, '/rp-0', '/rp-' || n)" if n in ("id", "point_id") else n for n in names)
    db.execute(f"WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < ?) "
               f"INSERT INTO {table} SELECT {picked} FROM {table}, count WHERE {column} LIKE '%/rp-0'", (int(sys.argv[2]) - 1,))
db.commit()`, `${folder}/one/catalog.db`, String(points)]);
await one.start();

const agent = new http.Agent({ keepAlive: true, maxSockets: clients + 1 });
// {status, ms, text} of one GET, on a connection that stays
const get = (path) =>
    new Promise((resolve, reject) => {
        const begun = performance.now();
        http.get(`${one.url}${path}`, { agent }, (answer) => {
            let text = "";
            answer.on("data", (piece) => (text += piece));
            answer.on("end", () => resolve({ status: answer.statusCode, ms: performance.now() - begun, text }));
        }).on("error", reject);
    });
async function timed(count, path) {
    const all = [];
    for (let i = 0; i < count; i++) {
        const answer = await get(path(i));
        assert.equal(answer.status, 200, answer.text);
        all.push(answer.ms);
    }
    return all;
}
const draw = random(2);
const anyPoint = () => `${collection("west")}/restorePoints/rp-${draw.below(points)}?api-version=${COMPUTE}`;
const plain = await timed(2000, anyPoint);
const viewed = await timed(2000, () => `${anyPoint()}&$expand=instanceView`);
const pages = await timed(100, () => `${GROUP}/restorePointCollections?api-version=${COMPUTE}`);
let page = `/x-snapferry/restorePoints?collection=${encodeURIComponent(collection("west"))}`;
const listed = [];
let seen = 0;
while (page) {
    const answer = await get(page);
    const body = JSON.parse(answer.text);
    assert.equal(answer.status, 200, answer.text);
    listed.push(answer.ms);
    seen += body.value.length;
    page = body.nextLink && body.nextLink.replace(one.url, "");
}
assert.equal(seen, points);

// ---- Many who look at a copy ----
let copies = 0;
async function copy() {
    const to = collection(`east-${copies++}`);
    await made(to, { location: "east", properties: { source: { id: collection("west") } } });
    const begun = performance.now();
    await made(`${to}/restorePoints/rp`, { properties: { sourceRestorePoint: { id: first.id } } });
    await complete(`${to}/restorePoints/rp`);
    return (performance.now() - begun) / 1000;
}
async function looked() {
    const path = `${collection(`east-${copies}`)}/restorePoints/rp?api-version=${COMPUTE}&$expand=instanceView`;
    const all = [];
    let over = false;
    const lookers = Array.from({ length: clients }, async (_, i) => {
        await sleep((1000 * i) / clients);
        while (!over) {
            const { status, ms } = await get(path);
            if (status === 200) all.push(ms);
            await sleep(Math.max(0, 1000 - ms));
        }
    });
    const seconds = await copy();
    over = true;
    await Promise.all(lookers);
    return { seconds, all };
}
const ratios = [], alone = [], watched = [], answers = [];
for (let i = 0; i < pairs; i++) {
    const order = i % 2 ? ["copy", "looked"] : ["looked", "copy"];
    let a, w;
    for (const what of order)
        if (what === "copy") a = await copy();
        else {
            const both = await looked();
            w = both.seconds;
            answers.push(...both.all);
        }
    alone.push(a);
    watched.push(w);
    ratios.push(w / a);
}
await one.stop();
await west.stop();
await east.stop();
const figure = (what, unit, list, most) => {
    if (!process.env.BENCH_JSON) return;
    const short = (x) => Number(x.toFixed(3));
    const line = { chapter: "The service", scenario: `${points} restore points`, what, unit, median: short(median(list)),
        lowest: short(Math.min(...list)), highest: short(Math.max(...list)), ...(most ? { at_most: most } : { bound: null }) };
    appendFileSync(process.env.BENCH_JSON, `${JSON.stringify(line)}\n`);
};
figure("GET of a restore point", "ms", plain, 5);
figure("GET of one with its instance view", "ms", viewed, 5);
figure("page of collections", "ms", pages, 50);
figure("page of 100 restore points with their disks", "ms", listed, 50);
figure(`instance view while ${clients} clients ask`, "ms", answers);
figure(`a copy while ${clients} clients look at it, by one alone`, "ratio", ratios, 1.05);
const ms = (list) => `${median(list).toFixed(2)} | ${Math.max(...list).toFixed(1)}`;
console.log(`## The service

Written by \`bench/controld.sh ${points} ${clients} ${pairs}\`: snapferryd with ${points} restore points in its catalog, over plain
HTTP on this machine, one client that asks one thing after the other; then a copy of ${DISK / MIB} MiB into a blob that takes
${RATE / MIB} MiB/s (a standard page blob's), alone and with ${clients} clients that ask for its instance view once a second each.
Server, clients (node), data plane and regions on the same two cores.

| what | median ms | most | must hold |
|---|---|---|---|
| GET of a restore point | ${ms(plain)} | 5 |
| the same with its instance view | ${ms(viewed)} | 5 |
| page of collections | ${ms(pages)} | 50 |
| page of 100 restore points with their disks (${listed.length} pages) | ${ms(listed)} | 50 |
| instance view, while ${clients} ask and a copy runs | ${ms(answers)} | |
| seconds of the copy: alone ${median(alone).toFixed(2)}, looked at ${median(watched).toFixed(2)} (medians of ${pairs} pairs) | ratio ${median(ratios).toFixed(3)} | ${Math.max(...ratios).toFixed(3)} | 1.05 |`);
process.exit(0);
