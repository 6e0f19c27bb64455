// controld_kill.mjs - the story of restore points while snapferryd, its children and the regions are killed (SIGKILL),
// or snapferryd asked to end (SIGTERM), at random moments. node controld_kill.mjs [--kills N] [--seed N] [--keep]; run by controld_kill_test.sh.
//
// Rounds of: change both disks, cut, copy, read by a SAS, restore to a file, delete what is old; until there were
// enough kills. Everything that is ever told is remembered and held against what is told later.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { Controld, GROUP, sleep } from "./controld_lab.mjs";
import { ask, fillRandom, firstDifference, makeBlob, MIB, putPages, random, Region, sanitizerReports, withoutSecrets } from "./lab.mjs";

const folder = process.env.TMPDIR;
const option = (name, otherwise) => Number(process.argv[process.argv.lastIndexOf(name) + 1 || Infinity] ?? otherwise);
const kills = option("--kills", 10);
const seed = option("--seed", Date.now() % 1e6);
const draw = random(seed);
const moments = random(seed + 1); // of the killer: its own, so that the story's draws stay the same
const SIZES = { os: 6 * MIB, data: 3 * MIB };
const KEPT_ROUNDS = 2;
const WAIT_MS = 180000;
const shape = { latencyMs: 2, blob: { bytesPerSecond: 5000000 } };

const west = new Region(folder, "west");
const east = new Region(folder, "east");
await west.start({ shape });
await east.start({ shape });
writeFileSync(`${folder}/config.json`, JSON.stringify({
    regions: [west, east].map(({ name, url }) => ({ name, url: `${url}/disks`, account: "disks", key: "env:LAB_KEY" })),
    virtualMachines: [{ id: `${GROUP}/virtualMachines/vm1`, location: "west", disks: [
        { name: "os", role: "os", blob: "vhds/vm-os" }, { name: "data", lun: 0, blob: "vhds/vm-data" }] }],
}));
process.on("exit", () => [one, west, east].forEach((server) => server.child?.kill("SIGKILL")));
const one = new Controld(folder, `${folder}/config.json`);
await one.start();

// ---- The killer ----
const killed = { snapferryd: 0, child: 0, west: 0, east: 0, asked: 0 }; // asked: SIGTERM, to end well
let killing = true;
const badEnds = [];
const total = () => Object.values(killed).reduce((sum, n) => sum + n, 0);
async function killer() {
    while (killing && total() < kills) {
        await sleep(30 + moments.below(moments.chance(0.3) ? 200 : 1600));
        const victim = moments.one(["snapferryd", "snapferryd", "child", "child", "west", "east", "asked"]);
        if (!killing) return;
        if (victim === "child") {
            let pid;
            for (let tries = 0; !pid && killing && tries < 60; tries++) {
                [pid] = one.movers();
                if (!pid) await sleep(25);
            }
            if (!pid) continue;
            try {
                process.kill(Number(pid), "SIGKILL");
            } catch {
                continue; // it ended by itself
            }
        } else if (victim === "snapferryd") {
            await one.stop("SIGKILL");
            await sleep(moments.below(100));
            await one.start();
        } else if (victim === "asked") {
            const { status, signal } = await one.stop();
            if (status !== 0) badEnds.push(`asked to end, it did with ${status ?? signal}: ${one.said}`);
            await one.start();
        } else {
            const region = victim === "west" ? west : east;
            await region.stop("SIGKILL");
            await sleep(moments.below(300));
            await region.start({ shape });
        }
        killed[victim]++;
    }
}

// ---- What was told ----
const operations = new Set(); // URLs
const percents = new Map(); // of each disk restore point, the most that was shown
const complete = new Map(); // restore point's path -> its rounds, as long as it is not deleted
const resumed = { copies: 0, cuts: 0, disks: 0 };
const images = []; // of each round: {os, data}

async function put(path, body, ...wanted) {
    const answer = await one.ask("PUT", path, body);
    assert.ok([200, 201, 202, ...wanted].includes(answer.status), `PUT ${path}: ${answer.status} ${answer.text}`);
    const operation = answer.headers.get("azure-asyncoperation");
    if (operation) operations.add(operation);
    return answer;
}

// Looks at a restore point; whether it is complete. What it says may never take back what was said.
async function look(path) {
    const { status, body, text } = await one.ask("GET", `${path}?$expand=instanceView`);
    assert.equal(status, 200, `${path}: ${text}`);
    const { provisioningState, instanceView } = body.properties;
    const disks = instanceView.diskRestorePoints ?? [];
    const ended = disks.filter((d) => d.replicationStatus.status.code === "ReplicationState/succeeded");
    for (const { id, replicationStatus: r } of disks) {
        assert.ok(r.completionPercent >= (percents.get(id) ?? 0), `percent goes back: ${percents.get(id)} to ${r.completionPercent}, ${id}`);
        assert.equal(r.completionPercent === 100, r.status.code === "ReplicationState/succeeded", text);
        percents.set(id, r.completionPercent);
    }
    const is = disks.length === 2 && ended.length === 2 && provisioningState !== "Failed";
    assert.ok(is || !complete.has(path), `it was complete: ${text}`);
    assert.ok(ended.length < disks.length || provisioningState !== "Failed", `failed, and all of it complete: ${text}`);
    return { is, state: provisioningState, body, text };
}

// PUT, and PUT again when it has failed, until it is complete.
async function make(path, body, round, kind) {
    const until = Date.now() + WAIT_MS;
    await Promise.all([put(path, body), put(path, body)]); // asked twice at once, it is made once
    for (;;) {
        const seen = await look(path);
        if (seen.is) break;
        assert.ok(Date.now() < until, `not complete in time: ${seen.text}`);
        if (seen.state === "Failed") {
            resumed[kind]++;
            await put(path, body);
        }
        await sleep(60);
    }
    complete.set(path, round);
}

async function download(url) {
    for (let tries = 0; ; tries++) {
        try {
            const answer = await fetch(url, { headers: { "x-ms-version": "2021-12-02" } });
            const bytes = Buffer.from(await answer.arrayBuffer());
            if (answer.status === 200) return bytes;
            assert.ok(answer.status >= 500, `${answer.status} ${withoutSecrets(bytes.toString())}`);
        } catch (e) {
            if (e.code === "ERR_ASSERTION" || tries > 300) throw e;
        }
        await sleep(100);
    }
}

// Every disk of it by a SAS, against what the disks were when it was cut.
async function same(path, round) {
    const { body } = await look(path);
    const profile = body.properties.sourceMetadata.storageProfile;
    for (const [disk, member] of [["os", profile.osDisk], ["data", profile.dataDisks[0]]]) {
        const { id } = member.diskRestorePoint;
        let granted;
        for (let tries = 0; granted?.status !== 200; tries++) {
            assert.ok(tries < 50, `no access: ${granted?.text}`);
            granted = await one.ask("POST", `${id}/beginGetAccess`, { access: "Read", durationInSeconds: 3600 });
        }
        const at = firstDifference(images[round][disk], await download(granted.body.accessSAS));
        assert.equal(at, -1, `${disk} of ${path} differs at ${at}`);
        for (let status = 0, tries = 0; status !== 200; tries++) {
            assert.ok(tries < 50, "access does not end");
            ({ status } = await one.ask("POST", `${id}/endGetAccess`));
        }
    }
}

async function restore(point, round) {
    const { body } = await look(point);
    const name = `r${round}`;
    const path = `${GROUP}/disks/${name}`;
    const wanted = { location: "east", properties: { "x-snapferry": { file: name }, creationData: { createOption: "Restore",
        sourceResourceId: body.properties.sourceMetadata.storageProfile.osDisk.diskRestorePoint.id } } };
    const until = Date.now() + WAIT_MS;
    await put(path, wanted);
    for (;;) {
        const { body: disk, text } = await one.ask("GET", path);
        if (disk.properties.provisioningState === "Succeeded") break;
        assert.ok(Date.now() < until, `not restored in time: ${text}`);
        if (disk.properties.provisioningState === "Failed") {
            resumed.disks++;
            await put(path, wanted);
        }
        await sleep(60);
    }
    const at = firstDifference(images[round].os, readFileSync(`${folder}/one/disks/${name}`));
    assert.equal(at, -1, `the restored disk of round ${round} differs at ${at}`);
}

async function remove(path) {
    const until = Date.now() + WAIT_MS;
    complete.delete(path);
    for (;;) {
        const answer = await one.ask("DELETE", path);
        if (answer.status === 204) return;
        assert.equal(answer.status, 202, `DELETE ${path}: ${answer.text}`);
        const operation = answer.headers.get("azure-asyncoperation");
        operations.add(operation);
        for (let status = "InProgress"; status === "InProgress"; await sleep(50)) {
            ({ body: { status } } = await one.ask("GET", operation));
            assert.ok(Date.now() < until, `not deleted in time: ${path}`);
        }
    }
}

// ---- The story ----
const own = (region, name) => region.owned("disks", name);
async function through(work) {
    for (let tries = 0; ; tries++) {
        try {
            return await work();
        } catch (e) {
            if (tries > 300) throw e;
            await sleep(100); // the region is away
        }
    }
}

async function change(round) {
    images[round] = {};
    for (const [disk, bytes] of Object.entries(SIZES)) {
        const now = round ? Buffer.from(images[round - 1][disk]) : Buffer.alloc(bytes);
        const pieces = round ? 4 : 1;
        if (!round) await through(() => makeBlob(own(west, `vm-${disk}`), bytes));
        for (let i = 0; i < pieces; i++) {
            const piece = Buffer.alloc(round ? MIB / 4 : bytes - MIB);
            const at = round ? draw.below((bytes - MIB) / MIB) * MIB : 0;
            fillRandom(draw, piece);
            piece.copy(now, at);
            await through(() => putPages(own(west, `vm-${disk}`), at, piece));
        }
        images[round][disk] = now;
    }
}

const collection = (name) => `${GROUP}/restorePointCollections/${name}`;
const point = (name, round) => `${collection(name)}/restorePoints/p${round}`;
async function round(n) {
    await change(n);
    await make(point("rpc-west", n), { properties: {} }, n, "cuts");
    await make(point("rpc-east", n), { properties: { sourceRestorePoint: { id: point("rpc-west", n) } } }, n, "copies");
    await same(point("rpc-east", n), n);
    await restore(point("rpc-east", n), n);
    if (n >= KEPT_ROUNDS) {
        await remove(`${GROUP}/disks/r${n - KEPT_ROUNDS}`);
        assert.ok(!existsSync(`${folder}/one/disks/r${n - KEPT_ROUNDS}`));
        for (const name of draw.chance(0.5) ? ["rpc-west", "rpc-east"] : ["rpc-east", "rpc-west"])
            await remove(point(name, n - KEPT_ROUNDS));
    }
    for (const path of complete.keys()) await look(path);
}

// ---- The end: what is there, and nothing else ----
async function snapshotsOf(region) {
    const all = await (await through(() => ask(`${region.url}/disks?comp=list`, {}, 200))).text();
    const found = [];
    for (const [, name] of all.matchAll(/<Container><Name>([^<]*)</g)) {
        const url = `${region.url}/disks/${name}?restype=container&comp=list&include=snapshots,metadata`;
        for (const [blob] of (await (await ask(url, {}, 200)).text()).matchAll(/<Blob>.*?<\/Blob>/gs))
            if (blob.includes("<Snapshot>")) found.push(/<snapferry_point>([^<]*)</.exec(blob)?.[1].toLowerCase());
    }
    return { found, containers: [...all.matchAll(/<Container><Name>(f-[^<]*)</g)].length };
}

async function sweptClean(wanted) {
    const until = Date.now() + 30000;
    for (;;) {
        const there = [...(await snapshotsOf(west)).found, ...(await snapshotsOf(east)).found].sort();
        if (JSON.stringify(there) === JSON.stringify(wanted)) return;
        assert.ok(Date.now() < until, `snapshots ${JSON.stringify(there)}\nwanted ${JSON.stringify(wanted)}`);
        await sleep(200);
    }
}

async function operationsEnd() {
    for (const operation of operations) {
        const until = Date.now() + 60000;
        for (let status = "InProgress"; status === "InProgress"; ) {
            const { body, text } = await one.ask("GET", operation);
            ({ status } = body);
            assert.ok(status, text);
            assert.ok(Date.now() < until, `an operation does not end: ${text}`);
            if (status === "InProgress") await sleep(100);
        }
    }
}

async function all() {
    await put(collection("rpc-west"), { location: "west", properties: { source: { id: `${GROUP}/virtualMachines/vm1` } } });
    await put(collection("rpc-east"), { location: "east", properties: { source: { id: collection("rpc-west") } } });
    const death = killer();
    let n = 0;
    while (n < KEPT_ROUNDS + 1 || total() < kills) await round(n++);
    killing = false;
    await death;
    assert.deepEqual(badEnds, []);
    assert.equal((await one.stop()).status, 0, `it ends well when it is asked to: ${one.said}`);
    await sleep(100);
    assert.deepEqual(one.movers(), [], "no child outlives it");
    await one.start();
    await operationsEnd();
    const wanted = [];
    for (const [path, of] of complete) {
        const { body } = await look(path);
        for (const disk of body.properties.instanceView.diskRestorePoints) wanted.push(disk.id.toLowerCase());
        await same(path, of);
    }
    await sweptClean(wanted.sort());
    for (const name of ["rpc-east", "rpc-west"]) await remove(collection(name));
    await sweptClean([]);
    assert.equal((await snapshotsOf(east)).containers, 0, "no container of a family is left");
    return n;
}

let status = 0;
const began = Date.now();
try {
    const rounds = await all();
    console.log(`${total()} kills (${Object.entries(killed).map(([name, n]) => `${name} ${n}`).join(", ")}) in ${rounds} rounds, `
        + `${((Date.now() - began) / 1000).toFixed(0)} s; put again after a failure: cuts ${resumed.cuts}, copies ${resumed.copies}, `
        + `disks ${resumed.disks}; ${operations.size} operations ended; every restore point as it was cut`);
} catch (e) {
    status = 1;
    console.log(`FAILED (--kills ${kills} --seed ${seed}, after ${total()} kills): ${withoutSecrets(e.stack)}`);
    console.log(withoutSecrets(one.said));
}
killing = false;
await sleep(2000 * status); // a killer at work
for (const server of [one, west, east]) await server.stop(status ? "SIGKILL" : "SIGTERM");
for (const report of sanitizerReports(folder)) {
    status = 1;
    console.log(report);
}
process.exit(status);
