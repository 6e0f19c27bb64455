// flipped_bits.mjs - one wrong bit: anywhere on the wire between client and region, either direction, under
// TLS, where it is found and repaired by a retry; and in the storage of the target, where verify names its
// page. The bits are flipped by a proxy between the two, and in the region's own segment file.
// Environment: SNAPFERRY_BIN, REGIOND_BIN, TMPDIR, with ca.pem, region.pem and region.key in it.
import { closeSync, openSync, readSync, readdirSync, writeSync } from "node:fs";
import net from "node:net";
import * as lab from "./lab.mjs";

const { KIB, PAGE } = lab;
const DISK = 512 * KIB;
const TRIALS = Number(process.env.LAB_TRIALS ?? 14);
const folder = lab.newFolder(`${process.env.TMPDIR}/flips`);
const draw = lab.random(Number(process.env.LAB_SEED ?? 7));
const ca = `${process.env.TMPDIR}/ca.pem`;
const tls = ["--tls-cert", `${process.env.TMPDIR}/region.pem`, "--tls-key", `${process.env.TMPDIR}/region.key`];
let failed = 0;

function expect(name, wrong) {
    if (wrong) failed++;
    console.log(lab.withoutSecrets(`${wrong ? "not ok" : "ok"} - ${name}${wrong ? `: ${wrong}` : ""}`));
}

// Passes bytes on both ways and counts them; flips a bit of the byte with the number `at` of its direction.
class Proxy {
    constructor(port) {
        this.port = port;
        this.again();
        this.server = net.createServer((near) => {
            const far = net.connect(this.port, "127.0.0.1");
            this.#pass(near, far, "up");
            this.#pass(far, near, "down");
        });
    }

    again(direction = "", at = -1, bit = 0) {
        Object.assign(this, { direction, at, bit, flipped: false, up: 0, down: 0 });
    }

    #pass(from, to, direction) {
        from.on("data", (bytes) => {
            const at = this.at - this[direction];
            if (direction === this.direction && at >= 0 && at < bytes.length) {
                bytes[at] ^= 1 << this.bit;
                this.flipped = true;
            }
            this[direction] += bytes.length;
            to.write(bytes);
        });
        from.on("end", () => to.end());
        from.on("error", () => to.destroy());
        from.on("close", () => to.destroy());
    }

    async listen() {
        await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
        return `https://127.0.0.1:${this.server.address().port}`;
    }
}

function makeDisk() {
    const disk = Buffer.alloc(DISK + PAGE);
    for (let at = 0; at < DISK; at += 64 * KIB) lab.fillRandom(draw, disk.subarray(at, at + 40 * KIB));
    lab.vhdFooter(DISK).copy(disk, DISK);
    return disk;
}

// ---- On the wire ----

const disk = makeDisk();
const regions = {};
const env = {};
const proxies = {};
for (const end of ["source", "target"]) {
    regions[end] = new lab.Region(folder, end);
    await regions[end].start();
    if (end === "source") {
        const url = regions.source.sas("disk.vhd", "rcwd");
        await lab.makeBlob(url, disk.length);
        for (let at = 0; at < disk.length; at += 64 * KIB)
            await lab.putPages(url, at, disk.subarray(at, Math.min(at + 40 * KIB, disk.length)));
    }
    await regions[end].stop();
    await regions[end].start({ tls });
    proxies[end] = new Proxy(regions[end].port);
    regions[end].url = await proxies[end].listen();
    env[end.toUpperCase()] = regions[end].sas("disk.vhd", end === "source" ? "r" : "rcwd");
}
const copy = ["copy", "env:SOURCE", "env:TARGET", "--cacert", ca, "--coalesce", "0"];
const verify = ["verify", "env:SOURCE", "env:TARGET", "--cacert", ca];
let ended = await lab.command(folder, copy, env);
expect("a copy through the proxies", ended.status === 0 ? "" : ended.all);
const bytes = { source: { ...proxies.source }, target: { ...proxies.target } };
let repaired = 0;
for (let trial = 0; trial < TRIALS; trial++) {
    const end = draw.one(["source", "target"]);
    const direction = draw.one(["up", "down"]);
    // Of few bytes are handshakes and heads made: they are chosen as often as the many of the data.
    const at = draw.below(draw.chance(0.5) ? 6 * KIB : bytes[end][direction]);
    const name = `bit ${draw.below(8)} of byte ${at} of ${bytes[end][direction]} ${direction} to the ${end}`;
    proxies[end].again(direction, at, Number(name[4]));
    ended = await lab.command(folder, copy, env, { deadlineMs: 150000 });
    const { flipped } = proxies[end];
    proxies[end].again();
    const found = await lab.command(folder, verify, env);
    if (flipped && ended.status === 0 && found.status === 0) repaired++;
    else if (flipped || ended.status !== 0 || found.status !== 0)
        expect(name, `status ${ended.status}, then ${found.status}: ${ended.all}${found.all}`);
}
expect(`${repaired} of ${TRIALS} flips on the wire were met and repaired`, repaired < TRIALS / 3 ? "few" : "");

// ---- In the target's storage ----

function flipAtRest(region, at, bit) {
    const blob = readdirSync(`${region.data}/blobs`)[0];
    const file = readdirSync(`${region.data}/blobs/${blob}`).find((name) => name.endsWith(".0"));
    const fd = openSync(`${region.data}/blobs/${blob}/${file}`, "r+");
    const byte = Buffer.alloc(1);
    readSync(fd, byte, 0, 1, at);
    byte[0] ^= 1 << bit;
    writeSync(fd, byte, 0, 1, at);
    closeSync(fd);
}

// The ranges a verify names must be these pages, and no others.
async function expectNamed(name, offsets, wanted) {
    await regions.target.stop();
    for (const at of offsets) flipAtRest(regions.target, at, draw.below(8));
    await regions.target.start({ tls });
    const found = await lab.command(folder, [...verify, "--json"], env);
    const events = found.out.trim().split("\n").map((line) => JSON.parse(line));
    const named = events.filter((e) => e.event === "difference").map((e) => [e.offset, e.length]);
    const right = found.status === 4 && JSON.stringify(named) === JSON.stringify(wanted);
    expect(name, right ? "" : `status ${found.status}: ${JSON.stringify(named)}, not ${JSON.stringify(wanted)}`);
    ended = await lab.command(folder, copy, env);
    const again = await lab.command(folder, verify, env);
    expect(`${name}: repaired by a copy`, ended.status || again.status ? ended.all + again.all : "");
}

for (let i = 0; i < 4; i++) {
    const at = draw.below(8) * 64 * KIB + draw.below(40 * KIB);
    await expectNamed(`a flipped bit at rest, at ${at}`, [at], [[at - (at % PAGE), PAGE]]);
}
await expectNamed("two in neighbouring pages", [65536 + 700, 65536 + 1100], [[65536 + 512, 1024]]);
await expectNamed("two apart", [5, 131072], [[0, PAGE], [131072, PAGE]]);
await expectNamed("one in the footer", [DISK + 100], [[DISK, PAGE]]);
for (const end of ["source", "target"]) {
    proxies[end].server.close();
    await regions[end].stop();
}
for (const report of lab.sanitizerReports(folder)) expect("no sanitizer's report", report);
process.exit(failed ? 1 : 0);
