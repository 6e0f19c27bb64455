// controld_restore_file.mjs - disks restored to files outside the data folder and to named blobs: what is allowed, what
// is refused with nothing touched, what is found after a kill, what a deletion takes. Run by controld_restore_file_test.sh.
import assert from "node:assert/strict";
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { disk, ext4, isClean, RestoreLab } from "./restore_lab.mjs";
import { fillRandom, firstDifference, lookAtBlob, makeBlob, MIB, putPages, random, snapshotBlob } from "./lab.mjs";

const folder = process.env.TMPDIR;
const lab = new RestoreLab();
const dir = (name, mode = 0o755) => {
    mkdirSync(`${folder}/${name}`);
    chmodSync(`${folder}/${name}`, mode);
    return `${folder}/${name}`;
};
const FILE = "properties.x-snapferry.file";
const BLOB = "properties.x-snapferry.blob";
const same = (path, of) => assert.equal(firstDifference(readFileSync(path), lab.disks[of]), -1, path);

async function nothingIsAllowed(to) {
    await lab.refused("x", lab.body("os", { file: `${to}/x` }), 409, "OperationNotAllowed", /"restoreTo"/, FILE);
    for (const path of ["//x", "/a//x", "/a/./x", "/a/../x", "/..", "/a/", "/", "/a\u0001", `/${"n".repeat(4000)}`, `${to}/x.snapferry`])
        await lab.refused("x", lab.body("os", { file: path }), 400, "BadRequest", /./, FILE);
    await lab.refused("x", lab.body("os", { file: "x.snapferry" }), 400, "BadRequest", /does not end/, FILE);
}

async function whatIsRefused(to, link, exact) {
    const elsewhere = dir("elsewhere");
    const of = (file) => lab.body("os", { file });
    const left = {}; // what may not be touched
    for (const name of ["there", "linked"]) writeFileSync(left[name] = `${name === "there" ? to : elsewhere}/${name}`, `somebody's ${name}`);
    symlinkSync(left.linked, `${to}/link`);
    symlinkSync(`${elsewhere}/nowhere`, `${to}/dangling`);
    mkdirSync(`${to}/below`);
    writeFileSync(`${to}/old.snapferry`, "of another copy");
    for (const path of [`${elsewhere}/x`, `${to}/below/x`, `${exact}x`, to, "/etc/x"])
        await lab.refused("x", of(path), 409, "OperationNotAllowed", /"restoreTo"/, FILE);
    await lab.refused("x", of(left.there), 409, "Conflict", /already/, FILE);
    await lab.refused("x", of(`${to}/old`), 409, "Conflict", /earlier copy/, FILE);
    for (const name of ["link", "dangling"]) await lab.refused("x", of(`${to}/${name}`), 409, "OperationNotAllowed", /symbolic link/, FILE);
    await lab.refused("x", of(`${to}/below`), 409, "OperationNotAllowed", /neither a file nor/, FILE);
    await lab.refused("x", of(`${folder}/open/x`), 409, "OperationNotAllowed", /by others/, FILE);
    await lab.refused("x", of(`${folder}/missing/x`), 409, "Conflict", /No such file/, FILE);
    await lab.refused("x", of(`${folder}/one/disks/x`), 409, "OperationNotAllowed", /own data folder/, FILE);
    await lab.refused("x", of(`${to}/vm2.raw`), 409, "Conflict", /place of another disk/);
    await lab.refused("x", of(`${link}/vm2.raw`), 409, "Conflict", /place of another disk/);
    for (const [name, path] of Object.entries(left)) assert.equal(readFileSync(path, "utf8"), `somebody's ${name}`);
    for (const path of [`${elsewhere}/nowhere`, `${to}/vm2.raw`, `${to}/old`]) assert.ok(!existsSync(path), path);
    assert.equal((await lab.one.ask("GET", disk("x"))).status, 404);
}

async function byteForByte(to, link, exact) {
    const place = { file: `${link}/a.img` }; // a folder of the configuration may itself be a link
    const seen = await lab.restored("a", "os", place);
    assert.equal(seen["x-snapferry"].file, `${to}/a.img`);
    assert.equal(seen["x-snapferry"].outside, undefined);
    same(`${to}/a.img`, "os");
    assert.equal(lstatSync(`${to}/a.img`).mode & 0o777, 0o600);
    assert.ok(isClean(`${to}/a.img`));
    await lab.restored("b", "data", { file: exact });
    same(exact, "data");

    // Put again: the same is the same; another place, source or size is named.
    const before = lstatSync(`${to}/a.img`).mtimeMs;
    for (const body of [lab.body("os", place), lab.body("os", undefined)]) {
        const answer = await lab.made("PUT", disk("a"), body);
        assert.equal(answer.body.properties.provisioningState, "Succeeded");
    }
    const changed = (body, target) => lab.refused("a", body, 409, "PropertyChangeNotAllowed", /./, target);
    await changed(lab.body("os", { file: `${to}/c.img` }), FILE);
    await changed(lab.body("os", { blob: "vhds/x" }), BLOB);
    await changed(lab.body("data", place), "properties.creationData.sourceResourceId");
    await changed(lab.body("os", place, { diskSizeGB: 1000 }), "properties.diskSizeGB");
    await changed({ ...lab.body("os", place), sku: { name: "Premium_LRS" } }, "sku.name");
    await lab.made("PUT", disk("a"), { ...lab.body("os", place), tags: { tier: "gold" } });
    assert.deepEqual((await lab.one.ask("GET", disk("a"))).body.tags, { tier: "gold" });
    assert.equal(lstatSync(`${to}/a.img`).mtimeMs, before);

    // A file that was put in its place is not what was restored.
    renameSync(exact, `${exact}.mine`);
    writeFileSync(exact, "somebody's");
    await lab.gone("b");
    assert.equal(readFileSync(exact, "utf8"), "somebody's");
    await lab.gone("a");
    for (const path of [`${to}/a.img`, `${to}/a.img.snapferry`]) assert.ok(!existsSync(path), path);
}

// Two at once are one too many for the data plane: the second waits, and meanwhile its place is taken.
async function takenWhileItWaits(to) {
    await lab.until(async () => lab.one.movers().length === 0, "the copying process before it has ended");
    await lab.put("slow", "os", { file: `${to}/slow.img` });
    const [mover] = await lab.until(async () => (lab.one.movers().length ? lab.one.movers() : null), "it is being copied");
    process.kill(mover, "SIGSTOP");
    await lab.put("waits", "data", { file: `${to}/waits.img` });
    await lab.put("blob-waits", "data", { blob: "vhds/waits" });
    await lab.refused("second", lab.body("data", { file: `${to}/waits.img` }), 409, "Conflict", /place of another disk/);
    await lab.refused("second", lab.body("data", { blob: "vhds/waits" }), 409, "Conflict", /place of another disk/);
    const foreign = Buffer.from(lab.disks.data).fill(7, 0, MIB); // as large as the disk
    writeFileSync(`${to}/waits.img`, foreign);
    await makeBlob(lab.owned("waits"), foreign.length);
    await putPages(lab.owned("waits"), 0, foreign);
    process.kill(mover, "SIGCONT");
    for (const name of ["waits", "blob-waits"]) {
        const seen = await lab.ended(name, "Failed");
        assert.match(seen["x-snapferry"].message, /exists already/);
        await lab.put(name, "data", name === "waits" ? { file: `${to}/waits.img` } : { blob: "vhds/waits" });
        assert.match((await lab.ended(name, "Failed"))["x-snapferry"].message, /exists already/);
        await lab.gone(name);
    }
    assert.ok(readFileSync(`${to}/waits.img`).equals(foreign), "somebody's file");
    assert.ok((await lookAtBlob(lab.owned("waits"))).bytes.equals(foreign), "somebody's blob");
    await lab.ended("slow", "Succeeded");
    same(`${to}/slow.img`, "os");
}

async function namedBlobs() {
    const foreign = Buffer.alloc(MIB, 9);
    await makeBlob(lab.owned("foreign"), MIB);
    await putPages(lab.owned("foreign"), 0, foreign);
    await lab.refused("x", lab.body("os", { blob: "vhds/foreign" }), 409, "Conflict", /nothing was touched/, BLOB);
    // Also one that is a copy of the very same disk, made by another: it may have been written to since.
    assert.ok((await lookAtBlob(lab.owned("foreign"))).bytes.equals(foreign));
    assert.equal((await lab.one.ask("GET", disk("x"))).status, 404);
    await lab.restored("named", "os", { blob: "new-one/of/a/path" });
    const url = `${lab.west.url}/disks/new-one/of/a/path?timeout=30`;
    assert.equal(firstDifference((await lookAtBlob(url)).bytes, lab.disks.os), -1);
    await snapshotBlob(url);
    await lab.gone("named");
    assert.equal(await lookAtBlob(url), null);
}

// Killed in the middle, the same restore goes on with what it began.
async function killedAndGoneOn(to) {
    await lab.put("file", "data", { file: `${to}/killed.img` });
    await lab.midway("file", async () => existsSync(`${to}/killed.img.snapferry`));
    await lab.one.stop("SIGKILL");
    await lab.one.start();
    await lab.ended("file", "Succeeded");
    same(`${to}/killed.img`, "data");
    await lab.put("blob", "data", { blob: "vhds/killed" });
    await lab.midway("blob", async () => lookAtBlob(lab.owned("killed")));
    await lab.one.stop("SIGKILL");
    await lab.one.start();
    await lab.ended("blob", "Succeeded");
    assert.equal(firstDifference((await lookAtBlob(lab.owned("killed"))).bytes, lab.disks.data), -1);
    await lab.gone("blob");
    assert.equal(await lookAtBlob(lab.owned("killed")), null);
}

// What the configuration does not allow any more does not go on, and what is there stays.
async function allowedNoMore(to, limits) {
    await lab.put("late", "data", { file: `${to}/late.img` });
    await lab.midway("late", async () => existsSync(`${to}/late.img.snapferry`));
    await lab.again({ limits });
    assert.match((await lab.ended("late", "Failed"))["x-snapferry"].message, /does not allow/);
}

await lab.finish(async () => {
    const to = dir("restores"), open = dir("open", 0o777), link = `${folder}/by-link`, exact = `${dir("exactly")}/one.img`;
    symlinkSync(to, link);
    const data = Buffer.alloc(2 * MIB);
    fillRandom(random(7), data);
    await lab.start(folder, { os: ext4(folder, 8), data }, {});
    await nothingIsAllowed(to);
    const vm2 = { id: "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm2", location: "west",
        disks: [{ name: "vm2-os", role: "os", file: `${to}/vm2.raw` }] };
    const restoreTo = [`${to}/`, `${link}/`, exact, `${open}/`, `${folder}/missing/`, `${folder}/one/disks/`];
    await lab.again({ restoreTo, virtualMachines: [vm2] });
    await whatIsRefused(to, link, exact);
    await lab.again({ restoreTo, limits: { copiesAtOnce: 1 } });
    await byteForByte(to, link, exact);
    await namedBlobs();
    await takenWhileItWaits(to);
    const limits = { bytesPerSecond: MIB, copiesAtOnce: 1 };
    await lab.again({ restoreTo, limits });
    await killedAndGoneOn(to);
    await allowedNoMore(to, limits);
});
