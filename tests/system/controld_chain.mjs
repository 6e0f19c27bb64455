// controld_chain.mjs - deltas of snapferryd while restore points of the chain go: the newest copy, the snapshot that the
// next delta starts from; and restore points made straight in another region. Run by controld_chain_test.sh.
//
// That a copy was a delta is told by the regions' logs: bytes of pages read at the source and written to the target.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { Controld, GROUP, sleep } from "./controld_lab.mjs";
import { ask, fillRandom, firstDifference, makeBlob, MIB, putPages, random, Region, sanitizerReports, withoutSecrets } from "./lab.mjs";

const folder = process.env.TMPDIR;
const draw = random(7);
const DISK = 4 * MIB;
const PIECE = MIB / 8; // what changes from one restore point to the next
const DELTA_MAX = DISK / 8;
const WAIT_MS = 60000;

const west = new Region(folder, "west");
const east = new Region(folder, "east");
await west.start();
await east.start();
writeFileSync(`${folder}/config.json`, JSON.stringify({
    regions: [west, east].map(({ name, url }) => ({ name, url: `${url}/disks`, account: "disks", key: "env:LAB_KEY" })),
    virtualMachines: [{ id: `${GROUP}/virtualMachines/vm1`, location: "west", disks: [{ name: "os", role: "os", blob: "vhds/vm-os" }] }],
}));
process.on("exit", () => [one, west, east].forEach((server) => server.child?.kill("SIGKILL")));
const one = new Controld(folder, `${folder}/config.json`);
await one.start();

// ---- The disk ----
const blob = west.owned("disks", "vm-os");
let image = Buffer.alloc(DISK);
const images = new Map(); // of each restore point
async function change(bytes = PIECE) {
    const piece = Buffer.alloc(bytes);
    const at = bytes === DISK ? 0 : draw.below(DISK / PIECE) * PIECE;
    fillRandom(draw, piece);
    image = Buffer.from(image);
    piece.copy(image, at);
    await putPages(blob, at, piece);
}

// ---- Restore points ----
const collection = (name) => `${GROUP}/restorePointCollections/${name}`;
const path = (name) => `${collection(name.split("/")[0])}/restorePoints/${name.split("/")[1]}`;
async function collect(name, location, source) {
    const { status, text } = await one.ask("PUT", collection(name), { location, properties: { source: { id: `${GROUP}/${source}` } } });
    assert.equal(status, 201, text);
}

async function make(name, source) {
    const properties = source ? { sourceRestorePoint: { id: path(source) } } : {};
    const { status, text } = await one.ask("PUT", path(name), { properties });
    assert.equal(status, 201, text);
    const until = Date.now() + WAIT_MS;
    for (;;) {
        const { body, text } = await one.ask("GET", `${path(name)}?$expand=instanceView`);
        assert.notEqual(body.properties.provisioningState, "Failed", text);
        if (body.properties.instanceView.diskRestorePoints.every((d) => d.replicationStatus.completionPercent === 100)) break;
        assert.ok(Date.now() < until, `not complete in time: ${text}`);
        await sleep(40);
    }
    images.set(name, images.get(source) ?? image);
}

async function remove(name) {
    const answer = await one.ask("DELETE", name.includes("/") ? path(name) : collection(name));
    assert.equal(answer.status, 202, answer.text);
    for (let status = "InProgress"; status === "InProgress"; await sleep(40))
        ({ body: { status } } = await one.ask("GET", answer.headers.get("azure-asyncoperation")));
    images.delete(name);
}

async function same(name) {
    const { body } = await one.ask("GET", path(name));
    const { id } = body.properties.sourceMetadata.storageProfile.osDisk.diskRestorePoint;
    const granted = await one.ask("POST", `${id}/beginGetAccess`, { access: "Read", durationInSeconds: 600 });
    assert.equal(granted.status, 200, granted.text);
    const answer = await fetch(granted.body.accessSAS, { headers: { "x-ms-version": "2021-12-02" } });
    const at = firstDifference(images.get(name), Buffer.from(await answer.arrayBuffer()));
    assert.equal(at, -1, `${name} differs at ${at}`);
    assert.equal((await one.ask("POST", `${id}/endGetAccess`)).status, 200);
}

// ---- What was moved, and what lies in the regions ----
const sum = (requests, member) => requests.reduce((total, r) => total + r[member], 0);
const readAt = (region) => sum(region.requests().filter((r) => r.method === "GET" && r.status === 206), "bytesOut");
const writtenAt = (region) => sum(region.requests().filter((r) => r.pageWrite === "update" && r.status === 201), "bytesIn");
let read = 0, written = 0;
async function moved(work) {
    const before = { read: readAt(west), written: writtenAt(east) };
    await work();
    read = readAt(west) - before.read;
    written = writtenAt(east) - before.written;
}

async function isFull(name, work) {
    await moved(work);
    assert.ok(read >= DISK && written >= DISK, `${name} is a full copy: ${read} read, ${written} written`);
    await same(name);
}

async function isDelta(name, work) {
    await moved(work);
    assert.ok(written >= PIECE && written <= DELTA_MAX, `${name} is a delta: ${written} bytes were written`);
    assert.ok(read >= PIECE && read <= DELTA_MAX, `${name} is a delta: ${read} bytes were read`);
    await same(name);
}

const copy = (name, source) => [name, () => make(name, source)];

async function snapshots() { // of the machine's disk: their times
    const url = `${west.url}/disks/vhds?restype=container&comp=list&include=snapshots`;
    const text = await (await ask(url, {}, 200)).text();
    return [...text.matchAll(/<Snapshot>([^<]*)</g)].map(([, time]) => time).sort();
}

async function until(words, condition) {
    for (const end = Date.now() + WAIT_MS; !(await condition()); await sleep(40)) assert.ok(Date.now() < end, `never: ${words}`);
}
const snapshotsAre = (count) => until(`${count} snapshots of the machine's disk`, async () => (await snapshots()).length === count);

await makeBlob(blob, DISK);
await change(DISK);

const steps = {
    async "the copy after the newest one was deleted is a delta"() {
        await collect("local", "west", "virtualMachines/vm1");
        await collect("far", "east", "restorePointCollections/local");
        await make("local/p1");
        await isFull(...copy("far/p1", "local/p1"));
        await change();
        await make("local/p2");
        await isDelta(...copy("far/p2", "local/p2"));
        await remove("far/p2");
        await change();
        await make("local/p3");
        await isDelta(...copy("far/p3", "local/p3"));
        await same("far/p1");
    },
    async "what a delta starts from outlives its restore point, and no delta"() {
        await remove("local/p3");
        assert.equal((await one.ask("GET", path("local/p3"))).status, 404);
        await change();
        await make("local/p4");
        await snapshotsAre(4); // p1, p2, p4, and the one that was p3's
        await one.stop();
        await one.start();
        await isDelta(...copy("far/p4", "local/p4"));
        await snapshotsAre(3);
    },
    async "the only restore point of a live blob goes, and the chain goes on there"() {
        await isFull("far/older", () => make("far/older", "local/p2")); // p4 is newer: another blob
        await remove("far/older");
        await isDelta(...copy("far/again", "local/p4"));
        for (const name of ["far/p1", "far/p3", "far/p4", "far/again"]) await same(name);
    },
    async "a chain without any restore point is gone, and begins anew"() {
        for (const name of ["far/p1", "far/p3", "far/p4", "far/again"]) await remove(name);
        await isFull(...copy("far/new", "local/p4"));
    },
    async "where somebody deleted the snapshot by hand, the copy is a full one, and right"() {
        await remove("local/p4");
        await ask(`${blob}&snapshot=${encodeURIComponent((await snapshots()).at(-1))}`, { method: "DELETE" }, 202);
        await change();
        await make("local/p5");
        await isFull(...copy("far/p5", "local/p5"));
        await snapshotsAre(3);
    },
    async "restore points made straight in another region are deltas"() {
        await collect("direct", "east", "virtualMachines/vm1");
        await isFull(...copy("direct/p1"));
        await snapshotsAre(4); // one that the next starts from
        await change();
        await isDelta(...copy("direct/p2"));
        await snapshotsAre(4);
        await same("direct/p1");
    },
    async "also after a restart, and without the newest of them"() {
        await one.stop("SIGKILL");
        await one.start();
        await remove("direct/p2");
        await snapshotsAre(4);
        await change();
        await isDelta(...copy("direct/p3"));
        await snapshotsAre(4);
        await change();
        await make("local/p6"); // a chain of its own, of the same blob
        await isDelta(...copy("far/p6", "local/p6"));
        await snapshotsAre(5);
    },
    async "the snapshot goes with its chain"() {
        await remove("direct");
        await snapshotsAre(4);
        await remove("far");
        await remove("local");
        await snapshotsAre(0);
    },
};

let status = 0;
for (const [words, step] of Object.entries(steps)) {
    const began = Date.now();
    try {
        await step();
        console.log(`ok ${words} (${Date.now() - began} ms)`);
    } catch (e) {
        status = 1;
        console.log(`FAILED: ${words}: ${withoutSecrets(e.stack)}`);
        console.log(withoutSecrets(one.said));
        break;
    }
}
for (const server of [one, west, east]) await server.stop(status ? "SIGKILL" : "SIGTERM");
for (const report of sanitizerReports(folder)) {
    status = 1;
    console.log(report);
}
process.exit(status);
