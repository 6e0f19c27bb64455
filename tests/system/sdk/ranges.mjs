// ranges.mjs - snapshots, page ranges and differences between snapshots.
import { check, equal, refused, sameBytes, truth } from "./check.mjs";
import { MIB, PAGE, disk, entries, pattern, read, write } from "./region.mjs";

const data = (start, bytes) => ["data", start, start + bytes - 1];
const clear = (start, bytes) => ["clear", start, start + bytes - 1];

async function snapshots() {
    const blob = await disk(MIB);
    await blob.setMetadata({ generation: "1" });
    const old = pattern(4096, 1);
    await write(blob, 0, old);
    const before = await blob.getProperties();
    const made = await blob.createSnapshot();
    truth(
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/.test(made.snapshot),
        "seven digits of a second",
    );
    equal((await blob.getProperties()).etag, before.etag, "the base's ETag stays");
    await write(blob, 0, pattern(4096, 2));
    await blob.setMetadata({ generation: "2" });
    const shot = blob.withSnapshot(made.snapshot);
    sameBytes((await read(shot, 0, 4096)).bytes, old, "the snapshot's bytes");
    equal((await shot.getProperties()).metadata, { generation: "1" }, "the snapshot's metadata");
    const own = await blob.createSnapshot({ metadata: { own: "yes" } });
    equal((await blob.withSnapshot(own.snapshot).getProperties()).metadata, { own: "yes" });
    await refused(409, "SnapshotsPresent", blob.delete());
    await shot.delete();
    await refused(404, "BlobNotFound", shot.getProperties());
    await blob.delete({ deleteSnapshots: "only" });
    equal((await blob.getProperties()).contentLength, MIB, "the base is left");
    await blob.createSnapshot();
    await blob.delete({ deleteSnapshots: "include" });
    equal(await blob.exists(), false);
}

async function fullList() {
    const blob = await disk(64 * MIB);
    equal(await entries(blob.listPageRanges()), [], "an empty blob");
    await write(blob, 0, pattern(512));
    await write(blob, 4096, pattern(1024));
    await write(blob, 5120, pattern(512)); // touches its neighbour: one range
    await write(blob, 64 * MIB - 512, pattern(512));
    await write(blob, 10 * MIB, pattern(4 * MIB));
    await blob.clearPages(11 * MIB, 512);
    const expected = [
        data(0, 512),
        data(4096, 1536),
        data(10 * MIB, MIB),
        data(11 * MIB + 512, 3 * MIB - 512),
        data(64 * MIB - 512, 512),
    ];
    equal(await entries(blob.listPageRanges()), expected, "all");
    const window = await entries(blob.listPageRanges(4608, 6 * MIB));
    equal(window, [data(4608, 1024)], "a window");
    const answer = await blob.getPageRanges();
    equal(answer.blobContentLength, 64 * MIB, "x-ms-blob-content-length");
}

async function paging() {
    const blob = await disk(MIB);
    const expected = [];
    for (let at = 0; at < 50; at++) {
        await write(blob, at * 2 * PAGE, pattern(PAGE, at + 1));
        expected.push(data(at * 2 * PAGE, PAGE));
    }
    const got = [];
    const sizes = [];
    for await (const page of blob.listPageRanges().byPage({ maxPageSize: 7 })) {
        sizes.push(page.pageRange.length);
        for (const range of page.pageRange) got.push(["data", range.start, range.end]);
    }
    equal(sizes, [7, 7, 7, 7, 7, 7, 7, 1], "seven a page");
    equal(got, expected, "all pages together");
    const first = (await blob.listPageRanges().byPage({ maxPageSize: 20 }).next()).value;
    const token = { continuationToken: first.continuationToken, maxPageSize: 100 };
    const rest = (await blob.listPageRanges().byPage(token).next()).value;
    equal(rest.pageRange.length, 30, "from the token on");
    equal(rest.pageRange[0].start, 40 * PAGE, "the token's place");
    const wrong = { continuationToken: "2!4!bm9uc2Vuc2U=", maxPageSize: 5 };
    await refused(400, "InvalidQueryParameterValue", blob.listPageRanges().byPage(wrong).next());
}

async function difference() {
    const blob = await disk(MIB);
    await write(blob, 0, pattern(65536, 1));
    const one = (await blob.createSnapshot()).snapshot;
    await write(blob, 1024, pattern(512, 2));
    await blob.clearPages(2048, 1024);
    await write(blob, 4096, pattern(1024, 3));
    await blob.clearPages(8192, 512);
    await write(blob, 131072, pattern(512, 4));
    const two = (await blob.createSnapshot()).snapshot;
    await blob.clearPages(131072, 512);
    const three = (await blob.createSnapshot()).snapshot;
    const between = (newer, older) =>
        entries(blob.withSnapshot(newer).listPageRangesDiff(0, MIB, older));
    const changed = [
        data(1024, 512),
        clear(2048, 1024),
        data(4096, 1024),
        clear(8192, 512),
        data(131072, 512),
    ];
    equal(await between(two, one), changed, "interleaved, in order of offset");
    equal(await between(three, two), [clear(131072, 512)], "a clear alone");
    equal(await between(two, two), [], "nothing between a snapshot and itself");
    const wide = await entries(blob.listPageRangesDiff(0, MIB, three));
    equal(wide, [], "the base is at the last snapshot");
    const cut = await entries(blob.withSnapshot(two).listPageRangesDiff(2560, 2048, one));
    equal(cut, [clear(2560, 512), data(4096, 512)], "a window");
    const paged = [];
    for await (const page of blob
        .withSnapshot(two)
        .listPageRangesDiff(0, MIB, one)
        .byPage({ maxPageSize: 2 })) {
        paged.push((page.pageRange?.length ?? 0) + (page.clearRange?.length ?? 0));
    }
    equal(paged, [2, 2, 1], "both kinds count for a page");
    await refused(400, "PreviousSnapshotCannotBeNewer", between(one, two));
    const gone = "2020-01-01T00:00:00.0000000Z";
    await refused(409, "PreviousSnapshotNotFound", between(two, gone));
    const url = `${blob.url}?snapshot=${encodeURIComponent(one)}`;
    const managed = blob.withSnapshot(two).getPageRangesDiffForManagedDisks(0, MIB, url);
    await refused(400, "UnsupportedHeaderForNonManagedDisksAccount", managed);
    await blob.create(MIB);
    const after = (await blob.createSnapshot()).snapshot;
    await refused(409, "BlobOverwritten", between(after, one));
}

async function grown() {
    const blob = await disk(64 * 1024);
    await write(blob, 0, pattern(64 * 1024, 1));
    const one = (await blob.createSnapshot()).snapshot;
    await blob.resize(128 * 1024);
    await write(blob, 127 * 1024, pattern(1024, 2));
    const two = (await blob.createSnapshot()).snapshot;
    const got = await entries(blob.withSnapshot(two).listPageRangesDiff(0, 128 * 1024, one));
    equal(got, [data(127 * 1024, 1024)], "only what was written past the old end");
}

// A model of one blob: its bytes, which pages hold data, which changed since each snapshot.
class Model {
    constructor(pages) {
        this.bytes = Buffer.alloc(pages * PAGE);
        this.held = new Uint8Array(pages);
        this.touched = new Uint8Array(pages);
    }
    set(page, count, bytes) {
        if (bytes) bytes.copy(this.bytes, page * PAGE);
        else this.bytes.fill(0, page * PAGE, (page + count) * PAGE);
        this.held.fill(bytes ? 1 : 0, page, page + count);
        this.touched.fill(1, page, page + count);
    }
    snapshot(time) {
        const shot = { time, bytes: Buffer.from(this.bytes), held: this.held.slice() };
        shot.touched = this.touched.slice();
        this.touched.fill(0);
        return shot;
    }
}

function sorted(list) {
    return list.every((entry, i) => entry[1] <= entry[2] && (i === 0 || list[i - 1][2] < entry[1]));
}

// The diff, applied to the older snapshot, must give the newer one, and name no untouched page.
function judgeDiff(list, shots, older, newer) {
    const result = Buffer.from(shots[older].bytes);
    const touched = new Uint8Array(shots[newer].held.length);
    for (let i = older + 1; i <= newer; i++) shots[i].touched.forEach((t, p) => (touched[p] |= t));
    truth(sorted(list), "sorted and apart");
    for (const [kind, start, end] of list) {
        for (let page = start / PAGE; page * PAGE <= end; page++) {
            truth(touched[page], `page ${page} was touched`);
            truth((kind === "data") === (shots[newer].held[page] === 1), `page ${page} is ${kind}`);
        }
        if (kind === "clear") result.fill(0, start, end + 1);
        else shots[newer].bytes.copy(result, start, start, end + 1);
    }
    sameBytes(result, shots[newer].bytes, `diff ${older} to ${newer}`);
}

function heldRanges(held) {
    const out = [];
    held.forEach((is, page) => {
        if (!is) return;
        if (page > 0 && held[page - 1]) out[out.length - 1][2] += PAGE;
        else out.push(data(page * PAGE, PAGE));
    });
    return out;
}

async function history() {
    const pages = 256;
    const blob = await disk(pages * PAGE);
    const model = new Model(pages);
    const shots = [];
    let x = 12345;
    const random = (n) => ((x = (x * 1103515245 + 12345) & 0x7fffffff) >> 8) % n;
    for (let step = 0; step < 240; step++) {
        const page = random(pages);
        const count = 1 + random(Math.min(24, pages - page));
        if (step % 30 === 29) {
            shots.push(model.snapshot((await blob.createSnapshot()).snapshot));
        } else if (random(3) === 0) {
            await blob.clearPages(page * PAGE, count * PAGE);
            model.set(page, count);
        } else {
            const bytes = pattern(count * PAGE, step + 1);
            await write(blob, page * PAGE, bytes);
            model.set(page, count, bytes);
        }
    }
    for (let newer = 0; newer < shots.length; newer++) {
        const shot = blob.withSnapshot(shots[newer].time);
        sameBytes((await read(shot)).bytes, shots[newer].bytes, `snapshot ${newer}`);
        equal(
            await entries(shot.listPageRanges()),
            heldRanges(shots[newer].held),
            `ranges of ${newer}`,
        );
        for (let older = 0; older < newer; older++) {
            const list = await entries(shot.listPageRangesDiff(0, pages * PAGE, shots[older].time));
            judgeDiff(list, shots, older, newer);
        }
    }
}

async function deletedBetween() {
    const blob = await disk(MIB);
    const times = [];
    for (let i = 0; i < 3; i++) {
        await write(blob, i * 4096, pattern(512, i + 1));
        times.push((await blob.createSnapshot()).snapshot);
    }
    await blob.withSnapshot(times[1]).delete();
    const got = await entries(blob.withSnapshot(times[2]).listPageRangesDiff(0, MIB, times[0]));
    equal(got, [data(4096, 512), data(8192, 512)], "across a snapshot that is gone");
}

export async function ranges() {
    await check("snapshots keep bytes and metadata, and are deleted as asked", snapshots);
    await check("page ranges name what holds data, neighbours as one", fullList);
    await check("page ranges come in pages, with tokens", paging);
    await check("a diff names changes and clears, interleaved, and its errors", difference);
    await check("a diff of a grown blob names only what was written", grown);
    await check("a diff works across a snapshot that was deleted", deletedBetween);
    await check("240 random writes, clears and snapshots agree with a model", history);
}
