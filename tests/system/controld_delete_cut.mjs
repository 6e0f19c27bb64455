// controld_delete_cut.mjs - DELETE of restore points and collections while their machine is frozen, while its disks are cut
// and while the cuts are carried: refused with nothing changed, or everything goes. Run by controld_delete_cut_test.sh.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Controld, GROUP, sleep } from "./controld_lab.mjs";
import { ask, fillRandom, makeBlob, MIB, putPages, random, Region, sanitizerReports } from "./lab.mjs";

const folder = process.env.TMPDIR;
const WAIT_MS = 60000; // on a machine with other work
const west = new Region(folder, "west"), east = new Region(folder, "east");
for (const region of [west, east]) await region.start();
mkdirSync(`${folder}/cuts`);
const raw = Buffer.alloc(2 * MIB), blob = Buffer.alloc(2 * MIB), draw = random(9);
for (const bytes of [raw, blob]) fillRandom(draw, bytes);
writeFileSync(`${folder}/raw`, raw);
for (const name of ["plain", "held"]) {
    await makeBlob(west.owned("disks", name), blob.length);
    await putPages(west.owned("disks", name), 0, blob);
}
// A machine that stays frozen until it may go on, or is refused to be frozen; freezes and thaws are in log.
const held = { freezeCommand: `echo freeze >>${folder}/log; until [ -e ${folder}/go ]; do sleep 0.02; done; [ ! -e ${folder}/bad ]`,
    thawCommand: `echo thaw >>${folder}/log`, timeoutSeconds: 50 };
const snapshot = { means: "command", folder: `${folder}/cuts`, command: 'cp "$SNAPFERRY_SOURCE" "$SNAPFERRY_CUT"' };
const machine = (name) => `${GROUP}/virtualMachines/${name}`;
const vm = (name, disk, more) => ({ id: machine(name), location: "west", disks: [{ name: `${name}-os`, role: "os", ...disk }], ...more });
writeFileSync(`${folder}/config.json`, JSON.stringify({
    regions: [west, east].map(({ name, url }) => ({ name, url: `${url}/disks`, account: "disks", key: "env:LAB_KEY" })),
    virtualMachines: [vm("held", { blob: "vhds/held" }, { hooks: held }), vm("plain", { blob: "vhds/plain" }),
        vm("raw", { file: `${folder}/raw`, snapshot })],
    limits: { bytesPerSecond: MIB },
}));
process.on("exit", () => [one, west, east].forEach((server) => server.child?.kill("SIGKILL")));
const one = new Controld(folder, `${folder}/config.json`);
await one.start();

const collection = (name) => `${GROUP}/restorePointCollections/${name}`;
const point = (name, p = "p1") => `${collection(name)}/restorePoints/${p}`;
const status = async (method, path, body) => (await one.ask(method, path, body)).status;

async function until(look, words) {
    for (const end = Date.now() + WAIT_MS; ; await sleep(25)) {
        const seen = await look();
        if (seen) return seen;
        assert.ok(Date.now() < end, `never: ${words}`);
    }
}

async function made(path, body) {
    const answer = await one.ask("PUT", path, body);
    assert.ok([200, 201, 202].includes(answer.status), `${path}: ${answer.status} ${answer.text}`);
}

const collect = (name, location, of) => made(collection(name), { location, properties: { source: { id: machine(of) } } });
const state = async (path) => (await one.ask("GET", path)).body.properties?.provisioningState;
const gone = (path) => until(async () => (await status("GET", path)) === 404, `${path} is gone`);
const complete = (path) => until(async () => {
    const { provisioningState, instanceView } = (await one.ask("GET", `${path}?$expand=instanceView`)).body.properties;
    assert.notEqual(provisioningState, "Failed");
    return provisioningState === "Succeeded" && instanceView.diskRestorePoints.every((d) => d.replicationStatus.completionPercent === 100);
}, `${path} is complete`);
const log = () => readFileSync(`${folder}/log`, "utf8").trim().split("\n").join(" ");

async function refused(path, words) {
    const { status: was, body, text } = await one.ask("DELETE", path);
    assert.equal(was, 409, `DELETE ${path}: ${was} ${text}`);
    assert.equal(body.error.code, "OperationNotAllowed", text);
    assert.match(body.error.message, words);
}

// Blobs and snapshots of a region that are not the machines' own.
async function left(region) {
    const list = async (url) => (await (await ask(`${region.url}/disks${url}`, {}, 200)).text());
    const names = [...(await list("?comp=list")).matchAll(/<Name>([^<]*)<\/Name>/g)].map(([, name]) => name);
    let found = [];
    for (const name of names) {
        const xml = await list(`/${name}?restype=container&comp=list&include=snapshots`);
        const blobs = [...xml.matchAll(/<Blob><Name>([^<]*)<\/Name>(<Snapshot>)?/g)];
        found = found.concat(blobs.filter(([, , snap]) => snap || name !== "vhds").map(([, b, snap]) => `${name}/${b}${snap ? "?" : ""}`));
    }
    return found;
}

async function nothingIsLeft() {
    let found;
    await until(async () => {
        found = [...(await left(west)), ...(await left(east)), ...readdirSync(`${folder}/cuts`), ...readdirSync(`${folder}/one/frozen`),
            ...readdirSync(`${folder}/one/ferry/journals`)];
        return found.length === 0;
    }, "nothing is left").catch((e) => {
        throw new Error(`${e.message}: ${found}`);
    });
}

async function whileItIsFrozen() {
    await collect("held", "west", "held");
    await made(point("held"), {});
    await until(async () => existsSync(`${folder}/log`), "it is frozen");
    for (let i = 0; i < 3; i++) {
        await refused(point("held"), /being created/);
        await refused(collection("held"), /being created/);
    }
    assert.equal(await state(point("held")), "Creating");
    assert.equal(await state(collection("held")), "Succeeded");
    assert.equal(await status("PUT", point("held", "p2"), {}), 409);

    // Killed meanwhile: the next life thaws and freezes again, and until then says the same.
    await one.stop("SIGKILL");
    await one.start();
    await refused(point("held"), /being created/);
    await refused(collection("held"), /being created/);
    writeFileSync(`${folder}/go`, "");
    await complete(point("held"));
    assert.equal(log(), "freeze thaw freeze thaw");
    assert.equal(await status("DELETE", point("held")), 202);
    await gone(point("held"));
    await nothingIsLeft();

    // What could not be frozen has failed, and may go; so may its collection.
    writeFileSync(`${folder}/bad`, "");
    await made(point("held"), {});
    await until(async () => (await state(point("held"))) === "Failed", "it has failed");
    assert.equal(await status("DELETE", collection("held")), 202);
    await gone(collection("held"));
    assert.equal(log(), "freeze thaw freeze thaw freeze thaw");
    rmSync(`${folder}/bad`);
    await nothingIsLeft();
}

// A cut that is there is carried at 1 MiB/s: that is ended, and the cut goes, too.
async function whileItIsCarried(name, location, of) {
    const begun = () => until(async () => (await left(location === "west" ? west : east)).length > 0 && one.movers().length > 0, "it is carried");
    await collect(name, location, of);
    await made(point(name), {});
    await begun();
    assert.equal(await state(point(name)), "Succeeded");
    assert.equal(await status("DELETE", point(name)), 202);
    await gone(point(name));
    await nothingIsLeft();
    await made(point(name), {});
    await begun();
    assert.equal(await status("DELETE", collection(name)), 202);
    assert.equal(await status("PUT", point(name, "p2"), {}), 409, "a collection that goes takes no new point");
    await gone(collection(name));
    await nothingIsLeft();
}

// Killed after it was asked to go, in the middle of being carried: the next life lets it go.
async function killedWhileItGoes() {
    await collect("killed", "west", "raw");
    await made(point("killed"), {});
    await until(async () => one.movers().length > 0, "it is carried");
    assert.equal(await status("DELETE", collection("killed")), 202);
    await one.stop("SIGKILL");
    await one.start();
    await gone(collection("killed"));
    await nothingIsLeft();
}

// At any moment of its creation, also before it is answered: refused and then complete, or gone.
async function atAnyMoment() {
    const counts = { refused: 0, gone: 0, early: 0 };
    await collect("any", "west", "plain");
    for (let i = 0; i < 25; i++) {
        const path = point("any", `p${i}`), wait = draw.below(12);
        const [put, deleted] = await Promise.all([one.ask("PUT", path, {}), sleep(wait).then(() => one.ask("DELETE", path))]);
        assert.equal(put.status, 201, put.text);
        counts[{ 409: "refused", 202: "gone", 204: "early" }[deleted.status]]++;
        if (deleted.status !== 202) {
            await complete(path);
            assert.equal(await status("DELETE", path), 202);
        }
        await gone(path);
    }
    await nothingIsLeft();
    console.log(`  at any moment: ${JSON.stringify(counts)}`);
}

let exit = 0;
try {
    await whileItIsFrozen();
    await whileItIsCarried("here", "west", "raw");
    await whileItIsCarried("there", "east", "raw");
    await whileItIsCarried("blob", "east", "plain");
    await killedWhileItGoes();
    await atAnyMoment();
} catch (e) {
    exit = 1;
    console.log(`FAILED: ${e.stack.slice(0, 3000)}\n${one.said.slice(-3000)}`);
}
for (const server of [one, west, east]) await server.stop();
for (const report of sanitizerReports(folder)) {
    exit = 1;
    console.log(report);
}
process.exit(exit);
