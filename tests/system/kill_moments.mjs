// kill_moments.mjs [--kills N] [--first N] [--width N] - copies whose client or regions are killed with
// kill -9 (or whose client is asked to stop) at random moments; the same command goes on. The target must be
// identical, and the source's request log must show that nothing was read again but what was in flight (the
// window), for a file also what was read since the last flush: at most MOVER_FLUSH_NS before the kill.
// Environment: SNAPFERRY_BIN, REGIOND_BIN, TMPDIR.
import { existsSync, readFileSync } from "node:fs";
import * as lab from "./lab.mjs";

const { KIB, MIB, PAGE } = lab;
const DISK = 12 * MIB;
const PIECE = 64 * KIB;
const STRIDE = 2 * PIECE;
const WINDOW = 4;
const KILLS_EACH = 3;
const LOG_LINE_BYTES = 500;
const FLUSH_MS = 1000 + 1000; // the interval, and time for the flush and its record
const LATE_TRIES = 4; // a busy machine may be late now and then, and is not each time
const value = (name, otherwise) => {
    const at = process.argv.lastIndexOf(name);
    return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const wanted = value("--kills", 40);
const first = value("--first", 1);
const width = value("--width", 8);
const root = lab.newFolder(`${process.env.TMPDIR}/kills`);
const totals = { kills: 0, client: 0, stopped: 0, source: 0, target: 0, again: 0, read: 0, worst: 0 };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function makeDisks(draw) {
    const states = [Buffer.alloc(DISK + PAGE), null];
    for (let at = 0; at < DISK; at += STRIDE) lab.fillRandom(draw, states[0].subarray(at, at + PIECE));
    lab.vhdFooter(DISK).copy(states[0], DISK);
    states[1] = Buffer.from(states[0]);
    for (let at = 0; at < DISK; at += STRIDE)
        if (draw.chance(0.8)) lab.fillRandom(draw, states[1].subarray(at, at + PIECE));
    return states;
}

async function putState(url, state, before) {
    for (let at = 0; at < state.length; at += STRIDE) {
        const piece = state.subarray(at, Math.min(at + PIECE, state.length));
        if (!before || !piece.equals(before.subarray(at, at + PIECE))) await lab.putPages(url, at, piece);
    }
    return lab.snapshotBlob(url);
}

class Case {
    constructor(seed) {
        this.seed = seed;
        this.draw = lab.random(seed);
        this.folder = lab.newFolder(`${root}/${seed}`);
        this.source = new lab.Region(this.folder, "source");
        this.target = new lab.Region(this.folder, "target");
        this.toFile = this.draw.chance(0.4);
        this.delta = this.draw.chance(0.5);
        this.file = `${this.folder}/disk.img`;
        this.kills = [];
        this.runs = [];
        this.before = 0;
    }

    async prepare() {
        const times = [];
        this.states = makeDisks(this.draw);
        await this.source.start();
        await this.target.start();
        const url = this.source.sas("disk.vhd", "rcwd");
        await lab.makeBlob(url, DISK + PAGE);
        times.push(await putState(url, this.states[0]));
        times.push(await putState(url, this.states[1], this.states[0]));
        this.env = {
            BASE: this.source.sas("disk.vhd", "r", times[0]),
            SOURCE: this.source.sas("disk.vhd", "r", times[1]),
            TARGET: this.target.sas("disk.vhd", "rcwd"),
        };
        this.args = ["--coalesce", "0", "--window", "1", "--max-window", String(WINDOW)];
        this.args.push("--io", this.draw.one(["uring", "epoll"]));
        if (this.delta) await this.run([this.from("BASE"), this.end()], { status: 0 });
        // Slow enough that a moment in the midst can be met; a file has to live through some flushes.
        await this.source.stop();
        this.shape = { latencyMs: 3, blob: { bytesPerSecond: this.toFile ? 1500000 : 6000000 } };
        await this.source.start({ shape: this.shape });
    }

    from(name) {
        return `env:${name}`;
    }

    end() {
        return this.toFile ? this.file : "env:TARGET";
    }

    // `mine`: one of the runs whose traffic is judged.
    async run(ends, { status, started, mine = false } = {}) {
        const run = { begunMs: Date.now(), end: "", endMs: 0 };
        if (mine) this.runs.push(run);
        const ended = await lab.command(this.folder, ["copy", ...ends, ...this.args], this.env, {
            deadlineMs: 240000,
            started,
        });
        if (ended.hung) throw new Error("a run hung");
        if (status !== undefined && ended.status !== status)
            throw new Error(`status ${ended.status}, not ${status}: ${ended.all}`);
        return ended;
    }

    // Kills one of them when so much more has been read.
    async kill(child, over) {
        const { draw } = this;
        const victims = ["client", "client", "stopped", "source", ...(this.toFile ? [] : ["target"])];
        const victim = draw.one(victims);
        const size = this.source.logBytes() + draw.below(40) * LOG_LINE_BYTES;
        const giveUp = Date.now() + 15000;
        while (this.source.logBytes() <= size && !over.yes && Date.now() < giveUp) await sleep(5);
        await sleep(draw.below(20));
        if (over.yes) return;
        this.kills.push({ victim, ms: Date.now() });
        totals.kills++;
        totals[victim]++;
        if (victim === "client" || victim === "stopped") {
            Object.assign(this.runs.at(-1), { end: victim, endMs: Date.now() });
            child.kill(victim === "client" ? "SIGKILL" : draw.one(["SIGINT", "SIGTERM"]));
            over.yes = true;
            return;
        }
        await this[victim].stop("SIGKILL");
        await sleep(draw.below(300));
        await this[victim].start(victim === "source" ? { shape: this.shape } : {});
    }

    async copy() {
        const ends = [this.from("SOURCE"), this.end()];
        if (this.delta) ends.push("--base", this.from("BASE"));
        this.before = this.reads().length;
        for (let runs = 0; ; runs++) {
            const over = { yes: false };
            let killing = Promise.resolve();
            const kill = async (child) => {
                while (this.kills.length < KILLS_EACH && !over.yes) await this.kill(child, over);
            };
            const started = (child) => (killing = kill(child));
            const ended = await this.run(ends, { started, mine: true });
            over.yes = true;
            await killing;
            if (ended.status === 0) return;
            if (ended.signal !== "SIGKILL" && ended.status !== 130 && ended.status !== 3)
                throw new Error(`status ${ended.status} ${ended.signal}: ${ended.all}`);
            if (runs > KILLS_EACH + 2) throw new Error(`it does not end: ${ended.all}`);
        }
    }

    // Reads of data, in the order they were answered, each with the run it belongs to.
    reads() {
        const wanted = this.source.requests().filter((r) => r.verb === "Get Blob" && r.rangeLength > PAGE);
        return wanted.slice(this.before).map((r) => {
            const ms = Date.parse(r.time);
            const begunMs = ms - r.durationUs / 1000;
            const run = this.runs.findLastIndex((one) => one.begunMs <= begunMs + 1);
            return { at: r.rangeOffset, bytes: r.rangeLength, ms, begunMs, run };
        });
    }

    // In the midst of a run only what a killed source was sending is read again.
    judgeRetry(page, earlier, read) {
        const kill = this.kills.find(
            (one) => one.victim === "source" && one.ms >= earlier.begunMs - 50 && one.ms <= read.ms + 50,
        );
        if (!kill) throw new Error(`${page} was read twice in one run, and the source lived`);
        kill.again = (kill.again ?? 0) + PAGE;
        if (kill.again > WINDOW * PIECE) throw new Error(`${kill.again} bytes read again for a killed source`);
        totals.again += PAGE;
    }

    // After a run that was ended: nothing that was durable, and so recorded.
    judgeResumed(page, earlier) {
        const run = this.runs[earlier.run];
        const waitsForFlush = this.toFile && run.end === "client";
        run.again = (run.again ?? 0) + PAGE;
        totals.again += PAGE;
        if (!waitsForFlush) totals.worst = Math.max(totals.worst, run.again);
        if (run.end === "stopped") throw new Error(`${page} was read again, though the run had time to record`);
        if (waitsForFlush && run.endMs - earlier.ms > FLUSH_MS)
            throw new Late(`${page} had been read ${run.endMs - earlier.ms} ms before the kill`);
        run.which = (run.which ?? new Set()).add(`${earlier.at} ${Math.round(earlier.ms - run.endMs)} ms`);
    }

    judgeRuns() {
        for (const [i, run] of this.runs.entries())
            if (run.again > WINDOW * PIECE && !(this.toFile && run.end === "client"))
                throw new Error(`${run.again} bytes read again after run ${i} (${run.end}): ${[...run.which].join(", ")}`);
    }

    judgeTraffic() {
        const last = new Map(); // page -> how it was read last
        for (const read of this.reads()) {
            totals.read += read.bytes;
            for (let page = read.at; page < read.at + read.bytes; page += PAGE) {
                const earlier = last.get(page);
                last.set(page, read);
                if (earlier?.run === read.run) this.judgeRetry(page, earlier, read);
                else if (earlier) this.judgeResumed(page, earlier);
            }
        }
    }

    async judge() {
        const seen = this.toFile
            ? { bytes: existsSync(this.file) ? readFileSync(this.file) : Buffer.alloc(0), state: "complete" }
            : await lab.lookAtBlob(this.env.TARGET);
        const at = lab.firstDifference(seen.bytes, this.states[1]);
        if (seen.state !== "complete" || at >= 0) throw new Error(`the target is ${seen.state}, differs at ${at}`);
        this.judgeTraffic();
        this.judgeRuns();
        for (const report of lab.sanitizerReports(this.folder)) throw new Error(report);
    }
}

class Late extends Error {}

async function one(seed, tries = LATE_TRIES) {
    const it = new Case(seed);
    let wrong = "", late = false;
    try {
        await it.prepare();
        await it.copy();
        await it.judge();
    } catch (error) {
        wrong = String(error.stack);
        late = error instanceof Late;
    }
    await it.source.stop("SIGKILL");
    await it.target.stop("SIGKILL");
    if (!wrong) {
        lab.removeFolder(it.folder);
        return 0;
    }
    if (late && tries > 1) {
        lab.removeFolder(it.folder);
        return one(seed, tries - 1);
    }
    const story = `${it.delta ? "delta" : "full"} to a ${it.toFile ? "file" : "blob"}, killed: `;
    console.log(lab.withoutSecrets(`not ok - seed ${seed}: ${wrong.slice(0, 3000)}`));
    console.log(`    ${story}${it.kills.map((kill) => kill.victim).join(", ")}`);
    console.log(`replay: kill_moments.mjs --first ${seed} --kills 1 (a moment is never quite the same)`);
    return 1;
}

let failed = 0;
for (let seed = first; totals.kills < wanted; seed += width)
    for (const bad of await lab.parallel(width, width, (i) => one(seed + i))) failed += bad;
const { client, stopped, source, target } = totals;
console.log(
    `${totals.kills} kills (client ${client}, asked to stop ${stopped}, source ${source}, target ${target}): ` +
        `${failed} copies failed; ${totals.again} of ${totals.read} bytes were read again, ` +
        `at most ${totals.worst} after one kill where nothing waited for a flush`,
);
process.exit(failed ? 1 : 0);
