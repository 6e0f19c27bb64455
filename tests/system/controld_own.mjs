// controld_own.mjs - what deletions and restores of snapferryd must not touch: the disks of machines, and blobs that
// restore points lie in. Run by controld_own_test.sh; a name as argument runs that part alone.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { Controld, GROUP, sleep } from "./controld_lab.mjs";
import { ask, fillRandom, lookAtBlob, makeBlob, MIB, putPages, random, Region, sanitizerReports } from "./lab.mjs";

const folder = process.env.TMPDIR;
const west = new Region(folder, "west");
const east = new Region(folder, "east");
await west.start();
await east.start();
const draw = random(8);
const made = (bytes) => {
    const data = Buffer.alloc(bytes);
    fillRandom(draw, data);
    return data;
};
const blobOf = (name) => west.owned("disks", name);
async function putBlob(name, data) {
    await makeBlob(blobOf(name), data.length);
    await putPages(blobOf(name), 0, data);
}
const cuts = `${folder}/cuts`;
mkdirSync(cuts);
const byCommand = { means: "command", folder: cuts, command: 'cp "$SNAPFERRY_SOURCE" "$SNAPFERRY_CUT"' };

// Each machine has one disk, vmN-d; where it lies changes between two lives of the program.
const backing = { vm1: { file: `${folder}/vm1.raw`, snapshot: byCommand }, vm2: { blob: "vhds/vm2" }, vm3: { blob: "vhds/vm3" },
    vm4: { file: `${folder}/vm1.raw`, snapshot: { ...byCommand, command: `until [ -e ${folder}/go ]; do sleep 0.02; done; ${byCommand.command}` } } };
function configure() {
    writeFileSync(`${folder}/config.json`, JSON.stringify({
        regions: [west, east].map(({ name, url }) => ({ name, url: `${url}/disks`, account: "disks", key: "env:LAB_KEY" })),
        virtualMachines: Object.entries(backing).map(([name, lies]) => ({
            id: `${GROUP}/virtualMachines/${name}`, location: name === "vm3" ? "West" : "west", disks: [{ name: `${name}-d`, role: "os", ...lies }] })),
    }));
}
const one = new Controld(folder, `${folder}/config.json`);
process.on("exit", () => [one, west, east].forEach((server) => server.child?.kill("SIGKILL")));
async function changeBacking(machine, lies) {
    await one.stop();
    backing[machine] = lies;
    configure();
    await one.start();
}

const collection = (name) => `${GROUP}/restorePointCollections/${name}`;
const point = (name, p) => `${collection(name)}/restorePoints/${p}`;
const machine = (name) => `${GROUP}/virtualMachines/${name}`;
const disk = (name) => `${GROUP}/disks/${name}`;
const restoreOf = (id, more, location = "west") => ({ location, properties: {
    creationData: { createOption: "Restore", sourceResourceId: id }, ...more } });

async function put(path, body) {
    const { status, text } = await one.ask("PUT", path, body);
    assert.ok([200, 201, 202].includes(status), `${path}: ${status} ${text}`);
}
const collect = (name, of, location = "west") => put(collection(name), { location, properties: { source: { id: of } } });

async function until(path, wanted, look, tight) {
    for (const end = Date.now() + 60000; ; tight || (await sleep(20))) {
        const { body, text, status } = await one.ask("GET", path);
        if (wanted(status, body)) return look?.(body);
        assert.ok(Date.now() < end, `${path}: ${status} ${text}`);
    }
}
const complete = (path) => until(`${path}?$expand=instanceView`, (_, { properties: p }) =>
    p.instanceView.diskRestorePoints.every((d) => d.replicationStatus.completionPercent === 100),
    (body) => body.properties.instanceView.diskRestorePoints[0].id);
const restored = (path) => until(path, (_, body) => body.properties.provisioningState === "Succeeded");
const gone = (path) => until(path, (status) => status === 404);
async function remove(path) {
    const { status, text } = await one.ask("DELETE", path);
    assert.equal(status, 202, `${path}: ${text}`);
    await gone(path);
}
async function local(name, p) {
    await put(point(name, p), {});
    return await complete(point(name, p));
}

// By a SAS that is given and taken back.
async function contentOf(id) {
    const { body, text } = await one.ask("POST", `${id}/beginGetAccess`, { access: "Read", durationInSeconds: 600 });
    assert.ok(body.accessSAS, text);
    const { bytes } = await lookAtBlob(body.accessSAS);
    assert.equal((await one.ask("POST", `${id}/endGetAccess`)).status, 200);
    return bytes;
}

const parts = {
    // A machine's disk that was a file is moved to a page blob, under the same id: the chain of the file is another one.
    async "a raw disk becomes a blob"() {
        const before = made(MIB), after = made(MIB);
        writeFileSync(`${folder}/vm1.raw`, before);
        await collect("c1", machine("vm1"));
        const raw = await local("c1", "raw");
        await putBlob("vm1", after);
        await changeBacking("vm1", { blob: "vhds/vm1" });
        await local("c1", "blob");
        await remove(point("c1", "blob"));
        assert.ok((await lookAtBlob(blobOf("vm1")))?.bytes.equals(after), "the machine's disk was deleted with its restore point");
        const last = await local("c1", "last");
        assert.ok((await contentOf(raw)).equals(before), "the restore point of the file");
        assert.ok((await contentOf(last)).equals(after), "the restore point of the blob");
        await remove(collection("c1"));
        assert.ok((await lookAtBlob(blobOf("vm1")))?.bytes.equals(after), "the machine's disk was deleted with its collection");
    },
    // And the other way round; a blob of the name that a chain would give its first one is nobody's to write to.
    async "a blob becomes a raw disk"() {
        const before = made(MIB), after = made(MIB), foreign = made(MIB);
        await putBlob("vm2", before);
        await putBlob("disk-1", foreign);
        await collect("c2", machine("vm2"));
        const blob = await local("c2", "blob");
        writeFileSync(`${folder}/vm2.raw`, after);
        await changeBacking("vm2", { file: `${folder}/vm2.raw`, snapshot: byCommand });
        const raw = await local("c2", "raw");
        assert.ok((await lookAtBlob(blobOf("disk-1"))).bytes.equals(foreign), "somebody's blob was written to");
        assert.ok((await contentOf(blob)).equals(before), "the restore point of the blob");
        assert.ok((await contentOf(raw)).equals(after), "the restore point of the file");
        await remove(point("c2", "raw"));
        assert.ok((await contentOf(blob)).equals(before), "the restore point of the blob is gone with that of the file");
        await remove(collection("c2"));
        assert.ok((await lookAtBlob(blobOf("vm2")))?.bytes.equals(before), "the disk of before was deleted");
    },
    // A restored disk is a machine's; its restore points are snapshots of its blob.
    async "a disk with restore points is deleted"() {
        const data = made(MIB);
        await putBlob("vm3", data);
        await collect("c3", machine("vm3"));
        const source = await local("c3", "p");
        await put(disk("new"), restoreOf(source));
        await restored(disk("new"));
        const vm = { location: "west", properties: { storageProfile: { osDisk: {
            name: "o", createOption: "Attach", osType: "Linux", managedDisk: { id: disk("new") } } } } };
        await put(machine("made"), vm);
        await collect("c4", machine("made"));
        const kept = await local("c4", "p");
        assert.equal((await one.ask("DELETE", machine("made"))).status, 200);
        const refused = await one.ask("DELETE", disk("new"));
        assert.equal(refused.status, 409, `the disk that a restore point lies in is deleted: ${refused.text}`);
        assert.equal(refused.body.error.code, "OperationNotAllowed", refused.text);
        assert.match(refused.body.error.message, /restorePoints\/p/);
        assert.ok((await contentOf(kept)).equals(data));
        await remove(point("c4", "p"));
        await remove(disk("new"));
    },
    // A machine may name its disk in any form of its id: it is that disk, and no other machine's.
    async "a disk is attached in any spelling of its id"() {
        const source = await local("c3", "spelled");
        await put(disk("held"), restoreOf(source));
        await restored(disk("held"));
        const spelled = disk("held").slice(1).replace("Microsoft.Compute", "microsoft.compute");
        const vm = { location: "west", properties: { storageProfile: { osDisk: {
            name: "o", createOption: "Attach", osType: "Linux", managedDisk: { id: spelled } } } } };
        await put(machine("holder"), vm);
        await put(machine("holder"), vm);
        const second = await one.ask("PUT", machine("second"), vm);
        assert.equal(second.status, 409, `a disk of two machines: ${second.text}`);
        assert.match(second.body.error.message, /virtualMachines\/holder/);
        const refused = await one.ask("DELETE", disk("held"));
        assert.equal(refused.status, 409, `a disk that is attached is deleted: ${refused.text}`);
        await collect("c7", machine("holder"));
        await local("c7", "p");
        await remove(point("c7", "p"));
        assert.equal((await one.ask("DELETE", machine("holder"))).status, 200);
    },
    // The same URL, which can do more from then on.
    async "access to write is given where there was one to read"() {
        const url = async (access) => (await one.ask("POST", `${disk("held")}/beginGetAccess`, { access, durationInSeconds: 600 })).body.accessSAS;
        const read = await url("Read");
        await assert.rejects(putPages(read, 0, made(512)));
        assert.equal(await url("Write"), read);
        await putPages(read, 0, made(512));
        assert.equal((await one.ask("POST", `${disk("held")}/endGetAccess`)).status, 200);
        await assert.rejects(putPages(read, 0, made(512)));
        await remove(disk("held"));
    },
    // The region is slow to grant it, and the restore point goes meanwhile.
    async "no access is left to what was deleted while it was granted"() {
        const id = await local("c3", "fleeting");
        await west.stop();
        await west.start({ rules: [{ name: "slow", match: { comp: "acl" }, fault: "delay", ms: 1000 }] });
        const granted = one.ask("POST", `${id}/beginGetAccess`, { access: "Read", durationInSeconds: 600 });
        while (!west.requests().some((r) => r.fault === "slow")) await sleep(20);
        await remove(point("c3", "fleeting"));
        const { status, text } = await granted;
        assert.ok([404, 409].includes(status), `${status} ${text.slice(0, 60)}`);
        await west.stop();
        await west.start();
    },
    // The configuration spells the region in its own way: its disks are no place to restore to all the same.
    async "a disk of the configuration is no place to restore to"() {
        const data = (await lookAtBlob(blobOf("vm3"))).bytes;
        const [source] = [await local("c3", "q")];
        const answer = await one.ask("PUT", disk("over"), restoreOf(source, { "x-snapferry": { blob: "vhds/vm3" } }));
        assert.equal(answer.status, 409, answer.text);
        assert.ok((await lookAtBlob(blobOf("vm3"))).bytes.equals(data));
    },
    // Put again in the very moment in which it has failed, while its process is still ending.
    async "what has failed is put again at once"() {
        const source = await local("c3", "lost");
        const shown = (await one.ask("GET", `${point("c3", "lost")}`)).body.properties.sourceMetadata.storageProfile.osDisk;
        assert.equal(shown.diskRestorePoint.id, source);
        const { body } = await one.ask("POST", `${source}/beginGetAccess`, { access: "Read", durationInSeconds: 600 });
        const time = new URL(body.accessSAS).searchParams.get("snapshot");
        assert.equal((await one.ask("POST", `${source}/endGetAccess`)).status, 200);
        await ask(`${blobOf("vm3")}&snapshot=${encodeURIComponent(time)}`, { method: "DELETE" }, 202);
        for (let tries = 0; tries < 5; tries++) {
            await put(disk("again"), restoreOf(source));
            await until(disk("again"), (_, b) => b.properties.provisioningState === "Failed", null, true);
        }
        await collect("c5", collection("c3"), "east");
        for (let tries = 0; tries < 5; tries++) {
            const answer = await one.ask("PUT", point("c5", "lost"), { properties: { sourceRestorePoint: { id: point("c3", "lost") } } });
            assert.ok([201, 409].includes(answer.status), answer.text);
            await until(point("c5", "lost"), (_, b) => b.properties.provisioningState === "Failed", null, true);
            const { text } = await one.ask("GET", `${point("c5", "lost")}?$expand=instanceView`);
            assert.doesNotMatch(text, /on its way/);
        }
    },
    // Its row goes, a week after its end; one that is in progress stays, however old.
    async "an operation is forgotten a week after its end"() {
        const [ended, runs, fresh] = ["e0", "e1", "e2"].map((n) => `00000000-0000-4000-8000-0000000000${n}`);
        const day = 86400n * 1000000000n, now = BigInt(Date.now()) * 1000000n;
        await one.stop();
        const row = (guid, start, end) => `('${guid}','PUT','s1','west','${disk("x")}','${end ? "Succeeded" : "InProgress"}',NULL,NULL,0,${start},${end})`;
        const rows = [row(ended, now - 9n * day, now - 8n * day), row(runs, now - 9n * day, 0n), row(fresh, now - 9n * day, now - 6n * day)];
        const sql = `INSERT INTO operations (guid,kind,subscription,location,resource_id,status,error,result,remake,start_ns,end_ns) VALUES ${rows}`;
        execFileSync("python3", ["-c", "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()",
            `${folder}/one/catalog.db`, sql]);
        await one.start();
        const path = (guid) => `/subscriptions/s1/providers/Microsoft.Compute/locations/west/operations/${guid}`;
        await gone(path(ended));
        for (const guid of [runs, fresh]) assert.equal((await one.ask("GET", path(guid))).status, 200);
    },
    // Longer than one request is tried: it waits, and goes on; then the snapshot of what has arrived.
    async "a region that is away is waited for"() {
        await collect("c6", collection("c3"), "east");
        await put(point("c3", "away"), {});
        await complete(point("c3", "away"));
        await east.stop();
        await put(point("c6", "away"), { properties: { sourceRestorePoint: { id: point("c3", "away") } } });
        await until(`${point("c6", "away")}?$expand=instanceView`, (_, { properties: p }) => {
            assert.notEqual(p.provisioningState, "Failed", JSON.stringify(p));
            const { status } = p.instanceView.diskRestorePoints[0].replicationStatus;
            return status.code === "ReplicationState/pending" && /Waits for its region/.test(status.message);
        });
        await one.stop("SIGKILL");
        await one.start();
        await east.start({ rules: [{ name: "seal", match: { comp: "snapshot" }, fault: "status", status: 503 }] });
        await until(`${point("c6", "away")}?$expand=instanceView`, (_, { properties: p }) => {
            assert.notEqual(p.provisioningState, "Failed", JSON.stringify(p));
            const { status, completionPercent } = p.instanceView.diskRestorePoints[0].replicationStatus;
            assert.ok(completionPercent < 100);
            return /its snapshot is taken when the region answers/.test(status.message);
        });
        await east.stop();
        await east.start();
        const id = await complete(point("c6", "away"));
        assert.ok((await contentOf(id)).equals((await lookAtBlob(blobOf("vm3"))).bytes));
    },
    // Somebody else writes to the catalog for a while: what ends meanwhile is told when he is done.
    async "a catalog that takes no change is told later"() {
        const LOCK = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE')\n"
            + "print('held', flush=True); sys.stdin.read()";
        const lock = () => new Promise((resolve) => {
            const holder = spawn("python3", ["-c", LOCK, `${folder}/one/catalog.db`]);
            const ended = new Promise((over) => holder.on("close", over));
            holder.stdout.once("data", () => resolve(() => (holder.stdin.end(), ended)));
        });
        const status = async (answer) => (await one.ask("GET", answer.headers.get("azure-asyncoperation"))).body.status;
        writeFileSync(`${folder}/vm1.raw`, made(MIB));
        await collect("c8", machine("vm4"));
        await collect("c9", collection("c8"), "east");
        const asked = await one.ask("PUT", point("c8", "p"), {});
        assert.equal(asked.status, 201, asked.text);
        let release = await lock();
        writeFileSync(`${folder}/go`, "");
        while (!/the cut of .* is told later/.test(one.said)) await sleep(20);
        assert.equal(await status(asked), "InProgress");
        await release();
        const here = await complete(point("c8", "p"));
        assert.equal(await status(asked), "Succeeded");

        await east.stop();
        await east.start({ shape: { blob: { bytesPerSecond: 300000 } } });
        await put(point("c9", "p"), { properties: { sourceRestorePoint: { id: point("c8", "p") } } });
        await until(`${point("c9", "p")}?$expand=instanceView`, (_, { properties: p }) =>
            p.instanceView.diskRestorePoints[0].replicationStatus.status.code === "ReplicationState/inProgress");
        release = await lock();
        while (one.movers().length) await sleep(20);
        assert.ok((await one.ask("GET", `${point("c9", "p")}?$expand=instanceView`)).body
            .properties.instanceView.diskRestorePoints[0].replicationStatus.completionPercent < 100);
        await release();
        const there = await contentOf(await complete(point("c9", "p"))), was = await contentOf(here);
        assert.equal(there.length, was.length);
        assert.ok(there.equals(was), "the copy");

        await put(disk("brief"), restoreOf(here));
        await restored(disk("brief"));
        await west.stop();
        await west.start({ rules: [{ name: "slow", match: { method: "DELETE" }, fault: "delay", ms: 4000 }] });
        for (const path of [point("c8", "p"), disk("brief")]) {
            const deleted = await one.ask("DELETE", path);
            assert.equal(deleted.status, 202, deleted.text);
            release = await lock();
            while (!one.said.includes(`the deletion of ${path} is told later`)) await sleep(20);
            assert.equal(await status(deleted), "InProgress");
            await release();
            await gone(path);
            assert.equal(await status(deleted), "Succeeded");
        }
        await west.stop();
        await west.start();
    },
};

let status = 0;
writeFileSync(`${folder}/vm1.raw`, Buffer.alloc(MIB));
configure();
await one.start();
for (const [words, part] of Object.entries(parts)) {
    if (process.argv[2] && !words.includes(process.argv[2])) continue;
    try {
        await part();
        console.log(`ok ${words}`);
    } catch (e) {
        status = 1;
        console.log(`FAILED ${words}: ${e.message.slice(0, 2000)}`);
    }
}
if (status) console.log(one.said);
for (const server of [one, west, east]) await server.stop();
for (const report of sanitizerReports(folder)) {
    status = 1;
    console.log(report);
}
process.exit(status);
