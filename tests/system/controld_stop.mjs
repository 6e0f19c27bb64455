// controld_stop.mjs - SIGTERM to snapferryd while its regions are stopped (SIGSTOP): it ends within seconds, leaves no
// process, and the next start goes on. Run by controld_stop_test.sh.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { Controld, GROUP, sleep } from "./controld_lab.mjs";
import { fillRandom, firstDifference, makeBlob, MIB, putPages, random, Region, sanitizerReports, withoutSecrets } from "./lab.mjs";

const folder = process.env.TMPDIR;
const draw = random(11);
const DISK = 32 * MIB;
const WAIT_MS = 60000;
const END_MS = 8000; // on a machine with other work; alone it takes a little more than 2 s

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

const image = Buffer.alloc(DISK);
fillRandom(draw, image);
await makeBlob(west.owned("disks", "vm-os"), DISK);
await putPages(west.owned("disks", "vm-os"), 0, image);

const stop = (...regions) => regions.forEach(({ child }) => child.kill("SIGSTOP"));
const go = (...regions) => regions.forEach(({ child }) => child.kill("SIGCONT"));
const collection = (name) => `${GROUP}/restorePointCollections/${name}`;
const path = (name) => `${collection(name.split("/")[0])}/restorePoints/${name.split("/")[1]}`;
const rows = (sql) => // only while nobody has it open: its log is its own
    execFileSync("python3", ["-c",
    "import sqlite3, sys; print(sqlite3.connect('file:%s?mode=ro' % sys.argv[1], uri=True).execute(sys.argv[2]).fetchall())",
    `${folder}/one/catalog.db`, sql]).toString();

async function until(words, condition) {
    for (const end = Date.now() + WAIT_MS; !(await condition()); await sleep(30)) assert.ok(Date.now() < end, `never: ${words}`);
}

async function collect(name, location, source) {
    const { status, text } = await one.ask("PUT", collection(name), { location, properties: { source: { id: `${GROUP}/${source}` } } });
    assert.equal(status, 201, text);
}

async function put(name, source) {
    const { status, text } = await one.ask("PUT", path(name), { properties: source ? { sourceRestorePoint: { id: path(source) } } : {} });
    assert.equal(status, 201, text);
}

async function isComplete(name) {
    const { body, text } = await one.ask("GET", `${path(name)}?$expand=instanceView`);
    assert.notEqual(body.properties.provisioningState, "Failed", text);
    return body.properties.provisioningState === "Succeeded" &&
        body.properties.instanceView.diskRestorePoints.every((d) => d.replicationStatus.completionPercent === 100);
}

async function same(name) {
    const { body } = await one.ask("GET", path(name));
    const { id } = body.properties.sourceMetadata.storageProfile.osDisk.diskRestorePoint;
    const granted = await one.ask("POST", `${id}/beginGetAccess`, { access: "Read", durationInSeconds: 600 });
    const answer = await fetch(granted.body.accessSAS, { headers: { "x-ms-version": "2021-12-02" } });
    assert.equal(firstDifference(image, Buffer.from(await answer.arrayBuffer())), -1, name);
    assert.equal((await one.ask("POST", `${id}/endGetAccess`)).status, 200);
}

// Asked to end while regions stand still: how long it took. It ends well, and nothing of it lives on.
async function ends() {
    const began = Date.now();
    const { status, signal } = await one.stop();
    const took = Date.now() - began;
    assert.equal(status, 0, `it ended with ${signal ?? status}: ${one.said}`);
    assert.ok(took < END_MS, `it took ${took} ms to end`);
    assert.deepEqual(one.movers(), [], "no child outlives it");
    return took;
}

const written = () => east.requests().filter((r) => r.pageWrite === "update" && r.status === 201)
    .reduce((total, r) => total + r.bytesIn, 0);

const steps = {
    async "while a machine is cut"() {
        await collect("local", "west", "virtualMachines/vm1");
        stop(west);
        await put("local/p1");
        const took = await ends();
        assert.match(rows("SELECT state FROM points"), /Creating/);
        go(west);
        await one.start();
        await until("p1 is complete", () => isComplete("local/p1"));
        await same("local/p1");
        return took;
    },
    async "while a disk is copied"() {
        await collect("far", "east", "restorePointCollections/local");
        await east.stop();
        await east.start({ shape: { blob: { bytesPerSecond: 4000000 } } });
        await put("far/p1", "local/p1");
        await until("some of it is there", () => written() > 0);
        await until("it is told", async () => (await one.ask("GET", `${path("far/p1")}?$expand=instanceView`)).text.includes("ReplicationState/inProgress"));
        stop(west, east);
        const took = await ends();
        assert.match(rows("SELECT code, ended_ns FROM disk_points WHERE source_disk_point_id IS NOT NULL"), /inProgress', 0\)/);
        go(west, east);
        await east.stop(); // what it had received is written and in its log by then
        await east.start();
        const before = written();
        await one.start();
        await until("p1 is copied", () => isComplete("far/p1"));
        const again = written() - before;
        assert.ok(again < DISK, `it went on: ${again} bytes were written after ${before}`);
        await same("far/p1");
        return took;
    },
    async "while a region is asked for access, and a restore point is deleted"() {
        await put("local/p2");
        await until("p2 is complete", () => isComplete("local/p2"));
        const { body } = await one.ask("GET", path("far/p1"));
        const { id } = body.properties.sourceMetadata.storageProfile.osDisk.diskRestorePoint;
        stop(west, east);
        const asking = fetch(`${one.url}${id}/beginGetAccess?api-version=2025-01-02`, { method: "POST",
            headers: { "content-type": "application/json" }, body: JSON.stringify({ access: "Read", durationInSeconds: 600 }) });
        const asked = asking.then(({ status }) => status, () => "none");
        const { status } = await one.ask("DELETE", path("local/p2"));
        assert.equal(status, 202);
        const took = await ends();
        assert.ok([200, 202].includes(await asked) === false, `access is not told as given: ${await asked}`);
        assert.match(rows("SELECT state FROM points"), /Deleting/);
        go(west, east);
        await one.start();
        await until("p2 is gone", async () => (await one.ask("GET", path("local/p2"))).status === 404);
        return took;
    },
};

let status = 0;
for (const [words, step] of Object.entries(steps)) {
    try {
        console.log(`ok ${words}: it ended in ${await step()} ms`);
    } catch (e) {
        status = 1;
        console.log(`FAILED: ${words}: ${withoutSecrets(e.stack)}`);
        console.log(withoutSecrets(one.said));
        break;
    }
}
go(west, east);
for (const server of [one, west, east]) await server.stop(status ? "SIGKILL" : "SIGTERM");
for (const report of sanitizerReports(folder)) {
    status = 1;
    console.log(report);
}
process.exit(status);
