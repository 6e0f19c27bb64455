// controld_refusals.mjs - what the handlers of restore points, copies, disks, machines and access refuse, with points
// that are there, complete or not, and that nothing is changed by it: the catalog's rows are compared as text.
// Run by controld_refusals_test.sh.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { Controld, GROUP, sleep } from "./controld_lab.mjs";
import { fillRandom, lookAtBlob, makeBlob, MIB, putPages, random, Region, sanitizerReports } from "./lab.mjs";

const folder = process.env.TMPDIR;
const west = new Region(folder, "west");
const east = new Region(folder, "east");
await west.start();
await east.start();
const own = (region, blob) => region.owned("disks", blob);
const draw = random(6);
for (const [blob, bytes] of [["vm-os", 2 * MIB], ["vm-data", MIB]]) {
    const data = Buffer.alloc(bytes);
    fillRandom(draw, data);
    await makeBlob(own(west, blob), bytes);
    await putPages(own(west, blob), 0, data);
}
const machines = ["vm1", "vm2", "vm3"].map((name) => ({ id: `${GROUP}/virtualMachines/${name}`, location: "west", disks: [
    { name: `${name}-os`, role: "os", blob: "vhds/vm-os" }, { name: `${name}-data`, lun: 0, blob: "vhds/vm-data" }] }));
Object.assign(machines[2].disks[1], { storageAccountType: "UltraSSD_LRS" });
writeFileSync(`${folder}/config.json`, JSON.stringify({
    regions: [west, east].map(({ name, url }) => ({ name, url: `${url}/disks`, account: "disks", key: "env:LAB_KEY" })),
    virtualMachines: machines,
}));
process.on("exit", () => [one, west, east].forEach((server) => server.child?.kill("SIGKILL")));
const one = new Controld(folder, `${folder}/config.json`);
await one.start();

// All rows but those of operations: a refused request begins none that is left, and says so below.
const DUMP = "import sqlite3, sys; c = sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True)\n"
    + "for line in c.iterdump(): print(line)";
const rows = () => execFileSync("python3", ["-c", DUMP, `${folder}/one/catalog.db`], { maxBuffer: 64 * MIB }).toString();

async function made(path, body) {
    const { status, text } = await one.ask("PUT", path, body);
    assert.ok([200, 201, 202].includes(status), `${path}: ${status} ${text}`);
}

async function complete(path) {
    for (const until = Date.now() + 60000; ; await sleep(50)) {
        const { body, text } = await one.ask("GET", `${path}?$expand=instanceView`);
        assert.notEqual(body.properties.provisioningState, "Failed", text);
        const disks = body.properties.instanceView.diskRestorePoints;
        if (disks.every((d) => d.replicationStatus.completionPercent === 100)) return disks.map((d) => d.id);
        assert.ok(Date.now() < until, text);
    }
}

let count = 0;
async function refused(method, path, body, status, code, words) {
    const answer = await one.ask(method, path, body);
    const said = `${method} ${path.slice(0, 300)} ${JSON.stringify(body)?.slice(0, 300)}: ${answer.status} ${answer.text.slice(0, 400)}`;
    assert.ok([status].flat().includes(answer.status), said);
    assert.match(answer.body.error.code, /^[A-Za-z]+$/, said);
    if (code) assert.equal(answer.body.error.code, code, said);
    if (words) assert.match(answer.body.error.message, words, said);
    count++;
}

const collection = (name) => `${GROUP}/restorePointCollections/${name}`;
const point = (name, p) => `${collection(name)}/restorePoints/${p}`;
const machine = (name) => `${GROUP}/virtualMachines/${name}`;
const disk = (name) => `${GROUP}/disks/${name}`;
const ofSource = (id, more) => ({ properties: { sourceRestorePoint: { id }, ...more } });
const restoreOf = (id, more, location = "east") => ({ location, properties: {
    creationData: { createOption: "Restore", sourceResourceId: id }, ...more } });

async function checks() {
    const of = (location, id) => ({ location, properties: { source: { id } } });
    await made(collection("rpc-west"), of("west", machine("vm1")));
    await made(collection("rpc-other"), of("west", machine("vm2")));
    await made(collection("rpc-ultra"), of("west", machine("vm3")));
    await made(collection("rpc-east"), of("east", collection("rpc-west")));
    await made(point("rpc-west", "p1"), {});
    await made(point("rpc-other", "p1"), {});
    await complete(point("rpc-west", "p1"));
    await complete(point("rpc-other", "p1"));
    await made(point("rpc-east", "p1"), ofSource(point("rpc-west", "p1")));
    const [there] = await complete(point("rpc-east", "p1"));
    const [here] = await complete(point("rpc-west", "p1"));

    // A copy that cannot get on, so that there is one that is not complete.
    await east.stop();
    await made(point("rpc-west", "p2"), {});
    await complete(point("rpc-west", "p2"));
    await made(point("rpc-east", "p2"), ofSource(point("rpc-west", "p2")));
    const unready = (await one.ask("GET", `${point("rpc-east", "p2")}?$expand=instanceView`)).body
        .properties.instanceView.diskRestorePoints[0].id;
    writeFileSync(`${folder}/one/disks/there`, "somebody's");
    const foreign = [await lookAtBlob(own(west, "vm-os")), await lookAtBlob(own(west, "vm-data"))];
    const before = rows();
    const files = () => readdirSync(`${folder}/one/disks`);
    const filesBefore = files();

    // ---- Collections ----
    await refused("PUT", collection("x"), of("east", collection("none")), 404);
    await refused("PUT", collection("x"), of("west", collection("rpc-west")), 409, "OperationNotAllowed", /another region/);
    await refused("PUT", collection("x"), of("mars", machine("vm1")), 400, "LocationNotAvailableForResourceType");
    await refused("PUT", collection("rpc-west"), of("east", machine("vm1")), 409, "PropertyChangeNotAllowed");
    await refused("PUT", collection("rpc-west"), of("west", machine("vm2")), 409, "PropertyChangeNotAllowed");
    await refused("PATCH", collection("none"), { tags: {} }, 404);

    // ---- Restore points ----
    const p = point("rpc-west", "x");
    for (const body of ["{", "[]", "7", { properties: 7 }, { properties: { excludeDisks: 7 } }, { properties: { excludeDisks: [7] } },
        { properties: { excludeDisks: [{}] } }, { properties: { excludeDisks: [{ id: "../x" }] } }, { properties: { consistencyMode: "Best" } },
        { properties: { excludeDisks: Array(200).fill({ id: disk("d") }) } }, { properties: { sourceRestorePoint: 7 } }, ofSource("nonsense"),
        ofSource(machine("vm1")), ofSource(""), ofSource(`/${"x".repeat(1000)}`)])
        await refused("PUT", p, body, 400);
    await refused("PUT", point("none", "x"), {}, 404);
    await refused("PUT", point("rpc-west", "n".repeat(1000)), {}, [400, 404, 405]);
    await refused("PUT", point("rpc-west", "%2e%2e"), {}, [400, 404, 405]);
    await refused("PUT", point("rpc-ultra", "x"), {}, 409, "OperationNotAllowed", /Ultra/);
    await refused("PUT", p, { properties: { excludeDisks: [{ id: disk("vm1-os") }, { id: disk("vm1-data") }] } }, 400, "BadRequest", /No disk is left/);
    await refused("PUT", p, ofSource(point("rpc-west", "p1")), 400);
    await refused("PUT", point("rpc-west", "p1"), { properties: { consistencyMode: "CrashConsistent" } }, 409, "OperationNotAllowed");
    await refused("PUT", point("rpc-west", "p1"), { properties: { excludeDisks: [{ id: disk("vm1-os") }] } }, 409, "OperationNotAllowed");
    const c = point("rpc-east", "x");
    await refused("PUT", c, {}, 400);
    await refused("PUT", c, ofSource(point("rpc-west", "none")), 404);
    await refused("PUT", c, ofSource(point("rpc-other", "p1")), 400, "InvalidParameter");
    await refused("PUT", c, ofSource(point("rpc-east", "p1")), 400, "InvalidParameter");
    await refused("PUT", point("rpc-east", "p1"), ofSource(point("rpc-west", "p2")), 409, "OperationNotAllowed");
    await refused("PUT", point("rpc-east", "p2"), ofSource(point("rpc-west", "p2"), { excludeDisks: [{ id: disk("vm1-os") }] }), 409);
    for (const verb of ["POST", "PATCH"]) await refused(verb, point("rpc-west", "p1"), {}, 405);
    for (const verb of ["PUT", "DELETE", "PATCH", "POST"]) await refused(verb, there, verb === "DELETE" ? undefined : {}, 405);
    for (const verb of ["GET", "PUT", "DELETE"]) await refused(verb, `${there}/beginGetAccess`, verb === "PUT" ? {} : undefined, 405);

    // ---- Deletions that may not be ----
    await refused("DELETE", point("rpc-west", "p2"), undefined, 409, "OperationNotAllowed", /reads/);
    await refused("DELETE", collection("rpc-west"), undefined, 409, "OperationNotAllowed", /reads/);

    // ---- Access ----
    const access = { access: "Read", durationInSeconds: 600 };
    for (const body of ["{", {}, { access: "Write", durationInSeconds: 600 }, { access: "None", durationInSeconds: 600 }, { ...access, access: "Delete" },
        { ...access, durationInSeconds: 0 }, { ...access, durationInSeconds: -1 }, { ...access, durationInSeconds: 1e9 }])
        await refused("POST", `${there}/beginGetAccess`, body, 400);
    await refused("POST", `${there}x/beginGetAccess`, access, 404);
    await refused("POST", `${unready}/beginGetAccess`, access, 409, undefined, /not complete/);
    await refused("POST", `${disk("none")}/beginGetAccess`, access, 404);

    // ---- Disks ----
    const d = disk("x");
    for (const file of ["../x", "..", ".", "a/b", "/a/../b", "/a//b", "/", "x.snapferry", ".hidden", "a\u0000b", "a\nb", "n".repeat(1000)])
        await refused("PUT", d, restoreOf(there, { "x-snapferry": { file } }), 400);
    await refused("PUT", d, restoreOf(there, { "x-snapferry": { file: "/etc/passwd" } }), 409, "OperationNotAllowed", /"restoreTo"/);
    for (const blob of ["", "x", "/x", "x/", "../x", "UPPER/x", "a/b", "xx/../../y", `${"c".repeat(64)}/x`, `ccc/${"b".repeat(1100)}`, "f-00/disk-1"])
        await refused("PUT", d, restoreOf(there, { "x-snapferry": { blob: blob || "/" } }), [400, 409]);
    await refused("PUT", d, restoreOf(here, { "x-snapferry": { blob: "vhds/vm-os" } }, "west"), 409);
    await refused("PUT", d, restoreOf(there, { "x-snapferry": { file: "a", blob: "vhds/b" } }), 400);
    await refused("PUT", d, restoreOf(there, { "x-snapferry": { file: "there" } }), 409, "Conflict");
    await refused("PUT", d, restoreOf(there, { diskSizeGB: 0 }, "mars"), 400);
    await refused("PUT", d, restoreOf(there, {}, "west"), 409, "OperationNotAllowed", /own region/);
    await refused("PUT", d, restoreOf(unready), 409, "Conflict", /not complete/);
    await refused("PUT", d, restoreOf(`${there}x`), 404);
    await refused("PUT", d, restoreOf(machine("vm1")), [400, 409]);
    await refused("PUT", d, { location: "east", properties: { creationData: { createOption: "Empty" } } }, 409);
    await refused("PUT", d, { location: "east" }, 400);
    await refused("PUT", d, { ...restoreOf(there), sku: { name: "UltraSSD_LRS" } }, 409);
    await refused("PUT", disk("vm1-os"), restoreOf(there), 409);
    await refused("DELETE", disk("vm1-os"), undefined, 409);

    // ---- Machines ----
    const vm = (id, location = "east") => ({ location, properties: { hardwareProfile: { vmSize: "x" },
        storageProfile: { osDisk: { name: "o", createOption: "Attach", osType: "Linux", managedDisk: { id } } } } });
    await refused("PUT", machine("x"), vm(disk("none")), 404);
    await refused("PUT", machine("x"), vm(disk("vm1-os")), 409);
    await refused("PUT", machine("x"), vm(there), 400);
    await refused("PUT", machine("x"), vm(disk("vm1-os"), "mars"), 400);
    await refused("PUT", machine("vm1"), vm(disk("vm1-os"), "west"), 409, "OperationNotAllowed", /configuration/);
    await refused("DELETE", machine("vm1"), undefined, 409, "OperationNotAllowed");

    assert.equal(rows(), before, "the catalog is what it was");
    assert.deepEqual(files(), filesBefore);
    assert.deepEqual([await lookAtBlob(own(west, "vm-os")), await lookAtBlob(own(west, "vm-data"))], foreign);

    // Asked to end while a region is away: it does, and fails nothing.
    const asked = Date.now();
    assert.equal((await one.stop()).status, 0, one.said);
    assert.ok(Date.now() - asked < 60000, "it waits for a region that is away");
    await one.start();
    assert.equal((await one.ask("GET", point("rpc-east", "p2"))).body.properties.provisioningState, "Creating");

    // What was refused for a while is taken later, and nothing is in the way of it.
    await east.start();
    await complete(point("rpc-east", "p2"));
    await made(disk("one"), restoreOf(there, { "x-snapferry": { file: "same" } }));
    const again = await one.ask("PUT", disk("two"), restoreOf(there, { "x-snapferry": { file: "same" } }));
    assert.equal(again.status, 409, `two disks in one file: ${again.text}`);
    for (let state; state !== "Succeeded"; await sleep(50))
        state = (await one.ask("GET", disk("one"))).body.properties.provisioningState;
    await made(machine("x"), vm(disk("one")));
    await refused("DELETE", disk("one"), undefined, 409, "OperationNotAllowed", /attached/);
    assert.equal((await one.ask("DELETE", machine("x"))).status, 200);
    assert.equal((await one.ask("DELETE", disk("one"))).status, 202);
    assert.deepEqual(files(), filesBefore);
    assert.equal((await one.ask("DELETE", disk("one"))).status, 204);
}

let status = 0;
try {
    await checks();
    console.log(`${count} requests refused in form, nothing changed by them`);
} catch (e) {
    status = 1;
    console.log(`FAILED after ${count}: ${e.message.slice(0, 3000)}`);
    console.log(one.said);
}
for (const server of [one, west, east]) await server.stop();
for (const report of sanitizerReports(folder)) {
    status = 1;
    console.log(report);
}
process.exit(status);
