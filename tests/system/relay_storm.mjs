// relay_storm.mjs [--first N] [--seeds N] [--kills] [--width N] [--keep] - storms over a relay: the same faults
// at the source's region and at the target's behind the receiver, and a link between the two that cuts,
// stalls and flips bits; with --kills the sender, the receiver, both, or a region are killed. See storm_run.mjs.
// Environment: SNAPFERRY_BIN, REGIOND_BIN, TMPDIR; LAB: the folder of relay_lab.sh.
import { execFileSync, spawn } from "node:child_process";
import { createWriteStream, writeFileSync } from "node:fs";
import net from "node:net";
import { dirname } from "node:path";
import * as lab from "./lab.mjs";
import { drawStale, putStale } from "./storm_disks.mjs";
import { Storm, storms, totals } from "./storm_run.mjs";

const { LAB, SNAPFERRY_BIN, REGIOND_BIN } = process.env;
const NAME = "a/disk";
const FAULT_BYTES = 600000; // on average, in each direction of a connection

// A proxy on a port of its own, in this process: where it fails follows from the draw.
class Link {
    constructor(draw) {
        this.draw = draw;
        this.faulty = false;
        this.sockets = new Set();
        this.server = net.createServer((socket) => this.#carry(socket));
    }

    async start() {
        await new Promise((done) => this.server.listen(0, "127.0.0.1", done));
        this.port = this.server.address().port;
    }

    #hold(socket, other) {
        this.sockets.add(socket);
        socket.on("error", () => other.destroy());
        socket.on("close", () => {
            this.sockets.delete(socket);
            other.destroy();
        });
        socket.setNoDelay(true);
    }

    #carry(near) {
        const far = net.connect(this.to, "127.0.0.1");
        this.#hold(near, far);
        this.#hold(far, near);
        this.#flow(near, far);
        this.#flow(far, near);
    }

    #flow(from, to) {
        const next = () => -Math.log(1 - this.draw.below(1e6) / 1e6) * FAULT_BYTES;
        let left = this.faulty ? next() : Infinity;
        from.on("data", (bytes) => {
            left -= bytes.length;
            if (left < 0) {
                const kind = this.draw.one(["cut", "cut", "stall", "flip"]);
                left = next();
                totals.faults++;
                if (kind === "cut") {
                    to.write(bytes.subarray(0, this.draw.below(bytes.length)));
                    from.destroy();
                    return;
                }
                if (kind === "flip") bytes[this.draw.below(bytes.length)] ^= 1 << this.draw.below(8);
                else {
                    from.pause();
                    setTimeout(() => from.resume(), this.draw.below(700));
                }
            }
            if (!to.write(bytes)) {
                from.pause();
                to.once("drain", () => from.resume());
            }
        });
        from.on("end", () => to.end());
    }

    async stop() {
        for (const socket of this.sockets) socket.destroy();
        await new Promise((done) => this.server.close(done));
    }
}

class Receiver {
    constructor(folder, name, root, env) {
        Object.assign(this, { folder, name, root, env, port: 0, child: null });
    }

    async start() {
        for (let tries = 0; ; tries++) {
            if (await this.#spawn()) return;
            if (tries === 40) throw new Error(`the receiver does not start: ${this.said}`);
            await new Promise((resolve) => setTimeout(resolve, 50)); // its port is not free yet
        }
    }

    #spawn() {
        const args = ["receive", "--json", "--listen", `127.0.0.1:${this.port}`, "--target-root", this.root];
        args.push("--tls-cert", `${LAB}/server.pem`, "--tls-key", `${LAB}/server.key`);
        args.push("--client-ca", `${LAB}/ca.pem`, "--index", `${this.folder}/index`);
        const child = spawn(SNAPFERRY_BIN, args, { env: lab.environment(this.folder, this.env), cwd: this.folder });
        const log = createWriteStream(`${this.folder}/receiver.log`, { flags: "a" });
        this.said = "";
        child.stderr.on("data", (bytes) => (this.said += bytes));
        return new Promise((resolve) => {
            let line = "";
            this.ended = new Promise((over) =>
                child.on("close", (status, signal) => {
                    log.end();
                    over({ status, signal });
                    resolve(false);
                }),
            );
            child.stdout.on("data", (bytes) => {
                log.write(bytes);
                if (this.child === child) return;
                line += bytes;
                if (!line.includes("\n")) return;
                const { event, url } = JSON.parse(line.split("\n")[0]);
                if (event !== "ready") return;
                this.port = Number(new URL(url).port);
                this.child = child;
                resolve(true);
            });
        });
    }

    async stop(signal = "SIGTERM") {
        if (!this.child) return;
        this.child.kill(signal);
        const end = await this.ended;
        this.child = null;
        if (signal === "SIGTERM" && end.status !== 0)
            throw new Error(`the receiver ended with ${JSON.stringify(end)}: ${this.said}`);
    }
}

class RelayStorm extends Storm {
    async prepareTarget() {
        const { draw, folder } = this;
        const size = this.states[0].length;
        const stale = draw.chance(0.4) ? drawStale(draw, size) : null;
        const root = lab.newFolder(`${folder}/root`);
        this.link = new Link(lab.random(draw.next()));
        await this.link.start();
        if (this.toFile) {
            this.file = `${root}/${NAME}`;
            if (stale) {
                lab.newFolder(dirname(this.file));
                writeFileSync(this.file, stale);
            }
            this.receiver = new Receiver(folder, "receiver", root, {});
            return;
        }
        await this.target.start();
        this.owned = this.target.sas(NAME, "rcwd");
        if (stale) await putStale(draw, this.owned, stale);
        const args = ["sas", "--account", "disks:env:LAB_KEY", "--resource", "vhds"];
        args.push("--permissions", "rcwdl", "--expiry", "+2h", this.target.url);
        const ROOT = execFileSync(REGIOND_BIN, args, { env: lab.environment(folder) }).toString().trim();
        this.receiver = new Receiver(folder, "receiver", "env:ROOT", { ROOT });
        await this.target.stop();
    }

    async startEnds(faulty) {
        await super.startEnds(faulty);
        await this.receiver.start();
        this.link.to = this.receiver.port;
        this.link.faulty = faulty && this.draw.chance(0.8);
    }

    async stopEnds() {
        await this.receiver.stop();
        await super.stopEnds();
    }

    victims() {
        return [this.receiver, this.receiver, ...super.victims()];
    }

    options() {
        const { draw } = this;
        const options = super.options();
        options.push("--compress", draw.one(["off", "auto", "1", "3"]));
        if (draw.chance(0.2)) options.push("--no-dedup");
        return options;
    }

    command(state) {
        const url = `relay:https://127.0.0.1:${this.link.port}/${NAME}`;
        const args = ["send", state === 0 ? "env:BASE" : "env:SOURCE", url];
        args.push("--client-cert", `${LAB}/a.pem`, "--client-key", `${LAB}/a.key`, "--cacert", `${LAB}/ca.pem`);
        // Without a base the second is a clone: full, and mostly references.
        if (state === 1 && this.draw.chance(0.6)) args.push("--base", "env:BASE");
        return args;
    }

    async close() {
        await this.receiver?.stop("SIGKILL");
        await this.link?.stop();
        await super.close();
    }
}

await storms(RelayStorm, "relay_storm.sh");
