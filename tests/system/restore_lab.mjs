// restore_lab.mjs - a region with one machine's disks, a snapferryd, and restores of them to wherever a test says.
// Environment: as controld_lab.mjs.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { Controld, GROUP, sleep } from "./controld_lab.mjs";
import { makeBlob, newFolder, putPages, Region, sanitizerReports } from "./lab.mjs";

const WAIT_MS = 60000; // on a machine with other work
export const disk = (name) => `${GROUP}/disks/${name}`;
const collection = `${GROUP}/restorePointCollections/rpc`;

// An ext4 image with files in it.
export function ext4(folder, mib) {
    const image = `${folder}/image`;
    execFileSync("mkfs.ext4", ["-q", "-F", "-d", `${process.env.SNAPFERRY_SOURCE_DIR}/engine`, image, `${mib}M`],
        { stdio: "ignore" });
    return readFileSync(image);
}

export const isClean = (path) => execFileSync("e2fsck", ["-fn", path], { stdio: "pipe" }) && true;

export class RestoreLab {
    // disks: {name: bytes}; each is a blob of the machine
    async start(folder, disks, config) {
        this.folder = folder;
        this.west = new Region(folder, "west");
        await this.west.start();
        this.disks = disks;
        for (const [name, bytes] of Object.entries(disks)) {
            await makeBlob(this.owned(name), bytes.length);
            await putPages(this.owned(name), 0, bytes);
        }
        this.configure(config);
        this.one = new Controld(folder, `${folder}/config.json`);
        process.on("exit", () => [this.one, this.west].forEach((server) => server.child?.kill("SIGKILL")));
        await this.one.start();
        await this.made("PUT", collection, { location: "west", properties: { source: { id: `${GROUP}/virtualMachines/vm1` } } });
        await this.made("PUT", `${collection}/restorePoints/p1`, {});
        const shown = await this.until(async () => {
            const { body } = await this.one.ask("GET", `${collection}/restorePoints/p1?$expand=instanceView`);
            const points = body.properties.instanceView.diskRestorePoints;
            return points.every((p) => p.replicationStatus.completionPercent === 100) && body.properties.sourceMetadata.storageProfile;
        }, "the restore point is complete");
        this.points = {};
        for (const d of [shown.osDisk, ...shown.dataDisks]) this.points[d.name] = d.diskRestorePoint.id;
    }

    owned(blob) {
        return this.west.owned("disks", blob);
    }

    // What the configuration has beside region and machine.
    configure(more = {}) {
        const machine = { id: `${GROUP}/virtualMachines/vm1`, location: "west", disks: Object.keys(this.disks)
            .map((name, i) => ({ name, blob: `vhds/${name}`, ...(i ? { lun: i } : { role: "os" }) })) };
        const { virtualMachines = [], ...rest } = more;
        writeFileSync(`${this.folder}/config.json`, JSON.stringify({
            regions: [{ name: "west", url: `${this.west.url}/disks`, account: "disks", key: "env:LAB_KEY" }],
            virtualMachines: [machine, ...virtualMachines], ...rest }));
    }

    async again(config) {
        if (config) this.configure(config);
        assert.equal((await this.one.stop()).status, 0, this.one.said);
        await this.one.start();
    }

    async until(look, words) {
        for (const end = Date.now() + WAIT_MS; ; await sleep(30)) {
            const seen = await look();
            if (seen) return seen;
            assert.ok(Date.now() < end, `never: ${words}: ${JSON.stringify(this.last)}\n${this.one.said.slice(-2000)}`);
        }
    }

    body(of, place, more) {
        return { location: "west", properties: { creationData: { createOption: "Restore", sourceResourceId: this.points[of] },
            "x-snapferry": place, ...more } };
    }

    async made(method, path, body) {
        const answer = await this.one.ask(method, path, body);
        assert.ok([200, 201, 202].includes(answer.status), `${method} ${path}: ${answer.status} ${answer.text}`);
        return answer;
    }

    put(name, of, place, more) {
        return this.made("PUT", disk(name), this.body(of, place, more));
    }

    async refused(name, body, status, code, words, target) {
        const { status: was, body: why, text } = await this.one.ask("PUT", disk(name), body);
        const said = `PUT ${name} ${JSON.stringify(body.properties["x-snapferry"])}: ${was} ${text}`;
        assert.equal(was, status, said);
        assert.equal(why.error.code, code, said);
        assert.match(why.error.message, words, said);
        if (target) assert.equal(why.error.target, target, said);
    }

    async shown(name) {
        return (await this.one.ask("GET", disk(name))).body.properties;
    }

    ended(name, state) {
        return this.until(async () => {
            const seen = (this.last = await this.shown(name));
            assert.ok(seen.provisioningState === state || seen.provisioningState === "Creating", JSON.stringify(seen));
            return seen.provisioningState === state && seen;
        }, `${name} is ${state}`);
    }

    async restored(name, of, place) {
        await this.put(name, of, place);
        const seen = await this.ended(name, "Succeeded");
        assert.equal(seen["x-snapferry"].completionPercent, 100);
        return seen;
    }

    async gone(name) {
        await this.made("DELETE", disk(name));
        await this.until(async () => (await this.one.ask("GET", disk(name))).status === 404, `${name} is gone`);
    }

    // It has begun to write there: `begun` sees the marker. At the rate of a test's limits it has not ended.
    async midway(name, begun) {
        await this.until(begun, `${name} is on its way`);
        assert.equal((await this.shown(name)).provisioningState, "Creating", "it was too quick to be caught");
    }

    async finish(checks) {
        let status = 0;
        try {
            await checks();
        } catch (e) {
            status = 1;
            console.log(`FAILED: ${e.stack?.slice(0, 3000)}\n${this.one?.said.slice(-3000)}`);
        }
        for (const server of [this.one, this.west]) await server?.stop();
        for (const report of sanitizerReports(this.folder)) {
            status = 1;
            console.log(report);
        }
        process.exit(status);
    }
}

export { newFolder };
