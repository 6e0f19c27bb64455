// controld_lab.mjs - a snapferryd that dies and comes back on its port, and a client that asks it until it is answered.
// Environment: SNAPFERRYD_BIN and what lab.mjs needs. Nothing here prints a URL's query.
import { spawn } from "node:child_process";
import { readFileSync, readdirSync, symlinkSync } from "node:fs";
import { environment } from "./lab.mjs";

const { SNAPFERRYD_BIN, SNAPFERRY_BIN } = process.env;
const ANSWER_MS = 60000; // through restarts, on a machine with other work
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const GROUP = "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Compute";
const versionOf = (path) => (/\/(diskRestorePoints|disks)(\/|$)/.test(path) ? "2025-01-02" : "2024-03-01");

export class Controld {
    constructor(folder, config) {
        this.folder = folder;
        this.mover = `${folder}/mover`; // a name of its own, by which its processes are known
        symlinkSync(SNAPFERRY_BIN, this.mover);
        this.args = ["--config", config, "--data", `${folder}/one`, "--snapferry", this.mover, "--no-auth", "--listen"];
        this.port = 0;
        this.said = "";
        this.started = 0;
    }

    async start() {
        for (let tries = 0; ; tries++) {
            if (await this.#spawn()) return;
            if (tries === 600) throw new Error(`snapferryd does not start: ${this.said.slice(-500)}`);
            await sleep(100); // its port or its lock is not free yet
        }
    }

    #spawn() {
        const listen = `127.0.0.1:${this.port}`;
        const child = spawn(SNAPFERRYD_BIN, [...this.args, listen], { env: environment(this.folder), cwd: this.folder });
        child.stderr.on("data", (bytes) => (this.said += bytes));
        return new Promise((resolve) => {
            let line = "";
            this.ended = new Promise((over) =>
                child.on("close", (status, signal) => {
                    over({ status, signal });
                    resolve(false);
                }),
            );
            child.stdout.on("data", (bytes) => {
                line += bytes;
                if (!line.includes("\n")) return;
                this.url = JSON.parse(line).url;
                this.port = Number(new URL(this.url).port);
                this.child = child;
                this.started++;
                resolve(true);
            });
        });
    }

    async stop(signal = "SIGTERM") {
        if (!this.child) return { status: 0 };
        this.child.kill(signal);
        this.child = null;
        return await this.ended;
    }

    // The processes `snapferry run` of this folder, whosever children they are by now.
    movers() {
        return readdirSync("/proc").filter((pid) => {
            if (!/^\d+$/.test(pid)) return false;
            try {
                return readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0")[0] === this.mover;
            } catch {
                return false; // it has just ended
            }
        });
    }

    // Asks until there is an answer that is none of a service in trouble. {status, body, headers}
    async ask(method, path, body) {
        const until = Date.now() + ANSWER_MS;
        const [plain, query] = path.split("?");
        for (;;) {
            try {
                const url = path.startsWith("http") ? path : `${this.url}${plain}?api-version=${versionOf(plain)}`;
                const answer = await fetch(path.startsWith("http") || !query ? url : `${url}&${query}`, {
                    method,
                    headers: { "content-type": "application/json" },
                    body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
                    signal: AbortSignal.timeout(ANSWER_MS),
                });
                const text = await answer.text();
                if (answer.status < 500 || Date.now() > until)
                    return { status: answer.status, text, headers: answer.headers, body: text ? JSON.parse(text) : null };
            } catch (e) {
                if (Date.now() > until) throw new Error(`no answer: ${method} ${plain}: ${e.cause?.code ?? e.message}`);
            }
            await sleep(50);
        }
    }
}
