// lab.mjs - what tests of faults share: regions that come and go on one port, disks, commands with a
// deadline, sanitizer reports. Nothing here prints a URL's query.
// Environment: SNAPFERRY_BIN, REGIOND_BIN, TMPDIR.
import { execFileSync, spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";

export const PAGE = 512;
export const KIB = 1024;
export const MIB = 1024 * 1024;
export const MANAGED = "md-0123456789ab";
export const UPLOAD = "md-impexp-0123456789ab";
const { REGIOND_BIN, SNAPFERRY_BIN } = process.env;
const VERSION = { "x-ms-version": "2021-12-02" };
const PUT_MAX = 4 * MIB;
// The development account's public key.
const LAB_KEY =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

// A generator whose every draw follows from the seed (mulberry32).
export function random(seed) {
    let state = (seed * 0x9e3779b1) >>> 0;
    const next = () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = state;
        t = Math.imul(t ^ (t >>> 15), t | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return (t ^ (t >>> 14)) >>> 0;
    };
    const below = (limit) => Math.floor((next() / 2 ** 32) * limit);
    return { next, below, one: (list) => list[below(list.length)], chance: (p) => next() / 2 ** 32 < p };
}

// Errors of a sanitizer go to files beside log, so that a leak is seen though the status says nothing.
export function environment(folder, more) {
    const asan = `log_path=${folder}/asan:detect_leaks=1:abort_on_error=0`;
    return {
        ...process.env,
        ASAN_OPTIONS: asan,
        UBSAN_OPTIONS: `log_path=${folder}/ubsan:print_stacktrace=1`,
        XDG_STATE_HOME: `${folder}/state`,
        LAB_KEY,
        ...more,
    };
}

// A leak sanitizer that met a thread at its end says so in a line: that is no finding.
export function sanitizerReports(folder) {
    return readdirSync(folder)
        .filter((name) => /^(asan|ubsan)\./.test(name))
        .map((name) => readFileSync(`${folder}/${name}`, "utf8"))
        .filter((report) => /\S/.test(report.replace(/^==\d+==Unable to get registers from thread \d+\.$/gm, "")));
}

// Runs snapferry to its end or to its deadline. `started` is told the child, to signal it.
export function command(folder, args, env, { deadlineMs = 240000, under = [], started } = {}) {
    return new Promise((resolve) => {
        const words = [...under, SNAPFERRY_BIN, ...args];
        const child = spawn(words[0], words.slice(1), { env: environment(folder, env), cwd: folder });
        const said = { out: "", err: "" };
        let hung = false;
        const timer = setTimeout(() => {
            hung = true;
            child.kill("SIGABRT");
        }, deadlineMs);
        child.stdout.on("data", (bytes) => (said.out += bytes));
        child.stderr.on("data", (bytes) => (said.err += bytes));
        child.on("close", (status, signal) => {
            clearTimeout(timer);
            resolve({ status, signal, hung, ...said, all: said.out + said.err });
        });
        started?.(child);
    });
}

export class Region {
    constructor(folder, name) {
        this.folder = folder;
        this.name = name;
        this.data = `${folder}/${name}`;
        this.log = `${folder}/${name}.log`;
        this.port = 0; // of the first start; the later ones keep it, as URLs are identities
        this.child = null;
    }

    // rules: of a fault script; shape: an object. Serves when it returns.
    async start({ seed = 1, rules, shape, tls = [], port = this.port } = {}) {
        const args = ["--data", this.data, "--log", this.log, "--container", "vhds"];
        for (const account of ["disks", MANAGED, UPLOAD]) args.push("--account", `${account}:env:LAB_KEY`);
        args.push("--listen", `127.0.0.1:${port}`, ...tls);
        for (const [option, value] of [["faults", rules && { seed, rules }], ["shape", shape]]) {
            if (!value) continue;
            writeFileSync(`${this.folder}/${this.name}.${option}.json`, JSON.stringify(value));
            args.push(`--${option}`, `${this.folder}/${this.name}.${option}.json`);
        }
        for (let tries = 0; ; tries++) {
            if (await this.#spawn(args)) return;
            if (tries === 1200) throw new Error(`region ${this.name} does not start: ${this.said}`);
            await new Promise((resolve) => setTimeout(resolve, 50)); // its port is not free yet
        }
    }

    #spawn(args) {
        const child = spawn(REGIOND_BIN, args, { env: environment(this.folder), cwd: this.folder });
        this.said = "";
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
            throw new Error(`region ${this.name} ended with ${JSON.stringify(end)}: ${this.said}`);
    }

    sas(blob, permissions, snapshot) {
        const args = ["sas", "--account", "disks:env:LAB_KEY", "--resource", `vhds/${blob}`];
        args.push("--permissions", permissions, "--expiry", "+2h");
        if (snapshot) args.push("--snapshot", snapshot);
        return execFileSync(REGIOND_BIN, [...args, this.url], { env: environment(this.folder) })
            .toString()
            .trim();
    }

    logBytes() {
        return existsSync(this.log) ? statSync(this.log).size : 0;
    }

    // By the account's key: what the platform does.
    owned(account, blob) {
        return `${this.url}/${account}/vhds/${blob}?timeout=30`;
    }

    // As a managed disk's host gives it: it names a policy and no time.
    granted(account, blob, snapshot) {
        const args = ["sas", "--account", `${account}:env:LAB_KEY`, "--resource", `vhds/${blob}`];
        args.push("--policy", "grant", "--sv", "2018-11-09");
        if (snapshot) args.push("--snapshot", snapshot);
        return execFileSync(REGIOND_BIN, [...args, this.url], { env: environment(this.folder) })
            .toString()
            .trim();
    }

    requests() {
        if (!existsSync(this.log)) return [];
        return readFileSync(this.log, "utf8")
            .split("\n")
            .filter((line) => line.endsWith("}"))
            .map((line) => JSON.parse(line));
    }

    faultsSeen() {
        const counts = {};
        for (const request of this.requests())
            if (request.fault) counts[request.fault] = (counts[request.fault] ?? 0) + 1;
        return counts;
    }
}

// ---- A blob as the owner of its SAS, or of its account's key, sees it, without our client ----

// The Authorization of a request by the account's key (protocol B.1).
function signed(url, method, headers, length) {
    const { pathname, searchParams } = new URL(url);
    const names = Object.keys(headers).sort();
    const lines = names.map((name) => `${name}:${headers[name]}\n`).join("");
    const params = [...searchParams.keys()].sort().map((name) => `\n${name}:${searchParams.get(name)}`);
    const account = pathname.split("/")[1];
    const text = `${method}\n\n\n${length || ""}\n\n\n\n\n\n\n\n\n${lines}/${account}${pathname}${params.join("")}`;
    const mac = createHmac("sha256", Buffer.from(LAB_KEY, "base64")).update(text).digest("base64");
    return { ...headers, authorization: `SharedKey ${account}:${mac}` };
}

export async function ask(url, options, ...wanted) {
    let headers = { ...VERSION, ...options.headers };
    if (!url.includes("sig=")) {
        headers = { ...headers, "x-ms-date": new Date().toUTCString() };
        headers = signed(url, options.method ?? "GET", headers, options.body?.length ?? 0);
    }
    const answer = await fetch(url, { ...options, headers });
    if (!wanted.includes(answer.status))
        throw new Error(`${options.method ?? "GET"} of a blob: ${answer.status} ${await answer.text()}`);
    return answer;
}

// A container of a managed disk's host, with the policy `grant` that its SAS names.
export async function grantDisk(region, account, rights) {
    const expiry = new Date(Date.now() + 7200e3).toISOString();
    const policy = `<AccessPolicy><Expiry>${expiry}</Expiry><Permission>${rights}</Permission></AccessPolicy>`;
    const identifier = `<SignedIdentifier><Id>grant</Id>${policy}</SignedIdentifier>`;
    const body = Buffer.from(`<SignedIdentifiers>${identifier}</SignedIdentifiers>`);
    const container = `${region.url}/${account}/vhds?restype=container`;
    await ask(container, { method: "PUT" }, 201, 409);
    await ask(`${container}&comp=acl`, { method: "PUT", body }, 200);
}

export async function makeBlob(url, bytes) {
    const headers = { "x-ms-blob-type": "PageBlob", "x-ms-blob-content-length": String(bytes) };
    await ask(url, { method: "PUT", headers }, 201);
}

export async function putPages(url, offset, bytes) {
    for (let at = 0; at < bytes.length; at += PUT_MAX) {
        const body = bytes.subarray(at, at + PUT_MAX);
        const range = `bytes=${offset + at}-${offset + at + body.length - 1}`;
        const headers = { "x-ms-page-write": "update", "x-ms-range": range };
        await ask(`${url}&comp=page`, { method: "PUT", headers, body }, 201);
    }
}

export async function clearPages(url, offset, bytes) {
    const range = `bytes=${offset}-${offset + bytes - 1}`;
    const headers = { "x-ms-page-write": "clear", "x-ms-range": range };
    await ask(`${url}&comp=page`, { method: "PUT", headers }, 201);
}

export async function snapshotBlob(url) {
    return (await ask(`${url}&comp=snapshot`, { method: "PUT" }, 201)).headers.get("x-ms-snapshot");
}

// Its bytes, marker and entity tag; null when it is not there.
export async function lookAtBlob(url) {
    const answer = await ask(url, {}, 200, 404);
    if (answer.status === 404) return null;
    return {
        bytes: Buffer.from(await answer.arrayBuffer()),
        state: answer.headers.get("x-ms-meta-snapferry_state"),
        source: answer.headers.get("x-ms-meta-snapferry_source"),
    };
}

// ---- Disks ----

export const FOOTER_COOKIE = "conectix";

// The footer of a fixed VHD over so many bytes (protocol D.2).
export function vhdFooter(bytes) {
    const footer = Buffer.alloc(PAGE);
    footer.write(FOOTER_COOKIE, 0, "latin1");
    footer.writeUInt32BE(2, 8);
    footer.writeUInt32BE(0x10000, 12);
    footer.fill(0xff, 16, 24);
    footer.writeBigUInt64BE(BigInt(bytes), 40);
    footer.writeBigUInt64BE(BigInt(bytes), 48);
    footer.writeUInt32BE(0x00100404, 56);
    footer.writeUInt32BE(2, 60);
    footer.fill(0x5a, 68, 84);
    footer.writeUInt32BE(~footer.reduce((sum, byte) => sum + byte, 0) >>> 0, 64);
    return footer;
}

// A valid one: a footer page that was damaged on its way starts no machine.
export function hasFooter(bytes) {
    if (bytes.length < PAGE) return false;
    const footer = Buffer.from(bytes.subarray(-PAGE));
    const said = footer.readUInt32BE(64);
    footer.writeUInt32BE(0, 64);
    const sum = ~footer.reduce((total, byte) => total + byte, 0) >>> 0;
    return footer.toString("latin1", 0, 8) === FOOTER_COOKIE && said === sum;
}

export function fillRandom(draw, bytes) {
    for (let at = 0; at + 4 <= bytes.length; at += 4) bytes.writeUInt32LE(draw.next(), at);
}

// Where the two first differ, to the page; -1: nowhere.
export function firstDifference(one, other) {
    if (one.equals(other)) return -1;
    for (let at = 0; at < Math.min(one.length, other.length); at += PAGE)
        if (!one.subarray(at, at + PAGE).equals(other.subarray(at, at + PAGE))) return at;
    return Math.min(one.length, other.length);
}

export function removeFolder(path) {
    rmSync(path, { recursive: true, force: true });
}

export function newFolder(path) {
    mkdirSync(path, { recursive: true });
    return path;
}

// A region's segments are sparse files of 64 GiB: a copy that wrote their holes would fill the disk.
export function copyFolder(from, to) {
    execFileSync("cp", ["-a", "--sparse=always", from, to]);
}

// So many at a time, each with its number; the results in their order.
export async function parallel(count, width, work) {
    const results = new Array(count);
    let next = 0;
    const lane = async () => {
        while (next < count) {
            const mine = next++;
            results[mine] = await work(mine);
        }
    };
    await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
    return results;
}

export const withoutSecrets = (text) => text.replace(/\?[^ "']*sig=[^ "']*/g, "?...");
