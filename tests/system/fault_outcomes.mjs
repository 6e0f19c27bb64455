// fault_outcomes.mjs [NAME...] - the outcomes that tools/regiond/faults.md states, each shown: a full copy
// over a stale target meets the fault (the request log says so), and survives it with an identical target,
// or reports it by name, looks unfinished, and is made identical by the same command without the fault.
// Environment: SNAPFERRY_BIN, REGIOND_BIN, TMPDIR, LAB_WIDTH (how many at a time).
import * as lab from "./lab.mjs";

const { KIB, MIB, PAGE } = lab;
const DISK = 2 * MIB;
const read = { verb: "Get Blob" };
const list = { comp: "pagelist" };
const head = { verb: "Get Blob Properties" };
const write = { method: "PUT", comp: "page" };
const mark = { verb: "Set Blob Metadata" };
const each = { timesPerRange: 1 };
const twice = { times: 2 };
const once = { times: 1 };
const status = (code, more) => ({ fault: "status", status: code, ...more });

// name, which end, rule, then what comes out: nothing (survived), or the exit status and words of a report.
const ROWS = [
    ...[408, 429, 500, 502, 503, 504].flatMap((code) => [
        [`${code} to reads`, "source", { match: read, ...status(code), ...each }],
        [`${code} to writes`, "target", { match: write, ...status(code), ...each }],
        [`${code} to lists`, "source", { match: list, ...status(code), ...twice }],
    ]),
    ["503 with Retry-After", "source", { match: read, ...status(503, { retryAfter: 1 }), ...once }],
    ["429 with Retry-After", "target", { match: write, ...status(429, { retryAfter: 1 }), ...once }],
    ["500 to looks", "source", { match: head, ...status(500), ...twice }],
    ["500 to the marker", "target", { match: mark, ...status(500), ...twice }],
    ["reset before reads", "source", { match: read, fault: "reset", ...each }],
    ["reset before writes", "target", { match: write, fault: "reset", ...each }],
    ["reset before anything", "source", { fault: "reset", every: 3, times: 6 }],
    ["reset in the request", "target", { match: write, fault: "resetRequest", afterBytes: 512, ...each }],
    ["lost answer of writes", "target", { match: write, fault: "lostAnswer", ...each }],
    ["lost answer of the marker", "target", { match: mark, fault: "lostAnswer", ...twice }],
    ["late writes", "target", { match: write, fault: "late", ms: 700, times: 3 }],
    ["reset in the body", "source", { match: read, fault: "resetBody", afterBytes: 100, ...each }],
    ["reset at the body's end", "source", { match: read, fault: "resetBody", afterBytes: 511, ...each }],
    ["orderly end in the body", "source", { match: read, fault: "closeBody", afterBytes: 100, ...each }],
    ["short body", "source", { match: read, fault: "shortBody", afterBytes: 512, ...each }],
    ["delayed answers", "target", { fault: "delay", ms: 700, every: 5, times: 3 }],
    ["slow drip", "source", { match: read, fault: "drip", bytesPerSecond: 200000, times: 3 }],
    ["stalled, then on", "source", { match: read, fault: "stall", afterBytes: 100, ms: 1500, times: 3 }],
    ["stalled for good", "source", { match: read, fault: "stall", afterBytes: 100, ...once }, "slow"],
    ["no answer for good", "target", { match: write, fault: "delay", ms: 3600000, ...once }, "slow"],
    ["wrong bits of reads", "source", { match: read, fault: "corruptBody", ...each }],
    ["wrong bits of writes, refused", "target", { match: write, fault: "corruptRequest", ...each }],
    ["wrong bits of writes, stored", "target", { match: write, fault: "corruptStored", ...each }],
    ["wrong Content-Range", "source", { match: read, fault: "wrongContentRange", ...each }],
    ["a list in short pages", "source", { match: list, fault: "listShortPage", entries: 2 }],
    ["a list's entry twice", "source", { match: list, fault: "listDuplicate", ...twice }],
    ["a list out of order", "source", { match: list, fault: "listReorder", ...twice }],
    ["a list beyond the end", "source", { match: list, fault: "listBeyondEnd", ...twice }],
    ["a list cut off", "source", { match: list, fault: "listTruncate", ...twice }],
    ["target's list out of order", "target", { match: list, fault: "listReorder", ...twice }],
    ["a list's pages swapped", "source", { match: list, fault: "listSwapPages", entries: 2, ...once }],
    ["a list's last pages swapped", "source", { match: list, fault: "listSwapPages", entries: 8, ...once }],
    ["a list's marker repeats", "source", { match: list, fault: "listSameMarker", ...twice }],
    ["a list's pages for ever", "source", { match: list, fault: "listSameMarker" }, 3, "not in order"],
    ["a list never right", "source", { match: list, fault: "listDuplicate" }, 3, "not in order"],
    ["reads never right", "source", { match: read, fault: "corruptBody" }, 3, "does not match"],
    ["writes never right", "target", { match: write, fault: "corruptRequest" }, 3, "damaged on their way"],
    ["stored never right", "target", { match: write, fault: "corruptStored" }, 3, "something else than was sent"],
    ["403 to looks", "source", { match: head, ...status(403) }, 3, "AuthenticationFailed"],
    ["403 to lists", "source", { match: list, ...status(403) }, 3, "AuthenticationFailed"],
    ["403 to reads", "source", { match: read, ...status(403), after: 3 }, 3, "AuthenticationFailed"],
    ["403 to writes", "target", { match: write, ...status(403), after: 3 }, 3, "AuthenticationFailed"],
    ["403 to the marker", "target", { match: mark, ...status(403) }, 3, "AuthenticationFailed"],
    ["403 to the commit", "target", { match: mark, ...status(403), after: 1 }, 3, "AuthenticationFailed"],
    ["403 for good", "target", { match: write, ...status(403, { code: "AuthorizationPermissionMismatch" }) },
        1, "does not permit"],
    ["404 in the midst", "source", { match: read, ...status(404), after: 3 }, 1, "BlobNotFound"],
    ["412 in the midst", "source", { match: read, ...status(412, { code: "ConditionNotMet" }), after: 3 },
        1, "changed while it was in use"],
    ["the source changes", "source", { match: read, fault: "changeBlob", after: 3, ...once },
        1, "changed while it was in use"],
    ["the source changes while listed", "source", { match: list, fault: "changeBlob", ...once },
        1, "changed while it was in use"],
    ["400 to writes", "target", { match: write, ...status(400, { code: "InvalidInput" }) }, 1, "InvalidInput"],
    ["409 to writes", "target", { match: write, ...status(409, { code: "SystemInUse" }) }, 1, "SystemInUse"],
    ["a redirect", "source", { match: read, ...status(307, { code: "Moved" }) }, 2, "a SAS is not sent there"],
    ["a redirect in the midst", "source", { match: read, ...status(302, { code: "Moved" }), after: 3 },
        1, "a SAS is not sent there"],
];

// Eleven runs of data and a footer; the stale target has other data, in other places too.
function disks() {
    const draw = lab.random(1);
    const source = Buffer.alloc(DISK + PAGE);
    const stale = Buffer.alloc(DISK + PAGE);
    for (let at = 0; at < DISK; at += 256 * KIB) lab.fillRandom(draw, stale.subarray(at, at + 128 * KIB));
    stale.fill(7, DISK);
    for (let at = 0; at < DISK - 64 * KIB; at += 192 * KIB)
        lab.fillRandom(draw, source.subarray(at, at + 64 * KIB));
    lab.vhdFooter(DISK).copy(source, DISK);
    return { source, stale };
}

const root = lab.newFolder(`${process.env.TMPDIR}/outcomes`);
const { source, stale } = disks();

async function prepare() {
    for (const [name, bytes] of [["source", source], ["target", stale]]) {
        const region = new lab.Region(root, name);
        await region.start();
        const url = region.sas("disk.vhd", "rcwd");
        await lab.makeBlob(url, bytes.length);
        for (let at = 0; at < bytes.length; at += 64 * KIB) {
            const run = bytes.subarray(at, at + 64 * KIB);
            if (run.some((byte) => byte !== 0)) await lab.putPages(url, at, run);
        }
        await region.stop();
    }
}

// What is wrong with the row's outcome; "" when it is as stated.
async function runRow(number) {
    const [name, side, fault, wanted = 0, words = ""] = ROWS[number];
    const folder = lab.newFolder(`${root}/row${number}`);
    const regions = {};
    const env = {};
    if (wanted === "slow" && !process.env.LAB_SLOW) return "skipped";
    for (const end of ["source", "target"]) {
        lab.copyFolder(`${root}/${end}`, `${folder}/${end}`);
        regions[end] = new lab.Region(folder, end);
        await regions[end].start({ rules: end === side ? [{ name: "it", ...fault }] : undefined });
        env[end.toUpperCase()] = regions[end].sas("disk.vhd", end === "source" ? "r" : "rcwd");
    }
    const args = ["copy", "env:SOURCE", "env:TARGET", "--coalesce", "0"];
    try {
        const first = await lab.command(folder, args, env, { deadlineMs: 180000 });
        for (const end of ["source", "target"]) {
            await regions[end].stop(); // late writes land
            await regions[end].start();
        }
        const seen = regions[side].faultsSeen().it ?? 0;
        const left = await lab.lookAtBlob(env.TARGET);
        if (seen === 0) return "the fault did not happen";
        if (first.status !== (wanted === "slow" ? 0 : wanted) || !first.all.includes(words))
            return `status ${first.status}, said: ${first.all}`;
        if (wanted === 0 || wanted === "slow") {
            if (left.state !== "complete" || !left.bytes.equals(source)) return "the target is wrong";
            return sanitized(folder);
        }
        if (left.state === "complete") return "a target that is not whole says so";
        // The footer is written last: with it all is there but the word for it.
        if (left.state === "copying" && lab.hasFooter(left.bytes) && !left.bytes.equals(source))
            return "an unfinished target has a footer";
        const second = await lab.command(folder, args, env, { deadlineMs: 60000 });
        const mended = await lab.lookAtBlob(env.TARGET);
        if (second.status !== 0) return `again: status ${second.status}, said: ${second.all}`;
        if (!mended.bytes.equals(source)) return "again: the target is wrong";
        return sanitized(folder);
    } finally {
        for (const end of ["source", "target"]) await regions[end].stop();
    }
}

function sanitized(folder) {
    return lab.sanitizerReports(folder).join("\n");
}

await prepare();
const chosen = ROWS.map((row, i) => i).filter(
    (i) => process.argv.length < 3 || process.argv.slice(2).includes(ROWS[i][0]),
);
let failed = 0;
let skipped = 0;
await lab.parallel(chosen.length, Number(process.env.LAB_WIDTH ?? 6), async (i) => {
    const wrong = await runRow(chosen[i]).catch((error) => String(error.stack));
    if (!wrong) lab.removeFolder(`${root}/row${chosen[i]}`);
    if (wrong === "skipped") skipped++;
    else if (wrong) failed++;
    if (wrong && wrong !== "skipped")
        console.log(lab.withoutSecrets(`not ok - ${ROWS[chosen[i]][0]}: ${wrong.slice(0, 3000)}`));
});
console.log(`${chosen.length - failed - skipped} outcomes as stated, ${failed} not, ${skipped} skipped`);
process.exit(failed ? 1 : 0);
