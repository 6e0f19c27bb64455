// resume_check.mjs CHECK FOLDER - did the second run of a copy go on where the first was killed? Exit status
// 1 and a sentence when not. FOLDER: source1.log, target1.log, events1 (of the run that was ended), the same
// with 2 (of the run after it); the logs are regiond's, the events the command's own (--json).
import { readFileSync } from "node:fs";

const PAGE = 512;
const WINDOW = 4; // --max-window of the test
const [, , name, folder] = process.argv;
const lines = (file) =>
    readFileSync(`${folder}/${file}`, "utf8").split("\n").filter(Boolean)
        .map((l) => { try { return JSON.parse(l); } catch { return {}; } }); // killed in mid line
const [source2, target1] = [lines("source2.log"), lines("target1.log")];
const [events1, events2] = [lines("events1"), lines("events2")];

function must(truth, sentence) {
    if (truth) return;
    console.log(`${name}: ${sentence}`);
    process.exit(1);
}
const reads = source2.filter((l) => l.verb === "Get Blob" && l.rangeLength > PAGE);
const durable = target1.filter((l) => l.verb === "Put Page" && l.status === 201 && l.rangeLength > PAGE);
const progress = (events) => events.filter((e) => e.event === "progress");
const summary = events2.find((e) => e.event === "summary");
const touches = (a, b) => a.rangeOffset < b.rangeOffset + b.rangeLength &&
    b.rangeOffset < a.rangeOffset + a.rangeLength;

const checks = {
    "reads-nothing-twice"() {
        must(durable.length > WINDOW, `only ${durable.length} ranges were durable`);
        const again = durable.filter((d) => reads.some((r) => touches(r, d)));
        must(again.length <= WINDOW, `${again.length} durable ranges were read again`);
        must(summary.resumedBytes > 0, "nothing was resumed");
    },
    "lists-nothing-again"() {
        const lists = source2.filter((l) => l.verb.startsWith("Get Page Ranges"));
        must(lists.length === 0, `${lists.length} pages of lists were asked for again`);
    },
    "percent-goes-on"() {
        const before = progress(events1).at(-1).completionPercent;
        const after = progress(events2)[0].completionPercent;
        must(before > 0, "the first run did nothing");
        must(after >= before, `it begins at ${after}, not at ${before}`);
        must(progress(events2).at(-1).completionPercent === 100, "it does not end at 100");
    },
    "moves-nothing"() {
        must(reads.length === 0, `${reads.length} ranges were read`);
        must(lines("target2.log").every((l) => l.verb !== "Put Page"), "something was written");
    },
};
must(checks[name], "no such check");
checks[name]();
