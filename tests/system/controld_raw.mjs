// controld_raw.mjs - one step of the API of the snapferryd at $RAW_URL, for controld_raw_test.sh: COLLECTION/POINT names
// a restore point of subscription s1, group rg.
//
//   serve                                   steps as lines of stdin, URL, API version, step and words with a US (0x1f)
//                                           between them; each is answered by a line, and by what stderr would be in api.err
//   collection NAME LOCATION SOURCE         puts a collection of a machine or of a collection
//   put COLLECTION/POINT [BODY]             puts a restore point, polls its operation; says "201 Succeeded", "409 CODE"
//   wait COLLECTION/POINT                   until each disk is complete; fails when one fails
//   show COLLECTION/POINT EXPRESSION        of `point`, the resource with its instance view
//   take COLLECTION/POINT DISK FILE         by a SAS, which is then revoked: its bytes, into FILE
//   delete COLLECTION[/POINT]               and polls its operation; says "202 Succeeded", "409 CODE"
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import https from "node:https";
import { createInterface } from "node:readline";

const { RAW_CA, SNAPFERRYD_TOKEN: token, SNAPFERRY_BIN: snapferry } = process.env;
let { RAW_URL, RAW_VERSION = "2025-04-01" } = process.env;
let say = console.error;
const agent = new https.Agent({ ca: fs.readFileSync(RAW_CA) });
const compute = "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Compute";
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function ask(method, path, body) {
    const version = path.includes("/diskRestorePoints/") ? "2025-01-02" : RAW_VERSION;
    const url = path.startsWith("https:") ? path : `${RAW_URL}${path}${path.includes("?") ? "&" : "?"}api-version=${version}`;
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    return new Promise((resolve, reject) => {
        const request = https.request(url, { method, headers, agent }, (answer) => {
            let text = "";
            answer.on("data", (piece) => (text += piece));
            answer.on("end", () =>
                resolve({ status: answer.statusCode, headers: answer.headers, body: text ? JSON.parse(text) : {} }));
        });
        request.on("error", reject);
        request.end(body === undefined ? undefined : JSON.stringify(body));
    });
}
const error = (body) => body.error?.code ?? "no code";
async function ended(answer) {
    const operation = answer.headers["azure-asyncoperation"];
    if (answer.status >= 300 || !operation)
        return { words: answer.status < 300 ? `${answer.status}` : `${answer.status} ${error(answer.body)}`, why: answer.body };
    for (;;) {
        const { body } = await ask("GET", operation);
        if (body.status !== "InProgress")
            return { words: `${answer.status} ${body.status}`, why: body, location: answer.headers.location };
        await sleep(50);
    }
}
const pathOf = (name) => {
    const [collection, point, disk] = name.split("/");
    return `${compute}/restorePointCollections/${collection}` + (point ? `/restorePoints/${point}` : "") +
        (disk ? `/diskRestorePoints/${disk}` : "");
};
const get = async (name) => (await ask("GET", `${pathOf(name)}?$expand=instanceView`)).body;
const disksOf = (point) => {
    const { osDisk, dataDisks = [] } = point.properties.sourceMetadata.storageProfile;
    return [...(osDisk ? [osDisk] : []), ...dataDisks];
};
const steps = {
    async collection(name, location, source) {
        const id = `${compute}/${source}`;
        const answer = await ask("PUT", pathOf(name), { location, properties: { source: { id } } });
        return answer.status < 300 ? `${answer.status}` : `${answer.status} ${error(answer.body)}`;
    },
    async put(name, body = "{}") {
        const { words, why } = await ended(await ask("PUT", pathOf(name), JSON.parse(body)));
        say(JSON.stringify(why));
        return words;
    },
    async wait(name) {
        for (;;) {
            const point = await get(name);
            const codes = point.properties.instanceView.diskRestorePoints.map((d) => d.replicationStatus.status);
            if (codes.every(({ code }) => code === "ReplicationState/succeeded"))
                return codes.every((_, i) =>
                    point.properties.instanceView.diskRestorePoints[i].replicationStatus.completionPercent === 100) ? "complete" : "below 100";
            if (codes.some(({ code }) => code === "ReplicationState/failed")) throw new Error(JSON.stringify(codes));
            await sleep(100);
        }
    },
    async show(name, expression) {
        return JSON.stringify(new Function("point", "disks", `return ${expression}`)(await get(name), disksOf(await get(name))));
    },
    async take(name, disk, file) {
        const id = disksOf(await get(name)).find((d) => d.name === disk).diskRestorePoint.id;
        const granted = await ended(await ask("POST", `${id}/beginGetAccess`, { access: "Read", durationInSeconds: 600 }));
        const body = granted.location ? (await ask("GET", granted.location)).body : granted.why;
        if (!body.accessSAS) throw new Error(granted.words);
        fs.rmSync(file, { force: true });
        execFileSync(snapferry, ["copy", "--quiet", "env:SAS", file], {
            env: { ...process.env, SAS: body.accessSAS }, stdio: ["ignore", "ignore", "inherit"] });
        fs.rmSync(`${file}.snapferry`, { force: true });
        return (await ended(await ask("POST", `${id}/endGetAccess`, {}))).words;
    },
    async delete(name) {
        return (await ended(await ask("DELETE", pathOf(name)))).words;
    },
};
async function serve() {
    say = (text) => fs.appendFileSync("api.err", `${text}\n`);
    for await (const line of createInterface({ input: process.stdin })) {
        const [url, version, step, ...words] = line.split("\x1f");
        RAW_URL = url;
        RAW_VERSION = version || "2025-04-01";
        fs.writeFileSync("api.err", "");
        try {
            console.log(await steps[step](...words));
        } catch (e) {
            say(e.stack);
            console.log("");
        }
    }
    process.exit(0);
}

const [step, ...words] = process.argv.slice(2);
if (step === "serve") await serve();
try {
    console.log(await steps[step](...words));
} catch (e) {
    console.error(e);
    process.exit(1);
}
