// controld_verify.mjs - restore points compared on demand: equal, with a bit turned in what a region has stored, without
// their source, refused, and through kills. Run by controld_verify_test.sh.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { Controld, GROUP, sleep } from "./controld_lab.mjs";
import { ask as askBlob, command, fillRandom, firstDifference, makeBlob, MIB, newFolder, PAGE, putPages, random, Region, sanitizerReports, vhdFooter } from "./lab.mjs";

const folder = process.env.TMPDIR;
const FLIP = new URL("flip_stored.mjs", import.meta.url).pathname;
const WAIT_MS = 60000;
const west = new Region(folder, "west");
const east = new Region(folder, "east");
await west.start();
await east.start();
const draw = random(66);
const disks = { "vm-os": 2 * MIB, "vm-data": MIB };
for (const [blob, bytes] of Object.entries(disks)) {
    const data = Buffer.alloc(bytes / 2); // the rest is a hole, but for the footer that one has
    const footer = blob === "vm-data";
    fillRandom(draw, data);
    await makeBlob(west.owned("disks", blob), bytes + (footer ? PAGE : 0));
    await putPages(west.owned("disks", blob), 0, data);
    if (footer) await putPages(west.owned("disks", blob), bytes, vhdFooter(bytes));
}
writeFileSync(`${folder}/config.json`, JSON.stringify({
    regions: [west, east].map(({ name, url }) => ({ name, url: `${url}/disks`, account: "disks", key: "env:LAB_KEY" })),
    virtualMachines: [{ id: `${GROUP}/virtualMachines/vm`, location: "west", disks: [
        { name: "vm-os", role: "os", blob: "vhds/vm-os" }, { name: "vm-data", lun: 0, blob: "vhds/vm-data" }] },
    { id: `${GROUP}/virtualMachines/raw`, location: "west", disks: [{ name: "raw-os", role: "os", file: `${folder}/raw.img`,
        snapshot: { means: "command", folder: newFolder(`${folder}/cuts`), command: 'cp "$SNAPFERRY_SOURCE" "$SNAPFERRY_CUT"' } }] }],
}));
process.on("exit", () => [one, west, east].forEach((server) => server.child?.kill("SIGKILL")));
const one = new Controld(folder, `${folder}/config.json`);
await one.start();

// ---- What is asked ----

let said = ""; // every answer, to be searched for secrets
async function ask(method, path, body) {
    const answer = await one.ask(method, path, body);
    said += answer.text;
    return answer;
}

const collection = (name) => `${GROUP}/restorePointCollections/${name}`;
const point = (name, p) => `${collection(name)}/restorePoints/${p}`;

async function until(what, condition) {
    for (const end = Date.now() + WAIT_MS; ; await sleep(20)) {
        const value = await condition();
        if (value) return value;
        assert.ok(Date.now() < end, `never: ${what}`);
    }
}

async function make(path, body) {
    const { status, text } = await ask("PUT", path, body);
    assert.ok([200, 201, 202].includes(status), `${path}: ${status} ${text}`);
}

const view = async (path) => (await ask("GET", `${path}?$expand=instanceView`)).body.properties.instanceView;
const complete = (path) => until(`${path} is complete`, async () => {
    const all = (await view(path)).diskRestorePoints;
    return all.every((d) => d.replicationStatus.completionPercent === 100) && all;
});
// The ids of its disks, by the disk's name.
async function disksOf(path) {
    const ids = (await complete(path)).map((d) => d.id);
    return Object.fromEntries(Object.keys(disks).map((name) => [name, ids.find((id) => id.includes(`/${name}_`))]));
}
const beyond = async (id) => (await ask("GET", id)).body.properties["x-snapferry"];
const copyOf = (p) => ({ properties: { sourceRestorePoint: { id: point("rpc-west", p) } } });
async function pair(p) {
    await make(point("rpc-west", p), {});
    await complete(point("rpc-west", p));
    await make(point("rpc-east", p), copyOf(p));
    return { source: await disksOf(point("rpc-west", p)), target: await disksOf(point("rpc-east", p)) };
}
async function removed(path) {
    const { status, text } = await ask("DELETE", path);
    assert.equal(status, 202, text);
    await until(`${path} is gone`, async () => (await ask("GET", path)).status === 404);
}

async function begin(id) {
    const answer = await ask("POST", `${id}/verify`);
    assert.equal(answer.status, 202, `${id}: ${answer.text}`);
    const urls = [answer.headers.get("azure-asyncoperation"), answer.headers.get("location")];
    assert.ok(urls[0] && urls[1].includes("monitor=true") && answer.headers.get("retry-after"));
    return urls;
}
// Of an operation, by both of its URLs, when it has ended.
async function ended([status, location]) {
    const body = await until("the operation ends", async () => {
        const { body: now } = await ask("GET", status);
        return now.status !== "InProgress" && now;
    });
    const result = await ask("GET", location);
    return { body, result, found: (body.properties?.output ?? body.error)["x-snapferry"] };
}
async function equal(id, against) {
    const { body, result, found } = await ended(await begin(id));
    assert.equal(body.status, "Succeeded", JSON.stringify(body));
    assert.equal(found.outcome, "equal");
    assert.equal(result.status, 200);
    assert.deepEqual(result.body["x-snapferry"], found);
    if (against) assert.equal(found.against, against, JSON.stringify(found));
    return found;
}
async function failed(id, code, words) {
    const { body, result, found } = await ended(await begin(id));
    assert.equal(body.status, "Failed", JSON.stringify(body));
    assert.equal(body.error.code, code, JSON.stringify(body));
    assert.match(body.error.message, words);
    assert.equal(result.status, 409);
    assert.deepEqual(result.body.error, body.error);
    return found;
}
async function refused(method, path, code, words) {
    const { status, body, text } = await ask(method, path);
    assert.equal(status, 409, `${path}: ${text}`);
    assert.equal(body.error.code, code, text);
    assert.match(body.error.message, words);
}

// By the command line's client.
async function client(id, wanted, words) {
    const where = ["--endpoint", one.url, "--token", "env:LAB_TOKEN"];
    const { status, all } = await command(folder, ["restore-point", "verify", id, ...where, "--json"], { LAB_TOKEN: "none-is-asked-for" });
    said += all;
    assert.equal(status, wanted, all);
    assert.match(all, words);
}

// ---- What is really there ----

// A snapshot as a customer with access reads it; `use` may have its URL.
async function granted(id, use) {
    const { body } = await one.ask("POST", `${id}/beginGetAccess`, { access: "Read", durationInSeconds: 600 });
    const used = await use(body.accessSAS);
    assert.equal((await one.ask("POST", `${id}/endGetAccess`)).status, 200);
    return used;
}
const bytesOf = (id) => granted(id, async (url) => Buffer.from(await (await askBlob(url, {}, 200)).arrayBuffer()));
async function flip(region, id, offset) {
    const before = await bytesOf(id);
    await granted(id, (url) => execFileSync("node", [FLIP, region.data, url, String(offset)]));
    assert.equal(firstDifference(before, await bytesOf(id)), offset, "the fault is there");
}
// Behind the service's back.
const vanish = (id) => granted(id, async (url) => {
    const { pathname, searchParams, origin } = new URL(url);
    await askBlob(`${origin}${pathname}?snapshot=${encodeURIComponent(searchParams.get("snapshot"))}`, { method: "DELETE" }, 202);
});

// ---- The story ----

// So slow that nothing is compared to its end before the region is quick again.
const slow = { connection: { bytesPerSecond: 10000 } };

async function differences() {
    const p1 = await pair("p1");
    const found = await equal(p1.target["vm-os"], "source");
    assert.equal(found.comparedBytes, MIB, "the hole is not read");
    assert.deepEqual(found.source, { id: p1.source["vm-os"], state: "present" });
    assert.equal((await beyond(p1.target["vm-os"])).lastVerification.outcome, "equal");
    const both = await equal(point("rpc-east", "p1"));
    assert.deepEqual(both.disks.map((d) => [d.id, d.outcome]).sort(), Object.values(p1.target).map((id) => [id, "equal"]).sort());
    assert.ok(both.disks.every((d) => d.root === found.root || d.root.startsWith("sha256:")));

    // A bit that turned where it is stored.
    const offset = 5 * PAGE;
    await flip(east, p1.target["vm-os"], offset);
    const bad = await failed(p1.target["vm-os"], "DiskRestorePointDiffers", /first at offset 2560, 512 bytes/);
    assert.deepEqual(bad.firstDifference, { offset, length: PAGE });
    assert.deepEqual([bad.outcome, bad.against, bad.differentRanges, bad.differentBytes], ["different", "source", 1, PAGE]);
    const last = (await beyond(p1.target["vm-os"])).lastVerification;
    assert.equal(last.outcome, "different");
    assert.ok(Date.now() - Date.parse(last.time) < WAIT_MS);
    const seen = await view(point("rpc-east", "p1"));
    assert.equal(seen.statuses[0].level, "Warning", JSON.stringify(seen));
    assert.match(seen.statuses[0].message, /found a disk that is not what was copied/);
    for (const disk of seen.diskRestorePoints) {
        const { status } = disk.replicationStatus;
        assert.equal(status.level, disk.id === p1.target["vm-os"] ? "Warning" : "Info");
        assert.equal(status.code, "ReplicationState/succeeded");
    }
    const whole = await failed(point("rpc-east", "p1"), "DiskRestorePointDiffers", /^vm-os_.*offset 2560/);
    assert.deepEqual(whole.disks.map((d) => d.outcome).sort(), ["different", "equal"]);

    await client(p1.target["vm-os"], 4, /offset 2560, 512 bytes long/);
    await client(p1.target["vm-data"], 0, /"event":"verification".*"outcome":"equal"/);
    await client(`${point("rpc-east", "p1")}`, 4, /DiskRestorePointDiffers/);
    await client(p1.source["vm-data"], 1, /never copied/);

    // Nothing goes on from it: the next copy of that disk is a full one, of the other a delta.
    const p2 = await pair("p2");
    assert.equal((await beyond(p2.target["vm-os"])).baseDiskRestorePointId, undefined);
    assert.equal((await beyond(p2.target["vm-data"])).baseDiskRestorePointId, p1.target["vm-data"]);
    assert.equal((await beyond(p2.target["vm-data"])).root, undefined, "of a delta it is not known");
    await equal(point("rpc-east", "p2"));
    assert.match((await beyond(p2.target["vm-data"])).root, /^sha256:/, "now it is");
    return { p1, p2 };
}

async function withoutSource({ p1, p2 }) {
    await removed(point("rpc-west", "p1"));
    const found = await equal(p1.target["vm-data"], "root");
    assert.equal(found.source.state, "deleted");
    const bad = await failed(p1.target["vm-os"], "DiskRestorePointDiffers", /not what was copied/);
    assert.deepEqual([bad.against, bad.source.state], ["root", "deleted"]);
    assert.notEqual(bad.root, bad.expectedRoot);

    await vanish(p2.source["vm-data"]);
    assert.equal((await equal(p2.target["vm-data"], "root")).source.state, "missing");
    await vanish(p2.target["vm-data"]);
    const gone = await failed(p2.target["vm-data"], "DiskRestorePointDiffers", /not in its region/);
    assert.deepEqual([gone.outcome, gone.missing], ["different", true]);

    await west.stop();
    assert.equal((await equal(p2.target["vm-os"], "root")).source.state, "unreachable");
    await west.start();
    await equal(p2.target["vm-os"], "source");
}

// Local ones of a file: their cuts are gone, the digests of what was carried stay; the second is a delta by a map.
async function ofFile() {
    const bytes = Buffer.alloc(MIB);
    await make(collection("rpc-raw"), { location: "west", properties: { source: { id: `${GROUP}/virtualMachines/raw` } } });
    for (const p of ["p1", "p2"]) {
        fillRandom(draw, bytes.subarray(0, p === "p1" ? MIB / 2 : 70000));
        writeFileSync(`${folder}/raw.img`, bytes);
        await make(point("rpc-raw", p), {});
        const [{ id }] = await complete(point("rpc-raw", p));
        assert.equal(firstDifference(await bytesOf(id), bytes), -1);
        const found = await equal(id, "root");
        assert.equal(found.source, undefined, "it was never copied");
        if (p === "p1") continue;
        await flip(west, id, 65536);
        await failed(id, "DiskRestorePointDiffers", /not what was copied/);
    }
}

async function refusals() {
    const p3 = await pair("p3");
    await refused("POST", `${p3.source["vm-os"]}/verify`, "Conflict", /never copied.*no digest/);
    await refused("POST", `${point("rpc-west", "p3")}/verify`, "Conflict", /never copied/);
    assert.equal((await ask("POST", `${p3.target["vm-os"]}x/verify`)).status, 404);
    assert.equal((await ask("POST", `${point("rpc-east", "none")}/verify`)).status, 404);
    assert.equal((await ask("GET", `${p3.target["vm-os"]}/verify`)).status, 405);
    await removed(point("rpc-west", "p3")); // a delta of a disk that did not change, and nobody asked in time
    await refused("POST", `${p3.target["vm-os"]}/verify`, "Conflict", /source was deleted.*no digest/);

    await east.stop();
    await make(point("rpc-west", "p4"), {});
    await complete(point("rpc-west", "p4"));
    await make(point("rpc-east", "p4"), copyOf("p4"));
    await until("its disks are known", async () => (await view(point("rpc-east", "p4"))).diskRestorePoints.length === 2);
    await refused("POST", `${point("rpc-east", "p4")}/verify`, "Conflict", /not complete yet/);
    await east.start();
    return { source: await disksOf(point("rpc-west", "p4")), target: await disksOf(point("rpc-east", "p4")) };
}

const words = (pid, file) => {
    try {
        return readFileSync(`/proc/${pid}/${file}`, "latin1").split("\0");
    } catch {
        return []; // it has just ended
    }
};
const parentOf = (pid) => words(pid, "stat").join().split(") ").pop().split(" ")[1];
// Without a sanitizer's helper, which is a child of one of them.
function comparing() {
    const pids = one.movers().filter((pid) => words(pid, "cmdline")[1] === "verify");
    return pids.filter((pid) => !pids.includes(parentOf(pid)));
}
let most = 0;
async function someCompare(count) {
    const pids = await until(`${count} compare`, () => {
        const now = comparing();
        most = Math.max(most, now.length);
        return now.length >= count && now;
    });
    for (const pid of pids) {
        assert.ok(!words(pid, "cmdline").some((word) => word.includes("sig=")), "a secret on a command line");
        assert.ok(!words(pid, "environ").some((word) => word.startsWith("LAB_KEY=")), "the account's key is given away");
    }
    return pids;
}

async function underWay({ p2 }, p4) {
    await east.stop();
    await east.start({ shape: slow });
    const first = await begin(point("rpc-east", "p4"));
    const second = await begin(p2.target["vm-os"]);
    await someCompare(2);
    await refused("POST", `${p4.target["vm-os"]}/verify`, "AnotherOperationInProgress", /already/);
    for (const name of ["rpc-east", "rpc-west"])
        await refused("DELETE", point(name, "p4"), "OperationNotAllowed", /verification that is under way/);
    assert.equal(typeof (await ask("GET", first[0])).body.percentComplete, "number");

    // The service is killed: its children end with it, and the next one goes on with both, from the start or nearly.
    await one.stop("SIGKILL");
    await until("no process is left", () => comparing().length === 0);
    await one.start();
    await someCompare(2);
    for (const urls of [first, second]) assert.equal((await ask("GET", urls[0])).body.status, "InProgress");

    // Asked to end, it does, and leaves none either.
    const asked = Date.now();
    assert.equal((await one.stop()).status, 0, one.said);
    assert.ok(Date.now() - asked < 30000, "it waits for what is compared");
    assert.equal(comparing().length, 0);
    await east.stop();
    await east.start();
    await one.start();
    for (const urls of [first, second]) assert.equal((await ended(urls)).body.status, "Succeeded");
    assert.equal(most, 2, "so many at once");

    // Killed alone, and nothing more: that operation has failed with a sentence, what was found before stays.
    await east.stop();
    await east.start({ shape: slow });
    const third = await begin(p4.target["vm-os"]);
    process.kill(Number((await someCompare(1))[0]), "SIGKILL");
    const { body } = await ended(third);
    assert.deepEqual([body.status, body.error.code], ["Failed", "DiskRestorePointNotVerified"]);
    assert.match(body.error.message, /signal 9/);
    assert.equal((await beyond(p4.target["vm-os"])).lastVerification.outcome, "equal");
    await removed(point("rpc-west", "p4"));
}

const filesOf = (path) => readdirSync(path, { recursive: true }).map((name) => `${path}/${name}`).filter((name) => statSync(name).isFile());

async function checks() {
    await make(collection("rpc-west"), { location: "west", properties: { source: { id: `${GROUP}/virtualMachines/vm` } } });
    await make(collection("rpc-east"), { location: "east", properties: { source: { id: collection("rpc-west") } } });
    const made = await differences();
    await withoutSource(made);
    await ofFile();
    await underWay(made, await refusals());
    assert.equal((await one.stop()).status, 0, one.said);
    assert.deepEqual(readdirSync(`${folder}/one/verify`), [], "what children kept is gone");
    for (const text of [said, one.said, ...filesOf(`${folder}/one`).map((name) => readFileSync(name, "latin1"))])
        assert.doesNotMatch(text, /sig=|[?&]se=\d/, "a secret");
}

let status = 0;
try {
    await checks();
    console.log("verified, with and without its source; faults found; kills survived");
} catch (e) {
    status = 1;
    console.log(`FAILED: ${e.stack.slice(0, 3000)}`);
    console.log(one.said);
}
for (const server of [one, west, east]) await server.stop();
// A process that was killed while it looked for leaks leaves that one line.
const killedAtItsEnd = (report) => /^(==\d+==Unable to get registers from thread \d+\.\n)+$/.test(report);
for (const report of sanitizerReports(folder).filter((text) => !killedAtItsEnd(text))) {
    status = 1;
    console.log(report);
}
process.exit(status);
