// traffic_check.mjs CHECK FOLDER [WORD...] - does the traffic of one copy hold? Exit status 1 and a
// sentence when not. FOLDER: source.log and target.log (regiond's lines of this copy), all.json (range
// list of the source's snapshot), diff.json (for a delta), events (the copy's own, --json).
import { readFileSync } from "node:fs";
import { DISK_BYTES, LONE, NEW_ZEROS, ZEROS } from "./traffic_disk.mjs";

const PAGE = 512;
const CHUNK = 4 << 20;
const [, , name, folder] = process.argv;
const lines = (file) =>
    readFileSync(`${folder}/${file}`, "utf8").split("\n").filter(Boolean).map((l) => JSON.parse(l));
const json = (file) => JSON.parse(readFileSync(`${folder}/${file}`, "utf8"));
const source = lines("source.log");
const target = lines("target.log");
const summary = lines("events").find((e) => e.event === "summary");

const gets = source.filter((l) => l.verb === "Get Blob");
const writes = target.filter((l) => l.verb === "Put Page" && l.pageWrite === "update");
const clears = target.filter((l) => l.verb === "Put Page" && l.pageWrite === "clear");
const extents = (requests) => requests.map((l) => [l.rangeOffset, l.rangeLength]);
const bytes = (list) => list.reduce((sum, [, length]) => sum + length, 0);
const FOOTER = [DISK_BYTES, PAGE];
const FIRST = [0, PAGE];

function must(truth, sentence) {
    if (truth) return;
    console.log(`${name}: ${sentence}`);
    process.exit(1);
}

// How often each page stands in a list of extents.
function count(list) {
    const pages = new Uint8Array((DISK_BYTES + PAGE) / PAGE);
    for (const [offset, length] of list)
        for (let p = offset / PAGE; p < (offset + length) / PAGE; p++) pages[p]++;
    return pages;
}
const minus = (list, without) => {
    const [pages, gone] = [count(list), count(without)];
    return pages.map((n, p) => (gone[p] ? 0 : n));
};
// Every page as often as wanted; those of `control` once more at most.
function pagesAre(found, wanted, control, what) {
    const spare = count(control);
    for (let p = 0; p < found.length; p++) {
        const ok = found[p] >= wanted[p] && found[p] <= wanted[p] + spare[p];
        must(ok, `page ${p} is ${what} ${found[p]} times, not ${wanted[p]}`);
    }
}
const touches = (list, [offset, length]) =>
    list.some(([o, l]) => o < offset + length && offset < o + l);
const key = (list) => list.map(([o, l]) => `${o}+${l}`).sort().join(" ");

const checks = {
    // ---- A full copy to a new target ----
    "reads-no-hole"() {
        const { data } = json("all.json");
        must(gets.length > 10 && data.length > 50, "too little happened");
        pagesAre(count(extents(gets)), count(data), [FIRST, FOOTER], "read");
        must(bytes(extents(gets)) <= bytes(data) + 2 * PAGE, "more bytes than are allocated");
        must(gets.every((g) => g.rangeLength === g.bytesOut && g.status === 206), "a torn read");
    },
    "writes-no-zero"() {
        const { data } = json("all.json");
        const wanted = minus(data, [ZEROS]);
        count([LONE]).forEach((n, p) => (wanted[p] += n));
        pagesAre(count(extents(writes)), wanted, [], "written");
        must(clears.length === 0, "a new target was cleared");
        must(touches(json("all.json").data, ZEROS), "the disk has no zeros");
    },
    // ---- A delta ----
    "reads-changes-once"() {
        const diff = json("diff.json");
        must(diff.data.length > 5 && diff.clears.length === 2, "too little changed");
        must(!extents(gets).some((g) => diff.clears.some((c) => touches([c], g))), "read a clear");
        pagesAre(count(extents(gets)), count(diff.data), [FOOTER], "read");
        must(summary.gapBytes === 0, "gap bytes are counted where there are none");
        must(summary.readBytes === bytes(diff.data), "read bytes are not the changed ones");
    },
    "clears-once"() {
        const { clears: wanted } = json("diff.json");
        must(key(extents(clears)) === key([...wanted, NEW_ZEROS, FOOTER]), "other clears came");
    },
    "writes-changes-once"() {
        const wanted = minus(json("diff.json").data, [NEW_ZEROS]);
        count([FOOTER]).forEach((n, p) => (wanted[p] += n));
        pagesAre(count(extents(writes)), wanted, [], "written");
    },
    "counts-gaps"() {
        const { data, clears: cleared } = json("diff.json");
        const all = count(json("all.json").data);
        const [read, changed, gone] = [count(extents(gets)), count(data), count(cleared)];
        let gaps = 0;
        for (let p = 0; p < read.length; p++) {
            if (p === DISK_BYTES / PAGE) continue; // the footer, read to be judged
            must(read[p] <= 1 && read[p] >= changed[p], `page ${p} is read ${read[p]} times`);
            must(!read[p] || (all[p] && !gone[p]), `page ${p} is a hole or a clear, and is read`);
            if (read[p] && !changed[p]) gaps += PAGE;
        }
        must(gaps === 35 * PAGE, `${gaps} gap bytes were read`);
        must(summary.gapBytes === gaps, "the summary counts other gap bytes");
        must(summary.readBytes === bytes(data) + gaps, "the summary counts other bytes read");
    },
    // ---- Any copy ----
    "asks-checksums"() {
        must(gets.length && writes.length, "nothing moved");
        must(gets.every((g) => g.checksumAsked === "crc64"), "a read asks for no CRC64");
        must(writes.every((w) => w.checksumSent === "crc64"), "a write carries no CRC64");
    },
    "splits-at-4-mib"() {
        const cut = ([o, l]) => Math.floor(o / CHUNK) === Math.floor((o + l - 1) / CHUNK);
        must([...extents(gets), ...extents(writes)].every(cut), "a request spans a boundary");
        must(extents(gets).some(([o, l]) => (o + l) % CHUNK === 0), "no request ends at one");
    },
    "counts-requests"() {
        const sent = source.length + target.length;
        must(summary.requests === sent, `${summary.requests} counted, ${sent} in the logs`);
        must(summary.retries === 0, "there were retries");
    },
};
must(checks[name], "no such check");
checks[name]();
