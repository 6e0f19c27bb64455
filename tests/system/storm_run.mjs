// storm_run.mjs - how a storm goes: a full copy and then an incremental one between two regions that fail as
// the seed says, to a page blob or a file. A run ends with status 0 and an identical target, or with a named
// error and a target that does not look whole; the same command again, at last without faults, must make it
// identical. With --kills, client and regions are killed at random moments too. Anything else is a failure,
// and so are a hang and a sanitizer's report; it prints the line that replays it. What is between the ends
// is for who extends Storm (relay_storm.mjs).
// Environment: SNAPFERRY_BIN, REGIOND_BIN, TMPDIR.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import * as lab from "./lab.mjs";
import { drawDisks, drawStale, putSource, putStale } from "./storm_disks.mjs";
import { drawRules } from "./storm_faults.mjs";

const RUNS_WITH_FAULTS = 3;
const DEADLINE_MS = 240000; // two minutes of them may be spent waiting out late clears
const SAME_COMMAND_MAX = 8;

const value = (name, otherwise) => {
    const at = process.argv.lastIndexOf(name);
    return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const first = value("--first", 1);
const seeds = value("--seeds", 50);
const width = value("--width", 6);
const kills = process.argv.includes("--kills");
const keep = process.argv.includes("--keep");
const root = lab.newFolder(`${process.env.TMPDIR}/storm`);
export const totals = { runs: 0, faults: 0, survived: 0, reported: 0, kills: 0 };
const slowest = { seed: 0, ms: 0 };
const kindsSeen = {};

export class Wrong extends Error {}

export class Storm {
    constructor(seed) {
        this.seed = seed;
        this.draw = lab.random(seed);
        this.folder = lab.newFolder(`${root}/${seed}`);
        this.source = new lab.Region(this.folder, "source");
        this.target = new lab.Region(this.folder, "target");
        this.toFile = this.draw.chance(0.35);
        this.file = `${this.folder}/disk.img`;
        this.story = [];
    }

    async prepare() {
        const { draw } = this;
        this.states = drawDisks(draw, this.folder);
        await this.source.start();
        if (draw.chance(0.4)) {
            const { MANAGED } = lab;
            await lab.grantDisk(this.source, MANAGED, "r");
            this.times = await putSource(draw, this.source.owned(MANAGED, "abcd"), this.states);
            const [BASE, SOURCE] = this.times.map((time) => this.source.granted(MANAGED, "abcd", time));
            this.env = { BASE, SOURCE };
        } else {
            this.times = await putSource(draw, this.source.sas("disk.vhd", "rcwd"), this.states);
            const [BASE, SOURCE] = this.times.map((time) => this.source.sas("disk.vhd", "r", time));
            this.env = { BASE, SOURCE };
        }
        await this.source.stop();
        await this.prepareTarget();
    }

    async prepareTarget() {
        const { draw } = this;
        const size = this.states[0].length;
        const stale = draw.chance(0.5) ? drawStale(draw, size) : null;
        if (this.toFile) {
            if (stale) writeFileSync(this.file, stale);
            return;
        }
        await this.target.start();
        // An upload disk takes a VHD of its size, once; its footer is all that says it is whole.
        this.upload = lab.hasFooter(this.states[0]) && draw.chance(0.25);
        if (this.upload) {
            await lab.grantDisk(this.target, lab.UPLOAD, "rw");
            this.owned = this.target.owned(lab.UPLOAD, "abcd");
            this.env.TARGET = this.target.granted(lab.UPLOAD, "abcd");
            await lab.makeBlob(this.owned, size);
        } else {
            this.owned = this.target.sas("disk.vhd", "rcwd");
            this.env.TARGET = this.owned;
            if (stale) await putStale(draw, this.owned, stale);
        }
        await this.target.stop();
    }

    options() {
        const { draw } = this;
        const options = ["--io", draw.one(["uring", "epoll"])];
        if (draw.chance(0.6)) options.push("--coalesce", draw.one(["0", "4096", "65536"]));
        if (draw.chance(0.3)) options.push("--verify");
        if (draw.chance(0.2)) options.push("--no-root");
        if (draw.chance(0.4)) options.push("--window", "1", "--max-window", String(1 + draw.below(8)));
        if (draw.chance(0.4)) options.push("--threads", String(2 + draw.below(3)));
        return options;
    }

    regions() {
        return this.toFile ? [this.source] : [this.source, this.target];
    }

    // What a run needs beside the client; faults drawn anew, or none.
    async startEnds(faulty) {
        const { draw } = this;
        for (const region of this.regions())
            await region.start({
                seed: draw.below(1e9),
                rules: faulty ? drawRules(draw, region.name) : undefined,
            });
    }

    async stopEnds() {
        for (const region of this.regions()) await region.stop();
    }

    // Who may be killed beside the client; each with a name, stop and start.
    victims() {
        return this.regions();
    }

    async run(args, faulty) {
        const { draw } = this;
        const extra = {};
        await this.startEnds(faulty);
        if (faulty && this.toFile && draw.chance(0.15))
            extra.under = ["prlimit", `--fsize=${draw.below(this.states[0].length)}`];
        const killing = faulty && kills ? this.killSoon(this.victims(), extra) : null;
        const ended = await lab.command(this.folder, args, this.env, { deadlineMs: DEADLINE_MS, ...extra });
        const killed = killing ? await killing.over() : "";
        await this.stopEnds();
        totals.runs++;
        this.said = ended.err;
        this.story.push(`status ${ended.status ?? ended.signal}${killed} ${ended.all.trim().slice(-1200)}`);
        if (ended.hung) throw new Wrong("a run hung");
        for (const report of lab.sanitizerReports(this.folder)) throw new Wrong(report);
        if (killed === " (client killed)" && ended.signal === "SIGKILL") return null;
        if (ended.signal) throw new Wrong(`ended by ${ended.signal}`);
        return ended.status;
    }

    // Within the next moments one of them is killed; what is no client comes back with what is left to it.
    killSoon(others, extra) {
        const { draw } = this;
        const victim = draw.one(["client", ...others]);
        const afterMs = Math.floor(2 ** (draw.below(1000) / 100)); // 1 ms to a second
        let killed = "";
        let work = Promise.resolve();
        let over = false;
        const kill = async (child) => {
            if (over) return;
            totals.kills++;
            if (victim === "client") {
                killed = " (client killed)";
                child.kill("SIGKILL");
                return;
            }
            killed = ` (${victim.name} killed)`;
            await victim.stop("SIGKILL");
            await victim.start();
        };
        extra.started = (child) => {
            setTimeout(() => (work = kill(child)), afterMs);
        };
        return {
            over: async () => {
                over = true;
                await work;
                return killed;
            },
        };
    }

    // What the target is now, as others see it.
    async look() {
        if (this.toFile) {
            const sidecar = `${this.file}.snapferry`;
            if (!existsSync(this.file)) return null;
            const marker = existsSync(sidecar) ? readFileSync(sidecar, "utf8") : "";
            return {
                bytes: readFileSync(this.file),
                state: /complete/.test(marker) ? "complete" : /copying/.test(marker) ? "copying" : "none",
                source: marker,
            };
        }
        await this.target.start();
        const seen = await lab.lookAtBlob(this.owned);
        await this.target.stop();
        if (this.upload) seen.state = lab.hasFooter(seen.bytes) ? "complete" : "copying";
        return seen;
    }

    stateOf(marker) {
        const text = decodeURIComponent(marker ?? "");
        return this.times.findIndex((time) => text.includes(time));
    }

    // A target that says it is whole is what it says.
    async judge(status, wanted) {
        const seen = await this.look();
        const expected = this.states[wanted];
        if (status === 0) {
            if (!seen || seen.state !== "complete") throw new Wrong("done, but not marked complete");
            const at = lab.firstDifference(seen.bytes, expected);
            if (at >= 0) throw new Wrong(`done, but the target differs at ${at}`);
            return;
        }
        if (status !== null && status !== 1 && status !== 3) throw new Wrong(`status ${status}`);
        if (!seen) return;
        if (seen.state === "complete") {
            const is = this.upload ? wanted : this.stateOf(seen.source);
            if (is < 0) throw new Wrong("complete, but nobody knows what");
            const at = lab.firstDifference(seen.bytes, this.states[is]);
            if (at >= 0) throw new Wrong(`not done, says it is state ${is}, but differs at ${at}`);
        } else if (seen.state === "copying" && lab.hasFooter(seen.bytes)) {
            // Marked, and then killed: either nothing was changed yet, or only the word is missing.
            if (!this.states.some((state) => seen.bytes.equals(state)))
                throw new Wrong("not done, but it has a footer");
        }
    }

    command(state) {
        const end = this.toFile ? this.file : "env:TARGET";
        return state === 0 ? ["copy", "env:BASE", end] : ["copy", "env:SOURCE", end, "--base", "env:BASE"];
    }

    async copy(state) {
        const args = [...this.command(state), ...this.options()];
        for (let run = 0; ; run++) {
            const faulty = run < RUNS_WITH_FAULTS;
            const status = await this.run(args, faulty);
            await this.judge(status, state);
            if (status === 0) {
                totals.survived++;
                return;
            }
            totals.reported++;
            if (status !== null && !/^snapferry: .{10}/m.test(this.said))
                throw new Wrong("it failed without a word");
            if (run === SAME_COMMAND_MAX) throw new Wrong("the same command again does not do");
            if (!faulty && run > RUNS_WITH_FAULTS) throw new Wrong("it fails without faults");
        }
    }

    async close() {
        await this.source.stop("SIGKILL");
        await this.target.stop("SIGKILL");
        for (const region of [this.source, this.target])
            for (const [name, count] of Object.entries(region.faultsSeen())) {
                const kind = name.replace(/-\d+$/, "");
                kindsSeen[kind] = (kindsSeen[kind] ?? 0) + count;
                totals.faults += count;
            }
    }
}

async function one(Kind, script, seed) {
    const begunMs = Date.now();
    const storm = new Kind(seed);
    let wrong = "";
    try {
        await storm.prepare();
        await storm.copy(0);
        if (!storm.upload) await storm.copy(1);
    } catch (error) {
        wrong = error instanceof Wrong ? error.message : String(error.stack);
    }
    await storm.close();
    const ms = Date.now() - begunMs;
    if (ms > slowest.ms) Object.assign(slowest, { seed, ms });
    if (!wrong) {
        if (!keep) lab.removeFolder(storm.folder);
        return 0;
    }
    const told = storm.story.map((line) => `    ${lab.withoutSecrets(line)}`).join("\n");
    console.log(`not ok - seed ${seed}: ${lab.withoutSecrets(wrong.slice(0, 4000))}\n${told}`);
    console.log(`replay: tests/system/${script} ${kills ? "--kills " : ""}--seeds 1 --first ${seed} --keep`);
    return 1;
}

// All seeds of the command line, by storms of this kind. Ends the process.
export async function storms(Kind, script) {
    const results = await lab.parallel(seeds, width, (i) => one(Kind, script, first + i));
    const failed = results.reduce((sum, bad) => sum + bad, 0);
    const seen = Object.entries(kindsSeen)
        .sort()
        .map(([kind, count]) => `${kind} ${count}`)
        .join(", ");
    console.log(`faults: ${seen}`);
    console.log(
        `${seeds} seeds from ${first}: ${failed} failed; ${totals.runs} runs, ${totals.survived} copies done, ` +
            `${totals.reported} runs reported, ${totals.kills} kills, ${totals.faults} faults met; the longest was seed ${slowest.seed}, ${slowest.ms} ms`,
    );
    process.exit(failed || totals.faults < seeds ? 1 : 0);
}
