// controld_restore_device.mjs - disks restored onto block devices: loop devices that controld_restore_device_test.sh made,
// and which it names: RESTORE_SMALL, RESTORE_LARGE, RESTORE_OTHER; RESTORE_SOURCE shows RESTORE_RAW, a machine's own disk.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, existsSync, mkdirSync, openSync, readFileSync, readSync, rmSync, symlinkSync } from "node:fs";
import { disk, ext4, isClean, RestoreLab } from "./restore_lab.mjs";
import { fillRandom, firstDifference, MIB, random, vhdFooter } from "./lab.mjs";

const { TMPDIR: folder, RESTORE_SMALL: small, RESTORE_LARGE: large, RESTORE_OTHER: other, RESTORE_SOURCE: source,
    RESTORE_RAW: raw, RESTORE_LARGE_FILE: file } = process.env;
const lab = new RestoreLab();
const FILE = "properties.x-snapferry.file";
const names = `/dev/snapferry-test-${process.pid}`; // as a volume group's folder: of links
process.on("exit", () => rmSync(names, { recursive: true, force: true }));

// Past the page cache's view of the file below it.
function content(device, bytes) {
    const read = Buffer.alloc(bytes), fd = openSync(device, "r");
    for (let at = 0; at < bytes; ) at += readSync(fd, read, at, bytes - at, at);
    closeSync(fd);
    return read;
}
const holds = (device, bytes) => assert.equal(firstDifference(content(device, bytes.length), bytes), -1, device);

async function whatIsRefused(before) {
    const of = (path) => lab.body("os", { file: path });
    await lab.refused("x", of("/dev/null"), 409, "OperationNotAllowed", /"restoreTo"/, FILE);
    await lab.refused("x", of(small), 409, "Conflict", new RegExp(`too small: it has ${4 * MIB} bytes, and the disk ${8 * MIB}`), FILE);
    await lab.refused("x", of(`${names}/none`), 409, "Conflict", /There is no device/, FILE);
    await lab.refused("x", of(`${names}/to-file`), 409, "OperationNotAllowed", /symbolic link/, FILE);
    await lab.refused("x", of(source), 409, "Conflict", /place of another disk/);
    const held = openSync(large, constants.O_RDWR | constants.O_EXCL);
    await lab.refused("x", of(large), 409, "Conflict", /in use/, FILE);
    await lab.refused("x", of(`${names}/large`), 409, "Conflict", /in use/, FILE);
    closeSync(held);
    assert.equal((await lab.one.ask("GET", disk("x"))).status, 404);
    holds(large, before);
}

function refusesMounted() {
    const at = `${folder}/mounted`;
    mkdirSync(at);
    try {
        execFileSync("mount", [other, at], { stdio: "ignore" });
    } catch {
        console.log("  nothing can be mounted here: a mounted device is not looked at");
        return null;
    }
    return () => execFileSync("umount", [at]);
}

async function byteForByte(before) {
    await lab.restored("a", "os", { file: `${names}/large` });
    holds(large, lab.disks.os);
    const end = content(large, before.length).subarray(lab.disks.os.length);
    assert.ok(end.equals(before.subarray(lab.disks.os.length)), "what lies behind the disk is as it was");
    assert.ok(isClean(large));
    const again = await lab.made("PUT", disk("a"), lab.body("os", { file: `${names}/large` }));
    assert.equal(again.body.properties.provisioningState, "Succeeded");
    await lab.refused("a", lab.body("os", { file: other }), 409, "PropertyChangeNotAllowed", /./, FILE);
    for (const name of [large, `${names}/large`]) // one device, two names; then a file that it shows
        await lab.refused("b", lab.body("data", { file: name }), 409, "Conflict", /place of another disk/);
    await lab.refused("b", lab.body("data", { file }), 409, "Conflict", /already/);

    // Nothing of a device is wiped, and what was beside it in /dev goes.
    await lab.gone("a");
    holds(large, lab.disks.os);
    assert.ok(!existsSync(`${names}/large.snapferry`));
    await lab.restored("bare", "vhd", { file: large });
    const bare = lab.disks.vhd.subarray(0, lab.disks.vhd.length - 512);
    holds(large, Buffer.concat([bare, lab.disks.os.subarray(bare.length)])); // no footer comes behind it
    await lab.gone("bare");
    assert.ok(!existsSync(`${large}.snapferry`));
}

async function killedAndGoneOn() {
    await lab.put("killed", "data", { file: large });
    await lab.midway("killed", async () => existsSync(`${large}.snapferry`));
    await lab.one.stop("SIGKILL");
    await lab.one.start();
    await lab.ended("killed", "Succeeded");
    holds(large, lab.disks.data);
    await lab.gone("killed");
}

// After the kill another device has the name: nothing may be written to it.
async function anotherOfThatName() {
    await lab.put("moved", "data", { file: large });
    await lab.midway("moved", async () => existsSync(`${large}.snapferry`));
    await lab.one.stop("SIGKILL");
    await lab.until(async () => lab.one.movers().length === 0, "the copying process ends");
    execFileSync("losetup", ["-d", large]);
    execFileSync("truncate", ["-s", `${12 * MIB}`, `${folder}/another`]);
    execFileSync("losetup", [large, `${folder}/another`]);
    await lab.one.start();
    assert.match((await lab.ended("moved", "Failed"))["x-snapferry"].message, /cannot be shown to be the device/);
    holds(large, Buffer.alloc(12 * MIB));
    await lab.gone("moved");
    await lab.restored("moved", "data", { file: large });
    holds(large, lab.disks.data);
}

await lab.finish(async () => {
    mkdirSync(names);
    symlinkSync(`../${large.slice(5)}`, `${names}/large`);
    symlinkSync(raw, `${names}/to-file`);
    const draw = random(8), data = Buffer.alloc(2 * MIB), vhd = Buffer.alloc(2 * MIB);
    for (const bytes of [data, vhd]) fillRandom(draw, bytes);
    const vm2 = { id: "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm2", location: "west",
        disks: [{ name: "vm2-os", role: "os", file: raw }] };
    const restoreTo = [`${names}/`, small, large, other, source, file];
    await lab.start(folder, { os: ext4(folder, 8), data, vhd: Buffer.concat([vhd, vhdFooter(vhd.length)]) },
        { restoreTo, virtualMachines: [vm2] });
    const before = content(large, 12 * MIB);
    await whatIsRefused(before);
    const unmount = refusesMounted();
    if (unmount) {
        await lab.refused("x", lab.body("data", { file: other }), 409, "Conflict", /in use/, FILE);
        unmount();
    }
    await byteForByte(before);
    await lab.again({ restoreTo, limits: { bytesPerSecond: MIB } });
    await killedAndGoneOn();
    if (readFileSync("/proc/sys/kernel/osrelease", "utf8") >= "5.15") await anotherOfThatName();
});
